"""Two results side by side as a page: their lines and the difference, what was changed, and what came out otherwise."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from backtest.formatting import DASH, counted, known, number, percent
from backtest.report.charts import overlay_charts
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.documents import BookPart, StrategyDocument
from backtest.report.formatting import plain, setting_value
from backtest.thesis.windows import WHOLE, Window

Row = Mapping[str, object]
MOST_OPEN = 15  # rows of a table that stands open
PARTS = {
    "spec": ("What was asked otherwise", "at"), "prices": ("Other prices", "at"), "results": ("Figures that differ", "figure"),
    "controls": ("Controls that differ", "figure"), "claims": ("Claims with another verdict", "id"),
}  # fmt: skip


def sections(a: StrategyDocument, b: StrategyDocument, differences: Mapping[str, Sequence[Row]]) -> list[Section]:
    """Return the sections of a comparison; `differences` are the rows of `output.compare` by part."""
    differing = {part: [row for row in differences[part] if row["a"] != row["b"]] for part in PARTS}
    tables = [_folded(_table(*PARTS[part], rows), len(rows)) for part, rows in differing.items() if rows]
    changed: list[Block] = tables or [Text("Nothing differs in spec, prices, figures, controls and claims.")]
    return [Section("lines", "Both on one axis", tuple(_charts(a, b))), Section("changes", "What differs", tuple(changed))]


def _folded(table: Table, rows: int) -> Block:
    """Return a table, behind its title where it is long."""
    return table if rows <= MOST_OPEN else Fold(f"{table.caption}: {counted(rows, 'row')}", (table,))


def _charts(a: StrategyDocument, b: StrategyDocument) -> Iterator[Block]:
    """Yield a chart for each pair of books: those of one name, or the only ones."""
    shared = [(name, name) for name in a.books if name in b.books]
    pairs = shared or [(next(iter(a.books)), next(iter(b.books)))] if a.books and b.books else []
    whole = next(window for window in a.windows if window.name == WHOLE)
    spans = [Window(WHOLE, pd.Timestamp(whole.start), pd.Timestamp(whole.end), pd.Timestamp(a.thesis.date))]
    for at, (first, second) in enumerate(pairs, start=1):
        lines = {f"A: {plain(first)}": _path(a.books[first]), f"B: {plain(second)}": _path(b.books[second])}
        if len(overlay_charts.gap_of(lines)) > 1:
            caption = "What 1 became at the end of every month, and the log of A's over B's: 0.01 is one per cent."
            yield overlay_charts.difference(f"compare-{at}", "value of 1", lines, spans, caption)


def _path(book: BookPart) -> pd.Series:
    values = {pd.Period(month, freq="M").end_time.normalize(): value for month, value in book.path.items() if known(value)}
    return pd.Series(values, dtype=float)


def _table(title: str, key: str, rows: Sequence[Row]) -> Table:
    cells = tuple(
        (
            Cell(" · ".join(str(row[name]) for name in ("book", "window", key) if name in row)),
            *(_value(row, side) for side in "ab"),
        )
        for row in rows
    )
    columns = Column("What"), Column("A", prose=True), Column("B", prose=True)
    return Table(title, columns, (Rows(cells),))


def _value(row: Row, side: str) -> Cell:
    value = row[side]
    if isinstance(value, float) and "figure" in row:
        return Cell(number(value) if row["figure"] == "sharpe" else percent(value))
    return Cell(DASH if value is None else setting_value(value))
