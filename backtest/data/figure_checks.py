"""The one gate for figures: what every row has to satisfy, whatever table, store or source it is from.

Rows are those of `tables.parse_facts`; each check returns faults with the rows they concern. A true figure of unusual size or
period passes by a [[figure]] row with `use = "as stated"` and a reason in the decisions.toml of its folder or store.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtest.data.metrics import FOLDER, Metric, load_metrics, other_names
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.periods import LABELS, Period, parse_period
from backtest.errors import DataError, near_miss
from backtest.facts import PER_USD, currency_in
from backtest.markets.currencies import Currency, load_currencies

DAY = 86_400 * 10**9  # nanoseconds
YEARS = 6  # from a period's end to its figure at most; the longest true delay is four
LATEST = pd.Timedelta(days=366 * YEARS)
# By unit, far above every true figure of a period: a whole table in units or thousands is no million.
LARGEST = {"USD_m": 1e6, "CNY_m": 5e6, "KRW_m": 1e9, "thousand_chips": 1e5, "trillion_tokens": 1e7}
LARGEST_MONEY = 1e6  # in USD million, of a currency that is not above: at the highest rate that is plausible
LARGEST_LOSS = 10  # times the entity's largest revenue; the largest true loss is 7.1 times
SIGNED_STEP = 100  # times the neighbours of a signed figure beyond every revenue; the largest true step is 29
CHIP_STEP = 50  # times the next chip by size; the largest true step is 11
APART = {"month": 0, "quarter": 76, "half": 160, "year": 340}  # days between the ends of two periods at least
CALENDAR_DRIFT = 20  # days by which an entity's fiscal periods may stray; 53-week years move them by about ten
THROUGH = 'or a [[figure]] row with use = "as stated" in decisions.toml'


@dataclass(frozen=True)
class Fault:
    """What is wrong, in one line, and the index labels of the rows it concerns."""

    message: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Rules:
    """The rules that figures must satisfy: metrics, currencies, and the figures that a person found right as stated, by key."""

    metrics: Mapping[str, Metric]
    stated: frozenset[tuple[str, str, str]] = frozenset()
    currencies: Mapping[str, Currency] = field(default_factory=load_currencies)

    def passes(self, row: Any) -> bool:
        """Return whether a person has found a figure right as stated."""
        return (row.entity, row.metric, row.period) in self.stated

    def bounds(self, unit: str) -> tuple[float, float]:
        """Return the least and the largest figure that a unit allows; a rate the other way round lies below the least."""
        currency = self.currencies.get(currency_in(unit))
        if currency is None or unit in LARGEST:
            return -np.inf, LARGEST.get(unit, np.inf)
        return (currency.least, currency.most) if PER_USD.fullmatch(unit) else (-np.inf, LARGEST_MONEY * currency.most)


Faults = Iterator[Fault]
Figures = list[Any]  # rows of a facts table with Index, as `itertuples` gives them


def rules_of(folder: Path = FOLDER, decisions: Decisions | None = None) -> Rules:
    """Return the rules for the figures of a folder or store, with the metrics and decisions it adds."""
    metrics = load_metrics(folder)
    others, stated = other_names(metrics), (decisions or load_decisions(folder)).as_stated
    figures = frozenset((entity, others.get(metric, metric), period) for entity, metric, period in stated)
    return Rules(metrics, figures, load_currencies(folder / "markets"))


def under_one_name(rows: pd.DataFrame, metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return rows with each metric under its own name; DataError where a figure stands under two names of one metric."""
    others = other_names(metrics)
    if not rows["metric"].isin(list(others)).any():
        return rows
    named = rows.assign(metric=[others.get(written, written) for written in rows["metric"]])
    keys = zip(named["entity"], named["metric"], named["period"], strict=True)
    first: dict[tuple[Any, ...], tuple[str, str]] = {}
    for key, written, origin in zip(keys, rows["metric"], rows["origin"], strict=True):
        other, where = first.setdefault(key, (written, origin))
        if written != other:
            entity, name, period = key
            stands = f"{entity} {written} {period} stands as {other} in {where}"
            raise DataError(f"{origin}: {stands}; expected one name for one figure, '{name}'")
    return named


def check_figures(rows: pd.DataFrame, rules: Rules) -> None:
    """Raise DataError for the first figure that cannot be right, by file and row."""
    for fault in faults(rows, rules):
        raise DataError(fault.message)


def check_chips(chips: pd.DataFrame, rules: Rules, file: str) -> None:
    """Raise DataError for a chip announced twice at one moment, in two spellings, too late, or of a size unlike any other."""
    _check_once(chips, ["chip", "known_at"], file)
    for row in _rows(chips):
        year = pd.Timestamp(str(row.first_shipped)[:4], tz="UTC") if str(row.first_shipped)[:4].isdigit() else None
        if year is not None and abs((row.known_at - year).days) > 366 * YEARS:
            moments = f"known_at is '{row.published}', first_shipped '{row.first_shipped}'"
            raise DataError(f"{file} row {row.Index}: {moments}; expected both within {YEARS} years")
    for name in chips.select_dtypes(float):
        sizes = chips[name].dropna().sort_values(kind="stable")
        for small, large in pairwise(sizes.index):
            ratio = sizes[large] / sizes[small]
            outer = small if small == sizes.index[0] else large
            if ratio >= CHIP_STEP and (chips.at[outer, "chip"], name, chips.at[outer, "first_shipped"]) not in rules.stated:
                size = f"{name} is '{sizes[outer]:.12g}', the next is {sizes[small if outer == large else large]:.12g}"
                raise DataError(f"{file} row {outer}: {size}; expected less than {CHIP_STEP} times that, {THROUGH}")


def check_events(events: pd.DataFrame, file: str) -> None:
    """Raise DataError for an event that stands twice, or is known before its day or six years after it."""
    _check_once(events, ["event", "date"], file)
    day = events["date"].dt.tz_localize("UTC")
    wrong = (events["known_at"] < day) | (events["known_at"] > day + LATEST)
    for row in _rows(events[wrong]):
        moments = f"known_at is {row.known_at:%Y-%m-%dT%H:%MZ}, date {row.date:%Y-%m-%d}"
        raise DataError(f"{file} row {row.Index}: {moments}; expected known_at on that day or within six years after it")


def check_ranges(ranges: pd.DataFrame) -> None:
    """Raise DataError for a range with one end, one whose low end is the higher, an unknown period, or one that stands twice."""
    key = ("item", "subject", "metric", "period", "known_at")
    first: dict[tuple[Any, ...], Any] = {}
    for row in _rows(ranges):
        ends = f"{row.origin}: low is '{row.low:.12g}', high '{row.high:.12g}'"
        if np.isnan(row.low) != np.isnan(row.high):
            raise DataError(f"{ends}; expected both, or neither where no amount was published")
        if row.low > row.high:
            raise DataError(f"{ends}; expected low at or below high")
        if row.period and parse_period(row.period) is None:
            raise DataError(f"{row.origin}: period is '{row.period}'; expected a label like {LABELS}, or nothing")
        same = first.setdefault(tuple(getattr(row, name) for name in key), row)
        if same is not row:
            raise DataError(f"{row.origin}: {row.metric} of {row.subject} stands as in {same.origin}; expected a later known_at")


def faults(rows: pd.DataFrame, rules: Rules) -> Faults:
    """Yield what is wrong with some typed rows, by check; a check sees only rows that those before it let pass."""
    figures = _rows(rows)
    for check in CHECKS:
        wrong = list(check(figures, rules))
        yield from wrong
        dropped = {label for fault in wrong for label in fault.rows}
        figures = [row for row in figures if row.Index not in dropped]


def _names(figures: Figures, rules: Rules) -> Faults:
    """Entities in one spelling, metrics that have a row, and a unit and kind of period that they have."""
    spelled: dict[str, str] = {}
    for row in figures:
        plain, metric, period = _plain(row.entity), rules.metrics.get(row.metric), parse_period(row.period)
        first = spelled.setdefault(plain.casefold(), row.entity)
        if row.entity != plain or row.entity != first:
            yield _fault(row, "entity", f"one spelling, as '{plain if row.entity != plain else first}'")
        elif metric is None:
            yield _fault(row, "metric", f"a row of metrics.toml: {near_miss('metric', row.metric, list(rules.metrics))}")
        elif not metric.takes(row.unit):
            units = " or ".join(f"'{unit}'" for unit in metric.units)
            units_differ = f"unit is '{row.unit}', but metric '{metric.name}' is in {units}"
            yield Fault(f"{row.origin}: {units_differ}; expected a unit of its metric", (row.Index,))
        elif (currency := currency_in(row.unit)) and currency not in rules.currencies:
            yield _fault(row, "unit", f"a currency that there is: {near_miss('currency', currency, list(rules.currencies))}")
        elif period is None:
            yield _fault(row, "period", f"a label like {LABELS}")
        elif period.kind not in metric.periods:
            yield _fault(row, "period", f"a {' or '.join(metric.periods)} for metric '{metric.name}'")


def _one_unit(figures: Figures, rules: Rules) -> Faults:
    """One unit per entity and metric, and one currency per entity."""
    first: dict[tuple[str, str], Any] = {}
    for row in figures:
        same: Any = first.setdefault((row.entity, "money" if row.unit.endswith("_m") else row.metric), row)
        if same.unit != row.unit:
            yield _fault(row, "unit", f"'{same.unit}', as {same.metric} of '{row.entity}' in {same.origin}")


def _published(figures: Figures, rules: Rules) -> Faults:
    """Nothing but guidance is known before its period ends, and nothing six years later."""
    for row in figures:
        delay = (row.known_at.value - row.period_end.value) / DAY  # days
        early, late = delay < 1 and row.evidence != "guidance", delay > LATEST.days
        if early or late:
            when = f"known_at is '{row.published}', {'before' if early else 'long after'} its period ended"
            expected = "a later date, or evidence 'guidance'" if early else f"a day within {YEARS} years"
            yield Fault(f"{row.origin}: {when} on {row.period_end:%Y-%m-%d}; expected {expected}", (row.Index,))


def _sign(figures: Figures, rules: Rules) -> Faults:
    """Figures of a positive metric are above 0, and no figure is beyond what its unit allows."""
    for row in figures:
        least, largest = rules.bounds(row.unit)
        if rules.metrics[row.metric].sign == "positive" and row.value <= 0:
            yield _fault(row, "value", f"more than 0, for metric '{row.metric}' is positive")
        elif abs(row.value) > largest and not rules.passes(row):
            yield _fault(row, "value", f"at most {largest:,.12g} {row.unit}, {THROUGH}")
        elif row.value < least and not rules.passes(row):
            yield _fault(row, "value", f"at least {least:g} {row.unit}, {THROUGH}")


def _ends(figures: Figures, rules: Rules) -> Faults:
    """Periods end where their labels say; fiscal ones where the entity's others do."""
    fiscal = {(row.entity, row.period): row for row in reversed(figures) if _period(row.period).fiscal}
    shifts: dict[str, list[int]] = {}
    for row in fiscal.values():
        shifts.setdefault(row.entity, []).append(_period(row.period).shift(row.period_end))
    usual = {entity: float(np.median(days)) for entity, days in shifts.items()}
    inside = Counter(row.entity for row in fiscal.values() if not row.period_end.is_month_end)
    for row in figures:
        period, end = _period(row.period), row.period_end
        if rules.passes(row):
            continue
        if not period.allows(end):
            yield _fault(row, "period_end", f"{period.span}, for period '{row.period}'")
        elif period.fiscal and abs(period.shift(end) - usual[row.entity]) > CALENDAR_DRIFT:
            near = period.last + pd.Timedelta(days=usual[row.entity])
            yield _fault(row, "period_end", f"a day near {near:%Y-%m-%d}, as the other periods of '{row.entity}', {THROUGH}")
        elif period.fiscal and not end.is_month_end and inside[row.entity] == 1 and len(shifts[row.entity]) > 4:
            yield _fault(row, "period_end", f"the last day of a month, as the other periods of '{row.entity}', {THROUGH}")


def _one_figure(figures: Figures, rules: Rules) -> Faults:
    """One figure per entity, metric, period and moment."""
    first: dict[tuple[Any, ...], Any] = {}
    for row in figures:
        same: Any = first.setdefault((row.entity, row.metric, row.period, row.known_at), row)
        if same is not row:
            what = f"{row.entity} {row.metric} {row.period} stands twice with known_at '{row.published}'"
            against = f"a correction needs a later known_at than {same.origin}"
            yield Fault(f"{row.origin}: {what}; {against}", (same.Index, row.Index))


def _one_period(figures: Figures, rules: Rules) -> Faults:
    """One label per entity, metric, kind of period and period end, and no two periods that overlap."""
    for (_, _, kind), own in _series(figures).items():
        periods = list({(row.period, row.period_end): row for row in reversed(own)}.values())
        for former, row in pairwise(sorted(periods, key=lambda row: (row.period_end, row.Index))):
            if (row.period_end - former.period_end).days >= APART[kind]:
                continue
            what = f"period '{row.period}' of {row.entity} {row.metric} ends on {row.period_end:%Y-%m-%d}"
            against = f"'{former.period}' ({former.origin}) on {former.period_end:%Y-%m-%d}"
            message = f"{row.origin}: {what}, {against}; expected one label and one end per {kind}"
            yield Fault(message, tuple(other.Index for other in own if other.period in (row.period, former.period)))


def _size(figures: Figures, rules: Rules) -> Faults:
    """Figures fit their neighbouring periods or, where they may be negative, their entity's revenue."""
    sales: dict[str, float] = {}
    for row in figures:
        if rules.metrics[row.metric].revenue:
            sales[row.entity] = max(row.value, sales.get(row.entity, 0.0))
    for (entity, name, _), own in _series(figures).items():
        ordered = sorted(own, key=lambda row: (row.period_end, row.known_at))
        if rules.metrics[name].sign == "positive":
            yield from _steps(ordered, rules.metrics[name], rules)
        else:
            yield from _losses(ordered, sales.get(entity, np.nan), rules)


def _steps(ordered: Figures, metric: Metric, rules: Rules) -> Faults:
    """Yield figures of a positive metric that are many times the version or period before them, or a small part of it."""
    for former, row in pairwise(ordered):
        ratio = row.value / former.value
        if max(ratio, 1 / ratio) < metric.largest_step or rules.passes(row) or rules.passes(former):
            continue
        what = f"{row.value:.12g} for {row.period} and {former.value:.12g} for {former.period} ({former.origin})"
        expected = f"less than {metric.largest_step:g} times each other, {THROUGH}"
        message = f"{row.origin}: {metric.name} of {row.entity} is {what}; expected {expected}"
        yield Fault(message, (former.Index, row.Index))


def _losses(ordered: Figures, revenue: float, rules: Rules) -> Faults:
    """Yield signed figures far beyond their entity's largest revenue, or beyond it and far beyond their neighbours."""
    for number, row in enumerate(ordered):
        others = [*ordered[max(0, number - 2) : number], *ordered[number + 1 : number + 3]]
        near = max((abs(other.value) for other in others), default=np.nan)
        limit = float(np.fmin(LARGEST_LOSS * revenue, np.fmax(revenue, SIGNED_STEP * near) if others else np.nan))
        if abs(row.value) > limit and not rules.passes(row):
            against = f"its entity's largest revenue is {revenue:.12g}, its neighbours are at most {near:.12g}"
            message = f"{row.origin}: {row.metric} of {row.entity} is {row.value:.12g} for {row.period}, {against}"
            yield Fault(f"{message}; expected at most {limit:.12g}, {THROUGH}", (row.Index,))


CHECKS: tuple[Callable[[Figures, Rules], Faults], ...] = (
    _names, _one_unit, _published, _sign, _ends, _one_figure, _one_period, _size,
)  # fmt: skip


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())


def _series(figures: Figures) -> dict[tuple[str, str, str], Figures]:
    """Return the figures of each entity, metric and kind of period."""
    series: dict[tuple[str, str, str], Figures] = {}
    for row in figures:
        series.setdefault((row.entity, row.metric, _period(row.period).kind), []).append(row)
    return series


def _check_once(table: pd.DataFrame, key: list[str], file: str) -> None:
    """Refuse a name in two spellings, and two rows of one key."""
    name = key[0]
    spelled: dict[str, str] = {}
    for index, text in table[name].items():
        plain = _plain(text)
        first = spelled.setdefault(plain.casefold(), text)
        if text != plain or text != first:
            expected = plain if text != plain else first
            raise DataError(f"{file} row {index}: {name} is '{text}'; expected one spelling, as '{expected}'")
    for row in _rows(table[table.duplicated(key)]):
        raise DataError(f"{file} row {row.Index}: {name} '{getattr(row, name)}' stands twice with one {key[1]}; expected one row")


def _fault(row: Any, field: str, expected: str) -> Fault:
    value = getattr(row, field)
    text = f"{value:%Y-%m-%d}" if field == "period_end" else f"{value:.12g}" if field == "value" else value
    return Fault(f"{row.origin}: {field} is '{text}'; expected {expected}", (row.Index,))


def _plain(name: str) -> str:
    """Return a name in full letters of one form, with single blanks between its words."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


@lru_cache(maxsize=4096)
def _period(label: str) -> Period:
    """Return what a label of a known form names; `_names` refuses others."""
    period = parse_period(label)
    if period is None:
        raise DataError(f"period '{label}' has no known form")
    return period
