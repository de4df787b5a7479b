"""What measures over quarters share: the span from a quarter to the newest complete one, its figures, and who holds it back."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from backtest.calendars import parse_quarter, quarter_label
from backtest.claims.measurement import Known
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import cited

Quarter = Annotated[str, Field(pattern=r"^\d{4}Q[1-4]$")]
RATE = "per_usd"  # the metric of an exchange rate
RoleName = str  # looked up in the thesis when its claims are loaded


def quarters_from(panel: Panel, since: str, complete: np.ndarray, until: str | None = None) -> np.ndarray:
    """Return the quarters from `since` to the latest complete one, or to `until` where that comes first."""
    known = panel.quarters[complete]
    last = int(known[-1]) if len(known) else parse_quarter(since) - 1
    return np.arange(parse_quarter(since), (min(last, parse_quarter(until)) if until else last) + 1)


def rows_of(panel: Panel, quarters: np.ndarray) -> np.ndarray:
    """Return the positions of some quarters in the panel; none where they begin before it."""
    return quarters - panel.quarters[0] if len(quarters) and quarters[0] >= panel.quarters[0] else quarters[:0]


def facts_of(panel: Panel, series: Sequence[SeriesKey], quarters: np.ndarray, back: int) -> tuple[Fact, ...]:
    """Return every known figure of some series from `back` quarters before the first quarter to the last."""
    if not len(quarters):
        return ()
    when = range(int(quarters[0]) - back, int(quarters[-1]) + 1)
    return cited(panel.fact(each, quarter) for each in series for quarter in when)


def newest(panel: Panel, series: Sequence[SeriesKey], complete: np.ndarray) -> Known | None:
    """Return the newest quarter in which some series are complete, with their figures of it; None where there is none."""
    known = panel.quarters[complete]
    if not len(known):
        return None
    return Known(quarter_label(int(known[-1])), cited(panel.fact(each, int(known[-1])) for each in series))


def held_back(panel: Panel, series: Iterable[SeriesKey], last: int) -> tuple[str, ...]:
    """Return the series without a figure after a quarter, where as many or more of them have one: they end the span.

    Exchange rates do not count: they are known on a quarter's last day.
    """
    ends = {each: panel.last_quarter(each) for each in dict.fromkeys(series) if each[1] != RATE}
    late = [" ".join(each) for each, end in ends.items() if end is not None and end <= last]
    return tuple(late) if 2 * len(late) <= len(ends) else ()
