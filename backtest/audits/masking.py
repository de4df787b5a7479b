"""Hides everything later than a moment from every table of figures and prices there is, whoever holds it.

A signal should read nothing but its Panel; one that keeps an Archive, in a field or a global, reads past it. So the cut is made
where figures and prices are read, in `Facts` and `Prices` themselves, and reaches every one of them while it lasts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtest.facts import Facts
from backtest.panel import Archive
from backtest.prices import Prices


@dataclass(frozen=True)
class MaskedRow:
    """One figure, chip or price that lies beyond a moment: when it became known, and what to call it."""

    known_at: pd.Timestamp
    table: str
    key: tuple[Any, ...]
    text: str


@contextmanager
def masked_after(moment: pd.Timestamp, shown: frozenset[tuple[Any, ...]] = frozenset()) -> Iterator[None]:
    """Let no Facts or Prices show a row later than a moment, but those of `shown` (keys of `beyond`), until the block ends.

    Figures and chips by `known_at`, prices by the close of their market's session; their rows stay, without a value. Not
    for threads: the cut is made in the classes.
    """
    cuts: dict[str, Callable[[Any], Any]] = {
        "rows": lambda rows: rows[_known(rows, moment, shown, _fact_keys)],
        "accelerators": lambda chips: chips[_known(chips, moment, shown, _chip_keys)],
    }
    facts = _seen_through(Facts, lambda name, value, _: cuts[name](value) if name in cuts else value)
    prices = _seen_through(Prices, lambda name, value, own: _wealth(value, own, moment, shown) if name == "wealth" else value)
    with facts, prices:
        yield


def masked_rows(archive: Archive, moment: pd.Timestamp) -> list[MaskedRow]:
    """Return every row of an archive that a moment hides, in the order in which it became known."""
    rows, chips = archive.facts.rows, archive.facts.accelerators
    later, planned = rows[rows["known_at"] > moment], chips[chips["known_at"] > moment]
    rows_found = [
        MaskedRow(when, "figure", key, f"{origin} ({key[1]} {key[2]} {key[3]}, known {published})")
        for when, key, origin, published in zip(
            later["known_at"], _fact_keys(later), later["origin"], later["published"], strict=True
        )
    ]
    rows_found += [
        MaskedRow(when, "chip", key, f"accelerators.csv row {row} ({key[1]}, known {published})")
        for when, key, row, published in zip(
            planned["known_at"], _chip_keys(planned), planned.index, planned["published"], strict=True
        )
    ]
    return sorted(rows_found + _later_prices(archive.prices, moment), key=lambda row: (row.known_at, row.text))


def _later_prices(prices: Prices, moment: pd.Timestamp) -> list[MaskedRow]:
    later = []
    for ticker in prices.wealth.columns:
        closes = prices.closes[prices.market[ticker]]
        priced = prices.traded(ticker)
        for session, close in closes[(closes > moment) & closes.index.isin(priced)].items():
            text = f"the price of {ticker} on {session:%Y-%m-%d} (known {close:%Y-%m-%dT%H:%MZ})"
            later.append(MaskedRow(pd.Timestamp(close), "price", ("price", ticker, session), text))
    return later


def _fact_keys(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    columns = (rows[name] for name in ("entity", "metric", "period", "known_at"))
    return [("figure", *key) for key in zip(*columns, strict=True)]


def _chip_keys(chips: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [("chip", chip, when) for chip, when in zip(chips["chip"], chips["known_at"], strict=True)]


def _known(
    table: pd.DataFrame,
    moment: pd.Timestamp,
    shown: frozenset[tuple[Any, ...]],
    keys: Callable[[pd.DataFrame], list[tuple[Any, ...]]],
) -> np.ndarray:
    known = (table["known_at"] <= moment).to_numpy()
    if shown:
        known = known | np.array([key in shown for key in keys(table)], dtype=bool)
    return known


def _wealth(wealth: pd.DataFrame, prices: Prices, moment: pd.Timestamp, shown: frozenset[tuple[Any, ...]]) -> pd.DataFrame:
    cut = wealth.copy()
    for market, closes in prices.closes.items():
        tickers = [ticker for ticker in wealth.columns if prices.market[ticker] == market]
        until = closes.index[: int(closes.searchsorted(moment, side="right"))]
        last = until[-1] if len(until) else pd.Timestamp.min
        cut.loc[cut.index > last, tickers] = np.nan
    back = np.zeros(wealth.shape, dtype=bool)
    for kind, *cell in shown:
        if kind == "price" and cell[0] in wealth.columns and cell[1] in wealth.index:
            back[wealth.index.get_loc(cell[1]), wealth.columns.get_loc(cell[0])] = True
    return cut.where(~back, wealth)


@contextmanager
def _seen_through(kind: type, cut: Callable[[str, Any, Any], Any]) -> Iterator[None]:
    """Pass every attribute read from instances of a class through a cut, each table cut once, until the block ends."""
    made: dict[tuple[int, str], tuple[Any, Any]] = {}

    def read(self: Any, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if not isinstance(value, pd.DataFrame):
            return value
        key = (id(value), name)
        if key not in made:
            made[key] = (value, cut(name, value, self))  # the table itself is kept, so that its id stays its own
        return made[key][1]

    kind.__getattribute__ = read  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del kind.__getattribute__
