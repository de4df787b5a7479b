"""Charts of what was read, decided and held, each from the frames of a RunResult."""

from collections.abc import Mapping, Sequence

import pandas as pd

from backtest.formatting import number, percent
from backtest.report.charts.axes import Spot
from backtest.report.charts.canvas import (
    Size,
    chart,
    days,
    label_ends,
    last_of,
    panels,
    percent_axis,
    quarter_end,
    timeline,
    title,
)
from backtest.report.charts.colours import light, theme
from backtest.report.charts.drawing import Drawing, Look, Panel
from backtest.report.charts.series import curve, record, stack
from backtest.report.components import Chart
from backtest.report.formatting import Names, name_of, plain
from backtest.result import Book, SignalReadings
from backtest.signals import Reading
from backtest.thesis.windows import Window

LOW = "low"
LABELLED = 0.02  # a smaller weight has no room for its label


def readings(
    anchor: str, name: str, unit: str, quarters: SignalReadings, seen: Mapping[str, float], windows: Sequence[Window]
) -> Chart:
    """Draw a signal's value at the end of its quarter, and as the step a reader saw from month to month to the run's end."""
    values = ", ".join(f"{quarter} {number(reading.value, 3)}" for quarter, reading in quarters.items())
    label = f"Chart of {plain(name)} by quarter, and of what a reader knew at each month's end and the run's: {values}."
    caption = (
        "Points: the value at the end of the quarter it speaks of, as known at the end of the run; the thin lines are the wait "
        "until its last figure was published. Step: the newest complete value a reader had at the end of each month and of the "
        "run, computed from nothing later. A cross marked “low” rests on a figure of low confidence."
    )
    return chart(anchor, label, caption, lambda size: _draw_readings(size, f"{plain(name)}, {unit}", quarters, seen, windows))


def _draw_readings(
    size: Size, heading: str, quarters: SignalReadings, seen: Mapping[str, float], windows: Sequence[Window]
) -> Drawing:
    ends = [quarter_end(quarter) for quarter in quarters]
    published = [pd.Timestamp(reading.known_at[:10]) for reading in quarters.values()]
    first = min([*ends, *(window.start for window in windows)])
    last = max([*published, *(window.end for window in windows)])
    figure, (axes,) = panels(size, (220,))
    timeline(size, (axes,), windows, first, last)
    for end, known_at, reading in zip(ends, published, quarters.values(), strict=True):
        axes.plot([days(end), days(known_at)], [reading.value] * 2, color=light("muted"), lw=0.8)
        _point(size, axes, days(end), reading)
    values = pd.Series([reading.value for reading in quarters.values()], ends, dtype=float)
    record(axes, "value of the quarter", values, Look(light("blue"), width=0, dots=True))
    steps = pd.Series(seen, dtype=float)
    axes.y.margin = 0.16
    title(axes, heading, size, top=True)
    if len(steps):
        steps.index = pd.to_datetime(steps.index)
        curve(axes, "known then", _until(steps, last), Look(light("ink")), step=True)
        label_ends(size, axes, [(days(last), last_of(steps), f"known {number(last_of(steps), 3)}", light("ink"))])
    return figure


def _point(size: Size, axes: Panel, x: float, reading: Reading) -> None:
    """Draw a quarter's value; one of low confidence is a cross with the word beside it."""
    doubtful = reading.confidence == LOW
    axes.marks([x], [reading.value], "X" if doubtful else "o", ms=7, color=light("vermillion" if doubtful else "blue"))
    if doubtful:
        axes.text(x, reading.value, LOW, Spot((0, 7), ha="center"), fontsize=size.font - 1)


def decisions(anchor: str, book: Book, scores: Sequence[str], windows: Sequence[Window]) -> Chart:
    """Draw the scores at each decision and, below, what share of the book its basket then held."""
    invested = book.realised[[ticker for ticker in book.members if ticker in book.realised]].sum(axis=1)
    last = [f"{plain(name)} {number(last_of(book.decisions[name]), 3)}" for name in scores]
    last.append(f"basket {percent(last_of(invested), sign=False)} of the book")
    last.append(f"invested {percent(last_of(book.decisions['invested']), sign=False)}")
    label = f"Step chart of the score at each decision and of the share held. Last: {'; '.join(last)}."
    caption = (
        "Above: the score computed at each decision from nothing but what was known then. Below: the share of the book in the "
        "basket's names right after each order session (filled), and all that the decision wanted invested (dashed)."
    )
    return chart(anchor, label, caption, lambda size: _draw_decisions(size, book, scores, invested, windows))


def _draw_decisions(size: Size, book: Book, scores: Sequence[str], invested: pd.Series, windows: Sequence[Window]) -> Drawing:
    figure, drawn = panels(size, [100.0 if len(scores) == 1 else 80.0] * len(scores) + [60.0])
    end = book.equity.index[-1]
    timeline(size, drawn, windows, book.equity.index[0], end)
    for axes, name in zip(drawn, scores, strict=False):
        line = _until(book.decisions[name].astype(float), end)
        axes.axhline(0, color=light("muted"), lw=0.8)
        curve(axes, f"score of {plain(name)}", line, Look(light("ink")), step=True)
        axes.y.margin = 0.25
        title(axes, f"score of {plain(name)} (no unit)", size, top=axes is drawn[0])
        label_ends(size, axes, [(days(end), last_of(line), f"score {number(last_of(line), 3)}", light("ink"))])
    _draw_share(size, drawn[-1], book, invested, not scores)
    return figure


def _draw_share(size: Size, axes: Panel, book: Book, invested: pd.Series, first: bool) -> None:
    """Fill the share of the book in its basket and dash the share that was to be invested."""
    end, colour = book.equity.index[-1], light(theme(book.basket))
    filled, wanted = _until(invested, end), _until(book.decisions["invested"], end)
    curve(axes, "in the basket", filled, Look(colour, width=0, fill=0.45), step=True)
    curve(axes, "to be invested", wanted, Look(light("ink"), (0, (4, 2)), 1), step=True)
    axes.set_ylim(0, 1.1)
    percent_axis(axes)
    title(axes, "share of the book", size, top=first)
    ends = [(days(end), last_of(filled), "in the basket", colour), (days(end), last_of(wanted), "to be invested", light("ink"))]
    label_ends(size, axes, ends)


def holdings(anchor: str, book: Book, names: Names, windows: Sequence[Window]) -> Chart:
    """Draw the realised weights as a stack of steps, the basket's names in shades of its theme, others in grey."""
    columns = [str(ticker) for ticker in book.realised]
    order = [ticker for ticker in book.members if ticker in columns] + [
        ticker for ticker in columns if ticker not in book.members
    ]
    weights = book.realised.fillna(0.0)[order]
    latest = "; ".join(f"{name_of(names, ticker)} {percent(last_of(weights[ticker]), sign=False)}" for ticker in order)
    label = f"Stacked chart of the weights held in {book.title} after each order session. Last: {latest}."
    caption = (
        "Realised weights right after each order session, stacked; between order sessions they drift with prices. A weight below "
        "2% at the end has no label. Grey is held outside the basket; what is missing to 100% is cash."
    )
    return chart(anchor, label, caption, lambda size: _draw_holdings(size, book, weights, names, windows))


def _draw_holdings(size: Size, book: Book, weights: pd.DataFrame, names: Names, windows: Sequence[Window]) -> Drawing:
    end = book.equity.index[-1]
    figure, (axes,) = panels(size, (210,))
    timeline(size, (axes,), windows, book.equity.index[0], end)
    shares, top, ends = [], 0.0, []
    for position, ticker in enumerate(str(column) for column in weights):
        shade = light(theme(book.basket) if ticker in book.members else "rest")
        share, look = _until(weights[ticker], end), Look(shade, width=0, fill=(0.85, 0.45)[position % 2])
        shares.append((name_of(names, ticker), share, look))
        top += last_of(share)
        if last_of(share) >= LABELLED:
            ends.append((days(end), top - last_of(share) / 2, name_of(names, ticker), shade))
    stack(axes, shares)
    axes.set_ylim(0, 1.02)
    percent_axis(axes)
    title(axes, "share of the book", size, top=True)
    label_ends(size, axes, ends)
    return figure


def _until(line: pd.Series, end: pd.Timestamp) -> pd.Series:
    """Return a line whose last value holds to the end of the run."""
    return line if line.empty or line.index[-1] >= end else pd.concat([line, pd.Series([line.iloc[-1]], [end])])
