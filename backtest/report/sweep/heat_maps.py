"""Where in the grid the results are good: heat maps of medians and of worst neighbours, never of the best."""

from collections.abc import Iterator, Sequence

import numpy as np

from backtest.formatting import counted, number
from backtest.report.charts.canvas import clipped
from backtest.report.components import Block, Cell, Chart, Column, Fold, Part, Rows, Section, Span, Table, Text
from backtest.report.formatting import listed
from backtest.report.sweep.heat_drawing import Scale, draw
from backtest.report.sweep.maps import MOST_VALUES, Map, left_out, maps
from backtest.report.sweep.search import Search

OPEN = 1  # maps that stand open, those whose fields matter most
SMALL = 6  # values of a field in the small map of the first screen
MOST_CELLS = 8000  # drawn on one page: it has to stay below 3 MB
ACROSS = 12  # columns of a table of figures
LETTERS = 60  # of a value in a table


def section(search: Search) -> Section:
    """Return every map with its figures; those that vary most open, the rest behind a fold."""
    pairs = maps(search)
    if not pairs:
        return Section("maps", "Where in the grid", (Text(f"No map: {_none(search)}."),))
    scale = Scale.over([pair.median for pair in pairs] + [pair.worst for pair in pairs])
    parts = tuple(_parts(pairs, scale))
    blocks: list[Block] = [Text(_matters(pairs)), *parts[:OPEN], Fold("How to read a map", (Text(_read(search, scale)),))]
    if parts[OPEN:]:
        blocks.append(Fold(f"{counted(len(parts[OPEN:]), 'further pair')} of fields, which vary less", parts[OPEN:]))
    if names := list(left_out(search)):
        blocks.append(Text(f"No map of {listed(names)}: more than {MOST_VALUES} categories.", "small"))
    return Section("maps", "Where in the grid", tuple(blocks))


def small_map(search: Search) -> Chart | None:
    """Return the map whose fields matter most with its neighbouring values put together; None where no field varies."""
    small, shown = maps(search, SMALL), maps(search)
    if not small:
        return None
    pair = next((pair for pair in small if _fields(pair) == _fields(shown[0])), small[0])
    caption = "Median Sharpe ratio of the settings of a cell; outlined: the best's."
    label = f"Heat map of the median Sharpe ratio by {pair.title}. {_ends(pair)} Figures are in the tables under the maps."
    return draw("map-small", label, caption, pair, Scale.over([pair.median]), small=True)


def _fields(pair: Map) -> set[str]:
    return {pair.down.name, *([pair.across.name] if pair.across else [])}


def _matters(pairs: Sequence[Map]) -> str:
    """Return which fields matter most, and by how much."""
    pair = pairs[0]
    spread = f"the medians of its cells have a standard deviation of {number(pair.spread)}"
    last = f", that of the pair that matters least, {pairs[-1].title}, {number(pairs[-1].spread)}" if len(pairs) > 1 else ""
    return f"What matters most is {pair.title}: {spread}{last}."


def _none(search: Search) -> str:
    names = list(left_out(search))
    return f"{listed(names)} has more than {MOST_VALUES} categories" if names else "no field varies"


def _read(search: Search, scale: Scale) -> str:
    years = search.years
    marked = " A mark in the corner: the signal never acts in any setting of the cell." if not search.acts.all() else ""
    signs = ", blue above zero and vermillion below" if scale.low < 0.0 < scale.high else ""
    return (
        "Each cell is the median Sharpe ratio, over the whole run, of all settings that share its two values, whatever their "
        "other fields: what a reader would have got who fixed only these two. The second map shows the lowest such median among "
        "the cell and those that touch it, corners too: a good cell with a bad neighbour is luck, a broad plateau may not be. "
        "Only numbers have neighbours; categories have no order. All maps of this page share one scale, from "
        f"{number(scale.low)} to {number(scale.high)}{signs}; over {number(years, 1)} years a ratio has a standard error of "
        f"{number(years**-0.5)}, so the level of a whole map is uncertain by that much. Outlined: the cell "
        f"of the best setting, the first where several are equal.{marked}"
    )


def _parts(pairs: Sequence[Map], scale: Scale) -> Iterator[Part]:
    """Yield a part per map, with pictures while there is room for them."""
    room = MOST_CELLS
    for index, pair in enumerate(pairs, start=1):
        anchor = f"map-{index}"
        room -= 4 * pair.median.size  # two maps, each for a wide and a narrow page
        tables = Fold("Its figures", tuple(_tables(pair)))
        blocks: tuple[Block, ...] = (_picture(f"{anchor}-drawn", pair, scale), tables) if room >= 0 else (tables,)
        yield Part(anchor, f"{clipped(pair.title, LETTERS)}", blocks)


def _picture(anchor: str, pair: Map, scale: Scale) -> Chart:
    summary = f"{_ends(pair)}{_idle(pair)}"
    label = f"Heat map of the median Sharpe ratio by {pair.title}. {summary} Every figure is in the table below it."
    return draw(anchor, label, summary, pair, scale)


def _idle(pair: Map) -> str:
    """Return in how many cells the signal never acts."""
    if not pair.idle.any():
        return ""
    cells = counted(int(np.isfinite(pair.median).sum()), "cell")
    return f" In {int(pair.idle.sum()):,} of {cells} the signal never acts (a mark in the corner)."


def _ends(pair: Map) -> str:
    """Return where the medians are lowest and highest, and how the highest cell's neighbours do."""
    if not np.isfinite(pair.median).any():
        return "No cell has a Sharpe ratio."
    (low, high), cells = (_cell(pair, extreme(pair.median)) for extreme in (np.nanargmin, np.nanargmax)), pair.median
    neighbour = (
        f"; its worst neighbour has {number(float(pair.worst.flat[int(np.nanargmax(cells))]))}" if pair.has_neighbours else ""
    )
    return (
        f"Lowest median {number(float(np.nanmin(cells)))} ({low}), highest {number(float(np.nanmax(cells)))} ({high}){neighbour}."
    )


def _cell(pair: Map, index: np.intp) -> str:
    row, column = divmod(int(index), pair.median.shape[1])
    values = [(pair.down, row), *([(pair.across, column)] if pair.across else [])]
    return ", ".join(f"{field.name} {clipped(field.labels[at], LETTERS)}" for field, at in values)


def _tables(pair: Map) -> Iterator[Table]:
    """Yield the figures, a few columns at a time: the median and below it the worst neighbour."""
    labels = pair.across.labels if pair.across else ("all settings",)
    below = "; below it, that of the worst neighbour" if pair.has_neighbours else ""
    for first in range(0, len(labels), ACROSS):
        columns = range(first, min(first + ACROSS, len(labels)))
        head = tuple(Column(clipped(labels[at], LETTERS), True, term="Median Sharpe") for at in columns)
        rows = tuple((Cell(clipped(label, LETTERS)), *_row(pair, row, columns)) for row, label in enumerate(pair.down.labels))
        spans = (Span("", 1), Span(pair.across.name, len(columns))) if pair.across else ()
        more = f" ({clipped(labels[first], LETTERS)} on)" if first else ""
        yield Table(f"Median Sharpe ratio by {pair.title}{more}{below}", (Column(pair.down.name), *head), (Rows(rows),), spans)


def _row(pair: Map, row: int, columns: Sequence[int]) -> Iterator[Cell]:
    for column in columns:
        median, worst = float(pair.median[row, column]), float(pair.worst[row, column])
        notes = [number(worst)] if pair.has_neighbours and np.isfinite(worst) else []
        notes += ["never acts"] if pair.idle[row, column] else []
        yield Cell(number(median), note=", ".join(notes))
