"""Says which orders are due when, sends the kernel through the moments, and reads back what was bought and sold.

Many books at once share tickers, terms and decision days and differ in their targets: a sweep; one book is a sweep of one.
With a Journal the desk also writes down why what was wanted did not come about.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from backtest.execution import kernel
from backtest.execution.conditions import Terms
from backtest.execution.shortfall import Journal


@dataclass(frozen=True)
class Orders:
    """What was traded at each of R moments: `rows` are their numbers in the terms.

    `units` (R, books, T) are bought (> 0) and sold (< 0); `fixed` the fees of each order that are no rate; `cash` (R, books)
    what is left afterwards; `decision` (R, T) the number of the decision behind each order.
    """

    rows: np.ndarray
    units: np.ndarray
    fixed: np.ndarray
    cash: np.ndarray
    decision: np.ndarray

    @cached_property
    def held(self) -> np.ndarray:
        """The units held after each row, shape (R, books, T)."""
        return np.cumsum(self.units, axis=0)


def due_rows(terms: Terms, decided: pd.DatetimeIndex, lag: int) -> np.ndarray:
    """Return the moment each market's orders of each decision are due, shape (decisions, markets): its `lag`-th next session.

    -1 where the run ends before.
    """
    found = np.full((len(decided), len(terms.markets)), -1)
    for market in range(len(terms.markets)):
        rows = terms.rows_of(market)
        position = terms.sessions[terms.session[rows]].searchsorted(decided, side="right") + lag - 1
        within = position < len(rows)
        found[within, market] = rows[position[within]]
    return found


def walked(terms: Terms, targets: np.ndarray, due: np.ndarray, capital: float, journal: Journal | None = None) -> Orders:
    """Return the orders of books of targets (decisions, books, tickers), `due` as `due_rows` has it.

    The journal, where there is one, is told of the first book.
    """
    number, market = np.nonzero(due >= 0)
    moment = due[number, market]
    order = np.lexsort((number, moment))
    start = np.searchsorted(moment[order], np.arange(len(terms.market) + 1))
    seats = np.array([(part.start, part.stop) for part in terms.columns], dtype=np.uint64)
    until, wanted = due.max(axis=1, initial=-1), np.ascontiguousarray(targets, dtype=float)
    *found, at, value, notes = kernel.walk(
        terms.sheets, terms.market, seats, start, number[order], until, wanted, float(capital), journal is not None
    )
    if journal is not None:
        _tell(journal, terms, targets[:, 0], due, at, value, notes)
    return Orders(*found)


def _tell(
    journal: Journal, terms: Terms, targets: np.ndarray, due: np.ndarray, at: np.ndarray, value: np.ndarray, notes: np.ndarray
) -> None:
    """Tell the journal of a book what was queued and what was worked, moment by moment."""
    worked = {moment: place for place, moment in enumerate(at.tolist())}
    queued: dict[int, list[int]] = {}
    for number, row in enumerate(due):
        for moment in row[row >= 0].tolist():
            queued.setdefault(moment, []).append(number)
    waiting, held = np.zeros(len(terms.tickers), dtype=bool), np.zeros(len(terms.tickers))
    for moment in sorted({*worked, *queued}):
        seats = terms.columns[terms.market[moment]]
        for number in queued.get(moment, ()):
            journal.replaced(waiting, seats, moment)
            waiting[seats] = (targets[number, seats] > 0) | (held[seats] > 0)
            journal.queued(seats, moment, number, targets[number])
        if (place := worked.get(moment)) is not None:
            wanted, waited, done, cause, units = notes[place, seats, : kernel.KEPT].T
            held, waiting = notes[place, :, kernel.KEPT], notes[place, :, kernel.STILL] > 0
            journal.traded(
                moment, seats, units=units, wanted=wanted, held=held, value=float(value[place]), waiting=waited > 0,
                done=done > 0, cause=cause.astype(int),
            )  # fmt: skip
    journal.close(waiting, held, targets, due)
