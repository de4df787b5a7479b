"""The links of the thesis's chain and its trend shifts: each as a panel, whatever the strategy reads."""

from collections.abc import Iterator, Mapping

from backtest.calendars import parse_quarter
from backtest.errors import ConfigurationError
from backtest.formatting import counted, number, stated
from backtest.report.charts import claim_charts, decision_charts, sparklines
from backtest.report.components import Block, Cell, Column, Fold, Part, Rows, Section, Table, Text
from backtest.report.formatting import listed, origin, plain, require_parts
from backtest.report.sections import shift_measures
from backtest.result import RunResult, SignalReadings
from backtest.thesis.rows import Chain, Shift

SPELLED = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def section(result: RunResult) -> Section | None:
    """Return the chain's waterfall and a panel per shift that has a reading; None where the thesis names neither."""
    known, pages = result.readings, result.thesis.pages
    if not pages.chain and not pages.shifts:
        return None
    parts = [_chain(pages.chain, known[pages.chain.signal])] if pages.chain and known.get(pages.chain.signal) else []
    parts += [_shift(result, row, known[row.signal]) for row in pages.shifts if known.get(row.signal)]
    if not parts:
        return Section("shifts", "Trends", (Text("No trend had a reading by the end of the run."),))
    further = shift_measures.part(result)
    parts += [further] if further else []
    titles = [pages.chain.title.lower()] if pages.chain else []
    titles += (
        [f"{SPELLED.get(len(pages.shifts), '')} shift{'s' if len(pages.shifts) > 1 else ''}".strip()] if pages.shifts else []
    )
    blocks = (*_first(result), Fold("Each in a chart, and in other measures", tuple(parts)))
    return Section("shifts", listed(titles).capitalize(), blocks)


def _first(result: RunResult) -> Iterator[Block]:
    """Yield which shifts are in force by the newest figures, and a row with a small picture of each."""
    shown = {row: result.readings[row.signal] for row in result.thesis.pages.shifts if result.readings.get(row.signal)}
    if not shown:
        return
    paces = {row: shift_measures.pace_of(result, shift_measures.own_measure(row)) for row in shown}
    forced = [row.title for row, pace in paces.items() if shift_measures.in_force(pace) == "yes"]
    yield Text(
        f"By the newest figures {len(forced)} of {counted(len(shown), 'shift')} are in force"
        f"{': ' + '; '.join(forced) if forced else ''}. A shift is in force where its pace is above zero: "
        "the log growth of its measure over four quarters, or the measure itself where that is a growth already.",
        "lead",
    )
    columns = (
        Column("Shift"), Column("By quarter"), Column("At the end", True), Column("Quarter"), Column("Pace", True),
        Column("In force"),
    )  # fmt: skip
    rows = tuple(_shift_row(row, quarters, paces[row]) for row, quarters in shown.items())
    yield Table("The shifts by their own measure, as known at the end of the run", columns, (Rows(rows),))


def _shift_row(row: Shift, quarters: SignalReadings, pace: float) -> tuple[Cell, ...]:
    last, values = list(quarters)[-1], {quarter: reading.value for quarter, reading in quarters.items()}
    weak = "low confidence" if quarters[last].confidence == "low" else ""
    return (
        Cell(row.title, note=row.unit, about=origin(quarters[last].inputs)),
        Cell("", picture=sparklines.by_quarter(f"shift-{row.signal.replace('_', '-')}-spark", row.title, values)),
        Cell(stated(values[last]), mark=weak),
        Cell(last),
        Cell(number(pace, 3)),
        Cell(shift_measures.in_force(pace)),
    )


def _shift(result: RunResult, row: Shift, quarters: SignalReadings) -> Part:
    last, weak = list(quarters)[-1], [quarter for quarter, reading in quarters.items() if reading.confidence == "low"]
    require_parts(row.signal, {last: quarters[last]} if row.part and quarters[last].parts else {}, [row.part])
    further = quarters[last].parts.get(row.part)
    text = f"{row.says} Latest, {last}: {number(quarters[last].value, 3)}, known {quarters[last].known_at}."
    text += f" {row.part_says}: {further:.0f}." if further else ""
    text += f" Of low confidence: {len(weak)} of {len(quarters)} quarters."
    name, seen = row.signal.replace("_", "-"), result.seen.get(row.signal, {})
    drawn = decision_charts.readings(f"shift-{name}-chart", row.signal, row.unit, quarters, seen, result.windows)
    return Part(f"shift-{name}", row.title, (Text(text), drawn))


def _chain(row: Chain, quarters: SignalReadings) -> Part:
    require_parts(row.signal, quarters, row.positive)
    parts = list(next(iter(quarters.values())).parts)
    if len(parts) != len(row.links):
        raise ConfigurationError(f"pages.toml chain: {len(row.links)} link(s); expected a word for each of {', '.join(parts)}")
    both = [quarter for quarter, reading in quarters.items() if min(reading.parts[link] for link in row.positive) > 0]
    text = f"{row.says}; they were in {len(both)} of {len(quarters)} quarters{': ' + ', '.join(both) if both else ''}."
    words = dict(zip(parts, row.links, strict=True))
    shown = {quarter: quarters[quarter].parts for quarter in _ends(list(quarters))}
    drawn = claim_charts.waterfall(f"shift-{row.signal}-chart", shown, words)
    return Part(
        f"shift-{row.signal}", row.title, (Text(text), drawn, Fold(f"All {len(quarters)} quarters", (_links(quarters, words),)))
    )


def _ends(quarters: list[str]) -> list[str]:
    """Return the quarter a year before the latest, and the latest."""
    year_before = [quarter for quarter in quarters if parse_quarter(quarter) == parse_quarter(quarters[-1]) - 4]
    return [*year_before, quarters[-1]]


def _links(quarters: SignalReadings, words: Mapping[str, str]) -> Table:
    columns = (Column("Quarter"), *(Column(plain(name), True) for name in words.values()), Column("Evidence"))
    rows = tuple(
        (
            Cell(quarter, about=origin(reading.inputs)),
            *(Cell(number(reading.parts[name], 3)) for name in words),
            Cell(reading.evidence, mark="low confidence" if reading.confidence == "low" else ""),
        )
        for quarter, reading in reversed(list(quarters.items()))
    )
    return Table("The links by calendar quarter, log points over four quarters", columns, (Rows(rows),))
