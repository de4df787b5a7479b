"""How much of the best of many trials is the search: deflation, the chance of overfitting, and the length a search needs.

Bailey & López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40 (2014); Bailey, Borwein, López de Prado
& Zhu, The Probability of Backtest Overfitting, Journal of Computational Finance 20 (2017), and Pseudo-Mathematics and
Financial Charlatanism, Notices of the AMS 61 (2014). The number of trials comes from the trial ledger, never from memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal
from backtest.statistics.standing import expected_best

AT_ONCE = 1 << 17  # splits × trials held at a time
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
    Each pair of complementary halves serves twice, and is ranked by s|s|/q (s the sum of a half, q that of its squares), which
    grows with the ratio and needs no root.
    """
    blocks, trials = sums.shape
    count = length * blocks / 2.0
    found = [
        _chosen(one, other, count) for pair in _halves(np.stack([sums, squares + LEAST])) for one, other in (pair, pair[::-1])
    ]
    best, chosen, below = (np.concatenate(column) for column in zip(*found, strict=True))
    slope = float(np.polyfit(best, chosen, 1)[0]) if np.ptp(best) > 0.0 else float("nan")
    return Overfit(
        probability=float((below / (trials + 1.0) <= 0.5).mean()),
        loss=float((chosen < 0.0).mean()),
        slope=slope,
        splits=len(best),
        blocks=blocks,
        trials=trials,
        n=length * blocks,
    )


def minimum_length(trials: int, ratio: float) -> float:
    """Return the years of returns below which the best of that many noises is expected to reach an annual Sharpe ratio.

    (expected best of N / ratio)²: Bailey et al. 2014, theorem 1.
    """
    return (expected_best(trials) / ratio) ** 2


def _halves(tables: Floats) -> Iterator[tuple[Floats, ...]]:
    """Yield s|s|/q of every trial (splits × trials) in halves that hold the first block and, beside them, in the other halves.

    `tables` are sums and squares (2 × block × trial). The last quarter of the blocks is summed once for many halves.
    """
    _, blocks, trials = tables.shape
    cut, at_once = blocks - blocks // 4, max(1, AT_ONCE // trials)
    for size in range(1, blocks // 2 + 1):
        left, right = _picks(cut, size), _picks(blocks - cut, blocks // 2 - size)
        left = left[left[:, 0] == 1.0]
        beside = np.stack([pick @ tables[:, cut:] for pick in (right, 1.0 - right)])
        for part in _parts(len(left), max(1, at_once // max(1, len(right)))):
            before = np.stack([pick @ tables[:, :cut] for pick in (left[part], 1.0 - left[part])])
            for rest in _parts(len(right), at_once):
                yield tuple(_order(one[:, :, None] + other[:, None, rest]) for one, other in zip(before, beside, strict=True))


def _parts(count: int, most: int) -> Iterator[slice]:
    return (slice(first, first + most) for first in range(0, count, most))


def _picks(blocks: int, size: int) -> Floats:
    """Return every choice of that many blocks, ones and zeros (choice × block)."""
    rows = [[float(block in chosen) for block in range(blocks)] for chosen in map(set, combinations(range(blocks), size))]
    return np.array(rows).reshape(len(rows), blocks)


def _order(halves: Floats) -> Floats:
    sums, squares = halves.reshape(2, -1, halves.shape[-1])
    order = np.abs(sums)
    order *= sums
    order /= squares
    return np.asarray(order)


def _chosen(inside: Floats, outside: Floats, count: float) -> tuple[Floats, Floats, Floats]:
    """Return, per split, the ratio of the trial best inside, its ratio outside and its rank there from the worst, ties halved."""
    rows, place = np.arange(len(inside)), inside.argmax(axis=1)
    mine = outside[rows, place]
    ratio = _ratio(mine, count)
    lowest, highest = np.minimum(_order_of(ratio - TIE, count), mine), np.maximum(_order_of(ratio + TIE, count), mine)
    passed = (outside < lowest[:, None]).view(np.uint8) + (outside <= highest[:, None])  # 2 that it beats, 1 that it ties with
    return _ratio(inside[rows, place], count), ratio, (passed.sum(axis=1, dtype=np.uint32) + 1.0) / 2.0


def _ratio(order: Floats, count: float) -> Floats:
    """Return the Sharpe ratios per session (ddof 1) of values s|s|/q over `count` sessions."""
    size = np.abs(order)
    return np.asarray(np.sign(order) * np.sqrt((count - 1.0) / count * size / np.maximum(count - size, TIE)))


def _order_of(ratio: Floats, count: float) -> Floats:
    """Return s|s|/q of Sharpe ratios."""
    return np.asarray(count**2 * ratio * np.abs(ratio) / (count - 1.0 + count * ratio**2))
