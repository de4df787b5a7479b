"""What a user writes, in TOML, JSON, options and variables: each fault is one line that says where it is."""

import json
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from backtest.errors import ConfigurationError, DataError

FIRST, LAST = date(1900, 1, 1), date(2200, 12, 31)
DEEPEST = 64  # levels of lists and objects in a JSON document
LONGEST = 160  # characters of a value in a message

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
Many = Field(strict=False, min_length=1)  # of a tuple: TOML has lists
UNKNOWN_SHAPE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
Model = TypeVar("Model", bound=BaseModel)
Taken = ParamSpec("Taken")
Parsed = TypeVar("Parsed")


def _dated(value: Any) -> Any:
    """Return a day written as text as a day; pydantic would take a number for seconds since 1970."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("expected a valid date like 2024-06-30") from None


Day = Annotated[date, BeforeValidator(_dated), Field(ge=FIRST, le=LAST)]


def shown(value: Any) -> str:
    """Return a value as a message shows it: on one line, cut after 160 characters."""
    text = value if isinstance(value, str) else repr(value)
    return flat(text) if len(text) <= LONGEST else f"{flat(text[:LONGEST])}..."


def flat(text: str) -> str:
    """Return a text on one line, without signs that a terminal obeys."""
    return "".join(character if character.isprintable() else " " for character in text)


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file; ConfigurationError for one that is not there or cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path.name}: no such file in {path.parent}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path.name}: not readable as TOML ({reason(error)}), in {path.parent}") from None


def read_tables(path: Path, *headings: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each [[heading]] of a TOML file, none for one that is not there; ConfigurationError for any other."""
    content = read_toml(path)
    expected = " and ".join(f"[[{heading}]]" for heading in headings)
    if strays := sorted(set(content) - set(headings)):
        raise ConfigurationError(f"{path.name}: '{shown(strays[0])}' is no heading of this file; expected {expected} rows")
    for heading, rows in content.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ConfigurationError(f"{path.name}: {heading} is {shown(rows)}; expected [[{heading}]] rows")
    return {heading: content.get(heading, []) for heading in headings}


def parsed_row(model: type[Model], row: Mapping[str, Any], where: str) -> Model:
    """Return a row as a model; ConfigurationError with the field, what it is and what is expected."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {fault(error)}") from None


def fault(error: ValidationError) -> str:
    """Return the first fault of a row in one line."""
    first = error.errors()[0]
    name = shown(".".join(str(part) for part in first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    if not name:
        return message
    return f"{name}; {message}" if first["type"] == "missing" else f"{name} is {shown(repr(first['input']))}; {message}"


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; ValueError or OSError in one line for anything else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from None
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    if too_deep(document):
        raise ValueError(f"nested deeper than {DEEPEST} levels")
    return document


def too_deep(document: Any) -> bool:
    """Return whether a document is nested deeper than anything this project writes or reads."""
    level = [document]
    for _ in range(DEEPEST):
        level = [
            part for one in level if isinstance(one, dict | list) for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def reason(error: BaseException) -> str:
    """Return why a file cannot be read, in one line."""
    if isinstance(error, RecursionError):
        return f"nested deeper than {DEEPEST} levels"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shown(text or type(error).__name__)


def day(name: str, stated: str) -> date:
    """Return the day an option states; ConfigurationError for anything but a day from 1900 to 2200."""
    try:
        value = date.fromisoformat(stated) if re.fullmatch(r"[0-9-]+", stated) else None
    except ValueError:
        value = None
    if value is None or not FIRST <= value <= LAST:
        raise ConfigurationError(f"{name} is '{shown(stated)}'; expected a day like 2024-06-30")
    return value


def variable(name: str, default: float, least: float, most: float) -> float:
    """Return the number an environment variable states; ConfigurationError for none from `least` to `most`."""
    stated = os.environ.get(name, str(default))
    try:
        value = float(stated)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ConfigurationError(f"{name} is '{shown(stated)}'; expected a number from {least:g} to {most:g}")
    return value


def of_known_shape(source: str) -> Callable[[Callable[Taken, Parsed]], Callable[Taken, Parsed]]:
    """Return a decorator of a function that reads a source's answers: what it trips over is one line, a DataError."""

    def guard(read: Callable[Taken, Parsed]) -> Callable[Taken, Parsed]:
        @wraps(read)
        def guarded(*arguments: Taken.args, **options: Taken.kwargs) -> Parsed:
            try:
                return read(*arguments, **options)
            except UNKNOWN_SHAPE as error:
                what = f"{type(error).__name__}: {reason(error)}"
                raise DataError(f"{source}: an answer is not what we know ({what}); expected its usual fields") from None

        return guarded

    return guard


def unreadable(path: Path, error: BaseException, what: str, expected: str) -> DataError:
    """Return the one line for a file that is not what it should be."""
    return DataError(f"{path}: not a readable {what} ({reason(error)}); expected {expected}")
