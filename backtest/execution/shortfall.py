"""Implementation shortfall of one book: why an order was filled late, in part, or not at all, and what that cost.

`cost` is in the book's currency: units not traded times the move of their value since they were due. A negative cost is a gain.
"""

from enum import IntEnum

import numpy as np
import pandas as pd

from backtest.errors import BacktestError
from backtest.execution import kernel
from backtest.execution.conditions import TradingConditions
from backtest.execution.reasons import NO_OPEN, NOT_WORTH_IT, PRICES_ENDED, REPLACED, RUN_ENDED, SUSPENDED, TOO_SMALL


class Cause(IntEnum):
    """Why an order was not filled as wanted."""

    NONE = kernel.NOTHING
    SUSPENDED = kernel.SUSPENDED
    LIMIT_UP = kernel.LIMIT_UP
    LIMIT_DOWN = kernel.LIMIT_DOWN
    SHORT_OF_CASH = kernel.SHORT_OF_CASH
    COSTS = kernel.COSTS
    BELOW_LEAST = kernel.BELOW_LEAST
    NO_OPEN = kernel.BELOW_LEAST + 1  # a SUSPENDED of the kernel, on a session that has a close


WORDS = {
    Cause.SUSPENDED: SUSPENDED,
    Cause.LIMIT_UP: "sealed at the upper limit",
    Cause.LIMIT_DOWN: "sealed at the lower limit",
    Cause.SHORT_OF_CASH: "short of cash",
    Cause.COSTS: "cash kept for costs and whole lots",
    Cause.BELOW_LEAST: "below the board's least order",
    Cause.NO_OPEN: NO_OPEN,
}
UNFILLED = ["decided", "ticker", "target", "reason", "waited", "cost"]
LATE = ["decided", "ticker", "session", "waited", "reason", "cost"]
DIFFERENCES = ["session", "ticker", "target", "realised", "lots", "reason"]
MISSED = 1e-9  # of a book's value, where orders are in fractions of a share
HALF_LOT = 0.5 + 1e-6


class ShortfallLog:
    """Rows of the tables UNFILLED, LATE, DIFFERENCES and of exits (session, ticker), added moment by moment."""

    def __init__(self, conditions: TradingConditions, decided: pd.DatetimeIndex) -> None:
        self.conditions, self.decided = conditions, decided
        tickers = len(conditions.tickers)
        self.target = np.zeros(tickers)
        self.number, self.due = np.full(tickers, -1), np.full(tickers, -1)
        self.cause = np.zeros(tickers, dtype=int)
        self.missing = np.zeros(tickers)  # units the order still lacked when it was last tried
        self.unfilled: list[tuple[object, ...]] = []
        self.waiting: list[tuple[object, ...]] = []  # those of them that wait for a session after the run
        self.late: list[tuple[object, ...]] = []
        self.differences: list[tuple[object, ...]] = []
        self.exits: list[tuple[object, ...]] = []

    def queued(self, seats: slice, moment: int, number: int, target: np.ndarray) -> None:
        """Note a decision's new orders of one market."""
        self.target[seats], self.number[seats], self.due[seats] = target[seats], number, moment
        self.cause[seats], self.missing[seats] = Cause.NONE, 0.0

    def replaced(self, waiting: np.ndarray, seats: slice, moment: int) -> None:
        """Account for what still waits when newer orders of its market are due."""
        for seat in range(seats.start, seats.stop):
            if waiting[seat]:
                self._gave_up(seat, moment, REPLACED)

    def traded(self, seats: slice, moment: int, orders: kernel.Records, value: float) -> None:
        """Note a moment of one market: `orders` are records of `kernel.ORDER` for every ticker.

        `value` is the book's before it, counted as in `TradingConditions.in_cash_units`.
        """
        own, least = orders[seats], self.conditions.least[moment, seats]
        value *= float(self.conditions.grown(np.array([moment]))[0])
        missing = own["wanted"] - own["holding"]
        ending = self.conditions.ends[moment, seats]
        for index in np.flatnonzero(own["waited"] | (ending & ((own["units"] != 0) | (own["holding"] > 0)))):
            seat, order = seats.start + int(index), kernel.Order(*own[index].item())
            if ending[index]:
                self._ended(seat, moment, order)
            elif order.done:
                small = order.cause == Cause.BELOW_LEAST or order.wanted < least[index]
                if small and order.holding == 0 and self.target[seat] > 0:
                    self._too_small(seat, moment, float(missing[index]))
                else:
                    self._done(seat, moment, order, value)
            else:
                self.cause[seat] = Cause.NO_OPEN if self.conditions.unopened[moment, seat] else order.cause
                self.missing[seat] = self.missing[seat] if order.cause == Cause.SUSPENDED else missing[index]

    def close(self, waiting: np.ndarray, holdings: np.ndarray, targets: np.ndarray, due: np.ndarray) -> None:
        """Account for every order that no moment filled; `targets` is decisions × tickers."""
        replaced = len(self.unfilled)
        for seat in np.flatnonzero(waiting).tolist():
            self._gave_up(seat, int(self.conditions.rows_of(self._market(seat))[-1]), REPLACED)
        for number, market in np.argwhere(due < 0).tolist():
            for seat in range(self.conditions.columns[market].start, self.conditions.columns[market].stop):
                if targets[number, seat] > 0 or holdings[seat] > 0:
                    row = (self.decided[number], self.conditions.tickers[seat], float(targets[number, seat]), RUN_ENDED, 0, 0.0)
                    self.unfilled.append(row)
        self.waiting = self.unfilled[replaced:]

    def waiting_table(self) -> pd.DataFrame:
        """Return the orders that wait for a session after the run: those of `unfilled` that nothing replaced."""
        return pd.DataFrame(self.waiting, columns=UNFILLED)

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Return unfilled, late, differences and exits."""
        unfilled = pd.DataFrame(self.unfilled, columns=UNFILLED).sort_values(["decided", "ticker"], kind="stable")
        exits = pd.DataFrame(self.exits, columns=["session", "ticker"])
        return (
            unfilled.reset_index(drop=True),
            pd.DataFrame(self.late, columns=LATE),
            pd.DataFrame(self.differences, columns=DIFFERENCES),
            exits,
        )

    def _market(self, seat: int) -> int:
        return next(number for number, seats in enumerate(self.conditions.columns) if seats.start <= seat < seats.stop)

    def _session(self, moment: int) -> pd.Timestamp:
        return pd.Timestamp(self.conditions.sessions[self.conditions.session[moment]])

    def _waited(self, seat: int, moment: int) -> int:
        rows = self.conditions.rows_of(self._market(seat))
        return int(rows.searchsorted(moment) - rows.searchsorted(self.due[seat]))

    def _cost(self, seat: int, moment: int, units: float) -> float:
        return units * float(self.conditions.mark[moment, seat] - self.conditions.mark[self.due[seat], seat])

    def _gave_up(self, seat: int, moment: int, otherwise: str) -> None:
        """Write down an order that ends unfilled, with the reason it last waited for."""
        priced = ~np.isnan(self.conditions.price[self.due[seat] :, seat])
        ended = self.conditions.tickers[seat] in self.conditions.ended and not priced.any()
        reason = PRICES_ENDED if ended else WORDS.get(Cause(self.cause[seat]), otherwise)
        cost = self._cost(seat, moment, self.missing[seat])
        decided, ticker = self.decided[self.number[seat]], self.conditions.tickers[seat]
        self.unfilled.append((decided, ticker, float(self.target[seat]), reason, self._waited(seat, moment), cost))

    def _ended(self, seat: int, moment: int, order: kernel.Order) -> None:
        """Write down what becomes of a ticker at its last price: sold, kept because sealed, or not bought any more."""
        if order.units < 0:
            self.exits.append((self._session(moment), self.conditions.tickers[seat]))
        if self.number[seat] >= 0 and (order.holding > 0 or (order.units == 0 and self.target[seat] > 0)):
            self.cause[seat] = order.cause
            reason = WORDS[Cause(order.cause)] if order.holding > 0 and order.cause else PRICES_ENDED
            decided, ticker = self.decided[self.number[seat]], self.conditions.tickers[seat]
            self.unfilled.append((decided, ticker, float(self.target[seat]), reason, self._waited(seat, moment), 0.0))

    def _too_small(self, seat: int, moment: int, missing: float) -> None:
        """Write down an order for a name not held of which the board lets nothing so small be bought."""
        decided, ticker, cost = self.decided[self.number[seat]], self.conditions.tickers[seat], self._cost(seat, moment, missing)
        self.unfilled.append((decided, ticker, float(self.target[seat]), TOO_SMALL, self._waited(seat, moment), cost))

    def _done(self, seat: int, moment: int, order: kernel.Order, value: float) -> None:
        """Write down an order that was filled late, and one that was not filled whole."""
        conditions, session, ticker = self.conditions, self._session(moment), self.conditions.tickers[seat]
        missing, units, cause = order.wanted - order.holding, order.units, order.cause
        if waited := self._waited(seat, moment):
            reason = WORDS.get(Cause(self.cause[seat]), SUSPENDED)
            self.late.append((self.decided[self.number[seat]], ticker, session, waited, reason, self._cost(seat, moment, units)))
        lot, price = conditions.lot[moment, seat], conditions.price[moment, seat]
        lots = abs(missing) / lot if lot > 0 else np.nan
        if lots > HALF_LOT if lot > 0 else abs(missing) * price > MISSED * value:
            if cause == Cause.NONE and units != 0:
                raise BacktestError(f"{ticker} on {session:%Y-%m-%d}: {missing * price:,.2f} off its target for no reason known")
            reason = WORDS.get(Cause(cause), NOT_WORTH_IT)
            realised = self.target[seat] - missing * price / value
            self.differences.append((session, ticker, float(self.target[seat]), float(realised), float(lots), reason))
