"""The settings with the highest Sharpe ratios, each before and after the thesis, and its worst neighbour."""

import numpy as np

from backtest.formatting import number
from backtest.report.charts.canvas import clipped
from backtest.report.components import Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.sweep.checks import verdict
from backtest.report.sweep.search import Search
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE

MOST = 10  # rows
LETTERS = 60  # of a value


def top(search: Search, most: int) -> dict[int, int]:
    """Return the rows with the highest Sharpe ratios over the whole run, best first, and how many others equal each.

    Rows equal in every figure of every window are one, the first in the grid: a field that changes nothing fills no table.
    """
    figures = search.table.filter(regex="^(sharpe|total_return) ").round(9)
    ranked = figures.loc[search.ratios(WHOLE).sort_values(ascending=False, kind="stable").dropna().index]
    alike = ranked.groupby(list(ranked), sort=False, dropna=False).ngroup().to_numpy()
    first = {int(group): int(row) for row, group in reversed(list(zip(ranked.index, alike, strict=True)))}
    counts = np.bincount(alike)
    return {first[group]: int(counts[group]) - 1 for group in range(min(most, len(counts)))}


def section(search: Search) -> Section:
    """Return the table, and what it does not show."""
    word, because = verdict(search.summary)
    warning = (
        f"Chosen from {search.summary.trials:,} trials over the whole run, the days after the thesis among them, so nothing "
        f"here is out of sample for the choice; the best is {word}, because {because}. Where the worst neighbour is far below, "
        "the setting is an isolated maximum."
    )
    linked = "An identity leads to the full report of its setting." if search.reports else "None of them has a full report yet."
    more = "Worst neighbour: the lowest ratio over the whole run among the settings at most one step away in every numeric field."
    return Section(
        "settings",
        "The top settings",
        (Text(warning), Fold("The settings, best first", (_table(search), Text(f"{linked} {more}", "small")))),
    )


def _table(search: Search) -> Table:
    ratios = (
        Column("In sample", True, "in", term="Sharpe"), Column("Out of sample", True, "out", term="Sharpe"),
        Column("Whole", True, term="Sharpe"), Column("Worst neighbour", True),
    )  # fmt: skip
    fields = tuple(Column(field.name, field.numeric, prose=not field.numeric, term="Field") for field in search.fields)
    rows = tuple(_row(search, row, others) for row, others in top(search, MOST).items())
    caption = (
        "Settings with the highest Sharpe ratios over the whole run, best first; those equal in every window are one row. Only "
        "fields that vary are shown"
    )
    return Table(caption, (Column("Setting"), *ratios, *fields), (Rows(rows),))


def _row(search: Search, row: int, others: int) -> tuple[Cell, ...]:
    spec_id = str(search.table["spec_id"][row])
    neighbours = int(search.neighbours(row).sum()) - 1
    return (
        Cell(spec_id, href=search.reports.get(spec_id, ""), note=f"and {others:,} equal" if others else ""),
        *(Cell(number(float(search.ratios(window)[row]))) for window in (IN_SAMPLE, OUT_OF_SAMPLE, WHOLE)),
        Cell(number(search.worst_neighbour(row)), note=f"{neighbours:,} beside"),
        *(Cell(clipped(field.labels[field.positions[row]], LETTERS)) for field in search.fields),
    )
