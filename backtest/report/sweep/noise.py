"""The distribution of all settings' Sharpe ratios, that of as many settings without any edge, and the best beside others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backtest.formatting import DASH, counted, known, number, percent
from backtest.report.charts.canvas import Size, above, chart, panels, title
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing, Panel
from backtest.report.charts.svg import Dash
from backtest.report.components import Cell, Chart, Column, Fold, Rows, Section, Span, Table, Text
from backtest.report.sweep.search import Search
from backtest.statistics.refusal import Floats
from backtest.statistics.window_rank import expected_best
from backtest.sweeps.results import WindowFigures
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE

STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # widths of a bin
MOST_BINS = 48
HEIGHTS = {"wide": 120, "narrow": 80}  # of the picture's panel: it stands on the first screen
SAMPLES = (WHOLE, IN_SAMPLE, OUT_OF_SAMPLE)


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
    from scipy.special import ndtr

    ratios = search.ratios(WHOLE).dropna().to_numpy()
    error = float(search.years**-0.5)
    hurdle = expected_best(search.summary.trials) * error
    low, high = min(ratios.min(), -3.0 * error), max(ratios.max(), hurdle, 3.0 * error)
    step = next((width for width in STEPS if (high - low) / width <= MOST_BINS - 2), (high - low) / (MOST_BINS - 2))
    edges = np.arange(np.floor(low / step), np.ceil(high / step) + 1.5) * step
    counts = np.histogram(ratios, edges)[0].astype(float)
    return Noise(edges, counts, len(ratios) * np.diff(ndtr(edges / error)), error, hurdle, search.summary.best.sharpe)


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
    more = Fold("The distribution and its figures", (Text(alike), _table(shape)))
    return Section("noise", "What the search is worth", (Text(outcome), _compared(search), more))


def _compared(search: Search) -> Table:
    """Return the best setting and what it is read beside, by window."""
    ratios = (Column("Return", True, term="Total return"), Column("Sharpe", True, term="Sharpe"))
    columns = Column("Setting"), *(column for _ in SAMPLES for column in ratios)
    spans = Span("", 1), *(Span(window, 2) for window in SAMPLES)
    named = {"Best": search.summary.best.windows, **{row.name.capitalize(): row.windows for row in search.summary.compared}}
    rows = tuple(row for name, windows in named.items() for row in _with_twin(name, windows))
    caption = "The best setting, beside what it has to be read beside; a twin has the signal on wherever it has a value"
    return Table(caption, columns, (Rows(rows),), spans)


def _with_twin(name: str, windows: Mapping[str, WindowFigures]) -> Iterator[tuple[Cell, ...]]:
    figures = [windows.get(window) for window in SAMPLES]
    yield _cells(name, [(row.total_return, row.sharpe) if row else None for row in figures])
    if any(row and known(row.twin_sharpe) for row in figures):
        yield _cells(f"{name}: its twin", [(row.twin_total_return, row.twin_sharpe) if row else None for row in figures])


def _cells(name: str, figures: Sequence[tuple[float, float] | None]) -> tuple[Cell, ...]:
    pairs = ((percent(pair[0]), number(pair[1])) if pair else (DASH, DASH) for pair in figures)
    return (Cell(name), *(Cell(text) for pair in pairs for text in pair))


def distribution(search: Search) -> Chart:
    """Return the picture of all settings, with the best, the declared one and the best of noise marked."""
    return _chart(search, noise(search))


def _chart(search: Search, shape: Noise) -> Chart:
    declared = f", declared setting {number(search.declared)}" if search.declared is not None else ""
    label = (
        f"Histogram of the Sharpe ratios of {counted(int(shape.counts.sum()), search.rows)}, with the curve of as many of "
        f"noise. Best found {number(shape.best)}, expected best of noise {number(shape.hurdle)}{declared}. Figures under what "
        "the search is worth."
    )
    caption = "Bars: all settings over the whole run. Line: as many without any edge."
    return chart("noise-drawn", label, caption, lambda size: _draw(replace(size, right=16), shape, search))


def _draw(size: Size, shape: Noise, search: Search) -> Drawing:
    figure, (axes,) = panels(size, (HEIGHTS[size.name],), top=66, bottom=38)
    axes.stairs(shape.counts, shape.edges, color=light("blue"), alpha=0.5)
    middles = (shape.edges[1:] + shape.edges[:-1]) / 2
    axes.plot(middles, shape.noise, color=light("ink"), lw=1.4)
    axes.set_xlim(shape.edges[0], shape.edges[-1])
    axes.set_ylim(0, max(shape.counts.max(), shape.noise.max()) * 1.06)
    axes.below = True
    axes.grid("y", color=light("grid"), lw=0.7)
    axes.locator_params("y", nbins=4)
    axes.set_xlabel("Sharpe ratio, per year")
    _mark(size, axes, shape.best, f"best found {number(shape.best)}", 4, "-")
    _mark(size, axes, shape.hurdle, f"best of noise {number(shape.hurdle)}", 8 + size.font, (0, (4, 2)))
    if search.declared is not None:
        _mark(size, axes, search.declared, f"declared {number(search.declared)}", 12 + 2 * size.font, (0, (1, 1.5)))
    title(axes, f"{search.rows}s in a bin", size, top=True)
    return figure


def _mark(size: Size, axes: Panel, at: float, text: str, lift: float, style: Dash) -> None:
    """Draw a line over the height and write above it what it is, on the side that has room."""
    axes.axvline(at, color=light("ink"), lw=1.2, ls=style)
    first, last = axes.x.limits()
    ha = "right" if at > (first + last) / 2 else "left"
    above(size, axes, at, text, (0, lift), ha=ha, color=light("ink"))


def _table(shape: Noise) -> Table:
    columns = (Column("From"), Column("to", True, term="Bin"), Column("Settings", True), Column("Noise settings", True))
    rows = tuple(
        (Cell(number(low)), Cell(number(high)), Cell(f"{int(count):,}"), Cell(number(expected, 1)))
        for low, high, count, expected in zip(shape.edges[:-1], shape.edges[1:], shape.counts, shape.noise, strict=True)
    )
    return Table("Settings by Sharpe ratio over the whole run, and as many of noise", columns, (Rows(rows),))
