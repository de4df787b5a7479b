"""Themes by what they stand to gain from the thesis's trends, each trend as strong as it is against its own past."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError, near_miss
from backtest.panel import Panel
from backtest.signals import QuarterlySignal, load_signals


@dataclass(frozen=True)
class ThemeTrends:
    """Per theme the mean over trends of loading × z, z the trend's latest value against all its known quarters.

    z = (latest - mean) / standard deviation (n - 1) over every quarter known to the panel, the latest included; a trend
    with fewer than `fewest_quarters` of them has no opinion and is left out. Loadings are the rows of
    the thesis's loadings.toml; a theme without a row for a trend has loading 0 on it. NaN while no trend has an opinion.
    Weakest input: the loadings, our reading of the report; and z-scores over a handful of quarters.
    Source: the interconnect thesis, the four trend shifts.
    """

    loaded: ClassVar[bool] = True
    fewest_quarters: int = 4

    def __post_init__(self) -> None:
        if self.fewest_quarters < 3:
            raise ConfigurationError(f"theme_trends: fewest_quarters is {self.fewest_quarters}; expected at least 3")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return a score per theme."""
        return theme_scores(panel, lambda trend: self._standardised(trend.values(panel)))

    def _standardised(self, values: np.ndarray) -> float:
        known = values[np.isfinite(values)]
        spread = known.std(ddof=1) if len(known) >= self.fewest_quarters else 0.0
        return float((known[-1] - known.mean()) / spread) if spread > 0 else np.nan


def theme_scores(panel: Panel, strength: Callable[[QuarterlySignal], float]) -> pd.Series:
    """Return per theme the mean of loading × strength over the trends that have one, NaN while none has."""
    rows = panel.thesis.loadings
    by_trend = {name: strength(_trend(panel, name)) for name in dict.fromkeys(row.trend for row in rows)}
    opinions = [name for name, strong in by_trend.items() if np.isfinite(strong)]
    themes = sorted({row.theme for row in rows})
    totals = dict.fromkeys(themes, 0.0 if opinions else np.nan)
    for row in rows:
        if row.trend in opinions:
            totals[row.theme] += row.loading * by_trend[row.trend] / len(opinions)
    return pd.Series(totals)


def _trend(panel: Panel, name: str) -> QuarterlySignal:
    """Return the quarterly signal that a loading names; ConfigurationError with a near miss for none."""
    quarterly = {known: signal for known, signal in load_signals(panel.thesis).items() if isinstance(signal, QuarterlySignal)}
    if name not in quarterly:
        raise ConfigurationError(f"loadings.toml: trend: {near_miss('quarterly signal', name, list(quarterly))}")
    return quarterly[name]
