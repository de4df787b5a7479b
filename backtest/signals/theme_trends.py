"""Themes by what they stand to gain from the four trend shifts, each trend as strong as it is against its own past."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.panel import Panel
from backtest.signals import QuarterlySignal
from backtest.signals.asic_share import AsicShare
from backtest.signals.network_architecture import NetworkArchitecture
from backtest.signals.scale_up_bandwidth import ScaleUpBandwidth
from backtest.signals.token_anchor import TokenAnchor
from backtest.thesis import load_loadings

TRENDS: dict[str, QuarterlySignal] = {
    "token_anchor": TokenAnchor(),
    "asic_share": AsicShare(),
    "network_architecture": NetworkArchitecture(),
    "scale_up_bandwidth": ScaleUpBandwidth(),
}


@dataclass(frozen=True)
class ThemeTrends:
    """Per theme the mean over trends of loading × z, z the trend's latest value against all its known quarters.

    z = (latest - mean) / standard deviation (n - 1) over every quarter known to the panel, the latest included; a trend
    with fewer than `fewest_quarters` of them has no opinion and is left out. Loadings are the rows of
    `thesis/loadings.toml`; a theme without a row for a trend has loading 0 on it. NaN while no trend has an opinion.
    Weakest input: the loadings, our reading of the report; and z-scores over a handful of quarters.
    Source: Soochow Securities, 2025-07-23, the four trend shifts.
    """

    fewest_quarters: int = 4

    def __post_init__(self) -> None:
        if self.fewest_quarters < 3:
            raise ConfigurationError(f"theme_trends: fewest_quarters is {self.fewest_quarters}; expected at least 3")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return a score per theme."""
        strength = {name: self._standardised(signal.values(panel)) for name, signal in TRENDS.items()}
        opinions = [name for name, z in strength.items() if np.isfinite(z)]
        rows = load_loadings()
        themes = sorted({row.theme for row in rows})
        totals = dict.fromkeys(themes, 0.0 if opinions else np.nan)
        for row in rows:
            if row.trend in opinions:
                totals[row.theme] += row.loading * strength[row.trend] / len(opinions)
        return pd.Series(totals)

    def _standardised(self, values: np.ndarray) -> float:
        known = values[np.isfinite(values)]
        spread = known.std(ddof=1) if len(known) >= self.fewest_quarters else 0.0
        return float((known[-1] - known.mean()) / spread) if spread > 0 else np.nan
