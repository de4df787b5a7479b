"""The grid that was searched, what its figures came from, and how to make the page again."""

from backtest.report.components import Block, Bullets, Cell, Code, Column, Part, Rows, Section, Table, Text
from backtest.report.formatting import counted, day
from backtest.report.sweep.search import Search, said

OPERATORS = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "in": "among"}


def section(search: Search) -> Section:
    """Return grid, identities, trials and command."""
    return Section(
        "provenance",
        "Where it comes from",
        (
            Part("grid", "The grid", tuple(_grid(search))),
            Part("identities", "Identities and trials", (_identities(search),)),
            Part("again", "To run it again", _again(search)),
        ),
    )


def _grid(search: Search) -> list[Block]:
    fields = search.grid["fields"]
    rows = tuple((Cell(name), Cell(f"{len(values):,}"), Cell("; ".join(map(said, values)))) for name, values in fields.items())
    columns = (Column("Field"), Column("Values", True), Column("Each of them", prose=True))
    blocks: list[Block] = [Table("Every combination of these values is a setting", columns, (Rows(rows),))]
    if search.grid["exclude"]:
        blocks += [Text("Left out is a setting that meets every condition of a line:"), Bullets(tuple(_excluded(search)))]
    return blocks


def _excluded(search: Search) -> list[str]:
    return [
        ", ".join(f"{field} {OPERATORS[name]} {said(value)}" for field, asked in one.items() for name, value in asked.items())
        for one in search.grid["exclude"]
    ]


def _identities(search: Search) -> Table:
    document, prices = search.document, search.prices
    found = {
        **document["identities"],
        "prices": f"{prices['source']}, {prices['adjustment']}",
        "days": f"{day(search.windows[-1].start)} to {day(search.windows[-1].end)}",
        "settings": f"{document['settings']:,}",
        "trials on these data": f"{document['trials']:,}",
        "trials on any data": f"{document['trials_on_any_data']:,}",
    }
    rows = tuple((Cell(name), Cell(value)) for name, value in found.items())
    return Table("Equal identities, grid and trials: equal page", (Column("What"), Column("Which")), (Rows(rows),))


def _again(search: Search) -> tuple[Block, ...]:
    told = (
        f"Beside this page: settings.parquet with the figures of {counted(len(search.table), search.rows)} and the chunk its "
        "curve is in, chunks/ with the values by day, result.json with what stands here. Paths stand as they were "
        "typed, seen from the folder the sweep was started in. Trials rise with every new setting, so a later page of the same "
        "grid can be stricter."
    )
    return Code(search.command), Text(told, "small")
