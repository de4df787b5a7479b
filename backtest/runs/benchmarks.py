"""What a book is compared with: its benchmarks' values, what they returned by window, and what the book earned above them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from backtest.prices import Prices
from backtest.result import BenchmarkSpan
from backtest.statistics import performance
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import Window
from backtest.universe import Universe
from backtest.universe.benchmarks import Comparison


def benchmark_values(
    prices: Prices, compared: Sequence[Comparison], base: str, sessions: pd.DatetimeIndex, capital: float
) -> pd.DataFrame:
    """Return each benchmark as if bought at its first price in the run, NaN before it and after its prices end."""
    tickers = [row.ticker for row in compared]
    prices.require(tickers)
    values = prices.priced(tickers, base, sessions)
    return values / values.bfill().iloc[0] * capital


def benchmark_windows(
    values: pd.DataFrame, compared: Sequence[Comparison], equity: pd.Series, realised: pd.DataFrame, spans: Sequence[Window]
) -> dict[str, dict[str, BenchmarkSpan]]:
    """Return by ticker and window what each benchmark returned and what the book earned above it.

    `realised` is order session × ticker: the weights that the book held from then on.
    """
    funds = [row.ticker for row in compared]
    return {
        row.ticker: {window.name: _span(values[row.ticker], row.matched, equity, realised, funds, window) for window in spans}
        for row in compared
    }


def charted(universe: Universe, compared: Sequence[Comparison]) -> tuple[str, ...]:
    """Return the benchmarks that line charts draw: the declared one, then those whose rows say so, as many as these."""
    known = {row.ticker for row in compared}
    drawn = [row.ticker for row in universe.benchmarks if row.charted and row.ticker in known]
    every = dict.fromkeys([*(row.ticker for row in compared[:1]), *drawn])
    return tuple(every)[: max(len(drawn), 1)]


def only_fund_held(
    realised: pd.DataFrame, funds: Sequence[str], base: pd.Timestamp, last: pd.Timestamp
) -> tuple[str, ...] | None:
    """Return the funds that were all a book held after `base` up to `last`, cash aside; None where it held anything else.

    Nothing but cash is no fund: that is a decision of the book's own.
    """
    first, stop = (int(realised.index.searchsorted(day, side="right")) for day in (base, last))
    ever = np.asarray((realised.to_numpy()[max(first - 1, 0) : stop] > 0).any(axis=0))
    holdings = [str(ticker) for ticker, owned in zip(realised.columns, ever.tolist(), strict=True) if owned]
    return tuple(holdings) if holdings and set(holdings) <= set(funds) else None


def _span(
    benchmark: pd.Series, matched: bool, equity: pd.Series, realised: pd.DataFrame, funds: Sequence[str], window: Window
) -> BenchmarkSpan:
    """Return what a benchmark and the book returned in a window, from the benchmark's first price there to its last."""
    shared = benchmark.iloc[window.slice(pd.DatetimeIndex(benchmark.index))].dropna()
    earned = performance.total_return(shared)
    if earned is None:
        return BenchmarkSpan(matched)
    base, first, last = (pd.Timestamp(shared.index[row]) for row in (0, 1, -1))
    returned = float(equity[last] / equity[base] - 1.0)
    alone = only_fund_held(realised, funds, base, last)
    reason = f"held nothing but {' and '.join(alone)}, a benchmark itself" if alone else ""
    return BenchmarkSpan(
        matched,
        earned,
        returned,
        Refused(reason, len(shared) - 1) if reason else returned - earned,
        f"{base:%Y-%m-%d}",
        f"{first:%Y-%m-%d}",
        f"{last:%Y-%m-%d}",
    )
