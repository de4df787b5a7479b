"""How much faster the revenue of memory makers grows than the clouds' CapEx."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import Group, cited, dollar_series, four_quarter_growth, in_usd, newest


@dataclass(frozen=True)
class MakerExcess:
    """g(Σ makers' revenue in USD) - g(Σ clouds' CapEx), g over four quarters, as fractions (0.12 = 12 points).

    Roles `makers` and `clouds`; revenue in another currency is counted at the quarter's mean rate. Score: the value at the
    latest complete quarter. NaN until every entity's quarter, and that of the year before, is known.
    Weakest input: the revenue in won of 2025Q3, from one table typed by hand; it counts in two quarters.
    Source: the memory thesis, whose rising share implies that makers outgrow their buyers' CapEx.
    """

    roles: ClassVar[tuple[str, ...]] = ("makers", "clouds")
    makers: Group = "makers"
    clouds: Group = "clouds"

    def __post_init__(self) -> None:
        if not self.makers or not self.clouds:
            raise ConfigurationError("maker_excess: expected at least one maker and one cloud")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the excess growth of the latest complete quarter."""
        return newest(self.values(panel))

    def values(self, panel: Panel) -> np.ndarray:
        """Return the excess growth per quarter of the panel, NaN where an input is unknown."""
        terms = self._terms(panel)
        excess: np.ndarray = terms["revenue_growth"] - terms["capex_growth"]
        return excess

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the makers' revenue and the clouds' CapEx in USD million, and each one's growth over four quarters."""
        position = quarter - int(panel.quarters[0])
        return {name: float(term[position]) for name, term in self._terms(panel).items()}

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return each maker's revenue, the rates it is counted at and each cloud's CapEx, of the quarter and the year before."""
        makers = panel.series(self.makers, "revenue")
        series = (*dollar_series(panel, makers), *panel.series(self.clouds, "purchases_ppe"))
        return cited(panel.fact(entry, when) for entry in series for when in (quarter, quarter - 4))

    def _terms(self, panel: Panel) -> dict[str, np.ndarray]:
        revenue = in_usd(panel, panel.series(self.makers, "revenue")).sum(axis=1)
        capex = panel.matrix(panel.series(self.clouds, "purchases_ppe")).sum(axis=1)
        return {
            "revenue": revenue,
            "capex": capex,
            "revenue_growth": four_quarter_growth(revenue),
            "capex_growth": four_quarter_growth(capex),
        }
