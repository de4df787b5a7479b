"""Hansen's test for superior predictive ability (JBES 23, 2005), fed a few trials at a time.

`arch` holds every trial's returns and every bootstrapped mean at once, gigabytes for 100,000 trials, and compares means that
are not divided by their spread. Here the draws are its own, fixed beforehand, each trial's mean is divided by its spread,
and of each draw only the best so far is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.statistics.bootstrap import resample
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Floats, Refused, refusal

AT_ONCE = 64  # trials: what is computed of them stays in the processor's cache
ROUNDING = 1e-12  # a return in excess that moves by less is rounding


@dataclass(frozen=True)
class Superior:
    """Hansen's p-values that no trial beats the benchmark: `consistent` is the one to read, between the two bounds."""

    consistent: float
    lower: float
    upper: float
    trials: int
    n: int


def superior(benchmark: pd.Series, returns: pd.DataFrame, seed: int, block: int, repetitions: int = 1000) -> Superior | Refused:
    """Return Hansen's test that no trial (session × trial) earned more than the benchmark; block in sessions.

    Refused below 30 sessions or on missing or constant returns.
    """
    values = returns.sub(benchmark, axis=0).to_numpy(float)
    if refused := refusal(values):
        return refused
    return superior_of([Draws(len(values), block, seed, repetitions).best_of(values)], len(values))


@dataclass(frozen=True)
class Best:
    """The best of some trials: how many counted, their highest t, and of every draw the highest counterpart (3, draws)."""

    trials: int
    highest: float
    drawn: Floats


class Draws:
    """The draws of the test that no trial earned more than the benchmark; what they make of some trials is `best_of` those.

    `n` sessions, mean block length `block` in sessions. Trials that never differ from the benchmark are not counted.

    Statistic: T = max over trials of √n d̄ / σ, or 0; d̄ and σ the mean and standard deviation of a trial's excess. A draw's
    counterpart is the max of √n (d̄* - g) / σ, or 0; g is d̄ (upper), d̄ where √n d̄ / ω ≥ -√(2 log log n) and else 0
    (consistent), max(d̄, 0) (lower). The p-value is the share of draws above T, and 1 where T is 0.

    ω² is the variance of √n d̄ under the stationary bootstrap, γ₀ + 2 Σ κᵢ γᵢ with κᵢ = (1 - i/n)(1 - q)ⁱ + (i/n)(1 - q)ⁿ⁻ⁱ and
    q = 1 / block. The paper divides by ω; from 46 blocks of 25 days ω is so uncertain that the largest of 100 independent
    trials is then too often one with a small ω: noise is rejected 16% of the time, not 5%. The draws know of dependence
    either way, for both sides are divided by the same.
    """

    def __init__(self, n: int, block: int, seed: int, repetitions: int = 1000) -> None:
        from scipy.fft import next_fast_len, rfft
        from scipy.sparse import csr_array, vstack

        self.n, self._repetitions = n, repetitions
        places = resample(np.arange(n, dtype=float), block, repetitions, seed).astype(np.int64)
        counts = (np.bincount(drawn, minlength=n).astype(float) for drawn in places)
        # A draw is a few runs of sessions: its sum is a few differences of running sums, the last of which is 0 once centred.
        self._ends = vstack([csr_array((drawn[None, :-1] - drawn[None, 1:]) / np.sqrt(n)) for drawn in counts], format="csr")
        lags, keep = np.arange(n), 1.0 - 1.0 / block
        kappa = (1.0 - lags / n) * keep**lags + lags / n * keep ** (n - lags)
        kappa[0] = 1.0
        self._length = next_fast_len(2 * n, real=True)  # zeros behind the sessions keep the lags of both ends apart
        weights = np.zeros(self._length)
        weights[:n], weights[-n + 1 :] = kappa, kappa[:0:-1]
        self._spectrum: Floats = np.asarray(rfft(weights)).real / self._length
        self._spectrum[1 : (self._length + 1) // 2] *= 2.0  # the frequencies that stand for two

    def best_of(self, excess: Floats, counts: npt.NDArray[np.int64] | None = None) -> Best:
        """Return the best of some trials' returns in excess of the benchmark, shape (sessions, trials).

        `counts` says how many equal trials each of them stands for.
        """
        parts = []
        for first in range(0, excess.shape[1], AT_ONCE):
            trials = np.ascontiguousarray(excess[:, first : first + AT_ONCE].T)
            moved = np.ptp(trials, axis=1) > ROUNDING
            if moved.any():
                best = self._best_of(trials[moved])
                parts.append(best if counts is None else replace(best, trials=int(counts[first : first + AT_ONCE][moved].sum())))
        return joined(parts) if parts else Best(0, 0.0, np.zeros((3, self._repetitions)))

    def _best_of(self, excess: Floats) -> Best:
        from backtest.statistics import spa_kernel

        mean = excess.mean(axis=1)
        centred = excess - mean[:, None]
        spread = centred.std(axis=1)
        t_values = np.sqrt(self.n) * mean / spread
        running = np.ascontiguousarray(np.cumsum(centred / spread[:, None], axis=1)[:, :-1].T)
        irrelevant = mean < 0.0
        errors = self._error(centred[irrelevant])
        irrelevant[irrelevant] = np.sqrt(self.n) * mean[irrelevant] / errors < -np.sqrt(2.0 * np.log(np.log(self.n)))
        shifts = np.stack([np.minimum(t_values, 0.0), np.where(irrelevant, t_values, 0.0), np.zeros(len(t_values))])
        best = np.zeros((len(shifts), self._repetitions))
        spa_kernel.raise_to_best(self._ends.indptr, self._ends.indices, self._ends.data, running, shifts, best)
        return Best(len(excess), max(float(t_values.max()), 0.0), best)

    def _error(self, centred: Floats) -> Floats:
        """Return ω of each trial: the same as with the κ-weighted autocovariances, from the periodogram."""
        from scipy.fft import rfft

        transformed = rfft(centred, self._length, axis=1)
        power = transformed.real**2 + transformed.imag**2
        return np.asarray(np.sqrt(power @ self._spectrum / self.n))


def superior_of(parts: Sequence[Best], n: int) -> Superior | Refused:
    """Return the p-values over all parts of the trials; Refused below 30 sessions or without a trial."""
    best = joined(parts)
    if n < FEWEST_OBSERVATIONS or not best.trials:
        return Refused(f"{best.trials} trials over {n} sessions; expected at least 1 and {FEWEST_OBSERVATIONS}", n)
    above = (best.drawn > best.highest).mean(axis=1) if best.highest > 0.0 else np.ones(3)
    lower, consistent, upper = above.tolist()
    return Superior(consistent=consistent, lower=lower, upper=upper, trials=best.trials, n=n)


def joined(parts: Sequence[Best]) -> Best:
    """Return the best of the trials of all parts."""
    drawn = np.maximum.reduce([part.drawn for part in parts])
    return Best(sum(part.trials for part in parts), max(part.highest for part in parts), drawn)
