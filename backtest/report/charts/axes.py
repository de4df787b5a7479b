"""A panel of a chart: what is drawn in it by value, and its axes, ticks and grid. The names are those of matplotlib's Axes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from backtest.report.charts import svg
from backtest.report.charts.colours import light
from backtest.report.charts.scales import Floats, Scale
from backtest.report.charts.svg import Dash

PAD, TITLE_PAD, LABEL_PAD = 3.5, 6.0, 4.0  # pixels from tick to word, panel to title, ticks to label
EDGE, RIM = 0.8, 0.6  # widths of a panel's edge, and of a line around what is filled
SHADE, GRID, FILL, TICKS, LINE, EDGES, WORDS = 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0  # what lies over what
Values = Sequence[float] | Floats


class Box(NamedTuple):
    """A panel in a figure: pixels from its left and its top edge, width and height."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where it ends on the right."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Where it ends below."""
        return self.top + self.height


class Spot(NamedTuple):
    """Where a text stands: pixels right and up of its point, which counts each axis in data or in shares of the panel.

    `ha` and `va` say what of the text stands there: left, center, right; baseline, bottom, center, top.
    """

    away: tuple[float, float] = (0.0, 0.0)
    within: tuple[str, str] = ("data", "data")
    ha: str = "left"
    va: str = "baseline"


@dataclass
class Ticks:
    """How the ticks of an axis look: their length, the height and colour of their words, a grid's colour and width."""

    length: float = 3.5
    size: float = 0.0
    color: str = light("muted")
    grid: tuple[str, float] | None = None


@dataclass(eq=False)
class Axes:
    """A panel; what is drawn is placed when the figure is written, when both axes know where they end."""

    box: Box
    font: float
    x: Scale = field(init=False)
    y: Scale = field(init=False)
    edges: dict[str, str] = field(init=False)  # which are drawn, and their colours
    below: bool = False  # whether grid and ticks lie under what is drawn
    _marks: list[tuple[float, Callable[[], str]]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.x, self.y = Scale(self.box.left, self.box.width), Scale(self.box.bottom, -self.box.height)
        self.edges = dict.fromkeys(("left", "bottom"), light("muted"))
        self.look = {"x": Ticks(size=self.font), "y": Ticks(size=self.font)}
        self._title: tuple[str, float, str, str] | None = None
        self._label = ""

    def scale(self, axis: str) -> Scale:
        """Return the scale of "x" or "y"."""
        return self.x if axis == "x" else self.y

    def plot(
        self,
        x: Values,
        y: Values,
        *,
        color: str,
        lw: float = 1.6,
        ls: Dash = "-",
        alpha: float | None = None,
        steps: bool = False,
    ) -> None:
        """Draw a line through points; `steps` holds each value to the next."""
        self._see(x, y)

        def draw() -> str:
            parts = [_stepped(part) if steps else svg.thinned(part) for part in _unbroken(self._points(x, y))]
            return svg.drawn(parts, False, svg.stroke(color, lw, ls, alpha), self._clip(parts))

        self._add(LINE, draw)

    def marks(self, x: Values, y: Values, shape: str, *, color: str, ms: float, mfc: str = "", mew: float = 1.0) -> None:
        """Draw a mark of a size in pixels on each point: o, s (square), D (diamond), X and x (crosses)."""
        self._see(x, y)

        def draw() -> str:
            points = self._points(x, y)
            return svg.marks(points[np.isfinite(points).all(axis=1)], shape, ms, color, mfc, mew)

        self._add(LINE, draw)

    def fill_between(
        self, x: Values, upper: Values, lower: Values, *, color: str, alpha: float = 1.0, steps: bool = False, edge: str = ""
    ) -> None:
        """Fill between two lines over the same x; `edge` is the colour of a thin line around it."""
        self.x.see(x)
        self.y.see(np.concatenate([np.asarray(upper, dtype=float), np.asarray(lower, dtype=float)]))

        def draw() -> str:
            above, under = self._points(x, upper), self._points(x, lower)
            parts = []
            for rows in _runs(np.isfinite(above).all(axis=1) & np.isfinite(under).all(axis=1)):
                edges = [_stepped(line[rows]) if steps else svg.thinned(line[rows]) for line in (above, under)]
                parts.append(np.concatenate([edges[0], edges[1][::-1]]))
            look = svg.style(fill=color, opacity=_opacity(alpha), stroke=edge, stroke_width=f"{RIM:g}" if edge else "")
            return svg.drawn(parts, True, look, self._clip(parts))

        self._add(FILL, draw)

    def bars(
        self, x: tuple[float, float], y: tuple[float, float], color: str, alpha: float = 1.0, edge: str = "", lw: float = 1.0,
        clip: bool = True,
    ) -> None:  # fmt: skip
        """Draw a rectangle from one value to another on both axes."""
        self.x.see(x)
        self.y.see(y)
        corners = np.array([(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])
        self.polygon(corners, color, alpha, edge, lw, clip)

    def polygon(
        self,
        corners: Sequence[tuple[float, float]] | Floats,
        color: str,
        alpha: float = 1.0,
        edge: str = "",
        lw: float = 1.0,
        clip: bool = True,
    ) -> None:
        """Fill a polygon between corners, rows of x and y."""
        at = np.asarray(corners, dtype=float)

        def draw() -> str:
            parts = [self._points(at[:, 0], at[:, 1])]
            width = f"{lw:g}" if edge and lw != 1 else ""
            look = svg.style(fill=color, opacity=_opacity(alpha), stroke=edge, stroke_width=width)
            return svg.drawn(parts, True, look, self._clip(parts) if clip else "")

        self._add(FILL, draw)

    def bar(self, x: float, height: float, *, bottom: float = 0.0, width: float, color: str) -> None:
        """Draw a bar that stands on a value, its middle at x."""
        self.bars((x - width / 2, x + width / 2), (bottom, bottom + height), color)

    def barh(self, y: float, width: float, *, left: float = 0.0, height: float, color: str, edge: str = "") -> None:
        """Draw a bar that lies, from a value, its middle at y."""
        self.bars((left, left + width), (y - height / 2, y + height / 2), color, edge=edge)

    def stairs(self, heights: Values, edges: Values, *, color: str, alpha: float) -> None:
        """Fill under heights, one between each two neighbours of edges."""
        ends, tops = np.repeat(np.asarray(edges, dtype=float), 2), np.repeat(np.asarray(heights, dtype=float), 2)
        self.x.see(ends)
        self.y.see([0.0, *tops.tolist()])
        self.polygon(np.column_stack([ends, np.concatenate([[0.0], tops, [0.0]])]), color, alpha)

    def axhline(self, y: float, *, color: str, lw: float = 1.6, ls: Dash = "-", zorder: float = LINE) -> None:
        """Draw a line across the panel at a value."""
        self.y.see([y])
        ends = self.box.left, self.box.right
        self._add(zorder, lambda: self._line(ends, [self.y.at(y)] * 2, svg.stroke(color, lw, ls)))

    def axvline(self, x: float, *, color: str, lw: float = 1.6, ls: Dash = "-", zorder: float = LINE) -> None:
        """Draw a line over the height of the panel at a value."""
        self.vlines([x], 0.0, 1.0, color=color, lw=lw, ls=ls, zorder=zorder)

    def vlines(self, xs: Values, low: float, high: float, *, color: str, lw: float, ls: Dash = "-", zorder: float = LINE) -> None:
        """Draw a line at each value, from one share of the panel's height to another, counted from below."""
        self.x.see(xs)
        ends = [self.box.bottom - share * self.box.height for share in (low, high)]
        look = svg.stroke(color, lw, ls)
        self._add(zorder, lambda: "".join(self._line([x, x], ends, look) for x in self.x.places(xs).tolist()))

    def axvspan(self, first: float, last: float, *, color: str) -> None:
        """Shade the panel from one value to another."""
        self.x.see([first, last])

        def draw() -> str:
            (left, right), box = self.x.places([first, last]), self.box
            corners = np.array([(left, box.bottom), (right, box.bottom), (right, box.top), (left, box.top)])
            return svg.drawn([corners], True, svg.style(fill=color), self._clip([corners]))

        self._add(SHADE, draw)

    def text(
        self, x: float, y: float, words: str, spot: "Spot | None" = None, *, fontsize: float | None = None, color: str = ""
    ) -> None:
        """Write at a point, or where a spot says."""
        where = spot or Spot()

        def draw() -> str:
            left = self.x.at(x) if where.within[0] == "data" else self.box.left + x * self.box.width
            top = self.y.at(y) if where.within[1] == "data" else self.box.bottom - y * self.box.height
            left, top = left + where.away[0], top - where.away[1]
            return svg.text(left, top, words, fontsize or self.font, color, where.ha, where.va)

        self._add(WORDS, draw)

    def set_title(self, words: str, *, fontsize: float, color: str, loc: str = "center") -> None:
        """Write over the panel."""
        x = {"left": 0.0, "center": 0.5}[loc]
        self.text(x, 1.0, words, Spot((0, TITLE_PAD), ("panel", "panel"), loc), fontsize=fontsize, color=color)

    def set_xlabel(self, words: str) -> None:
        """Write under the ticks of x."""
        down = self.look["x"].length + PAD + (svg.ASCENT + svg.DESCENT) * self.look["x"].size + LABEL_PAD
        self.text(0.5, 0.0, words, Spot((0.0, -down), ("panel", "panel"), "center", "top"), color=light("muted"))

    def set_xlim(self, left: float | None = None, right: float | None = None) -> None:
        """Fix where x ends."""
        self.x.set_limits(left, right)

    def set_ylim(self, bottom: float | None = None, top: float | None = None) -> None:
        """Fix where y ends."""
        self.y.set_limits(bottom, top)

    def set_xticks(self, ticks: Values, labels: Sequence[str] | None = None) -> None:
        """Put the ticks of x at some values, with these words."""
        self.x.set_ticks(list(ticks), labels)

    def set_yticks(self, ticks: Values, labels: Sequence[str] | None = None) -> None:
        """Put the ticks of y at some values, with these words."""
        self.y.set_ticks(list(ticks), labels)

    def tick_params(
        self, axis: str = "both", *, length: float | None = None, labelsize: float | None = None, labelcolor: str | None = None
    ) -> None:
        """Change how ticks look."""
        for name in ("x", "y") if axis == "both" else (axis,):
            look = self.look[name]
            look.length = look.length if length is None else length
            look.size, look.color = labelsize or look.size, labelcolor or look.color

    def grid(self, axis: str, *, color: str, lw: float) -> None:
        """Draw a line across at every tick of an axis."""
        self.look[axis].grid = color, lw

    def locator_params(self, axis: str = "both", *, nbins: int) -> None:
        """Take at most so many steps between ticks at round numbers."""
        for name in ("x", "y") if axis == "both" else (axis,):
            self.scale(name).steps = nbins

    def set_axis_off(self) -> None:
        """Draw neither edges nor ticks."""
        self.edges = {}
        self.set_xticks([])
        self.set_yticks([])

    def written(self) -> list[str]:
        """Return the elements of the panel, the lowest first."""
        level = GRID if self.below else TICKS
        everything = [*((level, draw) for draw in (self._x_axis, self._y_axis)), *self._marks, (EDGES, self._edges)]
        return [draw() for _, draw in sorted(everything, key=lambda pair: pair[0])]

    def _see(self, x: Values, y: Values) -> None:
        self.x.see(x)
        self.y.see(y)

    def _add(self, level: float, draw: Callable[[], str]) -> None:
        self._marks.append((level, draw))

    def _points(self, x: Values, y: Values) -> Floats:
        points: Floats = np.column_stack([self.x.places(x), self.y.places(y)])
        return points

    def _line(self, xs: Sequence[float], ys: Sequence[float], look: str) -> str:
        points = np.column_stack([xs, ys])
        return svg.drawn([points], False, look, self._clip([points]))

    def _clip(self, parts: Sequence[Floats]) -> str:
        """Return an attribute that hides what is outside the panel; nothing where nothing is."""
        (left, top, width, height), room = self.box, 0.05
        every = np.concatenate([part for part in parts if len(part)] or [np.empty((0, 2))])
        inside = not len(every) or (
            (every >= (left - room, top - room)).all() and (every <= (left + width + room, top + height + room)).all()
        )
        return "" if inside else f' clip-path="url(#{CLIP})"'

    def clip(self) -> str:
        """Return the element that says what a clipped path shows."""
        left, top, width, height = map(svg.short, self.box)
        return f'<clipPath id="{CLIP}"><rect x="{left}" y="{top}" width="{width}" height="{height}"/></clipPath>'

    def _x_axis(self) -> str:
        ticks, words = self.x.ticks(self.font)
        look, places, bottom = self.look["x"], self.x.places(ticks).tolist(), self.box.bottom
        grid = [np.array([(x, bottom), (x, self.box.top)]) for x in places]
        marks = [np.array([(x, bottom), (x, bottom + look.length)]) for x in places]
        texts = [
            svg.text(x, bottom + look.length + PAD, word, look.size, look.color, "center", "top")
            for x, word in zip(places, words, strict=True)
            if word
        ]
        return _grid(look, grid) + _marked(look, marks, self.edges.get("bottom")) + "".join(texts)

    def _y_axis(self) -> str:
        ticks, words = self.y.ticks(self.font)
        look, places, left = self.look["y"], self.y.places(ticks).tolist(), self.box.left
        grid = [np.array([(left, y), (self.box.right, y)]) for y in places]
        marks = [np.array([(left, y), (left - look.length, y)]) for y in places]
        texts = [
            svg.text(left - look.length - PAD, y, word, look.size, look.color, "right", "digits")
            for y, word in zip(places, words, strict=True)
            if word
        ]
        return _grid(look, grid) + _marked(look, marks, self.edges.get("left")) + "".join(texts)

    def _edges(self) -> str:
        (left, top), (right, bottom) = self.box[:2], (self.box.right, self.box.bottom)
        ends = {"left": ((left, bottom), (left, top)), "bottom": ((left, bottom), (right, bottom))}
        return "".join(svg.drawn([np.array(ends[edge])], False, svg.stroke(colour, EDGE)) for edge, colour in self.edges.items())


CLIP = "\0"  # the id of a panel's clip, which the figure names


def _grid(look: Ticks, lines: Sequence[Floats]) -> str:
    return svg.drawn(lines, False, svg.stroke(*look.grid)) if look.grid else ""


def _marked(look: Ticks, lines: Sequence[Floats], edge: str | None) -> str:
    return svg.drawn(lines, False, svg.stroke(light("muted"), EDGE)) if look.length and edge else ""


def _opacity(alpha: float) -> str:
    return "" if alpha == 1.0 else f"{alpha:g}"


def _runs(rows: "np.ndarray | np.bool") -> list[slice]:
    """Return where rows are true without a break."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], np.atleast_1d(rows), [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in zip(ends[::2], ends[1::2], strict=True)]


def _unbroken(points: Floats) -> list[Floats]:
    """Return the parts of a line between missing values."""
    return [points[rows] for rows in _runs(np.isfinite(points).all(axis=1))]


def _stepped(points: Floats) -> Floats:
    """Return a line that holds each value to the next."""
    doubled = np.repeat(points, 2, axis=0)
    steps: Floats = np.column_stack([doubled[1:, 0], doubled[:-1, 1]])
    return steps
