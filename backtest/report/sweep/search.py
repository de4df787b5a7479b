"""A sweep as its page reads it: the fields that vary, the neighbours of a setting, and the settings that were best in sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from backtest.report.formatting import setting_value
from backtest.statistics.refusal import Refused
from backtest.sweeps.columns import ACTS, SHARPE, TOTAL_RETURN
from backtest.sweeps.grid import Grid
from backtest.sweeps.results import DECLARED, SweepResult, SweepSummary
from backtest.sweeps.table import SettingsTable
from backtest.thesis.windows import IN_SAMPLE, WHOLE, Window

Mask = npt.NDArray[np.bool_]
TOP = 0.1  # share of the settings that is called the top in sample


@dataclass(frozen=True)
class Field:
    """A field that varies: the position of each row's value among `labels`.

    Values of a numeric field rise, and those next to each other are neighbours; a category's values are in the order of the
    grid, which means nothing, so none of them has a neighbour.
    """

    name: str
    numeric: bool
    positions: npt.NDArray[np.signedinteger[Any]]  # as small as their count allows
    labels: tuple[str, ...]

    def gathered(self, most: int) -> "Field":
        """Return a numeric field with at most `most` values, neighbours put together; any other as it is."""
        together = -(-len(self.labels) // most)
        if together == 1 or not self.numeric:
            return self
        parts = [self.labels[first : first + together] for first in range(0, len(self.labels), together)]
        return Field(self.name, True, self.positions // together, tuple(_span(part) for part in parts))


@dataclass(frozen=True)
class Search:
    """A sweep and its grid as the page shows them.

    `prices` says source and adjustment; `written` is the thesis's date; `chosen` is the day from which the books' names were
    public; `reports` gives the address of the full report of a spec_id, from the page.
    """

    title: str
    question: str
    result: SweepResult
    grid: Grid
    prices: str
    chosen: pd.Timestamp
    reports: Mapping[str, str]
    written: pd.Timestamp

    @property
    def table(self) -> SettingsTable:
        """A row per setting and book."""
        return self.result.table

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows of the figures."""
        return self.result.windows

    @property
    def summary(self) -> SweepSummary:
        """The best setting, and what the search for it is worth."""
        return self.result.summary

    @property
    def years(self) -> float:
        """The length of the run."""
        return self.summary.statistics.minimum_length.had

    def ratios(self, window: str) -> pd.Series:
        """Return the Sharpe ratio of every row in a window, NaN where it has none."""
        return self._figures(f"{SHARPE} {window}")

    def having(self, window: str, among: Mask | None = None) -> str:
        """Return of how many rows a middle of ratios is told where some have none: " (12 of 40 have one)", else nothing."""
        has = self.ratios(window).notna().to_numpy()[slice(None) if among is None else among]
        return "" if has.all() else f" ({int(has.sum()):,} of {len(has):,} have one)"

    def returns(self, window: str) -> pd.Series:
        """Return the total return of every row in a window, NaN where it has none."""
        return self._figures(f"{TOTAL_RETURN} {window}")

    def _figures(self, name: str) -> pd.Series:
        table = self.table
        return table[name].astype(float) if name in table else pd.Series(np.nan, index=pd.RangeIndex(len(table)))

    @cached_property
    def by_ratio(self) -> npt.NDArray[np.int32]:
        """The rows by their Sharpe ratio over the whole run, rising, those without one last."""
        return np.argsort(self.ratios(WHOLE).to_numpy()).astype(np.int32)

    @property
    def declared(self) -> float | None:
        """The Sharpe ratio over the whole run of the strategy as its file declares it; None where it was not measured."""
        return next((row.windows[WHOLE].sharpe for row in self.summary.compared if row.name == DECLARED), None)

    @cached_property
    def acts(self) -> Mask:
        """In which rows the signal acts; everywhere where there is none."""
        if isinstance(self.summary.statistics.twins, Refused):
            return np.ones(len(self.table), dtype=bool)
        return self.table[ACTS].to_numpy(dtype=bool)

    @cached_property
    def rows(self) -> str:
        """What a row of the table is: a setting, or a book of one where there are several."""
        return "book" if len(self.table["book"].unique()) > 1 else "setting"

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field with at least two values, the book last where there are several."""
        fields = [_field(name, self.table[name]) for name in (*self.result.fields, "book")]
        return tuple(field for field in fields if len(field.labels) > 1)

    def neighbours(self, row: int) -> Mask:
        """Return which rows are at most one step from a row in every numeric field and the same in every other, itself too."""
        near = np.ones(len(self.table), dtype=bool)
        for field in self.fields:
            at, step = int(field.positions[row]), int(field.numeric)
            near &= (field.positions >= at - step) & (field.positions <= at + step)
        return near

    def worst_neighbour(self, row: int) -> float:
        """Return the lowest Sharpe ratio over the whole run among a row and its neighbours."""
        return float(self.ratios(WHOLE)[self.neighbours(row)].min())

    @cached_property
    def top_in_sample(self) -> Mask:
        """Which rows are the best tenth by Sharpe ratio in sample, ties included; none without ratios there."""
        ratios = self.ratios(IN_SAMPLE)
        many = int(np.ceil(ratios.notna().sum() * TOP))
        return np.asarray(ratios >= ratios.nlargest(many).min() if many else np.zeros(len(ratios), dtype=bool))

    @cached_property
    def around_best_in_sample(self) -> Mask:
        """Which rows are the one with the highest Sharpe ratio in sample and its neighbours; none without ratios there."""
        ratios = self.ratios(IN_SAMPLE).to_numpy()
        return np.zeros(len(ratios), dtype=bool) if np.isnan(ratios).all() else self.neighbours(int(np.nanargmax(ratios)))


def _field(name: str, values: pd.Series) -> Field:
    """Return a field of numbers where the column has numbers, else of categories."""
    numeric = is_numeric_dtype(values) and not is_bool_dtype(values)
    if numeric:
        distinct, positions = np.unique(values.to_numpy(float), return_inverse=True)
        return Field(name, True, _small(positions), tuple(map(setting_value, distinct.tolist())))
    codes, categories = pd.factorize(values)
    texts = [setting_value(value) for value in categories]
    labels = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return Field(name, False, _small(np.array([labels[text] for text in texts])[codes]), tuple(labels))


def _small(positions: npt.NDArray[np.signedinteger[Any]]) -> npt.NDArray[np.signedinteger[Any]]:
    return positions.astype(np.min_scalar_type(-1 - int(positions.max())))


def _span(labels: tuple[str, ...]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
