"""How much of the best of many trials is the search: deflation, the chance of overfitting, and the length a search needs.

Bailey & López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014); Bailey, Borwein, López de Prado
& Zhu, The Probability of Backtest Overfitting, Journal of Computational Finance 20 (2017), and Pseudo-Mathematics and
Financial Charlatanism, Notices of the AMS 61 (2014). The number of trials comes from the trial ledger, never from memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal
from backtest.statistics.window_rank import expected_best

AT_ONCE = 256  # trials: what is summed of them stays in the processor's cache
TIE = 1e-12
LEAST = 1e-30  # sum of squares: a trial that never moves has a ratio of 0


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


def deflated_sharpe(returns: pd.Series, trial_ratios: Floats, trials: int | None = None) -> Deflated | Refused:
    """Return the Deflated Sharpe Ratio of the selected returns among all trials' ratios per period; Refused below 30 returns.

    `trials` is their number where the ratios at hand are not all there ever were.
    """
    values = returns.to_numpy(float)
    if refused := refusal(values):
        return refused
    if len(trial_ratios) < 2:
        return Refused("one trial; expected at least 2", len(trial_ratios))
    ratio = float(values.mean() / values.std(ddof=1))
    lean, tails = _skewness_and_kurtosis(values)
    count = trials or len(trial_ratios)
    threshold = float(np.std(trial_ratios, ddof=1)) * expected_best(count)
    probability = probabilistic_sharpe(ratio, threshold, len(values), lean, tails)
    return Deflated(probability, ratio, threshold, lean, tails, count, len(values))


def probabilistic_sharpe(ratio: float, threshold: float, n: int, skewness: float, kurtosis: float) -> float:
    """Return the probability that the true ratio is above a threshold, all per period, kurtosis raw.

    Φ((s - s₀) √(n - 1) / √(1 - skewness s + (kurtosis - 1) s² / 4)): Bailey & López de Prado 2014, eq. 9.
    """
    from scipy.special import ndtr

    spread = np.sqrt(1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2)
    return float(ndtr((ratio - threshold) * np.sqrt(n - 1.0) / spread))


def _skewness_and_kurtosis(values: Floats) -> tuple[float, float]:
    """Return the third and the fourth standardised moment, both with N below: scipy.stats has them, and is slow to load."""
    centred = values - values.mean()
    squares = centred**2
    variance = squares.mean()
    return float((squares * centred).mean() / variance**1.5), float((squares**2).mean() / variance**2)


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
            f"{values.shape[1]} trials in {blocks} blocks of {length} sessions; expected 2, even, {fewest_per_block}", len(values)
        )
    cut = values[len(values) - blocks * length :].reshape(blocks, length, -1)
    return overfitting_of([np.stack([cut.sum(axis=1), (cut**2).sum(axis=1)])], length)


def overfitting_of(parts: Sequence[Floats], length: int) -> Overfit | Refused:
    """Return the same of trials that come in parts, each the sums of returns and of their squares by block (2 × block × trial).

    A block is `length` sessions. Trials are taken a few at a time. In ranks, ratios within a rounding of each other are ties.
    Refused where a sum is no number.
    """
    from backtest.statistics import cscv_kernel

    if not all(np.isfinite(part).all() for part in parts):
        return Refused("returns that are no numbers", length * parts[0].shape[1])
    blocks, trials = parts[0].shape[1], sum(part.shape[2] for part in parts)
    count = length * blocks / 2.0
    splits = _splits(blocks // 2)
    best, outside = np.full(splits.shape, -np.inf), np.zeros(splits.shape)
    for left, right in _tiles(parts):
        cscv_kernel.choose(left, right, splits, best, outside)
    chosen = _ratio(outside, count)
    lowest, highest = np.minimum(_order(chosen - TIE, count), outside), np.maximum(_order(chosen + TIE, count), outside)
    counted = np.zeros(splits.shape, dtype=np.int64)  # 2 for each that it beats, 1 for each that it ties with
    for left, right in _tiles(parts):
        cscv_kernel.passed(left, right, splits, lowest, highest, counted)
    ratio = _ratio(best, count)
    return Overfit(
        probability=float(((counted + 1.0) / 2.0 / (trials + 1.0) <= 0.5).mean()),
        loss=float((chosen < 0.0).mean()),
        slope=float(np.polyfit(ratio.ravel(), chosen.ravel(), 1)[0]) if np.ptp(ratio) > 0.0 else float("nan"),
        splits=splits.size,
        blocks=blocks,
        trials=trials,
        n=length * blocks,
    )


def minimum_length(trials: int, ratio: float) -> float:
    """Return the years of returns below which the best of that many noises is expected to reach an annual Sharpe ratio.

    (expected best of N / ratio)²: Bailey et al. 2014, theorem 1.
    """
    return (expected_best(trials) / ratio) ** 2


def _subsets(blocks: int) -> Floats:
    """Return every subset of some blocks, ones and zeros (subset × block); the opposite of number i is number -1 - i."""
    return (np.arange(2**blocks)[:, None] >> np.arange(blocks) & 1).astype(float)


def _splits(blocks: int) -> np.ndarray:
    """Return the halves of twice so many blocks that hold the first: the numbers of their subsets of each side (half × side)."""
    size = _subsets(blocks).sum(axis=1)
    halves = np.argwhere(size[:, None] + size == blocks)
    return np.asarray(halves[halves[:, 0] % 2 == 1])  # of each pair of opposites one


def _tiles(parts: Sequence[Floats]) -> Iterator[tuple[Floats, Floats]]:
    """Yield the sums of a few trials over every subset of the first and of the last blocks, each 2 × subset × trial."""
    middle = parts[0].shape[1] // 2
    for part in parts:
        for first in range(0, part.shape[2], AT_ONCE):
            tile = part[:, :, first : first + AT_ONCE] + np.array([0.0, LEAST])[:, None, None]
            yield _subset_sums(tile[:, :middle]), _subset_sums(tile[:, middle:])


def _subset_sums(sums: Floats) -> Floats:
    """Return the sums over every subset of some blocks (2 × block × trial), each from one of a block less."""
    blocks, trials = sums.shape[1:]
    of_subsets = np.zeros((2, 2**blocks, trials))
    for block in range(blocks):
        count = 2**block
        np.add(of_subsets[:, :count], sums[:, block, None], out=of_subsets[:, count : 2 * count])
    return of_subsets


def _ratio(order: Floats, count: float) -> Floats:
    """Return the Sharpe ratios per session (ddof 1) of values s|s|/q over `count` sessions."""
    size = np.abs(order)
    return np.asarray(np.sign(order) * np.sqrt((count - 1.0) / count * size / np.maximum(count - size, TIE)))


def _order(ratio: Floats, count: float) -> Floats:
    """Return the values s|s|/q of Sharpe ratios."""
    return np.asarray(count**2 * ratio * np.abs(ratio) / (count - 1.0 + count * ratio**2))
