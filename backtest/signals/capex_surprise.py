"""How far the clouds' CapEx was above what its own past let expect."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import Group, cited, newest
from backtest.statistics.seasonal_walk import YEAR, surprises


@dataclass(frozen=True)
class CapexSurprise:
    """The clouds' CapEx of a quarter, summed, less its mechanical expectation, in log points (0.05 is about 5% above).

    Expected: a seasonal random walk with drift, the CapEx of the year before plus the mean change over a year of the four
    quarters before; role `clouds`. Score: the latest quarter in which every cloud has published. NaN until nine quarters are
    known. Weakest input: the expectation, which knows neither guidance nor analysts, so that a rise that was announced long ago
    counts as a surprise. Source: Foster, The Accounting Review 52 (1977); the role is the thesis's.
    """

    roles: ClassVar[tuple[str, ...]] = ("clouds",)
    clouds: Group = "clouds"

    def __post_init__(self) -> None:
        if not self.clouds:
            raise ConfigurationError("capex_surprise: expected at least one cloud")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the surprise of the latest complete quarter."""
        return newest(self.values(panel))

    def values(self, panel: Panel) -> np.ndarray:
        """Return the surprise per quarter of the panel, NaN where an input is unknown."""
        return surprises(np.log(panel.matrix(self._capex(panel)).sum(axis=1)))

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return each cloud's CapEx of the quarter and of the eight before."""
        quarters = range(quarter, quarter - 2 * YEAR - 1, -1)
        return cited(panel.fact(series, when) for series in self._capex(panel) for when in quarters)

    def _capex(self, panel: Panel) -> tuple[SeriesKey, ...]:
        return panel.series(self.clouds, "purchases_ppe")
