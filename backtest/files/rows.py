"""Rows of TOML files as models, each fault in one line that names file, row and field."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from backtest.errors import ConfigurationError, near_miss
from backtest.files.messages import reason, shown
from backtest.files.options import FIRST, LAST

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
Many = Field(strict=False, min_length=1)  # of a tuple: TOML has lists
Model = TypeVar("Model", bound=BaseModel)
EXPECTED = {  # what pydantic's types of errors expect
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("tuple_type", "list_type", "sequence_str"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "a table of fields"),
    "is_instance_of": "a {class}",
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_type": "a text",
    "string_too_short": "a text of at least {min_length} character(s)",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "too_short": "at least {min_length} of them",
}


def _as_day(value: Any) -> Any:
    """Return a day written as text as a day; pydantic would take a number for seconds since 1970."""
    try:
        day = value if isinstance(value, date) and not isinstance(value, datetime) else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("expected a valid date like 2024-06-30") from None
    if not FIRST <= day <= LAST:
        raise ValueError(f"expected a day from {FIRST} to {LAST}")
    return day


Day = Annotated[date, BeforeValidator(_as_day)]


class Row(BaseModel):
    """What most rows have in common: frozen, no unknown fields, a source."""

    model_config = STRICT

    source: str = Field(min_length=1)


def read_rows(path: Path, heading: str, model: type[Model], key: str = "") -> tuple[Model, ...]:
    """Return the [[heading]] rows of a TOML file in file order, at least one and no two with the same key field.

    ConfigurationError by file, row and field.
    """
    tables = read_tables(path, heading)[heading]
    if not tables:
        raise ConfigurationError(f"{path.name}: no rows; expected at least one [[{heading}]]")
    rows = tuple(parsed_row(model, table, f"{path.name} row {number}") for number, table in enumerate(tables, start=1))
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        name = getattr(row, key, "")
        if name and name in seen:
            raise ConfigurationError(f"{path.name} row {number}: {key} is '{name}', as in a row before; expected another")
        seen.add(name)
    return rows


def read_tables(path: Path, *headings: str) -> dict[str, list[dict[str, object]]]:
    """Return the rows of each [[heading]] of a TOML file, none for one that is not there; ConfigurationError for any other."""
    content = read_toml(path)
    expected = " and ".join(f"[[{heading}]]" for heading in headings)
    if strays := sorted(set(content) - set(headings)):
        raise ConfigurationError(f"{path.name}: '{shown(strays[0])}' is no heading of this file; expected {expected} rows")
    for heading, rows in content.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ConfigurationError(f"{path.name}: {heading} is {shown(rows)}; expected [[{heading}]] rows")
    return {heading: content.get(heading, []) for heading in headings}


def read_toml(path: Path) -> dict[str, Any]:  # what tomllib returns
    """Return a TOML file; ConfigurationError for one that is not there or cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path.name}: no such file in {path.parent}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path.name}: not readable as TOML ({reason(error)}), in {path.parent}") from None


def parsed_row(model: type[Model], row: Mapping[str, object], where: str) -> Model:
    """Return a row as a model; ConfigurationError with the field, what it is and what is expected."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {fault(error, model.model_fields)}") from None


def fault(error: ValidationError, names: Iterable[str] = ()) -> str:
    """Return the first fault of a row in one line; of an unknown field, the one of some names that is near."""
    first = error.errors()[0]
    name, kind = shown(".".join(str(part) for part in first["loc"])), first["type"]
    if kind == "missing":
        return f"{name}; expected one, none is given"
    limits = {limit: f"{value:g}" if isinstance(value, float) else value for limit, value in first.get("ctx", {}).items()}
    limits |= {"class": "list"} if limits.get("class") == "Sequence" else {}
    if kind == "extra_forbidden":
        near = list(names) if len(first["loc"]) == 1 else []
        message = near_miss("field", name, near) if near else "expected no field of that name"
    elif kind in EXPECTED:
        message = f"expected {EXPECTED[kind].format_map(limits)}"
    else:
        message = first["msg"].removeprefix("Value error, ")
    return f"{name} is {shown(repr(first['input']))}; {message}" if name else message
