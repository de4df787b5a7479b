"""Total-return prices from closes and dividends."""

import numpy as np
import pandas as pd

from backtest.data.price_checks import BARS
from backtest.errors import DataError


def adjusted(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a source's rows as a table of prices by session with `adj_close`, as the gate reads it; `name` is for errors."""
    days = pd.DatetimeIndex(rows["session"], copy=False)
    columns = {column: rows[column].to_numpy() for column in (*BARS, "volume", "split")}
    try:
        wealth = _total_return(columns["close"], rows["dividend"].to_numpy(), days)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    return pd.DataFrame({"adj_close": wealth} | columns, days, copy=False)


def total_return(close: pd.Series, dividend: pd.Series) -> pd.Series:
    """Return closes carried back through dividends in proportion: close × product of later (1 - dividend ÷ close before).

    Proportional adjustment keeps every day's return; subtracting dividends would not (a price that falls to 1 by
    subtraction doubles when it earns 1). NaN where the share did not trade. Raises DataError for a dividend not below the
    price it is paid from.
    """
    return pd.Series(_total_return(close.to_numpy(), dividend.to_numpy(), close.index), close.index)


def _total_return(close: np.ndarray, paid: np.ndarray, days: pd.Index) -> np.ndarray:
    """Return closes carried back through the dividends paid on some days; the closes themselves where there is none."""
    if not (paid > 0).any():
        return close
    before = pd.Series(close).ffill().shift().to_numpy()
    retained = np.ones(len(close))  # the share of the price before that is left after the dividend
    np.divide(before - paid, before, out=retained, where=(paid > 0) & ~np.isnan(before))
    if (retained <= 0).any():
        worst = int(np.argmax(retained <= 0))
        raise DataError(
            f"dividend of {paid[worst]:g} on {days[worst]:%Y-%m-%d} is not below the close before it, {before[worst]:g}; "
            "expected one that is"
        )
    later = np.append(np.cumprod(retained[:0:-1])[::-1], 1.0)
    return np.asarray(close * later)
