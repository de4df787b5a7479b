"""The revenue of memory makers as a share of the clouds' CapEx."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import Group, change, cited, dollar_series, in_usd


@dataclass(frozen=True)
class MakerShare:
    """Σ makers' revenue in USD ÷ Σ clouds' CapEx, by calendar quarter, as a fraction.

    Roles `makers` and `clouds`; revenue in another currency is counted at the quarter's mean rate. Score: the change of the
    ratio over `window` quarters, as a fraction (0.1 = 10 points), at the latest complete quarter. A proxy: makers sell to
    others than clouds, so that its level says little and its change more.
    Weakest input: the revenue in won of 2025Q3, from one table typed by hand.
    Source: the memory thesis, which has the share at about 8% in 2023 and 2024 and about 30% in 2026.
    """

    roles: ClassVar[tuple[str, ...]] = ("makers", "clouds")
    makers: Group = "makers"
    clouds: Group = "clouds"
    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1 or not self.makers or not self.clouds:
            raise ConfigurationError(
                f"maker_share: window is {self.window}, makers {self.makers}, clouds {self.clouds}; "
                "expected window >= 1, at least one maker and one cloud"
            )

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the change of the ratio over `window` quarters."""
        return change(self.values(panel), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the ratio per quarter of the panel, NaN where an input is unknown."""
        terms = self._terms(panel)
        ratio: np.ndarray = terms["revenue"] / terms["capex"]
        return ratio

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the makers' revenue and the clouds' CapEx in USD million."""
        position = quarter - int(panel.quarters[0])
        return {name: float(term[position]) for name, term in self._terms(panel).items()}

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return each maker's revenue, the rates it is counted at, and each cloud's CapEx."""
        makers = panel.series(self.makers, "revenue")
        series = (*dollar_series(panel, makers), *panel.series(self.clouds, "purchases_ppe"))
        return cited(panel.fact(entry, quarter) for entry in series)

    def _terms(self, panel: Panel) -> dict[str, np.ndarray]:
        return {
            "revenue": in_usd(panel, panel.series(self.makers, "revenue")).sum(axis=1),
            "capex": panel.matrix(panel.series(self.clouds, "purchases_ppe")).sum(axis=1),
        }
