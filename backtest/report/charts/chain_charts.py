"""Charts of what carried a return in each of the thesis's windows, term by term along the chain."""

from collections.abc import Mapping, Sequence

import numpy as np

from backtest.analysis.return_split import ReturnSplit
from backtest.analysis.split_rows import grown
from backtest.formatting import log_points
from backtest.report.charts.axes import Spot
from backtest.report.charts.canvas import Size, boxed, chart, clipped
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing, Panel
from backtest.report.components import Chart
from backtest.report.formatting import plain

Bars = Sequence[tuple[str, float | None]]  # a term and its log points, None where it cannot be had
ROW = 16.0  # pixels a bar


def waterfalls(anchor: str, windows: Mapping[str, Bars]) -> Chart:
    """Draw how the terms of a return add up to it, a panel per window, all with the same terms; the last bar is the return."""
    spoken = "; ".join(
        f"{name}: " + ", ".join(f"{term} {log_points(value)}" for term, value in bars if value is not None)
        for name, bars in windows.items()
    )
    caption = (
        "Log points (0.69 is a doubling): growth of each over the last one above it that is known (—: not known), the exchange "
        "rate apart. What is paid: the return over profit, as in price over earnings, or over revenue where the line above the "
        "chart says revenue. The last bar is their sum. Blue adds, orange takes away."
    )
    return chart(
        anchor, f"Waterfalls of the terms of the return. {spoken}.", caption, lambda size: _draw_waterfalls(size, windows)
    )


def _draw_waterfalls(size: Size, windows: Mapping[str, Bars]) -> Drawing:
    words = [term for term, _ in next(iter(windows.values()))]
    drawn, figure = _grid(size, list(windows), ROW * len(words), 110 if size.name == "wide" else 96)
    for axes, (name, bars) in zip(drawn, windows.items(), strict=True):
        at = 0.0
        reach = [0.0]
        for row, (_, value) in enumerate(bars):
            last = row == len(bars) - 1
            if value is None:
                axes.text(at, row, " —", Spot(va="center"), fontsize=size.font - 1.5, color=light("muted"))
                continue
            start = 0.0 if last else at
            hue = "ink" if last else "blue" if value >= 0 else "vermillion"
            axes.barh(row, value, left=start, height=0.66, color=light(hue))
            at = start + value
            reach += [start, at]
            axes.text(max(start, at), row, log_points(value), Spot((3, 0), va="center"), fontsize=size.font - 1.5)
        _finish(axes, name, reach, len(bars), size)
    for axes in drawn:
        axes.set_yticks(range(len(words)), ["" for _ in words])
    for axes in drawn[:: _columns(size, len(windows))]:
        axes.set_yticks(range(len(words)), [clipped(word, 26 if size.name == "wide" else 16) for word in words])
    return figure


def growth_or_rating(anchor: str, splits: Mapping[str, Mapping[str, ReturnSplit]], windows: Sequence[str]) -> Chart:
    """Draw of every book what growth and what the last term added to its return, a panel per window."""
    pairs = {
        window: [(name, _pair(own.get(window))) for name, own in splits.items()]
        for window in windows
        if any(_pair(own.get(window)) for own in splits.values())
    }
    spoken = "; ".join(
        f"{window}: " + ", ".join(f"{plain(name)} {log_points(pair[0])} and {log_points(pair[1])}" for name, pair in rows if pair)
        for window, rows in pairs.items()
    )
    caption = (
        "Log points (0.69 is a doubling). Blue: growth of the profit of the names held (of revenue where no profit is known). "
        "Orange: what wealth did beyond it, for one name its re-rating. No bar: not known."
    )
    return chart(anchor, f"Bars of growth and of the last term. {spoken}.", caption, lambda size: _draw_pairs(size, pairs))


Pair = tuple[float, float]


def _pair(split: ReturnSplit | None) -> Pair | None:
    growth = None if split is None else grown(split)
    return None if split is None or growth is None or split.terms.rerating is None else (growth, split.terms.rerating)


def _draw_pairs(size: Size, pairs: Mapping[str, Sequence[tuple[str, Pair | None]]]) -> Drawing:
    names = [name for name, _ in next(iter(pairs.values()))]
    drawn, figure = _grid(size, list(pairs), ROW * len(names), 150 if size.name == "wide" else 96)
    for axes, (window, rows) in zip(drawn, pairs.items(), strict=True):
        reach = [0.0]
        for row, (_, pair) in enumerate(rows):
            for offset, value, hue in zip((-0.2, 0.2), pair or (), ("blue", "vermillion"), strict=False):
                axes.barh(row + offset, value, height=0.36, color=light(hue))
                reach.append(value)
        _finish(axes, window, reach, len(rows), size)
        axes.set_yticks(range(len(names)), ["" for _ in names])
    for axes in drawn[:: _columns(size, len(pairs))]:
        axes.set_yticks(range(len(names)), [clipped(plain(name), 20 if size.name == "wide" else 14) for name in names])
    return figure


def _columns(size: Size, panels_wanted: int) -> int:
    """Return how many panels stand side by side."""
    return min(panels_wanted, 4 if size.name == "wide" else 2)


def _grid(size: Size, names: Sequence[str], high: float, left: float) -> tuple[list[Panel], Drawing]:
    """Return a panel per name, in rows, all as high, with room for words on the left."""
    across, gap = _columns(size, len(names)), 12.0
    lines = int(np.ceil(len(names) / across))
    figure, rows = boxed(size, (high,) * lines, top=20, gap=34, bottom=18)
    wide = (size.width - left - 10 - gap * (across - 1)) / across
    drawn = []
    for number_ in range(len(names)):
        at = left + number_ % across * (wide + gap)
        drawn.append(figure.add_axes(rows[number_ // across]._replace(left=at, width=wide)))
    return drawn, figure


def _finish(axes: Panel, name: str, reach: Sequence[float], rows: int, size: Size) -> None:
    low, high = min(reach), max(reach)
    span = max(high - low, 0.1)
    axes.set_xlim(low - 0.05 * span, high + 0.3 * span)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.axvline(0, color=light("muted"), lw=0.8)
    axes.locator_params("x", nbins=3)
    axes.tick_params(length=0, labelsize=size.font - 1)
    axes.tick_params("y", labelcolor=light("ink"))
    axes.grid("x", color=light("grid"), lw=0.7)
    axes.below = True
    axes.set_title(clipped(name, 24 if size.name == "wide" else 16), fontsize=size.font - 0.5, color=light("muted"), loc="left")
