"""Shift 3 by modules: from upgrades of a product to upgrades of the network, in optical bandwidth per accelerator."""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Chip, Fact, Range
from backtest.panel import Panel
from backtest.signals import latest, supply_chain_score
from backtest.signals.network_architecture import flagship_vendor

SPEED = re.compile(r"(\d+(?:\.\d+)?)([GT]) modules")  # a unit: modules of one speed
GIGABITS = {"G": 1.0, "T": 1000.0}


@dataclass(frozen=True)
class OpticsPerChip:
    """Optical modules per accelerator of a vendor's shipping flagship × their speed, by calendar quarter, in Gb/s.

    Modules are the middle of the newest published range of `item` whose unit is modules of one speed and whose subject's first
    word is a word of the chip's name. The vendor is that of the role `networking`; a quarter counts once it is over, with the
    flagship shipped by then, and has no value where nobody published a count for it. Parts: `modules` per accelerator, and
    `domain`, how many chips the flagship's scale-up network joins. Score: the log growth a year to the latest quarter with a
    value from the newest that is `window` quarters older or more, generations without a count passed over.
    Weakest input: broker estimates of a design, one or two a generation, none for two generations between; a whole quarter
    counts as its newest flagship.
    Source: the interconnect thesis, third trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("networking",)
    item: str = "optics"
    window: int = 4

    def __post_init__(self) -> None:
        if self.window < 1 or not self.item:
            raise ConfigurationError(
                f"optics_per_chip: window is {self.window}, item '{self.item}'; expected window >= 1 and an item of the ranges"
            )

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the log growth of optical bandwidth per accelerator, a year, over `window` quarters or more."""
        values = self.values(panel)
        last = latest(values)
        base = None if last is None else latest(values[: max(last - self.window + 1, 0)])
        if last is None or base is None:
            return supply_chain_score(np.nan)
        return supply_chain_score(float(np.log(values[last] / values[base]) * 4.0 / (last - base)))

    def values(self, panel: Panel) -> np.ndarray:
        """Return the optical bandwidth per quarter of the panel, NaN where no count of the flagship's modules is known."""
        rows = [self._counted(panel, quarter)[1] for quarter in panel.quarters.tolist()]
        return np.array([row.middle * _speed(row) if row else np.nan for row in rows], dtype=float)

    def parts(self, panel: Panel, quarter: int) -> dict[str, float]:
        """Return the modules per accelerator of the quarter's flagship, and its scale-up domain in chips."""
        chip, row = self._counted(panel, quarter)
        return {"modules": row.middle, "domain": chip.scale_up_domain} if chip and row else {}

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return the count of modules of the quarter's flagship, and its domain."""
        chip, row = self._counted(panel, quarter)
        return (row.fact(quarter), chip.fact("scale_up_domain")) if chip and row else ()

    def _counted(self, panel: Panel, quarter: int) -> tuple[Chip | None, Range | None]:
        """Return the flagship that had shipped by a quarter that is over, and the newest count of its modules."""
        over = quarter < panel.moment.year * 4 + panel.moment.quarter - 1
        chip = panel.flagship(flagship_vendor(panel), quarter) if over else None
        return chip, panel.cached(_modules, self.item, chip) if chip else None


def _modules(panel: Panel, item: str, chip: Chip) -> Range | None:
    words = chip.chip.split()
    rows = [row for row in panel.ranges_of(item) if SPEED.fullmatch(row.unit) and np.isfinite(row.middle)]
    own = [row for row in rows if row.subject.split()[0].strip(",") in words]
    return own[-1] if own else None


def _speed(row: Range) -> float:
    """Return the Gb/s of a module, from a unit such as "800G modules"."""
    match = SPEED.fullmatch(row.unit)
    return float(match[1]) * GIGABITS[match[2]] if match else np.nan
