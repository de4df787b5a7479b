"""Cuts the tables that a strategy's own functions hold beside their panel: a global table of prices, a panel of a later day.

What they hold was read before the replay hides anything, so hiding rows of the archive does not reach it. A table counts by its
dates: a row by its moment of publication (`known_at`), else by the day or moment of its index. An array without dates, and what a
module or an object holds, cannot be cut.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from backtest import provenance
from backtest.files.reached import Name, functions_of, names_of
from backtest.panel import Archive, Panel
from backtest.strategy import StrategySpec


def held_names(spec: StrategySpec, archive: Archive, moment: pd.Timestamp) -> list[str]:
    """Return the names of what a strategy's functions hold that has rows later than a moment."""
    return [read.name for read in _names_of_tables(spec) if _cut(read.value, archive, moment) is not read.value]


@contextmanager
def held_tables_cut(spec: StrategySpec, archive: Archive, moment: pd.Timestamp) -> Iterator[None]:
    """Let nothing that a strategy's functions hold have a row later than a moment, until the block ends. Not for threads."""
    names = _names_of_tables(spec)
    try:
        for read in names:
            if (cut := _cut(read.value, archive, moment)) is not read.value:
                read.put(cut)
        yield
    finally:
        for read in names:
            read.put(read.value)


def _names_of_tables(spec: StrategySpec) -> list[Name]:
    functions = functions_of((*spec.signals, spec.weights), provenance.is_users)
    return [read for function in functions for read in names_of(function) if _may_be_cut(read.value)]


def _may_be_cut(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else (value,)
    return any(isinstance(part, pd.DataFrame | pd.Series | Panel) for part in parts)


def _cut(value: Any, archive: Archive, moment: pd.Timestamp) -> Any:
    """Return a value without rows later than a moment, the value itself where it has none."""
    if isinstance(value, dict):
        cut = {name: _cut(part, archive, moment) for name, part in value.items()}
        return value if all(cut[name] is part for name, part in value.items()) else cut
    if isinstance(value, list | tuple):
        parts = [_cut(part, archive, moment) for part in value]
        return value if all(new is old for new, old in zip(parts, value, strict=True)) else type(value)(parts)
    if isinstance(value, Panel):
        return archive.as_of(moment) if value.moment > moment else value
    if isinstance(value, pd.DataFrame | pd.Series):
        later = _later(value, moment)
        return value if later is None or not later.any() else _without(value, later)
    return value


def _without(table: pd.DataFrame | pd.Series, later: np.ndarray) -> pd.DataFrame | pd.Series:
    """Return a table without what is in its later rows: published rows go, as they do in an archive, dated ones stay empty."""
    if isinstance(table, pd.Series):
        return table.mask(later)
    return table[~later] if "known_at" in table else table.mask(np.repeat(later[:, None], table.shape[1], axis=1))


def _later(table: pd.DataFrame | pd.Series, moment: pd.Timestamp) -> np.ndarray | None:
    """Return which rows are later than a moment, None for a table without dates."""
    if isinstance(table, pd.DataFrame) and "known_at" in table and isinstance(table["known_at"].dtype, pd.DatetimeTZDtype):
        return np.asarray(table["known_at"] > moment)
    levels = [table.index.get_level_values(number) for number in range(table.index.nlevels)]
    dates = next((level for level in levels if isinstance(level, pd.DatetimeIndex)), None)
    if dates is None:
        return None
    return np.asarray(dates > (moment if dates.tz is not None else moment.tz_localize(None)))
