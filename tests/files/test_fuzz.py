"""Whatever is typed or lies in a file: done, or one line and its exit code. Each kind is spoiled the same way every time."""

import contextlib
import io
import itertools
import random
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support.spoiling import ODD, refusal, spoiled, spoiled_json

from backtest import calendars, markets
from backtest.__main__ import main
from backtest.claims.ledger import load_claims
from backtest.data.overrides import load_decisions
from backtest.data.sources import folder, reference
from backtest.data.sources.sec import load_series
from backtest.data.tables import parse_accelerators, parse_events, parse_facts, read_table
from backtest.facts import ACCELERATOR_COLUMNS, COLUMNS, EVENT_COLUMNS
from backtest.files.rows import read_rows
from backtest.markets.cash_rates import load_cash_rates
from backtest.markets.currencies import Currency
from backtest.output.compare import compare, lines
from backtest.output.publish import publish_index
from backtest.output.read import read_result
from backtest.report import render_index
from backtest.strategy import load_strategy
from backtest.sweeps.grid import load_grid
from backtest.sweeps.settings import Settings
from backtest.thesis import load_thesis

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ROWS = 25  # of a table: enough for each kind of row, and quick
GRID = b"""most = 40
[settings]
rebalance = ["monthly", "quarterly"]
lag = { from = 1, to = 4, step = 1 }
"weights.above" = [0.0, 0.1]
"weights.otherwise" = ["cash", "510300.SS"]
start = [2023-01-01]
[[exclude]]
rebalance = { eq = "monthly" }
lag = { gt = 2 }
"""
DECISIONS = b"""[[price]]
ticker = "NVDA"
session = 2024-06-10
reason = "a split"
[[ended]]
ticker = "AAOI"
session = 2024-06-10
reason = "gone"
[[figure]]
entity = "NVDA"
metric = "revenue"
period = "FY2025Q1"
use = "live"
reason = "restated"
"""


def market_reader(kind):
    return lambda path: markets.read_market(path / f"{kind}.toml")


def read_currencies(path):
    read_rows(path / "currencies.toml", "currency", Currency, key="code")


THESIS = load_thesis().folder
LOADERS = {  # by folder and file
    **{(THESIS, kind): load_thesis for kind in ("suppliers", "baskets", "benchmarks", "windows", "loadings", "hypotheses")},
    **{(THESIS, kind): load_thesis for kind in ("thesis", "roles", "factors", "pages")},
    **{(markets.FOLDER, kind): market_reader(kind) for kind in sorted(markets.load_markets())},
    (markets.FOLDER, "currencies"): read_currencies,
    (THESIS, "claims"): lambda path: load_claims(load_thesis(path)),
}


@pytest.mark.parametrize(("rows", "kind"), LOADERS, ids=lambda part: part if isinstance(part, str) else part.name)
def test_a_spoiled_row_file_is_read_or_refused_in_one_line(rows, kind, tmp_path):
    good, wrong, load = (rows / f"{kind}.toml").read_bytes(), {}, LOADERS[rows, kind]
    for number in range(18):
        path = shutil.copytree(rows, tmp_path / str(number))
        (path / f"{kind}.toml").write_bytes(spoiled(good, f"{kind} {number}"))
        wrong[number] = refusal(lambda path=path: load(path))
    (path / f"{kind}.toml").unlink()
    (path / f"{kind}.toml").mkdir()
    moved = path.rename(tmp_path / "directory")
    wrong["directory"] = refusal(lambda: load(moved))
    assert {number: fault for number, fault in wrong.items() if fault} == {}


def write(path, body):
    path.write_bytes(body)
    return path


CASH_RATES = b"""
[[cash_rate]]
currency = "USD"
since = 2023-07-27
rate = 0.0533
source = "made up"
"""
FILES = {
    "cash_rates.toml": (CASH_RATES, lambda path: load_cash_rates(path.parent)),
    "decisions.toml": (DECISIONS, lambda path: load_decisions(path.parent)),
    "series.toml": (Path(reference.__file__).with_name("sec.toml").read_bytes(), load_series),
    "grid.toml": (GRID, lambda path: Settings(load_strategy(ROOT / "strategies" / "supply_chain_excess.py"), load_grid(path))),
}


@pytest.mark.parametrize("name", FILES)
def test_a_spoiled_toml_file_is_read_or_refused_in_one_line(name, tmp_path):
    good, read = FILES[name]
    wrong = {}
    for number in range(30):
        (tmp_path / str(number)).mkdir()
        path = write(tmp_path / str(number) / name, spoiled(good, f"{name} {number}"))
        wrong[number] = refusal(lambda path=path: read(path))
    (tmp_path / "directory" / name).mkdir(parents=True)
    wrong["directory"] = refusal(lambda: read(tmp_path / "directory" / name))
    assert {number: fault for number, fault in wrong.items() if fault} == {}


TABLES = dict.fromkeys(reference.FACT_TABLES, (COLUMNS, parse_facts)) | {
    "accelerators.csv": (ACCELERATOR_COLUMNS, parse_accelerators),
    "events.csv": (EVENT_COLUMNS, parse_events),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_spoiled_table_is_read_or_refused_in_one_line(name, tmp_path):
    columns, parse = TABLES[name]
    good = b"".join((reference.FOLDER / name).read_bytes().splitlines(keepends=True)[:ROWS])
    wrong = {}
    for number in range(12):
        path = write(tmp_path / name, spoiled(good, f"{name} {number}"))
        wrong[number] = refusal(lambda path=path: parse(read_table(path, columns), name))
    path.unlink()
    path.mkdir()
    wrong["directory"] = refusal(lambda: parse(read_table(path, columns), name))
    assert {number: fault for number, fault in wrong.items() if fault} == {}


@pytest.fixture
def daily_files(tmp_path):
    """Three weeks of made-up prices and rates as a folder of daily files with its page."""
    days = calendars.closes("XNYS", pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-24")).index
    table = [f"{day:%Y-%m-%d},{10 + n},{11 + n},{9 + n},{10 + n},{10 + n},1000" for n, day in enumerate(days)]
    rate = [f"{day:%Y-%m-%d},7.1,7.1,7.1,7.1,7.1,0" for day in days]
    for name, rows in (("NVDA.csv", table), ("CNY=X.csv", rate)):
        (tmp_path / name).write_text("\n".join([",".join(folder.COLUMNS), *rows]) + "\n", encoding="utf-8")
    (tmp_path / "snapshot.json").write_text('{"source": "yahoo", "tickers": ["NVDA"], "prices_id": "0"}', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["NVDA.csv", "CNY=X.csv", "snapshot.json"])
def test_a_spoiled_daily_file_is_read_or_refused_in_one_line(name, daily_files):
    good, wrong = (daily_files / name).read_bytes(), {}
    spoil = spoiled_json if name.endswith(".json") else spoiled
    for number in range(20):
        write(daily_files / name, spoil(good, f"{name} {number}"))
        wrong[number] = refusal(lambda: folder.load_prices(["NVDA"], daily_files))
    (daily_files / name).unlink()
    (daily_files / name).mkdir()
    wrong["directory"] = refusal(lambda: folder.load_prices(["NVDA"], daily_files))
    assert {number: fault for number, fault in wrong.items() if fault} == {}


def test_a_spoiled_parquet_file_of_prices_is_read_or_refused_in_one_line(tmp_path):
    good, wrong = (reference.FOLDER / reference.PRICES).read_bytes(), {}
    for number in range(20):
        write(tmp_path / reference.PRICES, spoiled(good, f"prices {number}"))
        wrong[number] = refusal(lambda: reference.load_prices(["NVDA"], tmp_path))
    assert {number: fault for number, fault in wrong.items() if fault} == {}


RESULT = b"""{"schema": 2, "strategy": "one", "spec_id": "a", "data_id": "b", "code_id": "c",
 "spec": {"name": "one", "title": "One", "question": "Why?", "signals": [], "weights": {"type": "Equal"}},
 "thesis": {"id": "mine", "title": "Mine", "date": "2024-06-30"},
 "prices": {"source": "reference", "adjustment": "none", "bars": "none"},
 "windows": [{"name": "whole", "start": "2024-01-01", "end": "2024-12-31", "sample": "in"}],
 "books": {"optical": {"title": "Optical", "currency": "CNY", "path": {"2024-01": 1.0, "2024-02": 1.1},
  "windows": {"out of sample": {"sample": "out", "n": 40, "total_return": 0.1, "sharpe": 1.0, "sharpe_error": 0.5,
   "max_drawdown": -0.1,
   "turnover": 1.0, "costs": 0.01}},
  "benchmarks": {"SPY": {"out of sample": {"total_return": 0.1, "base": "2024-01-01", "last": "2024-12-31", "book_return": 0.1}}},
  "orders": [{"ticker": "NVDA"}]}},
 "claims": [{"id": "one", "sentence": "It rises.", "reported": null, "verdict": "confirmed",
  "inputs": [{"known_at": "2024-01-01"}],
  "when_written": {"verdict": "confirmed", "measured": 0.1, "date": "2024-06-30", "span": null, "margin": null},
  "since": null}], "audit": null}"""


@pytest.fixture
def reports(tmp_path):
    """Two good results in a folder of reports."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_bytes(RESULT.replace(b'"strategy": "one"', f'"strategy": "{name}"'.encode()))
    return tmp_path


def compared(a, b):
    return lines(compare(read_result(a), read_result(b)))


def test_the_result_that_is_spoiled_is_a_good_one(reports, capsys):
    assert compared(reports / "one" / "result.json", reports / "two" / "result.json").endswith("results: equal\n")
    publish_index(reports, render_index)
    assert capsys.readouterr().err == ""


def test_a_spoiled_result_is_compared_or_refused_in_one_line(reports):
    path, wrong = reports / "two" / "result.json", {}
    for number in range(60):
        write(path, spoiled_json(RESULT, f"result {number}"))
        wrong[number] = refusal(lambda: compared(reports / "one" / "result.json", path))
    assert {number: fault for number, fault in wrong.items() if fault} == {}


def test_a_front_page_is_written_over_any_result_and_skips_what_it_cannot_draw(reports, capsys):
    (reports / "sweeps" / "two").mkdir(parents=True)
    (reports / "sweeps" / "two" / "index.html").write_text("", encoding="utf-8")
    for number in range(25):
        for path in (reports / "two" / "result.json", reports / "sweeps" / "two" / "result.json"):
            write(path, spoiled_json(RESULT, f"front {number} {path.parent.parent.name}"))
        publish_index(reports, render_index)
        skipped = capsys.readouterr().err.splitlines()
        assert all(line.startswith("skipped on the front page: ") for line in skipped)
        assert "One" in (reports / "index.html").read_text(encoding="utf-8")


NOWHERE = "no-such-folder"  # every run that gets so far ends there
TYPED = [
    ["run"], ["run", "theme_baskets", "--start"], ["run", "theme_baskets", "--end"], ["run", "theme_baskets", "--basket"],
    ["run", "theme_baskets", "--cost-bps"], ["run", "theme_baskets", "--slippage-bps"], ["run", "theme_baskets", "--capital"],
    ["run", "theme_baskets", "--fill"], ["run", "theme_baskets", "--base"], ["run", "theme_baskets", "--audit-seconds"],
    ["run", "theme_baskets", "--facts"], ["run", "theme_baskets", "--format"], ["signals", "--as-of"], ["claims", "--as-of"],
    ["compare", "x"], ["verify"], ["sweep", "multiplier", "--grid"], ["sweep", "multiplier", "--grid", "x", "--workers"],
    ["sweep", "supply_chain_excess", "--grid", "supply_chain_excess", "--shard"],
    ["sweep", "multiplier", "--grid", "x", "--tolerance"], ["sweep", "multiplier", "--grid", "x", "--reports"],
    ["sweep", "multiplier", "--grid", "x", "--engine"], ["data", "pull", "--source"], ["data", "pull", "NVDAA", "--since"],
    ["data", "pull"], ["data"], [],
]  # fmt: skip
ARGUMENTS = [text.replace("\0", "") for text in ODD] + [
    "-x",
    "--",
    "--help",
    str(ROOT),
    str(ROOT / "README.md"),
    "all",
    "x" * 3000,
]


def end_of(arguments):
    """Return exit code and lines of error of a command, those of progress aside."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            return end.code or 0, [line for line in err.getvalue().splitlines() if not line.startswith("running ")]
    return 0, []


@pytest.mark.process  # a sweep starts its workers' server before all else
def test_whatever_is_typed_ends_in_one_line_and_a_code_of_ours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chance, wrong = random.Random("typed"), {}
    for start, odd in itertools.product(TYPED, chance.sample(ARGUMENTS, 9)):
        ends = [] if start[:1] in (["compare"], ["verify"], ["data"], []) else ["--prices", NOWHERE]
        arguments = [*start, odd, *ends] if odd not in ("--", "all") else [*start, odd]
        code, errors = end_of(arguments)
        if code not in (0, 2, 3, 4, 5) or len(errors) > 1 or (bool(code) > len(errors) and "--help" not in odd and start):
            wrong[" ".join(arguments)] = code, errors
    assert wrong == {}
