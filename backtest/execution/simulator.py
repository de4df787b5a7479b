"""Fills the orders of many books with vectorbt's compiled kernel (`engine`), and checks every fill.

vectorbt drops or cuts an order without a word (see docs/decisions/order_sessions.md). Each order it is given has a size, a
price and a fee of its own, and what it filled is checked against them.
"""

from typing import Any

import numpy as np

from backtest.errors import BacktestError
from backtest.execution import engine, kernel
from backtest.execution.conditions import TradingConditions
from backtest.execution.orders import Orders


def simulate(conditions: TradingConditions, orders: Orders, capital: float) -> np.ndarray:
    """Fill the orders of every book with vectorbt's compiled kernel and return its records.

    Raises BacktestError when an order was not filled as ordered, or a book's cash came out different, to 1e-9.
    """
    if not len(orders.rows):
        return np.empty(0)
    lines = lines_of(conditions, orders)
    placed = placed_on(lines, conditions, orders)
    arguments, options = vectorbt_arguments(placed, len(conditions.tickers), capital)
    records = engine.simulate_from_orders(*arguments, **options)
    _check_fills(records, placed, lines, orders, capital, conditions)
    return records


def lines_of(conditions: TradingConditions, orders: Orders) -> np.ndarray:
    """Return the rows of some orders by line and market, -1 where a market has none, shape (lines, markets).

    Successive moments of different markets share a line, for no ticker is in both. Rows keep their order: within a line markets
    follow each other as in the conditions.
    """
    market = conditions.market[orders.rows]
    line = np.cumsum(np.append(True, market[1:] <= market[:-1])) - 1
    lines = np.full((line[-1] + 1, len(conditions.columns)), -1)
    lines[line, market] = np.arange(len(market))
    return lines


def placed_on(lines: np.ndarray, conditions: TradingConditions, orders: Orders) -> kernel.Placed:
    """Return the orders of every book on lines."""
    units, fixed = orders.units.transpose(0, 2, 1), orders.fixed.transpose(0, 2, 1)
    return kernel.placed(conditions.moments, orders.rows, lines, units, fixed)


def vectorbt_arguments(
    placed: kernel.Placed, tickers: int, capital: float
) -> tuple[tuple[Any, ...], dict[str, Any]]:  # vectorbt's own arguments, of many types
    """Return what vectorbt's kernel is called with: a size, price, rate, fixed fee and slippage per order, a group per book.

    Within a book and market sales come first; which those are is known, so that vectorbt need not sort them.
    """
    shape = placed.size.shape
    books = shape[1] // tickers
    arguments = shape, np.full(books, tickers, dtype=np.int64), np.full(books, float(capital)), placed.turn
    return arguments, {
        "size": placed.size,
        "size_type": np.asarray(engine.SIZE_TYPE_AMOUNT),
        "direction": np.asarray(engine.DIRECTION_LONG_ONLY),
        "price": placed.price,
        "val_price": placed.price,
        "close": placed.price,
        "fees": placed.rate,
        "fixed_fees": placed.fixed,
        "slippage": placed.slippage,
        "auto_call_seq": False,
        "max_orders": int(placed.orders) + 1,
        "max_logs": 1,
    }


def _check_fills(
    records: np.ndarray,
    placed: kernel.Placed,
    lines: np.ndarray,
    orders: Orders,
    capital: float,
    conditions: TradingConditions,
) -> None:
    """Refuse an order that vectorbt dropped or cut, and cash that came out different."""
    names, books = len(conditions.tickers), orders.units.shape[1]
    fills = kernel.checked_fills(records, placed.size, books, float(capital))
    if fills.first_other >= 0:
        record = records[fills.first_other]
        line, column = int(record["idx"]), int(record["col"])
        filled = float(record["size"]) * (1.0 if record["side"] == 0 else -1.0)
        where = _where(conditions, orders, lines[line], column % names)
        raise BacktestError(f"{where}: vectorbt filled {filled:g} of {placed.size[line, column]:g} units")
    if len(records) != placed.orders:
        lost = ~np.isnan(placed.size)
        lost[records["idx"], records["col"]] = False
        line, column = np.argwhere(lost)[0]
        raise BacktestError(f"{_where(conditions, orders, lines[line], column % names)}: vectorbt dropped the order")
    if (off := np.abs(fills.cash - orders.cash[-1]) > kernel.FILLED_WITHIN * (capital + fills.turnover)).any():
        book = int(off.argmax())
        raise BacktestError(f"vectorbt left {fills.cash[book]:,.6f} in cash; expected {orders.cash[-1, book]:,.6f}")


def _where(conditions: TradingConditions, orders: Orders, line: np.ndarray, seat: int) -> str:
    """Return the ticker of an order and its session; `line` has the row of each market."""
    market = next(number for number, part in enumerate(conditions.columns) if seat < part.stop)
    session = conditions.session[orders.rows[line[market]]]
    return f"{conditions.tickers[seat]} on {conditions.sessions[session]:%Y-%m-%d}"
