"""Falls from a peak: the deepest of them with their days, and how long a value stayed below what it had been."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from backtest.statistics.performance import drawdown

WORST = 5


@dataclass(frozen=True)
class Drawdown:
    """A fall from the last session at the highest value so far; `depth` is a fraction below 0, at `trough`.

    `recovered` is the first session at that value again, None where there is none by the last. `falling` counts the sessions
    from peak to trough, `recovering` those from trough to recovery (None without one), `below` the closes below the peak.
    """

    peak: str
    trough: str
    recovered: str | None
    depth: float
    falling: int
    recovering: int | None
    below: int


def drawdowns(equity: pd.Series) -> list[Drawdown]:
    """Return every fall of a value, deepest first, of equal ones the earlier; `equity` is session → value."""
    fallen = drawdown(equity).to_numpy()
    days = pd.DatetimeIndex(equity.index)
    falls = []
    for peak, after in _falls(fallen):
        trough = peak + int(fallen[peak:after].argmin())
        recovered = after < len(fallen)
        falls.append(
            Drawdown(
                peak=f"{days[peak]:%Y-%m-%d}",
                trough=f"{days[trough]:%Y-%m-%d}",
                recovered=f"{days[after]:%Y-%m-%d}" if recovered else None,
                depth=float(fallen[trough]),
                falling=trough - peak,
                recovering=after - trough if recovered else None,
                below=after - peak - 1,
            )
        )
    return sorted(falls, key=lambda fall: fall.depth)


def under_water(equity: pd.Series) -> tuple[int, float]:
    """Return the most closes in a row below the highest value so far, and the share of the closes after the first below it."""
    fallen = drawdown(equity).to_numpy()
    longest = max((after - peak - 1 for peak, after in _falls(fallen)), default=0)
    return longest, float((fallen[1:] < 0.0).mean())


def _falls(fallen: np.ndarray) -> list[tuple[int, int]]:
    """Return the place of each peak with one below it next, and that of the recovery, or one past the end."""
    at_peak = np.append(np.flatnonzero(fallen >= 0.0), len(fallen))
    return [(int(peak), int(after)) for peak, after in pairwise(at_peak) if after > peak + 1]
