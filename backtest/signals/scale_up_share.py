"""Shift 4, scale-up apart: how much of the bandwidth per chip is scale-up."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.panel import Panel
from backtest.signals import change
from backtest.signals.scale_up_bandwidth import ScaleUpBandwidth, of_flagships


@dataclass(frozen=True)
class ScaleUpShare(ScaleUpBandwidth):
    """Scale-up's share of the bandwidth per chip of each vendor's shipping flagship, by calendar quarter, as a fraction.

    Scale-up GB/s ÷ (scale-up GB/s + scale-out Gb/s ÷ 4), each weighted by revenue as in `scale_up_bandwidth`. Parts: `scale_up`
    and `scale_out` in GB/s. Score: the change of the share over `window` quarters, as a fraction, at the latest complete quarter.
    Weakest input: that of `scale_up_bandwidth`; links that a chip has, not links that are used.
    Source: the interconnect thesis, fourth trend shift.
    """

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the change of the share over `window` quarters."""
        return change(self.values(panel), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the share per quarter of the panel, NaN where a vendor's revenue or flagship is unknown."""
        scale_up, scale_out = self._apart(panel)
        share: np.ndarray = scale_up / (scale_up + scale_out)
        return share

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return scale-up and scale-out per chip, weighted, in GB/s."""
        position = quarter - int(panel.quarters[0])
        scale_up, scale_out = self._apart(panel)
        return {"scale_up": float(scale_up[position]), "scale_out": float(scale_out[position])}

    def _apart(self, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
        up = of_flagships(panel, lambda chip: chip.scale_up_gb_per_s)
        out = of_flagships(panel, lambda chip: chip.scale_out_gbit_per_s / 4.0)
        return self.weighted(panel, up), self.weighted(panel, out)
