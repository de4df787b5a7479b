"""The command line of figures: `python -m backtest facts --help`."""

import sys
from typing import Annotated, Any

import typer

facts = typer.Typer(help="The figures a run may use.", no_args_is_help=True, rich_markup_mode=None)


@facts.callback()
def _commands() -> None:
    """Keep the command named though it is alone."""


@facts.command("list")
def list_facts(
    source: Annotated[
        str, typer.Option("--facts", help="'reference' (embedded), 'store' (with live figures) or a folder of tables.")
    ] = "reference",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output and nothing else.")] = False,
) -> None:
    """Show every entity and metric there is: unit, first and last calendar quarter, number of periods."""
    from backtest.documents import to_json
    from backtest.sources import load_facts

    rows = series_rows(load_facts(source).rows)
    sys.stdout.write(to_json(rows) if as_json else _lines(rows))


def series_rows(figures: Any) -> list[dict[str, Any]]:
    """Return entity, metric, unit, first and last calendar quarter and number of periods of every series, by name."""
    from backtest.calendars import quarter_label

    found = []
    for (entity, metric), own in figures.groupby(["entity", "metric"], sort=True):
        first, last = (quarter_label(int(quarter)) for quarter in (own["quarter"].min(), own["quarter"].max()))
        series = {"entity": entity, "metric": metric, "unit": own["unit"].iloc[0]}
        found.append(series | {"first": first, "last": last, "periods": int(own["period"].nunique())})
    return found


def _lines(rows: list[dict[str, Any]]) -> str:
    """Return a line per entity and, below it, an aligned line per metric."""
    metric, unit = (max(len(row[name]) for row in rows) for name in ("metric", "unit"))
    lines: list[str] = []
    for number, row in enumerate(rows):
        if number == 0 or row["entity"] != rows[number - 1]["entity"]:
            lines.append(row["entity"])
        lines.append(f"  {row['metric']:<{metric}} {row['unit']:<{unit}} {row['first']} {row['last']} {row['periods']:>4}")
    return "\n".join(lines) + "\n"
