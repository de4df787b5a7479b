"""Tables and texts in Markdown that show what they are given and nothing else: no markup, link, mention, or row of its own."""

import html
import re
from collections.abc import Iterator, Sequence

from backtest.text.screen import plain

MARKUP = re.compile(r"([\\`*_\[\]#|~])")
BLOCK = re.compile(r"^(?:[-+=]|\d+(?=[.)]))")  # what begins a list, or underlines a heading
LINKED = re.compile(r"(?<=[a-z]:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
JOINER = "\u2060"  # has no width and stops GitHub from linking an address or notifying somebody


def line(text: object) -> str:
    """Return a text as a line of its own that a reader of Markdown sees as it is."""
    return BLOCK.sub(lambda start: f"{start[0]}\\" if start[0].isdigit() else f"\\{start[0]}", safe(text))


def safe(text: object) -> str:
    """Return a text within a line, such as a cell, that a reader of Markdown sees as it is."""
    return LINKED.sub(JOINER, MARKUP.sub(r"\\\1", html.escape(plain(str(text)), quote=False)))


def code(text: object) -> str:
    """Return a text as code in a line: as many backticks around it as it needs."""
    shown = plain(str(text))
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    room = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{room}{shown}{room}{fence}"


def rows_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table; the name of a column of figures ends with ":", and its cells stand to the right."""
    heads = [safe(column.removesuffix(":")) for column in columns]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---:' if column.endswith(':') else '---' for column in columns)}|"
    for row in rows:
        yield f"| {' | '.join(map(safe, row))} |"
