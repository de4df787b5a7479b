"""Demand from the bottom up: chips shipped times what each needs, as known when the thesis was written and now."""

from collections.abc import Iterator

from backtest.analysis.demand import ChipDemand, Demand, Need, TopologyNeeds, YearDemand
from backtest.analysis.demand_movements import Movement
from backtest.formatting import DASH, number
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import listed, name_of
from backtest.result import RunResult

FEWEST_QUARTERS = 30  # of a regression
ABOUT = (
    "Chips are outside estimates (medians), modules a chip published ranges: a chip that may be in several networks needs from "
    "the least to the most of them. Disclosed sales are of all speeds and uses, and other suppliers sell too. Copper links and "
    "boards are given as if every chip were in the one rack that a row speaks of."
)


def section(result: RunResult) -> Section | None:
    """Return both demands; None for a thesis without rows of it."""
    if not result.demand:
        return None
    return Section("demand", "Demand from chips shipped", tuple(_blocks(result)))


def _blocks(result: RunResult) -> Iterator[Block]:
    now, then = result.demand["now"], result.demand.get("then")
    for year in now.years:
        yield Text(f"{year.year}, as known on {now.as_of}: {year.sentence}", "lead")
    for text in now.missing:
        yield Text(f"As known on {now.as_of}: {text}.", "lead")
    yield Fold(
        "What was known when the thesis was written, chips, sales, and what moved with what", tuple(_more(result, now, then))
    )


def _more(result: RunResult, now: Demand, then: Demand | None) -> Iterator[Block]:
    if then is not None:
        known = [f"{year.year}: {year.sentence}" for year in then.years] + [f"{text}." for text in then.missing]
        when = "When the thesis was written" if then.as_of < now.as_of else "At the run's end"
        yield Text(f"{when} ({then.as_of}): {' '.join(known)}")
    yield Text(ABOUT, "small")
    yield _topologies(now, then)
    for year in now.years:
        if year.sales:
            yield _sales(result, year)
        yield Fold(f"Chips shipped in {year.year}", (_chips(year),))
    yield _movements(now)
    few = (
        f"{now.quarters} quarters have all of suppliers, CapEx and chips: fewer than {FEWEST_QUARTERS}, so nothing is regressed."
    )
    yield Text(
        few if now.quarters < FEWEST_QUARTERS else f"{now.quarters} quarters have all of suppliers, CapEx and chips.", "small"
    )


def _topologies(now: Demand, then: Demand | None) -> Table:
    before = {row.name: row for row in then.topologies} if then else {}
    columns = (
        Column("Network"), Column("Modules a chip", True), Column("Copper links a chip", True),
        Column("Boards a chip, USD", True), Column("Modules, then", True, term="Modules a chip"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(row.name, about=_sources(row)),
            *(_need(need) for need in (row.modules, row.links, row.boards)),
            _need(before[row.name].modules if row.name in before else None),
        )
        for row in now.topologies
    )
    return Table("What a chip needs by network, by published ranges", columns, (Rows(rows),))


def _sources(row: TopologyNeeds) -> str:
    """Return where a network's needs were read."""
    needs = [need for need in (row.modules, row.links, row.boards) if need]
    return "; ".join(dict.fromkeys(source for need in needs for source in need.sources))


def _need(need: Need | None) -> Cell:
    if need is None:
        return Cell(DASH, note="not available")
    digits = 1 if need.high < 100 else 0
    both = number(need.low, digits) if need.low == need.high else f"{number(need.low, digits)} to {number(need.high, digits)}"
    return Cell(both, note=f"known {need.published}")


def _sales(result: RunResult, year: YearDemand) -> Table:
    columns = (
        Column("Supplier"), Column("Modules sold", True), Column("Revenue, USD m", True), Column("USD a module", True),
        Column("Known at"),
    )  # fmt: skip
    rows = [
        (
            Cell(name_of(result.names, sale.entity)),
            Cell(number(sale.modules)),
            Cell(number(sale.revenue, 0)),
            Cell(number(sale.per_module, 0)),
            Cell(sale.published),
        )
        for sale in year.sales
    ]
    price = f"; their revenue over the scale-out bandwidth of all chips shipped is {number(year.per_gbit)} USD per Gb/s"
    caption = f"What suppliers say they sold in {year.year}{price if year.per_gbit is not None else ''}"
    return Table(caption, columns, (Rows(tuple(rows)),))


def _chips(year: YearDemand) -> Table:
    columns = (
        Column("Chip"), Column("Million shipped", True), Column("Million modules", True), Column("Million copper links", True),
        Column("Boards, USD m", True), Column("Scale-up, PB/s", True), Column("Scale-out, PB/s", True),
    )  # fmt: skip
    return Table(f"Chips shipped in {year.year} and what they need", columns, (Rows(tuple(map(_chip, year.chips))),))


def _chip(row: ChipDemand) -> tuple[Cell, ...]:
    band = DASH if row.low is None else f"{number(row.low, 1)} to {number(row.high, 1)}"
    return (
        Cell(row.chip, note=listed(row.topologies) if row.topologies else "no network of it has a row"),
        Cell(number(row.shipped)),
        Cell(band, note="" if row.low is not None else "not available"),
        *(Cell(number(value, 0), note="" if value is None else "at most") for value in (row.links, row.boards)),
        *(Cell(number(value, 0)) for value in (row.scale_up, row.scale_out)),
    )


def _movements(now: Demand) -> Table:
    columns = (
        Column("Year", term="Year of growth"), Column("Suppliers' revenue", True, term="Growth over the year before"),
        *(
            Column(text, True, term="Growth over the year before")
            for text in ("CapEx", "Chips", "Scale-up bandwidth", "Scale-out bandwidth", "Tokens")
        ),
    )  # fmt: skip
    rows = tuple(_movement(row) for row in now.movements)
    return Table(
        "How suppliers' revenue moved with CapEx, chips, bandwidth and tokens, log points over the year before",
        columns,
        (Rows(rows),),
    )


def _movement(row: Movement) -> tuple[Cell, ...]:
    values = (row.suppliers, row.capex, row.chips, row.scale_up, row.scale_out, row.tokens)
    return (Cell(str(row.year)), *(Cell(number(value)) for value in values))
