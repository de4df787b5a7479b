"""A signal: found by its file's name, its class is that name without underscores."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import Group, cited, four_quarter_growth, newest


@dataclass(frozen=True)
class SellersGrowth:
    """Growth of the sellers' revenue over four quarters minus that of the buyers' CapEx, as a fraction.

    Roles `sellers` and `buyers`. Score: the value at the latest quarter for which every figure is known; NaN before.
    Weakest input: say here which figure you trust least. Source: this thesis.
    """

    roles: ClassVar[tuple[str, ...]] = ("sellers", "buyers")
    sellers: Group = "sellers"  # a parameter is a field: a grid can replace it ("signals.0.sellers")
    buyers: Group = "buyers"

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the score on a panel, which holds only what was known at its moment."""
        return newest(self.values(panel))

    def values(self, panel: Panel) -> np.ndarray:
        """Return the value per quarter of the panel, NaN where an input is unknown."""
        revenue = panel.matrix(panel.series(self.sellers, "revenue")).sum(axis=1)
        capex = panel.matrix(panel.series(self.buyers, "purchases_ppe")).sum(axis=1)
        excess: np.ndarray = four_quarter_growth(revenue) - four_quarter_growth(capex)
        return excess

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return every figure that the value of a quarter was computed from."""
        series = (*panel.series(self.sellers, "revenue"), *panel.series(self.buyers, "purchases_ppe"))
        return cited(panel.fact(entry, when) for entry in series for when in (quarter, quarter - 4))
