"""How much faster the revenue of memory makers grows than the clouds' CapEx."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from backtest.facts import SeriesKey
from backtest.panel import Panel
from backtest.signals import Group, dollar_series, in_usd
from backtest.signals.supply_chain_excess import SupplyChainExcess


@dataclass(frozen=True)
class MakerExcess(SupplyChainExcess):
    """g(Σ makers' revenue in USD) - g(Σ clouds' CapEx), g over four quarters, as fractions (0.12 = 12 points).

    As `SupplyChainExcess`, with the role `makers` for its leaders and revenue counted at each quarter's mean rate.
    Weakest input: the revenue in won of 2025Q3, from one table typed by hand; it counts in two quarters.
    Source: the memory thesis, whose rising share implies that makers outgrow their buyers' CapEx.
    """

    roles: ClassVar[tuple[str, ...]] = ("makers", "clouds")
    leaders: Group = "makers"

    def _sold(self, panel: Panel) -> np.ndarray:
        return in_usd(panel, self._revenue(panel))

    def _behind(self, panel: Panel) -> tuple[SeriesKey, ...]:
        return dollar_series(panel, self._revenue(panel))
