"""A book at its last close: what is in it, what still waits, and what further targets would trade by the rules of every order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from backtest.execution.accounting import LastClose, UnitValues, orders_table
from backtest.execution.conditions import TradingConditions
from backtest.execution.orders import Orders, due_rows, walked
from backtest.execution.settings import ExecutionSettings

COPIED = (
    "shares", "lot", "least", "commission_least", "activity", "activity_most", "slippage", "day_range", "buy_rate", "sell_rate",
)  # fmt: skip
NEVER = ("sealed_up", "sealed_down", "ends", "unopened")


@dataclass(frozen=True)
class TradedBook:
    """One book as it was traded: `targets` (decisions, tickers), decided at the close of the sessions `decided`."""

    conditions: TradingConditions
    targets: np.ndarray
    decided: pd.DatetimeIndex
    settings: ExecutionSettings
    units: UnitValues
    orders: Orders


def last_close(book: TradedBook, weights: pd.Series, wanted: Mapping[str, float], waiting: pd.DataFrame) -> LastClose:
    """Return a book of these weights after its last session, and what the targets `wanted` would trade.

    They are traded by the kernel at a moment added to each market: at the last prices, by the lots, fees and slippage of the
    last session on which each ticker could be traded. No limit seals it: a limit is measured from the close before.
    """
    row = _last_priced(book.conditions)
    seats = np.arange(len(row))
    shares, lots = book.conditions.shares[row, seats], book.conditions.lot[row, seats]
    units = book.orders.holdings[-1, 0] if len(book.orders.rows) else np.zeros(len(row))
    positions = pd.DataFrame(
        {
            "weight": weights.reindex(book.conditions.tickers).fillna(0.0).to_numpy(),
            "shares": units * shares,
            "lot": np.round(np.nan_to_num(lots * shares), 6),
            "priced": book.conditions.sessions[book.conditions.session[row]],
            "halted": row < _last_moments(book.conditions),
        },
        index=list(book.conditions.tickers),
    )
    return LastClose(positions, waiting, _proposed(book, row, wanted))


def _proposed(book: TradedBook, row: np.ndarray, wanted: Mapping[str, float]) -> pd.DataFrame:
    """Return the orders of targets that fall due at a moment after the last, by market."""
    begun = len(book.conditions.market)
    conditions = _with_moments_at_close(book.conditions, row, book.units.in_base[-1])
    counted = conditions.in_cash_units()
    due = np.vstack([due_rows(book.conditions, book.decided, book.settings.lag), begun + np.arange(len(conditions.markets))])
    targets = np.vstack([book.targets, [wanted.get(ticker, 0.0) for ticker in conditions.tickers]])
    every = walked(counted, targets[:, None], due, book.settings.capital)
    if conditions.cash is not None:
        every = every.times(conditions.grown(every.rows))
    new = every.rows >= begun
    orders = Orders(every.rows[new], every.units[new], every.fixed[new], every.cash[new], every.decision[new])
    return orders_table(conditions, orders, pd.DatetimeIndex([*book.decided, conditions.sessions[-1]]))


def _last_priced(conditions: TradingConditions) -> np.ndarray:
    """Return the last moment at which each ticker could be traded, of its market's where it never could: shape (tickers,)."""
    priced = ~np.isnan(conditions.price)
    newest = len(priced) - 1 - priced[::-1].argmax(axis=0)
    return np.where(priced.any(axis=0), newest, _last_moments(conditions))


def _last_moments(conditions: TradingConditions) -> np.ndarray:
    """Return the last moment of each ticker's market, shape (tickers,)."""
    last = [conditions.rows_of(market)[-1] for market in range(len(conditions.markets))]
    return np.repeat(last, [part.stop - part.start for part in conditions.columns])


def _with_moments_at_close(conditions: TradingConditions, row: np.ndarray, values: np.ndarray) -> TradingConditions:
    """Return conditions with a moment more for each market, on the last session at these values of a unit.

    What is declared ended has no price there.
    """
    markets, seats = np.arange(len(conditions.markets)), np.arange(len(row))
    shape = (len(markets), len(row))
    here = np.repeat(markets, [part.stop - part.start for part in conditions.columns]) == markets[:, None]
    ended = conditions.ends.any(axis=0) | np.isnan(conditions.price[row, seats])

    def longer(table: np.ndarray) -> np.ndarray:
        return np.concatenate([table, np.broadcast_to(table[row, seats], shape)])

    def added(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.concatenate([table, np.broadcast_to(rows, shape).astype(table.dtype)])

    tables = {name: longer(getattr(conditions, name)) for name in COPIED}
    tables |= {name: added(getattr(conditions, name), np.zeros(shape)) for name in NEVER}
    return replace(
        conditions,
        session=np.append(conditions.session, np.full(len(markets), len(conditions.sessions) - 1)),
        market=np.append(conditions.market, markets),
        price=added(conditions.price, np.where(here & ~ended, values, np.nan)),
        mark=added(conditions.mark, values),
        fx_rate=added(conditions.fx_rate, conditions.fx_rate[-1]),
        buy={kind: longer(rate) for kind, rate in conditions.buy.items()},
        sell={kind: longer(rate) for kind, rate in conditions.sell.items()},
        **tables,  # type: ignore[arg-type]
    )
