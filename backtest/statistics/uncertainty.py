"""How far a figure could be from the truth by chance alone."""

import numpy as np
import pandas as pd

FEWEST_OBSERVATIONS = 30
ROUNDING = 1e-12  # a spread this small, next to the returns, is rounding


def sharpe(returns: pd.Series, periods_per_year: int) -> tuple[float, float] | None:
    """Return the annualised Sharpe ratio (no risk-free rate) and its standard error.

    None below 30 returns, or where they never vary. With s the ratio per period, mean over standard deviation (n - 1), and
    n returns: ratio s √q, standard error √((1 + s²/2) / n) √q, q periods a year; returns independent and identically
    distributed (Lo, Financial Analysts Journal 58, 2002, eq. 9). Autocorrelation widens it; none is allowed for here.
    """
    observed = returns.to_numpy()
    spread = observed.std(ddof=1) if len(observed) >= FEWEST_OBSERVATIONS else 0.0
    if not spread > ROUNDING * abs(observed).max(initial=0.0):
        return None
    per_period = observed.mean() / spread
    error = np.sqrt((1.0 + per_period**2 / 2.0) / len(observed))
    return float(per_period * np.sqrt(periods_per_year)), float(error * np.sqrt(periods_per_year))
