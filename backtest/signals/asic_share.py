"""Shift 2: from GPU only to GPU and ASIC."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import change, cited


@dataclass(frozen=True)
class AsicShare:
    """Custom-chip vendors' share of accelerator revenue, by calendar quarter, as a fraction.

    Σ custom_chips ÷ Σ (custom_chips + merchant_chips), both roles of the thesis. Score: the change of the share over `window`
    quarters, as a fraction, at the latest complete quarter.
    Weakest input: segments that hold more than accelerators; chips a cloud has made elsewhere are in nobody's revenue.
    Source: the interconnect thesis, second trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("custom_chips", "merchant_chips")
    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigurationError(f"asic_share: window is {self.window}; expected at least 1")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the change of the share over `window` quarters."""
        return change(self.values(panel), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the share per quarter of the panel, NaN where an input is unknown."""
        custom = panel.matrix(panel.series("custom_chips")).sum(axis=1)
        share: np.ndarray = custom / (custom + panel.matrix(panel.series("merchant_chips")).sum(axis=1))
        return share

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return each vendor's revenue of the quarter."""
        series = (*panel.series("custom_chips"), *panel.series("merchant_chips"))
        return cited(panel.fact(entry, quarter) for entry in series)
