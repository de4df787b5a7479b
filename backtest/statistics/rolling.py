"""Volatility, Sharpe ratio and beta of the year behind each session, each with the standard error of independent returns.

A year is `periods_per_year` returns. Neighbouring values share nearly all of theirs, so a stretch is one observation.
"""

import pandas as pd

from backtest.statistics.refusal import ROUNDING
from backtest.statistics.uncertainty import rolling_sharpe

COLUMNS = ("volatility", "volatility_error", "sharpe", "sharpe_error", "beta", "beta_error")


def rolling_figures(returns: pd.Series, benchmark: pd.Series, periods_per_year: int) -> pd.DataFrame:
    """Return COLUMNS by session, from the first that has a year behind it; empty where none has.

    Volatility is annualised, of standard deviations with n - 1; its error is σ √((κ - 1) / 4n), κ the year's raw kurtosis.
    Beta is that of `benchmark` (session → return), NaN where it lacks one of the year's returns; its error is that of least
    squares. Nothing after a session is read for it.
    """
    n, year = periods_per_year, returns.rolling(periods_per_year)
    spread = year.std(ddof=1)
    spread = spread.where(spread > ROUNDING * returns.abs().rolling(n).max())
    other = benchmark.reindex(returns.index)
    spread_of_other = other.rolling(n).std(ddof=1)
    beta = returns.rolling(n).cov(other, ddof=1) / spread_of_other**2
    unexplained = (1.0 - (beta * spread_of_other / spread) ** 2).clip(lower=0.0)
    ratios = rolling_sharpe(returns, n).reindex(returns.index)
    scale = n**0.5
    table = pd.DataFrame(
        {
            "volatility": spread * scale,
            "volatility_error": spread * scale * ((year.kurt() + 2.0).clip(lower=0.0) / (4.0 * n)) ** 0.5,
            "sharpe": ratios["ratio"],
            "sharpe_error": ratios["error"],
            "beta": beta,
            "beta_error": (unexplained / (n - 2)) ** 0.5 * spread / spread_of_other,
        }
    )
    return table.iloc[n - 1 :].dropna(subset=["volatility"])
