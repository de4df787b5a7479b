"""The sweep as a user meets it: its document, shards and Dask, the ledger of trials, and the contract with a baseline."""

import json
import re
import shutil
import subprocess
import sys
from multiprocessing import Process
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from support.compiled import compiled_as_here

from backtest.__main__ import main
from backtest.sweeps import chunks, fork_server, stages
from backtest.sweeps.trials import Trials

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
GRID = '[settings]\nlag = [1, 2]\nslippage_bps = [5.0, 10.0]\n"weights.above" = [-0.2, 0.0, 0.1]\n'
DRIVER = """
import json, os, sys, traceback
import jinja2, scipy.stats, statsmodels.api, vectorbt_rust  # once, before the forks
for folder, words in json.load(sys.stdin).items():
    if os.fork():
        print(json.dumps([folder, os.waitstatus_to_exitcode(os.wait()[1])]), flush=True)
        continue
    os.chdir(folder)
    os.dup2(os.open("errors.txt", os.O_WRONLY | os.O_CREAT), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path.insert(0, folder)
    from backtest.__main__ import main
    main(words)
"""


@pytest.fixture
def words(tmp_path, monkeypatch):
    """Return a function that gives the words of a sweep of the grid, and let it be kept in folders of the test."""
    (tmp_path / "grid.toml").write_text(GRID, encoding="utf-8")
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path / "home"))

    def stated(*arguments, out="out"):
        arguments = arguments if "--reports" in arguments else (*arguments, "--reports", "0")
        every = ["sweep", "supply_chain_excess", "--grid", tmp_path / "grid.toml", "--out", tmp_path / out, *arguments]
        return [str(word) for word in every]

    return stated


@pytest.fixture
def command(capsys):
    """Run a command as a user would, in this process; return its exit code, standard output and standard error."""

    def run(words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        return (end.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def sweep(words, command):
    return lambda *arguments, out="out": command(words(*arguments, out=out))


@pytest.fixture
def small_chunks(monkeypatch):
    """Cut sweeps into chunks of four settings, and let workers make even a few."""
    monkeypatch.setattr(chunks, "SETTINGS_PER_CHUNK", 4)
    for module in (fork_server, stages):
        monkeypatch.setattr(module, "FEW", 0)


def in_processes(words):
    """Run a command on the code of each folder, in processes of their own; return exit codes and standard errors by folder."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps({str(folder): words for folder, words in words.items()}), capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = dict(json.loads(line) for line in done.stdout.splitlines())
    return {folder: (codes[str(folder)], (folder / "errors.txt").read_text(encoding="utf-8")) for folder in words}


def test_a_sweep_prints_what_the_search_is_worth_and_writes_what_ci_shows(sweep, tmp_path):
    code, out, errors = sweep("--json", "--summary", tmp_path / "s.md", "--junit", tmp_path / "j.xml")
    assert code == 0, errors
    document = json.loads(out)
    expected = {
        "settings",
        "seconds",
        "settings_per_second",
        "peak_memory_mb",
        "cpu_seconds",
        "best",
        "deflated_sharpe",
        "pbo",
        "spa_p",
        "trials",
    }
    assert expected <= set(document)
    assert document["settings"] == document["trials"] == 12
    assert errors.splitlines()[0].startswith("12 settings, about")
    summary = (tmp_path / "s.md").read_text(encoding="utf-8")
    assert "Deflated Sharpe" in summary
    assert "the best of 12 trials" in summary
    suite = ElementTree.fromstring((tmp_path / "j.xml").read_text(encoding="utf-8"))
    assert {case.get("name") for case in suite} == {"returns", "baseline"}


@pytest.mark.usefixtures("small_chunks")
def test_shards_and_workers_give_the_bytes_of_one_process(sweep, tmp_path):
    """Those of Dask are compared in test_kill_sweeps, where one of its workers dies."""
    assert sweep("--workers", "1", out="one")[0] == 0
    for part, workers in (("2/2", "1"), ("1/2", "2")):
        assert sweep("--shard", part, "--workers", workers, out="two")[0] == 0
    assert not list((tmp_path / "two").rglob("*.html"))
    assert sweep("--merge", "--workers", "2", out="two")[0] == 0
    alone, sharded = (files(tmp_path / out / "sweeps/supply_chain_excess") for out in ("one", "two"))
    assert {"settings.parquet", "index.html", "result.json", "chunks"} <= {name.split("/")[0] for name in alone}
    assert sum(name.startswith("chunks/") for name in alone) > 2
    assert alone == sharded


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


MINE = """
from dataclasses import dataclass
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.strategy import build_spec
from backtest.weights import Gate

@dataclass(frozen=True)
class Mine(Gate):
    pass

SPEC = build_spec(name="mine", title="", question="", baskets=("leaders",), signals=(SupplyChainExcess(),), weights=Mine())
"""


@pytest.mark.usefixtures("small_chunks")
def test_a_strategy_from_elsewhere_with_its_own_weighting_is_swept_by_workers_and_its_code_counts(words, command, tmp_path):
    names = []
    for note in ("", "# a change\n"):
        (tmp_path / "mine.py").write_text(MINE + note, encoding="utf-8")
        swept = words("--shard", "1/1", "--workers", "2", "--resume")
        swept[1] = str(tmp_path / "mine.py")
        code, _, errors = command(swept)
        assert code == 0, errors
        names.append({path.name for path in (tmp_path / "out/sweeps/mine/chunks").iterdir()})
    assert len(names[1]) == 2 * len(names[0]) > 2


def addresses(page):
    links = re.findall(r'href="([^"#]+)"', page.read_text(encoding="utf-8"))
    return [page.parent / link for link in links if not link.startswith(("data:", "https://"))]


def test_a_sweep_publishes_its_page_with_the_reports_that_it_leads_to(sweep, command, tmp_path):
    assert sweep("--reports", "2")[0] == 0
    folder = tmp_path / "out/sweeps/supply_chain_excess"
    page, front = folder / "index.html", tmp_path / "out/index.html"
    table = pd.read_parquet(folder / "settings.parquet").sort_values("sharpe whole", ascending=False, kind="stable")
    best = json.loads((folder / "result.json").read_text(encoding="utf-8"))["best"]
    full = sorted(path.parent.name for path in folder.glob("settings/*/index.html"))
    assert len(full) == 2
    assert best["spec_id"] in full
    assert set(full) < set(table["spec_id"])
    for html in (page, front, *folder.glob("settings/*/index.html")):
        assert addresses(html), html
        assert all(path.is_file() for path in addresses(html)), html
    document = json.loads((folder / "settings" / best["spec_id"] / "result.json").read_text(encoding="utf-8"))
    windows = document["books"]["leaders"]["windows"]
    assert windows["whole"]["sharpe"] == pytest.approx(best["windows"]["whole"]["sharpe"], abs=1e-9)
    assert "One of the best settings of a sweep: lag" in (folder / "settings" / best["spec_id"] / "index.html").read_text()
    code, _, errors = command(["verify", folder / "settings" / best["spec_id"]])
    assert (code, "the report of a sweep's setting" in errors) == (2, True)
    assert page.resolve() in [path.resolve() for path in addresses(front)]
    assert sweep("--resume")[0] == 0
    assert addresses(page) == [folder / "../../index.html"]
    assert list(folder.glob("settings/*")) == []


def test_merging_what_is_not_there_ends_in_three_and_shards_that_are_none_in_two(sweep):
    assert sweep("--merge")[0] == 3
    assert sweep("--shard", "3/2")[0] == 2


CHANGED = {
    "code": "backtest/sweeps/evaluator.py",
    "rules": "backtest/markets/XSHG.toml",
    "data": "backtest/data/reference/prices.parquet",
}


def test_what_changed_since_the_baseline_is_blamed(sweep, words, tmp_path):
    assert sweep()[0] == 0
    baseline = shutil.copy(tmp_path / "out/sweeps/supply_chain_excess/settings.parquet", tmp_path / "baseline.parquet")
    code, _, errors = sweep("--baseline", baseline, "--resume")
    assert code == 0, errors
    copies = {blame: tmp_path / blame for blame in CHANGED}
    for blame, folder in copies.items():
        for name in ("backtest", "strategies"):
            shutil.copytree(ROOT / name, folder / name)
        change(folder / CHANGED[blame], blame)
    with compiled_as_here(*copies.values()):
        ended = in_processes({folder: words("--baseline", baseline, out=f"out {blame}") for blame, folder in copies.items()})
    for blame, folder in copies.items():
        code, errors = ended[folder]
        assert code == 5, errors
        assert errors.rstrip().endswith(f"blame: {blame}")


def change(path, blame):
    """Change one line of code, one rate of a rule, or a day of embedded prices, as someone might."""
    if blame != "data":
        path.write_text(changed(path.read_text(encoding="utf-8"), blame), encoding="utf-8")
        return
    rows = pd.read_parquet(path)
    day = (rows["ticker"] == "300308.SZ") & (rows["session"].astype(str) == "2024-03-28")
    for name in ("open", "high", "low", "close", "adj_close"):
        rows[name] = rows[name].mask(day, (rows[name] * 1.01).round())
    rows.to_parquet(path, index=False)


def changed(text, blame):
    if blame == "code":
        return text.replace("unit_value, settings.capital)", "unit_value * 1.001, settings.capital)")
    lines = text.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith('rule = "commission_bps"'))
    row = next(n for n in range(at, at + 5) if lines[n].startswith("value"))
    lines[row] = "value = 30.0\n"
    return "".join(lines)


def note(path, first):
    Trials(path).note("one", "data", [str(number) for number in range(first, first + 100)])


def test_many_writers_count_each_setting_once_and_ledgers_merge(tmp_path):
    writers = [Process(target=note, args=(tmp_path / "a.sqlite", first)) for first in (0, 50, 100, 150)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    note(tmp_path / "b.sqlite", 200)
    ledger = Trials(tmp_path / "a.sqlite")
    assert (ledger.count("one", "data"), ledger.count("one"), ledger.count("one", "other")) == (250, 250, 0)
    ledger.merge(tmp_path / "b.sqlite")
    assert ledger.count("one", "data") == 300
