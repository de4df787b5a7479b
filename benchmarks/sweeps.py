"""Prints, as Markdown, what a setting costs: a sweep of 1,000 to 100,000 of them; vectorbt and `bt` on the same weights.

vectorbt's compiled kernel is timed too, alone, on the very orders of a chunk. Times are of the processor, of all processes, since
other work slows a clock on the wall; `seconds` alone are of the wall.

Run: python benchmarks/sweeps.py [--write] [settings ...], by default 1000 10000 100000; with --write the tables of the documents
are those of this run (`tools/speed_parts.py`). Every sweep is the command itself, in a process of
its own: `capex-backtest sweep`, under full market rules, to daily values, statistics and the page.
With --million only a sweep of a million settings is measured, which takes some twenty minutes and 5 GB of the temporary folder;
with --write it becomes a line of the same table, which other runs leave as it is.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import bt
import numpy as np
import pandas as pd
from peers import backtest_of, portfolio_of

from backtest import calendars
from backtest.data.sources import folder, reference
from backtest.execution import engine
from backtest.panel import Archive
from backtest.runs import needed_tickers, run
from backtest.strategy import StrategySpec, load_strategy
from backtest.sweeps.chunks import encoded, plan
from backtest.sweeps.evaluator import Evaluator
from backtest.sweeps.fork_server import cores
from backtest.sweeps.grid import MOST, load_grid
from backtest.sweeps.settings import Settings
from backtest.thesis import load_thesis

sys.path.append(str(Path(__file__).parents[1] / "tools"))
import documents
import speed_parts

Document = dict[str, Any]  # the JSON that a sweep prints
STRATEGY = Path(__file__).parent / "sweep_strategy.py"
FIRST, LAST, SESSIONS = "2022-01-04", "2026-09-30", 1150
SAMPLE, ROUNDS = 8, 3  # settings that the other two are timed on, and how often
MILLION = 1_000_000
GRID = """
most = {most}
[settings]
lag = {{ from = 1, to = 5, step = 1 }}
fill = ["close", "open"]
slippage_bps = {{ from = 0.0, to = 20.0, step = 5.0 }}
capital = [1_000_000.0, 10_000_000.0]
"signals.0.months" = {{ from = 2, to = 11, step = 1 }}
"weights.power" = {{ from = 0.01, to = {last}, step = 0.01 }}
"""


def main(counts: Sequence[int], write: bool) -> None:
    """Print the tables; with `write` put them into the documents too."""
    before = json.loads(speed_parts.MEASURED.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        if [*counts] == [MILLION]:
            results = before | {"million": million(Path(temporary))}
        else:
            results = measured(Path(temporary), counts) | {name: before[name] for name in ("million",) if name in before}
    print(speed_parts.sweeps_table(results), speed_parts.ways_table(results), sep="\n")
    if write:
        speed_parts.MEASURED.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        documents.main()


def measured(home: Path, counts: Sequence[int]) -> Document:
    """Return what was measured: seconds of the processor a setting of each way, and of each sweep what its document says."""
    spec, load = load_strategy(STRATEGY), os.getloadavg()[0]
    draw_prices(home / "prices", needed_tickers(spec, load_thesis()))
    swept(home, 1000)  # what numba compiles is kept from here on
    again = kernel_alone(home, spec, counts[0])
    sweeps, kernel = [], []
    for count in counts:
        swept_document = swept(home, count)
        kernel.append(again())
        sweeps.append({**cost_of(swept_document), "further": None})
    for before, after in pairwise(sweeps):
        after["further"] = (after["cpu_seconds"] - before["cpu_seconds"]) / (after["settings"] - before["settings"])
    return {
        "date": date.today().isoformat(),
        "cores": cores(),
        "load": [load, os.getloadavg()[0]],
        "names": len(spec.tickers(spec.name, load_thesis().universe)),
        "sessions": SESSIONS,
        "sweeps": sweeps,
        "kernel": median(kernel),
        "peers": others(home, spec, counts[0]),
    }


def million(home: Path) -> Document:
    """Return what a sweep of a million settings took, and when."""
    draw_prices(home / "prices", needed_tickers(load_strategy(STRATEGY), load_thesis()))
    swept(home, 1000)  # what numba compiles is kept from here on
    return {"date": date.today().isoformat(), **cost_of(swept(home, MILLION))}


def cost_of(document: Document) -> Document:
    """Return what a sweep took."""
    return {name: document[name] for name in ("settings", "seconds", "cpu_seconds", "peak_memory_mb")} | {"work": work(document)}


def work(document: Document) -> float:
    """Return the seconds of a sweep but for reading prices and loading libraries, which the others are not charged for either."""
    return float(sum(document["seconds_by_part"][part] for part in ("settings", "evaluating", "measuring")))


def draw_prices(target: Path, tickers: Sequence[str], seed: int = 20250723) -> None:
    """Write random daily prices of some tickers, on the sessions of their markets, as a folder of CSV files."""
    target.mkdir()
    drawn = np.random.default_rng(seed)
    closes = {market: calendars.closes(market, pd.Timestamp(FIRST), pd.Timestamp(LAST)).index for market in ("XSHG", "XNYS")}
    both = closes["XSHG"].union(closes["XNYS"])[:SESSIONS]
    traits = load_thesis().universe.traits(list(tickers))
    for ticker in tickers:
        days = closes[traits[ticker][0]].intersection(both)
        write(target / f"{ticker}.csv", days, 100.0 * np.exp(np.cumsum(drawn.normal(3e-4, 0.02, len(days)))))
    write(target / "CNY=X.csv", both, 7.0 * np.exp(np.cumsum(drawn.normal(0.0, 0.002, len(both)))))


def write(path: Path, days: pd.DatetimeIndex, close: np.ndarray) -> None:
    """Write one file of bars."""
    table = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "adj_close": close, "volume": 1e6}
    pd.DataFrame(table, index=days.rename("date")).to_csv(path, float_format="%.6f")


def grid_of(home: Path, count: int) -> Path:
    """Write a grid of so many settings, a multiple of 1,000: a hundred ways of trading, ten signals, the rest weightings."""
    path = home / f"{count}.toml"
    path.write_text(GRID.format(most=max(count, MOST), last=count // 1000 / 100), encoding="utf-8")
    return path


def swept(home: Path, count: int) -> Document:
    """Return the document of a sweep of so many settings, run as a command."""
    words = [sys.executable, "-m", "backtest", "sweep", str(STRATEGY), "--grid", str(grid_of(home, count))]
    words += ["--prices", str(home / "prices"), "--out", str(home / str(count)), "--reports", "0", "--json"]
    began = perf_counter()
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(ran.stderr)
    document: Document = json.loads(ran.stdout)
    print(f"{count:,}: {perf_counter() - began:.1f} s as a process", file=sys.stderr)
    return document


def kernel_alone(home: Path, spec: StrategySpec, count: int) -> Callable[[], float]:
    """Return a call that gives the processor seconds a setting of vectorbt's compiled kernel alone, on the orders of a chunk."""
    universe = load_thesis().universe
    archive = Archive(reference.load_facts(), folder.load_prices(needed_tickers(spec, load_thesis()), home / "prices"))
    settings = Settings(spec, load_grid(grid_of(home, count)))
    chunk, calls = plan(settings, [], home)[0], []
    filling = engine.simulate_from_orders

    def recorded(*arguments: Any, **options: Any) -> np.ndarray:
        calls.append(partial(filling, *arguments, **options))
        return filling(*arguments, **options)

    engine.simulate_from_orders = recorded
    encoded(chunk, settings, Evaluator(archive, universe))
    engine.simulate_from_orders = filling

    def alone() -> float:
        spent = []
        for _ in range(ROUNDS):
            began = process_time()
            for call in calls:
                call()
            spent.append(process_time() - began)
        return median(spent) / len(chunk.numbers)

    return alone


def others(home: Path, spec: StrategySpec, count: int) -> dict[str, float]:
    """Return the median processor seconds a setting costs the other two, given prices and weights: flat costs, to the ratio."""
    universe = load_thesis().universe
    archive = Archive(reference.load_facts(), folder.load_prices(needed_tickers(spec, load_thesis()), home / "prices"))
    settings = Settings(spec, load_grid(grid_of(home, count)))
    close = archive.prices.local(list(spec.tickers(spec.name, universe)), archive.prices.wealth.index).ffill().bfill()
    weights = []
    for number in np.random.default_rng(1).choice(len(settings), SAMPLE, replace=False):
        book = run(settings[int(number)][1], archive).books[spec.name]
        weights.append(book.targets.reindex(columns=close.columns).dropna(how="all").fillna(0.0))
    calls = {
        "vectorbt: `Portfolio.from_orders` over every session, Sharpe ratio, flat fee": [
            partial(vectorbt_, close, book_weights) for book_weights in weights
        ],
        "`bt`: a `Backtest` with its statistics, flat fee": [partial(bt_, close, book_weights) for book_weights in weights],
    }
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for number in range(SAMPLE):
            for name, runs in calls.items():
                began = process_time()
                runs[number]()
                spent[name].append(process_time() - began)
    return {name: median(runs) for name, runs in spent.items()}


def vectorbt_(close: pd.DataFrame, weights: pd.DataFrame) -> float:
    """Return vectorbt's Sharpe ratio, every session simulated."""
    return float(portfolio_of(close, weights.reindex(close.index)).sharpe_ratio(freq="1D"))


def bt_(close: pd.DataFrame, weights: pd.DataFrame) -> float:
    """Return `bt`'s Sharpe ratio."""
    return float(bt.run(backtest_of(close, weights)).stats.loc["daily_sharpe"].iloc[0])


if __name__ == "__main__":
    counts = [MILLION] if "--million" in sys.argv else [int(word) for word in sys.argv[1:] if word != "--write"]
    main(counts or [1_000, 10_000, 100_000], "--write" in sys.argv)
