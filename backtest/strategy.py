"""What a strategy is: a frozen, cross-checked value whose hash names the run."""

import dataclasses
import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from backtest import provenance
from backtest.errors import ConfigurationError, near_miss
from backtest.execution.settings import ExecutionSettings, Fill
from backtest.files.hashes import content_id
from backtest.files.neighbours import neighbours
from backtest.files.rows import Day, fault
from backtest.guard import attempt
from backtest.signals._function import from_function
from backtest.thesis import Thesis, find_thesis
from backtest.thesis.own_signals import load_own_signals
from backtest.universe import Universe
from backtest.weights import AsScored, DatedWeights

STRATEGY = "strategy:"  # before the name of a strategy file's module: no import can mean another
RESERVED = ("all", "sweeps")  # a word of the command line, and the folder of sweeps among the reports
PLAIN_TYPES = (str, float, bool)
_sorted_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


Rebalance = Literal["weekly", "monthly", "quarterly"]
LOCAL = "local"  # as a base: each basket's own currency
DESCRIPTIVE = ("name", "title", "question")  # fields no figure depends on


@dataclass(frozen=True)
class Scope:
    """The fields of a spec that say what is held, in which currency, and from when to when."""

    baskets: tuple[str, ...]
    together: bool
    base: str
    start: date
    end: date | None


@dataclass(frozen=True)
class Policy:
    """The fields of a spec that say what is decided, and how often."""

    signals: tuple[Any, ...]  # a Signal each
    weights: Any  # a Weighting; `_frozen` checks both
    rebalance: Rebalance


class StrategySpec(BaseModel):
    """A strategy over one or several books.

    Each basket is a book of its own, or all of them `together` are one, named after the strategy. A decision is taken
    at the close of the last session of each `rebalance` period, and of the first session of the run, with what was known
    then; its orders wait for the `lag`-th next session of each ticker's own market and are filled at its `fill`, close or open.

    Costs and lots are those of each market's dated rules, and a fill is worse than the price by `slippage_bps` and by
    `slippage_range` of the day's range. With a `cost_bps` no rule of a market counts and nothing slips: fractions of shares, that
    one cost on the value of every trade; for comparison with other engines. `capital` is in `base`, the currency of the
    books; "local" is each basket's own. `end` None means the last session on which every ticker that a book may hold is
    priced, those declared ended aside.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = ""
    question: str = ""
    baskets: tuple[str, ...] = Field(min_length=1)
    together: bool = False
    signals: tuple[Any, ...] = ()
    weights: Any  # a Weighting; `_frozen` checks both
    rebalance: Rebalance = "monthly"
    lag: int = Field(default=1, ge=1, le=1000)
    fill: Fill = "close"
    slippage_bps: float = Field(default=5.0, ge=0, le=1000)
    slippage_range: float = Field(default=0.0, ge=0, le=1)
    cost_bps: float | None = Field(default=None, ge=0, le=1000)
    capital: float = Field(default=10_000_000.0, gt=0, le=1e15, allow_inf_nan=False)
    base: str = LOCAL
    start: Day = date(2023, 1, 1)
    end: Day | None = None

    _file: Path | None = PrivateAttr(default=None)  # that defines it

    @field_validator("name")
    @classmethod
    def _free(cls, value: str) -> str:
        if value in RESERVED:
            raise ValueError(f"the name is reserved ({', '.join(RESERVED)}); expected another")
        return value

    @model_validator(mode="before")
    @classmethod
    def _without_tables(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take a table of weights as a signal that scores them, and the name for a title."""
        values = {**given, "title": given.get("title") or str(given.get("name", ""))}
        if not isinstance(table := values.get("weights"), pd.DataFrame):
            return values
        if values.get("signals"):
            raise ValueError("a table of weights beside signals; expected no signals: the table says what is held")
        rows = DatedWeights.of(table)
        several = {"baskets": rows.tickers, "together": len(rows.tickers) > 1} if "baskets" not in values else {}
        return several | values | {"signals": (rows,), "weights": AsScored()}

    @field_validator("signals", mode="before")
    @classmethod
    def _without_functions(cls, value: Any) -> Any:
        """Take a plain function as the signal of its parameters."""
        if not isinstance(value, list | tuple):
            return value
        return tuple(from_function(part) if inspect.isfunction(part) else part for part in value)

    @field_validator("signals", "weights")
    @classmethod
    def _frozen(cls, value: Any) -> Any:
        for part in value if isinstance(value, tuple) else (value,):
            params = getattr(type(part), "__dataclass_params__", None)
            if not (params and params.frozen and callable(part) and _hashable(part)):
                raise ValueError(
                    f"{part!r} is no signal or weighting; expected an instance of a frozen dataclass, its fields too"
                )
        return value

    @model_validator(mode="after")
    def _cross_checked(self) -> "StrategySpec":
        _cross_check(self.scope, self.policy)  # not of `execution`: a sweep checks each way of trading once
        return self

    def require_names(self, universe: Universe) -> None:
        """Raise ConfigurationError with a near miss for a basket, or a ticker held beside them, that a universe lacks."""
        try:
            if self.base not in (LOCAL, *universe.currencies):
                hint = near_miss("currency", self.base, [LOCAL, *universe.currencies])
                raise ConfigurationError(f"base is '{self.base}'; {hint}")
            for name in self.baskets:
                universe.basket(name)
            for ticker in self.weights.holds:
                universe.supplier(ticker)
        except ConfigurationError as error:
            raise ConfigurationError(f"strategy {self.name}: {error}") from None

    def replaced(self, **changes: Any) -> "StrategySpec":
        """Return a copy with some fields changed, checked like a new one."""
        spec = build_spec(**{name: getattr(self, name) for name in type(self).model_fields} | changes)
        spec._file = self._file
        return spec

    @property
    def file(self) -> Path | None:
        """The file that defines it; None where it was made otherwise."""
        return self._file

    @property
    def files(self) -> list[Path]:
        """The files that a run of it executes beside this package's, each with more that it imports: its own file first."""
        return [*([self._file] if self._file else []), *provenance.module_files((*self.signals, self.weights))]

    @property
    def texts(self) -> tuple[bytes, ...]:
        """The code that a run of it executes and that is in no file, such as a notebook's cell, with the values that it reads."""
        return provenance.texts_of((*self.signals, self.weights))

    @property
    def scope(self) -> Scope:
        """What is held, in which currency, and from when to when."""
        return Scope(self.baskets, self.together, self.base, self.start, self.end)

    @property
    def policy(self) -> Policy:
        """What is decided, and how often."""
        return Policy(self.signals, self.weights, self.rebalance)

    @property
    def execution(self) -> ExecutionSettings:
        """How orders are filled and what they cost."""
        return ExecutionSettings(self.fill, self.lag, self.capital, self.cost_bps, self.slippage_bps, self.slippage_range)

    @property
    def books(self) -> dict[str, tuple[str, ...]]:
        """The baskets of each book."""
        return {self.name: self.baskets} if self.together else {basket: (basket,) for basket in self.baskets}

    def currency(self, book: str, universe: Universe) -> str:
        """Return the currency that a book is counted in: `base`, or that of its first basket where it is "local"."""
        return universe.basket(self.books[book][0]).currency if self.base == LOCAL else self.base

    def tickers(self, book: str, universe: Universe) -> tuple[str, ...]:
        """Return every ticker a book can ever hold, sorted."""
        return tickers_of(self.books[book], self.weights.holds, universe)

    def as_dict(self) -> dict[str, object]:
        """Return the values that define the strategy, for JSON; a signal or weighting is its name and fields."""
        return {name: _plain(getattr(self, name)) for name in type(self).model_fields}

    @cached_property
    def stated(self) -> dict[str, str]:
        """The value of each field as JSON, sorted by name; 0 and 0.0 are one value."""
        return {name: _sorted_json(_plain(getattr(self, name), float)) for name in sorted(type(self).model_fields)}

    @cached_property
    def spec_id(self) -> str:
        """A hash of the values."""
        return spec_id_of(self.stated)


def spec_id_of(stated: Mapping[str, str]) -> str:
    """Return the hash of the values of a spec, each as JSON, sorted by name."""
    return content_id(["{{{}}}".format(", ".join(f'"{name}": {value}' for name, value in stated.items())).encode()])


def _cross_check(scope: Scope, policy: Policy) -> None:
    """Raise ValueError for fields that do not go together."""
    if scope.end and scope.end <= scope.start:
        raise ValueError(f"end is {scope.end}; expected a day after start ({scope.start})")
    if not hasattr(policy.weights, "signals_wanted"):
        raise ValueError(f"{type(policy.weights).__name__} is no weighting; expected one of backtest.weights")
    if twice := {name for name in scope.baskets if scope.baskets.count(name) > 1}:
        raise ValueError(f"basket '{min(twice)}' stands twice in baskets")
    if policy.weights.signals_wanted != (count := len(policy.signals)):
        weighting, wanted = type(policy.weights).__name__, policy.weights.signals_wanted
        raise ValueError(f"the spec has {count} signal(s); expected {wanted} for {weighting}")
    if scope.together and scope.base == LOCAL:
        raise ValueError("base is 'local' in a book of several baskets; expected a currency like CNY or USD")


def tickers_of(baskets: Sequence[str], holds: Sequence[str], universe: Universe) -> tuple[str, ...]:
    """Return the members of some baskets and the tickers a weighting holds beside them, sorted."""
    return tuple(sorted({*holds, *(ticker for basket in baskets for ticker in universe.basket(basket).members)}))


def build_spec(**values: Any) -> StrategySpec:
    """Return a StrategySpec of the fields given; ConfigurationError with the field, what came and what was expected."""
    try:
        return StrategySpec(**values)
    except ValidationError as error:
        raise ConfigurationError(f"strategy {values.get('name', '')}: {fault(error, StrategySpec.model_fields)}") from None


def load_strategy(path: Path, thesis: Thesis | None = None) -> StrategySpec:
    """Return the SPEC that a strategy file defines; ConfigurationError when it defines none or fails.

    The file becomes a module, wherever it lies, so that what it defines can be sent to another process that loaded it too.
    It can import what lies in its folder, and the own signals of its thesis (by default the nearest above it), unless they are
    named like something installed.
    """
    name = STRATEGY + path.stem.replace(".", "_")  # a dot would name a package
    location = spec_from_file_location(name, path)
    if location is None or location.loader is None or not path.is_file():
        raise ConfigurationError(f"{path}: no such strategy file")
    load_own_signals(thesis or find_thesis(None, path.absolute().parent))
    neighbours.add(path.absolute().parent)
    module = module_from_spec(location)
    sys.modules[name] = module
    loader = location.loader
    provenance.note_loaded(path)
    attempt(f"strategy file {path}", lambda: loader.exec_module(module))
    spec = getattr(module, "SPEC", None)
    if not isinstance(spec, StrategySpec):
        raise ConfigurationError(f"{path}: defines no SPEC; expected SPEC = build_spec(...)")
    spec._file = path.resolve()
    return spec


def _hashable(part: object) -> bool:
    try:
        hash(part)
    except TypeError:
        return False
    return True


def _plain(value: object, whole: Callable[[int], float] = int) -> object:
    """Return a value for JSON, its whole numbers as `whole` makes them."""
    if value is None or isinstance(value, PLAIN_TYPES):
        return value
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, tuple):
        return [_plain(part, whole) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name), whole) for field in dataclasses.fields(value)}
        return {"type": type(value).__name__} | fields
    raise ConfigurationError(
        f"a signal or weighting has a field of type {type(value).__name__}; expected numbers, text, days or tuples of them: what "
        "it reads comes with the Panel"
    )
