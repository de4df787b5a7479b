"""Shift 3: from upgrades of a product to upgrades of the whole network architecture."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.data.series import Series
from backtest.errors import ConfigurationError
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import change, cited

NETWORKING = Series("NVDA", "data_center_networking_revenue")
COMPUTE = Series("NVDA", "data_center_compute_revenue")


@dataclass(frozen=True)
class NetworkArchitecture:
    """NVIDIA's networking revenue per unit of compute revenue, by calendar quarter, as a fraction.

    Score: its log change over `window` quarters at the latest complete quarter. Beside it `domain`: how many chips the
    scale-up network of NVIDIA's shipping flagship joins; a chip counts from the quarter it shipped.
    Weakest input: the compute line, rounded and last disclosed for 2026Q1. NVIDIA's fiscal 2024 was first split a year
    later (2024-05-22 and after), so this says nothing of 2023 before then.
    Source: Soochow Securities, 2025-07-23, third trend shift.
    """

    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigurationError(f"network_architecture: window is {self.window}; expected at least 1")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the log change of networking per compute over `window` quarters."""
        return change(np.log(self.values(panel)), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return networking ÷ compute per quarter of the panel, NaN where an input is unknown."""
        revenue = panel.matrix((NETWORKING, COMPUTE))
        ratio: np.ndarray = revenue[:, 0] / revenue[:, 1]
        return ratio

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return both revenue lines of the quarter, and the flagship's domain."""
        chip = panel.flagship("NVIDIA", quarter)
        domain = chip.fact("scale_up_domain") if chip else None
        return cited([*(panel.fact(series, quarter) for series in (NETWORKING, COMPUTE)), domain])

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the scale-up domain of the flagship that had shipped by the quarter, in chips."""
        chip = panel.flagship("NVIDIA", quarter)
        return {"domain": chip.scale_up_domain} if chip else {}
