"""The figures of many curves in a window at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Floats
from backtest.sweeps.columns import DIFFERENCE, SHARPE, TOTAL_RETURN, TWIN_RETURN, TWIN_SHARPE
from backtest.thesis.windows import Window

VARIES = 1e-12  # next to the returns: a spread of less is rounding
SURELY = 1e-9  # the same, so far above rounding that bounds of the returns do in place of the returns


@dataclass(frozen=True)
class Curves:
    """The curves of a chunk on the shared days (day × row), those of its twins (day × twin), and which is whose.

    `twins` is None where the weighting names none.
    """

    equity: np.ndarray
    twins: np.ndarray | None
    twin: np.ndarray

    @cached_property
    def returns(self) -> Floats:
        """The returns of each row between the days."""
        return _returns(self.equity)

    @cached_property
    def twin_returns(self) -> Floats:
        """The returns of each twin; none where there is none."""
        return _returns(np.empty((len(self.equity), 0)) if self.twins is None else self.twins)


def window_figures(curves: Curves, days: pd.DatetimeIndex, window: Window, periods: np.ndarray) -> dict[str, np.ndarray]:
    """Return the figures of every row in a window, by the name of their column, NaN where there is none."""
    span = window.slice(days)
    between = slice(span.start, max(span.stop - 1, span.start))
    total_return, sharpe = _total_and_ratio(curves.equity[span], curves.returns[between])
    figures = {TOTAL_RETURN: total_return, SHARPE: sharpe * np.sqrt(periods)}
    if curves.twins is not None:
        total, ratio = (figure[curves.twin] for figure in _total_and_ratio(curves.twins[span], curves.twin_returns[between]))
        figures |= {TWIN_RETURN: total, TWIN_SHARPE: ratio * np.sqrt(periods), DIFFERENCE: total_return - total}
    return figures


def _returns(values: Floats) -> Floats:
    returns: Floats = values[1:] / values[:-1]
    returns -= 1.0
    return returns


def _total_and_ratio(values: Floats, returns: Floats) -> tuple[Floats, Floats]:
    """Return the total return of each curve (day × curve) and its ratio per period, NaN where there is none."""
    nothing = np.full(values.shape[1], np.nan)
    return (nothing, nothing) if len(values) < 2 else (values[-1] / values[0] - 1.0, ratios_of(returns))


def ratios_of(returns: Floats, least: float = 0.0) -> Floats:
    """Return the mean over the standard deviation of each column; NaN below 30 returns, or where none varies by `least`."""
    if len(returns) < FEWEST_OBSERVATIONS:
        return np.full(returns.shape[1], np.nan)
    mean = returns.mean(axis=0)
    spread = returns.std(axis=0, ddof=1, mean=mean[np.newaxis])
    # No return is further from the mean than root n spreads, and the range is above the spread: mostly that decides already.
    varies = (spread > SURELY * (np.abs(mean) + np.sqrt(len(returns)) * spread)) & (spread > 2.0 * least)
    if not varies.all():
        highest, lowest = returns.max(axis=0), returns.min(axis=0)
        varies = (spread > VARIES * np.maximum(highest, -lowest)) & (highest - lowest > least)
    return np.where(varies, mean / np.where(varies, spread, 1.0), np.nan)
