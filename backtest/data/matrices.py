"""One column of many tables as a matrix of sessions by tickers, which takes no second copy of its prices.

`Room` is memory for the columns of tables that are read one after another: each becomes a row of a matrix, and a matrix whose
rows all have the same sessions is the wide table as it stands.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def floats(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of a table as floats, NaN where the table has none; not to be changed."""
    return table[column].to_numpy(float) if column in table else np.full(len(table), np.nan)


class Room:
    """Memory for the columns of `tables` tables of at most `sessions` rows; a table that is longer keeps its own."""

    def __init__(self, tables: int, sessions: int) -> None:
        """Reserve nothing yet: a column takes memory with its first table."""
        self._shape = tables, sessions
        self._columns: dict[str, np.ndarray] = {}
        self._number = 0

    def moved(self, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of floats of a table, moved here; the table that is given is as it was."""
        number, self._number = self._number, self._number + 1
        if len(table) > self._shape[1] or number >= self._shape[0]:
            return table
        rows = {}
        for name in columns:
            if name not in self._columns:
                self._columns[name] = np.empty(self._shape)
            rows[name] = self._columns[name][number, : len(table)]
            rows[name][:] = table[name].to_numpy()
        return pd.DataFrame(rows, table.index, copy=False)


def aligned(columns: Mapping[str, np.ndarray], indexes: Mapping[str, pd.Index]) -> pd.DataFrame:
    """Return session × ticker of some columns of floats over the union of their sessions, rising; NaN where one has no session.

    Columns that are the rows of one `Room` and have the same sessions are not copied: the table is written to by whoever
    writes to them.
    """
    distinct = {id(index): index for index in indexes.values()}
    first: pd.Index = next(iter(distinct.values()), pd.DatetimeIndex([]))
    if all(index is first or index.equals(first) for index in distinct.values()):
        table = pd.DataFrame(_stacked([*columns.values()], len(first)).T, first, list(columns), copy=False)
        return table if first.is_monotonic_increasing else table.sort_index()
    union = first
    for index in distinct.values():
        union = union.union(index)
    positions = {key: union.get_indexer(index) for key, index in distinct.items()}
    matrix = np.full((len(columns), len(union)), np.nan)
    for row, (ticker, column) in zip(matrix, columns.items(), strict=True):
        row[positions[id(indexes[ticker])]] = column
    return pd.DataFrame(matrix.T, union, list(columns), copy=False)


def _stacked(rows: list[np.ndarray], width: int) -> np.ndarray:
    """Return rows of one width as a matrix: the one whose rows they are, or a new one."""
    base = rows[0].base if rows else None
    if isinstance(base, np.ndarray) and base.shape == (len(rows), width) and base.dtype == float and base.flags.c_contiguous:
        own = [row.ctypes.data == line.ctypes.data for row, line in zip(rows, base, strict=True)]
        if sum(own) > len(rows) / 2:
            for row, line in ((row, line) for row, line, same in zip(rows, base, own, strict=True) if not same):
                line[:] = row  # of a table whose suspensions were emptied since
            return base
    return np.stack(rows) if rows else np.empty((0, width))
