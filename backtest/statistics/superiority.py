"""Hansen's test for superior ability over more trials than fit into memory: the test of `arch`, fed a few trials at a time.

`arch` holds every trial's returns and every bootstrapped mean at once, gigabytes for 100,000 trials. Here the draws are
its own, fixed beforehand, and of each draw only the best mean so far is kept. A test holds the p-values to those of `arch`.
"""

import numpy as np

from backtest.statistics.overfitting import Superior
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Floats, Refused


class Superiority:
    """The test that no trial earned more than the benchmark, over trials added in parts.

    `n` sessions, mean block length `block` in sessions. Trials that never differ from the benchmark are not counted.
    """

    def __init__(self, n: int, block: int, seed: int, repetitions: int = 1000) -> None:
        from arch.bootstrap import StationaryBootstrap

        self.n, self.trials = n, 0
        bootstrap = StationaryBootstrap(block, np.arange(n), seed=np.random.default_rng(seed))
        drawn = [np.bincount(found[0][0], minlength=n) for found in bootstrap.bootstrap(repetitions)]
        self._shares: Floats = np.array(drawn, dtype=float) / n
        lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        far, keep = lags / n, 1.0 - 1.0 / block
        self._kernel: Floats = np.where(lags == 0, 1.0, (1.0 - far) * keep**lags + far * keep ** (n - lags))
        self._best = -np.inf
        self._drawn_best: Floats = np.full((3, repetitions), -np.inf)

    def add(self, excess: Floats) -> None:
        """Take in some trials' returns in excess of the benchmark, shape (sessions, trials)."""
        excess = excess[:, np.ptp(excess, axis=0) > 0.0]
        if not excess.shape[1]:
            return
        self.trials += excess.shape[1]
        mean = excess.mean(axis=0)
        centred = excess - mean
        variance = (centred * (self._kernel @ centred)).sum(axis=0) / self.n
        relevant = mean >= -np.sqrt(variance / self.n * 2.0 * np.log(np.log(self.n)))
        drawn = self._shares @ excess
        for place, centre in enumerate((np.maximum(mean, 0.0), np.where(relevant, mean, 0.0), mean)):
            self._drawn_best[place] = np.maximum(self._drawn_best[place], (drawn - centre).max(axis=1))
        self._best = max(self._best, float(mean.max()))

    def result(self) -> Superior | Refused:
        """Return the p-values over everything added; Refused below 30 sessions or without a trial."""
        if self.n < FEWEST_OBSERVATIONS or not self.trials:
            return Refused(f"{self.trials} trials over {self.n} sessions; want one and {FEWEST_OBSERVATIONS}", self.n)
        lower, consistent, upper = (self._drawn_best > self._best).mean(axis=1).tolist()
        return Superior(consistent=consistent, lower=lower, upper=upper, trials=self.trials, n=self.n)
