"""Maps over pairs of fields: the median over all other fields, and the worst of a cell and its neighbours, as figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from backtest.report.sweep.search import Field, Mask, Search
from backtest.statistics.refusal import Floats
from backtest.thesis.windows import WHOLE

MOST_VALUES = 36  # of a field in a map: neighbouring numbers are gathered, more categories have no map


@dataclass(frozen=True)
class Map:
    """The median Sharpe ratio by two fields, and the worst neighbour of each cell: shape (values down, values across).

    NaN where no setting has a ratio. `idle` says of each cell whether the signal never acts in any of its settings. `across` is
    None where a single field varies: one column.
    """

    down: Field
    across: Field | None
    median: Floats
    worst: Floats
    idle: Mask
    best_at: tuple[int, int]

    @property
    def spread(self) -> float:
        """The standard deviation of the cells' medians: how much the pair matters."""
        return float(np.nanstd(self.median)) if np.isfinite(self.median).any() else 0.0

    @property
    def has_neighbours(self) -> bool:
        """Whether any field is numeric: categories have no neighbours."""
        return self.down.numeric or bool(self.across and self.across.numeric)

    @property
    def title(self) -> str:
        """The names of the fields."""
        return f"{self.down.name} and {self.across.name}" if self.across else self.down.name


def maps(search: Search, most: int = MOST_VALUES) -> list[Map]:
    """Return a map of every pair of fields, those that vary most first; of the one field where there is one.

    Neighbouring values of a field that has more than `most` are put together.
    """
    fields = [field.gathered(most) for field in search.fields]
    drawn = [field for field in fields if len(field.labels) <= most]
    pairs = list(combinations(drawn, 2)) if len(drawn) > 1 else [(field, None) for field in drawn]
    return sorted((_map(search, *_longer_down(*pair)) for pair in pairs), key=lambda drawn_map: -drawn_map.spread)


def left_out(search: Search) -> Iterator[str]:
    """Yield the fields that no map has: categories with too many values."""
    yield from (field.name for field in search.fields if not field.numeric and len(field.labels) > MOST_VALUES)


def _longer_down(first: Field, second: Field | None) -> tuple[Field, Field | None]:
    return (second, first) if second and len(second.labels) > len(first.labels) else (first, second)


def _map(search: Search, down: Field, across: Field | None) -> Map:
    shape = (len(down.labels), len(across.labels) if across else 1)
    cells = down.positions.astype(np.int32) * shape[1] + (across.positions if across else 0)
    cells = cells.astype(np.min_scalar_type(shape[0] * shape[1]))
    ratios = search.ratios(WHOLE).to_numpy()
    median = _medians(cells, ratios, search.by_ratio, shape[0] * shape[1]).reshape(shape)
    acting = np.bincount(cells[search.acts], minlength=median.size).reshape(shape) > 0
    best = int(np.nanargmax(ratios))
    steps = int(down.numeric), int(bool(across and across.numeric))
    return Map(
        down,
        across,
        median,
        worst_neighbours(median, *steps),
        ~acting & ~np.isnan(median),
        (int(down.positions[best]), int(across.positions[best]) if across else 0),
    )


def _medians(cells: npt.NDArray[np.integer[Any]], ratios: Floats, rising: npt.NDArray[np.int32], count: int) -> Floats:
    """Return the median of the ratios of each of so many cells, NaN for one without; `rising` has the rows by ratio, NaN last."""
    rows = rising[np.argsort(cells[rising], kind="stable")]
    every, given = np.bincount(cells, minlength=count), np.bincount(cells[~np.isnan(ratios)], minlength=count)
    first = np.cumsum(every) - every
    low, high = (ratios[rows[np.minimum(first + np.maximum(given - less, 0) // 2, len(rows) - 1)]] for less in (1, 0))
    return np.where(given > 0, np.where(given % 2, low, (low + high) / 2.0), np.nan)


def worst_neighbours(cells: Floats, down: int, across: int) -> Floats:
    """Return the lowest among each cell and those at most so many steps away down and across, corners too; NaN stays NaN."""
    rows, columns = cells.shape
    padded = np.pad(np.where(np.isnan(cells), np.inf, cells), ((down, down), (across, across)), constant_values=np.inf)
    shifted = [padded[y : y + rows, x : x + columns] for y in range(2 * down + 1) for x in range(2 * across + 1)]
    return np.where(np.isnan(cells), np.nan, np.min(shifted, axis=0))
