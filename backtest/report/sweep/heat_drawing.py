"""Draws a heat map: cells in shades of one hue on either side of zero, with their figures where they fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from backtest.formatting import number
from backtest.report.charts.axes import Box, Spot
from backtest.report.charts.canvas import Size, chart, clipped
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing, Panel
from backtest.report.components import Chart
from backtest.report.sweep.maps import Map
from backtest.report.sweep.search import Mask
from backtest.statistics.refusal import Floats

PALEST, FULLEST = 0.05, 0.55  # opacity: text of the page's ink stays legible on both papers
LETTER = 0.58  # width of a letter, of its height
WIDEST, GAP, EDGE, KEY = 64.0, 28.0, 6.0, 5
FEW = 6  # columns that a narrow page has room for
KEY_NAME = "scale of the page"
CORNER = 5.0  # pixels of the mark in the corner of a cell


@dataclass(frozen=True)
class Scale:
    """The lowest and the highest median of a page: paler is nearer to zero where both signs occur, else to the weaker end."""

    low: float
    high: float

    @classmethod
    def over(cls, cells: Sequence[Floats]) -> "Scale":
        """Return the scale of some maps; from 0 to 0 where no cell has a figure."""
        seen = np.concatenate([figures[np.isfinite(figures)] for figures in cells])
        return cls(float(seen.min()), float(seen.max())) if len(seen) else cls(0.0, 0.0)

    def shade(self, value: float) -> tuple[str, float]:
        """Return a figure's colour and opacity: blue from the pale end up, vermillion down."""
        pale = self.low if self.low > 0.0 else self.high if self.high < 0.0 else 0.0
        span = max(self.high - pale, pale - self.low)
        strength = min(abs(value - pale) / span, 1.0) if span else 0.0
        return light("blue" if value >= pale else "vermillion"), round(PALEST + strength * (FULLEST - PALEST), 2)


def draw(anchor: str, label: str, caption: str, pair: Map, scale: Scale, small: bool = False) -> Chart:
    """Return both maps of a pair, the longer field across a wide page and down a narrow one; a small one is of medians alone."""
    return chart(anchor, label, caption, lambda size: _figure(size, pair, scale, small))


def _figure(size: Size, pair: Map, scale: Scale, small: bool) -> Drawing:
    turned = _turned(size, pair)
    shown = [(name, cells.T if turned else cells) for name, cells in _both(pair)[: 1 if small else 2]]
    down, across = (pair.across, pair.down) if turned else (pair.down, pair.across)
    rows, columns = (field.labels if field else ("",) for field in (down, across))
    names = down.name if down else "", across.name if across else ""
    layout = _Layout.of(size, rows, columns, len(shown), bool(across and not across.numeric), not small)
    figure = Drawing(size.width, layout.height, size.font)
    best = pair.best_at[::-1] if turned else pair.best_at
    for position, (name, cells) in enumerate(shown):
        axes = layout.axes(figure, position)
        _cells(axes, layout, cells, scale)
        _mark_idle(axes, layout, pair.idle.T if turned else pair.idle)
        x, y = (best[1], best[1] + 1), (best[0], best[0] + 1)
        axes.bars(x, y, "none", edge=light("ink"), lw=1.5, clip=False)
        _name(axes, layout, name, names)
        _values(axes, layout, rows, columns)
    if layout.keyed:
        _key(layout.key(figure), layout, scale)
    return figure


def _turned(size: Size, pair: Map) -> bool:
    """Return whether the longer field goes across: on a wide page, but names of categories go down where there is a choice."""
    wide = size.name == "wide"
    if pair.across is None or pair.down.numeric == pair.across.numeric:
        return wide
    few = len(pair.down.labels) <= FEW
    return pair.down.numeric if wide else pair.down.numeric and few


def _both(pair: Map) -> list[tuple[str, Floats]]:
    median = ("Median over all other fields", pair.median)
    return [median, ("Worst neighbour", pair.worst)] if pair.has_neighbours else [median]


@dataclass(frozen=True)
class _Layout:
    """Where the maps of a figure stand, in pixels: beside each other where their cells stay wide enough, else stacked."""

    size: Size
    shape: tuple[int, int]
    left: float
    cell: float
    side_by_side: bool
    maps: int
    named: bool
    keyed: bool

    @classmethod
    def of(cls, size: Size, rows: Sequence[str], columns: Sequence[str], maps: int, named: bool, keyed: bool) -> "_Layout":
        """Return the layout; `named` columns are categories, each of which has to be read."""
        letter = size.font * LETTER
        left = min(max(map(len, rows)), size.letters) * letter + 10
        longest = (min(max(map(len, columns)), size.letters) + 1) * letter if named else 0.0
        cell = (size.width - EDGE - maps * left - (maps - 1) * GAP) / maps / len(columns)
        side_by_side = maps > 1 and cell >= max(4 * letter + 4, longest)
        alone = (size.width - EDGE - left) / len(columns)
        width = min(cell if side_by_side else alone, max(WIDEST, longest))
        return cls(size, (len(rows), len(columns)), left, width, side_by_side, maps, named, keyed)

    @property
    def line(self) -> float:
        """The height of a line, and of a cell a little more."""
        return self.size.font + 6

    @property
    def block(self) -> float:
        """The height of one map with its name, the names of its fields and the values across."""
        return 3 * self.line + 12 + self.shape[0] * (self.line + 4)

    @property
    def height(self) -> float:
        """The height of the figure."""
        return self.block * (1 if self.side_by_side else self.maps) + (2 * self.line + 8 if self.keyed else 4)

    def axes(self, figure: Drawing, position: int) -> Panel:
        """Return the axes of a map: x counts columns, y rows from the top."""
        rows, columns = self.shape
        x = self.left + (position * (self.cell * columns + self.left + GAP) if self.side_by_side else 0.0)
        bottom = self.height - self.block * (1 if self.side_by_side else position + 1)
        return self._bare(figure, x, bottom, columns * self.cell, rows * (self.line + 4), columns, rows)

    def key(self, figure: Drawing) -> Panel:
        """Return the axes of the key, at the foot."""
        left = (len(KEY_NAME) + 2) * self.size.font * LETTER
        return self._bare(figure, left, 4, KEY * 42, self.line + 4, KEY, 1)

    def _bare(self, figure: Drawing, x: float, y: float, width: float, height: float, columns: int, rows: int) -> Panel:
        axes = figure.add_axes(Box(x, self.height - y - height, width, height))
        axes.set_xlim(0, columns)
        axes.set_ylim(rows, 0)
        axes.set_axis_off()
        return axes


def _cells(axes: Panel, layout: _Layout, cells: Floats, scale: Scale) -> None:
    """Paint the cells that have a figure, and write it with as many digits as fit."""
    seen = cells[np.isfinite(cells)]
    widest = {digits: max((len(number(float(figure), digits)) for figure in seen), default=0) for digits in (2, 1)}
    digits = next((count for count, letters in widest.items() if letters * layout.size.font * LETTER + 2 <= layout.cell), None)
    for (row, column), value in np.ndenumerate(cells):
        if not np.isfinite(value):
            continue
        colour, opacity = scale.shade(float(value))
        axes.bars((column + 0.02, column + 0.98), (row + 0.03, row + 0.97), colour, opacity)
        if digits is not None:
            _text(axes, column + 0.5, row + 0.5, number(float(value), digits), layout, "ink")


def _mark_idle(axes: Panel, layout: _Layout, idle: Mask) -> None:
    """Mark the upper left corner of the cells in which the signal never acts."""
    width, height = CORNER / layout.cell, CORNER / (layout.line + 4)
    for row, column in np.argwhere(idle):
        corner = ((column + 0.02, row + 0.03), (column + 0.02 + width, row + 0.03), (column + 0.02, row + 0.03 + height))
        axes.polygon(corner, light("ink"))


def _name(axes: Panel, layout: _Layout, name: str, fields: tuple[str, str]) -> None:
    """Write what a map shows, and below it which field goes down and which across."""
    down, across = fields
    fields_shown = f"{down} ↓   {across} →" if down and across else f"{across} →" if across else f"{down} ↓"
    start, step = -(layout.left - 4) / layout.cell, 1 / (layout.line + 4)
    room = layout.left + layout.cell * layout.shape[1] + GAP if layout.side_by_side else layout.size.width
    letters = int(room / layout.size.font / LETTER * 0.85)  # names are wider than figures
    _text(axes, start, -(2.6 * layout.line) * step, clipped(name, letters), layout, "ink", "left")
    _text(axes, start, -(1.6 * layout.line) * step, clipped(fields_shown, letters), layout, "muted", "left")


def _values(axes: Panel, layout: _Layout, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Write the values down the side and, as many as fit, along the top."""
    letter = layout.size.font * LETTER
    for row, label in enumerate(rows):
        _text(axes, -5 / layout.cell, row + 0.5, clipped(label, layout.size.letters), layout, "muted", "right")
    room = max(2, int(layout.cell / letter) - 1)
    every = 1 if layout.named else max(1, -(-max(map(len, columns)) // room))
    for column in range(0, len(columns), every):
        _text(axes, column + 0.5, -0.5 * layout.line / (layout.line + 4), clipped(columns[column], room * every), layout, "muted")


def _text(axes: Panel, x: float, y: float, text: str, layout: _Layout, colour: str, ha: str = "center") -> None:
    axes.text(x, y, text, Spot(ha=ha, va="center"), fontsize=layout.size.font - 0.5, color=light(colour))


def _key(axes: Panel, layout: _Layout, scale: Scale) -> None:
    """Draw five steps of the scale with their figures."""
    narrow = replace(layout, cell=42.0)
    _cells(axes, narrow, np.linspace(scale.low, scale.high, KEY)[None, :], scale)
    _text(axes, -0.15, 0.5, KEY_NAME, layout, "muted", "right")
