"""Charts of the audit: the probability of a basket's better state through time, over the thesis's regimes."""

from collections.abc import Mapping, Sequence

import pandas as pd

from backtest.formatting import percent
from backtest.report.charts.canvas import Size, chart, days, label_ends, panels, percent_axis, timeline, title
from backtest.report.charts.colours import light, theme
from backtest.report.charts.drawing import Drawing, Look
from backtest.report.charts.series import curve
from backtest.report.components import Chart
from backtest.report.formatting import plain
from backtest.thesis.windows import Window


def probability(anchor: str, books: Mapping[str, Mapping[str, float]], windows: Sequence[Window]) -> Chart:
    """Draw, per basket, the smoothed probability of its better state at each month's end."""
    ends = "; ".join(f"{plain(name)} {percent(list(path.values())[-1], 0, sign=False)}" for name, path in books.items())
    caption = (
        "The probability that a basket was in the better of its two states, by month's end. The states were found without the "
        "report's dates; where they change at other times than the regimes (grey), the regimes are not the market's own."
    )
    label = f"Line chart of the probability of the better state. At the end: {ends}."
    return chart(anchor, label, caption, lambda size: _draw(size, books, windows))


def _draw(size: Size, books: Mapping[str, Mapping[str, float]], windows: Sequence[Window]) -> Drawing:
    figure, (axes,) = panels(size, (150,))
    timeline(size, (axes,), windows, min(window.start for window in windows), max(window.end for window in windows))
    ends = []
    for name, path in books.items():
        months = pd.PeriodIndex(list(path), freq="M")
        starts, end, values = months.start_time, months[-1].end_time.normalize(), list(path.values())
        colour = light(theme(name))
        curve(axes, plain(name), pd.Series([*values, values[-1]], [*starts, end]), Look(colour), step=True)
        ends.append((days(end), values[-1], plain(name), colour))
    axes.set_ylim(-0.03, 1.03)
    percent_axis(axes)
    title(axes, "probability of the better state", size, top=True)
    label_ends(size, axes, ends)
    return figure
