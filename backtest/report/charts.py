"""Every chart of the report, each from the frames of a RunResult. With `canvas`, the only home of matplotlib."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from backtest.regimes import Window
from backtest.report.blocks import Chart
from backtest.report.canvas import Size, chart, clipped, days, label_ends, panels, quarter_end, sessions, timeline, title
from backtest.report.colours import light, theme
from backtest.report.wording import Names, name_of, number, percent, plain
from backtest.run import Book
from backtest.statistics.performance import drawdown

DASHES = ((0, (6, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1)), (0, (9, 3)))
STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(np.arange(10, 100) / 10), tuple(np.arange(100, 1000) / 100))
LOW = "low"
UNITS = {"token_anchor": "log points a year", "scale_up_bandwidth": "GB/s", "multiplier": "log points over four quarters"}
LABELLED = 0.02  # a smaller weight has no room for its label


def performance(anchor: str, book: Book, windows: Sequence[Window], names: Names) -> Chart:
    """Draw a book's value against its benchmarks on a log axis, and its drawdown below."""
    start = float(book.equity.iloc[0])
    lines = {plain(book.basket): book.equity / start}
    lines |= {name_of(names, str(ticker)): column / start for ticker, column in book.benchmarks.items()}
    ends = "; ".join(f"{name} {number(_last(line))}" for name, line in lines.items())
    label = f"Line chart, log scale: what 1 {book.currency} became in {book.title} and its benchmarks. Last: {ends}."
    caption = (
        f"Above: the value of 1 {book.currency}, log scale, so that equal slopes are equal growth; each benchmark starts at 1 on "
        "its first price in the run. Below: the book's fall from its highest value so far; the deepest is "
        f"{percent(float(drawdown(book.equity).min()))}. Grey bands are the report's regimes, blue is out of sample, the dashed "
        "line is the report's date."
    )
    return chart(anchor, label, caption, lambda size: _draw_performance(size, book, lines, windows))


def _draw_performance(size: Size, book: Book, lines: Mapping[str, pd.Series], windows: Sequence[Window]) -> Figure:
    figure, (above, below) = panels(size, (230, 80))
    timeline(size, (above, below), windows, book.equity.index[0], book.equity.index[-1])
    colour = light(theme(book.basket))
    looks = [(colour, "-", 2.0), *((light("muted"), dash, 1.2) for dash in DASHES * 3)]
    ends = []
    for (name, line), (shade, dash, width) in zip(lines.items(), looks, strict=False):
        seen = line[line > 0]
        above.plot(sessions(seen.index), seen.to_numpy(), color=shade, ls=dash, lw=width)
        ends += [(days(seen.index[-1]), float(seen.iloc[-1]), name, shade)] if len(seen) else []
    _log_axis(above, [value for line in lines.values() for value in (line.min(), line.max())])
    title(above, f"value of 1 {book.currency}, log scale", size, top=True)
    fallen = drawdown(book.equity)
    below.fill_between(sessions(fallen.index), fallen.to_numpy(), 0, color=colour, alpha=0.35, lw=0)
    below.plot(sessions(fallen.index), fallen.to_numpy(), color=colour, lw=1)
    _percent_axis(below)
    title(below, "drawdown", size)
    label_ends(size, above, ends)
    return figure


def overview(anchor: str, books: Mapping[str, Book]) -> Chart:
    """Draw every book's total return in sample and out of sample as a row of two points."""
    found = {name: (_return(book, "in sample"), _return(book, "out of sample")) for name, book in books.items()}
    said = "; ".join(f"{plain(name)} {percent(before)} then {percent(after)}" for name, (before, after) in found.items())
    label = f"Dot chart of each book's total return, in sample then out of sample: {said}."
    caption = (
        "What 1 became by the end of each window, log scale. Hollow: in sample, what the report's authors had seen. Filled, with "
        "its return beside it: out of sample. The windows differ in length; each book is in its own currency."
    )
    return chart(anchor, label, caption, lambda size: _draw_overview(size, found))


def _draw_overview(size: Size, found: Mapping[str, tuple[float, float]]) -> Figure:
    figure, (axes,) = panels(size, (24 * len(found) + 12,), top=14)
    box = axes.get_position()
    axes.set_position((112 / size.width, box.y0, 1 - (112 + 66) / size.width, box.height))
    axes.axvline(1, color=light("ink"), lw=1)
    for row, (name, (before, after)) in enumerate(found.items()):
        colour = light(theme(name))
        axes.axhline(row, color=light("grid"), lw=0.7, zorder=0)
        axes.plot([1 + before, 1 + after], [row, row], color=colour, lw=1.2, alpha=0.5)
        axes.plot([1 + before], [row], "o", ms=7, mfc=light("paper"), mec=colour, mew=1.6)
        axes.plot([1 + after], [row], "o", ms=7, color=colour)
        axes.text(1.02, row, percent(after), transform=axes.get_yaxis_transform(), va="center", fontsize=size.font)
    axes.set_yticks(range(len(found)), [clipped(plain(name), 18) for name in found], fontsize=size.font)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=light("ink"))
    _log_axis(axes, [1 + value for pair in found.values() for value in pair], horizontal=True)
    return figure


def readings(
    anchor: str, name: str, quarters: Mapping[str, Mapping[str, Any]], seen: Mapping[str, float], windows: Sequence[Window]
) -> Chart:
    """Draw a signal's value at the end of its quarter, and as the step a reader saw from month to month."""
    values = ", ".join(f"{quarter} {number(reading['value'], 3)}" for quarter, reading in quarters.items())
    label = f"Chart of {plain(name)} by quarter, and of what a reader knew each month: {values}."
    caption = (
        "Points: the value at the end of the quarter it speaks of, as known at the end of the run; the thin lines are the wait "
        "until its last figure was published. Step: the newest complete value a reader had at the end of each month, computed "
        "from nothing later. A cross marked “low” rests on a figure of low confidence."
    )
    return chart(anchor, label, caption, lambda size: _draw_readings(size, name, quarters, seen, windows))


def _draw_readings(
    size: Size, name: str, quarters: Mapping[str, Mapping[str, Any]], seen: Mapping[str, float], windows: Sequence[Window]
) -> Figure:
    ended = [quarter_end(quarter) for quarter in quarters]
    told = [pd.Timestamp(str(reading["known_at"])[:10]) for reading in quarters.values()]
    first = min([*ended, *(window.start for window in windows)])
    last = max([*told, *(window.end for window in windows)])
    figure, (axes,) = panels(size, (220,))
    timeline(size, (axes,), windows, first, last)
    for end, known_at, reading in zip(ended, told, quarters.values(), strict=True):
        axes.plot([days(end), days(known_at)], [reading["value"]] * 2, color=light("muted"), lw=0.8)
        _point(size, axes, days(end), reading)
    steps = [(days(pd.Timestamp(month)), value) for month, value in seen.items()]
    axes.margins(y=0.16)
    title(axes, f"{plain(name)}, {UNITS.get(name, 'as a fraction')}", size, top=True)
    if steps:
        xs, ys = [x for x, _ in steps] + [days(last)], [y for _, y in steps] + [steps[-1][1]]
        axes.step(xs, ys, where="post", color=light("ink"), lw=1.6)
        label_ends(size, axes, [(days(last), ys[-1], f"known {number(ys[-1], 3)}", light("ink"))])
    return figure


def _point(size: Size, axes: Axes, x: float, reading: Mapping[str, Any]) -> None:
    """Draw a quarter's value; one of low confidence is a cross with the word beside it."""
    doubtful = reading["confidence"] == LOW
    axes.plot([x], [reading["value"]], "X" if doubtful else "o", ms=7, color=light("vermillion" if doubtful else "blue"))
    if doubtful:
        above: dict[str, Any] = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center", "fontsize": size.font - 1}
        axes.annotate(LOW, (x, reading["value"]), **above)


def decisions(anchor: str, book: Book, scores: Sequence[str], windows: Sequence[Window]) -> Chart:
    """Draw the scores at each decision and, below, what share of the book its basket then held."""
    held = book.realised[[ticker for ticker in book.members if ticker in book.realised]].sum(axis=1)
    said = [f"{plain(name)} {number(_last(book.decisions[name]), 3)}" for name in scores]
    said.append(f"basket {percent(_last(held), sign=False)} of the book")
    said.append(f"invested {percent(_last(book.decisions['invested']), sign=False)}")
    label = f"Step chart of the score at each decision and of the share held. Last: {'; '.join(said)}."
    caption = (
        "Above: the score computed at each decision from nothing but what was known then. Below: the share of the book in the "
        "basket's names right after each order session (filled), and all that the decision wanted invested (dashed)."
    )
    return chart(anchor, label, caption, lambda size: _draw_decisions(size, book, scores, held, windows))


def _draw_decisions(size: Size, book: Book, scores: Sequence[str], held: pd.Series, windows: Sequence[Window]) -> Figure:
    figure, drawn = panels(size, [130.0] * len(scores) + [90.0])
    end = book.equity.index[-1]
    timeline(size, drawn, windows, book.equity.index[0], end)
    for axes, name in zip(drawn, scores, strict=False):
        line = _until(book.decisions[name].astype(float), end)
        axes.axhline(0, color=light("muted"), lw=0.8)
        axes.step(sessions(line.index), line.to_numpy(), where="post", color=light("ink"))
        axes.margins(y=0.25)
        title(axes, f"score of {plain(name)} (no unit)", size, top=axes is drawn[0])
        label_ends(size, axes, [(days(end), _last(line), f"score {number(_last(line), 3)}", light("ink"))])
    _draw_share(size, drawn[-1], book, held, not scores)
    return figure


def _draw_share(size: Size, axes: Axes, book: Book, held: pd.Series, first: bool) -> None:
    """Fill the share of the book in its basket and dash the share that was to be invested."""
    end, colour = book.equity.index[-1], light(theme(book.basket))
    filled, wanted = _until(held, end), _until(book.decisions["invested"], end)
    axes.fill_between(sessions(filled.index), filled.to_numpy(), 0, step="post", color=colour, alpha=0.45, lw=0)
    axes.step(sessions(wanted.index), wanted.to_numpy(), where="post", color=light("ink"), lw=1, ls=(0, (4, 2)))
    axes.set_ylim(0, 1.1)
    _percent_axis(axes)
    title(axes, "share of the book", size, top=first)
    ends = [(days(end), _last(filled), "in the basket", colour), (days(end), _last(wanted), "to be invested", light("ink"))]
    label_ends(size, axes, ends)


def holdings(anchor: str, book: Book, names: Names, windows: Sequence[Window]) -> Chart:
    """Draw the realised weights as a stack of steps, the basket's names in shades of its theme, others in grey."""
    columns = [str(ticker) for ticker in book.realised]
    order = [ticker for ticker in book.members if ticker in columns] + [one for one in columns if one not in book.members]
    weights = book.realised.fillna(0.0)[order]
    latest = "; ".join(f"{name_of(names, ticker)} {percent(_last(weights[ticker]), sign=False)}" for ticker in order)
    label = f"Stacked chart of the weights held in {book.title} after each order session. Last: {latest}."
    caption = (
        "Realised weights right after each order session, stacked; between order sessions they drift with prices. A weight below "
        "2% at the end has no label. Grey is held outside the basket; what is missing to 100% is cash."
    )
    return chart(anchor, label, caption, lambda size: _draw_holdings(size, book, weights, names, windows))


def _draw_holdings(size: Size, book: Book, weights: pd.DataFrame, names: Names, windows: Sequence[Window]) -> Figure:
    end = book.equity.index[-1]
    figure, (axes,) = panels(size, (210,))
    timeline(size, (axes,), windows, book.equity.index[0], end)
    base: pd.Series | float = 0.0
    ends = []
    for position, ticker in enumerate(str(column) for column in weights):
        colour = light(theme(book.basket) if ticker in book.members else "rest")
        top = base + weights[ticker]
        lower, upper = _until(top - weights[ticker], end), _until(top, end)
        shade: dict[str, Any] = {"facecolor": colour, "alpha": (0.85, 0.45)[position % 2], "edgecolor": light("paper"), "lw": 0.6}
        axes.fill_between(sessions(upper.index), lower.to_numpy(), upper.to_numpy(), step="post", **shade)
        if len(upper) and upper.iloc[-1] - lower.iloc[-1] >= LABELLED:
            ends.append((days(end), float(lower.iloc[-1] + upper.iloc[-1]) / 2, name_of(names, ticker), colour))
        base = top
    axes.set_ylim(0, 1.02)
    _percent_axis(axes)
    title(axes, "share of the book", size, top=True)
    label_ends(size, axes, ends)
    return figure


def _until(line: pd.Series, end: pd.Timestamp) -> pd.Series:
    """Return a line whose last value holds to the end of the run."""
    return line if line.empty or line.index[-1] >= end else pd.concat([line, pd.Series([line.iloc[-1]], [end])])


def _last(line: pd.Series) -> float:
    """Return the last number of a line, or NaN."""
    seen = line.dropna()
    return float(seen.iloc[-1]) if len(seen) else np.nan


def _return(book: Book, window: str) -> float:
    value = book.windows.get(window, {}).get("total_return")
    return np.nan if value is None else float(value)


def _log_axis(axes: Axes, values: Sequence[float], horizontal: bool = False) -> None:
    """Make an axis logarithmic over some values, with a few ticks at round numbers."""
    seen = [value for value in values if np.isfinite(value) and value > 0]
    low, high = min([*seen, 1.0]) / 1.08, max([*seen, 1.0]) * 1.08
    decades = [10.0**power for power in range(-6, 9)]
    rungs = [sorted(step * decade for decade in decades for step in steps if low <= step * decade <= high) for steps in STEPS]
    ticks = max((one for one in rungs if len(one) <= (6 if horizontal else 8)), key=len, default=[1.0])
    axis = axes.xaxis if horizontal else axes.yaxis
    (axes.set_xscale if horizontal else axes.set_yscale)("log")
    (axes.set_xlim if horizontal else axes.set_ylim)(low, high)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def _percent_axis(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.locator_params(axis="y", nbins=4)
