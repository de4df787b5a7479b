"""How much faster the supply chain's revenue grows than the clouds' CapEx."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import Group, cited, four_quarter_growth, newest


@dataclass(frozen=True)
class SupplyChainExcess:
    """Growth of the leaders' revenue above that of the clouds' CapEx.

    g(Σ leaders' revenue) - g(Σ clouds' CapEx), each in its own currency, g over four quarters, as fractions (0.12 = 12
    points); roles `leaders` and `clouds`. Score: the value at the latest complete quarter. NaN until every entity's quarter,
    and that of the year before, is known. Weakest input: the leaders, where a thesis does not name its own.
    Source: the interconnect thesis, section on 25Q2.
    """

    roles: ClassVar[tuple[str, ...]] = ("leaders", "clouds")
    is_growth: ClassVar[bool] = True
    leaders: Group = "leaders"
    clouds: Group = "clouds"

    def __post_init__(self) -> None:
        if not self.leaders or not self.clouds:
            raise ConfigurationError("supply_chain_excess: expected at least one leader and one cloud")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the excess growth of the latest complete quarter."""
        return newest(self.values(panel))

    def values(self, panel: Panel) -> np.ndarray:
        """Return the excess growth per quarter of the panel, NaN where an input is unknown."""
        terms = self._terms(panel)
        excess: np.ndarray = terms["revenue_growth"] - terms["capex_growth"]
        return excess

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the leaders' revenue and the clouds' CapEx in millions, and each one's growth over four quarters."""
        position = quarter - int(panel.quarters[0])
        return {name: float(term[position]) for name, term in self._terms(panel).items()}

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return each leader's revenue and each cloud's CapEx, of the quarter and of the year before."""
        series = (*self._behind(panel), *self._capex(panel))
        return cited(panel.fact(entry, when) for entry in series for when in (quarter, quarter - 4))

    def _terms(self, panel: Panel) -> dict[str, np.ndarray]:
        revenue, capex = self._sold(panel).sum(axis=1), panel.matrix(self._capex(panel)).sum(axis=1)
        return {
            "revenue": revenue,
            "capex": capex,
            "revenue_growth": four_quarter_growth(revenue),
            "capex_growth": four_quarter_growth(capex),
        }

    def _sold(self, panel: Panel) -> np.ndarray:
        """Return quarters × leaders of revenue in one currency."""
        return panel.matrix(self._revenue(panel))

    def _behind(self, panel: Panel) -> tuple[SeriesKey, ...]:
        """Return the series that the revenue is computed from."""
        return self._revenue(panel)

    def _revenue(self, panel: Panel) -> tuple[SeriesKey, ...]:
        return panel.series(self.leaders, "revenue")

    def _capex(self, panel: Panel) -> tuple[SeriesKey, ...]:
        return panel.series(self.clouds, "purchases_ppe")
