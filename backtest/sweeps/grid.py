"""A grid of settings in TOML: lists and ranges by field, conditions that exclude, and a cap; all checked before anything runs.

most = 20000                                  no more settings than this
[settings]
lag = { from = 1, to = 5, step = 1 }          a range, both ends included
"weights.above" = [0.0, 0.1]                  a field of the weighting; "signals.0.leaders" one of the first signal
[[exclude]]                                   a setting that meets every condition of a table is left out
lag = { gt = 4 }
[[expect]]                                    what is expected of the sweep, see `expectations`
"""

import json
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from backtest.errors import ConfigurationError, near_miss
from backtest.files.messages import shown
from backtest.files.rows import read_toml
from backtest.sweeps.expectations import Expectation, expectations

MOST, MOST_EVER = 100_000, 10_000_000
CANDIDATES = 100  # times the cap: the size of a grid before conditions exclude most of it
AT_ONCE = 1 << 18  # settings: what is known of them at a time
FINEST = 1e-9  # step of a range: values are rounded to 12 places
DEFAULT_GRID = Path(__file__).with_name("default_grid.toml")  # of a sweep without --grid
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda value, operands: value in operands,
}
Value = bool | int | float | str | date | tuple["Value", ...]
Setting = Mapping[str, Value]
Condition = Mapping[str, Value]  # operator → operand
HEADINGS = ("most", "settings", "exclude", "expect")
EXPECTED = "numbers, texts, days, true or false, or lists of them"


@dataclass(frozen=True)
class Grid:
    """The values of each field, in the order of the file, and the tables of conditions (field → operator → operand)."""

    fields: Mapping[str, tuple[Value, ...]]
    exclude: tuple[Mapping[str, Condition], ...] = ()
    most: int = MOST
    expect: tuple[Expectation, ...] = ()

    @property
    def size(self) -> int:
        """How many settings there are before any is excluded."""
        return math.prod(map(len, self.fields.values()))

    def settings(self) -> Iterator[tuple[int, Setting]]:
        """Yield every setting that no table excludes with its index in the full product, the last field running fastest."""
        for indices in self.indices():
            yield from ((index, self.at(index)) for index in indices.tolist())

    def indices(self) -> Iterator[np.ndarray]:
        """Yield the indices of the settings that no table excludes, rising, some at a time."""
        meeting = [
            {name: np.array([_holds(value, condition) for value in self.fields[name]]) for name, condition in table.items()}
            for table in self.exclude
        ]
        for first in range(0, self.size, AT_ONCE):
            indices = np.arange(first, min(first + AT_ONCE, self.size))
            positions = self.positions(indices)
            left_out = np.zeros(len(indices), dtype=bool)
            for table in meeting:
                left_out |= np.logical_and.reduce([holds[positions[name]] for name, holds in table.items()])
            yield indices[~left_out]

    def positions(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return which of its values each field has at some indices of the full product, in the order of the fields."""
        positions = {}
        for name in reversed([*self.fields]):
            indices, positions[name] = np.divmod(indices, len(self.fields[name]))
        return dict(reversed(positions.items()))

    def position(self, name: str, indices: np.ndarray) -> np.ndarray:
        """Return which of its values a field has at some indices of the full product."""
        names = [*self.fields]
        within = math.prod(len(self.fields[later]) for later in names[names.index(name) + 1 :])
        return np.asarray(indices // within % len(self.fields[name]))

    def at(self, index: int) -> Setting:
        """Return the setting at an index of the full product."""
        values = []
        for name in reversed([*self.fields]):
            index, position = divmod(index, len(self.fields[name]))
            values.append((name, self.fields[name][position]))
        return dict(reversed(values))


def stated(setting: Setting) -> str:
    """Return a setting as JSON, days as text."""
    return json.dumps(setting, sort_keys=True, ensure_ascii=False, default=str)


def load_grid(path: Path) -> Grid:
    """Return the grid of a TOML file; ConfigurationError with file and field for what cannot be read."""
    return grid_of(read_toml(path), str(path))


def grid_of(document: Mapping[str, Any], path: str) -> Grid:
    """Return the grid of a document with the keys of the TOML file; `path` is what errors call it."""
    if unknown := sorted(set(document) - set(HEADINGS)):
        raise ConfigurationError(f"{path}: {near_miss('key', unknown[0], [*HEADINGS])}")
    most, settings, exclude = document.get("most", MOST), document.get("settings"), document.get("exclude", [])
    if not isinstance(settings, dict) or not settings:
        raise ConfigurationError(f"{path}: no [settings]; expected at least one field with its values")
    if type(most) is not int or not 1 <= most <= MOST_EVER:
        raise ConfigurationError(f"{path}: most is {shown(most)}; expected a number of settings from 1 to {MOST_EVER:,}")
    if not isinstance(exclude, list) or not all(isinstance(table, dict) and table for table in exclude):
        raise ConfigurationError(f"{path}: exclude; expected [[exclude]] tables, each with at least one condition")
    counts = {name: _count(f"{path}: {shown(name)}", written) for name, written in settings.items()}
    if math.prod(counts.values()) > most * (CANDIDATES if exclude else 1):
        longest = max(counts, key=lambda name: counts[name])
        raise ConfigurationError(
            f"{path}: the grid has more settings than most = {most}, {shown(longest)} alone {shown(counts[longest])}; "
            "expected fewer values or a higher cap"
        )
    fields = {name: _values(f"{path}: {shown(name)}", written, counts[name]) for name, written in settings.items()}
    tables = tuple(
        {field: _condition(f"{path}: exclude {field}", field, written, fields) for field, written in table.items()}
        for table in exclude
    )
    return Grid(fields, tables, most, expectations(path, document.get("expect", [])))


def _count(where: str, written: object) -> int | float:
    """Return how many values a list or range has without making them; infinity for more than can be counted."""
    if isinstance(written, list):
        if not written:
            raise ConfigurationError(f"{where} is empty; expected at least one value")
        for value in written:
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigurationError(f"{where} has {value}; expected finite numbers")
        return len(written)
    if isinstance(written, dict) and set(written) == {"from", "to", "step"}:
        first, last, step = (written[key] for key in ("from", "to", "step"))
        numbers = all(type(part) is int or (type(part) is float and math.isfinite(part)) for part in (first, last, step))
        if numbers and step >= FINEST and last >= first:
            try:
                return int((last - first) / step + 1e-9) + 1
            except OverflowError:
                return math.inf
    raise ConfigurationError(
        f"{where} is {shown(written)}; expected a list or {{ from, to, step }} that rises, with step above 0 "
        f"({FINEST:g} at least)"
    )


def _values(where: str, written: Any, count: int | float) -> tuple[Value, ...]:
    if isinstance(written, list):
        return tuple(_value(where, value) for value in written)
    first, step = written["from"], written["step"]
    whole = isinstance(step, int)
    return tuple(first + number * step if whole else round(first + number * step, 12) for number in range(int(count)))


def _value(where: str, written: object) -> Value:
    """Return a value of TOML, lists as tuples."""
    if isinstance(written, list):
        return tuple(_value(where, value) for value in written)
    if not isinstance(written, bool | int | float | str | date):
        raise ConfigurationError(f"{where} has {shown(written)}; expected {EXPECTED}")
    return written


def _condition(where: str, field: str, written: object, fields: Mapping[str, tuple[Value, ...]]) -> Condition:
    if field not in fields:
        raise ConfigurationError(f"{where}: {near_miss('setting', field, list(fields))}")
    if not isinstance(written, dict) or not written or set(written) - set(OPERATORS):
        raise ConfigurationError(f"{where} is {shown(written)}; expected operators among {', '.join(OPERATORS)}")
    condition = {name: _value(where, operand) for name, operand in written.items()}
    try:
        for value in fields[field]:
            _holds(value, condition)
    except TypeError:
        raise ConfigurationError(f"{where} is {shown(written)}; its values cannot be compared so") from None
    return condition


def _holds(value: Value, condition: Condition) -> bool:
    return all(OPERATORS[name](value, operand) for name, operand in condition.items())
