"""Shift 2 without networking: from GPU only to GPU and ASIC, by the revenue of the chips alone."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import change, cited


@dataclass(frozen=True)
class AsicShareWithoutNetworking:
    """Custom-chip vendors' share of accelerator revenue with networking left out, by calendar quarter, as a fraction.

    Σ custom × (1 - networking's share of it) ÷ (the same + Σ merchant): roles `custom_chips`, `custom_networking` and `merchant`,
    by default compute revenue, networking left out there too. A custom vendor without a row of `custom_networking` counts
    whole. Only quarters for which every share was disclosed have a value, so that no quarter with networking is compared with
    one without. Score: the change over `window` quarters, as a fraction, at the latest complete quarter.
    Weakest input: the share of networking, a phrase on a call ("almost 40%"), stated for five quarters since 2025.
    Source: the interconnect thesis, second trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("custom_chips", "custom_networking", "merchant_compute")
    merchant: str = "merchant_compute"
    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1 or not self.merchant:
            raise ConfigurationError(
                f"asic_share_without_networking: window is {self.window}, merchant '{self.merchant}'; "
                "expected window >= 1 and the name of a role"
            )

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the change of the share over `window` quarters."""
        return change(self.values(panel), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the share per quarter of the panel, NaN where an input is unknown or no networking share was disclosed."""
        custom, networking = panel.matrix(panel.series("custom_chips")), np.zeros((len(panel.quarters), 1))
        left_out = [panel.matrix((share,)) if share else networking for share in _networking(panel)]
        chips = (custom * (1.0 - np.hstack(left_out))).sum(axis=1)
        share: np.ndarray = chips / (chips + panel.matrix(panel.series(self.merchant)).sum(axis=1))
        return share

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return each vendor's revenue of the quarter and the shares of networking."""
        roles = ("custom_chips", "custom_networking", self.merchant)
        return cited(panel.fact(entry, quarter) for role in roles for entry in panel.series(role))


def _networking(panel: Panel) -> list[SeriesKey | None]:
    """Return, for each series of custom chips, that of networking's share in it, None where its vendor has none."""
    shares = dict(panel.series("custom_networking"))
    if strangers := sorted(shares.keys() - dict(panel.series("custom_chips"))):
        raise ConfigurationError(f"role custom_networking names {strangers[0]}; expected an entity of the role custom_chips")
    return [(entity, shares[entity]) if entity in shares else None for entity, _ in panel.series("custom_chips")]
