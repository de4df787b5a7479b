"""Charts of what the books earned: value and drawdown, every book in every regime."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from backtest.formatting import number, percent
from backtest.report.charts.axes import Spot
from backtest.report.charts.canvas import (
    Size,
    boxed,
    chart,
    clipped,
    days,
    label_ends,
    last_of,
    log_axis,
    mark_events,
    panels,
    percent_axis,
    sessions,
    timeline,
    title,
)
from backtest.report.charts.colours import light, theme
from backtest.report.charts.drawing import Drawing, Look, Panel
from backtest.report.charts.series import curve
from backtest.report.components import Chart
from backtest.report.formatting import Names, name_of, plain, regimes
from backtest.result import Book
from backtest.statistics.performance import drawdown
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, Window

TWIN, TWIN_IN_SHORT = "signal always on", "always on"
TWIN_DASH = (0, (2.5, 1.2))
DASHES = ((0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1)), (0, (9, 3)))


def performance(
    anchor: str, book: Book, windows: Sequence[Window], names: Names, events: Sequence[tuple[pd.Timestamp, str]] = ()
) -> Chart:
    """Draw a book's value against its twin and its benchmarks on a log axis, and its drawdown below; events are small ticks."""
    lines = _with_twin(book, _lines(book, names))
    label = f"Line chart, log scale: what 1 {book.currency} became in {book.title} and its benchmarks. Last: {_ends(lines)}."
    twin = f"“{TWIN}” is the same book with its signal on wherever it has a value; " if TWIN in lines else ""
    ticks = " Ticks at the top are the most unusual sessions of dated events." if events else ""
    caption = (
        f"Above: the value of 1 {book.currency}, log scale, so that equal slopes are equal growth; {twin}each benchmark "
        "starts at 1 on its first price in the run. Below: the book's fall from its highest value so far; the deepest is "
        f"{percent(float(drawdown(book.equity).min()))}. Grey bands are the thesis's regimes, blue is out of sample, the dashed "
        f"line is the thesis's date.{ticks}"
    )
    return chart(anchor, label, caption, lambda size: _draw_performance(size, book, lines, windows, events))


def _draw_performance(
    size: Size,
    book: Book,
    lines: Mapping[str, pd.Series],
    windows: Sequence[Window],
    events: Sequence[tuple[pd.Timestamp, str]],
) -> Drawing:
    figure, (above, below) = panels(size, (230, 80) if size.name == "wide" else (150, 50))
    timeline(size, (above, below), windows, book.equity.index[0], book.equity.index[-1])
    log_axis(above, [value for line in lines.values() for value in (line.min(), line.max())])
    ends = _draw_lines(size, above, book, lines)
    mark_events(above, events)
    title(above, f"value of 1 {book.currency}, log scale", size, top=True)
    curve(below, "drawdown", drawdown(book.equity), Look(light(theme(book.basket)), width=1, fill=0.35))
    percent_axis(below)
    title(below, "drawdown", size)
    label_ends(size, above, ends)
    return figure


def multiples(anchor: str, books: Mapping[str, Book], windows: Sequence[Window]) -> Chart:
    """Draw every book against its benchmarks in every named regime: a panel each, one scale per regime."""
    spans = regimes(windows)
    returned = {name: [(span.name, book.window(span.name).total_return) for span in spans] for name, book in books.items()}
    returns_text = "; ".join(
        f"{plain(name)} " + ", ".join(f"{when} {percent(value)}" for when, value in row) for name, row in returned.items()
    )
    caption = (
        "Each panel: what 1 became within the regime, from the last value before it; the book in its colour, its benchmarks "
        "grey. Log scale, the same for all panels of a column, so heights compare from book to book; regimes differ in length."
    )
    label = f"Small multiples, a row per book and a column per regime. Total returns: {returns_text}."
    return chart(anchor, label, caption, lambda size: _draw_multiples(size, books, spans))


def _draw_multiples(size: Size, books: Mapping[str, Book], spans: Sequence[Window]) -> Drawing:
    high, top, left, gap = 54.0, 26.0, 124.0 if size.name == "wide" else 74.0, 8.0
    figure, rows = boxed(size, (high,) * len(books), top=top, gap=10, bottom=8)
    wide = (size.width - left - 8 - gap * (len(spans) - 1)) / max(len(spans), 1)
    lefts = [left + number * (wide + gap) for number in range(len(spans))]
    grid = [[figure.add_axes(row._replace(left=at, width=wide)) for at in lefts] for row in rows]
    for column, span in enumerate(spans):
        curves = {name: _within(book, span) for name, book in books.items()}
        values = [value for pair in curves.values() for line in pair for value in (line.min(), line.max())]
        seen = [float(value) for value in values if np.isfinite(value) and value > 0]
        low = min([*seen, 1.0]) / 1.05
        high = max([*seen, 1.0]) * (max([*seen, 1.0]) / low) ** 0.3  # room for the number
        for (name, (own, *others)), axes in zip(curves.items(), (row[column] for row in grid), strict=True):
            _draw_panel(axes, own, others, light(theme(name)), low, high)
            text = percent(float(own.iloc[-1]) - 1.0, 0) if len(own) else "no value"
            axes.text(0.04, 0.94, text, Spot(within=("panel", "panel"), va="top"), fontsize=size.font - 0.5)
        if grid:
            words = clipped(span.name, 26 if size.name == "wide" else 12)
            grid[0][column].set_title(words, fontsize=size.font - 0.5, color=light("muted"))
    for name, drawn in zip(books, grid, strict=True):
        text = clipped(plain(name), 18 if size.name == "wide" else 10)
        drawn[0].text(0, 0.5, text, Spot((-8, 0), ("panel", "panel"), "right", "center"))
    return figure


def _within(book: Book, span: Window) -> list[pd.Series]:
    """Return the book and each benchmark over a regime, the base of the first return as 1."""
    rows = span.slice(pd.DatetimeIndex(book.equity.index))
    lines = [line.iloc[rows].dropna() for line in (book.equity, *_charted(book).values())]
    return [line / line.iloc[0] if len(line) else line for line in lines]


def _draw_panel(axes: Panel, own: pd.Series, others: Sequence[pd.Series], colour: str, low: float, high: float) -> None:
    for line in others:
        axes.plot(sessions(line.index), line.to_numpy(), color=light("rest"), lw=1)
    axes.plot(sessions(own.index), own.to_numpy(), color=colour, lw=1.8)
    axes.axhline(1, color=light("muted"), lw=0.6)
    axes.y.log = True
    axes.set_ylim(low, high)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.edges = dict.fromkeys(axes.edges, light("grid"))


def overview(anchor: str, books: Mapping[str, Book]) -> Chart:
    """Draw every book's total return in sample and out of sample as a row of two points."""
    both = {name: (_return(book, IN_SAMPLE), _return(book, OUT_OF_SAMPLE)) for name, book in books.items()}
    pairs = "; ".join(f"{plain(name)} {percent(before)} then {percent(after)}" for name, (before, after) in both.items())
    label = f"Dot chart of each book's total return, in sample then out of sample: {pairs}."
    caption = (
        "What 1 became by the end of each window, log scale. Hollow: in sample, what its authors had seen. Filled, with "
        "its return beside it: out of sample. The windows differ in length; each book is in its own currency."
    )
    return chart(anchor, label, caption, lambda size: _draw_overview(size, both))


def _draw_overview(size: Size, both: Mapping[str, tuple[float, float]]) -> Drawing:
    figure, (box,) = boxed(size, (24 * len(both) + 12,), top=14)
    axes = figure.add_axes(box._replace(left=112, width=size.width - 112 - 66))
    axes.axvline(1, color=light("ink"), lw=1)
    for row, (name, (before, after)) in enumerate(both.items()):
        colour = light(theme(name))
        axes.axhline(row, color=light("grid"), lw=0.7, zorder=0)
        axes.plot([1 + before, 1 + after], [row, row], color=colour, lw=1.2, alpha=0.5)
        axes.marks([1 + before], [row], "o", ms=7, mfc=light("paper"), color=colour, mew=1.6)
        axes.marks([1 + after], [row], "o", ms=7, color=colour)
        axes.text(1.02, row, percent(after), Spot(within=("panel", "data"), va="center"))
    axes.set_yticks(range(len(both)), [clipped(plain(name), 18) for name in both])
    axes.set_ylim(len(both) - 0.4, -0.6)
    axes.tick_params("y", length=0, labelcolor=light("ink"))
    log_axis(axes, [1 + value for pair in both.values() for value in pair], horizontal=True)
    return figure


def _return(book: Book, window: str) -> float:
    value = book.window(window).total_return
    return np.nan if value is None else value


def _lines(book: Book, names: Names) -> dict[str, pd.Series]:
    """Return the book and its benchmarks as multiples of the book's first value."""
    start = float(book.equity.iloc[0])
    lines = {plain(book.basket): book.equity / start}
    return lines | {name_of(names, str(ticker)): column / start for ticker, column in _charted(book).items()}


def _charted(book: Book) -> dict[str, pd.Series]:
    """Return the benchmarks that line charts draw, by ticker."""
    return {str(ticker): column for ticker, column in book.benchmarks.items() if ticker in book.charted}


def _ends(lines: Mapping[str, pd.Series], shown: Callable[[float], str] = number) -> str:
    return "; ".join(f"{name} {shown(last_of(line))}" for name, line in lines.items())


def _with_twin(book: Book, lines: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """Return some lines with the book's twin after the book's own, where it has one."""
    (own, line), *others = lines.items()
    twin = {} if book.control is None or "twin" not in book.control.equity else {TWIN: book.control.equity["twin"]}
    return {own: line} | {name: values / float(values.iloc[0]) for name, values in twin.items()} | dict(others)


def _draw_lines(size: Size, axes: Panel, book: Book, lines: Mapping[str, pd.Series]) -> list[tuple[float, float, str, str]]:
    """Draw the book in its colour, its twin dashed, its benchmarks grey; return where each ends, its name and colour."""
    own, dashes = light(theme(book.basket)), iter(DASHES * 3)
    ends = []
    for number_of, (name, line) in enumerate(lines.items()):
        seen = line.dropna()
        if number_of == 0:
            look = Look(own, width=2.0)
        else:
            look = Look(own, TWIN_DASH, 1.4) if name == TWIN else Look(light("muted"), next(dashes), 1.2)
        curve(axes, name, seen, look)
        short = TWIN_IN_SHORT if name == TWIN and len(name) > size.letters else name
        ends += [(days(seen.index[-1]), float(seen.iloc[-1]), short, look.colour)] if len(seen) else []
    return ends
