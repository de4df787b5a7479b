"""A figure that remembers what it shows over time, so that the page's script can answer hover, zoom and legend from it.

A chart needs nothing of its own: its panels come from `canvas.panels`, their days from `canvas.timeline`, and each series is
drawn by `series.curve` or `series.stack`, or given to `series.record` where it is drawn in another way.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from markupsafe import Markup

from backtest.report.charts import encoding, svg
from backtest.report.charts.axes import CLIP, Axes, Box
from backtest.report.charts.colours import names

LEAST_PERCENT = 1e-4  # a page shows a tenth of a percent
Json: TypeAlias = "str | float | bool | Sequence[Json] | Mapping[str, Json]"


@dataclass(frozen=True)
class Look:
    """How a series is drawn: a colour of `colours.light`, dash (in widths), width, how dense its filling, a dot per value."""

    colour: str
    dash: tuple[float, tuple[float, ...]] | str = "-"
    width: float = 1.6
    fill: float = 0.0
    dots: bool = False


@dataclass(frozen=True)
class Series:
    """Values by day (since 1970-01-01) on a panel; `kind` is line, step (a value holds to the next) or stack (upon the former).

    What is filled reaches from `low` to `high`, from zero to the values where there is neither.
    """

    axes: "Panel"
    name: str
    days: np.ndarray
    values: np.ndarray
    look: Look
    kind: str = "line"
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass
class Record:
    """What a figure has shown so far over time: panels, titles, series, shaded spans with names, the thesis's date, events."""

    panels: "list[Panel]" = field(default_factory=list)
    titles: "dict[Panel, str]" = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)
    spans: list[tuple[float, float, str, str]] = field(default_factory=list)
    written: float | None = None
    events: list[tuple[float, str]] = field(default_factory=list)

    def add(self, series: Series) -> None:
        """Remember a series that is drawn, from its first value to its last; one without two values is not."""
        seen = np.flatnonzero(np.isfinite(series.values))
        if len(seen) > 1:
            part = slice(seen[0], seen[-1] + 1)
            low, high = (edge if edge is None else edge[part] for edge in (series.low, series.high))
            self.series.append(replace(series, days=series.days[part], values=series.values[part], low=low, high=high))


class Panel(Axes):
    """A panel that knows its figure."""

    def __init__(self, box: Box, figure: "Drawing") -> None:
        """Make an empty panel in a box of pixels of a figure."""
        super().__init__(box, figure.font)
        self.figure = figure


class Drawing:
    """A figure of panels, with a record of what it shows over time."""

    def __init__(self, width: float, height: float, font: float) -> None:
        """Make an empty figure of so many pixels; `font` is the height of its letters."""
        self.width, self.height, self.font = width, height, font
        self.shown = Record()
        self._panels: list[Panel] = []
        self._over: list[str] = []

    def add_axes(self, box: Box) -> Panel:
        """Return a new panel in a box of pixels."""
        self._panels.append(Panel(box, self))
        return self._panels[-1]

    def add(self, element: str) -> None:
        """Put an element over the panels."""
        self._over.append(element)

    def element(self, anchor: str, label: str, size: str, whole: bool = False) -> Markup:
        """Return the figure as an element of a page, with a text alternative; `whole`: and all that its script draws."""
        parts = []
        for number, axes in enumerate(self._panels):
            drawn, name = "".join(axes.written()), f"{svg.written(anchor)}-clip{number}"
            parts.append((axes.clip() + drawn if CLIP in drawn else drawn).replace(CLIP, name))
        return svg.element([*parts, *self._over], (self.width, self.height), anchor, label, size, self.data(whole))

    def data(self, whole: bool) -> Markup:
        """Return an attribute of the chart's element: where its panels are and, if whole, all that the script draws of them."""
        shown = self.shown
        if not (shown.panels and shown.series):
            return Markup()
        boxes: list[Json] = [[round(part, 1) for part in axes.box] for axes in shown.panels]
        written: dict[str, Json] = {"boxes": boxes} if not whole else {"boxes": boxes} | _whole(shown)
        text = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
        return Markup(f" data-chart='{text.replace('&', '&amp;').replace('<', '&lt;').replace(chr(39), '&#39;')}'")


def _whole(shown: Record) -> dict[str, Json]:
    days: list[str] = []
    first, last = shown.panels[0].x.limits()
    lines: list[Json] = [_series(series, shown, days) for series in shown.series]
    shade = names()
    return {
        "span": [float(first), float(last)],
        "spans": [[start, end, shade[colour], name] for start, end, colour, name in shown.spans],
        **({} if shown.written is None else {"written": shown.written}),
        "events": [[day, name] for day, name in shown.events],
        "panels": [_panel(axes, shown.titles.get(axes, "")) for axes in shown.panels],
        "series": lines,
        "days": days,
    }


def _panel(axes: Panel, title: str) -> dict[str, Json]:
    optional = {"log": axes.y.log, "percent": _percent(axes)}
    low, high = (float(f"{limit:.5g}") for limit in axes.y.limits())
    return {"title": title, "range": [low, high], **{name: value for name, value in optional.items() if value}}


def _percent(axes: Panel) -> bool:
    return axes.y.write is not None and "%" in axes.y.write(0.5)


def _series(series: Series, shown: Record, days: list[str]) -> dict[str, Json]:
    """Return a series; charts have several over the same days, so days are listed once and named by their number."""
    on = encoding.days(series.days.tolist())
    if on not in days:
        days.append(on)
    missing = ~np.isfinite(series.values)
    numbers = np.interp(series.days, series.days[~missing], series.values[~missing]) if missing.any() else series.values
    log = series.axes.y.log and bool((numbers > 0).all())
    unit = max(encoding.unit(numbers.tolist(), log), LEAST_PERCENT if _percent(series.axes) else 0.0)
    look = series.look
    dash = [round(part * look.width, 1) for part in look.dash[1]] if not isinstance(look.dash, str) else []
    written: dict[str, Json] = {
        "name": series.name, "panel": shown.panels.index(series.axes), "colour": names()[look.colour], "width": look.width,
        "days": days.index(on), "unit": unit, "values": encoding.values(numbers.tolist(), unit, log),
    }  # fmt: skip
    for name, edge in (("low", series.low), ("high", series.high)):
        if edge is not None:
            written[name] = encoding.values(np.nan_to_num(edge).tolist(), unit, log)
    optional: dict[str, Json] = {
        "dash": " ".join(f"{part:g}" for part in dash), "fill": look.fill, "dots": look.dots, "log": log,
        "missing": np.flatnonzero(missing).tolist(), "kind": "" if series.kind == "line" else series.kind,
    }  # fmt: skip
    return written | {name: value for name, value in optional.items() if value}
