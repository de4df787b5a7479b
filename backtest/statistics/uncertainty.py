"""How far a Sharpe ratio could be from the truth by chance alone: standard errors.

Intervals by resampling are in `bootstrap`, the standard error of a regression in `hac`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.hac import cosine_count, critical, long_run_variance
from backtest.statistics.refusal import FEWEST_OBSERVATIONS as FEWEST_OBSERVATIONS  # read here by the report
from backtest.statistics.refusal import ROUNDING, Floats, Refused, refusal


@dataclass(frozen=True)
class SharpeEstimate:
    """An annualised Sharpe ratio with two standard errors.

    `iid_error` takes the returns as independent; `error` allows for autocorrelation and fat tails. `lower` and `upper` are
    the interval at `level` from `error` with Student's t of `degrees` degrees of freedom. `autocorrelation` is the first
    of the returns, `n` their number.
    """

    ratio: float
    iid_error: float
    error: float
    lower: float
    upper: float
    level: float
    degrees: int
    autocorrelation: float
    n: int


def sharpe(returns: pd.Series, periods_per_year: int) -> tuple[float, float] | None:
    """Return the annualised Sharpe ratio (no risk-free rate) and its standard error.

    None below 30 returns, or where they never vary. With s the ratio per period, mean over standard deviation (n - 1), and
    n returns: ratio s √q, standard error √((1 + s²/2) / n) √q, q periods a year; returns independent and identically
    distributed (Lo, Financial Analysts Journal 58, 2002, eq. 9). Autocorrelation widens it: see `sharpe_estimate`.
    """
    observed = returns.to_numpy()
    spread = observed.std(ddof=1) if len(observed) >= FEWEST_OBSERVATIONS else 0.0
    if not spread > ROUNDING * abs(observed).max(initial=0.0):
        return None
    per_period = observed.mean() / spread
    error = np.sqrt((1.0 + per_period**2 / 2.0) / len(observed))
    return float(per_period * np.sqrt(periods_per_year)), float(error * np.sqrt(periods_per_year))


def rolling_sharpe(returns: pd.Series, periods_per_year: int) -> pd.DataFrame:
    """Return `sharpe` of the last year of returns at each session that has one: columns "ratio" and "error", annualised.

    A year is `periods_per_year` returns; empty where there are fewer. Neighbouring values share nearly all their returns.
    """
    window = returns.rolling(periods_per_year)
    spread = window.std(ddof=1)
    per_period = (window.mean() / spread).where(spread > ROUNDING * returns.abs().rolling(periods_per_year).max())
    error = ((1.0 + per_period**2 / 2.0) / periods_per_year) ** 0.5
    annual: pd.DataFrame = (pd.DataFrame({"ratio": per_period, "error": error}) * periods_per_year**0.5).dropna()
    return annual


def sharpe_estimate(returns: pd.Series, periods_per_year: int, level: float = 0.95) -> SharpeEstimate | Refused:
    """Return the annualised Sharpe ratio with a standard error that allows for autocorrelation, or Refused below 30 returns.

    Lo's (2002) GMM estimator: √(Ω / n) √q with Ω the long-run variance of the ratio's pulls z_t - s (z_t² - 1) / 2,
    z_t the standardised return. Lo sums autocovariances with Bartlett weights and uses normal critical values, which covers
    83–92% of the time where it promises 95% (first autocorrelation 0.5, 30–880 returns); here Ω is the mean of ν squared
    cosine transforms with critical values of t_ν, ν = 0.4 n^(2/3) (Lazarus, Lewis, Stock & Watson 2018), which covers 93–96%.
    """
    observed = returns.to_numpy(float)
    if refused := refusal(observed):
        return refused
    standardised = (observed - observed.mean()) / observed.std(ddof=1)
    per_period = observed.mean() / observed.std(ddof=1)
    degrees, scale = cosine_count(len(observed)), np.sqrt(periods_per_year)
    error = np.sqrt(long_run_variance(pull(observed), degrees) / len(observed)) * scale
    half = critical(level, degrees) * error
    return SharpeEstimate(
        ratio=float(per_period * scale),
        iid_error=float(np.sqrt((1.0 + per_period**2 / 2.0) / len(observed)) * scale),
        error=float(error),
        lower=float(per_period * scale - half),
        upper=float(per_period * scale + half),
        level=level,
        degrees=degrees,
        autocorrelation=float((standardised[1:] * standardised[:-1]).sum() / (standardised**2).sum()),
        n=len(observed),
    )


def moments(returns: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation (n - 1) along the last axis, which stays."""
    mean = returns.mean(axis=-1, keepdims=True)
    return mean, returns.std(axis=-1, ddof=1, keepdims=True, mean=mean)


def pull(returns: Floats) -> Floats:
    """Return how much each return pulls on the Sharpe ratio per period, along the last axis: z - s (z² - 1) / 2 (Lo 2002)."""
    return pull_of(returns, *moments(returns))


def pull_of(returns: Floats, mean: Floats, spread: Floats) -> Floats:
    """Return `pull` of returns with these moments."""
    standardised = (returns - mean) / spread
    return np.asarray(standardised - mean / spread * (standardised**2 - 1.0) / 2.0)
