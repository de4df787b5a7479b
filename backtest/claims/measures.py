"""How a claim is measured: one function per measure, each from a Panel alone.

Every measure returns a Measurement: a value, the quarter (or day) it stands on, the figures it used, and, when it has no
value, what is missing. Who is measured a reading says by a role of the thesis, a theme, a basket or an entity's name.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from backtest.calendars import parse_quarter, quarter_label
from backtest.claims.measurement import Change, Falls, Levels, Measurement, Returns, SetsOfFour, Signs
from backtest.data.periods import LABELS, parse_period
from backtest.errors import ConfigurationError, near_miss
from backtest.facts import Fact, SeriesKey
from backtest.panel import Panel
from backtest.signals import QuarterlySignal, Reading, cited, four_quarter_growth, load_signals, readings
from backtest.thesis import Thesis

LONGEST_HOLIDAY = timedelta(days=12)  # of a market: a name without a price for longer has none any more

Quarter = Annotated[str, Field(pattern=r"^\d{4}Q[1-4]$")]
PeriodLabel = Annotated[str, AfterValidator(lambda label: _period_label(label))]
ChipMetric = Literal["scale_up_gb_per_s", "scale_out_gbit_per_s", "scale_up_domain", "hbm_gb"]
SignalName = str  # these two are looked up in the thesis when its claims are loaded
RoleName = str


def ratio(
    panel: Panel,
    quarter: Quarter,
    share: Literal["disclosed", "next", "whole"] = "disclosed",
    capex: RoleName = "all_clouds",
    lag_quarters: int = 0,
) -> Measurement:
    """Data-center revenue × cloud share ÷ the CapEx of a role's clouds of `lag_quarters` earlier, as a fraction.

    Roles `data_center_revenue` and `cloud_share`. The share is the quarter's own, the next quarter's (hindsight), or 1.
    """
    when = parse_quarter(quarter)
    (sold,), (stated,) = panel.series("data_center_revenue"), panel.series("cloud_share")
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
    revenue = np.prod([fact.value for fact in wanted.values() if fact])
    return Measurement(float(revenue / sum(fact.value for fact in spent.values() if fact)), quarter, facts)


def rising(panel: Panel, series: RoleName, since: Quarter, over: int, each: bool = False) -> Measurement:
    """Share of quarters from `since` to the latest complete one in which a role's sum (or each of its parts) rose."""
    group = panel.series(series)
    table = panel.matrix(group) if each else panel.matrix(group).sum(axis=1, keepdims=True)
    rose = np.full(table.shape, np.nan)
    rose[over:] = np.where(np.isfinite(table[over:] - table[:-over]), table[over:] > table[:-over], np.nan)
    quarters = _span(panel, since, np.isfinite(panel.matrix(group).sum(axis=1)))
    rises = rose[_rows(panel, quarters)]
    inputs = _facts(panel, group, quarters, over)
    if not len(rises) or np.isnan(rises).any():
        known = quarters.tolist() or [parse_quarter(since)]
        ends = sorted({end for quarter in known for end in (quarter - over, quarter)})
        gaps = [
            f"{entity} {metric} {quarter_label(end)}"
            for end in ends
            for entity, metric in group
            if not panel.fact((entity, metric), end)
        ]
        return Measurement(None, since, inputs, tuple(gaps))
    falls = [quarter_label(int(quarter)) for quarter, row in zip(quarters, rises, strict=True) if not row.all()]
    return Measurement(float(rises.mean()), quarter_label(int(quarters[-1])), inputs, details=Falls(tuple(falls)))


def excess_sets(
    panel: Panel,
    since: Quarter,
    growth: Literal["year", "quarter", "trailing"],
    themes: Sequence[str],
    market: str,
    ours: bool = False,
    in_usd: bool = False,
) -> Measurement:
    """Share of sets of four suppliers whose revenue outgrew the CapEx of the role `clouds` in every quarter from `since`.

    Sets are drawn from every supplier of some themes and a market with full coverage up to the latest quarter that CapEx is known
    for, and the role `leaders` where that market is theirs, every supplier where it is not; `ours` takes the leaders alone.
    Growth over four quarters, over one, or of the sum of four quarters over the four before.
    """
    clouds, universe = panel.series("clouds"), panel.thesis.universe
    capex = panel.matrix(clouds).sum(axis=1)
    suppliers = [row.ticker for row in universe.suppliers if row.theme in themes and row.market == market]
    every = tuple((name, "revenue") for name in suppliers if panel.has((name, "revenue")))
    leaders = panel.series("leaders")
    if not ours and any(universe.supplier(entity).market != market for entity, _ in leaders):
        leaders = every
    names = leaders if ours else every
    revenue, rates = panel.matrix(names), panel.rate_of(names) if in_usd else ()
    if rates:
        revenue = revenue / panel.matrix(rates)
    complete = np.isfinite(capex) & np.isfinite(panel.matrix(leaders).sum(axis=1))
    quarters = _span(panel, since, complete)
    rows = _rows(panel, quarters)
    supplied, spent = _grown(revenue, growth), _grown(capex[:, None], growth)
    covered = [column for column in range(len(names)) if len(rows) and np.isfinite(supplied[rows, column]).all()]
    if not len(rows) or len(covered) < 4 or not np.isfinite(spent[rows]).all():
        return Measurement(None, since, missing=(f"four suppliers and the clouds with full coverage since {since}",))
    sets = np.array(list(combinations(covered, 4)))
    excess = _grown(revenue[:, sets].sum(axis=2), growth)[rows] - spent[rows]
    holds = (excess > 0).all(axis=0)
    span = {"year": 4, "quarter": 1, "trailing": 7}[growth]
    cited_series = [*(names[column] for column in covered), *clouds]
    return Measurement(
        float(holds.mean()),
        quarter_label(int(quarters[-1])),
        _facts(panel, [*cited_series, *rates], quarters, span),
        details=SetsOfFour(
            sets=len(sets),
            sets_holding=int(holds.sum()),
            quarters=tuple(quarter_label(int(quarter)) for quarter in quarters),
            share_of_set_quarters=float((excess > 0).mean()),
            suppliers=tuple(names[column][0] for column in covered),
            worst_quarter_excess=tuple(np.sort(excess.min(axis=0)).tolist()),
        ),
    )


def token_multiple(panel: Panel, provider: str, base: PeriodLabel, level: PeriodLabel) -> Measurement:
    """How many times its tokens of one period a provider processed in another, same scope."""
    panel.fact((provider, "tokens_per_month"), 0)  # refuses a provider that no figure has
    known = {fact.period: fact for fact in panel.published("tokens_per_month") if fact.entity == provider}
    levels = cited([known.get(base), known.get(level)])
    if len(levels) < 2:
        lost = tuple(f"{provider} tokens_per_month {period}" for period in (base, level) if period not in known)
        return Measurement(None, level, levels, lost)
    return Measurement(levels[1].value / levels[0].value, level, levels, details=Levels(levels[0].value, levels[1].value))


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


def trend(
    panel: Panel,
    signal: SignalName,
    since: Quarter | None = None,
    over: int | None = None,
    part: str | None = None,
) -> Measurement:
    """Change of a signal's value (or one of its parts) from `since`, or over some quarters, to its latest quarter."""
    known = readings(quarterly(panel.thesis, signal), panel)
    if not known:
        return Measurement(None, since, missing=(f"any quarter of {signal}",))
    _check_parts(known, signal, [part] if part else [])
    last = list(known)[-1]
    first = since or quarter_label(parse_quarter(last) - (over or 0))
    if first not in known or first == last:
        return Measurement(None, first, missing=(f"{signal} {first} and a later quarter",))
    ends = [known[quarter].parts.get(part, np.nan) if part else known[quarter].value for quarter in (first, last)]
    if not np.isfinite(ends).all():
        return Measurement(None, last, missing=(f"{part} of {signal} in {first} and {last}",))
    inputs = known[first].inputs + known[last].inputs
    return Measurement(float(ends[1] - ends[0]), last, inputs, details=Change(float(ends[0]), float(ends[1])))


def positive(panel: Panel, signal: SignalName, since: Quarter, parts: Sequence[str] = ()) -> Measurement:
    """Share of a signal's quarters from `since` in which its value (or every one of some parts) is above zero."""
    known = {
        quarter: reading for quarter, reading in readings(quarterly(panel.thesis, signal), panel).items() if quarter >= since
    }
    if not known:
        return Measurement(None, since, missing=(f"any quarter of {signal} since {since}",))
    _check_parts(known, signal, parts)

    def holds(reading: Reading) -> bool:
        return all(reading.parts[part] > 0 for part in parts) if parts else reading.value > 0

    failing = [quarter for quarter, reading in known.items() if not holds(reading)]
    inputs = dict.fromkeys(fact for reading in known.values() for fact in reading.inputs)
    shares = {part: float(np.mean([reading.parts[part] > 0 for reading in known.values()])) for part in parts}
    return Measurement(1.0 - len(failing) / len(known), list(known)[-1], tuple(inputs), details=Signs(tuple(failing), shares))


def excess_return(panel: Panel, basket: str, benchmark: str) -> Measurement:
    """Return of a basket bought equally at the first price after the report and held, minus that of a ticker or basket.

    Both over the sessions on which all names are priced: `quarter` says which, and whose prices end them.
    """
    universe, written = panel.thesis.universe, panel.thesis.date
    bought = universe.basket(basket).members
    single = benchmark in universe.market_and_currency()
    against = (benchmark,) if single else universe.basket(benchmark).members
    lost = tuple(f"prices of {name}" for name in (*bought, *against) if name not in panel.prices.columns)
    later = panel.prices.loc[panel.prices.index > written]
    priced = later.reindex(columns=list(dict.fromkeys([*bought, *against]))).dropna()
    if lost or len(priced) < 2:
        return Measurement(None, missing=lost or ("prices of two sessions after the report",))
    grown = priced.iloc[-1] / priced.iloc[0] - 1.0
    value = float(grown[list(bought)].mean() - grown[list(against)].mean())
    days = f"{priced.index[0]:%Y-%m-%d} to {priced.index[-1]:%Y-%m-%d}"
    after = later.loc[priced.index[-1] + LONGEST_HOLIDAY :, list(priced)]
    ended = [str(name) for name, column in after.items() if len(after) and column.isna().all()]
    ends = f", where {', '.join(ended)} end{'s' if len(ended) == 1 else ''}" if ended else ""
    returns = {str(name): float(growth) for name, growth in grown.items()}
    return Measurement(value, f"{days}{ends}", details=Returns(days, returns, tuple(ended)))


def _grown(totals: np.ndarray, growth: str) -> np.ndarray:
    """Return quarters × columns of growth, NaN where either end is unknown."""
    if growth == "year":
        return four_quarter_growth(totals)
    grown = np.full(totals.shape, np.nan)
    if growth == "quarter":
        grown[1:] = totals[1:] / totals[:-1] - 1.0
        return grown
    trailing = totals.copy()
    trailing[3:] = totals[3:] + totals[2:-1] + totals[1:-2] + totals[:-3]
    trailing[:3] = np.nan
    return four_quarter_growth(trailing)


def _period_label(label: str) -> str:
    if parse_period(label) is None:
        raise ValueError(f"no label of a period; expected one like {LABELS}")
    return label


def _check_parts(known: dict[str, Reading], signal: str, parts: Sequence[str]) -> None:
    """Raise ConfigurationError with a near miss for a part that no reading of a signal has; without a reading none is known."""
    names = sorted({name for reading in known.values() for name in reading.parts})
    for part in parts:
        if names and part not in names:
            raise ConfigurationError(near_miss(f"part of {signal}", part, names))


def quarterly(thesis: Thesis, name: str) -> QuarterlySignal:
    """Return a quarterly signal of a thesis by name; ConfigurationError with a near miss for none."""
    known = {own: signal for own, signal in load_signals(thesis).items() if isinstance(signal, QuarterlySignal)}
    if name not in known:
        raise ConfigurationError(near_miss("quarterly signal", name, list(known)))
    return known[name]


def _span(panel: Panel, since: str, complete: np.ndarray) -> np.ndarray:
    """Return the quarters from `since` to the latest complete one."""
    known = panel.quarters[complete]
    last = known[-1] if len(known) else parse_quarter(since) - 1
    return np.arange(parse_quarter(since), int(last) + 1)


def _rows(panel: Panel, quarters: np.ndarray) -> np.ndarray:
    """Return the positions of some quarters in the panel; none where they begin before it."""
    return quarters - panel.quarters[0] if len(quarters) and quarters[0] >= panel.quarters[0] else quarters[:0]


def _facts(panel: Panel, series: Sequence[SeriesKey], quarters: np.ndarray, back: int) -> tuple[Fact, ...]:
    """Return every known figure of some series from `back` quarters before the first quarter to the last."""
    if not len(quarters):
        return ()
    when = range(int(quarters[0]) - back, int(quarters[-1]) + 1)
    return cited(panel.fact(each, quarter) for each in series for quarter in when)


def _lost(wanted: dict[str, Fact | None], quarter: str) -> tuple[str, ...]:
    return tuple(f"{name} for {quarter}" for name, fact in wanted.items() if fact is None)
