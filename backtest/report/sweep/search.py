"""A sweep as its page reads it: the fields that vary, the settings beside a setting, and those that were best in sample."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.report.formatting import DASH
from backtest.thesis.windows import Window

Mask = npt.NDArray[np.bool_]
WHOLE, IN, OUT = "whole", "in sample", "out of sample"
TOP = 0.1  # share of the settings that is called the top in sample


@dataclass(frozen=True)
class Field:
    """A field that varies: the place of each row's value among `labels`.

    Values of a numeric field rise, and those next to each other are neighbours; a category's values are in the order of the
    grid, which means nothing, so none of them has a neighbour.
    """

    name: str
    numeric: bool
    places: npt.NDArray[np.intp]
    labels: tuple[str, ...]

    def gathered(self, most: int) -> "Field":
        """Return a numeric field with at most `most` values, neighbours put together; any other as it is."""
        together = -(-len(self.labels) // most)
        if together == 1 or not self.numeric:
            return self
        parts = [self.labels[first : first + together] for first in range(0, len(self.labels), together)]
        return Field(self.name, True, self.places // together, tuple(_span(part) for part in parts))


@dataclass(frozen=True)
class Search:
    """Everything the page of a sweep shows; `table` and `document` are those of `backtest.sweeps`, `grid` is the grid's for JSON.

    `prices` has source and adjustment; `chosen` is the day from which the books' names were public; `reports` gives
    the address of the full report of a spec_id, from the page.
    """

    title: str
    question: str
    table: pd.DataFrame
    windows: tuple[Window, ...]
    document: Mapping[str, Any]
    grid: Mapping[str, Any]
    command: str
    prices: Mapping[str, str]
    chosen: pd.Timestamp
    reports: Mapping[str, str]

    def ratios(self, window: str) -> pd.Series:
        """Return the Sharpe ratio of every row in a window, NaN where it has none."""
        return self._figures(f"sharpe {window}")

    def returns(self, window: str) -> pd.Series:
        """Return the total return of every row in a window, NaN where it has none."""
        return self._figures(f"total_return {window}")

    def _figures(self, name: str) -> pd.Series:
        nothing = pd.Series(np.nan, index=self.table.index)
        return self.table[name].astype(float) if name in self.table else nothing

    @property
    def statistics(self) -> Mapping[str, Any]:
        """What the search is worth: deflated_sharpe, pbo, spa (a figure, or the reason there is none), minimum_length."""
        found: Mapping[str, Any] = self.document["statistics"]
        return found

    @property
    def best(self) -> float:
        """The highest Sharpe ratio over the whole run."""
        return float(self.document["best"][f"sharpe {WHOLE}"])

    @property
    def rows(self) -> str:
        """What a row of the table is: a setting, or a book of one where there are several."""
        return "book" if len(set(self.table["book"])) > 1 else "setting"

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field with at least two values, the book last where there are several."""
        settings = pd.DataFrame([json.loads(one) for one in self.table["setting"]], index=self.table.index)
        order = [name for name in self.grid["fields"] if name in settings]
        named = [(str(name), settings[name]) for name in [*order, *(name for name in settings if name not in order)]]
        made = [_field(name, list(values)) for name, values in [*named, ("book", self.table["book"])]]
        return tuple(one for one in made if len(one.labels) > 1)

    def beside(self, row: int) -> Mask:
        """Return which rows are at most one step from a row in every numeric field and the same in every other, itself too."""
        near = np.ones(len(self.table), dtype=bool)
        for field in self.fields:
            near &= np.abs(field.places - field.places[row]) <= int(field.numeric)
        return near

    def worst_beside(self, row: int) -> float:
        """Return the lowest Sharpe ratio over the whole run among a row and those beside it."""
        return float(self.ratios(WHOLE)[self.beside(row)].min())

    @cached_property
    def top_in_sample(self) -> Mask:
        """Which rows are the best tenth by Sharpe ratio in sample, ties included; none without ratios there."""
        ratios = self.ratios(IN)
        many = int(np.ceil(ratios.notna().sum() * TOP))
        return np.asarray(ratios >= ratios.nlargest(many).min() if many else np.zeros(len(ratios), dtype=bool))

    @cached_property
    def around_best_in_sample(self) -> Mask:
        """Which rows are the one with the highest Sharpe ratio in sample and those beside it; none without ratios there."""
        ratios = self.ratios(IN).to_numpy()
        return np.zeros(len(ratios), dtype=bool) if np.isnan(ratios).all() else self.beside(int(np.nanargmax(ratios)))


def _field(name: str, values: list[Any]) -> Field:
    """Return a field of numbers where all of them are, else of categories."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    held = [float(value) if numeric else said(value) for value in values]
    distinct = sorted(set(held)) if numeric else list(dict.fromkeys(held))
    place = {value: number for number, value in enumerate(distinct)}
    return Field(name, numeric, np.array([place[value] for value in held], dtype=np.intp), tuple(map(said, distinct)))


def said(value: Any) -> str:
    """Return a value of a setting as text: numbers without needless zeros, lists with commas, nothing as a dash."""
    if isinstance(value, list | tuple):
        return ", ".join(map(said, value)) or DASH
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.12g}".replace("-", "−")
    return str(value) or DASH


def _span(labels: tuple[str, ...]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
