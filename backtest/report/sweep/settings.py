"""The settings with the highest Sharpe ratios, each before and after the thesis, and its worst neighbour."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from backtest.formatting import number
from backtest.report.charts.canvas import clipped
from backtest.report.components import Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.sweep.checks import verdict
from backtest.report.sweep.search import Search
from backtest.sweeps.columns import SHARPE, TOTAL_RETURN
from backtest.sweeps.table import SettingsTable
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE

MOST = 10  # rows
LETTERS = 60  # of a value
DIGITS = 9  # after the point: figures that round to the same are equal
FIGURES = (f"{SHARPE} ", f"{TOTAL_RETURN} ")
AT_ONCE = 4096  # rows


def top(search: Search, most: int) -> dict[int, int]:
    """Return the rows with the highest Sharpe ratios over the whole run, best first, and how many others equal each.

    Rows equal in every figure of every window are one, the first in the grid: a field that changes nothing fills no table.
    """
    return {row: count - 1 for row, count in islice(best_first(search), most)}


def best_first(search: Search) -> Iterator[tuple[int, int]]:
    """Yield every different row that has a ratio over the whole run, best first, and how many rows equal it.

    Figures are read of some rows at a time: equal rows have the same rounded ratio, and those of one ratio are read together.
    """
    ratios = search.ratios(WHOLE)
    ranked = ratios.sort_values(ascending=False, kind="stable").dropna().index.to_numpy()
    ends = np.flatnonzero(np.diff(np.round(ratios.to_numpy()[ranked], DIGITS), append=np.nan)) + 1
    done = 0
    while done < len(ranked):
        end = int(ends[min(int(np.searchsorted(ends, done + AT_ONCE)), len(ends) - 1)])
        rows = ranked[done:end]
        _, first, counts = np.unique(_alike(search.table, rows), return_index=True, return_counts=True)
        order = np.argsort(first)
        yield from zip(rows[first[order]].tolist(), counts[order].tolist(), strict=True)
        done = end


def _alike(table: SettingsTable, rows: np.ndarray) -> np.ndarray:
    """Return a number for each of some rows, the same for rows that are equal in every figure, one column after another."""
    alike = np.zeros(len(rows), dtype=np.int64)
    for name in table:
        if name.startswith(FIGURES):
            values = np.unique(np.round(table[name].to_numpy(float)[rows], DIGITS), return_inverse=True)[1]
            alike = np.unique(alike * (values.max() + 1) + values, return_inverse=True)[1]
    return alike


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
    spec_id = str(search.table.take(np.array([row]))["spec_id"].iloc[0])
    neighbours = int(search.neighbours(row).sum()) - 1
    return (
        Cell(spec_id, href=search.reports.get(spec_id, ""), note=f"and {others:,} equal" if others else ""),
        *(Cell(number(float(search.ratios(window)[row]))) for window in (IN_SAMPLE, OUT_OF_SAMPLE, WHOLE)),
        Cell(number(search.worst_neighbour(row)), note=f"{neighbours:,} beside"),
        *(Cell(clipped(field.labels[field.positions[row]], LETTERS)) for field in search.fields),
    )
