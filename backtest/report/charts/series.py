"""Series through time as charts draw them: each is drawn for paper and recorded for the page's script in one call.

    figure, (axes,) = panels(size, (150,))
    timeline(size, (axes,), windows, first, last)
    curve(axes, "volatility", line, Look(light("blue")))

That is all that a chart over time needs to answer hover, tap, zoom, legend and keyboard; the name is what the reader is told.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from backtest.report.charts.canvas import sessions
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Look, Panel, Series


def curve(axes: Panel, name: str, line: pd.Series, look: Look, step: bool = False, error: pd.Series | None = None) -> None:
    """Draw a series of values by day; `step` holds each to the next, `error` is the half width of a band around it.

    `look.fill` fills between the line and zero, or the band of the error where there is one; a line of no width is not drawn.
    """
    days, values = sessions(line.index), line.to_numpy(dtype=float)
    half = None if error is None else error.reindex(line.index).to_numpy(dtype=float)
    low, high = (None, None) if half is None else (values - half, values + half)
    if look.fill:
        upper, lower = values if high is None else high, np.zeros_like(values) if low is None else low
        axes.fill_between(days, upper, lower, color=look.colour, alpha=look.fill, steps=step)
    if look.width:
        axes.plot(days, values, color=look.colour, ls=look.dash, lw=look.width, steps=step)
    if look.dots:
        axes.marks(days, values, "o", color=look.colour, ms=4)
    axes.figure.shown.add(Series(axes, name, days, values, look, "step" if step else "line", low, high))


def record(axes: Panel, name: str, line: pd.Series, look: Look) -> None:
    """Record a series that the chart draws in its own way."""
    axes.figure.shown.add(Series(axes, name, sessions(line.index), line.to_numpy(dtype=float), look))


def stack(axes: Panel, shares: Sequence[tuple[str, pd.Series, Look]]) -> None:
    """Draw shares, each a step from day to day, one upon the other, and record each by its own value; names may be alike."""
    base: pd.Series | float = 0.0
    for name, share, look in shares:
        upper = base + share
        days, low, high = sessions(share.index), (upper - share).to_numpy(dtype=float), upper.to_numpy(dtype=float)
        axes.fill_between(days, low, high, color=look.colour, alpha=look.fill, steps=True, edge=light("paper"))
        axes.figure.shown.add(Series(axes, name, days, share.to_numpy(dtype=float), look, "stack", low, high))
        base = upper
