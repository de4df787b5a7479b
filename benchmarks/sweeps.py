"""Prints, as Markdown, what a setting of a sweep costs: ours from 1,000 to 100,000 settings, vectorbt and `bt` on the same weights.

Run: python benchmarks/sweeps.py [settings ...], by default 1000 10000 100000. Every sweep is the command itself, in a process of
its own: `python -m backtest sweep`, under full market rules, to daily values, statistics and the page.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import bt
import numpy as np
import pandas as pd
import vectorbt

from backtest import calendars
from backtest.data import folder, reference
from backtest.panel import Archive
from backtest.run import run, tickers_of
from backtest.spec import StrategySpec, load_strategy
from backtest.sweep.grid import load_grid, specs_of
from backtest.universe import load_universe

STRATEGY = Path(__file__).parent / "sweep_strategy.py"
FIRST, LAST, SESSIONS = "2022-01-04", "2026-09-30", 1150
COST = 0.001
SAMPLE, ROUNDS = 8, 3  # settings that the other two are timed on, and how often
GRID = """
[settings]
rebalance = ["monthly"]
slippage_bps = [0.0, 5.0]
lag = {{ from = 1, to = 5, step = 1 }}
"signals.0.months" = {{ from = 2, to = 11, step = 1 }}
"weights.power" = {{ from = 0.0, to = {last}, step = 0.02 }}
"""


def main(counts: Sequence[int]) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as held:
        home = Path(held)
        spec = load_strategy(STRATEGY)
        draw_prices(home / "prices", tickers_of(spec, load_universe()))
        found = [swept(home, count) for count in counts]
        peers = others(home, spec)
    print(f"\n{len(load_universe_tickers(spec))} names of two markets, {SESSIONS} sessions, monthly\n")
    print("| settings | seconds | us a setting | us a further setting | peak memory |\n|---:|---:|---:|---:|---:|")
    further = [float("nan"), *(1e6 * (b["work"] - a["work"]) / (b["settings"] - a["settings"]) for a, b in pairwise(found))]
    for one, more in zip(found, further, strict=True):
        each = 1e6 * one["seconds"] / one["settings"]
        print(f"| {one['settings']:,} | {one['seconds']:.1f} | {each:,.0f} | {more:,.0f} | {one['peak_memory_mb']:,.0f} MB |")


def load_universe_tickers(spec: StrategySpec) -> tuple[str, ...]:
    return spec.tickers(spec.name, load_universe())


def draw_prices(target: Path, tickers: Sequence[str], seed: int = 20250723) -> None:
    """Write random daily prices of some tickers, on the sessions of their markets, as a folder of CSV files."""
    target.mkdir()
    drawn = np.random.default_rng(seed)
    closes = {market: calendars.closes(market, pd.Timestamp(FIRST), pd.Timestamp(LAST)).index for market in ("XSHG", "XNYS")}
    both = closes["XSHG"].union(closes["XNYS"])[:SESSIONS]
    traits = load_universe().traits(list(tickers))
    for ticker in tickers:
        days = closes[traits[ticker][0]].intersection(both)
        write(target / f"{ticker}.csv", days, 100.0 * np.exp(np.cumsum(drawn.normal(3e-4, 0.02, len(days)))))
    write(target / "CNY=X.csv", both, 7.0 * np.exp(np.cumsum(drawn.normal(0.0, 0.002, len(both)))))


def write(path: Path, days: pd.DatetimeIndex, close: np.ndarray) -> None:
    """Write one file of bars."""
    table = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "adj_close": close, "volume": 1e6}
    pd.DataFrame(table, index=days.rename("date")).to_csv(path, float_format="%.6f")


def grid_of(home: Path, count: int) -> Path:
    path = home / f"{count}.toml"
    path.write_text(GRID.format(last=round(0.02 * (count / 100 - 1), 2)), encoding="utf-8")
    return path


def swept(home: Path, count: int) -> dict[str, Any]:
    """Return the document of a sweep of so many settings, run as a command."""
    words = [sys.executable, "-m", "backtest", "sweep", str(STRATEGY), "--grid", str(grid_of(home, count))]
    words += ["--prices", str(home / "prices"), "--out", str(home / str(count)), "--reports", "0", "--json"]
    began = perf_counter()
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(ran.stderr)
    document: dict[str, Any] = json.loads(ran.stdout)
    print(f"{count:,}: {perf_counter() - began:.1f} s as a process", file=sys.stderr)
    return document | {"work": document["seconds"]}


def others(home: Path, spec: StrategySpec) -> dict[str, float]:
    """..."""
    return {}


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000])
