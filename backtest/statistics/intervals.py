"""The intervals that stand beside a window's figures: return, Sharpe ratio and drawdown, each 95%, or none below 30 returns."""

from functools import lru_cache

import numpy as np
import pandas as pd

from backtest.statistics.bootstrap import REPETITIONS, drawdown_interval, mean_interval, paired_interval, sharpe_interval
from backtest.statistics.refusal import Refused
from backtest.statistics.uncertainty import sharpe_estimate

SEED = 20250723  # one for every window: equal returns have equal intervals
NAMES = ("return_interval", "sharpe_interval", "sharpe_bootstrap", "drawdown_interval")

Bounds = tuple[float, float] | None


def intervals(returns: pd.Series, periods_per_year: int) -> dict[str, Bounds]:
    """Return the lower and upper bound of each figure by NAMES, or None where it is refused.

    `return_interval`: what the whole return would be at the bounds of the mean log return (studentised block bootstrap).
    `sharpe_interval`: from the error that allows for autocorrelation; `sharpe_bootstrap`: by block bootstrap, for comparison.
    `drawdown_interval`: where the deepest fall of another path of that length and law would lie.
    """
    return dict(zip(NAMES, _intervals(returns.to_numpy(float).tobytes(), periods_per_year), strict=True))


def difference_interval(returns: pd.Series, control: pd.Series, repetitions: int = REPETITIONS) -> tuple[float, float] | Refused:
    """Return the bounds of a book's total return less its control's (`bootstrap.paired_interval`), or why there are none."""
    return _difference(returns.to_numpy(float).tobytes(), control.to_numpy(float).tobytes(), repetitions)


@lru_cache(maxsize=512)
def _difference(returns_bytes: bytes, control_bytes: bytes, repetitions: int) -> tuple[float, float] | Refused:
    own, other = (pd.Series(np.frombuffer(series)) for series in (returns_bytes, control_bytes))
    interval = paired_interval(own, other, SEED, repetitions=repetitions)
    return interval if isinstance(interval, Refused) else (interval.lower, interval.upper)


def return_interval(returns: pd.Series, repetitions: int = REPETITIONS) -> tuple[float, float] | Refused:
    """Return what the whole return would be at the bounds of the mean log return, or why there are none."""
    grown = mean_interval(pd.Series(np.log1p(returns.to_numpy(float))), 1, SEED, repetitions=repetitions)
    return grown if isinstance(grown, Refused) else (_whole(grown.lower, len(returns)), _whole(grown.upper, len(returns)))


@lru_cache(maxsize=512)
def _intervals(returns_bytes: bytes, periods_per_year: int) -> tuple[Bounds, ...]:
    returns = pd.Series(np.frombuffer(returns_bytes))
    grown = return_interval(returns)
    whole = None if isinstance(grown, Refused) else grown
    ratio = sharpe_estimate(returns, periods_per_year)
    others = (ratio, sharpe_interval(returns, periods_per_year, SEED), drawdown_interval(returns, SEED))
    return (whole, *(None if isinstance(interval, Refused) else (interval.lower, interval.upper) for interval in others))


def _whole(mean: float, n: int) -> float:
    return float(np.expm1(mean * n))
