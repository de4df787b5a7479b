"""What a book did in a window: return, risk, turnover and costs."""

from dataclasses import dataclass

import pandas as pd

from backtest.statistics import performance, uncertainty
from backtest.statistics.intervals import intervals
from backtest.thesis.windows import Window

LAST_ENDS = 60  # sessions


@dataclass(frozen=True)
class Ends:
    """The lowest and the highest total return from a window's base to each of its last sessions, and their days.

    They are the last 60 sessions, or all after the base where there are fewer: where the figure would stand had it been read
    on another day.
    """

    sessions: int
    low: float
    low_on: str
    high: float
    high_on: str


@dataclass(frozen=True)
class WindowStatistics:
    """What a book did in a window: fractions, except Sharpe ratios (a year), `n` (returns) and `orders` (filled).

    The first return runs from the close of `base`, the last session before the window or the first of the run, to `first`.
    Intervals are 95% (see `statistics.intervals`), None below 30 returns. `hindsight`: the basket was chosen after `base`.
    `ends` is how the total return moves with the last session.
    Below two sessions there is no figure: all are None.
    """

    sample: str
    n: int = 0
    base: str | None = None
    first: str | None = None
    last: str | None = None
    hindsight: bool | None = None
    total_return: float | None = None
    return_interval: tuple[float, float] | None = None
    sharpe: float | None = None
    sharpe_error: float | None = None
    sharpe_interval: tuple[float, float] | None = None
    sharpe_bootstrap: tuple[float, float] | None = None
    max_drawdown: float | None = None
    drawdown_interval: tuple[float, float] | None = None
    turnover: float | None = None
    costs: float | None = None
    orders: int | None = None
    ends: Ends | None = None


def window_statistics(
    equity: pd.Series, orders: pd.DataFrame, window: Window, periods_per_year: int, chosen: pd.Timestamp
) -> WindowStatistics:
    """Return what a book did in a window; `equity` is session → value, `orders` the table of fills, `chosen` the basket's day."""
    values = equity.iloc[window.slice(pd.DatetimeIndex(equity.index))]
    if len(values) < 2:
        return WindowStatistics(window.sample)
    base, first, last = (pd.Timestamp(values.index[row]) for row in (0, 1, -1))
    filled = orders[(orders["session"] > base) & (orders["session"] <= last)]
    returns = performance.returns(values)
    sharpe, error = uncertainty.sharpe(returns, periods_per_year) or (None, None)
    return WindowStatistics(
        window.sample,
        len(returns),
        f"{base:%Y-%m-%d}",
        f"{first:%Y-%m-%d}",
        f"{last:%Y-%m-%d}",
        hindsight=bool(base < chosen),
        total_return=performance.total_return(values),
        sharpe=sharpe,
        sharpe_error=error,
        max_drawdown=performance.max_drawdown(values),
        turnover=performance.turnover(float(filled["value"].sum()), values),
        costs=float((filled["cost"] / values.reindex(filled["session"]).to_numpy()).sum()),
        orders=len(filled),
        ends=_ends(values),
        **intervals(returns, periods_per_year),
    )


def _ends(values: pd.Series) -> Ends:
    grown = (values / values.iloc[0] - 1.0).iloc[1:].iloc[-LAST_ENDS:]
    low, high = int(grown.argmin()), int(grown.argmax())
    days = [f"{pd.Timestamp(day):%Y-%m-%d}" for day in grown.index]
    return Ends(len(grown), float(grown.iloc[low]), days[low], float(grown.iloc[high]), days[high])
