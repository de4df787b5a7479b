"""Says which orders are due when, sends the kernel through the moments, and reads back what was bought and sold.

Many books at once share tickers, terms and decision days and differ in their targets: a sweep; one book is a sweep of one.
With a ShortfallLog the desk also writes down why what was wanted did not come about.
"""

from dataclasses import dataclass
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
    what is left afterwards; `decision` (R, T) the number of the decision behind each order.
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


def due_rows(conditions: TradingConditions, decided: pd.DatetimeIndex, lag: int) -> np.ndarray:
    """Return the moment each market's orders of each decision are due, shape (decisions, markets): its `lag`-th next session.

    -1 where the run ends before.
    """
    found = np.full((len(decided), len(conditions.markets)), -1)
    for market in range(len(conditions.markets)):
        rows = conditions.rows_of(market)
        position = conditions.sessions[conditions.session[rows]].searchsorted(decided, side="right") + lag - 1
        within = position < len(rows)
        found[within, market] = rows[position[within]]
    return found


def walked(
    conditions: TradingConditions, targets: np.ndarray, due: np.ndarray, capital: float, log: ShortfallLog | None = None
) -> Orders:
    """Return the orders of books of targets (decisions, books, tickers), `due` as `due_rows` has it.

    The log, where there is one, is told of the first book.
    """
    number, market = np.nonzero(due >= 0)
    moment = due[number, market]
    order = np.lexsort((number, moment))
    start = np.searchsorted(moment[order], np.arange(len(conditions.market) + 1))
    seats = np.array([(part.start, part.stop) for part in conditions.columns], dtype=np.uint64)
    until, wanted = due.max(axis=1, initial=-1), np.ascontiguousarray(targets, dtype=float)
    *found, at, value, notes = kernel.walk(
        conditions.sheets, conditions.market, seats, start, number[order], until, wanted, float(capital), log is not None
    )
    if log is not None:
        _tell(log, conditions, targets[:, 0], due, at, value, notes)
    return Orders(*found)


def _tell(
    log: ShortfallLog,
    conditions: TradingConditions,
    targets: np.ndarray,
    due: np.ndarray,
    at: np.ndarray,
    value: np.ndarray,
    notes: np.ndarray,
) -> None:
    """Tell the journal of a book what was queued and what was worked, moment by moment."""
    worked = {moment: place for place, moment in enumerate(at.tolist())}
    queued: dict[int, list[int]] = {}
    for number, row in enumerate(due):
        for moment in row[row >= 0].tolist():
            queued.setdefault(moment, []).append(number)
    waiting, held = np.zeros(len(conditions.tickers), dtype=bool), np.zeros(len(conditions.tickers))
    for moment in sorted({*worked, *queued}):
        seats = conditions.columns[conditions.market[moment]]
        for number in queued.get(moment, ()):
            log.replaced(waiting, seats, moment)
            waiting[seats] = (targets[number, seats] > 0) | (held[seats] > 0)
            log.queued(seats, moment, number, targets[number])
        if (place := worked.get(moment)) is not None:
            wanted, waited, done, cause, units = notes[place, seats, : kernel.KEPT].T
            held, waiting = notes[place, :, kernel.KEPT], notes[place, :, kernel.STILL] > 0
            log.traded(
                moment, seats, units=units, wanted=wanted, held=held, value=float(value[place]), waiting=waited > 0,
                done=done > 0, cause=cause.astype(int),
            )  # fmt: skip
    log.close(waiting, held, targets, due)
