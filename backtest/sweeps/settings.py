"""The settings of a grid as checked specs, and the order in which neighbours share most of the work."""

import dataclasses
from array import array
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, overload

import numpy as np

from backtest.errors import BacktestError, ConfigurationError, near_miss
from backtest.files.messages import shown
from backtest.guard import attempt
from backtest.strategy import StrategySpec
from backtest.sweeps.grid import Grid, Setting

FIXED = ("name", "title", "question", "signals", "weights")
PATHS_TOGETHER = 64  # at most: paths of targets that are walked through every way of trading before others are decided


class Settings(Sequence[tuple[Setting, StrategySpec]]):
    """Every distinct setting of a grid with its spec, in the grid's order. A spec is made when asked for and not kept.

    `order` has their numbers so that neighbours share decisions and terms; `tile` numbers, for each, those it shares decisions
    with. `scene` numbers the books and days it is about; `scenes` has the first of each.
    ConfigurationError for a field the spec lacks, a value it refuses, more settings than the grid's `most`, or none.
    """

    def __init__(self, spec: StrategySpec, grid: Grid) -> None:
        self.spec, self.grid = spec, grid
        spec_ids, places, traits = bytearray(), array("q"), array("q")
        known: list[dict[Hashable, int]] = [{} for _ in range(5)]
        for count, (place, setting) in enumerate(grid.settings(), start=1):
            if count > grid.most:
                raise ConfigurationError(f"the grid has more settings than most = {grid.most}; want fewer values or a higher cap")
            one = applied(spec, setting)
            spec_ids += one.spec_id.encode()
            places.append(place)
            traits.extend(held.setdefault(trait, len(held)) for held, trait in zip(known, _traits(one), strict=True))
        if not places:
            raise ConfigurationError("the grid has no setting left; want conditions that exclude fewer")
        every = np.frombuffer(spec_ids, dtype=f"S{len(spec.spec_id)}")
        distinct = np.sort(np.unique(every, return_index=True)[1])
        self._spec_ids, self._places = every[distinct], np.array(places)[distinct]
        scene, signals, weights, terms, trading = np.array(traits).reshape(-1, len(known))[distinct].T
        paths, path = np.unique(np.column_stack([scene, signals, weights]), axis=0, return_inverse=True)
        first = np.searchsorted(paths[:, 0], np.arange(scene.max() + 2))
        many = np.diff(first)[scene]
        within = (path - first[scene]) * -(-many // PATHS_TOGETHER) // many
        _, self.tile = np.unique(np.column_stack([scene, within]), axis=0, return_inverse=True)
        self.scene: np.ndarray = scene
        self.scenes: list[int] = np.unique(scene, return_index=True)[1].tolist()
        self.order: np.ndarray = np.lexsort((path, trading, terms, self.tile))

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> tuple[Setting, StrategySpec]: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[tuple[Setting, StrategySpec]]: ...

    def __getitem__(self, number: int | slice) -> Any:
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        setting = self.setting(number)
        return setting, applied(self.spec, setting)

    def setting(self, number: int) -> Setting:
        """Return a setting without its spec."""
        return self.grid.at(int(self._places[number]))

    def spec_id(self, number: int) -> str:
        """Return the hash of a setting's spec."""
        return str(self._spec_ids[number], "ascii")


def applied(spec: StrategySpec, setting: Mapping[str, Any]) -> StrategySpec:
    """Return the spec of a setting; ConfigurationError names the setting that the spec refuses."""
    changes: dict[str, Any] = {}
    for name, value in setting.items():
        top, *path = name.split(".")
        if not path and (top in FIXED or top not in type(spec).model_fields):
            known = [field for field in type(spec).model_fields if field not in FIXED]
            raise ConfigurationError(near_miss("field", name, known))
        stated = tuple(value) if isinstance(value, list) else value
        changes[top] = _put(changes.get(top, getattr(spec, top, None)), path, stated, name)
    try:
        return spec.replaced(**changes)
    except BacktestError as error:
        raise ConfigurationError(f"setting {setting}: {error}") from None


def _traits(spec: StrategySpec) -> tuple[Hashable, ...]:
    """Return what two settings have to share for the same books and days, signals, weighting, terms and way of trading."""
    about = (spec.baskets, spec.together, spec.base, spec.start, spec.end, spec.rebalance, spec.weights.holds)
    terms = (spec.fill, spec.cost_bps, spec.slippage_bps, spec.slippage_range)
    return about, spec.signals, spec.weights, terms, (spec.lag, spec.capital)


def _put(part: Any, path: list[str], value: Any, name: str) -> Any:
    """Return a copy of a frozen value with the field at a path replaced."""
    if not path:
        return value
    if isinstance(part, tuple):
        if path[0] not in map(str, range(len(part))):
            raise ConfigurationError(f"no field '{name}'; expected a number below {len(part)} for '{path[0]}'")
        place = int(path[0])
        return (*part[:place], _put(part[place], path[1:], value, name), *part[place + 1 :])
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
