"""Charts of risk: volatility, Sharpe ratio and beta of the year behind each session, and returns beside a normal distribution."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from backtest.formatting import number, percent
from backtest.report.charts.axes import Spot
from backtest.report.charts.canvas import Size, boxed, chart, clipped, days, label_ends, panels, percent_axis, timeline, title
from backtest.report.charts.colours import light, theme
from backtest.report.charts.drawing import Drawing, Look, Panel
from backtest.report.charts.series import curve
from backtest.report.components import Chart
from backtest.report.formatting import plain
from backtest.statistics.distribution import Distribution
from backtest.thesis.windows import Window

FIGURES = {
    "volatility": "volatility of the year before",
    "sharpe": "Sharpe ratio of the year before",
    "beta": "beta to the benchmark",
}
EVERY = 5  # sessions: of several books a value a week is drawn


def _shown(name: str, value: float) -> str:
    return percent(value, 0, sign=False) if name == "volatility" else number(value)


def rolling(anchor: str, tables: Mapping[str, pd.DataFrame], windows: Sequence[Window]) -> Chart | None:
    """Draw rolling figures by book, one with its errors or several over one another; None where no book has a year behind it."""
    drawn = {name: table for name, table in tables.items() if len(table)}
    if not drawn:
        return None
    ends = "; ".join(
        f"{plain(book)} " + ", ".join(f"{name} {_shown(name, float(table[name].iloc[-1]))}" for name in FIGURES)
        for book, table in drawn.items()
    )
    label = f"Three panels through time, each over the year of returns before: volatility, Sharpe ratio, beta. Last: {ends}."
    band = "The band is one standard error for independent returns." if len(tables) == 1 else "A value a week is drawn."
    caption = (
        "Each point looks back over a year of returns, so neighbouring points share nearly all of them: a long stretch is one "
        f"observation, not many. {band} Beta is to the declared benchmark and ends where that does."
    )
    return chart(anchor, label, caption, lambda size: _draw_rolling(size, drawn, windows))


def _draw_rolling(size: Size, tables: Mapping[str, pd.DataFrame], windows: Sequence[Window]) -> Drawing:
    figure, drawn = panels(size, (110,) * len(FIGURES))
    first, last = min(table.index[0] for table in tables.values()), max(table.index[-1] for table in tables.values())
    timeline(size, drawn, windows, first, last)
    for axes, (name, text) in zip(drawn, FIGURES.items(), strict=True):
        ends = [_draw_figure(axes, name, book, table, len(tables) > 1) for book, table in tables.items()]
        if name == "volatility":
            percent_axis(axes)
            axes.set_ylim(bottom=0)
        axes.axhline(1 if name == "beta" else 0, color=light("muted"), lw=0.8)
        axes.locator_params("y", nbins=4)
        title(axes, text + ("" if len(tables) > 1 else " ± one standard error"), size, top=axes is drawn[0])
        label_ends(size, axes, [end for end in ends if end])
    return figure


def _draw_figure(axes: Panel, name: str, book: str, table: pd.DataFrame, several: bool) -> tuple[float, float, str, str] | None:
    """Draw a figure of a book; return where its line ends, its text and colour, None where it has no value."""
    line, colour = table[name].dropna(), light(theme(book))
    if line.empty:
        return None
    if several:
        curve(axes, plain(book), line.iloc[::-EVERY].iloc[::-1], Look(colour, width=1.2))
    else:
        curve(axes, name, line, Look(colour, fill=0.25), error=table[f"{name}_error"])
    last = float(line.iloc[-1])
    return days(line.index[-1]), last, plain(book) if several else _shown(name, last), colour


def distributions(anchor: str, drawn: Mapping[str, Distribution]) -> Chart | None:
    """Draw every book's returns in bins of a quarter of a deviation, beside the normal curve; None where there are none."""
    if not drawn:
        return None
    spread = "; ".join(
        f"{plain(book)} mean {percent(histogram.mean, 2)}, deviation {percent(histogram.deviation, 2, sign=False)}"
        for book, histogram in drawn.items()
    )
    label = f"Histograms of the returns of a session beside the normal curve of the same mean and deviation: {spread}."
    caption = (
        "Returns of a session in standard deviations from their mean, as shares of all; the line is a normal distribution of the "
        "same mean and deviation, the outermost bars are all beyond four deviations."
    )
    return chart(anchor, label, caption, lambda size: _draw_distributions(size, drawn))


def _draw_distributions(size: Size, drawn: Mapping[str, Distribution]) -> Drawing:
    across = min(len(drawn), 3 if size.name == "wide" else 2)
    down = -(-len(drawn) // across)
    figure, rows = boxed(size, (90 if len(drawn) > 1 else 150,) * down, top=24, gap=40)
    gap, left = 16.0, 8.0
    wide = (size.width - 2 * left - gap * (across - 1)) / across
    top = max(max(histogram.counts) / histogram.n for histogram in drawn.values())
    for cell, (book, histogram) in enumerate(drawn.items()):
        axes = figure.add_axes(rows[cell // across]._replace(left=left + (cell % across) * (wide + gap), width=wide))
        _draw_distribution(size, axes, book, histogram, top)
    return figure


def _draw_distribution(size: Size, axes: Panel, book: str, drawn: Distribution, top: float) -> None:
    edges = (np.array(drawn.edges) - drawn.mean) / drawn.deviation
    step = edges[1] - edges[0]
    every = np.concatenate([[edges[0] - step], edges, [edges[-1] + step]])
    axes.stairs(np.array(drawn.counts) / drawn.n, every, color=light(theme(book)), alpha=0.45)
    axes.plot((every[:-1] + every[1:])[1:-1] / 2, np.array(drawn.normal)[1:-1] / drawn.n, color=light("ink"), lw=1.2)
    axes.set_ylim(0, top * 1.08)
    axes.set_yticks([])
    del axes.edges["left"]
    axes.set_xticks([-4, -2, 0, 2, 4], [f"{tick:+d} sd".replace("-", "−") if tick else "mean" for tick in (-4, -2, 0, 2, 4)])
    axes.tick_params(length=3, labelsize=size.font - 1)
    words = f"{clipped(plain(book), 18)}: sd {percent(drawn.deviation, 1, sign=False)}"
    axes.text(0, 1, words, Spot((0, 3), ("panel", "panel")), fontsize=size.font - 0.5)
