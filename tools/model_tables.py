"""Tables of the fields of models and dataclasses, as the documents' made parts have them."""

import dataclasses
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from markdown_tables import code, prose, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo

WORDS = {
    str: "text", int: "whole number", float: "number", bool: "true or false", date: "day", Path: "path", NoneType: "nothing",
    Any: "object",
}  # fmt: skip
SIGNS = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}


def kind(hint: Any) -> str:
    """Return the type of a field in words."""
    hint = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(code(value) for value in args)
    if origin in (Union, UnionType):
        return " or ".join(kind(part) for part in args if part is not NoneType)
    if origin is tuple or origin is list:
        return f"list of {kind(args[0])}"
    if origin is dict:
        return "table"
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return f"table ({hint.__name__})"
    return WORDS.get(hint) or getattr(hint, "__name__", str(hint))


def limits(field: FieldInfo) -> str:
    """Return the bounds of a number in words, such as "≥ 0, ≤ 1"; days of every calendar are not said."""
    bounds = [
        (sign, getattr(part, name)) for part in field.metadata for how, (sign, name) in SIGNS.items() if isinstance(part, how)
    ]
    many = ["at least one" for part in field.metadata if isinstance(part, MinLen) and get_origin(field.annotation) is tuple]
    return ", ".join([*(f"{sign} {bound:g}" for sign, bound in bounds if not isinstance(bound, date)), *many])


def default(field: FieldInfo) -> str:
    """Return what a field is where it is left out; "required" where it cannot be."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value is None or value in ("", ()) else code(value if not isinstance(value, bool) else str(value).lower())


def model_rows(model: type[BaseModel]) -> Iterable[tuple[str, str, str]]:
    """Yield a field's name, type with limits, and default."""
    fields = model.model_fields.items()
    for name, field in sorted(fields, key=lambda item: item[0] == "source"):
        bounds = limits(field)
        yield code(name), f"{kind(field.annotation)}{f', {bounds}' if bounds else ''}", default(field)


def model_section(heading: str, model: type[BaseModel]) -> str:
    """Return a section on a kind of row: its docstring and its fields."""
    return f"{heading}\n\n{prose(model.__doc__ or '')}\n{table(['field', 'type', 'default'], model_rows(model))}"


def parameters(cls: type) -> str:
    """Return a dataclass as it is called, with its defaults."""
    given = [
        field.name if field.default is dataclasses.MISSING else f"{field.name}={field.default!r}"
        for field in dataclasses.fields(cls)
    ]
    return f"{cls.__name__}({', '.join(given)})"
