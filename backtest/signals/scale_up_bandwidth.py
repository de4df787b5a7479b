"""Shift 4: from scale-out to scale-out and scale-up, more bandwidth per chip."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Chip, Fact
from backtest.panel import Panel
from backtest.signals import change, cited


@dataclass(frozen=True)
class ScaleUpBandwidth:
    """Bandwidth per chip of each vendor's shipping flagship, weighted by revenue, by calendar quarter, in GB/s.

    Per vendor the flagship that shipped last by the quarter: scale-up GB/s in both directions + scale-out Gb/s ÷ 4. Its
    weight is the revenue that the role `chip_vendors` has for the vendor, of the quarter; a cloud's own chips are weighed by the
    revenue of who builds them. A chip counts from the quarter it shipped, not from its announcement, and only
    with both figures published. Score: the log change over `window` quarters at the latest complete quarter.
    Weakest input: which chip is the flagship (our reading), revenue as weight of chips, and the quarter of first shipment,
    which for several chips is an outside estimate published in 2026 of what was public when it happened.
    Source: the interconnect thesis, fourth trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("chip_vendors",)

    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigurationError(f"{type(self).__module__.rpartition('.')[2]}: window is {self.window}; expected at least 1")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the log change of bandwidth per chip over `window` quarters."""
        return change(np.log(self.values(panel)), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the weighted bandwidth per quarter of the panel, NaN where a vendor's revenue or flagship is unknown."""
        return self.weighted(panel, of_flagships(panel, lambda chip: chip.bandwidth_gb_per_s))

    def weighted(self, panel: Panel, figures: np.ndarray) -> np.ndarray:
        """Return the mean of the vendors' figures (quarters × vendors), weighted by revenue."""
        revenue = panel.matrix(panel.series("chip_vendors"))
        mean: np.ndarray = (revenue * figures).sum(axis=1) / revenue.sum(axis=1)
        return mean

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return each vendor's revenue of the quarter and both bandwidths of its flagship."""
        chips = [chip for vendor in _vendors(panel) if (chip := panel.flagship(vendor, quarter))]
        figures = [chip.fact(metric) for chip in chips for metric in ("scale_up_gb_per_s", "scale_out_gbit_per_s")]
        return cited([*(panel.fact(series, quarter) for series in panel.series("chip_vendors")), *figures])


def of_flagships(panel: Panel, figure: Callable[[Chip], float]) -> np.ndarray:
    """Return quarters × vendors of a figure of the flagship that had shipped, NaN before a vendor's first."""
    vendors = _vendors(panel)
    table = np.full((len(panel.quarters), len(vendors)), np.nan)
    for column, vendor in enumerate(vendors):
        for chip in panel.flagships(vendor):
            table[panel.quarters >= chip.shipped, column] = figure(chip)
    return table


def _vendors(panel: Panel) -> tuple[str, ...]:
    """Return whose flagships count: the labels of the role `chip_vendors`."""
    labels = panel.thesis.role("chip_vendors").labels
    if not labels:
        raise ConfigurationError(f"role chip_vendors of thesis {panel.thesis.id} has no labels; expected a vendor a series")
    return labels
