"""Lines of several results on one axis: every strategy of the front page, two results of a comparison and their difference."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from backtest.formatting import number
from backtest.report.charts.canvas import Size, chart, days, label_ends, last_of, log_axis, panels, timeline, title
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing, Look, Panel
from backtest.report.charts.series import curve
from backtest.report.components import Chart
from backtest.thesis.windows import Window

COLOURS = ("blue", "vermillion", "green", "purple", "orange", "sky", "indigo", "olive", "black")
DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)))


def overlay(anchor: str, measure: str, lines: Mapping[str, pd.Series], windows: Sequence[Window], caption: str) -> Chart:
    """Draw what 1 became in each of some results by day on one log axis; `windows` are shaded where they lie in it."""
    ends = "; ".join(f"{name} {number(last_of(line))}" for name, line in lines.items())
    label = f"Line chart, log scale: {measure} of {len(lines)} results. Last: {ends}."
    return chart(anchor, label, caption, lambda size: _draw_overlay(size, measure, lines, windows))


def _draw_overlay(size: Size, measure: str, lines: Mapping[str, pd.Series], windows: Sequence[Window]) -> Drawing:
    figure, (axes,) = panels(size, (250,))
    timeline(size, (axes,), windows, *_span(lines))
    log_axis(axes, [value for line in lines.values() for value in (line.min(), line.max())])
    axes.axhline(1, color=light("muted"), lw=0.8)
    title(axes, f"{measure}, log scale", size, top=True)
    label_ends(size, axes, _curves(axes, lines))
    return figure


def difference(anchor: str, measure: str, pair: Mapping[str, pd.Series], windows: Sequence[Window], caption: str) -> Chart:
    """Draw two lines on one log axis and, below, the log of their ratio: how far the first is ahead."""
    ends = "; ".join(f"{name} {number(last_of(line))}" for name, line in pair.items())
    ahead = number(last_of(gap_of(pair)), 3)
    label = f"Two panels: {measure} on a log scale, last {ends}; and the first less the second in log points, last {ahead}."
    return chart(anchor, label, caption, lambda size: _draw_difference(size, measure, pair, windows))


def gap_of(pair: Mapping[str, pd.Series]) -> pd.Series:
    """Return the log of the first line over the second, on the days that both have."""
    first, second = pair.values()
    ratio: pd.Series = (first / second).dropna()
    return pd.Series(np.log(ratio.to_numpy()), ratio.index)


def _draw_difference(size: Size, measure: str, pair: Mapping[str, pd.Series], windows: Sequence[Window]) -> Drawing:
    figure, (above, below) = panels(size, (200, 110))
    timeline(size, (above, below), windows, *_span(pair))
    log_axis(above, [value for line in pair.values() for value in (line.min(), line.max())])
    label_ends(size, above, _curves(above, pair))
    title(above, f"{measure}, log scale", size, top=True)
    curve(below, "difference", gap_of(pair), Look(light("indigo"), width=1.2, fill=0.25))
    below.axhline(0, color=light("muted"), lw=0.8)
    below.locator_params("y", nbins=4)
    title(below, "difference, log points", size)
    return figure


def _curves(axes: Panel, lines: Mapping[str, pd.Series]) -> list[tuple[float, float, str, str]]:
    """Draw lines and return what stands at their ends."""
    ends = []
    for name, line in lines.items():
        look = looks(lines)[name]
        curve(axes, name, line, look)
        ends.append((days(line.index[-1]), last_of(line), f"{number(last_of(line))} {name}", look.colour))
    return ends


def looks(lines: Mapping[str, pd.Series]) -> dict[str, Look]:
    """Return a colour and a dash for each line, none like another's up to as many as there are colours times dashes."""
    count = len(COLOURS)
    return {
        name: Look(light(COLOURS[at % count]), DASHES[at // count % len(DASHES)], 1.8 if at == 0 else 1.4)
        for at, name in enumerate(lines)
    }


def _span(lines: Mapping[str, pd.Series]) -> tuple[pd.Timestamp, pd.Timestamp]:
    first, last = (np.array([line.index[end] for line in lines.values()]) for end in (0, -1))
    return pd.Timestamp(first.min()), pd.Timestamp(last.max())
