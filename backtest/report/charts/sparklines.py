"""Small pictures in cells of tables: what 1 became in every book of a strategy by month, a reading by quarter."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup

from backtest.formatting import number
from backtest.report.charts.axes import Box
from backtest.report.charts.canvas import days
from backtest.report.charts.colours import light, theme
from backtest.report.charts.drawing import Drawing
from backtest.report.formatting import plain

WIDTH, HEIGHT, FONT = 150, 42, 10
BOX = Box(3, 3, 144, 36)


def sparkline(anchor: str, paths: Mapping[str, Mapping[str, float | None]], written: str) -> Markup | None:
    """Return the books' values by month as lines on one log scale, the thesis's date a stroke; None where there is no month."""
    lines = {book: pd.Series(path, dtype=float).dropna() for book, path in paths.items()}
    lines = {book: line[line > 0] for book, line in lines.items()}
    lines = {book: line for book, line in lines.items() if len(line) > 1}
    if not lines:
        return None
    ends = "; ".join(f"{plain(book)} {number(float(line.iloc[-1]))}" for book, line in lines.items())
    return _draw(lines, written).element(anchor, f"Sparkline, log scale: what 1 became, {ends}.", "spark")


def _draw(lines: Mapping[str, pd.Series], written: str) -> Drawing:
    figure = Drawing(WIDTH, HEIGHT, FONT)
    axes = figure.add_axes(BOX)
    axes.set_axis_off()
    axes.y.log = True
    axes.axhline(1, color=light("grid"), lw=0.8)
    for book, line in lines.items():
        months = [days(pd.Period(str(month), freq="M").end_time.normalize()) for month in line.index]
        axes.plot(months, line.to_numpy(), color=light(theme(book)), lw=1.4 if len(lines) == 1 else 1)
    axes.axvline(days(pd.Timestamp(written)), color=light("muted"), lw=0.8, ls=(0, (3, 2)))
    return figure


def by_quarter(anchor: str, name: str, values: Mapping[str, float]) -> Markup | None:
    """Return a reading's values by quarter as a line from the first to the newest; None for fewer than two."""
    if len(values) < 2:
        return None
    first, *_, last = values
    spoken = f"Sparkline of {name}: {first} {number(values[first], 3)}, {last} {number(values[last], 3)}."

    figure = Drawing(WIDTH, HEIGHT, FONT)
    axes = figure.add_axes(BOX)
    axes.set_axis_off()
    if min(values.values()) < 0 < max(values.values()):
        axes.axhline(0, color=light("grid"), lw=0.8)
    axes.plot(range(len(values)), list(values.values()), color=light("muted"), lw=1.4)
    axes.marks([len(values) - 1], [values[last]], "o", ms=4, color=light("blue"))
    return figure.element(anchor, spoken, "spark")
