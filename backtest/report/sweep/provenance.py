"""The grid that was searched, what its figures came from, and how to make the page again."""

from backtest.formatting import counted
from backtest.report.components import Block, Bullets, Cell, Code, Column, Part, Rows, Section, Table, Text
from backtest.report.formatting import day, setting_value
from backtest.report.sweep.search import Search

OPERATORS = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "in": "among"}


def section(search: Search) -> Section:
    """Return grid, identities, trials and command."""
    return Section(
        "provenance",
        "Where it comes from",
        (
            Part("grid", "The grid", tuple(_grid(search)), folded=True),
            Part("identities", "Identities and trials", (_identities(search),), folded=True),
            Part("again", "To run it again", _again(search), folded=True),
        ),
    )


def _grid(search: Search) -> list[Block]:
    rows = tuple(
        (Cell(name), Cell(f"{len(values):,}"), Cell("; ".join(map(setting_value, values))))
        for name, values in search.grid.fields.items()
    )
    columns = (Column("Field"), Column("Values", True), Column("Each of them", prose=True))
    blocks: list[Block] = [Table("Every combination of these values is a setting", columns, (Rows(rows),))]
    if search.grid.exclude:
        blocks += [Text("Left out is a setting that meets every condition of a line:"), Bullets(tuple(_excluded(search)))]
    return blocks


def _excluded(search: Search) -> list[str]:
    return [
        ", ".join(
            f"{field} {OPERATORS[name]} {setting_value(operand)}"
            for field, condition in table.items()
            for name, operand in condition.items()
        )
        for table in search.grid.exclude
    ]


def _identities(search: Search) -> Table:
    summary = search.summary
    identities = {
        **summary.identities,
        "prices": search.prices,
        "days": f"{day(search.windows[-1].start)} to {day(search.windows[-1].end)}",
        "settings": f"{summary.settings:,}",
        "trials on these data": f"{summary.trials:,}",
        "trials on any data": f"{summary.trials_on_any_data:,}",
    }
    identities |= {"prices without opens": "; ".join(summary.notes)} if summary.notes else {}
    rows = tuple((Cell(name), Cell(value)) for name, value in identities.items())
    return Table("Equal identities, grid and trials: equal page", (Column("What"), Column("Which")), (Rows(rows),))


def _again(search: Search) -> tuple[Block, ...]:
    files = (
        f"Beside this page: settings.parquet with the figures of {counted(len(search.table), search.rows)} and the chunk its "
        "curve is in, chunks/ with the values by day, result.json with what stands here. Paths stand as they were "
        "typed, seen from the folder the sweep was started in. Trials rise with every new setting, so a later page of the same "
        "grid can be stricter."
    )
    return Code(search.summary.command), Text(files, "small")
