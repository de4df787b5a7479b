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


def deflated_sharpe(returns: pd.Series, trial_ratios: Floats) -> Deflated | Refused:
    """Return the Deflated Sharpe Ratio of the selected returns among all trials' ratios per period; Refused below 30 returns."""
    from scipy.stats import kurtosis, skew

    values = returns.to_numpy(float)
    if refused := refusal(values):
        return refused
    if len(trial_ratios) < 2:
        return Refused("one trial; want at least 2", len(trial_ratios))
    ratio = float(values.mean() / values.std(ddof=1))
    lean, tails = float(skew(values)), float(kurtosis(values, fisher=False))
    threshold = float(np.std(trial_ratios, ddof=1)) * expected_best(len(trial_ratios))
    found = probabilistic_sharpe(ratio, threshold, len(values), lean, tails)
    return Deflated(found, ratio, threshold, lean, tails, len(trial_ratios), len(values))


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
    inside, outside = _halves(values[len(values) - blocks * length :].reshape(blocks, length, -1))
    best = inside.argmax(axis=1)
    chosen = outside[np.arange(len(best)), best]
    below = (outside < chosen[:, None]).sum(axis=1) + 0.5 * ((outside == chosen[:, None]).sum(axis=1) - 1) + 1.0
    logit = below / (values.shape[1] + 1.0)
    slope = float(np.polyfit(inside.max(axis=1), chosen, 1)[0]) if np.ptp(inside.max(axis=1)) > 0.0 else float("nan")
    return Overfit(
        probability=float((logit <= 0.5).mean()),
        loss=float((chosen < 0.0).mean()),
        slope=slope,
        splits=len(best),
        blocks=blocks,
        trials=values.shape[1],
        n=len(values),
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


def _halves(cut: Floats) -> tuple[Floats, Floats]:
    """Return the Sharpe ratios per period of each trial in every half of the blocks and in the other: splits × trials."""
    blocks, length, _ = cut.shape
    picks = (
        np.zeros((0, blocks))
        if blocks < 2
        else np.array(
            [[float(block in half) for block in range(blocks)] for half in map(set, combinations(range(blocks), blocks // 2))]
        )
    )
    sums, squares, count = cut.sum(axis=1), (cut**2).sum(axis=1), length * blocks / 2.0
    return _ratios(picks @ sums, picks @ squares, count), _ratios((1.0 - picks) @ sums, (1.0 - picks) @ squares, count)


def _ratios(sums: Floats, squares: Floats, count: float) -> Floats:
    variance = (squares - sums**2 / count) / (count - 1.0)
    return np.asarray(sums / count / np.sqrt(np.maximum(variance, 1e-30)))
