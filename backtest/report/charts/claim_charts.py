"""Charts of the thesis and its claims: CapEx, revenue and the ratio; the specification curve; the multiplier's waterfall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.claims.measurement import SetsOfFour
from backtest.formatting import number, percent
from backtest.report.charts.axes import Spot
from backtest.report.charts.canvas import Size, chart, days, label_ends, panels, quarter_end, timeline, title
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing, Look, Panel
from backtest.report.charts.series import curve
from backtest.report.components import Chart
from backtest.result import SignalReadings
from backtest.thesis.windows import Window

HUES = ("blue", "vermillion", "green", "purple")


@dataclass(frozen=True)
class ThesisFigures:
    """What the chart of a thesis shows: excess growth and its parts, the ratio and its name, the currencies of both sums."""

    excess: SignalReadings
    ratio: SignalReadings
    ratio_title: str
    spending: str
    revenue: str


def thesis(
    anchor: str, shown: ThesisFigures, reported: Mapping[str, float], falls: Sequence[str], windows: Sequence[Window]
) -> Chart:
    """Draw CapEx, revenue, the growth of both and the ratio by quarter, with the report's figures of the ratio as diamonds."""
    grown = "; ".join(
        f"{quarter} revenue {percent(reading.parts['revenue_growth'])}, CapEx {percent(reading.parts['capex_growth'])}"
        for quarter, reading in shown.excess.items()
    )
    shares = ", ".join(f"{quarter} {percent(reading.value, sign=False)}" for quarter, reading in shown.ratio.items())
    caption = (
        "Each point stands at the end of its quarter, not on the day it was published. Crosses: quarters whose CapEx was below "
        "that of the quarter before, which the thesis says does not happen. Diamonds: what the thesis says the ratio was."
    )
    label = f"Four panels by quarter: CapEx, revenue, growth over four quarters, ratio. {grown}. Ratio: {shares}."
    return chart(anchor, label, caption, lambda size: _draw_thesis(size, shown, reported, falls, windows))


def _draw_thesis(
    size: Size, shown: ThesisFigures, reported: Mapping[str, float], falls: Sequence[str], windows: Sequence[Window]
) -> Drawing:
    excess, ratio = shown.excess, shown.ratio
    figure, drawn = panels(size, (56, 56, 76, 76) if ratio else (56, 56, 76), gap=24)
    last = max(_day_of(quarter) for quarter in (*excess, *ratio))
    timeline(size, drawn, windows, min(w.start for w in windows), max(w.end for w in windows))
    for axes in drawn:
        axes.set_xlim(right=max(axes.x.limits()[1], last))
        axes.y.margin = 0.2
    _draw_money(size, (drawn[0], drawn[1]), shown, falls)
    _draw_growth(size, drawn[2], excess)
    if ratio:
        _ratio(size, drawn[3], shown, reported)
    for axes in drawn[2:]:
        axes.y.write = lambda value: percent(value, 0, sign=False)
    for axes in drawn:
        axes.locator_params("y", nbins=5)
    for axes in drawn[:2]:
        axes.set_ylim(bottom=0)
    return figure


def _draw_money(size: Size, drawn: tuple[Panel, Panel], shown: ThesisFigures, falls: Sequence[str]) -> None:
    """Draw CapEx, with a cross on each quarter in which it fell, and the suppliers' revenue below."""
    (above, below), excess = drawn, shown.excess
    capex = {quarter: reading.parts["capex"] / 1e3 for quarter, reading in excess.items()}
    revenue = {quarter: reading.parts["revenue"] / 1e3 for quarter, reading in excess.items()}
    _line(above, "CapEx", capex, "black")
    fell = {quarter: capex[quarter] for quarter in falls if quarter in capex}
    above.marks([_day_of(quarter) for quarter in fell], list(fell.values()), "X", ms=9, color=light("vermillion"))
    title(above, f"CapEx, {shown.spending} bn a quarter", size, top=True)
    _end(size, above, capex, "CapEx", "black", 0)
    _line(below, "suppliers' revenue", revenue, "blue")
    title(below, f"suppliers' revenue, {shown.revenue} bn a quarter", size)
    _end(size, below, revenue, "sales", "blue", 0)


def _draw_growth(size: Size, axes: Panel, excess: SignalReadings) -> None:
    ends = []
    for name, word, hue in (("revenue_growth", "sales", "blue"), ("capex_growth", "CapEx", "black")):
        line = {quarter: reading.parts[name] for quarter, reading in excess.items()}
        _line(axes, f"growth of {word}", line, hue)
        quarter, value = list(line.items())[-1]
        ends.append((_day_of(quarter), value, f"{word} {percent(value, 0)}", light(hue)))
    axes.axhline(0, color=light("muted"), lw=0.8)
    title(axes, "growth over four quarters", size)
    label_ends(size, axes, ends)


def _ratio(size: Size, axes: Panel, shown: ThesisFigures, reported: Mapping[str, float]) -> None:
    ratio = {quarter: reading.value for quarter, reading in shown.ratio.items()}
    _line(axes, "ratio", ratio, "purple")
    for quarter, value in reported.items():
        at = _day_of(quarter)
        axes.marks([at], [value], "D", ms=8, mfc=light("paper"), color=light("vermillion"), mew=1.8)
        text = f"thesis {percent(value, 0, sign=False)}"
        axes.text(at, value, text, Spot((8, 4)), fontsize=size.font - 0.5)
    axes.set_ylim(0, 1.25 * max([*ratio.values(), *reported.values()]))
    title(axes, shown.ratio_title, size)
    _end(size, axes, ratio, "ratio", "purple", None)


def _line(axes: Panel, name: str, values: Mapping[str, float], hue: str) -> None:
    line = pd.Series(list(values.values()), [quarter_end(quarter) for quarter in values], dtype=float)
    curve(axes, name, line, Look(light(hue), dots=True))


def _end(size: Size, axes: Panel, values: Mapping[str, float], word: str, hue: str, digits: int | None) -> None:
    quarter, value = list(values.items())[-1]
    shown = percent(value, sign=False) if digits is None else number(value, digits)
    label_ends(size, axes, [(_day_of(quarter), value, f"{word} {shown}", light(hue))])


def _day_of(quarter: str) -> float:
    return days(quarter_end(quarter))


def specification(anchor: str, curves: Mapping[str, SetsOfFour]) -> Chart:
    """Draw, per measure, each set's worst quarter, worst set to best: the claim holds where the line is above zero."""
    counts = "; ".join(f"{name}: {c.sets_holding} of {c.sets} sets hold" for name, c in curves.items())
    caption = (
        "Every set of four suppliers, from the worst to the best: its smallest excess of revenue growth over CapEx growth in any "
        "quarter. The claim holds for a set where the line is above zero; the lines differ in how growth is measured."
    )
    return chart(anchor, f"Specification curve. {counts}.", caption, lambda size: _draw_specification(size, curves))


def _draw_specification(size: Size, curves: Mapping[str, SetsOfFour]) -> Drawing:
    figure, (axes,) = panels(size, (230,), top=34)
    ends = []
    for (name, sets), hue in zip(curves.items(), HUES, strict=False):
        worst = np.array(sets.worst_quarter_excess)
        axes.plot(np.linspace(0, 1, len(worst)), worst, color=light(hue))
        ends.append((1.0, float(worst[-1]), name.removeprefix("growth ").removeprefix("of the "), light(hue)))
    axes.axhline(0, color=light("ink"), lw=1)
    axes.set_xlim(0, 1)
    for scale in (axes.x, axes.y):
        scale.write = lambda value: percent(value, 0, sign=False)
    axes.grid("y", color=light("grid"), lw=0.7)
    title(axes, "smallest excess in any quarter, by share of sets", size)
    label_ends(size, axes, ends)
    return figure


def waterfall(anchor: str, quarters: Mapping[str, Mapping[str, float]], links: Mapping[str, str]) -> Chart:
    """Draw how the growth of the first link becomes that of the last, link by link, a panel per quarter."""
    growth = "; ".join(
        f"{quarter}: " + ", ".join(f"{word} {number(parts[name], 3)}" for name, word in links.items())
        for quarter, parts in quarters.items()
    )
    caption = (
        "Log points over four quarters (0.69 is a doubling). Each bar starts where the one before ended; the last is their sum. "
        "Blue adds, orange takes away."
    )
    return chart(anchor, f"Waterfall of the links. {growth}.", caption, lambda size: _draw_waterfall(size, quarters, links))


def _draw_waterfall(size: Size, quarters: Mapping[str, Mapping[str, float]], links: Mapping[str, str]) -> Drawing:
    gap = 80 if size.name == "narrow" else 44
    figure, drawn = panels(size, (170.0,) * len(quarters), top=30, gap=gap, bottom=gap - 20)
    words = list(links.values())
    for axes, (quarter, parts) in zip(drawn, quarters.items(), strict=True):
        steps = [parts[name] for name in links][:-1]
        starts = [0.0, *np.cumsum(steps).tolist()[:-1], 0.0]
        heights = [*steps, parts[list(links)[-1]]]
        colours = [light("blue" if height >= 0 else "vermillion") for height in heights[:-1]] + [light("ink")]
        for bar, (start, height, colour) in enumerate(zip(starts, heights, colours, strict=True)):
            axes.bar(bar, height, bottom=start, color=colour, width=0.62)
            axes.text(bar, max(start, start + height), number(height, 2), Spot((0, 3), ha="center"))
        axes.axhline(0, color=light("ink"), lw=0.8)
        reach = [*starts, *(start + height for start, height in zip(starts, heights, strict=True))]
        axes.set_ylim(min(reach) * 1.25, max(reach) * 1.2)
        axes.set_xticks(range(len(words)), [_broken(word) if size.name == "narrow" else word for word in words])
        axes.tick_params("x", length=0, labelsize=size.font - 0.5)
        axes.grid("y", color=light("grid"), lw=0.7)
        axes.below = True
        title(axes, f"{quarter}, log points over four quarters", size)
    return figure


def _broken(word: str) -> str:
    return word.replace(" over ", "\nover\n").replace("interconnect", "inter-\nconnect")
