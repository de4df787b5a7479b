"""Charts of the claims: the specification curve over every set of four, and the multiplier's waterfall."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from backtest.report.blocks import Chart
from backtest.report.canvas import Size, chart, label_ends, panels, title
from backtest.report.colours import light
from backtest.report.wording import number, percent

HUES = ("blue", "vermillion", "green", "purple")


def specification(anchor: str, curves: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Draw, per measure, each set's worst quarter, worst set to best: the claim holds where the line is above zero."""
    said = "; ".join(f"{name}: {c['sets_holding']} of {c['sets']} sets hold" for name, c in curves.items())
    caption = (
        "Every set of four suppliers, from the worst to the best: its smallest excess of revenue growth over CapEx growth in any "
        "quarter. The claim holds for a set where the line is above zero; the lines differ in how growth is measured."
    )
    return chart(anchor, f"Specification curve. {said}.", caption, lambda size: _draw_specification(size, curves))


def _draw_specification(size: Size, curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    figure, (axes,) = panels(size, (230,), top=34)
    ends = []
    for (name, curve), hue in zip(curves.items(), HUES, strict=False):
        worst = np.array(curve["worst_quarter_excess"])
        places = np.linspace(0, 1, len(worst))
        axes.plot(places, worst, color=light(hue))
        ends.append((1.0, float(worst[-1]), name.removeprefix("growth ").removeprefix("of the "), light(hue)))
    axes.axhline(0, color=light("ink"), lw=1)
    axes.set_xlim(0, 1)
    for ticks in (axes.xaxis, axes.yaxis):
        ticks.set_major_formatter(FuncFormatter(lambda value, _: percent(value, 0, sign=False)))
    axes.grid(axis="y", color=light("grid"), lw=0.7)
    title(axes, "smallest excess in any quarter, by share of sets", size)
    label_ends(size, axes, ends)
    return figure


def waterfall(anchor: str, quarters: Mapping[str, Mapping[str, float]], links: Mapping[str, str]) -> Chart:
    """Draw how CapEx growth becomes interconnect growth, link by link, a panel per quarter."""
    said = "; ".join(
        f"{quarter}: " + ", ".join(f"{word} {number(parts[name], 3)}" for name, word in links.items())
        for quarter, parts in quarters.items()
    )
    caption = (
        "Log points over four quarters (0.69 is a doubling). Each bar starts where the one before ended; the last is their sum, "
        "interconnect revenue in USD. Blue adds, orange takes away."
    )
    return chart(anchor, f"Waterfall of the multiplier. {said}.", caption, lambda size: _draw_waterfall(size, quarters, links))


def _draw_waterfall(size: Size, quarters: Mapping[str, Mapping[str, float]], links: Mapping[str, str]) -> Figure:
    gap = 80 if size.name == "narrow" else 44
    figure, drawn = panels(size, (170.0,) * len(quarters), top=30, gap=gap, bottom=gap - 20)
    words = list(links.values())
    for axes, (quarter, parts) in zip(drawn, quarters.items(), strict=True):
        steps = [parts[name] for name in links][:-1]
        starts = [0.0, *np.cumsum(steps).tolist()[:-1], 0.0]
        heights = [*steps, parts["interconnect"]]
        colours = [light("blue" if height >= 0 else "vermillion") for height in heights[:-1]] + [light("ink")]
        axes.bar(range(len(heights)), heights, bottom=starts, color=colours, width=0.62)
        for place, (start, height) in enumerate(zip(starts, heights, strict=True)):
            above = max(start, start + height)
            axes.annotate(number(height, 2), (place, above), xytext=(0, 3), textcoords="offset points", ha="center")
        axes.axhline(0, color=light("ink"), lw=0.8)
        reach = [*starts, *(start + height for start, height in zip(starts, heights, strict=True))]
        axes.set_ylim(min(reach) * 1.25, max(reach) * 1.2)
        axes.set_xticks(range(len(words)), [_broken(word) if size.name == "narrow" else word for word in words])
        axes.tick_params(axis="x", length=0, labelsize=size.font - 0.5)
        axes.grid(axis="y", color=light("grid"), lw=0.7)
        axes.set_axisbelow(True)
        title(axes, f"{quarter}, log points over four quarters", size)
    return figure


def _broken(word: str) -> str:
    return word.replace(" over ", "\nover\n").replace("interconnect", "inter-\nconnect")
