"""Demand from the bottom up: chips shipped × what each needs by its network, against what suppliers say they sold.

Every figure is as known at a panel's moment, and a need without a row is not available. Shipments are thousand chips.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backtest.analysis.demand_movements import Movement, movements_of
from backtest.facts import Range, SeriesKey
from backtest.formatting import number, percent
from backtest.panel import Panel
from backtest.signals.asic_share_by_chips import AsicShareByChips, chips_shipped
from backtest.thesis.demand_rows import RangeRef, Sold, Topology

QUARTERS = 4  # of a year


@dataclass(frozen=True)
class Need:
    """What a chip needs, from the least to the most of the ranges that say so, and when the last of them became known."""

    low: float
    high: float
    published: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class TopologyNeeds:
    """A network or rack: needs per chip of modules, copper links and boards (USD); None is not available."""

    name: str
    modules: Need | None
    links: Need | None
    boards: Need | None


@dataclass(frozen=True)
class ChipDemand:
    """A chip in a year: million shipped, the networks it may be in, million modules from `low` to `high`, None without a row.

    `links` (million) and `boards` (USD million) are what it came to if every one were in the rack that a row speaks of: at most.
    `scale_up` and `scale_out` are what those shipped have in PB/s, both directions; None where the chip's is not published.
    """

    chip: str
    shipped: float
    topologies: tuple[str, ...]
    low: float | None
    high: float | None
    links: float | None
    boards: float | None
    scale_up: float | None
    scale_out: float | None


@dataclass(frozen=True)
class Sale:
    """What a supplier says it sold in a year: million modules, its revenue in USD million, and USD per module by that."""

    entity: str
    modules: float
    revenue: float | None
    per_module: float | None
    published: str


@dataclass(frozen=True)
class YearDemand:
    """A year's demand beside disclosed sales; `sentence` says whether they agree, else by how much not and which input is why.

    `per_gbit` is the revenue of those suppliers over the scale-out Gb/s of all chips shipped, in USD.
    """

    year: int
    chips: tuple[ChipDemand, ...]
    low: float
    high: float
    without_row: tuple[str, ...]
    sales: tuple[Sale, ...]
    sold: float | None
    per_gbit: float | None
    sentence: str


@dataclass(frozen=True)
class Demand:
    """What was known on a day: needs by network, each year with disclosed sales, and how all moved by year.

    `missing` says why a year has no demand. `quarters` are those in which suppliers, CapEx and chips are all known.
    """

    as_of: str
    topologies: tuple[TopologyNeeds, ...]
    years: tuple[YearDemand, ...]
    missing: tuple[str, ...]
    movements: tuple[Movement, ...]
    quarters: int


def demand(panel: Panel) -> Demand | None:
    """Return the demand that a panel supports; None for a thesis that has no rows of it, or no role for chips shipped."""
    rows = panel.thesis.demand
    if rows is None or not panel.thesis.has_roles(AsicShareByChips.roles):
        return None
    needs = tuple(
        TopologyNeeds(row.name, _need(panel, row.modules), _need(panel, row.links), _need(panel, row.boards))
        for row in rows.topologies
    )
    years, missing = [], []
    for year in sorted({row.year for row in rows.sold}):
        chips = tuple(_chips(panel, rows.topologies, needs, year))
        if chips:
            years.append(_year(year, chips, tuple(_sales(panel, rows.sold, year))))
        else:
            missing.append(f"{year}: no chips shipped are known; shipments of the year are estimates that came later")
    return Demand(f"{panel.moment:%Y-%m-%d}", needs, tuple(years), tuple(missing), *movements_of(panel))


def _need(panel: Panel, refs: Iterable[RangeRef]) -> Need | None:
    """Return what the known rows of some ranges say a chip needs, None where none is known."""
    known = [(ref, row) for ref in refs if (row := _range(panel, ref)) is not None]
    if not known:
        return None
    return Need(
        low=min((row.high if ref.end == "high" else row.low) / ref.chips_each for ref, row in known),
        high=max((row.low if ref.end == "low" else row.high) / ref.chips_each for ref, row in known),
        published=max(row.published for _, row in known),
        sources=tuple(dict.fromkeys(f"{row.subject}: {row.source}" for _, row in known)),
    )


def _range(panel: Panel, ref: RangeRef) -> Range | None:
    own = [row for row in panel.ranges_of(ref.item) if (row.subject, row.metric) == (ref.subject, ref.metric)]
    return own[-1] if own and np.isfinite(own[-1].low) else None


def shipped_in(panel: Panel, series: SeriesKey, year: int) -> float:
    """Return million chips of a series shipped in a calendar year as known, 0 where none is."""
    facts = [panel.fact(series, year * 4 + quarter) for quarter in range(QUARTERS)]
    return sum(fact.value for fact in facts if fact is not None) / 1000.0


def _chips(panel: Panel, topologies: Sequence[Topology], needs: Sequence[TopologyNeeds], year: int) -> Iterable[ChipDemand]:
    by_name = {row.name: row for row in needs}
    announced = {chip.chip: chip for chip in panel.chips}
    for series, label in chips_shipped(panel):
        million = shipped_in(panel, series, year)
        if not million:
            continue
        own = [by_name[row.name] for row in topologies if series[0] in row.chips]
        modules = [row.modules for row in own if row.modules]
        chip = announced.get(label)
        yield ChipDemand(
            chip=series[0],
            shipped=million,
            topologies=tuple(row.name for row in own),
            low=million * min(need.low for need in modules) if modules else None,
            high=million * max(need.high for need in modules) if modules else None,
            links=_at_most(million, [row.links for row in own]),
            boards=_at_most(million, [row.boards for row in own]),
            scale_up=_total(million, chip.scale_up_gb_per_s if chip else np.nan),
            scale_out=_total(million, chip.scale_out_gbit_per_s / 4.0 if chip else np.nan),
        )


def _at_most(million: float, needs: Sequence[Need | None]) -> float | None:
    known = [need.high for need in needs if need]
    return million * max(known) if known else None


def _total(million: float, gb_per_s: float) -> float | None:
    """Return the bandwidth of some million chips in PB/s."""
    return million * gb_per_s if np.isfinite(gb_per_s) else None


def _sales(panel: Panel, rows: Sequence[Sold], year: int) -> Iterable[Sale]:
    for row in rows:
        units = _range(panel, row.units) if row.year == year else None
        if units is not None:
            revenue = _revenue(panel, (row.entity, "revenue"), year)
            per_module = None if revenue is None else revenue / units.middle
            yield Sale(row.entity, units.middle, revenue, per_module, units.published)


def _revenue(panel: Panel, series: SeriesKey, year: int) -> float | None:
    """Return a year's revenue in USD million at each quarter's mean rate; None where a quarter or its rate is not known."""
    rates, total = panel.rate_of((series,)), 0.0
    for quarter in range(year * 4, year * 4 + QUARTERS):
        fact, rate = panel.fact(series, quarter), panel.fact(rates[0], quarter) if rates else None
        if fact is None or (rates and rate is None):
            return None
        total += fact.value / (rate.value if rate else 1.0)
    return total


def _year(year: int, chips: tuple[ChipDemand, ...], sales: tuple[Sale, ...]) -> YearDemand:
    low, high = (sum(getattr(chip, end) or 0.0 for chip in chips) for end in ("low", "high"))
    sold = sum(sale.modules for sale in sales) if sales else None
    revenue = [sale.revenue for sale in sales if sale.revenue is not None]
    scale_out = sum(chip.scale_out or 0.0 for chip in chips) * 4.0  # PB/s in both directions to million Gb/s in one
    return YearDemand(
        year=year,
        chips=chips,
        low=low,
        high=high,
        without_row=tuple(chip.chip for chip in chips if chip.low is None),
        sales=sales,
        sold=sold,
        per_gbit=sum(revenue) / scale_out if revenue and scale_out and len(revenue) == len(sales) else None,
        sentence=_sentence(chips, low, high, sold),
    )


def _sentence(chips: Sequence[ChipDemand], low: float, high: float, sold: float | None) -> str:
    """Return whether disclosed sales lie within the band, else by how much they miss it and which input is to blame."""
    band = f"{number(low, 1)} to {number(high, 1)} million modules"
    if sold is None:
        return f"Demand from chips shipped is {band}; what was sold is not known."
    if low <= sold <= high:
        return f"Demand from chips shipped is {band}; the {number(sold, 1)} million disclosed as sold lie within."
    end, name = (low, "low") if sold < low else (high, "high")
    blamed = max((chip for chip in chips if chip.low is not None), key=lambda chip: getattr(chip, name))
    part = float(getattr(blamed, name))
    needed = max((part - (end - sold)) / blamed.shipped, 0.0)
    missed = f"{percent(abs(sold / end - 1.0), 0, sign=False)} {'below' if sold < low else 'above'}"
    return (
        f"Demand from chips shipped is {band}; the {number(sold, 1)} million disclosed as sold are {missed} it. "
        f"The largest input of the {name} end is {blamed.chip} in {' or '.join(blamed.topologies)}: {number(part, 1)} million at "
        f"{number(part / blamed.shipped, 1)} modules a chip, where {number(needed, 1)} would meet what was sold."
    )
