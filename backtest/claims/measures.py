"""How a claim is measured: one function per measure, each from a Panel alone.

Every measure returns a Measurement: a value, the span that it stands on, the figures it used, and, when it has no value, what
is missing. Who is measured a reading says by a role of the thesis, a theme, a basket or an entity's name. Measures of signals,
of roles, of prices and of leads are in files of their own beside this one.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator

from backtest.calendars import parse_quarter, quarter_label
from backtest.claims.measurement import Falls, Known, Levels, Measurement, SetsOfFour
from backtest.claims.spans import Quarter, RoleName, facts_of, held_back, newest, quarters_from, rows_of
from backtest.data.periods import LABELS, parse_period
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import cited, four_quarter_growth

PeriodLabel = Annotated[str, AfterValidator(lambda label: _period_label(label))]
ChipMetric = Literal["scale_up_gb_per_s", "scale_out_gbit_per_s", "scale_up_domain", "hbm_gb"]
Growth = Literal["year", "quarter", "trailing"]
SET = 4  # suppliers
BACK = {"year": 4, "quarter": 1, "trailing": 7}  # the quarters before it that growth of a quarter is worked from


def ratio(
    panel: Panel,
    quarter: Quarter,
    share: Literal["disclosed", "next", "whole"] = "disclosed",
    capex: RoleName = "all_clouds",
    lag_quarters: int = 0,
    revenue: RoleName = "data_center_revenue",
) -> Measurement:
    """Return a vendor's revenue × its cloud share ÷ the CapEx of a role's clouds of `lag_quarters` earlier, as a fraction.

    The vendor is that of the role `revenue`. The share, of the role `cloud_share`, is the quarter's own, the next quarter's
    (hindsight), or 1.
    """
    when = parse_quarter(quarter)
    (sold,), (stated,) = panel.series(revenue), panel.series("cloud_share")
    wanted = {" ".join(sold): panel.fact(sold, when)}
    if share == "disclosed":
        wanted[f"{stated[0]} cloud share"] = panel.fact(stated, when)
    if share == "next":
        wanted[f"{stated[0]} cloud share of the next quarter,"] = panel.fact(stated, when + 1)
    before = when - lag_quarters
    spent = {" ".join(series): panel.fact(series, before) for series in panel.series(capex)}
    facts = cited([*wanted.values(), *spent.values()])
    if lost := _lost(wanted, quarter) + _lost(spent, quarter_label(before)):
        return Measurement(None, quarter, facts, lost)
    bought = np.prod([fact.value for fact in wanted.values() if fact])
    return Measurement(float(bought / sum(fact.value for fact in spent.values() if fact)), quarter, facts)


def rising(
    panel: Panel,
    series: RoleName,
    since: Quarter,
    over: int | Literal["trailing"],
    each: bool = False,
    until: Quarter | None = None,
) -> Measurement:
    """Share of quarters from `since` to the latest complete one, or `until`, in which a role's sum (or each of its parts) rose.

    Over so many quarters, or, `trailing`, of the sum of four quarters over the sum of the four that ended a quarter before.
    By how much: the smallest growth of any quarter, as a fraction.
    """
    group, back = panel.series(series), 4 if over == "trailing" else over
    table = panel.matrix(group) if each else panel.matrix(group).sum(axis=1, keepdims=True)
    grew = np.full(table.shape, np.nan)
    ends, ago = (_trailing(table), 1) if over == "trailing" else (table, back)
    grew[ago:] = (ends[ago:] - ends[:-ago]) / np.abs(ends[:-ago])
    complete = np.isfinite(panel.matrix(group).sum(axis=1))
    quarters, known = quarters_from(panel, since, complete, until), newest(panel, group, complete)
    growth = grew[rows_of(panel, quarters)]
    inputs = facts_of(panel, group, quarters, back)
    if not len(growth) or np.isnan(growth).any():
        needed = range(back + 1) if over == "trailing" else (0, back)
        gaps = _gaps(panel, group, quarters.tolist() or [parse_quarter(since)], needed)
        over_before = (f"a quarter from {since} on, by {until}",) if until and since > until else gaps
        return Measurement(None, since, inputs, over_before, known=known)
    falls = [quarter_label(int(quarter)) for quarter, row in zip(quarters, growth, strict=True) if not (row > 0).all()]
    last = quarter_label(int(quarters[-1]))
    return Measurement(
        float((growth > 0).mean()),
        last,
        inputs,
        details=Falls(tuple(falls)),
        first=since,
        held_back=() if last == until else held_back(panel, group, int(quarters[-1])),
        margin=float(growth.min()),
        known=known,
    )


def _gaps(panel: Panel, group: Sequence[SeriesKey], quarters: Sequence[int], back: Sequence[int]) -> tuple[str, ...]:
    """Return what is unknown of some series in the quarters given and so many before them."""
    ends = sorted({quarter - ago for quarter in quarters for ago in back})
    return tuple(
        f"{entity} {metric} {quarter_label(end)}"
        for end in ends
        for entity, metric in group
        if not panel.fact((entity, metric), end)
    )


def excess_sets(
    panel: Panel,
    since: Quarter,
    growth: Growth,
    themes: Sequence[str],
    market: str,
    holding: RoleName | None = None,
    in_usd: bool = False,
) -> Measurement:
    """Share of sets of four suppliers whose revenue outgrew the CapEx of the role `clouds` in every quarter from `since`.

    Sets are drawn from every supplier of some themes and a market with full coverage up to the latest quarter that CapEx is known
    for, and the role `leaders` where that market is theirs, every supplier where it is not; `holding` takes the sets that hold
    every name of a role: of a role of four the one set. Growth over four quarters, over one, or of the sum of four quarters over
    the four before. By how much: of the set that comes closest, the smallest excess growth of any quarter.
    """
    clouds = panel.series("clouds")
    names, leaders = _drawn(panel, themes, market)
    anchors = panel.series(holding) if holding else ()
    names = anchors if len(anchors) == SET else (*names, *(name for name in anchors if name not in names))
    capex = panel.matrix(clouds).sum(axis=1)
    revenue, rates = panel.matrix(names), panel.rate_of(names) if in_usd else ()
    if rates:
        revenue = revenue / panel.matrix(rates)
    complete = np.isfinite(capex) & np.isfinite(panel.matrix(leaders).sum(axis=1))
    known, quarters = newest(panel, (*clouds, *leaders), complete), quarters_from(panel, since, complete)
    rows = rows_of(panel, quarters)
    supplied, spent = grown(revenue, growth), grown(capex[:, None], growth)
    covered = [column for column in range(len(names)) if len(rows) and np.isfinite(supplied[rows, column]).all()]
    sets = [four for four in combinations(covered, SET) if {*anchors} <= {names[column] for column in four}]
    if not len(rows) or not sets or not np.isfinite(spent[rows]).all():
        missing = f"four suppliers and the clouds with full coverage since {since}"
        return Measurement(None, since, missing=(missing,), known=known)
    excess = grown(revenue[:, np.array(sets)].sum(axis=2), growth)[rows] - spent[rows]
    used = [names[column] for column in sorted({column for four in sets for column in four})]
    inputs = _once(facts_of(panel, [*used, *clouds, *rates], quarters, BACK[growth]), known)
    late = held_back(panel, (*clouds, *leaders), int(quarters[-1]))
    return _sets(quarters, excess, used, Measurement(None, inputs=inputs, held_back=late, known=known))


def _once(facts: tuple[Fact, ...], known: Known | None) -> tuple[Fact, ...]:
    """Return some figures and those that say where the span ends, each once."""
    return tuple(dict.fromkeys((*facts, *(known.inputs if known else ()))))


def _drawn(panel: Panel, themes: Sequence[str], market: str) -> tuple[tuple[SeriesKey, ...], tuple[SeriesKey, ...]]:
    """Return the revenue of every supplier of some themes and a market, and that which a quarter has to be known for."""
    universe, leaders = panel.thesis.universe, panel.series("leaders")
    suppliers = [row.ticker for row in universe.suppliers if row.theme in themes and row.market == market]
    every = tuple((name, "revenue") for name in suppliers if panel.has((name, "revenue")))
    return every, every if any(universe.supplier(entity).market != market for entity, _ in leaders) else leaders


def _sets(quarters: np.ndarray, excess: np.ndarray, used: Sequence[SeriesKey], measured: Measurement) -> Measurement:
    """Return what came of sets in some quarters: quarters × sets of excess growth."""
    holds, worst = (excess > 0).all(axis=0), np.sort(excess.min(axis=0))
    labels = tuple(quarter_label(int(quarter)) for quarter in quarters)
    details = SetsOfFour(
        sets=excess.shape[1],
        sets_holding=int(holds.sum()),
        quarters=labels,
        share_of_set_quarters=float((excess > 0).mean()),
        suppliers=tuple(name for name, _ in used),
        worst_quarter_excess=tuple(worst.tolist()),
    )
    return replace(
        measured, value=float(holds.mean()), quarter=labels[-1], first=labels[0], details=details, margin=float(worst[-1])
    )


def token_multiple(panel: Panel, provider: str, base: PeriodLabel, level: PeriodLabel) -> Measurement:
    """How many times its tokens of one period a provider processed in another, same scope."""
    panel.fact((provider, "tokens_per_month"), 0)  # refuses a provider that no figure has
    known = {fact.period: fact for fact in panel.published("tokens_per_month") if fact.entity == provider}
    levels = cited([known.get(base), known.get(level)])
    if len(levels) < 2:
        lost = tuple(f"{provider} tokens_per_month {period}" for period in (base, level) if period not in known)
        return Measurement(None, level, levels, lost)
    return Measurement(
        levels[1].value / levels[0].value, level, levels, details=Levels(levels[0].value, levels[1].value), first=base
    )


def chip(panel: Panel, chip: str, metric: ChipMetric, divided_by: float = 1.0) -> Measurement:
    """Return a figure of an accelerator over `divided_by`; a row whose only source is the thesis itself proves nothing."""
    row = panel.chip(chip)
    if row is None:
        return Measurement(None, missing=(f"{chip} {metric}",))
    fact = row.fact(metric)
    if panel.thesis.cites_itself(row.source):
        return Measurement(None, row.first_shipped, (fact,), ("a source other than the report itself",))
    if not np.isfinite(fact.value):
        return Measurement(None, row.first_shipped, (fact,), (f"{chip} {metric}",))
    return Measurement(fact.value / divided_by, row.first_shipped, (fact,))


def grown(totals: np.ndarray, growth: Growth) -> np.ndarray:
    """Return quarters × columns of growth as a fraction, NaN where either end is unknown."""
    if growth == "quarter":
        change = np.full(totals.shape, np.nan)
        change[1:] = totals[1:] / totals[:-1] - 1.0
        return change
    return four_quarter_growth(_trailing(totals) if growth == "trailing" else totals)


def _trailing(totals: np.ndarray) -> np.ndarray:
    """Return the sum of four quarters that ends with each, NaN for the first three."""
    trailing = totals.copy()
    trailing[3:] = totals[3:] + totals[2:-1] + totals[1:-2] + totals[:-3]
    trailing[:3] = np.nan
    return trailing


def _period_label(label: str) -> str:
    if parse_period(label) is None:
        raise ValueError(f"no label of a period; expected one like {LABELS}")
    return label


def _lost(wanted: dict[str, Fact | None], quarter: str) -> tuple[str, ...]:
    return tuple(f"{name} for {quarter}" for name, fact in wanted.items() if fact is None)
