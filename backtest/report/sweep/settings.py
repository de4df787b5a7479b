"""The settings with the highest Sharpe ratios, each with what it was before and after the report, and how those beside it do."""

from backtest.report.blocks import Cell, Column, Rows, Section, Table, Text
from backtest.report.canvas import clipped
from backtest.report.sweep.checks import verdict
from backtest.report.sweep.search import IN, OUT, WHOLE, Search
from backtest.report.wording import number

MOST = 10  # rows
LETTERS = 60  # of a value


def top(search: Search, most: int = MOST) -> list[int]:
    """Return the rows with the highest Sharpe ratios over the whole run, best first; of equal ones the first in the grid."""
    return list(search.ratios(WHOLE).sort_values(ascending=False, kind="stable").dropna().index[:most])


def section(search: Search) -> Section:
    """Return the table, and what it does not show."""
    word, because = verdict(search.document)
    warning = (
        f"Chosen from {search.document['trials']:,} trials over the whole run, the days after the report among them, so nothing "
        f"here is out of sample for the choice; the best is {word}, because {because}. Where the worst neighbour is far below, "
        "the setting stands on a lone peak."
    )
    linked = "An identity leads to the full report of its setting." if search.reports else "None of them has a full report yet."
    more = "Worst neighbour: the lowest ratio over the whole run among the settings at most one step away in every numeric field."
    return Section("settings", "The top settings", (Text(warning), _table(search), Text(f"{linked} {more}", "small")))


def _table(search: Search) -> Table:
    ratios = (
        Column("In sample", True, "in", term="Sharpe"), Column("Out of sample", True, "out", term="Sharpe"),
        Column("Whole", True, term="Sharpe"), Column("Worst neighbour", True),
    )  # fmt: skip
    fields = tuple(Column(field.name, field.numeric, prose=not field.numeric, term="Field") for field in search.fields)
    rows = tuple(_row(search, row) for row in top(search))
    caption = "Settings with the highest Sharpe ratios over the whole run, best first; only fields that vary"
    return Table(caption, (Column("Setting"), *ratios, *fields), (Rows(rows),))


def _row(search: Search, row: int) -> tuple[Cell, ...]:
    spec_id = str(search.table["spec_id"][row])
    beside = int(search.beside(row).sum()) - 1
    return (
        Cell(spec_id, href=search.reports.get(spec_id, "")),
        *(Cell(number(float(search.ratios(window)[row]))) for window in (IN, OUT, WHOLE)),
        Cell(number(search.worst_beside(row)), note=f"{beside:,} beside"),
        *(Cell(clipped(field.labels[field.places[row]], LETTERS)) for field in search.fields),
    )
