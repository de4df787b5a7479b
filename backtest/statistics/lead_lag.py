"""Whether one growth path leads another, or any rotation of it would have fitted as well.

All suppliers face one CapEx path, so the sample is its quarters. The path is rotated, which keeps its autocorrelation and
breaks its timing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal

FEWEST_QUARTERS = 8
FEWEST_PAIRS = 5


@dataclass(frozen=True)
class LeadLag:
    """Correlations by lag (quarters by which the leader comes first) and how often a rotation does as well.

    `statistic` is the largest absolute correlation, at `best`; `p` the share of the n rotations, the true one included, that
    reach it, at least `least` = 1 / n. Rotations by a quarter or two nearly repeat the true alignment when several lags are
    searched: `reach` = lags / n is the p that even a strong lead among them should be expected to attain.
    """

    correlations: dict[int, float]
    best: int
    statistic: float
    p: float
    least: float
    reach: float
    n: int


def circular_shift(leader: pd.Series, follower: pd.Series, lags: Sequence[int]) -> LeadLag | Refused:
    """Return the test of a lead over lags fixed in advance, on quarter-on-quarter growth of both, quarters matched by label.

    The leader is rotated by 0..n-1 quarters; the statistic is the maximum over the lags of |correlation| of leader[t - lag]
    with follower[t], pairs that fall off the end left out. Refused below 8 quarters, where a lag leaves fewer than 5 pairs,
    where a quarter is missing, or where growth never varies. Not for levels nor for overlapping year-on-year growth.
    """
    table = pd.concat([leader, follower], axis=1, join="inner").to_numpy(float)
    n = len(table)
    if refused := refusal(table, FEWEST_QUARTERS):
        return refused
    if not lags or min(lags) < 0 or n - max(lags) < FEWEST_PAIRS:
        return Refused(f"lags {list(lags)} leave fewer than {FEWEST_PAIRS} pairs or point backwards", n)
    correlations = _correlations(rotations(table[:, 0]), table[:, 1], lags)
    strongest = np.abs(correlations).max(axis=1)
    best = int(np.abs(correlations[0]).argmax())
    return LeadLag(
        correlations={lag: float(value) for lag, value in zip(lags, correlations[0], strict=True)},
        best=lags[best],
        statistic=float(strongest[0]),
        p=float((strongest >= strongest[0] - 1e-12).mean()),
        least=1.0 / n,
        reach=len(lags) / n,
        n=n,
    )


def rotations(values: Floats) -> Floats:
    """Return every rotation of a series, the unmoved one first: n × n."""
    places = np.arange(len(values))
    return np.asarray(values[(places[None, :] - places[:, None]) % len(values)])


def _correlations(leaders: Floats, follower: Floats, lags: Sequence[int]) -> Floats:
    """Return the correlation of each row of leaders, moved by each lag, with the follower: rows × lags; 0 without spread."""
    n = len(follower)
    return np.column_stack([_correlation(leaders[:, : n - lag], follower[lag:]) for lag in lags])


def _correlation(rows: Floats, values: Floats) -> Floats:
    apart, moved = rows - rows.mean(axis=1, keepdims=True), values - values.mean()
    spread = np.sqrt((apart**2).sum(axis=1) * (moved**2).sum())
    return np.asarray(apart @ moved / np.where(spread > 0.0, spread, np.inf))
