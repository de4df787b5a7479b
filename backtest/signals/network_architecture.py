"""Shift 3: from upgrades of a product to upgrades of the whole network architecture."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import change, cited


@dataclass(frozen=True)
class NetworkArchitecture:
    """A chip vendor's networking revenue per unit of compute revenue, by calendar quarter, as a fraction.

    Roles `networking` and `compute`, the vendor in their labels. Score: its log change over `window` quarters at the latest
    complete quarter. Beside it `domain`: how many chips the scale-up network of the vendor's shipping flagship joins; a chip
    counts from the quarter it shipped.
    Weakest input: the compute line, rounded, and split from networking only in later filings for the first years.
    Source: the interconnect thesis, third trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("networking", "compute")

    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigurationError(f"network_architecture: window is {self.window}; expected at least 1")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the log change of networking per compute over `window` quarters."""
        return change(np.log(self.values(panel)), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return networking ÷ compute per quarter of the panel, NaN where an input is unknown."""
        networking, compute = (panel.matrix(panel.series(role)).sum(axis=1) for role in self.roles)
        ratio: np.ndarray = networking / compute
        return ratio

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return both revenue lines of the quarter, and the flagship's domain."""
        chip = panel.flagship(flagship_vendor(panel), quarter)
        domain = chip.fact("scale_up_domain") if chip else None
        return cited([*(panel.fact(entry, quarter) for role in self.roles for entry in panel.series(role)), domain])

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the scale-up domain of the flagship that had shipped by the quarter, in chips."""
        chip = panel.flagship(flagship_vendor(panel), quarter)
        return {"domain": chip.scale_up_domain} if chip else {}


def flagship_vendor(panel: Panel) -> str:
    """Return whose flagship counts: the first label of the role `networking`."""
    labels = panel.thesis.role("networking").labels
    if not labels:
        raise ConfigurationError(f"role networking of thesis {panel.thesis.id} has no labels; expected the chips' vendor")
    return labels[0]
