"""How the levels of a thesis's chain grew between two ends: sums of a role's series over four quarters, in USD."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from backtest.analysis.trailing import End, Year, trailing_years
from backtest.facts import Fact, SeriesKey
from backtest.markets.currencies import DOLLAR
from backtest.thesis import Thesis
from backtest.thesis.rows import Level

LEAST = 0.5  # of what is known at either end, in money, and of a book's money


@dataclass(frozen=True)
class LevelGrowth:
    """A level's growth in log points, over the series with four quarters at both ends; None where they are too few.

    `coverage` is their part of the sum of all series known at an end, the smaller of the two ends. `left_out` has what is missing
    of each other series. `facts` are all that were read.
    """

    key: str
    label: str
    growth: float | None
    series: tuple[str, ...]
    left_out: dict[str, str]
    coverage: float
    facts: tuple[Fact, ...] = field(repr=False)


def level_growth(level: Level, ends: tuple[End, End], thesis: Thesis) -> LevelGrowth:
    """Return how a level grew between two ends."""
    keys = thesis.role(level.role).keys
    years = {key: (_dollars(ends[0], key), _dollars(ends[1], key)) for key in keys}
    both = [key for key, pair in years.items() if all(isinstance(year, Year) for year in pair)]
    sums = [_sum([pair[at] for pair in years.values()]) for at in (0, 1)]
    matched = [_sum([years[key][at] for key in both]) for at in (0, 1)]
    coverage = min((part / whole if whole > 0 else 0.0 for part, whole in zip(matched, sums, strict=True)), default=0.0)
    return LevelGrowth(
        key=level.key,
        label=level.label,
        growth=float(np.log(matched[1] / matched[0])) if both and coverage >= LEAST and min(matched) > 0 else None,
        series=tuple(" ".join(key) for key in both),
        left_out={" ".join(key): _missing(years[key]) for key in keys if key not in both},
        coverage=coverage,
        facts=tuple(
            dict.fromkeys(fact for pair in years.values() for year in pair if isinstance(year, Year) for fact in year.facts)
        ),
    )


def place_in_chain(themes: Sequence[str], levels: Sequence[Level]) -> int:
    """Return how many levels lie above suppliers of some themes: those above all of them, none where one is outside the chain."""
    depths = [next((at for at, level in enumerate(levels, start=1) if theme in level.themes), 0) for theme in themes]
    return min(depths, default=0)


def _dollars(end: End, key: SeriesKey) -> Year | str:
    years = trailing_years(end, (key,), DOLLAR)
    return years if isinstance(years, str) else years[0]


def _sum(years: Sequence[Year | str]) -> float:
    return sum(year.usd for year in years if isinstance(year, Year))


def _missing(pair: tuple[Year | str, Year | str]) -> str:
    return next(year for year in pair if isinstance(year, str))
