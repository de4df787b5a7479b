"""What a series of values earned and what it put its holder through.

`equity` is the value at each session, the first of them the base of the first return.
"""

import numpy as np
import pandas as pd


def returns(equity: pd.Series) -> pd.Series:
    """Return simple returns per session, one fewer than the values."""
    return (equity / equity.shift(1) - 1.0).iloc[1:]


def mean_returns(values: pd.DataFrame) -> pd.Series:
    """Return the mean simple return per session of what is priced on it and on the one before; sessions without any are left out.

    `values` is session × ticker, NaN before a ticker's first price and after its last. This is an index of equal parts, set
    back to equal each session: a ticker enters and leaves it with its prices, and none is picked.
    """
    return (values / values.shift(1) - 1.0).iloc[1:].mean(axis=1).dropna()


def total_return(equity: pd.Series) -> float | None:
    """Return the whole return as a fraction, or None below two values."""
    return float(equity.iloc[-1] / equity.iloc[0] - 1.0) if len(equity) > 1 else None


def max_drawdown(equity: pd.Series) -> float | None:
    """Return the deepest fall from an earlier peak as a fraction at or below 0, or None below two values."""
    return float(drawdown(equity).min()) if len(equity) > 1 else None


def drawdown(equity: pd.Series) -> pd.Series:
    """Return the fall from the highest value so far, as fractions at or below 0."""
    return equity / equity.cummax() - 1.0


def turnover(traded: float, equity: pd.Series) -> float | None:
    """Return half the traded value (buys and sells) over the average equity: 1.0 replaces the whole portfolio once."""
    return float(traded / 2.0 / np.mean(equity)) if len(equity) > 1 else None
