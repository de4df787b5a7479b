"""The multiplier: chips outgrow CapEx, and interconnect outgrows chips."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.data.series import Series, series_of
from backtest.errors import ConfigurationError
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import cited, newest

CHIPS = (
    Series("NVDA", "data_center_compute_revenue"),
    Series("AVGO", "ai_semiconductor_revenue"),
    Series("MRVL", "data_center_revenue"),
    Series("AMD", "data_center_segment_revenue"),
)
RATE = Series("CNY=X", "per_usd")


@dataclass(frozen=True)
class Multiplier:
    """How far interconnect outgrew CapEx, in log points over `window` quarters, and through which link.

    Δln I = Δln C + Δln(A/C) + Δln(I/A), exact, with C the clouds' `purchases_ppe`, A accelerator revenue (NVDA compute,
    AVGO AI, MRVL and AMD data center) and I the leaders' revenue in USD at the quarter's mean rate. The last link is
    shown at a constant rate, and what the rate did as a line of its own: -Δln(CNY per USD). Value: the last two links,
    currency included, that is Δln I - Δln C. Score: its latest complete quarter.
    Weakest input: AVGO's AI revenue, stated to 0.1 billion; nothing before 2024Q2, since it is known from 2023Q2 only.
    Source: Soochow Securities, 2025-07-23.
    """

    leaders: tuple[str, ...] = ("300308.SZ", "300502.SZ", "300394.SZ", "002463.SZ")
    clouds: tuple[str, ...] = ("AMZN", "GOOGL", "MSFT", "META", "ORCL")
    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1 or not self.leaders or not self.clouds:
            raise ConfigurationError(f"multiplier: window is {self.window}; expected at least 1, a leader and a cloud")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return how far interconnect outgrew CapEx in the latest complete quarter."""
        return newest(self.values(panel))

    def values(self, panel: Panel) -> np.ndarray:
        """Return Δln I - Δln C per quarter of the panel, NaN where an input is unknown."""
        links = self.links(panel)
        total: np.ndarray = links["chips_over_capex"] + links["interconnect_over_chips"] + links["currency"]
        return total

    def links(self, panel: Panel) -> dict[str, np.ndarray]:
        """Return the four terms of Δln I per quarter, in log points: they add up to `interconnect` exactly."""
        capex, chips, leaders, rate = (np.log(panel.matrix(group).sum(axis=1)) for group in self._groups)
        terms = {
            "capex": capex,
            "chips_over_capex": chips - capex,
            "interconnect_over_chips": leaders - chips,
            "currency": -rate,
            "interconnect": leaders - rate,
        }
        return {name: _change(term, self.window) for name, term in terms.items()}

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return every figure of the quarter and of `window` quarters before."""
        series = [entry for group in self._groups for entry in group]
        return cited(panel.fact(entry, when) for entry in series for when in (quarter, quarter - self.window))

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the terms of the quarter."""
        position = quarter - int(panel.quarters[0])
        return {name: float(term[position]) for name, term in self.links(panel).items()}

    @property
    def _groups(self) -> tuple[tuple[Series, ...], ...]:
        capex = series_of(self.clouds, "purchases_ppe")
        return capex, CHIPS, series_of(self.leaders, "revenue"), (RATE,)


def _change(term: np.ndarray, window: int) -> np.ndarray:
    changed = np.full(len(term), np.nan)
    changed[window:] = term[window:] - term[: max(len(term) - window, 0)]
    return changed
