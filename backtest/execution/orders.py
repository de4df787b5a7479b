"""Says which orders are due when, sends the kernel through the moments, and reads back what was bought and sold.

Many books at once share tickers, conditions and decision days and differ in their targets: a sweep; one book is a sweep of one.
A ShortfallLog also gets why the first book's orders were not filled as wanted.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from backtest.execution import kernel
from backtest.execution.conditions import TradingConditions
from backtest.execution.shortfall import ShortfallLog


@dataclass(frozen=True)
class Orders:
    """What was traded at each of R moments: `rows` are their numbers in the conditions.

    `units` (R, books, T) are bought (> 0) and sold (< 0); `fixed` the fees of each order that are no rate; `cash` (R, books)
    what is left afterwards; `decision` (R, T) the number of the decision behind each order. Amounts are in the unit of the
    conditions that they were made under.
    """

    rows: np.ndarray
    units: np.ndarray
    fixed: np.ndarray
    cash: np.ndarray
    decision: np.ndarray

    @cached_property
    def holdings(self) -> np.ndarray:
        """The units held after each row, shape (R, books, T)."""
        return np.cumsum(self.units, axis=0)

    def times(self, grown: np.ndarray) -> "Orders":
        """Return the same orders with the amounts of each row multiplied by a number."""
        return replace(self, fixed=self.fixed * grown[:, None, None], cash=self.cash * grown[:, None])


def due_rows(conditions: TradingConditions, decided: pd.DatetimeIndex, lag: int) -> np.ndarray:
    """Return the moment each market's orders of each decision are due, shape (decisions, markets): its `lag`-th next session.

    -1 where the run ends before.
    """
    due = np.full((len(decided), len(conditions.markets)), -1)
    for market in range(len(conditions.markets)):
        rows = conditions.rows_of(market)
        position = conditions.dates_of(market).to_numpy().searchsorted(decided.to_numpy(), side="right") + lag - 1
        within = position < len(rows)
        due[within, market] = rows[position[within]]
    return due


def walked(
    conditions: TradingConditions, targets: np.ndarray, due: np.ndarray, capital: float, log: ShortfallLog | None = None
) -> Orders:
    """Return the orders of books of targets (decisions, books, tickers), `due` as `due_rows` has it.

    The log, where there is one, gets the shortfall of the first book.
    """
    number, market = np.nonzero(due >= 0)
    moment = due[number, market]
    order = np.lexsort((number, moment))
    start = np.cumsum(np.bincount(moment + 1, minlength=len(conditions.market) + 1))
    kernel.prepare(targets.shape[1] * len(conditions.tickers) * len(conditions.market))
    traded = kernel.walk(
        conditions.moments,
        kernel.Due(start, number[order], due.max(axis=1, initial=-1)),
        np.ascontiguousarray(targets.transpose(0, 2, 1), dtype=float),
        float(capital),
        log is not None,
    )
    if log is not None:
        _log_first_book(log, conditions, targets[:, 0], due, traded)
    units, fixed = traded.units.transpose(0, 2, 1), traded.fixed.transpose(0, 2, 1)
    return Orders(traded.rows, units, fixed, traded.cash, traded.decision)


def _log_first_book(
    log: ShortfallLog, conditions: TradingConditions, targets: np.ndarray, due: np.ndarray, traded: kernel.Traded
) -> None:
    """Log what was queued and what was worked for the first book, moment by moment."""
    worked = {moment: index for index, moment in enumerate(traded.worked.tolist())}
    queued: dict[int, list[int]] = {}
    for number, row in enumerate(due):
        for moment in row[row >= 0].tolist():
            queued.setdefault(moment, []).append(number)
    waiting, holdings = np.zeros(len(conditions.tickers), dtype=bool), np.zeros(len(conditions.tickers))
    for moment in sorted({*worked, *queued}):
        seats = conditions.columns[conditions.market[moment]]
        for number in queued.get(moment, ()):
            log.replaced(waiting, seats, moment)
            waiting[seats] = (targets[number, seats] > 0) | (holdings[seats] > 0)
            log.queued(seats, moment, number, targets[number])
        if (index := worked.get(moment)) is not None:
            orders = traded.orders[index]
            holdings, waiting = orders["holding"], orders["waits"].copy()
            log.traded(seats, moment, orders, float(traded.value[index]))
    log.close(waiting, holdings, targets, due)
