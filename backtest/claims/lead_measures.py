"""Whether one published level grows before the revenue of a role does: orders follow it, which is what an anchor means."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from backtest.calendars import parse_quarter, quarter_label
from backtest.claims.measurement import Lead, Measurement
from backtest.claims.spans import Quarter, RoleName, facts_of
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import cited, dollar_series, in_usd
from backtest.statistics.lead_lag import circular_shift
from backtest.statistics.refusal import Refused

Lags = Annotated[tuple[int, ...], Field(strict=False, min_length=1)]
LEVEL = 0.05  # at which a lead is believed


def leads(panel: Panel, metric: str, provider: str, series: RoleName, lags: Lags, since: Quarter) -> Measurement:
    """Correlation of a level's growth with a role's revenue growth `lags` quarters later, at the lag where it is strongest.

    Log growth over a quarter of a provider's last level in each calendar quarter, and of the role's sum in USD, from `since` on.
    0 where one in twenty rotations of the quarters fits as well (`circular_shift`). Refused, and so without a value, where there
    are so few quarters that no lead could pass: a rotation is one of as many as there are quarters.
    """
    levels, sold = _levels(panel, metric, provider), dollar_series(panel, panel.series(series))
    first = parse_quarter(since)
    unbroken = [quarter for quarter in sorted(levels) if quarter >= first and quarter - 1 in levels]
    growth = pd.Series({quarter: np.log(levels[quarter].value / levels[quarter - 1].value) for quarter in unbroken}, dtype=float)
    revenue = np.log(in_usd(panel, panel.series(series)).sum(axis=1))
    grew = pd.Series(np.diff(revenue), panel.quarters[1:]).dropna()
    both = [quarter for quarter in growth.index if quarter in grew.index]
    facts = _behind(panel, levels, sold, both)
    span = (quarter_label(both[-1]), quarter_label(both[0])) if both else (since, since)
    if len(both) < 1.0 / LEVEL or both[-1] - both[0] + 1 > len(both):
        need = f"{1.0 / LEVEL:.0f} unbroken quarters of growth, without which no lead reaches p {LEVEL} ({len(both)} are known)"
        return Measurement(None, span[0], facts, (need,), first=span[1])
    tested = circular_shift(growth[both], grew[both], lags)
    if isinstance(tested, Refused):
        return Measurement(None, span[0], facts, (tested.reason,), first=span[1])
    strongest = tested.correlations[tested.best]
    value, details = strongest if tested.p <= LEVEL else 0.0, Lead(tested.best, strongest, tested.p, tested.n)
    return Measurement(value, span[0], facts, details=details, first=span[1])


def _levels(panel: Panel, metric: str, provider: str) -> dict[int, Fact]:
    """Return a provider's last level of each calendar quarter; figures of months alone, so that a year is no level."""
    panel.fact((provider, metric), 0)  # refuses a provider that no figure has
    months = [fact for fact in panel.published(metric) if fact.entity == provider and fact.evidence != "guidance"]
    return {fact.period_end.year * 4 + fact.period_end.quarter - 1: fact for fact in months if len(fact.period) == len("2024-05")}


def _behind(panel: Panel, levels: dict[int, Fact], sold: Sequence[tuple[str, str]], quarters: Sequence[int]) -> tuple[Fact, ...]:
    """Return the levels and the revenue of some quarters and of the one before each."""
    if not quarters:
        return ()
    wanted = sorted({end for quarter in quarters for end in (quarter - 1, quarter)})
    return (*cited(levels.get(quarter) for quarter in wanted), *facts_of(panel, sold, np.array(quarters), 1))
