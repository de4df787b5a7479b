"""Intervals by the stationary block bootstrap, which keeps the dependence of neighbouring returns.

Politis & Romano, Journal of the American Statistical Association 89 (1994); block length of Politis & White (`block_length`).
Intervals from 30–61 returns cover about 90% of the time where they promise 95%, and those of
`uncertainty.sharpe_estimate` cover more: benchmarks/sizes.md.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from backtest.statistics.block_length import block_length
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Floats, Refused, refusal
from backtest.statistics.uncertainty import moments, pull_of

REPETITIONS = 2000
SAME = 0.01  # of a root mean square
AT_ONCE = 256  # resamples that are drawn before they are stored
CELLS = 1 << 15  # of resampled values at once: what a core keeps near


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval at `level`; `block` is the mean block in observations, of `n`."""

    estimate: float
    lower: float
    upper: float
    level: float
    method: str
    block: int
    repetitions: int
    n: int


def resample(values: Floats, block: int, repetitions: int, seed: int) -> Floats:
    """Return resampled paths of the values, repetitions × observations; REPETITIONS are the first of twice as many."""
    return np.asarray(values.take(_taken(len(values), block, repetitions, seed)))


def _taken(n: int, block: int, repetitions: int, seed: int, shared: bool = True) -> np.ndarray:
    """Return the places of some resamples; from those that are kept, where others ask for the same."""
    if not shared:
        return _placed(block, *_draws(n, repetitions, seed))
    return drawn_places(n, block, seed)[:repetitions] if repetitions == REPETITIONS else _places(n, block, repetitions, seed)


def _over(figures: Callable[..., Floats], *places: np.ndarray) -> Floats:
    """Return what a function gives for every resample, in its last dimension: a few at a time, so that they stay in the cache."""
    rows = max(CELLS // places[0].shape[1], 1)
    starts = range(0, len(places[0]), rows)
    return np.concatenate([figures(*(drawn[start : start + rows] for drawn in places)) for start in starts], axis=-1)


def drawn_places(n: int, block: int, seed: int) -> np.ndarray:
    """Return the places in a series of n values that each of 2 × REPETITIONS resamples takes; not to be changed."""
    return _places(n, block, 2 * REPETITIONS, seed)


@lru_cache(maxsize=32)
def _places(n: int, block: int, repetitions: int, seed: int) -> np.ndarray:
    """Return the places in a series of n values that each resample takes, repetitions × n: the values do not matter.

    Blocks begin at random and go on around the end of the series: the places of `arch.bootstrap.StationaryBootstrap`, which
    draws one resample at a time.
    """
    return _placed(block, *_kept_draws(n, repetitions, seed))


def _placed(block: int, begins: np.ndarray, drawn: Floats) -> np.ndarray:
    """Return the places that resamples take, repetitions × n, from where blocks would begin and the chances that they do."""
    n, places = len(begins), np.empty_like(begins)
    places[0] = current = begins[0].copy()
    for position in range(1, n):
        current += 1
        current[current == n] = 0
        np.copyto(current, begins[position], where=drawn[position] <= 1.0 / block)
        places[position] = current
    return np.ascontiguousarray(places.T)  # few bytes each: every book of a run has windows of the same lengths


def _draws(n: int, repetitions: int, seed: int) -> tuple[np.ndarray, Floats]:
    """Return where a block would begin and the chance that decides whether one does, n × repetitions, whatever its length."""
    chance, kind = np.random.default_rng(seed), np.min_scalar_type(n)
    begins, drawn = np.empty((n, repetitions), kind), np.empty((n, repetitions))
    some_begins, some_drawn = np.empty((AT_ONCE, n), kind), np.empty((AT_ONCE, n))
    for first in range(0, repetitions, AT_ONCE):  # a few resamples are turned on their side while they are in the cache
        rows = slice(first, min(first + AT_ONCE, repetitions))
        for row in range(rows.stop - first):
            some_begins[row] = chance.integers(n, size=n, dtype=np.int64)
            chance.random(out=some_drawn[row])
        begins[:, rows], drawn[:, rows] = some_begins[: rows.stop - first].T, some_drawn[: rows.stop - first].T
    return begins, drawn


_kept_draws = lru_cache(maxsize=16)(_draws)


def mean_interval(
    returns: pd.Series, periods_per_year: int, seed: int, level: float = 0.95, repetitions: int = REPETITIONS
) -> Interval | Refused:
    """Return the annualised mean return (mean × periods) with its studentised bootstrap interval, or Refused below 30."""
    return _studentised(returns, _mean, float(periods_per_year), seed, level, repetitions, shared=True)


def paired_interval(
    returns: pd.Series, control: pd.Series, seed: int, level: float = 0.95, repetitions: int = REPETITIONS
) -> Interval | Refused:
    """Return the total return of a book less that of its control with its interval, or Refused below 30 returns.

    Both have one simple return per session. A resample takes the same blocks of sessions from both. With d_t the book's log
    return less the control's, the difference of the total returns is (1 + C) (exp(Σ d_t) - 1), C the control's total return:
    resampling both in the same blocks resamples d_t. The interval is that of the mean of d_t (studentised, the block length
    its own), put through that formula with C as it was. So it excludes zero where the mean of d_t does, and it says how far
    the signal's part could be chance on the path that the control took, not how another path would have compounded.

    Sessions on which d_t is below a hundredth of its root mean square stay as they were: both hold the same there, whole
    lots aside, and in a resample that left out the sessions on which they differ there would be nothing to resample. Refused
    where the two differ on fewer than 30 sessions.
    """
    apart = np.log1p(returns.to_numpy(float)) - np.log1p(control.to_numpy(float))
    if len(apart) < FEWEST_OBSERVATIONS or not np.isfinite(apart).all():
        return refusal(apart) or Refused("a book is worth nothing", len(apart))
    if not apart.any():
        return Refused("the two never differ", len(apart))
    differ = np.abs(apart) > SAME * math.sqrt(float((apart**2).mean()))
    if (count := int(differ.sum())) < FEWEST_OBSERVATIONS:
        return Refused(f"the two differ on {count} session(s); expected at least {FEWEST_OBSERVATIONS}", count)
    total = _studentised(pd.Series(apart[differ]), _mean, float(count), seed, level, repetitions, shared=False)
    if isinstance(total, Refused):
        return total
    grown, rest = float(np.prod(1.0 + control.to_numpy(float))), float(apart[~differ].sum())
    lower, upper = (grown * float(np.expm1(bound + rest)) for bound in (total.lower, total.upper))
    if not math.isfinite(upper):
        return Refused("the interval has no end", count)
    return replace(total, estimate=grown * math.expm1(total.estimate + rest), lower=lower, upper=upper)


def sharpe_interval(
    returns: pd.Series, periods_per_year: int, seed: int, level: float = 0.95, repetitions: int = REPETITIONS
) -> Interval | Refused:
    """Return the annualised Sharpe ratio with its studentised bootstrap interval, or Refused below 30 returns."""
    return _studentised(returns, _ratio, math.sqrt(periods_per_year), seed, level, repetitions, shared=True)


def drawdown_interval(returns: pd.Series, seed: int, level: float = 0.95, repetitions: int = REPETITIONS) -> Interval | Refused:
    """Return the deepest drawdown and the central `level` of those on resampled paths of equal length, or Refused below 30.

    It says where the drawdown of *another* path of the same length and law would fall; a drawdown has no parameter that an
    interval could cover. The law's mean is itself uncertain, so every path is moved by the error of another resample's mean.
    """
    values = returns.to_numpy(float)
    if refused := refusal(values):
        return refused
    block = block_length(values)
    places = _taken(len(values), block, 2 * repetitions, seed)

    def moved(own: np.ndarray, other: np.ndarray) -> Floats:
        drift = values.take(other).mean(axis=1) - values.mean()
        return deepest(values.take(own) + drift[:, None])

    depths = _over(moved, places[:repetitions], places[repetitions:])
    lower, upper = np.quantile(depths, [0.5 - level / 2.0, 0.5 + level / 2.0])
    estimate = float(deepest(values[None, :])[0])
    return Interval(estimate, float(lower), float(upper), level, "percentile", block, repetitions, len(values))


def deepest(returns: Floats) -> Floats:
    """Return the deepest drawdown of each row of simple returns, as a fraction at or below 0."""
    wealth = np.cumprod(1.0 + returns, axis=1)
    peak = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
    return np.asarray((wealth / peak - 1.0).min(axis=1))


def _studentised(
    returns: pd.Series,
    statistic: Callable[[Floats, int], tuple[Floats, Floats]],
    scale: float,
    seed: int,
    level: float,
    repetitions: int,
    shared: bool,
) -> Interval | Refused:
    """Return estimate - error × quantiles of (resampled - estimate) / resampled error: Ledoit & Wolf (2008), section 3.2."""
    values = returns.to_numpy(float)
    if refused := refusal(values):
        return refused
    block = block_length(values)
    estimates, errors = statistic(values[None, :], block)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample of a few days invested may never vary: left out below
        places = _taken(len(values), block, repetitions, seed, shared)
        drawn, drawn_errors = _over(lambda part: np.stack(statistic(values.take(part), block)), places)
        pivots = (drawn - estimates[0]) / drawn_errors
    low, high = np.quantile(pivots[np.isfinite(pivots)], [0.5 - level / 2.0, 0.5 + level / 2.0])
    estimate, error = float(estimates[0]), float(errors[0])
    lower, upper = (estimate - high * error) * scale, (estimate - low * error) * scale
    return Interval(estimate * scale, float(lower), float(upper), level, "studentised", block, repetitions, len(values))


def _mean(rows: Floats, block: int) -> tuple[Floats, Floats]:
    means = rows.mean(axis=1)
    return means, _errors(rows - means[:, None], block)


def _ratio(rows: Floats, block: int) -> tuple[Floats, Floats]:
    """Return the Sharpe ratio per period of each row and its standard error."""
    mean, spread = moments(rows)
    pulls = pull_of(rows, mean, spread)
    return (mean / spread)[:, 0], _errors(pulls - pulls.mean(axis=1, keepdims=True), block)


def _errors(moved: Floats, block: int) -> Floats:
    """Return each row's standard error from its autocovariances, Bartlett weights falling to 0 at the block length."""
    n = moved.shape[1]
    total = (moved**2).mean(axis=1)
    for lag in range(1, block):
        total += 2.0 * (1.0 - lag / block) * (moved[:, lag:] * moved[:, :-lag]).sum(axis=1) / n
    return np.asarray(np.sqrt(total / n))
