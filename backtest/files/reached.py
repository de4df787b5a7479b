"""What a user's functions read beside their arguments: global names, cells of closures, and through them other functions.

Names are read from the compiled code. An attribute of a module, and what a container holds deeper than one level, is not seen.
"""

import dis
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from types import CellType, CodeType, FunctionType
from typing import Any, NamedTuple

GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")


class Name(NamedTuple):
    """A name that a function reads: where its value is (the globals of a module, or a cell), and the value."""

    name: str
    holder: dict[str, Any] | CellType  # of values of any kind
    value: Any

    def put(self, value: Any) -> None:
        """Put another value in the place of this one."""
        if isinstance(self.holder, CellType):
            self.holder.cell_contents = value
        else:
            self.holder[self.name] = value


def functions_of(values: Iterable[Any], is_users: Callable[[str], bool]) -> list[FunctionType]:
    """Return the functions that some values are, or that their classes define, and those that these reach, each once.

    Only those count whose file, by name, is a user's.
    """
    waiting = [part for value in values for part in (value if isinstance(value, FunctionType) else None, type(value))]
    functions: dict[FunctionType, None] = {}
    classes: set[type] = set()
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, FunctionType) and part not in functions and is_users(part.__code__.co_filename):
            functions[part] = None
            waiting += [read.value for read in names_of(part) if isinstance(read.value, FunctionType | type)]
        elif isinstance(part, type) and part not in classes:
            classes.add(part)
            waiting += [*_defined(part), *part.__bases__]
    return list(functions)


def names_of(function: FunctionType) -> Iterator[Name]:
    """Yield the global names that a function reads and that have a value, and the cells of its closure."""
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield Name(name, function.__globals__, function.__globals__[name])
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield Name(name, cell, cell.cell_contents)
        except ValueError:  # a cell that is not filled yet
            continue


def _global_names(code: CodeType) -> list[str]:
    """Return the global names that a code reads, that of functions inside it too, each once, in order."""
    own = [str(each.argval) for each in dis.get_instructions(code) if each.opname in GLOBAL]
    inner = [name for part in code.co_consts if isinstance(part, CodeType) for name in _global_names(part)]
    return list(dict.fromkeys([*own, *inner]))


def _defined(kind: type) -> Iterator[FunctionType]:
    """Yield the functions that a class itself defines: methods, static ones, and those of properties."""
    for value in vars(kind).values():
        if isinstance(value, property):
            yield from (part for part in (value.fget, value.fset) if isinstance(part, FunctionType))
            continue
        inner = value.func if isinstance(value, cached_property) else getattr(value, "__func__", value)
        if isinstance(inner, FunctionType):
            yield inner
