"""The whole history, and the one door to what was known at a moment.

Only the engine and the audits hold an Archive. Signals see a Panel, which has nothing later than its moment in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from backtest.facts import Fact, Facts
from backtest.prices import Prices

Series = tuple[str, str]  # (entity, metric)


@dataclass(frozen=True)
class Archive:
    """Every figure and price of a run, earliest to latest; `as_of` is the one way in."""

    facts: Facts
    prices: Prices

    @property
    def data_id(self) -> str:
        """A hash of the content of the figures and prices."""
        return f"{self.facts.data_id}-{self.prices.data_id}"

    def as_of(self, moment: pd.Timestamp) -> "Panel":
        """Return what was known at a UTC moment, its own instant included."""
        rows = self.facts.rows
        known = rows.iloc[: int(rows["known_at"].searchsorted(moment, side="right"))]
        newest = known.drop_duplicates(["entity", "metric", "period"], keep="last")
        chips = self.facts.accelerators
        return Panel(moment, newest, chips[chips["known_at"] <= moment], self._prices_known(moment))

    def _prices_known(self, moment: pd.Timestamp) -> pd.DataFrame:
        prices = self.prices
        until = {market: prices.known_until(market, moment) for market in prices.closes}
        latest = max((session for session in until.values() if session is not None), default=None)
        if latest is None:
            return prices.wealth.iloc[:0]
        shown = prices.wealth.loc[:latest]
        for market, session in until.items():
            if session != latest:
                later = shown.index > (session if session is not None else pd.Timestamp.min)
                columns = [ticker for ticker in shown.columns if prices.market[ticker] == market]
                if later.any() and columns:
                    shown = shown.copy()
                    shown.loc[later, columns] = np.nan
        return shown


@dataclass(frozen=True)
class Panel:
    """What was known at `moment`; never written to.

    `rows` holds the newest known row of each entity, metric and period; `prices` is session × ticker in each ticker's
    own currency up to the last close by `moment`; `quarters` are the calendar quarters any figure speaks of.
    """

    moment: pd.Timestamp
    rows: pd.DataFrame
    accelerators: pd.DataFrame
    prices: pd.DataFrame
    _cache: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def quarters(self) -> np.ndarray:
        """Every calendar quarter from the first to the last that a known figure speaks of (int, rising by one)."""
        if "quarters" not in self._cache:
            known = self.rows["quarter"].to_numpy()
            self._cache["quarters"] = np.arange(known.min(), known.max() + 1) if len(known) else np.array([], dtype=int)
        return self._cache["quarters"]  # type: ignore[return-value]

    def matrix(self, series: Sequence[Series]) -> np.ndarray:
        """Return quarters × series as known, NaN where nothing was; read-only and cached."""
        key = tuple(series)
        if key not in self._cache:
            table = np.full((len(self.quarters), len(key)), np.nan)
            for column, name in enumerate(key):
                for quarter, row in self._positions.get(name, {}).items():
                    table[quarter - self.quarters[0], column] = self._values[row]
            table.flags.writeable = False
            self._cache[key] = table
        return self._cache[key]  # type: ignore[return-value]

    def fact(self, series: Series, quarter: int) -> Fact | None:
        """Return the known figure of an entity and metric for a calendar quarter, or None."""
        position = self._positions.get(series, {}).get(quarter)
        if position is None:
            return None
        row = self.rows.iloc[position]
        return Fact(**{name: row[name] for name in Fact.__dataclass_fields__})

    @property
    def _values(self) -> np.ndarray:
        if "values" not in self._cache:
            self._cache["values"] = self.rows["value"].to_numpy()
        return self._cache["values"]  # type: ignore[return-value]

    @property
    def _positions(self) -> dict[Series, dict[int, int]]:
        """Per entity and metric, the row of each quarter: of several periods in a quarter, the one that ends last."""
        if "positions" not in self._cache:
            found: dict[Series, dict[int, int]] = {}
            names = zip(self.rows["entity"], self.rows["metric"], self.rows["quarter"], strict=True)
            ends = self.rows["period_end"].to_numpy()
            for row, (entity, metric, quarter) in enumerate(names):
                held = found.setdefault((entity, metric), {})
                if quarter not in held or ends[row] >= ends[held[quarter]]:
                    held[quarter] = row
            self._cache["positions"] = found
        return self._cache["positions"]  # type: ignore[return-value]
