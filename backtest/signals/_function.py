"""A plain function as a signal: the frozen dataclass of its parameters."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import field, fields, make_dataclass
from functools import lru_cache
from keyword import iskeyword
from typing import Any, ClassVar

import pandas as pd

from backtest.errors import ConfigurationError
from backtest.panel import Panel

Scorer = Callable[..., pd.Series]  # of a panel, and parameters that have defaults
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class FunctionSignal:
    """A signal that calls a function with the panel and its own fields; `from_function` makes its subclasses."""

    function: ClassVar[Scorer]

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the scores that the function gives."""
        given = {parameter.name: getattr(self, parameter.name) for parameter in fields(self)}  # type: ignore[arg-type]
        return type(self).function(panel, **given)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Say how another process makes the same: by the function, which it has to be able to import."""
        return _made_again, (type(self).function, {name.name: getattr(self, name.name) for name in fields(self)})  # type: ignore[arg-type]


def from_function(function: Scorer) -> FunctionSignal:
    """Return a plain function as a signal with its default parameters.

    The function takes a Panel, then parameters with defaults, and returns a Series of scores; its parameters are the signal's
    fields, as a sweep names them ("signals.0.months"). ConfigurationError for a function of another form.
    """
    made: FunctionSignal = _class_of(function)()
    return made


def _made_again(function: Scorer, given: Mapping[str, Any]) -> FunctionSignal:
    made: FunctionSignal = _class_of(function)(**given)
    return made


@lru_cache
def _class_of(function: Scorer) -> Any:
    """Return the class of a function, one and the same for a function, so that equal signals are equal."""
    name = getattr(function, "__name__", "")
    if not name.isidentifier() or iskeyword(name):
        raise ConfigurationError(f"signal {name or repr(function)} has no name; expected a function made with def")
    every = [*inspect.signature(function).parameters.values()]
    panel, parameters = next(iter(every), None), every[1:]
    odd = [each.name for each in parameters if each.kind not in NAMED or each.default is inspect.Parameter.empty]
    if panel is None or panel.kind is inspect.Parameter.KEYWORD_ONLY or odd:
        raise ConfigurationError(
            f"signal {name}{inspect.signature(function)}: expected {name}(panel) and after it parameters with defaults alone"
        )
    typed = [(each.name, Any, field(default=each.default)) for each in parameters]
    inner = {"function": staticmethod(function), "__doc__": function.__doc__, "__module__": function.__module__}
    return make_dataclass(name, typed, bases=(FunctionSignal,), namespace=inner, frozen=True)
