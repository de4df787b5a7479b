"""Fills the orders of many books with vectorbt's compiled kernel (`engine`), and checks every fill.

vectorbt drops or cuts an order without a word (see docs/decisions/order_sessions.md). Each order it is given has a size, a
price and a fee of its own, and what it filled is checked against them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from backtest.errors import BacktestError
from backtest.execution import engine, kernel
from backtest.execution.conditions import TradingConditions
from backtest.execution.orders import Orders


@dataclass(frozen=True)
class Lines:
    """Orders as vectorbt gets them: successive moments of different markets share a line, for no ticker is in both.

    `units` and `fixed` are (lines, books, tickers), `sheets` (lines, tickers); `row` (lines, tickers) is the orders' row.
    """

    units: np.ndarray
    fixed: np.ndarray
    sheets: np.ndarray
    row: np.ndarray


def simulate(conditions: TradingConditions, orders: Orders, capital: float) -> np.ndarray:
    """Fill the orders of every book with vectorbt's compiled kernel and return its records.

    Raises BacktestError when an order was not filled as ordered, or a book's cash came out different, to 1e-9.
    """
    if not len(orders.rows):
        return np.empty(0)
    lines = lines_of(conditions, orders)
    arguments, options = vectorbt_arguments(conditions, lines, capital)
    records = engine.simulate_from_orders(*arguments, **options)
    _check_fills(records, lines, orders, capital, conditions)
    return records


def lines_of(conditions: TradingConditions, orders: Orders) -> Lines:
    """Return the lines of some orders; rows keep their order: within a line markets follow each other as in the conditions."""
    market, count = conditions.market[orders.rows], len(orders.rows)
    begins = np.append(True, market[1:] <= market[:-1])
    line, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    seat = np.repeat(np.arange(len(conditions.columns)), [part.stop - part.start for part in conditions.columns])
    row = np.repeat(first[:, None], len(conditions.columns), axis=1)
    row[line, market] = np.arange(count)
    row = row[:, seat]
    if len(first) == count:
        return Lines(orders.units, orders.fixed, conditions.sheets[orders.rows], row)
    units, fixed = np.zeros((2, len(first), *orders.units.shape[1:]))
    for number, part in enumerate(conditions.columns):
        own = market == number
        units[line[own], :, part], fixed[line[own], :, part] = orders.units[own, :, part], orders.fixed[own, :, part]
    return Lines(units, fixed, conditions.sheets[orders.rows[row], np.arange(len(seat))], row)


def vectorbt_arguments(
    conditions: TradingConditions, lines: Lines, capital: float
) -> tuple[tuple[Any, ...], dict[str, Any]]:  # vectorbt's own arguments, of many types
    """Return what vectorbt's kernel is called with: a size, price, rate, fixed fee and slippage per order, a group per book.

    Within a book and market sales come first; which those are is known, so that vectorbt need not sort them.
    """
    _, books, tickers = lines.units.shape
    ends = np.array([part.stop for part in conditions.columns])
    placed = kernel.placed(lines.sheets, lines.units, ends)
    shape = placed.size.shape
    arguments = shape, np.full(books, tickers, dtype=np.int64), np.full(books, float(capital)), placed.turn
    return arguments, {
        "size": placed.size,
        "size_type": np.asarray(engine.SIZE_TYPE_AMOUNT),
        "direction": np.asarray(engine.DIRECTION_LONG_ONLY),
        "price": placed.price,
        "val_price": placed.price,
        "close": placed.price,
        "fees": placed.rate,
        "fixed_fees": lines.fixed.reshape(shape),
        "slippage": placed.slippage,
        "auto_call_seq": False,
        "max_orders": int(np.count_nonzero(lines.units)) + 1,
        "max_logs": 1,
    }


def _check_fills(records: np.ndarray, lines: Lines, orders: Orders, capital: float, conditions: TradingConditions) -> None:
    """Refuse an order that vectorbt dropped or cut, and cash that came out different."""
    names = len(conditions.tickers)
    fills = kernel.checked_fills(records, lines.units, float(capital))
    if fills.first_other >= 0:
        record = records[fills.first_other]
        at, (book, seat) = int(record["idx"]), divmod(int(record["col"]), names)
        filled = float(record["size"]) * (1.0 if record["side"] == 0 else -1.0)
        ordered = float(lines.units[at, book, seat])
        day = _day(conditions, orders, lines.row[at, seat])
        raise BacktestError(f"{conditions.tickers[seat]} on {day}: vectorbt filled {filled:g} of {ordered:g} units")
    if len(records) != fills.orders:
        units = lines.units.reshape(len(lines.units), -1).copy()
        units[records["idx"], records["col"]] = 0.0
        at, lost = np.argwhere(units)[0]
        day = _day(conditions, orders, lines.row[at, lost % names])
        raise BacktestError(f"{conditions.tickers[lost % names]} on {day}: vectorbt dropped the order")
    if (off := np.abs(fills.cash - orders.cash[-1]) > kernel.FILLED_WITHIN * (capital + fills.turnover)).any():
        book = int(off.argmax())
        raise BacktestError(f"vectorbt left {fills.cash[book]:,.6f} in cash; expected {orders.cash[-1, book]:,.6f}")


def _day(conditions: TradingConditions, orders: Orders, row: int) -> str:
    return f"{conditions.sessions[conditions.session[orders.rows[row]]]:%Y-%m-%d}"
