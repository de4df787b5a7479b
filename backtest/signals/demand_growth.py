"""How fast the demand that reached each name grew, whatever its price did."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.panel import Panel


@dataclass(frozen=True)
class DemandGrowth:
    """Each ticker's revenue of four quarters over that of the four a year before, in log points, in its own currency.

    This is the sum of the demand terms of a share price (CapEx, chips over CapEx, interconnect over chips, its share of
    interconnect), without currency, margin and re-rating. Score per ticker with a metric `revenue`: at its latest quarter up to
    which eight are known, if that is at most `oldest` quarters behind the newest of any. NaN otherwise.
    Weakest input: the day on which Chinese suppliers published, often the statutory deadline; and a basket's score is the mean of
    those of its members that have one. Source: the chain from CapEx to the share price (docs/explanation/chain.md).
    """

    oldest: int = 2

    def __post_init__(self) -> None:
        if self.oldest < 0:
            raise ConfigurationError(f"demand_growth: oldest is {self.oldest}; expected 0 or more quarters")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the growth of every ticker in the panel."""
        units = panel.names.units if panel.names else {}
        growths = {
            str(ticker): _growth(panel.matrix(((str(ticker), "revenue"),))[:, 0])
            for ticker in panel.prices.columns
            if (str(ticker), "revenue") in units
        }
        newest = max((last for last, _ in growths.values()), default=-1)
        fresh = {ticker: growth for ticker, (last, growth) in growths.items() if last >= max(newest - self.oldest, 0)}
        return pd.Series(fresh, dtype=float).reindex(panel.prices.columns)


def _growth(revenue: np.ndarray) -> tuple[int, float]:
    """Return the last quarter up to which eight are known, -1 for none, and the log growth of its year's sum."""
    known = np.isfinite(revenue)
    for last in range(len(revenue) - 1, 6, -1):
        if known[last - 7 : last + 1].all() and (revenue[last - 7 : last + 1] > 0).all():
            return last, float(np.log(revenue[last - 3 : last + 1].sum() / revenue[last - 7 : last - 3].sum()))
    return -1, float("nan")
