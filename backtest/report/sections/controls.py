"""Each book beside the same book without its signal: whether the signal mattered, and what waiting for it cost."""

from collections.abc import Iterator

from backtest.formatting import DASH, known, percent, points
from backtest.report import cells
from backtest.report.components import Cell, Column, Rows, Span, Table, Text
from backtest.report.formatting import spans
from backtest.result import Book, ControlWindow, RunResult
from backtest.runs.control_sentence import NO_SIGNAL
from backtest.statistics.refusal import Refused


def sentences(result: RunResult) -> Iterator[Text]:
    """Yield what each book's signal did, or once that there is none."""
    if not result.spec.signals:
        yield Text(NO_SIGNAL, "small")
    for book in result.books.values():
        if book.control is not None:
            yield Text(book.control.sentence if len(result.books) == 1 else f"“{book.title}”: {book.control.sentence}", "lead")


def table(result: RunResult, book: Book) -> Iterator[Table]:
    """Yield a book's returns per window beside those of its two controls, where it has a signal."""
    control = book.control
    if control is None:
        return
    rows = tuple(
        (
            cells.window_name(name, book.window(window.name)),
            Cell(percent(book.window(window.name).total_return)),
            *_cells(control.twin if isinstance(control.twin, Refused) else control.twin.get(window.name)),
            *_cells(control.from_start.get(window.name)),
        )
        for name, window in spans(result.windows)
    )
    pair = (Column("Its return", True), Column("Difference", True))
    caption = (
        f"{book.title}: against its controls, by the same rules, costs and sessions. Signal always on: the same book, the signal "
        "on wherever it has a value (a rotation: all themes in equal parts). Basket from the start: held from the first session, "
        "no signal"
    )
    over = (Span("", 2), Span("Signal always on", 2), Span("Basket from the start", 2))
    yield Table(caption, (Column("Window"), Column("Total return", True), *pair, *pair), (Rows(rows),), over)


def _cells(window: ControlWindow | Refused | None) -> tuple[Cell, Cell]:
    """Return a control's return, and the book's less that with its interval or the reason for none."""
    if window is None or isinstance(window, Refused):
        reason = window.reason if isinstance(window, Refused) else ""
        return Cell(DASH, note=reason), Cell(DASH)
    if not known(window.difference):
        return Cell(DASH, note="fewer than two sessions"), Cell(DASH)
    refused = window.interval.reason if isinstance(window.interval, Refused) else ""
    bounds = None if isinstance(window.interval, Refused) else window.interval
    return Cell(percent(window.total_return)), Cell(points(window.difference), note=cells.between(bounds, points) or refused)
