"""Shift 2: from GPU only to GPU and ASIC."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.data.series import Series
from backtest.errors import ConfigurationError
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import change, cited

ASIC = (Series("AVGO", "ai_semiconductor_revenue"), Series("MRVL", "data_center_revenue"))
GPU = (Series("NVDA", "data_center_revenue"), Series("AMD", "data_center_segment_revenue"))


@dataclass(frozen=True)
class AsicShare:
    """Custom-chip vendors' share of accelerator revenue, by calendar quarter, as a fraction.

    (AVGO AI + MRVL data center) ÷ (those + NVDA data center + AMD data center). Score: the change of the share over
    `window` quarters, as a fraction, at the latest complete quarter.
    Weakest input: Marvell's and AMD's segments, which hold more than accelerators; chips a cloud has made elsewhere are
    in nobody's revenue. Source: Soochow Securities, 2025-07-23, second trend shift.
    """

    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigurationError(f"asic_share: window is {self.window}; expected at least 1")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the change of the share over `window` quarters."""
        return change(self.values(panel), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the share per quarter of the panel, NaN where an input is unknown."""
        custom = panel.matrix(ASIC).sum(axis=1)
        share: np.ndarray = custom / (custom + panel.matrix(GPU).sum(axis=1))
        return share

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return the four vendors' revenue of the quarter."""
        return cited(panel.fact(series, quarter) for series in (*ASIC, *GPU))
