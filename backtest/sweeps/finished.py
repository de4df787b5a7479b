"""A finished sweep, as a program or a notebook gets it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest import plots
from backtest.formatting import number
from backtest.panel import Archive
from backtest.statistics.refusal import Refused
from backtest.sweeps.columns import SHARPE, TOTAL_RETURN
from backtest.sweeps.grid import stated
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.results import SweepCost, SweepResult, SweepSummary
from backtest.sweeps.settings import Settings
from backtest.text.notebook import Displayed
from backtest.thesis.windows import WHOLE

if TYPE_CHECKING:
    from backtest.plots import Axes

RATIO, EARNED = f"{SHARPE} {WHOLE}", f"{TOTAL_RETURN} {WHOLE}"


@dataclass(frozen=True, repr=False)
class Sweep(Displayed):
    """A finished sweep: its settings, the archive that they were evaluated on, what came of them, its options, and its cost."""

    settings: Settings
    archive: Archive
    result: SweepResult
    options: SweepOptions
    cost: SweepCost

    @property
    def summary(self) -> SweepSummary:
        """The best setting, and what the search for it is worth."""
        return self.result.summary

    @property
    def headline(self) -> str:
        """How many settings, the best of them, and the chance that it is above noise, in one line."""
        best, deflated = self.summary.best, self.summary.statistics.deflated_sharpe
        worth = deflated.reason if isinstance(deflated, Refused) else number(deflated.probability)
        highest = f"best Sharpe ratio {number(best.sharpe)} of {best.book} with {stated(best.setting)}"
        chance = f"Deflated Sharpe {worth} after {self.summary.trials:,} trials"
        return f"Sweep of {self.summary.strategy}: {self.summary.settings:,} settings, {highest}; {chance}"

    def to_frame(self) -> pd.DataFrame:
        """Return a row per setting and book, see `SweepResult.table`."""
        return self.result.table.take(np.arange(len(self.result.table)))

    def shown_table(self) -> pd.DataFrame:
        """Return the settings with return and Sharpe ratio over the whole run, the best first."""
        columns = ["book", *self.result.fields, EARNED, RATIO]
        return self.to_frame().sort_values(RATIO, ascending=False)[columns]

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the median Sharpe ratio by the two fields with the most values, or by the one that varies.

        Returns the matplotlib axes, new ones without `ax`.
        """
        table = self.to_frame()
        counts = table[[*self.result.fields]].nunique().sort_values(ascending=False, kind="stable")
        varying = [str(name) for name in counts.index[counts > 1]] or list(self.result.fields[:1])
        title, label = f"{self.summary.strategy}: {self.summary.settings:,} settings", "median Sharpe ratio"
        if len(varying) == 1:
            return plots.points(table.groupby(varying[0])[RATIO].median().to_frame(label), title, label, ax)
        return plots.heat(table.pivot_table(RATIO, varying[1], varying[0], "median"), title, label, ax)
