"""Small pictures in cells of tables: what 1 became in every book of a strategy by month, a reading by quarter."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from backtest.formatting import number
from backtest.report.charts.canvas import days, picture
from backtest.report.charts.colours import light, theme
from backtest.report.formatting import plain

WIDTH, HEIGHT = 150, 42


def sparkline(anchor: str, paths: Mapping[str, Mapping[str, float | None]], written: str) -> Markup | None:
    """Return the books' values by month as lines on one log scale, the thesis's date a stroke; None where there is no month."""
    lines = {book: pd.Series(path, dtype=float).dropna() for book, path in paths.items()}
    lines = {book: line[line > 0] for book, line in lines.items()}
    lines = {book: line for book, line in lines.items() if len(line) > 1}
    if not lines:
        return None
    ends = "; ".join(f"{plain(book)} {number(float(line.iloc[-1]))}" for book, line in lines.items())
    return picture(anchor, f"Sparkline, log scale: what 1 became, {ends}.", lambda: _draw(lines, written))


def _draw(lines: Mapping[str, pd.Series], written: str) -> Figure:
    figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72)
    axes = figure.add_axes((0.02, 0.06, 0.96, 0.88))
    axes.set_axis_off()
    axes.set_yscale("log")
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

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72)
        axes = figure.add_axes((0.02, 0.08, 0.96, 0.84))
        axes.set_axis_off()
        if min(values.values()) < 0 < max(values.values()):
            axes.axhline(0, color=light("grid"), lw=0.8)
        axes.plot(range(len(values)), list(values.values()), color=light("muted"), lw=1.4)
        axes.plot([len(values) - 1], [values[last]], "o", ms=4, color=light("blue"))
        return figure

    return picture(anchor, spoken, draw)
