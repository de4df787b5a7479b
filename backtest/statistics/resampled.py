"""Intervals of many figures from one draw: what each is on resampled paths of the same returns, in blocks.

The draws are the first of those that `bootstrap.drawdown_interval` takes for the same returns, so they are made once.
Figures of moments (volatility, Sortino ratio, beta, correlation, skewness, kurtosis) come from how often a resample takes each
return; those of the path (Calmar ratio, months, time under water) from paths that are moved by the error of another resample's
mean, as in `drawdown_interval`: they say where the figure of another path of the same length and law would lie.
"""

from dataclasses import dataclass

import numpy as np

from backtest.statistics.bootstrap import drawn_places
from backtest.statistics.refusal import Floats

DRAWS, AT_ONCE = 1000, 50  # paths: what is made of so many stays in the processor's cache
LEVEL = 0.95
MOMENTS = 5  # columns before those of pairs

_BATCHES = [slice(first, first + AT_ONCE) for first in range(0, DRAWS, AT_ONCE)]

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Months:
    """The whole months of some returns: the place of the last return before each (-1 for the base) and of its last."""

    before: np.ndarray
    last: np.ndarray


def bounds(values: Floats) -> Bounds | None:
    """Return the central LEVEL of what a figure is on resampled paths; None where it is nowhere a number."""
    seen = values[np.isfinite(values)]
    if not len(seen):
        return None
    lower, upper = np.quantile(seen, [0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0])
    return float(lower), float(upper)


def moment_bounds(values: Floats, other: Floats, block: int, seed: int, periods_per_year: int) -> dict[str, Bounds | None]:
    """Return the intervals of volatility, sortino, skewness, excess_kurtosis, beta and correlation.

    `other` has the other series' return on the same sessions, NaN where it has none; a resample takes both in the same blocks,
    and its beta and correlation are over those of its sessions that have both.
    """
    n, mean, shared = len(values), values.mean(), np.isfinite(other)
    apart, fallen = values - mean, np.minimum(values, 0.0)
    own, theirs = np.where(shared, apart, 0.0), np.where(shared, other, 0.0)
    powers = [apart, apart**2, apart**3, apart**4, fallen**2]
    pairs = [shared, own, theirs, own**2, theirs**2, own * theirs]
    columns, places = np.column_stack([*powers, *pairs]), drawn_places(n, block, seed)
    sums = np.vstack([_counts(places[rows]) @ columns for rows in _BATCHES])
    first, second, third, fourth, down = sums[:, :MOMENTS].T / n
    variance = second - first**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "volatility": bounds(np.sqrt(variance * n / (n - 1) * periods_per_year)),
            "sortino": bounds((first + mean) / np.sqrt(down) * np.sqrt(periods_per_year)),
            "skewness": bounds((third - 3 * first * second + 2 * first**3) / variance**1.5),
            "excess_kurtosis": bounds((fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4) / variance**2 - 3.0),
            **_pair_bounds(sums[:, MOMENTS:]),
        }


def _counts(places: np.ndarray) -> Floats:
    """Return how often each resample takes each place, resamples × places."""
    count, n = places.shape
    flat = (places + (np.arange(count) * n)[:, None]).reshape(-1)
    return np.bincount(flat, minlength=count * n).reshape(count, n).astype(float)


def _pair_bounds(sums: Floats) -> dict[str, Bounds | None]:
    """Return the intervals of beta and correlation from sums: how many, own, the other's, their squares and product."""
    count, own, other, square, square_of_other, product = sums.T
    covariance = product - own * other / count
    variance, variance_of_other = square - own**2 / count, square_of_other - other**2 / count
    return {
        "beta": bounds(covariance / variance_of_other),
        "correlation": bounds(covariance / np.sqrt(variance * variance_of_other)),
    }


def path_bounds(values: Floats, block: int, seed: int, months: Months, years: float) -> dict[str, Bounds | None]:
    """Return the intervals of calmar, best_month, worst_month, positive_months, longest_under_water and under_water."""
    places = drawn_places(len(values), block, seed)
    drawn = [_path_figures(values, places[rows], months, years) for rows in _BATCHES]
    return {name: bounds(np.concatenate([figures[name] for figures in drawn])) for name in drawn[0]}


def _path_figures(values: Floats, places: np.ndarray, months: Months, years: float) -> dict[str, Floats]:
    """Return the figures of some paths, each moved by the error of the mean of the one before it."""
    invested = values != 0.0  # a session in cash that earns nothing stays one
    grown = values.take(places)
    drift = (np.roll(grown.mean(axis=1), 1) - values.mean())[:, None] / max(invested.mean(), 1.0 / len(values))
    grown += 1.0
    grown += drift if invested.all() else drift * invested.take(places)
    wealth = np.cumprod(grown, axis=1, out=grown)
    peak = np.maximum.accumulate(wealth, axis=1)
    np.maximum(peak, 1.0, out=peak)
    below, count = wealth < peak, np.arange(1, len(values) + 1, dtype=np.min_scalar_type(len(values)))
    last_peak = np.maximum.accumulate(np.where(below, count.dtype.type(0), count), axis=1)  # counted from 1: 0 is the base
    figures = _month_figures(wealth, months) | {
        "longest_under_water": (count - last_peak).max(axis=1).astype(float),
        "under_water": below.mean(axis=1),
    }
    deepest = np.divide(wealth, peak, out=peak).min(axis=1) - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return figures | {"calmar": (wealth[:, -1] ** (1.0 / years) - 1.0) / -deepest}


def _month_figures(wealth: np.ndarray, months: Months) -> dict[str, Floats]:
    """Return the best and the worst whole month of each path, and the share of those above zero."""
    if not len(months.last):
        return {}
    started = np.where(months.before < 0, 1.0, wealth[:, np.maximum(months.before, 0)])
    earned = wealth[:, months.last] / started - 1.0
    return {
        "best_month": earned.max(axis=1),
        "worst_month": earned.min(axis=1),
        "positive_months": (earned > 0.0).mean(axis=1),
    }
