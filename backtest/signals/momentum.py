"""Price momentum: the control that a fundamental signal has to beat."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.panel import Panel

MAY_BE_STALE_FOR = pd.Timedelta(days=14)


@dataclass(frozen=True)
class Momentum:
    """Each ticker's total return over `months` calendar months, leaving out the latest `skip_months`, as a fraction.

    Score per ticker, in its own currency. NaN where either end has no price in the fourteen days up to it.
    Weakest input: none but the price. Source: Jegadeesh & Titman, Journal of Finance 48 (1993).
    """

    months: int = 6
    skip_months: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.skip_months < self.months:
            raise ConfigurationError(
                f"momentum: months is {self.months}, skip_months {self.skip_months}; expected 0 <= skip_months < months"
            )

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the past return of every ticker in the panel."""
        today = panel.moment.tz_localize(None)
        end = _price_at(panel.prices, today - pd.DateOffset(months=self.skip_months))
        start = _price_at(panel.prices, today - pd.DateOffset(months=self.months))
        return pd.Series(end / start - 1.0, index=panel.prices.columns)


def _price_at(prices: pd.DataFrame, day: pd.Timestamp) -> np.ndarray:
    """Return each ticker's last price in the fourteen days up to a day, NaN for none."""
    last = int(prices.index.searchsorted(day, side="right"))
    first = int(prices.index.searchsorted(day - MAY_BE_STALE_FOR, side="left"))
    recent = prices.to_numpy()[first:last]
    if not len(recent):
        return np.full(prices.shape[1], np.nan)
    known = np.isfinite(recent)
    position = len(recent) - 1 - known[::-1].argmax(axis=0)
    return np.where(known.any(axis=0), recent[position, np.arange(recent.shape[1])], np.nan)
