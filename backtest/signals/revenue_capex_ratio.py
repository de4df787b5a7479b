"""Data-center revenue from clouds as a share of the clouds' CapEx."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import Group, change, cited


@dataclass(frozen=True)
class RevenueCapexRatio:
    """Data-center revenue × disclosed cloud share ÷ Σ the clouds' CapEx, by calendar quarter, as a fraction.

    Roles `data_center_revenue`, `cloud_share` and `all_clouds`. The share is the one disclosed for the quarter or, where none
    was, the last disclosed before it (evidence "estimated"); NaN before the first. The CapEx is that of `lag_quarters` earlier.
    Score: the change of the ratio over `window` quarters, as a fraction (0.1 = 10 points), at the latest complete quarter.
    Weakest input: the share, a phrase on a call ("about half") rounded to a number.
    Source: the interconnect thesis, which reports 5% in 23Q1 and about 30% in 24Q4.
    """

    roles: ClassVar[tuple[str, ...]] = ("data_center_revenue", "cloud_share", "all_clouds")
    clouds: Group = "all_clouds"
    window: int = 4
    lag_quarters: int = 0

    def __post_init__(self) -> None:
        if self.window < 1 or self.lag_quarters < 0 or not self.clouds:
            raise ConfigurationError(
                f"revenue_capex_ratio: window is {self.window}, lag_quarters {self.lag_quarters}, clouds {self.clouds}; "
                "expected window >= 1, lag_quarters >= 0 and at least one cloud"
            )

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the change of the ratio over `window` quarters."""
        return change(self.values(panel), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the ratio per quarter of the panel, NaN where an input is unknown."""
        terms = self._terms(panel)
        ratio: np.ndarray = terms["data_center_revenue"] * terms["cloud_share"] / terms["capex"]
        return ratio

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the terms of the ratio: revenue and CapEx in USD_m, the cloud share as a fraction."""
        position = quarter - int(panel.quarters[0])
        return {name: float(term[position]) for name, term in self._terms(panel).items()}

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return revenue, share (the quarter's own or the last before it) and each cloud's CapEx."""
        if quarter not in panel.quarters:
            return ()
        disclosed = int(panel.quarters[_last_disclosed(panel)[quarter - int(panel.quarters[0])]])
        (revenue,), (stated,) = panel.series("data_center_revenue"), panel.series("cloud_share")
        share = panel.fact(stated, disclosed)
        if share is not None and disclosed != quarter:
            share = replace(share, evidence="estimated")
        capex = (panel.fact(series, quarter - self.lag_quarters) for series in self._capex(panel))
        return cited([panel.fact(revenue, quarter), share, *capex])

    def _terms(self, panel: Panel) -> dict[str, np.ndarray]:
        capex = panel.matrix(self._capex(panel)).sum(axis=1)
        spent: np.ndarray = np.full(len(capex), np.nan)
        spent[self.lag_quarters :] = capex[: max(len(capex) - self.lag_quarters, 0)]
        return {
            "data_center_revenue": panel.matrix(panel.series("data_center_revenue"))[:, 0],
            "cloud_share": panel.matrix(panel.series("cloud_share"))[:, 0][_last_disclosed(panel)],
            "capex": spent,
        }

    def _capex(self, panel: Panel) -> tuple[SeriesKey, ...]:
        return panel.series(self.clouds, "purchases_ppe")


def _last_disclosed(panel: Panel) -> np.ndarray:
    """Return, per quarter, the position of the latest quarter up to it for which a share was disclosed, else 0."""
    share = panel.matrix(panel.series("cloud_share"))[:, 0]
    return np.maximum.accumulate(np.where(np.isfinite(share), np.arange(len(share)), 0))
