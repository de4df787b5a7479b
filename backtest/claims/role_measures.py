"""Measures of roles over spans of quarters, of published ranges, and of what nobody publishes; as those of `measures`."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from backtest.calendars import parse_quarter, quarter_label
from backtest.claims.measurement import Known, Levels, Measurement, Signs
from backtest.claims.measures import BACK, Growth, grown
from backtest.claims.spans import Quarter, RoleName, facts_of, held_back, newest, quarters_from, rows_of
from backtest.data.periods import parse_period
from backtest.facts import Fact, Range, SeriesKey
from backtest.panel import Panel
from backtest.signals import cited, dollar_series, four_quarter_growth, in_usd

Span = Annotated[tuple[Quarter, Quarter], Field(strict=False)]
Words = Annotated[str, Field(min_length=1)]


def undisclosed(panel: Panel, lacks: Sequence[Words]) -> Measurement:
    """No value: a test would need what nobody publishes, which `lacks` says."""
    return Measurement(None, missing=tuple(lacks))


def stated_ratio(panel: Panel, level: float, base: float) -> Measurement:
    """Level ÷ base, both figures of the thesis itself: its arithmetic, and no word about the world."""
    return Measurement(level / base, details=Levels(base, level))


def share_of(panel: Panel, series: RoleName, of: RoleName, first: Quarter, last: Quarter) -> Measurement:
    """Σ of a role ÷ Σ of another, both in USD and from the quarter `first` to `last`, as a fraction.

    Figures in another currency are counted at their quarter's mean rate. No value unless every figure of the span is known.
    """
    (sold, spent), facts, lost = _sums(panel, (series, of), (first, last))
    span = _span(first, last)
    if lost:
        return Measurement(None, span, facts, lost)
    return Measurement(sold / spent, span, facts, details=Levels(spent, sold))


def share_multiple(panel: Panel, series: RoleName, of: RoleName, base: Span, level: Span) -> Measurement:
    """How many times its `share_of` of one span of quarters a role has in another; each span is [first, last]."""
    then, now = share_of(panel, series, of, *base), share_of(panel, series, of, *level)
    facts, span = tuple(dict.fromkeys(then.inputs + now.inputs)), f"{now.quarter} over {then.quarter}"
    if then.value is None or now.value is None:
        return Measurement(None, span, facts, then.missing + now.missing)
    return Measurement(now.value / then.value, span, facts, details=Levels(then.value, now.value))


def outgrown(panel: Panel, series: RoleName, by: RoleName, since: Quarter, usd: bool = False) -> Measurement:
    """Share of quarters and entities of a role that grew faster than the sum of the role `by`, as a fraction.

    Growth over four quarters, from the quarter `since` to the latest for which that sum's is known, of each entity in its own
    currency or in USD. What is not known of an entity is left out. `falls` counts entities by quarter that did not grow faster.
    """
    sold, sums = panel.series(series), panel.series(by)
    money = in_usd(panel, sold) if usd else np.column_stack([panel.matrix((key,))[:, 0] for key in sold])
    growth, spent = four_quarter_growth(money), four_quarter_growth(in_usd(panel, sums).sum(axis=1))
    counted = np.isfinite(growth) & np.isfinite(spent)[:, None] & (panel.quarters >= parse_quarter(since))[:, None]
    known = _grown_until(panel, dollar_series(panel, sums), np.isfinite(spent))
    if not counted.any():
        missing = f"growth of {series} and {by} over four quarters since {since}"
        return Measurement(None, since, missing=(missing,), known=known)
    faster = growth > spent[:, None]
    rows = np.flatnonzero(counted.any(axis=1))
    keys = (*(dollar_series(panel, sold) if usd else sold), *sums)
    quarters = [int(panel.quarters[row]) - back for row in rows for back in (4, 0)]
    failing = tuple(quarter_label(int(panel.quarters[row])) for row in rows if not faster[row, counted[row]].any())
    shares = {key[0]: float(faster[counted[:, at], at].mean()) for at, key in enumerate(sold) if counted[:, at].any()}
    return Measurement(
        float(faster[counted].mean()),
        f"{quarter_label(int(panel.quarters[rows[0]]))} to {quarter_label(int(panel.quarters[rows[-1]]))}",
        cited(panel.fact(key, quarter) for key in keys for quarter in dict.fromkeys(quarters)),
        details=Signs(failing, shares),
        held_back=held_back(panel, sums, int(panel.quarters[rows[-1]])),
        known=known,
    )


def outgrew_together(panel: Panel, series: RoleName, by: RoleName, since: Quarter, growth: Growth) -> Measurement:
    """1 where the sum of a role outgrew that of the role `by` in every quarter from `since` to the latest complete one, else 0.

    Both in USD; growth over four quarters, over one, or of the sum of four quarters over the four before. By how much: the
    smallest excess growth of any quarter.
    """
    sold, spent = (dollar_series(panel, panel.series(role)) for role in (series, by))
    totals = np.column_stack([in_usd(panel, panel.series(role)).sum(axis=1) for role in (series, by)])
    complete = np.isfinite(totals).all(axis=1)
    known, quarters = newest(panel, (*sold, *spent), complete), quarters_from(panel, since, complete)
    grew = grown(totals, growth)[rows_of(panel, quarters)]
    if not len(grew) or not np.isfinite(grew).all():
        return Measurement(None, since, missing=(f"growth of {series} and {by} in every quarter since {since}",), known=known)
    excess = grew[:, 0] - grew[:, 1]
    labels = [quarter_label(int(quarter)) for quarter in quarters]
    return Measurement(
        float((excess > 0).all()),
        labels[-1],
        facts_of(panel, (*sold, *spent), quarters, BACK[growth]),
        details=Signs(tuple(label for label, above in zip(labels, excess > 0, strict=True) if not above)),
        first=labels[0],
        held_back=held_back(panel, (*sold, *spent), int(quarters[-1])),
        margin=float(excess.min()),
        known=known,
    )


def published_range(
    panel: Panel,
    item: str,
    subject: str,
    periods: Sequence[Quarter],
    end: Literal["low", "high"],
    compounded: bool = False,
) -> Measurement:
    """One end of a range that was published of a change from quarter to quarter, as a fraction.

    Several quarters are added up to one factor, Π(1 + change), with `compounded`. The range of a quarter is the newest known;
    before the quarter is over it counts as a forecast and gives no value.
    """
    span, known = _span(periods[0], periods[-1]), [panel.range(item, subject, period) for period in periods]
    facts = tuple(_end(row, end) for row in known if row)
    lost = [
        f"the end of {period}" if row else f"{subject} in {period}"
        for period, row in zip(periods, known, strict=True)
        if row is None or panel.moment < _over(period)
    ]
    if lost:
        return Measurement(None, span, facts, tuple(lost))
    changes = [fact.value for fact in facts]
    return Measurement(float(np.prod([1.0 + change for change in changes])) if compounded else changes[0], span, facts)


def _grown_until(panel: Panel, series: Sequence[SeriesKey], grew: np.ndarray) -> Known | None:
    """Return the newest quarter for which a sum's growth over four quarters is known, with the figures at both ends."""
    last = newest(panel, series, grew)
    if last is None:
        return None
    before = parse_quarter(last.quarter) - 4
    return Known(last.quarter, (*last.inputs, *cited(panel.fact(key, before) for key in series)))


def _sums(
    panel: Panel, roles: tuple[RoleName, RoleName], span: Span
) -> tuple[tuple[float, float], tuple[Fact, ...], tuple[str, ...]]:
    """Return two roles' sums in USD million over a span of quarters, the figures behind them, and what is missing."""
    quarters = range(parse_quarter(span[0]), parse_quarter(span[1]) + 1)
    series = [key for role in roles for key in dollar_series(panel, panel.series(role))]
    known = {(key, quarter): panel.fact(key, quarter) for key in series for quarter in quarters}
    lost = tuple(f"{' '.join(key)} for {quarter_label(quarter)}" for (key, quarter), fact in known.items() if fact is None)
    if lost:
        return (np.nan, np.nan), cited(known.values()), lost
    rows = np.array(quarters) - panel.quarters[0]
    sold, spent = (float(in_usd(panel, panel.series(role))[rows].sum()) for role in roles)
    return (sold, spent), cited(known.values()), ()


def _span(first: Quarter, last: Quarter) -> str:
    return first if first == last else f"{first} to {last}"


def _end(row: Range, end: Literal["low", "high"]) -> Fact:
    """Return one end of a range as a fact of the quarter it speaks of."""
    return Fact(
        entity=row.subject,
        metric=f"{row.metric}, {end} end",
        period=row.period,
        period_end=_last_day(row.period),
        quarter=parse_quarter(row.period),
        value=row.low if end == "low" else row.high,
        unit=row.unit,
        published=row.published,
        known_at=row.known_at,
        evidence=row.evidence,
        confidence=row.confidence,
        source=row.source,
    )


def _over(quarter: Quarter) -> pd.Timestamp:
    """Return the moment at which a quarter is over."""
    return (_last_day(quarter) + pd.Timedelta(days=1)).tz_localize("UTC")


def _last_day(quarter: Quarter) -> pd.Timestamp:
    period = parse_period(quarter)
    assert period is not None  # a Quarter is a label of a known form
    return period.last
