"""Which figures are the newest known at a moment: prepared once for a table, since every panel asks for it."""

from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd

from backtest.calendars import count_until
from backtest.facts import Fact, SeriesKey

Value = TypeVar("Value")
KEY = ["entity", "metric", "period"]
MOST = 128  # states of a table that are kept: the moments of a run, each between two publications


class Figures:
    """The newest known rows of a table, which nobody is given, and what panels look up in them."""

    def __init__(self, table: "KnownRows", known: int) -> None:
        self._table = table
        self._chosen = np.flatnonzero(table.replaced[:known] >= known)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows, in the order of their publication."""
        return self._table.rows.iloc[self._chosen]

    @cached_property
    def facts(self) -> list[Fact]:
        """Every row as a Fact, by position."""
        every = self._table.facts
        return [every[row] for row in self._chosen]

    @cached_property
    def by_series(self) -> dict[SeriesKey, dict[int, Fact]]:
        """Per entity and metric, the figure of each quarter, as `positions` has it."""
        return {
            key: {quarter: self.facts[position] for quarter, position in quarters.items()}
            for key, quarters in self.positions.items()
        }

    @cached_property
    def positions(self) -> dict[SeriesKey, dict[int, int]]:
        """Per entity and metric, the position of each quarter: of several periods in a quarter, the one that ends last."""
        series, quarters, ends = self._table.lookup
        positions: dict[SeriesKey, dict[int, int]] = {}
        last: dict[tuple[SeriesKey, int], int] = {}
        for position, row in enumerate(self._chosen.tolist()):
            key, quarter = series[row], quarters[row]
            if ends[row] >= last.get((key, quarter), ends[row]):
                positions.setdefault(key, {})[quarter] = position
                last[key, quarter] = ends[row]
        return positions


class KnownRows:
    """A table of figures by the moment they became known, and its newest rows after any number of them."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self._known_at = rows["known_at"]
        self._states: OrderedDict[int, Figures] = OrderedDict()

    def by(self, moment: pd.Timestamp) -> Figures:
        """Return the newest rows at a moment, its own instant included."""
        known = count_until(self._known_at, moment)
        if known not in self._states:
            self._states[known] = Figures(self, known)
            if len(self._states) > MOST:
                self._states.popitem(last=False)
        self._states.move_to_end(known)
        return self._states[known]

    @cached_property
    def replaced(self) -> np.ndarray:
        """The position of the row that replaces each: the next of the same entity, metric and period, else their number."""
        groups = self.rows.groupby(KEY, sort=False, dropna=False).ngroup().to_numpy()
        order = np.argsort(groups, kind="stable")
        same = np.flatnonzero(np.diff(groups[order]) == 0)
        replaced = np.full(len(groups), len(groups))
        replaced[order[same]] = order[same + 1]
        return replaced

    @cached_property
    def facts(self) -> list[Fact]:
        """Every row as a Fact."""
        return facts_of(self.rows)

    @cached_property
    def lookup(self) -> tuple[list[SeriesKey], list[int], list[int]]:
        """The entity and metric, the quarter, and the end of the period of each row."""
        series = list(zip(self.rows["entity"].tolist(), self.rows["metric"].tolist(), strict=True))
        return series, self.rows["quarter"].tolist(), self.rows["period_end"].astype("int64").tolist()


class Announced:
    """A table of what was announced, and its rows known by a moment: the newest by a column where one is named, else all."""

    def __init__(self, table: pd.DataFrame, newest_by: str | None = None) -> None:
        self._table, self._newest_by = table.sort_values("known_at", kind="stable"), newest_by
        self._known_at = self._table["known_at"].reset_index(drop=True)
        self._states: dict[int, AnnouncedRows] = {}

    def by(self, moment: pd.Timestamp) -> "AnnouncedRows":
        """Return the rows known at a moment: in the order of the table where they are the newest, else of their publication."""
        known = count_until(self._known_at, moment)
        if known not in self._states:
            rows = self._table.iloc[:known]
            if self._newest_by is not None:
                rows = rows.drop_duplicates(self._newest_by, keep="last").sort_index()
            self._states[known] = AnnouncedRows(rows)
        return self._states[known]


class AnnouncedRows:
    """Rows that were announced by some moment, and what panels have made of them: nobody is given the table itself."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self._made: dict[object, object] = {}

    def made(self, make: Callable[..., Value], *arguments: object) -> Value:
        """Return what a function of the table and some arguments gave the first time."""
        if (key := (make, *arguments)) not in self._made:
            self._made[key] = make(self.rows, *arguments)
        return self._made[key]  # type: ignore[return-value]


def facts_of(rows: pd.DataFrame) -> list[Fact]:
    """Return every row of a table as a Fact."""
    columns = [rows[name].tolist() for name in Fact.__dataclass_fields__]
    return [Fact(*values) for values in zip(*columns, strict=True)]
