"""The command line of figures: `capex-backtest facts --help`."""

import sys
from typing import TYPE_CHECKING, Any, TypedDict

import typer

from backtest.cli.options import AsOfOption, FactsOption, JsonOption, ThesisOption

if TYPE_CHECKING:
    import pandas as pd

facts = typer.Typer(help="The figures a run may use.", no_args_is_help=True, rich_markup_mode=None)


@facts.command("list")
def list_facts(
    source: FactsOption = "reference",
    thesis: ThesisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every entity and metric there is: unit, first and last calendar quarter, number of periods."""
    from backtest.cli.inputs import thesis_of
    from backtest.data.archive import load_facts
    from backtest.files.documents import to_json

    rows = series_rows(load_facts(source, thesis_of(thesis)).rows)
    sys.stdout.write(to_json(rows) if as_json else _lines(rows))


@facts.command("ranges")
def list_ranges(
    source: FactsOption = "reference",
    as_of: AsOfOption = None,
    thesis: ThesisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what sources put between a low and a high figure: optical modules, copper and PCB per chip, profit previews."""
    from backtest import clock
    from backtest.calendars import as_of_moment
    from backtest.cli.inputs import thesis_of
    from backtest.data.archive import load_facts
    from backtest.files.documents import to_json

    moment = as_of_moment(as_of) if as_of is not None else clock.SYSTEM.now()
    rows = range_rows(load_facts(source, thesis_of(thesis)).ranges, moment)
    sys.stdout.write(to_json(rows) if as_json else _range_lines(rows))


class RangeRow(TypedDict):
    """What a source put between a low and a high figure, both None where only a direction was published."""

    item: str
    subject: str
    metric: str
    period: str | None
    low: float | None
    high: float | None
    unit: str
    known_at: str
    evidence: str
    confidence: str
    source: str
    note: str


class SeriesRow(TypedDict):
    """An entity and metric: unit, first and last calendar quarter, number of periods."""

    entity: str
    metric: str
    unit: str
    first: str
    last: str
    periods: int


def range_rows(ranges: "pd.DataFrame", moment: "pd.Timestamp") -> list[RangeRow]:
    """Return the ranges that were known at a moment, by item and subject, oldest first."""
    known = ranges[ranges["known_at"] <= moment].sort_values(["item", "subject", "metric", "known_at"], kind="stable")
    rows: list[Any] = [*known.itertuples()]  # named tuples of the table's columns
    return [
        {
            "item": row.item,
            "subject": row.subject,
            "metric": row.metric,
            "period": row.period or None,
            "low": None if row.low != row.low else row.low,
            "high": None if row.high != row.high else row.high,
            "unit": row.unit,
            "known_at": row.published,
            "evidence": row.evidence,
            "confidence": row.confidence,
            "source": row.source,
            "note": row.note,
        }
        for row in rows
    ]


def series_rows(figures: "pd.DataFrame") -> list[SeriesRow]:
    """Return entity, metric, unit, first and last calendar quarter and number of periods of every series, by name."""
    from backtest.calendars import quarter_label

    rows: list[SeriesRow] = []
    for name, own in figures.groupby(["entity", "metric"], sort=True):
        entity, metric = map(str, name)
        first, last = (quarter_label(int(quarter)) for quarter in (own["quarter"].min(), own["quarter"].max()))
        unit, periods = str(own["unit"].iloc[0]), int(own["period"].nunique())
        rows.append({"entity": entity, "metric": metric, "unit": unit, "first": first, "last": last, "periods": periods})
    return rows


def _lines(rows: list[SeriesRow]) -> str:
    """Return a line per entity and, below it, an aligned line per metric."""
    metric, unit = max(len(row["metric"]) for row in rows), max(len(row["unit"]) for row in rows)
    lines: list[str] = []
    for number, row in enumerate(rows):
        if number == 0 or row["entity"] != rows[number - 1]["entity"]:
            lines.append(row["entity"])
        lines.append(f"  {row['metric']:<{metric}} {row['unit']:<{unit}} {row['first']} {row['last']} {row['periods']:>4}")
    return "\n".join(lines) + "\n"


def _range_lines(rows: list[RangeRow]) -> str:
    """Return a line per item and subject and, below it, one per range: figure, unit, and when and how it became known."""
    lines: list[str] = []
    for number, row in enumerate(rows):
        heading = f"{row['item']}: {row['subject']}"
        if number == 0 or heading != f"{rows[number - 1]['item']}: {rows[number - 1]['subject']}":
            lines.append(heading)
        ends = [f"{end:,.12g}" for end in (row["low"], row["high"]) if end is not None]
        figure = " to ".join(dict.fromkeys(ends)) or "no amount"
        about = " ".join(part for part in (row["metric"], row["period"]) if part)
        known = f"known {row['known_at']}, {row['evidence']}, confidence {row['confidence']}"
        lines.append(f"  {about}: {figure} {row['unit']}; {known}" + (f" ({row['note']})" if row["note"] else ""))
    return "\n".join(lines) + "\n" if lines else "no range was known\n"
