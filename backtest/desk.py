"""The order desk: walks the sessions and says which target is ordered when, knowing nothing of later ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from backtest.prices import Prices

PRICES_ENDED = "prices ended"
NOT_TRADED = "no price until the target changed"
SUPERSEDED = "a newer decision was placed first"
RUN_ENDED = "run ended before the market's next session"


@dataclass(frozen=True)
class Decision:
    """Target weights decided at the close of a session: all that was known is what was known at `moment`."""

    session: pd.Timestamp
    moment: pd.Timestamp
    scores: tuple[pd.Series, ...]
    targets: dict[str, float]


@dataclass(frozen=True)
class Waiting:
    """An order not yet placed: the number of its decision and the session it was due."""

    decision: int
    due: pd.Timestamp


class Desk:
    """The state of a book's orders: what is held, what waits, and what was ordered, late, unfilled or sold at its end.

    `orders` is session -> ticker -> target; `decided` the decision session behind each; the other tables are lists of
    rows as `engine.Placement` has them.
    """

    def __init__(
        self, decisions: Sequence[Decision], prices: Prices, tickers: Sequence[str], sessions: pd.DatetimeIndex, lag: int
    ) -> None:
        self.decisions = decisions
        self.sessions = sessions
        self.own = {ticker: prices.sessions((prices.market[ticker],)) for ticker in tickers}
        self.traded = {ticker: prices.traded(ticker) for ticker in tickers}
        self.last = {ticker: prices.last_session(ticker, sessions[-1]) for ticker in tickers}
        self.trades_on = {ticker: set(traded) for ticker, traded in self.traded.items()}
        self.due = self._due(tickers, lag)
        self.orders: dict[pd.Timestamp, dict[str, float]] = {}
        self.decided: dict[pd.Timestamp, pd.Timestamp] = {}
        self.unfilled: list[tuple[pd.Timestamp, str, float, str]] = []
        self.late: list[tuple[pd.Timestamp, str, pd.Timestamp, int]] = []
        self.exits: list[tuple[pd.Timestamp, str]] = []
        self.held: set[str] = set()
        self.waiting: dict[str, Waiting] = {}
        self.placed: set[str] = set()  # tickers whose order of the newest decision has been placed
        self.newest = -1

    def trade(self, session: pd.Timestamp) -> None:
        """Place what is due or waiting on a session and can trade, repeat what may have been short, sell what ends."""
        for ticker in [ticker for ticker, one in self.waiting.items() if self._outdated(one, session)]:
            self._drop(ticker, self.waiting.pop(ticker))
        for number, ticker in self.due.get(session, []):
            self._queue(number, ticker, session)
        ready = {ticker: one for ticker, one in self.waiting.items() if session in self.trades_on[ticker]}
        if ready:
            self._advance(max(one.decision for one in ready.values()))
            for ticker, one in ready.items():
                if one.decision == self.newest:
                    self._place(ticker, one, session)
            self._repeat(session)
        for ticker in sorted(self.held):
            if self._ends(ticker, session):
                self._order(ticker, session, 0.0, session)
                self.exits.append((session, ticker))

    def close(self) -> None:
        """Account for every order that no session placed."""
        for ticker, one in self.waiting.items():
            self._drop(ticker, one)
        for session, due in self.due.items():
            if session > self.sessions[-1]:
                for number, ticker in due:
                    target = self._target(number, ticker)
                    if target > 0 or ticker in self.held:
                        self.unfilled.append((self.decisions[number].session, ticker, target, RUN_ENDED))
        self.unfilled.sort(key=lambda row: (row[0], row[1]))

    def _due(self, tickers: Sequence[str], lag: int) -> dict[pd.Timestamp, list[tuple[int, str]]]:
        """Return per session the orders due on it: each ticker's own market's `lag`-th session after each decision."""
        found: dict[pd.Timestamp, list[tuple[int, str]]] = {}
        beyond = self.sessions[-1] + pd.Timedelta(days=1)
        for number, decision in enumerate(self.decisions):
            for ticker in tickers:
                own = self.own[ticker]
                position = int(own.searchsorted(decision.session, side="right")) + lag - 1
                session = own[position] if position < len(own) else beyond
                found.setdefault(session, []).append((number, ticker))
        return found

    def _queue(self, number: int, ticker: str, session: pd.Timestamp) -> None:
        """Let an order wait, in place of an older one; nothing to do where nothing is held nor wanted."""
        order = Waiting(number, session)
        wanted = self._target(number, ticker) > 0 or ticker in self.held
        if number < self.newest:
            if wanted:
                self._drop(ticker, order, SUPERSEDED)
            return
        former = self.waiting.pop(ticker, None)
        if former is not None:
            self._drop(ticker, former, SUPERSEDED if former.due == session else NOT_TRADED)
        if wanted:
            self.waiting[ticker] = order

    def _outdated(self, one: Waiting, session: pd.Timestamp) -> bool:
        """Return whether an order is late and a newer decision has been taken since."""
        newer = one.decision + 1
        return session > one.due and newer < len(self.decisions) and session > self.decisions[newer].session

    def _advance(self, number: int) -> None:
        """Start placing a newer decision: what older ones still wait for is dropped."""
        if number == self.newest:
            return
        self.newest, self.placed = number, set()
        for ticker in [ticker for ticker, one in self.waiting.items() if one.decision < number]:
            self._drop(ticker, self.waiting.pop(ticker), SUPERSEDED)

    def _place(self, ticker: str, one: Waiting, session: pd.Timestamp) -> None:
        del self.waiting[ticker]
        if self._ends(ticker, session) and ticker not in self.held:
            decided, target = self.decisions[one.decision].session, self._target(one.decision, ticker)
            self.unfilled.append((decided, ticker, target, PRICES_ENDED))
            return
        self._order(ticker, session, self._target(one.decision, ticker), self.decisions[one.decision].session)
        self.placed.add(ticker)
        waited = self.own[ticker].searchsorted(session) - self.own[ticker].searchsorted(one.due)
        if waited:
            self.late.append((self.decisions[one.decision].session, ticker, session, int(waited)))

    def _repeat(self, session: pd.Timestamp) -> None:
        """Order again what the newest decision placed on an earlier session, where it can trade."""
        for ticker in sorted(self.placed - set(self.orders.get(session, {}))):
            if session in self.trades_on[ticker] and (ticker in self.held or not self._ends(ticker, session)):
                self._order(ticker, session, self._target(self.newest, ticker), self.decisions[self.newest].session)

    def _order(self, ticker: str, session: pd.Timestamp, target: float, decided: pd.Timestamp) -> None:
        self.orders.setdefault(session, {})[ticker] = target
        self.decided.setdefault(session, decided)
        self.held = self.held | {ticker} if target > 0 else self.held - {ticker}

    def _drop(self, ticker: str, one: Waiting, reason: str = NOT_TRADED) -> None:
        ended = not len(self.traded[ticker]) or self.traded[ticker][-1] < one.due
        decided, target = self.decisions[one.decision].session, self._target(one.decision, ticker)
        self.unfilled.append((decided, ticker, target, PRICES_ENDED if ended else reason))

    def _ends(self, ticker: str, session: pd.Timestamp) -> bool:
        """Return whether a session is a ticker's last price although its market goes on inside the run."""
        return session == self.last[ticker]

    def _target(self, number: int, ticker: str) -> float:
        return self.decisions[number].targets.get(ticker, 0.0)
