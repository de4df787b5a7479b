"""The drawing surface of every chart: sizes, panels over time, labels at line ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.report.charts import svg
from backtest.report.charts.axes import Box, Spot
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing, Panel
from backtest.report.charts.scales import minus
from backtest.report.components import Chart
from backtest.report.formatting import regimes
from backtest.thesis.windows import Window

EPOCH, DAY = pd.Timestamp("1970-01-01"), pd.Timedelta(days=1)
STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(np.arange(10, 100) / 10), tuple(np.arange(100, 1000) / 100))
LETTERS_OF_EVENT = 90


@dataclass(frozen=True)
class Size:
    """A page's width in pixels and what fits on it: margins, font, date ticks, letters of a label."""

    name: str
    width: float
    left: float
    right: float
    font: float
    ticks: int
    letters: int


SIZES = (Size("wide", 860, 62, 158, 11, 9, 22), Size("narrow", 350, 44, 94, 9.5, 4, 12))


def chart(anchor: str, label: str, caption: str, draw: Callable[[Size], Drawing]) -> Chart:
    """Return a chart drawn in both sizes."""
    wide, narrow = (draw(size).element(f"{anchor}-{size.name}", label, size.name, size is SIZES[0]) for size in SIZES)
    return Chart(wide, narrow, caption)


def panels(
    size: Size, heights: Sequence[float], top: float = 50, gap: float = 26, bottom: float = 24
) -> tuple[Drawing, list[Panel]]:
    """Return a figure and its panels, top to bottom, of the given heights in pixels."""
    figure, boxes = boxed(size, heights, top, gap, bottom)
    return figure, [figure.add_axes(box) for box in boxes]


def boxed(
    size: Size, heights: Sequence[float], top: float = 50, gap: float = 26, bottom: float = 24
) -> tuple[Drawing, list[Box]]:
    """Return a figure without panels, and where rows of the given heights in pixels stand in it, top to bottom."""
    figure = Drawing(size.width, top + sum(heights) + gap * (len(heights) - 1) + bottom, size.font)
    boxes, upper = [], float(top)
    for height in heights:
        boxes.append(Box(size.left, upper, size.width - size.left - size.right, height))
        upper += height + gap
    return figure, boxes


def timeline(size: Size, drawn: Sequence[Panel], windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Shade the regimes, mark the thesis's date, and give every panel the same days; names stand above the first."""
    last, written = max(last, first + pd.Timedelta(days=7)), windows[0].written
    ticks = months(first, last, size.ticks)
    _record_days(drawn, windows, first, last)
    for axes in drawn:
        for window in regimes(windows):
            shade = light("out" if window.sample == "out" else "band")
            axes.axvspan(days(max(window.start, first)), days(min(window.end, last)), color=shade)
        if first <= written <= last:
            axes.axvline(days(written), color=light("ink"), lw=1, ls=(0, (4, 2)), zorder=1.5)
        axes.set_xlim(days(first), days(last))
        axes.set_xticks([days(tick) for tick in ticks], ["" for _ in ticks])
        axes.tick_params(length=3)
        axes.below = True
        axes.grid("y", color=light("grid"), lw=0.7)
    years = all(tick.month == 1 for tick in ticks)
    drawn[-1].set_xticks([days(tick) for tick in ticks], [f"{tick:%Y}" if years else f"{tick:%Y-%m}" for tick in ticks])
    _name_regimes(size, drawn[0], windows, first, last)


def _record_days(drawn: Sequence[Panel], windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Remember the panels that share these days, the regimes in them and the thesis's date, for the page's script."""
    shown, written = drawn[0].figure.shown, windows[0].written
    shown.panels = list(drawn)
    for window in regimes(windows):
        start, end = max(window.start, first), min(window.end, last)
        if start < end:
            shown.spans.append((days(start), days(end), light("out" if window.sample == "out" else "band"), window.name))
    if first <= written <= last:
        shown.written = days(written)


def _name_regimes(size: Size, axes: Panel, windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Write each regime's name over its span, and the thesis's date above its line, in a row of its own."""
    written = windows[0].written
    for window in regimes(windows):
        start, end = max(window.start, first), min(window.end, last)
        if start < end and window.start > written:
            above(size, axes, days(start), clipped(window.name, size.letters + 4), (3, 4), ha="left")
        elif start < end and window.end == written:
            above(size, axes, days(end), clipped(window.name, 10), (-3, 4), ha="right")
        elif start < end:
            above(size, axes, (days(start) + days(end)) / 2, clipped(window.name, 10), (0, 4), ha="center")
    if first <= written <= last:
        named = f"thesis {written:%Y-%m-%d}"
        above(size, axes, days(written), named, (0, 8 + size.font), ha="center", color=light("ink"))


def above(size: Size, axes: Panel, x: float, text: str, away: tuple[float, float], ha: str, color: str = light("muted")) -> None:
    """Write a text above a panel at a value along it, so many pixels to the right and up."""
    axes.text(x, 1, text, Spot(away, ("data", "panel"), ha, "bottom"), fontsize=size.font - 0.5, color=color)


def mark_events(axes: Panel, events: Sequence[tuple[pd.Timestamp, str]]) -> None:
    """Draw a small tick at the top of a panel on each day of an event, whose name the page's script tells."""
    if events:
        moments = [days(day) for day, _ in events]
        axes.vlines(moments, 0.955, 1, color=light("ink"), lw=1.3)
        axes.figure.shown.events = [(days(day), clipped(text, LETTERS_OF_EVENT)) for day, text in events]


def title(axes: Panel, text: str, size: Size, top: bool = False) -> None:
    """Say what a panel's axis measures, above its left end; above the regimes' names for the top panel."""
    axes.figure.shown.titles[axes] = text
    lift = 4 + (size.font + 4) * 2 if top else 4
    spot = Spot((0, lift), ("panel", "panel"), va="bottom")
    axes.text(0, 1, text, spot, fontsize=size.font - 0.5, color=light("muted"))


def label_ends(size: Size, axes: Panel, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Label lines at their ends (x, y, text, colour) in the right margin, moved apart and tied to their line."""
    seen = [end for end in ends if np.isfinite(end[1])]
    box, figure = axes.box, axes.figure
    points = [(axes.x.at(x), axes.y.at(y)) for x, y, _, _ in seen]
    placed = spread([-y for _, y in points], size.font * 1.25, 3 - box.bottom, -box.top - 3)
    for (_, _, text, colour), point, up in zip(seen, points, placed, strict=True):
        tie = np.array([point, (box.right + 10, -up)])
        figure.add(svg.drawn([tie], False, svg.stroke(colour, 0.8, alpha=0.8)))
        figure.add(svg.text(box.right + 13, -up, clipped(text, size.letters), size.font - 0.5, va="center"))


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return positions as near as wanted but at least `gap` apart, between low and high while they fit."""
    if not wanted:
        return []
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    placed = [max(low, wanted[order[0]])]
    for number in order[1:]:
        placed.append(max(wanted[number], placed[-1] + gap))
    ceiling = high
    for position in reversed(range(len(placed))):
        placed[position] = min(placed[position], ceiling)
        ceiling = placed[position] - gap
    return [placed[order.index(number)] for number in range(len(wanted))]


def months(first: pd.Timestamp, last: pd.Timestamp, most: int) -> list[pd.Timestamp]:
    """Return at most `most` evenly spaced firsts of a month, years where they suffice."""
    starts = list(pd.date_range(first, last, freq="MS"))
    for step in (1, 2, 3, 6, 12, 24, 60, 120):
        chosen = [start for start in starts if (start.year * 12 + start.month - 1) % step == 0]
        if len(chosen) <= most:
            return chosen
    return starts[:1]


def clipped(text: str, letters: int) -> str:
    """Return a text of printable characters, cut with an ellipsis where it is too long for its place."""
    seen = "".join(letter for letter in text if letter.isprintable())
    return seen if len(seen) <= letters else f"{seen[: letters - 1].rstrip()}…"


def days(moment: pd.Timestamp) -> float:
    """Return a day as charts count it: from 1970-01-01."""
    return (moment - EPOCH) / DAY


def quarter_end(quarter: str) -> pd.Timestamp:
    """Return the last day of a calendar quarter."""
    return pd.Period(quarter, freq="Q").end_time.normalize()


def sessions(index: pd.Index) -> np.ndarray:
    """Return an index of days as charts count them."""
    counted: np.ndarray = np.asarray((pd.DatetimeIndex(index) - EPOCH) / DAY, dtype=float)
    return counted


def last_of(line: pd.Series) -> float:
    """Return the last number of a line, or NaN."""
    seen = line.dropna()
    return float(seen.iloc[-1]) if len(seen) else np.nan


def log_axis(axes: Panel, values: Sequence[float], horizontal: bool = False) -> None:
    """Make an axis logarithmic over some values, with a few ticks at round numbers."""
    seen = [value for value in values if np.isfinite(value) and value > 0]
    low, high = min([*seen, 1.0]) / 1.08, max([*seen, 1.0]) * 1.08
    decades = [10.0**power for power in range(-6, 9)]
    rungs = [sorted(step * decade for decade in decades for step in steps if low <= step * decade <= high) for steps in STEPS]
    ticks = max((values for values in rungs if len(values) <= (6 if horizontal else 8)), key=len, default=[1.0])
    scale = axes.x if horizontal else axes.y
    scale.log = True
    scale.set_limits(low, high)
    scale.set_ticks(ticks)
    scale.write = lambda value: f"{value:,.6g}"


def percent_axis(axes: Panel) -> None:
    """Write an axis of fractions in percent."""
    axes.y.write = lambda value: minus(f"{100 * value:.0f}%")
    axes.locator_params("y", nbins=4)
