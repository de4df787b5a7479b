"""How much of the best of many trials is the search: deflation, the chance of overfitting, and the length a search needs.

Bailey & López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014); Bailey, Borwein, López de Prado
& Zhu, The Probability of Backtest Overfitting, Journal of Computational Finance 20 (2017), and Pseudo-Mathematics and
Financial Charlatanism, Notices of the AMS 61 (2014); Hansen, A Test for Superior Predictive Ability, JBES 23 (2005).
The number of trials comes from the trial ledger, never from memory.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal
from backtest.statistics.standing import expected_best

AT_ONCE = 1 << 20  # ratios of splits × trials held at a time
TIE = 1e-12


@dataclass(frozen=True)
class Deflated:
    """The probability that a ratio found as the best of `trials` is above what the best of noise reaches.

    `ratio`, `threshold` and the moments are per period; `kurtosis` is raw (3 for a normal).
    """

    probability: float
    ratio: float
    threshold: float
    skewness: float
    kurtosis: float
    trials: int
    n: int


@dataclass(frozen=True)
class Overfit:
    """PBO: the share of splits in which the best trial of one half lies in the lower half of the other.

    `loss` is the share of splits in which it lost there; `slope` its out-of-sample Sharpe ratio per unit of in-sample.
    """

    probability: float
    loss: float
    slope: float
    splits: int
    blocks: int
    trials: int
    n: int


@dataclass(frozen=True)
class Superior:
    """Hansen's p-values that no trial beats the benchmark: `consistent` is the one to read, between the two bounds."""

    consistent: float
    lower: float
    upper: float
    trials: int
    n: int


def deflated_sharpe(returns: pd.Series, trial_ratios: Floats, trials: int | None = None) -> Deflated | Refused:
    """Return the Deflated Sharpe Ratio of the selected returns among all trials' ratios per period; Refused below 30 returns.

    `trials` is their number where the ratios at hand are not all there ever were.
    """
    from scipy.stats import kurtosis, skew

    values = returns.to_numpy(float)
    if refused := refusal(values):
        return refused
    if len(trial_ratios) < 2:
        return Refused("one trial; want at least 2", len(trial_ratios))
    ratio = float(values.mean() / values.std(ddof=1))
    lean, tails = float(skew(values)), float(kurtosis(values, fisher=False))
    count = trials or len(trial_ratios)
    threshold = float(np.std(trial_ratios, ddof=1)) * expected_best(count)
    found = probabilistic_sharpe(ratio, threshold, len(values), lean, tails)
    return Deflated(found, ratio, threshold, lean, tails, count, len(values))


def probabilistic_sharpe(ratio: float, threshold: float, n: int, skewness: float, kurtosis: float) -> float:
    """Return the probability that the true ratio is above a threshold, all per period, kurtosis raw.

    Φ((s - s₀) √(n - 1) / √(1 - skewness s + (kurtosis - 1) s² / 4)): Bailey & López de Prado 2014, eq. 9.
    """
    from scipy.stats import norm

    spread = np.sqrt(1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2)
    return float(norm.cdf((ratio - threshold) * np.sqrt(n - 1.0) / spread))


def overfitting(returns: pd.DataFrame, blocks: int = 16, fewest_per_block: int = 2) -> Overfit | Refused:
    """Return the probability of backtest overfitting of a search over trials (session × trial), by symmetric splits (CSCV).

    Sessions are cut into an even number of equal blocks, the oldest few left out; blocks should be at least as long as a
    position is held: `fewest_per_block`. Refused below 30 sessions, two trials, or where blocks would be shorter than that.
    """
    values = returns.to_numpy(float)
    if refused := refusal(values):
        return refused
    length = len(values) // blocks
    if values.shape[1] < 2 or blocks % 2 or length < fewest_per_block:
        return Refused(
            f"{values.shape[1]} trials in {blocks} blocks of {length} sessions; want 2, even, {fewest_per_block}", len(values)
        )
    cut = values[len(values) - blocks * length :].reshape(blocks, length, -1)
    return overfitting_of(cut.sum(axis=1), (cut**2).sum(axis=1), length)


def overfitting_of(sums: Floats, squares: Floats, length: int) -> Overfit:
    """Return the same from each trial's sums of returns and of their squares in every block of `length` sessions (block × trial).

    Memory grows with the trials alone: splits are taken a few at a time. Ratios within a rounding of each other are ties.
    """
    blocks, trials = sums.shape
    picks = np.array([[block in half for block in range(blocks)] for half in map(set, combinations(range(blocks), blocks // 2))])
    count, at_once = length * blocks / 2.0, max(1, AT_ONCE // trials)
    best, chosen, below = (np.empty(len(picks)) for _ in range(3))
    for first in range(0, len(picks), at_once):
        part = slice(first, first + at_once)
        halves = picks[part].astype(float)
        inside, outside = (_ratios(one @ sums, one @ squares, count) for one in (halves, 1.0 - halves))
        rows = np.arange(len(halves))
        place = inside.argmax(axis=1)
        best[part], chosen[part] = inside[rows, place], outside[rows, place]
        gap = outside - chosen[part][:, None]
        below[part] = (gap < -TIE).sum(axis=1) + 0.5 * ((np.abs(gap) <= TIE).sum(axis=1) - 1) + 1.0
    slope = float(np.polyfit(best, chosen, 1)[0]) if np.ptp(best) > 0.0 else float("nan")
    return Overfit(
        probability=float((below / (trials + 1.0) <= 0.5).mean()),
        loss=float((chosen < 0.0).mean()),
        slope=slope,
        splits=len(picks),
        blocks=blocks,
        trials=trials,
        n=length * blocks,
    )


def minimum_length(trials: int, ratio: float) -> float:
    """Return the years of returns below which the best of that many noises is expected to reach an annual Sharpe ratio.

    (expected best of N / ratio)²: Bailey et al. 2014, theorem 1.
    """
    return (expected_best(trials) / ratio) ** 2


def superior(benchmark: pd.Series, returns: pd.DataFrame, seed: int, block: int, repetitions: int = 1000) -> Superior | Refused:
    """Return Hansen's test that no trial (session × trial) earned more than the benchmark; block in sessions.

    Refused below 30 sessions or on missing or constant returns. Run through `arch`, losses being returns turned around.
    """
    from arch.bootstrap import SPA

    values = returns.sub(benchmark, axis=0).to_numpy(float)
    if refused := refusal(values):
        return refused
    test = SPA(np.zeros(len(values)), -values, block_size=block, reps=repetitions, seed=np.random.default_rng(seed))
    test.compute()
    found = test.pvalues
    return Superior(
        consistent=float(found["consistent"]),
        lower=float(found["lower"]),
        upper=float(found["upper"]),
        trials=values.shape[1],
        n=len(values),
    )


def _ratios(sums: Floats, squares: Floats, count: float) -> Floats:
    variance = (squares - sums**2 / count) / (count - 1.0)
    return np.asarray(sums / count / np.sqrt(np.maximum(variance, 1e-30)))
