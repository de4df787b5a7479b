"""Trades target weights: the conditions of every order, the orders, vectorbt's fills, and what the book is worth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from backtest.execution.accounting import (
    Simulation,
    book_values,
    fills_of,
    orders_table,
    profit_parts,
    shares_of_value,
    unit_values,
    weight_tables,
)
from backtest.execution.conditions import TradingConditions, conditions_of
from backtest.execution.next_orders import TradedBook, last_close
from backtest.execution.orders import Orders, due_rows, walked
from backtest.execution.settings import ExecutionSettings
from backtest.execution.shortfall import ShortfallLog
from backtest.execution.simulator import simulate
from backtest.prices import Prices


def trade(
    targets: pd.DataFrame,
    prices: Prices,
    base: str,
    sessions: pd.DatetimeIndex,
    settings: ExecutionSettings,
    next_targets: Mapping[str, float] | None = None,
) -> Simulation:
    """Return what came of a book's target weights.

    targets: weights, decisions × tickers, indexed by the session at whose close each row was decided.
    base: the currency of the book, in which `settings.capital` is.
    sessions: the sessions of the book, from its first decision on.
    next_targets: weights that are asked for at the last close, where what they would trade is wanted too.

    Raises DataError for what prices or rules do not cover, BacktestError when vectorbt filled otherwise than ordered.
    """
    conditions = conditions_of(prices, tuple(targets.columns), base, sessions, settings.fill, settings.costs)
    decided, weights = pd.DatetimeIndex(targets.index), targets[list(conditions.tickers)].to_numpy()
    log = ShortfallLog(conditions, decided)
    orders = filled(conditions, weights[:, None], due_rows(conditions, decided, settings.lag), settings.capital, log)
    unfilled, late, differences, exits = log.tables()
    table, units = orders_table(conditions, orders, decided), unit_values(conditions, prices, base)
    equity = pd.Series(book_values(conditions, orders, units.in_base, settings.capital)[0], sessions)
    target, realised = weight_tables(conditions, orders, weights)
    shares = shares_of_value(conditions, orders, units, equity)
    book = TradedBook(conditions, weights, decided, settings, units, orders)
    closing = None if next_targets is None else last_close(book, shares.iloc[-1], next_targets, log.waiting_table())
    return Simulation(
        equity=equity,
        targets=target,
        realised=realised,
        orders=table,
        unfilled=unfilled,
        late=late,
        differences=differences,
        exits=exits,
        profits=profit_parts(conditions, orders, units, equity, table),
        shares=shares,
        fills=fills_of(conditions, orders, units),
        last_close=closing,
    )


def traded_values(
    targets: Sequence[pd.DataFrame], prices: Prices, base: str, sessions: pd.DatetimeIndex, settings: ExecutionSettings
) -> list[pd.Series]:
    """Return what `trade` would make of each table of target weights: its value by session and nothing else, together.

    The tables have one index and the same columns.
    """
    conditions = conditions_of(prices, tuple(targets[0].columns), base, sessions, settings.fill, settings.costs)
    weights = np.stack([table[list(conditions.tickers)].to_numpy() for table in targets], axis=1)
    due = due_rows(conditions, pd.DatetimeIndex(targets[0].index), settings.lag)
    orders = filled(conditions, weights, due, settings.capital)
    values = book_values(conditions, orders, unit_values(conditions, prices, base).in_base, settings.capital)
    return [pd.Series(row, sessions) for row in values]


def filled(
    conditions: TradingConditions, targets: np.ndarray, due: np.ndarray, capital: float, log: ShortfallLog | None = None
) -> Orders:
    """Return the orders of every book of targets (decisions, books, tickers), filled by vectorbt; `due` as `due_rows` has it.

    Where cash earns interest, orders are made and checked in units of it. Raises BacktestError
    when vectorbt filled otherwise than ordered.
    """
    counted = conditions.in_cash_units()
    orders = walked(counted, targets, due, capital, log)
    simulate(counted, orders, capital)
    return orders if conditions.cash is None else orders.times(conditions.grown(orders.rows))
