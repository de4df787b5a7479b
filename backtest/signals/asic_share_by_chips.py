"""Shift 2 by chips: from GPU only to GPU and ASIC, counted in accelerators shipped."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import change, cited

COMPLETE_AFTER = pd.Timedelta(days=45)  # an estimate published sooner after a quarter's end is of a part of it


@dataclass(frozen=True)
class AsicShareByChips:
    """Custom chips' share of accelerators shipped, by calendar quarter, as a fraction.

    Σ custom_units ÷ Σ (custom_units + merchant_units), roles whose labels name the chip of each series, or its vendor. A
    quarter has a value once every vendor has a figure of it and each was published 45 days after its end or later. Score: the
    change of the share over `window` quarters, as a fraction, at the latest complete quarter.
    Weakest input: every figure is an outside estimate first published in 2026, so that nothing is known before; a chip counts
    one whatever it computes; only vendors with estimates count.
    Source: the interconnect thesis, second trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("custom_units", "merchant_units")
    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigurationError(f"asic_share_by_chips: window is {self.window}; expected at least 1")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the change of the share over `window` quarters."""
        return change(self.values(panel), self.window)

    def values(self, panel: Panel) -> np.ndarray:
        """Return the share per quarter of the panel, NaN where a vendor's shipments are unknown or of a part of the quarter."""
        units, custom = shipped(panel), len(panel.series("custom_units"))
        share: np.ndarray = units[:, :custom].sum(axis=1) / units.sum(axis=1)
        return share

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return every chip's shipments of the quarter."""
        return cited(panel.fact(entry, quarter) for entry, _ in chips_shipped(panel))


def chips_shipped(panel: Panel) -> tuple[tuple[SeriesKey, str], ...]:
    """Return each series of chips shipped, custom chips first, with the label that names its chip or vendor."""
    return panel.cached(_chips_shipped)


def shipped(panel: Panel) -> np.ndarray:
    """Return quarters × series of chips shipped in thousands, 0 where none is known, NaN in a quarter that is not complete."""
    return panel.cached(_shipped)


def _chips_shipped(panel: Panel) -> tuple[tuple[SeriesKey, str], ...]:
    pairs: list[tuple[SeriesKey, str]] = []
    for name in AsicShareByChips.roles:
        role = panel.thesis.role(name)
        if not role.labels:
            raise ConfigurationError(f"role {name} of thesis {panel.thesis.id} has no labels; expected a chip or vendor a series")
        pairs += zip(role.keys, role.labels, strict=True)
    return tuple(pairs)


def _shipped(panel: Panel) -> np.ndarray:
    series, labels = zip(*chips_shipped(panel), strict=True)
    units = panel.matrix(series)
    made_by = {chip.chip: chip.vendor for chip in panel.chips}
    vendors = np.array([made_by.get(label, label) for label in labels])
    complete = [
        {*vendors[np.isfinite(row)]} == {*vendors} and all(_is_whole(panel.fact(entry, quarter)) for entry in series)
        for quarter, row in zip(panel.quarters.tolist(), units, strict=True)
    ]
    table: np.ndarray = np.where(np.array(complete, dtype=bool)[:, None], np.nan_to_num(units), np.nan)
    return table


def _is_whole(fact: Fact | None) -> bool:
    """Return whether an estimate, where there is one, came late enough to be of the whole quarter."""
    return fact is None or fact.known_at.tz_localize(None) >= fact.period_end + COMPLETE_AFTER
