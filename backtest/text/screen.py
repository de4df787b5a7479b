"""Paragraphs and aligned tables for a terminal: as wide as it is, in colour only there, and no word of a long text is lost."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

NARROWEST, USUAL, WIDEST = 60, 80, 120
GAP = 2  # between columns
LEAST = 16  # of a column whose text wraps, where its words are longer
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
VERDICTS = {
    "confirmed under": "yellow", "confirmed": "green", "contradicted": "red", "not testable": "dim", "not met": "red",
    "not judged": "dim", "holds": "green", "fails": "red", "missing": "dim", "met": "green",
}  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """How wide a text may be, and whether it may have colours."""

    width: int = USUAL
    colour: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table: a figure stands to the right and never wraps, a text that `wraps` does so inside its column."""

    title: str
    right: bool = False
    wraps: bool = False


def screen_of(stream: TextIO | None = None) -> Screen:
    """Return the screen that a stream leads to: between 60 and 120 columns; colours at a terminal where NO_COLOR is not set."""
    columns = shutil.get_terminal_size((USUAL, 24)).columns
    terminal = (stream or sys.stdout).isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Screen(min(max(columns, NARROWEST), WIDEST), colour)


def plain(text: str) -> str:
    """Return a text in one line, without what moves a cursor or turns the direction of writing."""
    return " ".join(CONTROL.sub(" ", text).split())


def paragraph(text: str, screen: Screen, style: str = "", margin: int = 0) -> str:
    """Return a text as lines behind a margin; nothing for an empty text."""
    from rich.padding import Padding
    from rich.text import Text

    shown = plain(text)
    return _rendered(Padding(Text(shown, style), (0, 0, 0, margin)), screen) if shown else ""


def points(texts: Sequence[str], screen: Screen) -> str:
    """Return texts as a list of points."""
    lines = (paragraph(text, screen, margin=GAP) for text in texts if plain(text))
    return "\n".join(f"-{line[1:]}" for line in lines)


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    screen: Screen,
    styles: Mapping[str, str] = VERDICTS,
    margin: int = 0,
    keys: int = 1,
) -> str:
    """Return rows under their columns; those that find no room stand in a further table below, after the `keys` first columns.

    A cell that begins with a key of `styles` has its colour.
    """
    cells = [[CONTROL.sub(" ", cell) for cell in row] for row in rows]
    room = screen.width - margin
    whole = [_least(column, [column.title, *(row[at] for row in cells)]) for at, column in enumerate(columns)]
    if sum(whole) + GAP * (len(whole) - 1) <= room:
        return _table(columns, cells, range(len(columns)), screen, styles, margin, whole)
    widths = [_least(column, [row[at] for row in cells]) for at, column in enumerate(columns)]
    parts = _parts(widths, room, keys)
    return "\n\n".join(_table(columns, cells, part, screen, styles, margin, widths) for part in parts)


def _least(column: Column, cells: Sequence[str]) -> int:
    """Return how narrow a column may become: a figure or a name stays whole, and so does each word of a heading."""
    from rich.cells import cell_len

    words = [cell_len(word) for text in (column.title, *(cells if column.wraps else ())) for word in text.split()]
    if column.wraps:
        return max(min(max(words, default=0), LEAST), *(cell_len(word) for word in [*column.title.split(), ""]))
    return max([*words, *map(cell_len, cells)], default=0)


def _parts(widths: Sequence[int], room: int, keys: int) -> list[list[int]]:
    """Return the columns of each table, the first `keys` in all of them."""
    first = [*range(keys)]
    parts = [[*first]]
    for at in range(keys, len(widths)):
        if len(parts[-1]) > keys and sum(widths[other] + GAP for other in parts[-1]) + widths[at] > room:
            parts.append([*first])
        parts[-1].append(at)
    return parts


def _table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    part: Sequence[int],
    screen: Screen,
    styles: Mapping[str, str],
    margin: int,
    widths: Sequence[int],
) -> str:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=any(columns[at].title for at in part))
    for at in part:
        column = columns[at]
        lines = [column.title] if column.wraps else textwrap.wrap(column.title, widths[at] or 1, break_on_hyphens=False)
        heading = Text("\n".join(lines), "bold")
        justify: Literal["left", "right"] = "right" if column.right else "left"
        drawn.add_column(heading, justify=justify, vertical="top", no_wrap=not column.wraps, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(row[at], _style(row[at], styles)) for at in part))
    return _rendered(Padding(drawn, (0, 0, 0, margin)), screen)


def _style(cell: str, styles: Mapping[str, str]) -> str:
    return next((style for start, style in styles.items() if cell.startswith(start)), "")


def _rendered(drawn: "RenderableType", screen: Screen) -> str:
    """Return what rich draws, without the blanks that fill its lines."""
    from rich.console import Console

    output = StringIO()
    Console(
        file=output, width=screen.width, height=24, force_terminal=screen.colour, no_color=not screen.colour,
        color_system="standard" if screen.colour else None, legacy_windows=False, highlight=False, markup=False, emoji=False,
    ).print(drawn)  # fmt: skip
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())
