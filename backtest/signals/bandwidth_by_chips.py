"""Shift 4 by chips: bandwidth per accelerator shipped, scale-up apart from scale-out."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Chip, Fact
from backtest.panel import Panel
from backtest.signals import change, cited
from backtest.signals.asic_share_by_chips import chips_shipped, shipped


@dataclass(frozen=True)
class BandwidthByChips:
    """Bandwidth per accelerator shipped, weighted by chips, by calendar quarter, in GB/s.

    Σ chips × (scale-up GB/s in both directions + scale-out Gb/s ÷ 4) ÷ Σ chips, over the chips of the roles `custom_units` and
    `merchant_units` with both figures published; complete quarters as in `asic_share_by_chips`. Parts: `scale_up` and
    `scale_out` in GB/s, `scale_up_share` of their sum and `covered`, the share of chips shipped that have both, as fractions.
    Score: the log change over `window` quarters at the latest complete quarter.
    Weakest input: shipments, outside estimates first published in 2026; estimates put two chips of one bandwidth in one row.
    Source: the interconnect thesis, fourth trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("custom_units", "merchant_units")
    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigurationError(f"bandwidth_by_chips: window is {self.window}; expected at least 1")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the log change of bandwidth per chip over `window` quarters."""
        return change(np.log(self.values(panel)), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the bandwidth per quarter of the panel, NaN where it is not complete or no chip's bandwidth is known."""
        terms = _terms(panel)
        total: np.ndarray = terms["scale_up"] + terms["scale_out"]
        return total

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return scale-up and scale-out apart, scale-up's share of both, and the share of chips that they speak of."""
        position = quarter - int(panel.quarters[0])
        return {name: float(term[position]) for name, term in _terms(panel).items()}

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return every chip's shipments of the quarter, and both bandwidths of those that have them."""
        units = [panel.fact(entry, quarter) for entry, _ in chips_shipped(panel)]
        sold = [chip for chip, fact in zip(_chips(panel), units, strict=True) if chip and fact]
        figures = [chip.fact(metric) for chip in sold for metric in ("scale_up_gb_per_s", "scale_out_gbit_per_s")]
        return cited([*units, *figures])


def _terms(panel: Panel) -> dict[str, np.ndarray]:
    return panel.cached(_all_terms)


def _all_terms(panel: Panel) -> dict[str, np.ndarray]:
    chips, units = _chips(panel), shipped(panel)
    known = np.array([chip is not None for chip in chips])
    speeds = np.array([[chip.scale_up_gb_per_s, chip.scale_out_gbit_per_s / 4.0] for chip in chips if chip]).reshape(-1, 2)
    counted = units[:, known].sum(axis=1)
    some = np.where(counted > 0, counted, np.nan)  # 0 where chips were shipped and none of them has a bandwidth
    scale_up, scale_out = ((units[:, known] @ speed) / some for speed in speeds.T)
    share = scale_up / (scale_up + scale_out)
    return {"scale_up": scale_up, "scale_out": scale_out, "scale_up_share": share, "covered": some / units.sum(axis=1)}


def _chips(panel: Panel) -> list[Chip | None]:
    """Return the chip of each series of shipments; None where its label is a vendor, or a bandwidth is not known."""
    vendors = {chip.vendor for chip in panel.chips} | set(panel.names.vendors.values() if panel.names else ())
    chips = [None if label in vendors else panel.chip(label) for _, label in chips_shipped(panel)]
    return [chip if chip and np.isfinite(chip.bandwidth_gb_per_s) else None for chip in chips]
