"""The distribution of all settings' Sharpe ratios, and that of as many settings without any edge."""

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.formatting import number, percent
from backtest.report.charts.canvas import Size, above, chart, panels, title
from backtest.report.charts.colours import light
from backtest.report.components import Cell, Chart, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import counted
from backtest.report.sweep.search import Search
from backtest.statistics.refusal import Floats
from backtest.statistics.window_rank import expected_best
from backtest.thesis.windows import WHOLE

STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # widths of a bin
MOST_BINS = 48


@dataclass(frozen=True)
class Noise:
    """Counts of settings and of noise by Sharpe ratio, the error of noise, the best expected of N of it, and the best setting.

    Noise is normal around zero with the standard error of a Sharpe ratio that is zero, 1 / √years (Lo 2002).
    """

    edges: Floats
    counts: Floats
    noise: Floats
    error: float
    hurdle: float
    best: float


def noise(search: Search) -> Noise:
    """Return the distribution of a search's ratios over the whole run, and that of noise."""
    from scipy.stats import norm

    ratios = search.ratios(WHOLE).dropna().to_numpy()
    error = float(search.years**-0.5)
    hurdle = expected_best(search.summary.trials) * error
    low, high = min(ratios.min(), -3.0 * error), max(ratios.max(), hurdle, 3.0 * error)
    step = next((width for width in STEPS if (high - low) / width <= MOST_BINS - 2), (high - low) / (MOST_BINS - 2))
    edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1.5) * step
    counts = np.histogram(ratios, edges)[0].astype(float)
    return Noise(edges, counts, len(ratios) * np.diff(norm.cdf(edges / error)), error, hurdle, search.summary.best.sharpe)


def section(search: Search) -> Section:
    """Return the picture, what it says, and its figures."""
    shape = noise(search)
    beyond = float((search.ratios(WHOLE) > shape.hurdle).mean())
    trials, ratios = search.summary.trials, search.ratios(WHOLE).dropna()
    outcome = (
        f"The best of {counted(trials, 'independent setting')} without any edge would be expected to reach a Sharpe ratio of "
        f"{number(shape.hurdle)} over this length; the best found is {number(shape.best)}, and {percent(beyond, sign=False)} of "
        f"all lie above that hurdle. The standard deviation of the ratios found is {number(float(ratios.std()))}, that of noise "
        f"{number(shape.error)}."
    )
    alike = (
        "The settings are no independent tries: they hold much the same names on the same days, so they rise and fall together. "
        "A heap on the right of zero can be one lucky market seen many times, and N overstates how often luck was tried; where "
        "the heap is narrower than noise, the settings resemble each other more than independent ones would."
    )
    return Section(
        "noise",
        "All settings compared with noise",
        (Text(outcome), _chart(search, shape), Text(alike), Fold("Its figures", (_table(shape),))),
    )


def _chart(search: Search, shape: Noise) -> Chart:
    label = (
        f"Histogram of the Sharpe ratios of {counted(int(shape.counts.sum()), search.rows)}, with the curve of as many of "
        f"noise. Best found {number(shape.best)}, expected best of noise {number(shape.hurdle)}. Figures in the table below."
    )
    caption = (
        "Bars: settings by Sharpe ratio over the whole run. Line: as many independent settings without any edge, normal around "
        f"zero with standard error {number(shape.error)}. Dashed: the best that noise is expected to reach after all trials."
    )
    return chart("noise-drawn", label, caption, lambda size: _draw(replace(size, right=16), shape, search))


def _draw(size: Size, shape: Noise, search: Search) -> Figure:
    figure, (axes,) = panels(size, (190,), top=52, bottom=40)
    axes.stairs(shape.counts, shape.edges, fill=True, color=light("blue"), alpha=0.5, lw=0)
    middles = (shape.edges[1:] + shape.edges[:-1]) / 2
    axes.plot(middles, shape.noise, color=light("ink"), lw=1.4)
    axes.set_xlim(shape.edges[0], shape.edges[-1])
    axes.set_ylim(0, max(shape.counts.max(), shape.noise.max()) * 1.06)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=light("grid"), lw=0.7)
    axes.locator_params(axis="y", nbins=4)
    axes.set_xlabel("Sharpe ratio, per year")
    _mark(size, axes, shape.best, f"best found {number(shape.best)}", 4, "-")
    _mark(size, axes, shape.hurdle, f"best of noise {number(shape.hurdle)}", 8 + size.font, (0, (4, 2)))
    title(axes, f"{search.rows}s in a bin", size, top=True)
    return figure


def _mark(size: Size, axes: Axes, at: float, text: str, lift: float, style: object) -> None:
    """Draw a line over the height and write above it what it is, on the side that has room."""
    axes.axvline(at, color=light("ink"), lw=1.2, ls=style)
    first, last = axes.get_xlim()
    ha = "right" if at > (first + last) / 2 else "left"
    above(size, axes, at, text, (0, lift), ha=ha, color=light("ink"))


def _table(shape: Noise) -> Table:
    columns = (Column("From"), Column("to", True, term="Bin"), Column("Settings", True), Column("Noise settings", True))
    rows = tuple(
        (Cell(number(low)), Cell(number(high)), Cell(f"{int(count):,}"), Cell(number(expected, 1)))
        for low, high, count, expected in zip(shape.edges[:-1], shape.edges[1:], shape.counts, shape.noise, strict=True)
    )
    return Table("Settings by Sharpe ratio over the whole run, and as many of noise", columns, (Rows(rows),))
