"""The settings of a grid as checked specs, and the order in which neighbours share most of the work."""

import dataclasses
from array import array
from collections.abc import Hashable, Sequence
from datetime import date
from typing import Any, overload

import numpy as np
import pandas as pd
import pyarrow

from backtest.errors import BacktestError, ConfigurationError, near_miss
from backtest.files.messages import shown
from backtest.guard import attempt
from backtest.strategy import StrategySpec
from backtest.sweeps.grid import Grid, Setting, Value

FIXED = ("name", "title", "question", "signals", "weights")
PATHS_TOGETHER = 64  # at most: paths of targets that are walked through every way of trading before others are decided


class Settings(Sequence[tuple[Setting, StrategySpec]]):
    """Every distinct setting of a grid with its spec, in the grid's order. A spec is made when it is read and not kept.

    `order` has their numbers so that neighbours share decisions and trading conditions. Settings with one number in `tile` share
    decisions; those with one number in `scope` hold the same tickers on the same days, and `scopes` has the first of each number.
    ConfigurationError for a field the spec lacks, a value it refuses, more settings than the grid's `most`, or none.
    """

    def __init__(self, spec: StrategySpec, grid: Grid) -> None:
        self.spec, self.grid = spec, grid
        spec_ids, indices, traits = bytearray(), array("q"), array("q")
        known: list[dict[Hashable, int]] = [{} for _ in range(5)]
        for count, (index, setting) in enumerate(grid.settings(), start=1):
            if count > grid.most:
                raise ConfigurationError(
                    f"the grid has more settings than most = {grid.most}; expected fewer values or a higher cap"
                )
            changed = applied(spec, setting)
            spec_ids += changed.spec_id.encode()
            indices.append(index)
            traits.extend(seen.setdefault(trait, len(seen)) for seen, trait in zip(known, _traits(changed), strict=True))
        if not indices:
            raise ConfigurationError("the grid has no setting left; expected conditions that exclude fewer")
        every = np.frombuffer(spec_ids, dtype=f"S{len(spec.spec_id)}")
        distinct = np.sort(np.unique(every, return_index=True)[1])
        self._spec_ids, self._indices = every[distinct], np.array(indices)[distinct]
        self._arrange(*np.array(traits).reshape(-1, len(known))[distinct].T)

    def _arrange(
        self, scope: np.ndarray, signals: np.ndarray, weights: np.ndarray, conditions: np.ndarray, trading: np.ndarray
    ) -> None:
        """Set the scopes, tiles and order of the settings from the numbers of what they share."""
        paths, path = np.unique(np.column_stack([scope, signals, weights]), axis=0, return_inverse=True)
        first = np.searchsorted(paths[:, 0], np.arange(scope.max() + 2))
        count = np.diff(first)[scope]
        within = (path - first[scope]) * -(-count // PATHS_TOGETHER) // count
        _, self.tile = np.unique(np.column_stack([scope, within]), axis=0, return_inverse=True)
        self.scope: np.ndarray = scope
        self.scopes: list[int] = np.unique(scope, return_index=True)[1].tolist()
        self.order: np.ndarray = np.lexsort((path, trading, conditions, self.tile))

    def __len__(self) -> int:
        return len(self._indices)

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

    def columns(self, numbers: np.ndarray) -> dict[str, pd.Series]:
        """Return the values of some settings as a typed column per field of the grid, in its order."""
        indices, columns = self._indices[numbers], {}
        for name in reversed([*self.grid.fields]):
            values = self.grid.fields[name]
            indices, positions = np.divmod(indices, len(values))
            columns[name] = typed_column(values).take(pyarrow.array(positions)).to_pandas()
        return dict(reversed(columns.items()))


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


def _traits(spec: StrategySpec) -> tuple[Hashable, ...]:
    """Return what settings share that have the same scope, rhythm, signals, weighting, trading conditions, and way of trading."""
    execution = spec.execution
    conditions = (execution.fill, execution.costs)
    return (spec.scope, spec.rebalance, spec.weights.holds), spec.signals, spec.weights, conditions, (spec.lag, spec.capital)


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
