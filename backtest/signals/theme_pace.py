"""Themes by what they stand to gain from the thesis's trends, each trend by whether it is in force and how fast it moves."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.panel import Panel
from backtest.signals import QuarterlySignal, latest
from backtest.signals.theme_trends import theme_scores


@dataclass(frozen=True)
class ThemePace:
    """Per theme the mean over trends of loading × strength, strength = pace ÷ (|pace| + `half`), from -1 to 1.

    Pace is in log points a year at the trend's latest complete quarter: the value itself of a signal that measures growth
    (`is_growth`), else the log change of its value over four quarters. A shift is in force where it is above 0, and counts for
    more the faster it moves, one half at `half` (0.69: a doubling a year); one that runs backwards counts against its theme. A
    trend without a pace has no opinion and is left out. Loadings are the rows of the thesis's loadings.toml; NaN while no trend
    has an opinion.
    Weakest input: the loadings, our reading of the report; a pace is one quarter against that of a year before, however old the
    latest complete quarter is.
    Source: the interconnect thesis, the four trend shifts; the form x ÷ (|x| + half) is our choice, made before any result.
    """

    loaded: ClassVar[bool] = True
    half: float = math.log(2.0)

    def __post_init__(self) -> None:
        if not 0 < self.half < math.inf:
            raise ConfigurationError(f"theme_pace: half is {self.half}; expected a number of log points above 0")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return a score per theme."""
        return theme_scores(panel, lambda trend: self._strength(pace(trend, panel)))

    def _strength(self, speed: float) -> float:
        return speed / (abs(speed) + self.half)


def pace(trend: QuarterlySignal, panel: Panel) -> float:
    """Return how fast a trend moves at its latest complete quarter, in log points a year; NaN where that is not known."""
    values = trend.values(panel)
    last = latest(values)
    if last is None:
        return np.nan
    if getattr(trend, "is_growth", False):
        return float(values[last])
    before = values[last - 4] if last >= 4 else np.nan
    return float(np.log(values[last] / before)) if min(values[last], before) > 0 else np.nan
