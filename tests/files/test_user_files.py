"""What a user brings along: strategy files and their neighbours, grids, rows, older reports, variables, a full disk."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from backtest.__main__ import main
from backtest.claims.ledger import load_claims
from backtest.data.archive import load_archive
from backtest.data.sources.discovery import load_sources
from backtest.data.sources.folder import load_prices
from backtest.data.sources.http import Client
from backtest.data.store.append_only import open_store
from backtest.errors import ConfigurationError, DataError, MissingPricesError
from backtest.files import atomic
from backtest.output.publish import publish, publish_index, report_of
from backtest.report import render_index
from backtest.runs import run
from backtest.strategy import build_spec, load_strategy
from backtest.sweeps.grid import load_grid
from backtest.thesis import load_thesis
from backtest.thesis.strategies import grid_path, strategies
from backtest.weights import Equal

ROOT = Path(__file__).parents[2]
SPEC = """from backtest.strategy import build_spec
from backtest.weights import Equal
{}
SPEC = build_spec(name="mine", title=TITLE, question="?", baskets=("optical",), weights=Equal())
"""


@pytest.fixture
def command(capsys):
    """Run a command in this process; return its exit code, standard output and lines of error but for progress."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return end.value.code or 0, out, [line for line in err.splitlines() if not line.startswith("running ")]

    return run


@pytest.mark.parametrize("option", ["--start", "--end"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2024-02-30", "20240630x", "", "２０２４-01-01"])
def test_a_day_that_is_none_or_far_off_is_refused_in_one_line(command, option, day):
    code, out, errors = command("run", "multiplier", option, day)
    assert (code, out, len(errors)) == (2, "", 1)
    assert f"{option} is '{day}'; expected a day like 2024-06-30" in errors[0]


def test_a_strategy_whose_start_is_far_off_is_refused():
    with pytest.raises(ConfigurationError, match="start is"):
        build_spec(name="mine", title="", question="", baskets=("optical",), weights=Equal(), start="0001-01-01")


@pytest.mark.process  # a sweep starts its workers' server before all else
@pytest.mark.parametrize("stated", ["²/³", "1/²", "1/0", "0/2", "3/2", "1", "", "1/3/5", "-1/2", "1/" + "9" * 5000])
def test_a_shard_that_is_none_is_refused_before_anything_is_read(command, stated):
    grid = "supply_chain_excess"
    code, out, errors = command("sweep", "supply_chain_excess", "--grid", grid, "--shard", stated, "--prices", "none")
    assert (code, out) == (2, "")
    assert "expected I/N with I from 1 to N" in errors[-1]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "-1", "1e300", "soon", "²", ""])
@pytest.mark.parametrize("name", ["BACKTEST_TRIES", "BACKTEST_TIMEOUT", "BACKTEST_PACE"])
def test_a_variable_that_is_no_number_within_reason_is_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("BACKTEST_YAHOO_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match=f"{name} is '{value}'; expected a number from "):
        print(Client(load_sources()["yahoo"].origin, lambda answer: None).pace)


def test_a_home_that_no_system_knows_is_refused(monkeypatch):
    monkeypatch.setenv("BACKTEST_HOME", "~nobody-of-that-name/store")
    with pytest.raises(ConfigurationError, match="expected BACKTEST_HOME to name a folder"):
        open_store()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"SPEC = (", "line 1: SyntaxError"),
        (b"\n\nimport no_such_module_at_all", "line 3: ModuleNotFoundError"),
        (b"x = 1\nraise ValueError('no\\nway')", "line 2: ValueError: no"),
        (b"import sys\nsys.exit(0)", "line 2: SystemExit"),
        (b"x = 1\x00", "SyntaxError"),
        ("# ü\nx = 'é'".encode("latin-1"), "SyntaxError"),
        (b"SPEC = 5", "defines no SPEC"),
        (b"", "defines no SPEC"),
    ],
)
def test_a_strategy_file_that_fails_is_refused_in_one_line_with_its_line(command, tmp_path, body, words):
    path = tmp_path / "mine.py"
    path.write_bytes(body)
    code, out, errors = command("run", path)
    assert (code, out, len(errors)) == (2, "", 1)
    assert str(path) in errors[0]
    assert words in errors[0]


def strategy(folder, lines="TITLE = 'one'"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mine.py"
    path.write_text(SPEC.format(lines), encoding="utf-8")
    return path


def test_a_strategy_can_import_a_file_beside_it(tmp_path):
    (tmp_path / "beside_it.py").write_text("TITLE = 'from beside'", encoding="utf-8")
    before = list(sys.path)
    assert load_strategy(strategy(tmp_path, "from beside_it import TITLE")).title == "from beside"
    assert sys.path == before


def test_a_strategy_imports_its_own_neighbour_though_another_folder_has_one_of_that_name(tmp_path):
    for name in ("one", "two"):
        path = strategy(tmp_path / name, "from shared_name import TITLE")
        (tmp_path / name / "shared_name.py").write_text(f"TITLE = '{name}'", encoding="utf-8")
        assert load_strategy(path).title == name


@pytest.mark.parametrize("name", ["json", "backtest", "numpy", "typing"])
def test_a_neighbour_named_like_an_installed_module_hides_nothing(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    assert load_strategy(strategy(tmp_path, f"import {name}\nTITLE = {name}.__name__")).title == name


def test_a_strategy_of_the_working_folder_comes_before_a_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = strategy(tmp_path / "strategies").rename(tmp_path / "strategies" / "multiplier.py")
    assert strategies("multiplier", load_thesis()) == [own]
    assert strategies("theme_baskets", load_thesis()) == [ROOT / "strategies" / "theme_baskets.py"]


def test_all_strategies_are_those_shipped_and_ones_own_without_the_files_they_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    strategy(tmp_path / "strategies")
    (tmp_path / "strategies" / "beside_it.py").write_text("TITLE = 1", encoding="utf-8")
    shipped = {path.stem for path in (ROOT / "strategies").glob("*.py")}
    assert {path.stem for path in strategies("all", load_thesis())} == shipped | {"mine"}


def test_a_shipped_grid_is_known_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("supply_chain_excess", "supply_chain_excess.toml", "sweeps/supply_chain_excess.toml"):
        assert grid_path(Path(name), load_thesis()) == ROOT / "sweeps" / "supply_chain_excess.toml"
    (tmp_path / "supply_chain_excess.toml").write_text("", encoding="utf-8")
    assert grid_path(Path("supply_chain_excess.toml"), load_thesis()) == Path("supply_chain_excess.toml")


@pytest.mark.parametrize(
    "settings",
    [
        "lag = { from = 1, to = 1000000000000, step = 1 }",
        "slippage_bps = { from = 0.0, to = 1e300, step = 1e-9 }",
        "slippage_bps = { from = -1e308, to = 1e308, step = 1 }",
        f"lag = {{ from = 1, to = {'9' * 400}, step = 1 }}",
        "\n".join(f'"f{n}" = {list(range(10))}' for n in range(12)),
        "\n".join(f'"f{n}" = {{ from = 1, to = 99, step = 1 }}' for n in range(9)) + "\n[[exclude]]\nf1 = { gt = 0 }",
    ],
)
def test_a_grid_is_counted_before_it_is_expanded(tmp_path, settings):
    path = tmp_path / "grid.toml"
    path.write_text(f"[settings]\n{settings}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="more settings than most = 100000"):
        load_grid(path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("slippage_bps = { from = 0, to = 1e-12, step = 1e-13 }", "step above 0"),
        ("slippage_bps = [nan]", "finite"),
        ("lag = { from = 1, to = inf, step = 1 }", "that rises"),
    ],
)
def test_values_that_cannot_be_told_apart_or_are_no_numbers_are_refused(tmp_path, settings, words):
    path = tmp_path / "grid.toml"
    path.write_text(f"[settings]\n{settings}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words):
        load_grid(path)


def rows(tmp_path, name, text):
    for path in load_thesis().folder.glob("*.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("text", ["supplier = [1]", "supplier = 1", "[supplier]\nticker = 'X'", "", "[[suppliers]]", "x = 1"])
def test_a_row_file_without_rows_is_refused_in_one_line(tmp_path, text):
    with pytest.raises(ConfigurationError, match=r"suppliers\.toml: .*expected .*\[\[supplier\]\]") as error:
        load_thesis(rows(tmp_path, "suppliers.toml", text))
    assert "\n" not in str(error.value)


def test_an_empty_file_of_claims_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"claims\.toml: no rows; expected at least one \[\[claim\]\]"):
        load_claims(load_thesis(rows(tmp_path, "claims.toml", "")))


@pytest.mark.parametrize("since", ["20240101", "true", '"soon"', "2024-01-01T00:00:00", "0001-01-01"])
def test_a_day_of_a_row_that_is_none_is_refused_and_no_number_becomes_one(tmp_path, since):
    first = (load_thesis().folder / "suppliers.toml").read_text(encoding="utf-8")
    folder = rows(tmp_path, "suppliers.toml", first.replace("since = 2022-01-01", f"since = {since}", 1))
    with pytest.raises(ConfigurationError, match=r"suppliers\.toml row 1: since is "):
        load_thesis(folder)


def test_a_supplier_without_prices_is_left_out_where_its_prices_are_not_needed(tmp_path, shared_prices):
    (tmp_path / "NVDA.csv").write_bytes((shared_prices / "NVDA.csv").read_bytes())
    archive = load_archive(["NVDA", "AVGO"], prices=str(tmp_path), needed=["NVDA"])
    assert list(archive.prices.wealth.columns) == ["NVDA"]


def test_a_supplier_without_prices_is_refused_where_its_prices_are_needed(tmp_path, shared_prices):
    (tmp_path / "NVDA.csv").write_bytes((shared_prices / "NVDA.csv").read_bytes())
    with pytest.raises(MissingPricesError, match="no file for AVGO"):
        load_archive(["NVDA", "AVGO"], prices=str(tmp_path))
    with pytest.raises(DataError, match="no file for AVGO"):
        load_prices(["NVDA", "AVGO"], tmp_path)


@pytest.mark.parametrize("name", ["signals", "claims"])
def test_signals_and_claims_do_without_a_supplier_that_has_no_prices(command, tmp_path, shared_prices, name):
    (tmp_path / "NVDA.csv").write_bytes((shared_prices / "NVDA.csv").read_bytes())
    code, out, errors = command(name, "--prices", tmp_path, "--json")
    assert code == 0, errors
    assert json.loads(out)
    assert [line for line in errors if not line.startswith("left out, as there are no prices of them: ")] == []


@pytest.mark.parametrize(
    "text", ["{}", "[]", "5", "", '{"strategy": "other"}', '{"strategy": 5}', '{"strategy": "x", "spec": 1}']
)
def test_any_other_result_is_skipped_on_the_front_page_with_a_line(tmp_path, capsys, text):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "result.json").write_text(text, encoding="utf-8")
    assert publish_index(tmp_path, render_index).exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"skipped on the front page: {tmp_path / 'other' / 'result.json'}: ")


def test_a_directory_where_a_file_is_expected_is_refused_in_one_line(command, tmp_path):
    (tmp_path / "result.json").mkdir()
    (tmp_path / "mine.py").mkdir()
    for arguments, expected in (
        (("compare", tmp_path, tmp_path), 3),
        (("verify", tmp_path), 3),
        (("run", tmp_path / "mine.py"), 2),
        (("sweep", "supply_chain_excess", "--grid", tmp_path), 2),
    ):
        code, _, errors = command(*arguments)
        assert (code, len(errors)) == (expected, 1), arguments


def test_a_chunk_that_finds_no_room_is_told_in_one_line_and_leaves_nothing(tmp_path):
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "old").write_bytes(b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, former[1]))
    try:
        with pytest.raises(DataError, match="cannot write there"):
            atomic.write(tmp_path / "old", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": b"old"}


@pytest.mark.slow
def test_a_report_that_finds_no_room_is_told_in_one_line_and_the_old_one_stays(tmp_path, archive):
    report = report_of(run(load_strategy(ROOT / "strategies" / "multiplier.py"), archive), "x" * 5000)
    old = tmp_path / "multiplier"
    old.mkdir()
    former_files = {"index.html": "old", "result.json": '{"strategy": "multiplier"}'}
    for name, text in former_files.items():
        (old / name).write_text(text, encoding="utf-8")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, former[1]))
    try:
        with pytest.raises(DataError, match=r"multiplier: cannot be written \(File too large\), and is as it was"):
            publish(report, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    files = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {f"multiplier/{name}": text for name, text in former_files.items()}


@pytest.mark.process
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_an_output_without_room_is_told_in_one_line(tmp_path):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "backtest", "signals", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert done.returncode == 3
    assert done.stderr.splitlines() == ["error: No space left on device; expected files that can be read and a disk with room"]
