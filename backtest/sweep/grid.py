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
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backtest.errors import ConfigurationError, near_miss

MOST = 100_000
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
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such grid file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{path}: not readable as TOML ({error})") from None
    if unknown := sorted(set(held) - {"most", "settings", "exclude"}):
        raise ConfigurationError(f"{path}: {near_miss('key', unknown[0], ['most', 'settings', 'exclude'])}")
    most, settings, exclude = held.get("most", MOST), held.get("settings"), held.get("exclude", [])
    if not isinstance(settings, dict) or not settings:
        raise ConfigurationError(f"{path}: no [settings]; want at least one field with its values")
    if type(most) is not int or most < 1:
        raise ConfigurationError(f"{path}: most is {most!r}; want a number of settings of at least 1")
    fields = {name: _values(f"{path}: {name}", stated) for name, stated in settings.items()}
    if not isinstance(exclude, list) or not all(isinstance(table, dict) and table for table in exclude):
        raise ConfigurationError(f"{path}: exclude; want [[exclude]] tables, each with at least one condition")
    for table in exclude:
        for field, asked in table.items():
            _check_condition(f"{path}: exclude {field}", field, asked, fields)
    return Grid(fields, tuple(exclude), most)


def _values(where: str, stated: Any) -> tuple[Any, ...]:
    if isinstance(stated, list):
        if not stated:
            raise ConfigurationError(f"{where} is empty; want at least one value")
        return tuple(stated)
    if isinstance(stated, dict) and set(stated) == {"from", "to", "step"}:
        first, last, step = (stated[key] for key in ("from", "to", "step"))
        good = all(type(part) in (int, float) and math.isfinite(part) for part in (first, last, step))
        if good and step > 0 and last >= first:
            count = math.floor((last - first) / step + 1e-9) + 1
            return tuple(
                first + number * step if isinstance(step, int) else round(first + number * step, 12) for number in range(count)
            )
    raise ConfigurationError(f"{where} is {stated!r}; want a list or {{ from, to, step }} with step above 0")


def _check_condition(where: str, field: str, asked: Any, fields: Mapping[str, tuple[Any, ...]]) -> None:
    if field not in fields:
        raise ConfigurationError(f"{where}: {near_miss('setting', field, list(fields))}")
    if not isinstance(asked, dict) or not asked or set(asked) - set(OPERATORS):
        raise ConfigurationError(f"{where} is {asked!r}; want operators among {', '.join(OPERATORS)}")
    try:
        for value in fields[field]:
            _compare(value, asked)
    except TypeError:
        raise ConfigurationError(f"{where} is {asked!r}; its values cannot be compared so") from None


def _meets(setting: Setting, table: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(_compare(setting[field], asked) for field, asked in table.items())


def _compare(value: Any, asked: Mapping[str, Any]) -> bool:
    return all(OPERATORS[name](value, operand) for name, operand in asked.items())
