"""The shifts of a thesis in every measure of them that pages.toml names: a table, by the thesis's date and by the run's end."""

import math
from collections.abc import Mapping

from backtest.calendars import parse_quarter, quarter_label
from backtest.formatting import DASH, known, number, stated
from backtest.report.components import Cell, Column, Part, Rows, Table, Text
from backtest.report.formatting import origin, require_parts, written_by
from backtest.result import RunResult, SignalReadings
from backtest.signals import load_signals
from backtest.thesis.rows import Measure, Shift

TEXT = (
    "Pace is the log change of the newest value over four quarters, or the value where that is growth already: above 0 the shift "
    "is in force. A measure of estimates counts from the day they were published, whatever quarter they speak of."
)


def part(result: RunResult) -> Part | None:
    """Return a row per measure, under the shift that it measures; None where pages.toml names no further measure."""
    pages = result.thesis.pages
    if not pages.measures:
        return None
    groups = []
    for shift in pages.shifts:
        measures = [own_measure(shift), *(measure for measure in pages.measures if measure.of == shift.signal)]
        groups.append(Rows(tuple(_row(result, measure) for measure in measures), shift.title))
    written = written_by(result)
    columns = (
        Column("Measure", prose=True),
        Column("Unit"),
        Column(f"By {written}", True, term="Then"),
        Column("At the end", True, term="At the end"),
        Column("Pace", True),
        Column("In force"),
        Column("Published"),
    )
    table = Table(
        "The shifts in other measures, newest value by the thesis's date and by the end of the run", columns, tuple(groups)
    )
    return Part("shift-measures", "The shifts in other measures", (Text(TEXT, "small"), table))


def own_measure(shift: Shift) -> Measure:
    """Return the measure that a shift itself names."""
    return Measure(of=shift.signal, signal=shift.signal, says=shift.says, unit=shift.unit, source=shift.source)


def pace_of(result: RunResult, measure: Measure) -> float:
    """Return the pace of a measure's newest value, NaN where it cannot be had."""
    quarters = result.readings.get(measure.signal, {})
    last = next(reversed(quarters), "")
    if not last:
        return math.nan
    return _pace(_values(measure, quarters), last, getattr(load_signals(result.thesis)[measure.signal], "is_growth", False))


def in_force(pace: float) -> str:
    """Return whether a shift is in force by its pace."""
    return ("yes" if pace > 0 else "no") if known(pace) else DASH


def _row(result: RunResult, measure: Measure) -> tuple[Cell, ...]:
    quarters = result.readings.get(measure.signal, {})
    values, then = _values(measure, quarters), _values(measure, result.when_written.get(measure.signal, {}))
    last = next(reversed(quarters), "")
    pace = pace_of(result, measure)
    return (
        Cell(measure.says, about=origin(quarters[last].inputs) if last else ""),
        Cell(measure.unit),
        Cell(_value(then, next(iter(then), ""))),
        Cell(_value(values, last), mark="estimated" if last and quarters[last].evidence == "estimated" else ""),
        Cell(number(pace, 3)),
        Cell(in_force(pace)),
        Cell(quarters[last].known_at if last else DASH),
    )


def _values(measure: Measure, quarters: SignalReadings) -> dict[str, float]:
    """Return the measure by quarter: the signal's value, or the part of it that is named."""
    require_parts(measure.signal, quarters, [measure.part] if measure.part else [])
    return {quarter: reading.parts[measure.part] if measure.part else reading.value for quarter, reading in quarters.items()}


def _pace(values: Mapping[str, float], last: str, is_growth: bool) -> float:
    """Return log growth over four quarters up to a quarter, the value itself where it is growth; NaN without the year before."""
    if is_growth:
        return values[last]
    before = values.get(quarter_label(parse_quarter(last) - 4), math.nan)
    return math.log(values[last] / before) if min(values[last], before) > 0 else math.nan


def _value(values: Mapping[str, float], quarter: str) -> str:
    return f"{stated(values[quarter])} ({quarter})" if quarter else DASH
