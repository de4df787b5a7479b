"""What a book did in a window: return, risk, turnover and costs."""

from dataclasses import dataclass

import pandas as pd

from backtest.statistics import performance, uncertainty
from backtest.statistics.intervals import intervals
from backtest.thesis.windows import Window


@dataclass(frozen=True)
class WindowStatistics:
    """What a book did in a window: fractions, except Sharpe ratios (a year), `n` (returns) and `orders` (filled).

    The first return runs from the close of `base`, the last session before the window or the first of the run, to `first`.
    Intervals are 95% (see `statistics.intervals`), None below 30 returns. `hindsight`: the basket was chosen after `base`.
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
        **intervals(returns, periods_per_year),
    )
