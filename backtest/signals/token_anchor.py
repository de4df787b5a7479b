"""Shift 1: demand anchored on tokens processed rather than on cloud CapEx."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import Group, cited, newest

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class TokenAnchor:
    """Median log growth of tokens processed, per year, minus the clouds' log CapEx growth over four quarters.

    Per scope (a provider, and whether it states a month, a quarter or a year): ln(v₂/v₁) ÷ years between two consecutive
    disclosed levels, counted in the calendar quarter of the later; one pair a scope and quarter, the last. Scopes are
    never added up, a base not yet published is not used, guidance is left out. Minus ln(C_q / C_{q-4}) with C the sum of
    the CapEx of the role `all_clouds`. In log points per year (0.7 = doubling). Score: the latest complete quarter.
    Weakest input: levels disclosed on stages, with scopes that widen ("all surfaces"); close pairs annualise wildly.
    Source: the interconnect thesis, first trend shift.
    """

    roles: ClassVar[tuple[str, ...]] = ("all_clouds",)
    is_growth: ClassVar[bool] = True
    clouds: Group = "all_clouds"

    def __post_init__(self) -> None:
        if not self.clouds:
            raise ConfigurationError("token_anchor: expected at least one cloud")

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the excess log growth of the latest complete quarter."""
        return newest(self.values(panel))

    def values(self, panel: Panel) -> np.ndarray:
        """Return the excess log growth per quarter of the panel, NaN where no pair ends in it or CapEx is unknown."""
        capex = panel.matrix(self._capex(panel)).sum(axis=1)
        growths: dict[int, list[float]] = {}
        for quarter, base, level in _pairs(panel):
            growths.setdefault(quarter, []).append(_annual_growth(base, level))
        values = np.full(len(capex), np.nan)
        for quarter, changes in growths.items():
            position = quarter - int(panel.quarters[0])
            if 4 <= position < len(values):
                values[position] = np.median(changes) - np.log(capex[position] / capex[position - 4])
        return values

    def inputs(self, panel: Panel, quarter: int) -> tuple[Fact, ...]:
        """Return both levels of every pair that ends in the quarter, and the clouds' CapEx then and a year before."""
        levels = [fact for when, base, level in _pairs(panel) if when == quarter for fact in (base, level)]
        capex = [panel.fact(series, when) for series in self._capex(panel) for when in (quarter, quarter - 4)]
        return cited([*levels, *capex])

    def _capex(self, panel: Panel) -> tuple[SeriesKey, ...]:
        return panel.series(self.clouds, "purchases_ppe")


def _pairs(panel: Panel) -> tuple[tuple[int, Fact, Fact], ...]:
    return panel.cached(_all_pairs)


def _all_pairs(panel: Panel) -> tuple[tuple[int, Fact, Fact], ...]:
    return tuple(_find_pairs(panel))


def _find_pairs(panel: Panel) -> Iterator[tuple[int, Fact, Fact]]:
    """Yield the calendar quarter of the later level, the base and the level: each scope's last pair in a quarter."""
    known = [fact for fact in panel.published("tokens_per_month") if fact.evidence != "guidance"]
    known.sort(key=_scope)
    for _, levels in groupby(known, key=_scope):
        last = {_quarter(level): (base, level) for base, level in pairwise(levels) if level.period_end > base.period_end}
        for quarter, (base, level) in last.items():
            yield quarter, base, level


def _scope(fact: Fact) -> tuple[str, str]:
    """Return the provider and what one of its figures averages over: a year, a half, a quarter or a month."""
    spans = {"FY": "year", "H": "half", "Q": "quarter"}
    return fact.entity, next((kind for mark, kind in spans.items() if mark in fact.period), "month")


def _quarter(fact: Fact) -> int:
    return fact.period_end.year * 4 + fact.period_end.quarter - 1


def _annual_growth(base: Fact, level: Fact) -> float:
    years = (level.period_end - base.period_end).days / DAYS_PER_YEAR
    return float(np.log(level.value / base.value) / years)
