"""The multiplier: chips outgrow CapEx, and interconnect outgrows chips."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import Group, cited, newest


@dataclass(frozen=True)
class Multiplier:
    """How far interconnect outgrew CapEx, in log points over `window` quarters, and through which link.

    Δln I = Δln C + Δln(A/C) + Δln(I/A), exact, with C the clouds' CapEx, A the revenue of the role `chips` and I the
    leaders' revenue in USD at the quarter's mean rate. The last link is shown at a constant rate, and what the rate did as a
    line of its own: -Δln(units per USD), nothing for leaders that report in USD. Value: the last two links, currency included,
    that is Δln I - Δln C. Score: its latest complete quarter.
    Weakest input: of the chips, the revenue stated to 0.1 billion; nothing before every vendor's is known for a year.
    Source: the interconnect thesis, the multiplier.
    """

    roles: ClassVar[tuple[str, ...]] = ("leaders", "all_clouds", "chips")
    is_growth: ClassVar[bool] = True
    leaders: Group = "leaders"
    clouds: Group = "all_clouds"
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
        capex, chips, leaders = (np.log(panel.matrix(group).sum(axis=1)) for group in self._groups(panel))
        rates = panel.rate_of(self._leaders(panel))
        rate = np.log(panel.matrix(rates)[:, 0]) if rates else np.zeros(len(leaders))
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
        groups = (*self._groups(panel), panel.rate_of(self._leaders(panel)))
        series = [entry for group in groups for entry in group]
        return cited(panel.fact(entry, when) for entry in series for when in (quarter, quarter - self.window))

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the terms of the quarter."""
        position = quarter - int(panel.quarters[0])
        return {name: float(term[position]) for name, term in self.links(panel).items()}

    def _leaders(self, panel: Panel) -> tuple[SeriesKey, ...]:
        return panel.series(self.leaders, "revenue")

    def _groups(self, panel: Panel) -> tuple[tuple[SeriesKey, ...], ...]:
        return panel.series(self.clouds, "purchases_ppe"), panel.series("chips"), self._leaders(panel)


def _change(term: np.ndarray, window: int) -> np.ndarray:
    changed = np.full(len(term), np.nan)
    changed[window:] = term[window:] - term[: max(len(term) - window, 0)]
    return changed
