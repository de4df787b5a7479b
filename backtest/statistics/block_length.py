"""How long the blocks of a stationary bootstrap should be on average.

Politis & White, Econometric Reviews 23 (2004), corrected by Patton, Politis & White (2009). tests/statistics/test_bootstrap.py
compares it with that of `arch`, which would have to load the whole of scipy.stats and statsmodels for it.
"""

import math

import numpy as np

from backtest.statistics.refusal import Floats


def block_length(values: Floats) -> int:
    """Return the mean block, in observations: that which estimates a mean's variance best, rounded up, at least 1."""
    return max(math.ceil(best_block(values)), 1)


def best_block(values: Floats) -> float:
    """Return (2 G² / D)^(1/3) n^(1/3) with D = 2 g(0)², at most the smaller of 3 √n and n / 3.

    G = Σ λ(k/M) |k| R(k) and g(0) = Σ λ(k/M) R(k) over lags -M..M, R the autocovariances; λ is 1 up to a half and falls to 0
    at 1. M is twice the last lag before a run of autocorrelations that cannot be told from 0.
    """
    n = len(values)
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    run = max(5, int(math.log10(n)))
    most = math.ceil(math.sqrt(n)) + run
    covariances, correlations = _autocovariances(values - values.mean(), most)
    width = min(2 * max(_last_lag(correlations, run, n), 1), most)
    lags = np.arange(1, width + 1)
    share = lags / width
    weights = np.where(share <= 0.5, 1.0, 2.0 * (1.0 - share)) * covariances[1 : width + 1]
    slope, variance = 2.0 * float((weights * lags).sum()), covariances[0] + 2.0 * float(weights.sum())
    return float(min((slope**2 / variance**2) ** (1.0 / 3.0) * n ** (1.0 / 3.0), longest))


def _autocovariances(moved: Floats, most: int) -> tuple[Floats, Floats]:
    """Return the autocovariances at lags 0..most, and the size of the correlation of each lag's pairs."""
    n = len(moved)
    products = np.array([moved[lag:] @ moved[: n - lag] for lag in range(most + 1)])
    after = np.array([moved[lag + 1 :] @ moved[lag + 1 :] for lag in range(most + 1)])
    before = np.array([moved[: n - lag - 1] @ moved[: n - lag - 1] for lag in range(most + 1)])
    return products / n, np.abs(products) / np.sqrt(after * before)


def _last_lag(correlations: Floats, run: int, n: int) -> int:
    """Return the lag before the first `run` correlations in a row within 2 √(log10 n / n); all where there is no such run."""
    small = correlations < 2.0 * math.sqrt(math.log10(n) / n)
    for first in range(1, len(small) - run):
        if small[first : first + run].all():
            return first
    return len(small)
