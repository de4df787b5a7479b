"""The settings of a grid as checked specs, and the order in which neighbours share most of the work."""

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar, overload

import numpy as np
import pandas as pd
import pyarrow

from backtest.errors import BacktestError, ConfigurationError, near_miss
from backtest.execution.settings import ExecutionSettings
from backtest.files.messages import shown
from backtest.guard import attempt
from backtest.strategy import StrategySpec, spec_id_of
from backtest.sweeps.grid import Grid, Setting, Value

Made = TypeVar("Made")
SPEC_ID = "S16"  # of numpy
FIXED = ("name", "title", "question", "signals", "weights")
TRADED = frozenset(field.name for field in dataclasses.fields(ExecutionSettings))  # fields of a spec
KEPT = 1024  # specs, made for the first setting that shares them
PATHS_TOGETHER = 64  # at most: paths of targets that are walked through every way of trading before others are decided


class Settings(Sequence[tuple[Setting, StrategySpec]]):
    """Every distinct setting of a grid with its spec, in the grid's order. A spec is made when it is read and not kept.

    `order` has their numbers so that neighbours share decisions and trading conditions. Settings with one number in `tile` share
    decisions; those with one number in `scope` hold the same tickers on the same days, and `scopes` has the first of each number.
    Those with one number in `deciding` have the same spec but for the fields of ExecutionSettings, those with one number in
    `trading` the same ExecutionSettings. Each of the two is checked once, since a spec is checked without regard to both at once.
    ConfigurationError for a field the spec lacks, a value it refuses, more settings than the grid's `most`, or none.
    """

    def __init__(self, spec: StrategySpec, grid: Grid) -> None:
        self.spec, self.grid = spec, grid
        indices = self._counted()
        traded = [name for name in grid.fields if name.split(".")[0] in TRADED]
        trading, firsts = _combinations(grid, indices, traded)
        ways = [applied(spec, grid.at(index)) for index in indices[firsts].tolist()]
        deciding, firsts = _combinations(grid, indices, [name for name in grid.fields if name not in traded])
        deciders = (applied(spec, grid.at(index)) for index in indices[firsts].tolist())
        decided, every = _decided(deciders, [way.stated for way in ways], deciding, trading)
        distinct = np.sort(np.unique(every, return_index=True)[1])
        self._spec_ids, self._indices = every[distinct], indices[distinct]
        self.deciding, self.trading = deciding[distinct], trading[distinct]
        self._deciders: dict[int, StrategySpec] = {}
        self._ways: dict[int, ExecutionSettings] = {}
        conditions = _numbers((way.execution.fill, way.execution.costs) for way in ways)
        self._arrange(decided, conditions[self.trading], _numbers(map(_way, ways))[self.trading])

    def _counted(self) -> np.ndarray:
        """Return the indices of the settings in the full product; ConfigurationError for more than `most`, or none."""
        parts, count = [], 0
        for indices in self.grid.indices():
            parts.append(indices)
            count += len(indices)
            if count > self.grid.most:
                raise ConfigurationError(
                    f"the grid has more settings than most = {self.grid.most}; expected fewer values or a higher cap"
                )
        if not count:
            raise ConfigurationError("the grid has no setting left; expected conditions that exclude fewer")
        return np.concatenate(parts)

    def _arrange(self, decided: np.ndarray, conditions: np.ndarray, trading: np.ndarray) -> None:
        """Set the scopes, tiles and order of the settings from the numbers of what deciders and ways of trading share.

        What depends on the decider alone is found per decider: there are far fewer of them than settings.
        """
        used = np.unique(self.deciding)
        paths, numbered = np.unique(decided[:, used].T, axis=0, return_inverse=True)
        path = np.zeros(decided.shape[1], dtype=np.int32)
        path[used] = numbered
        first = np.searchsorted(paths[:, 0], np.arange(paths[:, 0].max() + 2))
        scope = paths[:, 0]
        count = np.diff(first)[scope]
        within = (np.arange(len(paths)) - first[scope]) * -(-count // PATHS_TOGETHER) // count
        tile = np.unique(np.column_stack([scope, within]), axis=0, return_inverse=True)[1].astype(np.int32)
        path_of = path[self.deciding]
        self.tile: np.ndarray = tile[path_of]
        self.scope: np.ndarray = scope.astype(np.int32)[path_of]
        self.scopes: list[int] = np.unique(self.scope, return_index=True)[1].tolist()
        self.order: np.ndarray = np.lexsort((path_of, trading, conditions, self.tile)).astype(np.int32)

    def __len__(self) -> int:
        return len(self._indices)

    def parts(self, number: int) -> tuple[StrategySpec, ExecutionSettings]:
        """Return a spec that decides as that of a setting does, and how the setting trades: one object for all that share it."""
        decider = _cached(self._deciders, int(self.deciding[number]), lambda: self[number][1])
        return decider, _cached(self._ways, int(self.trading[number]), lambda: self[number][1].execution)

    @overload
    def __getitem__(self, number: int) -> tuple[Setting, StrategySpec]: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[tuple[Setting, StrategySpec]]: ...

    def __getitem__(self, number: int | slice) -> tuple[Setting, StrategySpec] | Sequence[tuple[Setting, StrategySpec]]:
        if isinstance(number, slice):
            return [self[member] for member in range(len(self))[number]]
        setting = self.setting(number)
        return setting, applied(self.spec, setting)

    def setting(self, number: int) -> Setting:
        """Return a setting without its spec."""
        return self.grid.at(int(self._indices[number]))

    def spec_id(self, number: int) -> str:
        """Return the hash of a setting's spec."""
        return str(self._spec_ids[number], "ascii")

    def spec_ids(self, numbers: np.ndarray) -> pd.Series:
        """Return the hashes of the specs of some settings."""
        return pd.Series(np.char.decode(self._spec_ids[numbers], "ascii"), dtype="str")

    def column(self, name: str, numbers: np.ndarray) -> pd.Series:
        """Return the values of a field of the grid in some settings, as a typed column."""
        at = self.grid.position(name, self._indices[numbers])
        return pd.Series(typed_column(self.grid.fields[name]).take(pyarrow.array(at)).to_pandas())


def _combinations(grid: Grid, indices: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each setting's values of some fields, counted as they first come, and the first setting of each."""
    code = np.zeros(len(indices), dtype=np.int64)
    for name in names:
        code = code * len(grid.fields[name]) + grid.position(name, indices)
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse], np.sort(first)


def _numbers(traits: Iterable[Hashable]) -> np.ndarray:
    """Return a number for each trait, the same for equal ones, counted as they first come."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(trait, len(known)) for trait in traits])


def _decided(
    deciders: Iterable[StrategySpec], ways: Sequence[Mapping[str, str]], deciding: np.ndarray, trading: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what deciders share, numbers of scope, signals and weighting (3 × decider), and the hash of each setting's spec.

    The spec of a setting has the fields of TRADED from a way of trading, of which `ways` has the values as JSON, and all others
    from a decider, which is not kept.
    """
    known: tuple[dict[Hashable, int], ...] = ({}, {}, {})
    traded = [{name: value for name, value in way.items() if name in TRADED} for way in ways]
    members, ends = np.argsort(deciding, kind="stable"), np.cumsum(np.bincount(deciding))
    numbers, ids, first = list[list[int]](), np.empty(len(deciding), dtype=SPEC_ID), 0
    for decider, end in zip(deciders, ends.tolist(), strict=True):
        traits = (decider.scope, decider.rebalance, decider.weights.holds), decider.signals, decider.weights
        numbers.append([seen.setdefault(trait, len(seen)) for seen, trait in zip(known, traits, strict=True)])
        for member in members[first:end].tolist():
            ids[member] = spec_id_of(decider.stated | traded[trading[member]])
        first = end
    return np.array(numbers).T, ids


def _cached(made: dict[int, Made], key: int, make: Callable[[], Made]) -> Made:
    """Return what was made for a key, or make it; what was made before is forgotten now and then."""
    if key not in made:
        if len(made) == KEPT:
            made.clear()
        made[key] = make()
    return made[key]


def typed_column(values: Sequence[Value]) -> pyarrow.Array:
    """Return values as a column of their type: true or false, int64, float64, day or text. A list, or a mixture, is text."""
    for kind, column in ((bool, pyarrow.bool_()), (int, pyarrow.int64()), (str, pyarrow.string()), (date, pyarrow.date32())):
        if all(type(value) is kind for value in values):
            try:
                return pyarrow.array(values, column)
            except OverflowError:  # an integer beyond 64 bits is float64
                break
    if all(type(value) in (int, float) for value in values):
        return pyarrow.array([float(value) for value in values], pyarrow.float64())  # type: ignore[arg-type]
    return pyarrow.array([_text(value) for value in values], pyarrow.string())


def _text(value: Value) -> str:
    return ", ".join(map(_text, value)) if isinstance(value, tuple) else str(value)


def applied(spec: StrategySpec, setting: Setting) -> StrategySpec:
    """Return the spec of a setting; ConfigurationError names the setting that the spec refuses."""
    changes: dict[str, Any] = {}  # fields of a spec, each of its own type
    for name, value in setting.items():
        top, *path = name.split(".")
        if not path and (top in FIXED or top not in type(spec).model_fields):
            known = [field for field in type(spec).model_fields if field not in FIXED]
            raise ConfigurationError(near_miss("field", name, known))
        changes[top] = _put(changes.get(top, getattr(spec, top, None)), path, value, name)
    try:
        return spec.replaced(**changes)
    except BacktestError as error:
        raise ConfigurationError(f"setting {setting}: {error}") from None


def _way(spec: StrategySpec) -> Hashable:
    return spec.lag, spec.capital


def _put(part: Any, path: list[str], value: Any, name: str) -> Any:
    """Return a copy of a frozen value with the field at a path replaced."""
    if not path:
        return value
    if isinstance(part, tuple):
        if path[0] not in map(str, range(len(part))):
            raise ConfigurationError(f"no field '{name}'; expected a number below {len(part)} for '{path[0]}'")
        index = int(path[0])
        return (*part[:index], _put(part[index], path[1:], value, name), *part[index + 1 :])
    known = [field.name for field in dataclasses.fields(part)] if dataclasses.is_dataclass(part) else []
    if path[0] not in known:
        raise ConfigurationError(near_miss(f"field of {type(part).__name__}", path[0], known or ["none"]))
    changed = _put(getattr(part, path[0]), path[1:], value, name)
    _check_kind(getattr(part, path[0]), changed, name)
    return attempt(
        f"{type(part).__name__} with {name} = {shown(repr(value))}", lambda: dataclasses.replace(part, **{path[0]: changed})
    )


def _check_kind(former: Any, value: Any, name: str) -> None:
    """Refuse a value of another kind than the field's own: a dataclass takes anything and fails when it is used."""
    for kind in (bool, str, int, (int, float), tuple):
        if isinstance(former, kind):
            if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
                raise ConfigurationError(f"{name} is {shown(repr(value))}; expected a value like {shown(repr(former))}")
            return
