"""A grid of settings in TOML: lists and ranges by field, what is excluded, and a cap; all checked before anything runs.

most = 20000                                  no more settings than this
[settings]
lag = { from = 1, to = 5, step = 1 }          a range, both ends included
"weights.above" = [0.0, 0.1]                  a field of the weighting; "signals.0.leaders" one of the first signal
[[exclude]]                                   a setting that meets every condition of a table is left out
lag = { gt = 4 }
"""

import json
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtest.errors import ConfigurationError, near_miss
from backtest.files.messages import shown
from backtest.files.rows import read_toml

MOST, MOST_EVER = 100_000, 10_000_000
PLACES = 100  # times the cap: what a grid whose conditions exclude most of it may have before
FINEST = 1e-9  # step of a range: values are rounded to 12 places
TIMING = Path(__file__).with_name("timing.toml")  # what a sweep takes where no grid is named
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda value, among: value in among,
}
Setting = dict[str, Any]


@dataclass(frozen=True)
class Grid:
    """The values of each field, in the order of the file, and the tables of conditions (field → operator → operand)."""

    fields: Mapping[str, tuple[Any, ...]]
    exclude: tuple[Mapping[str, Mapping[str, Any]], ...] = ()
    most: int = MOST

    @property
    def size(self) -> int:
        """How many settings there are before any is excluded."""
        return math.prod(map(len, self.fields.values()))

    def settings(self) -> Iterator[tuple[int, Setting]]:
        """Yield every setting that no table excludes with its place in the full product, the last field running fastest."""
        for place in range(self.size):
            setting = self.at(place)
            if not any(_meets(setting, table) for table in self.exclude):
                yield place, setting

    def at(self, place: int) -> Setting:
        """Return the setting at a place in the full product."""
        found = []
        for name in reversed([*self.fields]):
            place, which = divmod(place, len(self.fields[name]))
            found.append((name, self.fields[name][which]))
        return dict(reversed(found))

    def as_dict(self) -> dict[str, Any]:
        """Return the grid for JSON."""
        return {
            "fields": {name: list(values) for name, values in self.fields.items()},
            "exclude": [{field: dict(asked) for field, asked in table.items()} for table in self.exclude],
            "most": self.most,
        }


def stated(setting: Setting) -> str:
    """Return a setting as JSON, days as text."""
    return json.dumps(setting, sort_keys=True, ensure_ascii=False, default=str)


def load_grid(path: Path) -> Grid:
    """Return the grid of a TOML file; ConfigurationError with file and field for what cannot be read."""
    held = read_toml(path)
    if unknown := sorted(set(held) - {"most", "settings", "exclude"}):
        raise ConfigurationError(f"{path}: {near_miss('key', unknown[0], ['most', 'settings', 'exclude'])}")
    most, settings, exclude = held.get("most", MOST), held.get("settings"), held.get("exclude", [])
    if not isinstance(settings, dict) or not settings:
        raise ConfigurationError(f"{path}: no [settings]; expected at least one field with its values")
    if type(most) is not int or not 1 <= most <= MOST_EVER:
        raise ConfigurationError(f"{path}: most is {shown(most)}; expected a number of settings from 1 to {MOST_EVER:,}")
    if not isinstance(exclude, list) or not all(isinstance(table, dict) and table for table in exclude):
        raise ConfigurationError(f"{path}: exclude; expected [[exclude]] tables, each with at least one condition")
    counts = {name: _count(f"{path}: {shown(name)}", stated) for name, stated in settings.items()}
    if math.prod(counts.values()) > most * (PLACES if exclude else 1):
        longest = max(counts, key=lambda name: counts[name])
        raise ConfigurationError(
            f"{path}: the grid has more settings than most = {most}, {shown(longest)} alone {shown(counts[longest])}; "
            "expected fewer values or a higher cap"
        )
    fields = {name: _values(stated, counts[name]) for name, stated in settings.items()}
    for table in exclude:
        for field, asked in table.items():
            _check_condition(f"{path}: exclude {field}", field, asked, fields)
    return Grid(fields, tuple(exclude), most)


def _count(where: str, stated: Any) -> int | float:
    """Return how many values a list or range has without making them; infinity for more than can be counted."""
    if isinstance(stated, list):
        if not stated:
            raise ConfigurationError(f"{where} is empty; expected at least one value")
        for value in stated:
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigurationError(f"{where} has {value}; expected finite numbers")
        return len(stated)
    if isinstance(stated, dict) and set(stated) == {"from", "to", "step"}:
        first, last, step = (stated[key] for key in ("from", "to", "step"))
        numbers = all(type(part) is int or (type(part) is float and math.isfinite(part)) for part in (first, last, step))
        if numbers and step >= FINEST and last >= first:
            try:
                return int((last - first) / step + 1e-9) + 1
            except OverflowError:
                return math.inf
    raise ConfigurationError(
        f"{where} is {shown(stated)}; expected a list or {{ from, to, step }} that rises, with step above 0 ({FINEST:g} at least)"
    )


def _values(stated: Any, count: int | float) -> tuple[Any, ...]:
    if isinstance(stated, list):
        return tuple(stated)
    first, step = stated["from"], stated["step"]
    whole = isinstance(step, int)
    return tuple(first + number * step if whole else round(first + number * step, 12) for number in range(int(count)))


def _check_condition(where: str, field: str, asked: Any, fields: Mapping[str, tuple[Any, ...]]) -> None:
    if field not in fields:
        raise ConfigurationError(f"{where}: {near_miss('setting', field, list(fields))}")
    if not isinstance(asked, dict) or not asked or set(asked) - set(OPERATORS):
        raise ConfigurationError(f"{where} is {shown(asked)}; expected operators among {', '.join(OPERATORS)}")
    try:
        for value in fields[field]:
            _compare(value, asked)
    except TypeError:
        raise ConfigurationError(f"{where} is {shown(asked)}; its values cannot be compared so") from None


def _meets(setting: Setting, table: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(_compare(setting[field], asked) for field, asked in table.items())


def _compare(value: Any, asked: Mapping[str, Any]) -> bool:
    return all(OPERATORS[name](value, operand) for name, operand in asked.items())
