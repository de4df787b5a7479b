"""The parts of one-line messages: a value on one line, why a file cannot be read."""

from pathlib import Path
from typing import Any

from backtest.errors import DataError

LONGEST = 160  # characters of a value in a message
DEEPEST = 64  # levels of lists and objects in a JSON document
UNKNOWN_SHAPE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def shown(value: Any) -> str:
    """Return a value as a message shows it: on one line, cut after 160 characters."""
    text = value if isinstance(value, str) else repr(value)
    return flat(text) if len(text) <= LONGEST else f"{flat(text[:LONGEST])}..."


def flat(text: str) -> str:
    """Return a text on one line, without control characters of a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def reason(error: BaseException) -> str:
    """Return why a file cannot be read, in one line."""
    if isinstance(error, RecursionError):
        return f"nested deeper than {DEEPEST} levels"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shown(text or type(error).__name__)


def unreadable(path: Path, error: BaseException, what: str, expected: str) -> DataError:
    """Return the one-line error for a file that is not what it should be."""
    return DataError(f"{path}: not a readable {what} ({reason(error)}); expected {expected}")
