"""The order desk: walks the moments of one book or of many and says what is bought and sold, knowing nothing of later ones.

Many books at once share tickers, terms and decision days and differ in their targets: a sweep; one book is a sweep of one.
Arrays are books × tickers. With a Journal the desk also writes down why what was wanted did not come about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtest.journal import Cause, Journal
from backtest.terms import Terms

HALF_LOT = 0.5 + 1e-9
WITHIN = 1e-9  # of a book's value: what is missed by less is rounding; of its capital: no order is worth less
SPARE = 1.0 - 1e-12  # of the cash that a cut purchase may use: its parts are rounded


@dataclass(frozen=True)
class Orders:
    """What was traded at each of R moments: `rows` are their numbers in the terms.

    `units` (R, books, T) are bought (> 0) and sold (< 0); `fixed` the fees of each order that are no rate; `held` the units and
    `cash` (R, books) what is left afterwards; `decision` (R, T) the number of the decision behind each order.
    """

    rows: np.ndarray
    units: np.ndarray
    fixed: np.ndarray
    held: np.ndarray
    cash: np.ndarray
    decision: np.ndarray


def due_rows(terms: Terms, decided: Sequence[pd.Timestamp], lag: int) -> np.ndarray:
    """Return the moment each market's orders of each decision are due, shape (decisions, markets): its `lag`-th next session.

    -1 where the run ends before.
    """
    found = np.full((len(decided), len(terms.markets)), -1)
    for market in range(len(terms.markets)):
        rows = terms.rows_of(market)
        position = terms.sessions[terms.session[rows]].searchsorted(pd.DatetimeIndex(list(decided)), side="right") + lag - 1
        within = position < len(rows)
        found[within, market] = rows[position[within]]
    return found


class Desk:
    """The state of some books: what is held, what is wanted, and what waits.

    `targets` is decisions × books × tickers; `due` as `due_rows` has it. `cut` marks what was bought in part and waits for cash
    that a sale still waiting, or due later in another market, may bring.
    """

    def __init__(
        self, terms: Terms, targets: np.ndarray, due: np.ndarray, capital: float, journal: Journal | None = None
    ) -> None:
        self.terms, self.targets, self.due, self.journal = terms, targets, due, journal
        books = targets.shape[1:]
        self.held: np.ndarray = np.zeros(books)
        self.target: np.ndarray = np.zeros(books)
        self.cash = np.full(books[0], float(capital))
        self.dust = WITHIN * capital
        self.open: np.ndarray = np.zeros(books, dtype=bool)
        self.cut: np.ndarray = np.zeros(books, dtype=bool)
        self.decision, self.due_row = np.full(books[1], -1), np.full(books[1], -1)
        self.sales_until = -1  # the last moment at which orders of a decision taken so far fall due
        self.working = [False] * len(terms.markets)
        self.traded: list[tuple[Any, ...]] = []

    def walk(self) -> Orders:
        """Trade through every moment and return the orders."""
        queued: dict[int, list[int]] = {}
        for number, row in enumerate(self.due):
            for moment in row[row >= 0].tolist():
                queued.setdefault(moment, []).append(number)
        ending = set(np.flatnonzero(self.terms.ends.any(axis=1)).tolist())
        for moment, market in enumerate(self.terms.market.tolist()):
            for number in queued.get(moment, ()):
                self._queue(number, moment, market)
            if self.working[market] or moment in ending:
                self._trade(moment, market)
        if self.journal is not None:
            self.journal.close(self.open[0], self.held[0], self.targets[:, 0], self.due)
        if not self.traded:
            books, tickers = self.held.shape
            nothing = np.zeros((0, books, tickers))
            return Orders(np.zeros(0, int), nothing, nothing, nothing, np.zeros((0, books)), np.zeros((0, tickers), int))
        return Orders(*(np.array(part) for part in zip(*self.traded, strict=True)))

    def _queue(self, number: int, moment: int, market: int) -> None:
        """Let a decision's orders of one market wait in place of older ones; none where nothing is held nor wanted."""
        seats = self.terms.columns[market]
        self.target[:, seats] = self.targets[number][:, seats]
        if self.journal is not None:
            self.journal.replaced(self.open[0], seats, moment)
        self.open[:, seats] = (self.target[:, seats] > 0) | (self.held[:, seats] > 0)
        self.cut[:, seats] = False
        self.decision[seats], self.due_row[seats] = number, moment
        self.sales_until = max(self.sales_until, int(self.due[number].max()))
        self.working[market] = bool(self.open[:, seats].any())
        if self.journal is not None:
            self.journal.queued(seats, moment, number, self.target[0])

    def _trade(self, moment: int, market: int) -> None:
        """Sell, then buy with what cash there is, whatever of a market's waiting orders can be traded at a moment."""
        terms, seats = self.terms, self.terms.columns[market]
        price, lot, held, waiting = terms.price[moment, seats], terms.lot[moment, seats], self.held[:, seats], self.open[:, seats]
        value = (self.cash + (self.held * terms.mark[moment]).sum(axis=1))[:, None]
        ending, priced = terms.ends[moment, seats], ~np.isnan(price)
        each = np.where(priced, price, 1.0)
        live = (waiting & priced) | (ending & (held > 0))
        wanted = np.where(live & ~ending, self.target[:, seats] * value / each, np.where(live, 0.0, held))
        change = wanted - held
        sell, buy = (change < 0) & ~(self.cut[:, seats] & ~ending), change > 0
        sealed = (buy & terms.sealed_up[moment, seats]) | (sell & terms.sealed_down[moment, seats])
        size = np.where((sell | buy) & ~sealed, _rounded(np.abs(change), lot), 0.0)
        size = np.where(sell & ~sealed, np.minimum(np.where(wanted == 0, held, size), held), size)
        small = (size < terms.least[moment, seats]) & ~(sell & (size == held))
        size[small] = 0.0
        before = self.cash
        sold, sold_fixed = self._sell(moment, seats, np.where(sell, size, 0.0))
        asked = np.where(buy, size, 0.0)
        # the cash there would be but for the costs of the sales and the rounding to lots
        gross = before + (sold * each).sum(axis=1) + ((asked > 0) * lot * each).sum(axis=1) / 2.0
        afforded = (np.where(asked > 0, change, 0.0) * each).sum(axis=1) <= gross * (1.0 + WITHIN)
        bought, bought_fixed = self._buy(moment, seats, asked)
        if (units := bought - sold).any():
            self._record(moment, seats, units, sold_fixed + bought_fixed)
        short = asked - bought > np.where(lot > 0, HALF_LOT * lot, WITHIN * value / each)
        done = waiting & live & ~sealed
        keep = done & short & (~afforded & self._cash_may_come(moment, seats, done))[:, None]
        if self.journal is not None:
            cause = np.select([sealed & buy, sealed, ~priced], [Cause.LIMIT_UP, Cause.LIMIT_DOWN, Cause.SUSPENDED], Cause.NONE)
            cause = np.where(short, np.where(afforded[:, None], Cause.COSTS, Cause.SHORT_OF_CASH), cause)
            cause = np.where(small & done, Cause.BELOW_LEAST, cause)
            self.journal.traded(
                moment, seats, units=units[0], wanted=wanted[0], held=self.held[0], value=value[0, 0],
                waiting=waiting[0], done=(done & ~keep)[0], cause=cause[0],
            )  # fmt: skip
        self.open[:, seats] = ((waiting & ~done) | keep) & ~ending
        self.cut[:, seats] = keep | (self.cut[:, seats] & waiting & ~done)
        self.working[market] = bool(self.open[:, seats].any())

    def _cash_may_come(self, moment: int, seats: slice, done: np.ndarray) -> np.ndarray:
        """Return per book whether a sale waits, or falls due later in another market."""
        waiting = self.open.copy()
        waiting[:, seats] &= ~done
        mark = self.terms.mark[moment]
        value = (self.cash + (self.held * mark).sum(axis=1))[:, None]
        selling = waiting & (self.target * value < self.held * mark)
        return np.asarray(selling.any(axis=1) | (self.sales_until > moment))

    def _sell(self, moment: int, seats: slice, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take the proceeds; return what is sold and its fixed fees. A sale worth less than its costs is left."""
        terms = self.terms
        value = size * _filled(terms.price[moment, seats]) * (1.0 - terms.slippage[moment, seats])
        fixed = _topped_up(value, terms.sell["commission"][moment, seats], terms.commission_least[moment, seats])
        fixed += np.minimum(size * terms.activity[moment, seats], terms.activity_most[moment, seats])
        net = value * (1.0 - terms.sell_rate[moment, seats]) - fixed
        worth = net > self.dust
        self.cash = self.cash + np.where(worth, net, 0.0).sum(axis=1)
        return np.where(worth, size, 0.0), np.where(worth, fixed, 0.0)

    def _buy(self, moment: int, seats: slice, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pay; return what is bought and its fixed fees.

        Where the cash falls short all purchases are cut by one factor, then to whole lots.
        """
        terms = self.terms
        rate = terms.buy_rate[moment, seats]
        commission, least = terms.buy["commission"][moment, seats], terms.commission_least[moment, seats]
        each = _filled(terms.price[moment, seats]) * (1.0 + terms.slippage[moment, seats])
        gross, fixed = size * each * (1.0 + rate), _topped_up(size * each, commission, least)
        short = (gross + fixed).sum(axis=1) > self.cash * SPARE
        if short.any():
            spare = self.cash - ((size > 0) * least).sum(axis=1)
            share = np.clip(SPARE * spare / np.maximum(gross.sum(axis=1), 1e-300), 0.0, 1.0)
            cut = _floored(size * share[:, None], terms.lot[moment, seats])
            cut[cut < terms.least[moment, seats]] = 0.0
            size = np.where(short[:, None], cut, size)
        worth = size * each > self.dust + (fixed := _topped_up(size * each, commission, least))
        size, fixed = np.where(worth, size, 0.0), np.where(worth, fixed, 0.0)
        self.cash = self.cash - (size * each * (1.0 + rate) + fixed).sum(axis=1)
        return size, fixed

    def _record(self, moment: int, seats: slice, units: np.ndarray, fixed: np.ndarray) -> None:
        every, fees = np.zeros(self.held.shape), np.zeros(self.held.shape)
        every[:, seats], fees[:, seats] = units, fixed
        self.held = self.held + every
        self.traded.append((moment, every, fees, self.held, self.cash, self.decision.copy()))


def _filled(price: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(price), 1.0, price)


def _topped_up(value: np.ndarray, rate: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Return what an order pays beyond its rate to reach the least commission."""
    return np.where(value > 0, np.maximum(least - value * rate, 0.0), 0.0)


def _rounded(units: np.ndarray, lot: np.ndarray) -> np.ndarray:
    """Return units to the nearest lot; any amount where a lot is 0."""
    return np.where(lot > 0, np.floor(units / np.where(lot > 0, lot, 1.0) + 0.5) * lot, units)


def _floored(units: np.ndarray, lot: np.ndarray) -> np.ndarray:
    """Return units down to whole lots; any amount where a lot is 0."""
    return np.where(lot > 0, np.floor(units / np.where(lot > 0, lot, 1.0) + WITHIN) * lot, units)
