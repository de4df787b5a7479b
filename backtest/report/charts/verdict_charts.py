"""How many of a thesis's claims came to which verdict, when written and since, as bars."""

from collections.abc import Mapping

import numpy as np

from backtest.report.charts.axes import Spot
from backtest.report.charts.canvas import Size, boxed, chart
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing
from backtest.report.components import Chart

HUES = {"confirmed": "blue", "confirmed under one reading": "sky", "not testable": "rest", "contradicted": "vermillion"}


def verdicts(anchor: str, counts: Mapping[str, Mapping[str, int]]) -> Chart:
    """Draw how many claims came to which verdict, a bar per span."""
    spoken = "; ".join(f"{span}: " + ", ".join(f"{count} {name}" for name, count in row.items()) for span, row in counts.items())
    caption = "Claims by verdict: those that hold from the left, those that do not at the right."
    return chart(anchor, f"Bars of verdicts. {spoken}.", caption, lambda size: _draw_verdicts(size, counts))


def _draw_verdicts(size: Size, counts: Mapping[str, Mapping[str, int]]) -> Drawing:
    figure, (box,) = boxed(size, (38.0 * len(counts),), top=26, bottom=6)
    left = 96 if size.name == "wide" else 80
    axes = figure.add_axes(box._replace(left=left, width=size.width - left - 10))
    most = max(sum(row.values()) for row in counts.values())
    for line, row in enumerate(counts.values()):
        start = 0
        for name, hue in HUES.items():
            if count := row.get(name, 0):
                axes.barh(line + 0.2, count, left=start, height=0.4, color=light(hue), edge=light("paper"))
                axes.text(start + count / 2, line - 0.04, str(count), Spot(ha="center", va="bottom"))
                start += count
    words = {"confirmed under one reading": "under one reading" if size.name == "wide" else "one reading"}
    lefts = np.linspace(0, most, len(HUES) + 1)[:-1]
    for left_of, (name, hue) in zip(lefts, HUES.items(), strict=True):
        axes.marks([left_of], [-0.8], "s", ms=7, color=light(hue))
        font = size.font - (0.5 if size.name == "wide" else 2)
        axes.text(left_of, -0.8, words.get(name, name), Spot((6, 0), va="center"), fontsize=font)
    axes.set_xlim(0, most)
    axes.set_ylim(len(counts) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks(range(len(counts)), list(counts))
    axes.tick_params("y", length=0, labelcolor=light("ink"))
    axes.edges = {}
    return figure
