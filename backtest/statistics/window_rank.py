"""Whether a regime can be told from luck, and, apart from that, whether it is special among the windows of the same run.

Luck is judged by the interval of its Sharpe ratio and by the best of many noises. A rank among windows of one run cannot say
it: of any series, whatever made it, one window in twenty is among its best 5%.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.refusal import Floats, Refused, refusal
from backtest.statistics.uncertainty import SharpeEstimate, sharpe_estimate

EULER_MASCHERONI = 0.5772156649015329
SUPPORTED, UNCLEAR, CONTRADICTED = "supported", "not distinguishable", "contradicted"
TOLD, MAY_BE, WORSE = "told from luck", "may be luck", "worse than luck"
SPECIAL_AT = 0.05  # one-sided: the share of windows that did as well


@dataclass(frozen=True)
class Standing:
    """One window's return among all windows of its length, and the verdict.

    `rank` counts from the best, of `windows` windows that overlap, `apart` of which fit side by side; `p` = rank / windows,
    one-sided. `luck` and `special` answer the two questions apart, `verdict` takes both together.
    `expected_best` is the annualised Sharpe ratio that the best of `trials` noise strategies is expected to reach in the
    window: that of N normals times the larger of its two standard errors. `because` says which rule gave the verdict.
    """

    sharpe: SharpeEstimate
    total_return: float
    rank: int
    windows: int
    apart: int
    p: float
    trials: int
    expected_best: float
    luck: str
    special: bool
    verdict: str
    because: str

    @property
    def note(self) -> str:
        """The sentence that belongs beside the rank."""
        return f"rank {self.rank} of {self.windows} windows that overlap; {self.apart} fit side by side"


def standing(returns: pd.Series, start: int, stop: int, periods_per_year: int, trials: int) -> Standing | Refused:
    """Return where the returns at positions start..stop-1 stand among all windows of that length of the whole series.

    Returns are best taken in excess of a benchmark. Windows wrap around the end, so that each start is as likely as another.
    Refused where the window or the rest holds fewer than 30 returns. The ratio's 95% interval allows for autocorrelation.

    - *told from luck*: the interval lies above 0 and the ratio is above the expected best of `trials`; *worse than luck*: it lies
      below 0; *may be luck*: anything else.
    - *special*: p is at most 5%.
    - *supported*: told from luck and special; *contradicted*: worse than luck, or the window lost money and ranks in the lowest
      5%; *not distinguishable*: anything else, with the first rule that failed.
    """
    values = returns.to_numpy(float)
    length = stop - start
    if refused := refusal(np.delete(values, slice(start, stop))):
        return Refused(f"outside the window: {refused.reason}", refused.n)
    estimate = sharpe_estimate(returns.iloc[start:stop], periods_per_year)
    if isinstance(estimate, Refused):
        return estimate
    totals = window_returns(returns, length)
    rank = int((totals >= totals[start] - 1e-12).sum())
    best = expected_best(trials) * max(estimate.error, estimate.iid_error)
    p = rank / len(totals)
    word, because = verdict(estimate.lower, estimate.upper, estimate.ratio, best, p, float(totals[start]))
    total, (luck, _) = float(np.expm1(totals[start])), of_luck(estimate.lower, estimate.upper, estimate.ratio, best)
    apart, special = len(values) // length, p <= SPECIAL_AT
    return Standing(estimate, total, rank, len(totals), apart, p, trials, best, luck, special, word, because)


def window_returns(returns: pd.Series, length: int) -> Floats:
    """Return the log return of the window of a length from each position, wrapping around the end."""
    grown = np.log1p(returns.to_numpy(float))
    summed = np.concatenate([[0.0], np.cumsum(np.concatenate([grown, grown[: length - 1]]))])
    return np.asarray(summed[length:] - summed[:-length])


def expected_best(trials: int) -> float:
    """Return the expected maximum of `trials` independent standard normals.

    (1 - γ) Φ⁻¹(1 - 1/N) + γ Φ⁻¹(1 - 1/(N e)), γ Euler–Mascheroni (Bailey & López de Prado, Journal of Portfolio Management
    40, 2014, eq. 1); 0 for a single trial. Times the standard error of a Sharpe ratio: what the best of N noises reaches.
    """
    from scipy.special import ndtri

    if trials < 2:
        return 0.0
    ends = ndtri([1.0 - 1.0 / trials, 1.0 - 1.0 / (trials * np.e)])
    return float((1.0 - EULER_MASCHERONI) * ends[0] + EULER_MASCHERONI * ends[1])


def of_luck(lower: float, upper: float, ratio: float, best: float) -> tuple[str, str]:
    """Return whether a Sharpe ratio can be told from luck, and why; `best` is the expected best of noise."""
    if upper < 0.0:
        return WORSE, "the interval of the Sharpe ratio lies below 0"
    if lower <= 0.0:
        return MAY_BE, "the interval of the Sharpe ratio includes 0"
    if ratio <= best:
        return MAY_BE, f"the best of that many noises is expected to reach a Sharpe ratio of {best:.1f}"
    return TOLD, "the Sharpe ratio is clear of 0 and of noise"


def verdict(lower: float, upper: float, ratio: float, best: float, p: float, total: float) -> tuple[str, str]:
    """Return the verdict on a window and the rule that gave it; the rules are those of `standing`."""
    luck, because = of_luck(lower, upper, ratio, best)
    if luck == WORSE:
        return CONTRADICTED, because
    if total < 0.0 and p >= 1.0 - SPECIAL_AT:
        return CONTRADICTED, f"it lost money and {p:.0%} of windows did as well or better"
    if luck == MAY_BE:
        return UNCLEAR, because
    if p > SPECIAL_AT:
        return UNCLEAR, f"told from luck, but not special: {p:.0%} of windows of this length did as well"
    return SUPPORTED, f"{because}, and {p:.1%} of windows did as well"
