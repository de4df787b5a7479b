"""How often returns of each size came, beside a normal distribution of the same mean and standard deviation."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Refused, refusal

STEP, WIDEST = 0.25, 4.0  # of a standard deviation


@dataclass(frozen=True)
class Distribution:
    """A histogram: `edges` between the bins, the first and the last of which are open, and two counts for each.

    `counts` are the returns in it, `normal` those expected of a normal distribution with this mean and deviation (n - 1).
    """

    mean: float
    deviation: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    normal: tuple[float, ...]
    n: int


def distribution(returns: pd.Series) -> Distribution | Refused:
    """Return the histogram of some returns in bins of a quarter of a standard deviation, or Refused below 30."""
    values = returns.to_numpy(float)
    if refused := refusal(values):
        return refused
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    steps = np.arange(-WIDEST, WIDEST + STEP / 2.0, STEP)
    edges = mean + deviation * steps
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    below = [0.0, *(0.5 * math.erfc(-step / math.sqrt(2.0)) for step in steps), 1.0]
    normal = np.diff(below) * len(values)
    return Distribution(mean, deviation, tuple(edges.tolist()), tuple(counts.tolist()), tuple(normal.tolist()), len(values))
