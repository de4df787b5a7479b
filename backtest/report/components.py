"""What a page is made of: frozen values that the templates know how to draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from markupsafe import Markup


@dataclass(frozen=True)
class Above:
    """Where a page hangs: the page above it, and what has to be said before the first figure."""

    href: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Text:
    """One paragraph; `kind_of` is "lead" for a section's outcome, "small" for a caveat; `last` the last day of its returns."""

    kind: ClassVar[str] = "text"
    text: str
    kind_of: str = ""
    last: str = ""


@dataclass(frozen=True)
class Code:
    """A line to copy."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of plain sentences."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """One figure of a page's first screen: what it is, the figure, and in small print what qualifies it."""

    title: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Tiles:
    """A page's main figures, side by side."""

    kind: ClassVar[str] = "tiles"
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Chart:
    """A figure drawn once for a wide and once for a narrow page, with a caption that says what it shows."""

    kind: ClassVar[str] = "chart"
    wide: Markup
    narrow: Markup
    caption: str


@dataclass(frozen=True)
class Cell:
    """A table's cell: text, its Chinese name, a reason in small print, a mark to notice, more behind a click, an anchor.

    `about`, on a row's header, says where the row's figures come from and when they became known; `last` is the last day of
    what is shown, to which the page's script adds how many days ago that is; `tone` is the class of its colour (tear.css).
    """

    text: str
    zh: str = ""
    note: str = ""
    mark: str = ""
    href: str = ""
    more_title: str = ""
    more: tuple[str, ...] = ()
    anchor: str = ""
    about: str = ""
    picture: Markup | None = None
    last: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """A table's column; `sample` ("in", "out", "both") sets it apart from the others; `prose` lets its text wrap.

    `term` names its definition in `glossary.TERMS` where that is not the column's own text.
    """

    text: str
    numeric: bool = False
    sample: str = ""
    prose: bool = False
    term: str = ""


@dataclass(frozen=True)
class Rows:
    """Rows under one title; the first cell of each is its header."""

    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    sample: str = ""


@dataclass(frozen=True)
class Span:
    """A header over `width` columns."""

    text: str
    width: int
    sample: str = ""


@dataclass(frozen=True)
class Table:
    """A captioned table; `spans` is an optional row of headers above the columns; a `slider` has the days it moves through.

    `about` says where all its figures come from and when they became known, unless a row says it of its own; `look` is its class.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Rows, ...]
    spans: tuple[Span, ...] = ()
    slider: tuple[str, ...] = ()
    about: str = ""
    look: str = ""


@dataclass(frozen=True)
class Fold:
    """Blocks behind a summary that a click opens; paper shows them all."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: tuple["Block", ...]


@dataclass(frozen=True)
class Part:
    """A titled part of a section, linked to by its anchor; `theme` names the colour of its rule."""

    kind: ClassVar[str] = "part"
    anchor: str
    title: str
    blocks: tuple["Block", ...]
    theme: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A titled section of the page, linked to by its anchor; what is more than a sentence and a picture lies in a `Fold`."""

    anchor: str
    title: str
    blocks: tuple["Block", ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return the section's parts, for the table of contents."""
        return tuple(block for block in self.blocks if isinstance(block, Part))


def chapter(anchor: str, title: str, sections: Sequence[Section]) -> Section:
    """Return some sections as the parts of one, in their order."""
    return Section(anchor, title, tuple(Part(section.anchor, section.title, section.blocks) for section in sections))


Block: TypeAlias = Text | Code | Bullets | Tiles | Chart | Table | Fold | Part
