"""The report's named windows, those every result is shown over, and what a book did in one."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from backtest.statistics import performance, uncertainty
from backtest.statistics.intervals import intervals
from backtest.thesis import load_windows

REPORT_DATE = pd.Timestamp("2025-07-23")
IN_SAMPLE, OUT_OF_SAMPLE, WHOLE = SAMPLES = ("in sample", "out of sample", "whole")  # windows of every run


@dataclass(frozen=True)
class Window:
    """A span of days, both ends included; `sample` says whether the report's authors had seen it."""

    name: str
    start: pd.Timestamp
    end: pd.Timestamp
    sample: str  # "in", "out" or "both"

    def slice(self, index: pd.DatetimeIndex) -> slice:
        """Return the positions whose returns fall in the window: the base is the last session before it."""
        first = int(index.searchsorted(self.start, side="left"))
        last = int(index.searchsorted(self.end, side="right"))
        return slice(max(first - 1, 0), last)


def sample_of(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """Return "in" for a span up to the report's date, "out" for one after it, "both" for one across it."""
    if end <= REPORT_DATE:
        return "in"
    return "out" if start > REPORT_DATE else "both"


def windows(first: pd.Timestamp, last: pd.Timestamp) -> list[Window]:
    """Return the named windows, then in sample, out of sample and whole, for a run from first to last."""
    named = []
    for row in load_windows():
        start = pd.Timestamp(row.start)
        end = pd.Timestamp(row.end) if row.end else last
        if start <= end:
            named.append(Window(row.name, start, end, sample_of(start, end)))
    spans = [
        (IN_SAMPLE, first, min(last, REPORT_DATE)),
        (OUT_OF_SAMPLE, REPORT_DATE + pd.Timedelta(days=1), last),
        (WHOLE, first, last),
    ]
    return named + [Window(name, start, end, sample_of(start, end)) for name, start, end in spans if start <= end]


def window_statistics(
    equity: pd.Series, orders: pd.DataFrame, window: Window, periods_per_year: int, chosen: pd.Timestamp
) -> dict[str, Any]:
    """Return what a book did in a window: fractions, except Sharpe (annualised), n (returns) and the counts.

    The intervals (see `statistics.intervals`) are pairs, None below 30 returns.
    The base of the first return is the last value before the window, or the first value of the run. `hindsight` is true
    when the window began before the basket was chosen.
    """
    held = equity.iloc[window.slice(pd.DatetimeIndex(equity.index))]
    if len(held) < 2:
        return {"n": 0, "sample": window.sample, "total_return": None}
    traded = orders[(orders["session"] > held.index[0]) & (orders["session"] <= held.index[-1])]
    returns = performance.returns(held)
    ratio = uncertainty.sharpe(returns, periods_per_year)
    return {
        "n": len(returns),
        "first": f"{held.index[0]:%Y-%m-%d}",
        "last": f"{held.index[-1]:%Y-%m-%d}",
        "sample": window.sample,
        "hindsight": bool(held.index[0] < chosen),
        "total_return": performance.total_return(held),
        "sharpe": ratio[0] if ratio else None,
        "sharpe_error": ratio[1] if ratio else None,
        "max_drawdown": performance.max_drawdown(held),
        **intervals(returns, periods_per_year),
        "turnover": performance.turnover(float(traded["value"].sum()), held),
        "costs": float((traded["cost"] / held.reindex(traded["session"]).to_numpy()).sum()),
        "orders": len(traded),
    }
