"""The drawing surface of every chart: sizes, style, panels over time, labels at line ends. With `charts`, matplotlib's home."""

import io
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing, shown_on
from backtest.report.charts.svg import inline
from backtest.report.components import Chart
from backtest.report.formatting import regimes
from backtest.thesis.windows import Window

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "backtest.report",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "text.parse_math": False,
    "text.color": light("ink"),
    "axes.edgecolor": light("muted"),
    "axes.labelcolor": light("muted"),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": light("muted"),
    "ytick.color": light("muted"),
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.unicode_minus": True,
    "lines.linewidth": 1.6,
    "path.simplify_threshold": 0.6,  # of a pixel: lines have more sessions than a page has pixels
}
EPOCH, DAY = pd.Timestamp("1970-01-01"), pd.Timedelta(days=1)
STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(np.arange(10, 100) / 10), tuple(np.arange(100, 1000) / 100))
MOST_CACHED = 256  # drawings, of about 30 kB each
LETTERS_OF_EVENT = 90
NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


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


def chart(anchor: str, label: str, caption: str, draw: Callable[[Size], Figure]) -> Chart:
    """Return a chart drawn in both sizes, in the project's style whatever the user's own matplotlib style."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the reader's browser draws the text, not matplotlib
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        wide, narrow = (_drawn(draw, anchor, label, size) for size in SIZES)
    return Chart(wide, narrow, caption)


def _drawn(draw: Callable[[Size], Figure], anchor: str, label: str, size: Size) -> Markup:
    """Return a chart as an element of a page, cached by all that it depends on: pages of one thesis share many charts."""
    key = _key(draw, anchor, label, size)
    if key is None or key not in cached:
        figure = draw(size)
        data = figure.data(whole=size is SIZES[0]) if isinstance(figure, Drawing) else Markup()
        drawn = inline(_written(figure), f"{anchor}-{size.name}", label, size.name, data)
        if key is None:
            return drawn
        if len(cached) >= MOST_CACHED:
            del cached[next(iter(cached))]
        cached[key] = drawn
    return cached[key]


cached: dict[bytes, Markup] = {}


class _Pickler(pickle.Pickler):
    """Gives equal values equal bytes, whatever pandas has cached in its arrays of days meanwhile."""

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, pd.arrays.DatetimeArray):
            return str, (f"{value.dtype} {np.asarray(value.view('i8')).tobytes()!r}",)
        return NotImplemented


def _key(draw: Callable[[Size], Figure], anchor: str, label: str, size: Size) -> bytes | None:
    """Return a hash of a drawing's code and of every value that it encloses; None where one of them has no bytes."""
    values = [cell.cell_contents for cell in getattr(draw, "__closure__", None) or ()]
    written = io.BytesIO()
    try:
        _Pickler(written).dump((draw.__module__, draw.__qualname__, values, anchor, label, size))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return sha256(written.getbuffer()).digest()


def picture(anchor: str, label: str, figure: Callable[[], Figure]) -> Markup:
    """Return a small picture of one size, in the project's style."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        return inline(_written(figure()), anchor, label, "spark")


def _written(figure: Figure) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata=NO_METADATA)
    return written.getvalue()


def panels(
    size: Size, heights: Sequence[float], top: float = 50, gap: float = 26, bottom: float = 24
) -> tuple[Drawing, list[Axes]]:
    """Return a figure and its panels, top to bottom, of the given heights in pixels."""
    mpl.rcParams.update({"font.size": size.font, "axes.labelsize": size.font})
    total = top + sum(heights) + gap * (len(heights) - 1) + bottom
    figure = Drawing(size.width, total)
    drawn, lower = [], total - top
    for height in heights:
        lower -= height
        box = (size.left / size.width, lower / total, (size.width - size.left - size.right) / size.width, height / total)
        drawn.append(figure.add_axes(box))
        lower -= gap
    return figure, drawn


def timeline(size: Size, drawn: Sequence[Axes], windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Shade the regimes, mark the thesis's date, and give every panel the same days; names stand above the first."""
    last, written = max(last, first + pd.Timedelta(days=7)), windows[0].written
    ticks = months(first, last, size.ticks)
    _record_days(drawn, windows, first, last)
    for axes in drawn:
        for window in regimes(windows):
            shade = light("out" if window.sample == "out" else "band")
            axes.axvspan(days(max(window.start, first)), days(min(window.end, last)), color=shade, lw=0, zorder=0)
        if first <= written <= last:
            axes.axvline(days(written), color=light("ink"), lw=1, ls=(0, (4, 2)), zorder=1.5)
        axes.set_xlim(days(first), days(last))
        axes.set_xticks([days(tick) for tick in ticks], ["" for _ in ticks])
        axes.tick_params(length=3, labelsize=size.font)
        axes.set_axisbelow(True)
        axes.grid(axis="y", color=light("grid"), lw=0.7)
    years = all(tick.month == 1 for tick in ticks)
    drawn[-1].set_xticks([days(tick) for tick in ticks], [f"{tick:%Y}" if years else f"{tick:%Y-%m}" for tick in ticks])
    _name_regimes(size, drawn[0], windows, first, last)


def _record_days(drawn: Sequence[Axes], windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Remember the panels that share these days, the regimes in them and the thesis's date, for the page's script."""
    shown, written = shown_on(drawn[0]), windows[0].written
    shown.panels = list(drawn)
    for window in regimes(windows):
        start, end = max(window.start, first), min(window.end, last)
        if start < end:
            shown.spans.append((days(start), days(end), light("out" if window.sample == "out" else "band"), window.name))
    if first <= written <= last:
        shown.written = days(written)


def _name_regimes(size: Size, axes: Axes, windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
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


def above(size: Size, axes: Axes, x: float, text: str, away: tuple[float, float], ha: str, color: str = light("muted")) -> None:
    """Write a text above an axis at a value along it, so many points to the right and up."""
    axes.annotate(text, (x, 1), xycoords=("data", "axes fraction"), xytext=away, ha=ha, **_above(size, color))


def _above(size: Size, color: str) -> Mapping[str, Any]:
    return {
        "textcoords": "offset points", "va": "bottom", "fontsize": size.font - 0.5, "color": color, "annotation_clip": False,
    }  # fmt: skip


def mark_events(axes: Axes, events: Sequence[tuple[pd.Timestamp, str]]) -> None:
    """Draw a small tick at the top of a panel on each day of an event, whose name the page's script tells."""
    if events:
        moments = [days(day) for day, _ in events]
        axes.vlines(moments, 0.955, 1, transform=axes.get_xaxis_transform(), color=light("ink"), lw=1.3)
        shown_on(axes).events = [(days(day), clipped(text, LETTERS_OF_EVENT)) for day, text in events]


def title(axes: Axes, text: str, size: Size, top: bool = False) -> None:
    """Say what a panel's axis measures, above its left end; above the regimes' names for the top panel."""
    shown_on(axes).titles[axes] = text
    lift = 4 + (size.font + 4) * 2 if top else 4
    axes.annotate(text, (0, 1), xycoords="axes fraction", xytext=(0, lift), ha="left", **_above(size, light("muted")))


def label_ends(size: Size, axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Label lines at their ends (x, y, text, colour) in the right margin, moved apart and tied to their line."""
    seen = [end for end in ends if np.isfinite(end[1])]
    axes.autoscale_view()
    points = axes.transData.transform([(x, y) for x, y, _, _ in seen]) if seen else np.empty((0, 2))
    box, figure = axes.bbox, axes.figure
    width, height = figure.bbox.width, figure.bbox.height
    placed = spread([float(y) for _, y in points], size.font * 1.25, box.y0 + 3, box.y1 - 3)
    for (_, _, text, colour), (x, y), at in zip(seen, points, placed, strict=True):
        tie = Line2D([x / width, (box.x1 + 10) / width], [y / height, at / height], color=colour, lw=0.8, alpha=0.8)
        figure.add_artist(tie)
        figure.text((box.x1 + 13) / width, at / height, clipped(text, size.letters), va="center", fontsize=size.font - 0.5)


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
    """Return a day as matplotlib counts it: from 1970-01-01."""
    return (moment - EPOCH) / DAY


def quarter_end(quarter: str) -> pd.Timestamp:
    """Return the last day of a calendar quarter."""
    return pd.Period(quarter, freq="Q").end_time.normalize()


def sessions(index: pd.Index) -> np.ndarray:
    """Return an index of days as matplotlib counts them."""
    counted: np.ndarray = np.asarray((pd.DatetimeIndex(index) - EPOCH) / DAY, dtype=float)
    return counted


def last_of(line: pd.Series) -> float:
    """Return the last number of a line, or NaN."""
    seen = line.dropna()
    return float(seen.iloc[-1]) if len(seen) else np.nan


def log_axis(axes: Axes, values: Sequence[float], horizontal: bool = False) -> None:
    """Make an axis logarithmic over some values, with a few ticks at round numbers."""
    seen = [value for value in values if np.isfinite(value) and value > 0]
    low, high = min([*seen, 1.0]) / 1.08, max([*seen, 1.0]) * 1.08
    decades = [10.0**power for power in range(-6, 9)]
    rungs = [sorted(step * decade for decade in decades for step in steps if low <= step * decade <= high) for steps in STEPS]
    ticks = max((values for values in rungs if len(values) <= (6 if horizontal else 8)), key=len, default=[1.0])
    axis = axes.xaxis if horizontal else axes.yaxis
    (axes.set_xscale if horizontal else axes.set_yscale)("log")
    (axes.set_xlim if horizontal else axes.set_ylim)(low, high)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def percent_axis(axes: Axes) -> None:
    """Write an axis of fractions in percent."""
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.locator_params(axis="y", nbins=4)
