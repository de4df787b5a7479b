"""The command line as a user meets it: processes, exit codes, one document on standard output, nothing half-written."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from backtest.__main__ import main

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
PRICES = ROOT.parent / "shared" / "daily"


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning:backtest", "-m", "backtest", *map(str, arguments)],
        cwd=options.pop("cwd", ROOT),
        capture_output=True,
        text=True,
        encoding="utf-8",
        **options,
    )


@dataclass(frozen=True)
class Done:
    """What came of a command: as `subprocess` gives it."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def in_this_process(capfd, monkeypatch):
    """Run a command here, where only its output and its exit code are looked at: a process of its own takes seconds to start."""

    def run(*arguments):
        monkeypatch.chdir(ROOT)
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, errors = capfd.readouterr()
        return Done(end.value.code or 0, out, errors)

    return run


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    out = tmp_path_factory.mktemp("reports")
    done = command("run", "supply_chain_excess", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out, done


@pytest.fixture(scope="module")
def prices_copy(tmp_path_factory):
    if not PRICES.is_dir():
        pytest.skip("no ../shared/daily here")
    return shutil.copytree(PRICES, tmp_path_factory.mktemp("data") / "prices")


def test_json_is_the_only_thing_on_standard_output(published):
    _, done = published
    document = json.loads(done.stdout)
    assert document["strategy"] == "supply_chain_excess"
    assert set(document["books"]["leaders"]["windows"]) >= {"23Q2", "24Q1–Q2", "25Q2", "after the report"}
    assert all("total_return" in window for window in document["books"]["leaders"]["windows"].values())


def test_the_printed_document_is_the_one_beside_the_page(published):
    out, done = published
    assert done.stdout == (out / "supply_chain_excess" / "result.json").read_text(encoding="utf-8")


def test_a_run_leaves_page_result_tables_front_page_and_schema_and_nothing_else(published):
    out, _ = published
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    tables = [f"supply_chain_excess/{name}" for name in ("equity.parquet", "index.html", "orders.parquet", "result.json")]
    assert files == ["index.html", "result.schema.json", *tables, "supply_chain_excess/weights.parquet"]


def test_a_second_run_gives_byte_identical_results(in_this_process, published, tmp_path):
    out, _ = published
    assert in_this_process("run", "supply_chain_excess", "--out", tmp_path).returncode == 0
    for name in ("result.json", "index.html", "equity.parquet", "weights.parquet", "orders.parquet"):
        first, second = (folder / "supply_chain_excess" / name for folder in (out, tmp_path))
        assert first.read_bytes() == second.read_bytes(), name


def test_a_strategy_script_runs_as_it_is_from_anywhere(tmp_path):
    script = ROOT / "strategies" / "multiplier.py"
    done = subprocess.run(
        [sys.executable, str(script), "--start", "2026-01-02", "--out", str(tmp_path / "out"), "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["strategy"] == "multiplier"


def test_a_process_ends_with_the_exit_code_and_one_line_of_a_bad_question(tmp_path):
    done = command("run", "theme_basket", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert_one_line(done, "no strategy of thesis interconnect 'theme_basket'; did you mean 'theme_baskets'?")


def test_an_unwritable_out_is_refused_in_one_line(in_this_process, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    done = in_this_process("run", "multiplier", "--out", tmp_path / "file" / "reports")
    assert done.returncode == 3
    assert_one_line(done, "cannot write there")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "theme_basket"], 2, "no strategy of thesis interconnect 'theme_basket'; did you mean 'theme_baskets'?"),
        (["run", "theme_baskets", "--basket", "opticl"], 2, "no basket 'opticl'; did you mean 'optical'?"),
        (["run", "theme_baskets", "--start", "yesterday"], 2, "--start is 'yesterday'; expected a day like 2024-06-30"),
        (["run", "theme_baskets", "--start", "2025-01-01", "--end", "2024-01-01"], 2, "expected a day after start"),
        (["run", "theme_baskets", "--cost-bps", "-1"], 2, "cost_bps"),
        (["run", "theme_baskets", "--prices", "no/such/folder"], 3, "no such folder of prices"),
        (["run", "theme_baskets", "--start", "2035-01-01"], 3, "expected at least two"),
        (["run", "nowhere/mine.py"], 2, "no such strategy file"),
        (["signals", "--as-of", "soon"], 2, "as-of is 'soon'; expected a day like 2026-06-30"),
        (["claims", "--as-of", "2025-13-01"], 2, "as-of is '2025-13-01'"),
    ],
)
def test_a_bad_question_ends_in_one_line_and_its_exit_code(in_this_process, tmp_path, arguments, code, words):
    out = ["--out", tmp_path / "out"] if arguments[0] == "run" else []
    done = in_this_process(*arguments, *out)
    assert done.returncode == code
    assert_one_line(done, words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda lines: [line for line in lines if not line.startswith("2024-03-05")], "no row for 2024-03-05"),
        (lambda lines: [*lines, lines[-1]], "stands twice"),
        (lambda lines: [lines[0], *reversed(lines[1:])], "comes after"),
        (lambda lines: [*lines[:50], lines[50].replace(lines[50].split(",")[5], "-1"), *lines[51:]], "expected a price above 0"),
    ],
)
def test_bad_prices_are_refused_by_file_and_date_and_leave_the_old_report(
    in_this_process, published, prices_copy, tmp_path, spoil, words
):
    shutil.copytree(published[0], tmp_path, dirs_exist_ok=True)
    before = (tmp_path / "supply_chain_excess" / "result.json").read_bytes()
    file = prices_copy / "300308.SZ.csv"
    good = file.read_text(encoding="utf-8")
    try:
        file.write_text("\n".join(spoil(good.splitlines())) + "\n", encoding="utf-8")
        done = in_this_process("run", "supply_chain_excess", "--prices", prices_copy, "--out", tmp_path)
    finally:
        file.write_text(good, encoding="utf-8")
    assert done.returncode == 3
    assert_one_line(done, words)
    assert "300308.SZ.csv" in done.stderr
    assert (tmp_path / "supply_chain_excess" / "result.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_missing_ticker_is_named(in_this_process, prices_copy, tmp_path):
    file = prices_copy / "300502.SZ.csv"
    moved = file.rename(prices_copy / "elsewhere")
    try:
        done = in_this_process("run", "supply_chain_excess", "--prices", prices_copy, "--out", tmp_path)
    finally:
        moved.rename(file)
    assert done.returncode == 3
    assert_one_line(done, "no file for 300502.SZ")


def test_signals_print_every_quarter_known_by_then_and_no_other(in_this_process):
    document = json.loads(in_this_process("signals", "--as-of", "2024-06-03", "--json").stdout)
    assert document["as_of"] == "2024-06-03"
    ratio, excess = (document["signals"][name]["quarters"] for name in ("revenue_capex_ratio", "supply_chain_excess"))
    assert list(ratio) == ["2023Q2", "2023Q3", "2023Q4", "2024Q1"]
    assert list(excess) == ["2023Q1", "2023Q2", "2023Q3", "2023Q4", "2024Q1"]
    for signal in document["signals"].values():
        for reading in signal["quarters"].values():
            assert all(fact["known_at"][:10] < "2024-06-03" for fact in reading["inputs"])


def test_the_report_s_figures_read_as_published(in_this_process):
    document = json.loads(in_this_process("signals", "--as-of", "2026-06-30", "--json").stdout)["signals"]
    assert round(document["revenue_capex_ratio"]["quarters"]["2023Q2"]["value"], 3) == 0.146
    assert round(document["revenue_capex_ratio"]["quarters"]["2024Q4"]["value"], 3) == 0.233
    assert round(document["supply_chain_excess"]["quarters"]["2024Q1"]["value"], 3) == 0.714


def test_commands_without_a_simulation_load_no_heavy_library():
    code = (
        "import sys; from backtest.__main__ import main\n"
        "for words in (['signals', '--as-of', '2026-06-30'], ['claims', '--as-of', '2025-07-23'], ['signals'], ['claims']):\n"
        "    try: main([*words, '--json'])\n"
        "    except SystemExit as end: assert not end.code\n"
        "heavy = {'vectorbt', 'matplotlib', 'statsmodels', 'numba', 'yfinance'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip().endswith("[]")


def assert_one_line(done, words):
    lines = [line for line in done.stderr.splitlines() if not line.startswith("running ")]
    assert len(lines) == 1, done.stderr
    assert words in lines[0]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
