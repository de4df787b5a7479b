"""Markdown that the documents' made parts are written in: tables, and prose with a sentence a line."""

import re
from collections.abc import Iterable, Sequence

SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!\bal)(?<!\bvs)([.!?]) (?=[A-Z`\"“])")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are one line each, and their bars are escaped."""
    lines = [list(head), ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def cell(text: str) -> str:
    """Return a text as a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(text: str) -> str:
    """Return a docstring's text with a sentence a line; an empty line still divides paragraphs."""
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n\n".join(SENTENCE_END.sub(r"\1\n", part) for part in paragraphs) + "\n"


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a docstring."""
    return prose(text or "").splitlines()[0]


def gives(text: str | None) -> str:
    """Return what a function gives, or a class is, by the first sentence of its docstring."""
    sentence = first_sentence(text).removeprefix("Return ")
    return sentence[:1].upper() + sentence[1:]


def code(text: object) -> str:
    """Return a text as code."""
    return f"`{text}`"
