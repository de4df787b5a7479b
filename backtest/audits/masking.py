"""Hides everything later than a moment from every table of figures and prices there is, whoever holds it.

A signal should read nothing but its Panel; one that keeps an Archive, in a field or a global, reads past it. So the cut is made
where figures and prices are read, in `Facts` and `Prices` themselves, and reaches every one of them while it lasts.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from backtest.facts import Facts
from backtest.panel import Archive
from backtest.prices import Bars, Prices

A_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class MaskedRow:
    """One figure, chip or price that lies beyond a moment: when it became known, and what to call it."""

    known_at: pd.Timestamp
    table: str
    key: tuple[Any, ...]
    text: str


class Cells(NamedTuple):
    """Cells of session × ticker, as two lists of equal length."""

    sessions: pd.DatetimeIndex
    tickers: list[str]

    @classmethod
    def of(cls, shown: frozenset[tuple[Any, ...]]) -> "Cells":
        """Return the prices among the keys of `masked_rows`."""
        prices = [key for key in shown if key[0] == "price"]
        return cls(pd.DatetimeIndex([session for _, _, session in prices]), [ticker for _, ticker, _ in prices])


@contextmanager
def masked_after(moment: pd.Timestamp, shown: frozenset[tuple[Any, ...]] = frozenset()) -> Iterator[None]:
    """Let no Facts or Prices show a row later than a moment, but those of `shown` (keys of `masked_rows`), until the block ends.

    Figures, chips, events and ranges by `known_at`, prices and bars by the close of their market's session (their rows stay,
    without a value), a day's exchange rate by the midnight UTC that ends it. Not for threads: the cut is made in the classes.
    """
    cells, hidden = Cells.of(shown), _Hidden([])
    facts = {name: lambda table, _, keys=keys: _known(table, moment, shown, keys) for name, (_, keys, _) in TABLES.items()}
    prices = {
        "wealth": lambda wealth, own: _traded(wealth, hidden.of(wealth, own, moment, cells)),
        "bars": lambda bars, own: Bars(*(_traded(each, hidden.of(each, own, moment, cells)) for each in vars(bars).values())),
        "volume": lambda volume, own: _traded(volume, hidden.of(volume, own, moment, cells)),
        "rates": lambda rates, _: _rated(rates, moment, shown),
    }
    with _seen_through(Facts, facts), _seen_through(Prices, prices):
        yield


def masked_rows(archive: Archive, moment: pd.Timestamp) -> list[MaskedRow]:
    """Return every row of an archive that a moment hides, in the order in which it became known."""
    hidden = [row for name in TABLES for row in _later_rows(archive.facts, name, moment)]
    hidden += _later_prices(archive.prices, moment) + _later_rates(archive.prices, moment)
    return sorted(hidden, key=lambda row: (row.known_at, row.text))


def _later_rows(facts: Facts, name: str, moment: pd.Timestamp) -> list[MaskedRow]:
    kind, keys, text = TABLES[name]
    table = getattr(facts, name)
    later = table[table["known_at"] > moment]
    rows = zip(later["known_at"], keys(later), later.index, later.to_dict("records"), strict=True)
    return [MaskedRow(when, kind, key, text(number, row)) for when, key, number, row in rows]


def _later_rates(prices: Prices, moment: pd.Timestamp) -> list[MaskedRow]:
    later = prices.rates[pd.DatetimeIndex(prices.rates.index) + A_DAY > _day(moment)]
    return [
        MaskedRow((day + A_DAY).tz_localize("UTC"), "rate", ("rate", currency, day), f"the rate of {currency} of {day:%Y-%m-%d}")
        for currency in later.columns
        for day in later[currency].dropna().index
    ]


def _rated(rates: pd.DataFrame, moment: pd.Timestamp, shown: frozenset[tuple[Any, ...]]) -> pd.DataFrame:
    visible = np.repeat(np.asarray(pd.DatetimeIndex(rates.index) + A_DAY <= _day(moment))[:, None], len(rates.columns), axis=1)
    for kind, *cell in shown:
        if kind == "rate" and cell[0] in rates.columns and cell[1] in rates.index:
            visible[rates.index.get_loc(cell[1]), rates.columns.get_loc(cell[0])] = True
    return rates.where(visible).dropna(how="all")


def _day(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_localize(None)


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


def _event_keys(events: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [("event", number, when) for number, when in zip(events.index, events["known_at"], strict=True)]


def _range_keys(ranges: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [("range", number, when) for number, when in zip(ranges.index, ranges["known_at"], strict=True)]


# Tables of Facts: what a row is called, its key, and what a person is told of it by its number and its values.
TABLES: dict[str, tuple[str, Callable[[pd.DataFrame], list[tuple[Any, ...]]], Callable[[Any, dict[Any, Any]], str]]] = {
    "rows": (
        "figure",
        _fact_keys,
        lambda _, row: f"{row['origin']} ({row['entity']} {row['metric']} {row['period']}, known {row['published']})",
    ),
    "accelerators": (
        "chip", _chip_keys, lambda number, row: f"accelerators.csv row {number} ({row['chip']}, known {row['published']})",
    ),
    "events": ("event", _event_keys, lambda number, row: f"the event of row {number} (known {row['known_at']:%Y-%m-%d})"),
    "ranges": ("range", _range_keys, lambda number, row: f"the range of row {number} (known {row['known_at']:%Y-%m-%d})"),
}  # fmt: skip


def _known(
    table: pd.DataFrame,
    moment: pd.Timestamp,
    shown: frozenset[tuple[Any, ...]],
    keys: Callable[[pd.DataFrame], list[tuple[Any, ...]]],
) -> pd.DataFrame:
    """Return the rows known at a moment and those shown: mostly the first of the table, which are copied in one piece."""
    known = (table["known_at"] <= moment).to_numpy()
    if shown:
        known = known | np.array([key in shown for key in keys(table)], dtype=bool)
    count = int(np.count_nonzero(known))
    return table.iloc[:count].copy() if known[:count].all() else table[known]


class _Hidden(NamedTuple):
    """Which cells of a table closed after a moment, but for some that are shown: found once for prices of the same axes."""

    masks: list[tuple[Prices, pd.DataFrame, np.ndarray]]

    def of(self, table: pd.DataFrame, prices: Prices, moment: pd.Timestamp, shown: Cells) -> np.ndarray:
        """Return session × ticker, true where a cell is hidden."""
        for owner, other, hidden in self.masks:
            if owner is prices and other.index.equals(table.index) and other.columns.equals(table.columns):
                return hidden
        self.masks.append((prices, table, _hidden(table, prices, moment, shown)))
        return self.masks[-1][2]


def _hidden(table: pd.DataFrame, prices: Prices, moment: pd.Timestamp, shown: Cells) -> np.ndarray:
    hidden = np.zeros(table.shape, dtype=bool)
    markets = np.array([prices.market[ticker] for ticker in table.columns], dtype=object)
    for market, closes in prices.closes.items():
        until = closes.index[: int(closes.searchsorted(moment, side="right"))]
        last = until[-1] if len(until) else pd.Timestamp.min
        hidden[np.ix_(table.index > last, markets == market)] = True
    rows, columns = table.index.get_indexer(shown.sessions), table.columns.get_indexer(pd.Index(shown.tickers))
    there = (rows >= 0) & (columns >= 0)
    hidden[rows[there], columns[there]] = False
    return hidden


def _traded(table: pd.DataFrame, hidden: np.ndarray) -> pd.DataFrame:
    """Return session × ticker without the cells that are hidden."""
    values = table.to_numpy(float, copy=True)
    values[hidden] = np.nan
    return pd.DataFrame(values, table.index, table.columns, copy=False)


@contextmanager
def _seen_through(kind: type, cuts: Mapping[str, Callable[[Any, Any], Any]]) -> Iterator[None]:
    """Pass attributes read from instances of a class through the cut of their name, once for each, until the block ends."""
    made: dict[tuple[int, int, str], tuple[Any, Any, Any]] = {}

    def read(self: Any, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if name not in cuts or value is None:
            return value
        key = (id(self), id(value), name)
        if key not in made:
            made[key] = (self, value, cuts[name](value, self))  # both are kept, so that their ids stay their own
        return made[key][2]

    kind.__getattribute__ = read  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del kind.__getattribute__
