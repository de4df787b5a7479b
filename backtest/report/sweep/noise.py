"""The distribution of all settings' Sharpe ratios beside that of as many settings without any edge."""

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backtest.report.charts.canvas import Size, above, chart, panels, title
from backtest.report.charts.colours import light
from backtest.report.components import Cell, Chart, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import counted, number, percent
from backtest.report.sweep.search import WHOLE, Search
from backtest.statistics.refusal import Floats
from backtest.statistics.window_rank import expected_best

STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # widths of a bin
MOST_BINS = 48


@dataclass(frozen=True)
class Noise:
    """Counts of settings by Sharpe ratio, those of noise, its standard error, and the best that N of it are expected to reach.

    Noise is normal around zero with the standard error of a Sharpe ratio that is zero, 1 / √years (Lo 2002).
    """

    edges: Floats
    counts: Floats
    noise: Floats
    error: float
    best: float
    found: float


def noise(search: Search) -> Noise:
    """Return the distribution of a search's ratios over the whole run, and that of noise."""
    from scipy.stats import norm

    ratios = search.ratios(WHOLE).dropna().to_numpy()
    error = float(search.statistics["minimum_length"]["had"] ** -0.5)
    best = expected_best(int(search.document["trials"])) * error
    low, high = min(ratios.min(), -3.0 * error), max(ratios.max(), best, 3.0 * error)
    step = next((one for one in STEPS if (high - low) / one <= MOST_BINS - 2), (high - low) / (MOST_BINS - 2))
    edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1.5) * step
    counts = np.histogram(ratios, edges)[0].astype(float)
    return Noise(edges, counts, len(ratios) * np.diff(norm.cdf(edges / error)), error, best, search.best)


def section(search: Search) -> Section:
    """Return the picture, what it says, and its figures."""
    found = noise(search)
    beyond = float((search.ratios(WHOLE) > found.best).mean())
    trials, ratios = int(search.document["trials"]), search.ratios(WHOLE).dropna()
    said = (
        f"The best of {counted(trials, 'independent setting')} without any edge would be expected to reach a Sharpe ratio of "
        f"{number(found.best)} over this length; the best found is {number(found.found)}, and {percent(beyond, sign=False)} of "
        f"all lie above that hurdle. The standard deviation of the ratios found is {number(float(ratios.std()))}, that of noise "
        f"{number(found.error)}."
    )
    alike = (
        "The settings are no independent tries: they hold much the same names on the same days, so they rise and fall together. "
        "A heap on the right of zero can be one lucky market seen many times, and N overstates how often luck was tried; where "
        "the heap is narrower than noise, the settings resemble each other more than independent ones would."
    )
    return Section(
        "noise",
        "All settings beside noise",
        (Text(said), _chart(search, found), Text(alike), Fold("Its figures", (_table(found),))),
    )


def _chart(search: Search, found: Noise) -> Chart:
    label = (
        f"Histogram of the Sharpe ratios of {counted(int(found.counts.sum()), search.rows)}, with the curve of as many of "
        f"noise. Best found {number(found.found)}, expected best of noise {number(found.best)}. Figures in the table below."
    )
    caption = (
        "Bars: settings by Sharpe ratio over the whole run. Line: as many independent settings without any edge, normal around "
        f"zero with standard error {number(found.error)}. Dashed: the best that noise is expected to reach after all trials."
    )
    return chart("noise-drawn", label, caption, lambda size: _draw(replace(size, right=16), found, search))


def _draw(size: Size, found: Noise, search: Search) -> Figure:
    figure, (axes,) = panels(size, (190,), top=52, bottom=40)
    axes.stairs(found.counts, found.edges, fill=True, color=light("blue"), alpha=0.5, lw=0)
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    axes.plot(middles, found.noise, color=light("ink"), lw=1.4)
    axes.set_xlim(found.edges[0], found.edges[-1])
    axes.set_ylim(0, max(found.counts.max(), found.noise.max()) * 1.06)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=light("grid"), lw=0.7)
    axes.locator_params(axis="y", nbins=4)
    axes.set_xlabel("Sharpe ratio, per year")
    _mark(size, axes, found.found, f"best found {number(found.found)}", 4, "-")
    _mark(size, axes, found.best, f"best of noise {number(found.best)}", 8 + size.font, (0, (4, 2)))
    title(axes, f"{search.rows}s in a bin", size, top=True)
    return figure


def _mark(size: Size, axes: Axes, at: float, said: str, lift: float, style: object) -> None:
    """Draw a line over the height and write above it what it is, on the side that has room."""
    axes.axvline(at, color=light("ink"), lw=1.2, ls=style)
    first, last = axes.get_xlim()
    ha = "right" if at > (first + last) / 2 else "left"
    above(axes, at, said, lift, size.font, ha=ha, color=light("ink"))


def _table(found: Noise) -> Table:
    columns = (Column("From"), Column("to", True, term="Bin"), Column("Settings", True), Column("Noise settings", True))
    rows = tuple(
        (Cell(number(low)), Cell(number(high)), Cell(f"{int(count):,}"), Cell(number(expected, 1)))
        for low, high, count, expected in zip(found.edges[:-1], found.edges[1:], found.counts, found.noise, strict=True)
    )
    return Table("Settings by Sharpe ratio over the whole run, and as many of noise", columns, (Rows(rows),))
