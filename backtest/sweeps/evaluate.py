"""Settings to equity curves, through the same functions of the engine as a single run, each shared part computed once.

Shared: what was known at a decision's close, each signal's scores there, the terms of a book, and each distinct path of
targets. Books that share terms, decision days, lag and capital walk together and are filled in one call of the kernel.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from backtest import engine
from backtest.engine import Decision, Outlook
from backtest.execution.conditions import Terms
from backtest.panel import Archive, content
from backtest.statistics import performance
from backtest.strategy import StrategySpec
from backtest.universe import Universe

BOOKS_AT_ONCE = 64  # walked together: bounds the memory
Made = TypeVar("Made")


@dataclass(frozen=True)
class Curve:
    """One book of one setting: the setting's number, the book, and its value at each session in the book's currency."""

    number: int
    book: str
    sessions: pd.DatetimeIndex
    values: np.ndarray
    periods: int

    @property
    def equity(self) -> pd.Series:
        """The values by session."""
        return pd.Series(self.values, self.sessions)


@dataclass(frozen=True)
class _Frame:
    """What every setting of a group shares."""

    tickers: tuple[str, ...]
    base: str
    markets: tuple[str, ...]
    sessions: pd.DatetimeIndex
    last: pd.Timestamp


@dataclass(frozen=True)
class _Path:
    """The decision sessions of a book, its targets (decisions, tickers), and a hash of these: equal ones are traded once."""

    decided: pd.DatetimeIndex
    targets: np.ndarray
    content: bytes


class _Newest(Generic[Made]):
    """What was asked for last, so many of it."""

    def __init__(self, most: int) -> None:
        self._held: OrderedDict[Any, Made] = OrderedDict()
        self._most = most

    def get(self, key: Any, make: Callable[[], Made]) -> Made:
        """Return what is held under a key, made where it is not."""
        if key not in self._held:
            self._held[key] = make()
        self._held.move_to_end(key)
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return self._held[key]


class Evaluator:
    """Evaluates settings on one archive, keeping what the next setting can use again."""

    def __init__(self, archive: Archive, universe: Universe) -> None:
        self.archive, self.universe, self.content = archive, universe, content(archive)
        self._frames: _Newest[_Frame] = _Newest(256)
        self._benchmarks: _Newest[pd.Series] = _Newest(256)
        self._outlooks: _Newest[Outlook] = _Newest(1024)
        self._scores: _Newest[pd.Series] = _Newest(8192)
        self._paths: _Newest[_Path] = _Newest(512)
        self._terms: _Newest[tuple[Terms, np.ndarray]] = _Newest(4)  # large
        self._whatever_slippage: _Newest[tuple[Terms, np.ndarray]] = _Newest(4)

    def curves(self, specs: Sequence[StrategySpec]) -> Iterator[Curve]:
        """Yield every book of every setting, group by group; BacktestError as a run of the setting would raise it."""
        groups: dict[Any, list[tuple[int, str]]] = {}
        for number, spec in enumerate(specs):
            for book in spec.books:
                groups.setdefault(self._group(spec, book), []).append((number, book))
        for members in groups.values():
            for first in range(0, len(members), BOOKS_AT_ONCE):
                yield from self._together(specs, members[first : first + BOOKS_AT_ONCE])

    def sessions(self, spec: StrategySpec, book: str) -> pd.DatetimeIndex:
        """Return the sessions of a book."""
        return self._frame(spec, book).sessions

    def benchmark(self, spec: StrategySpec, book: str) -> pd.Series:
        """Return the value of all benchmarks of a book's markets, in equal parts each session, NaN where none is priced."""
        return self._benchmarks.get(_about(spec, book), lambda: self._compared(self._frame(spec, book)))

    def _compared(self, frame: _Frame) -> pd.Series:
        prices = self.archive.prices
        compared = [one.ticker for one in self.universe.benchmarks if one.market in frame.markets]
        prices.require(compared)
        returns = performance.mean_returns(prices.priced(compared, frame.base, frame.sessions))
        values = (1.0 + returns).cumprod().reindex(frame.sessions)
        if len(returns):
            values.iloc[frame.sessions.searchsorted(returns.index[0]) - 1] = 1.0
        return values

    def _group(self, spec: StrategySpec, book: str) -> tuple[Any, ...]:
        """Return what the books that are walked together share."""
        return (self._terms_key(spec, book), spec.rebalance, spec.lag, spec.capital)

    def _together(self, specs: Sequence[StrategySpec], members: Sequence[tuple[int, str]]) -> Iterator[Curve]:
        spec, book = specs[members[0][0]], members[0][1]
        frame, (terms, worth) = self._frame(spec, book), self._terms_of(spec, book)
        paths = [self._path(specs[number], book, terms) for number, book in members]
        distinct = {path.content: path for path in paths}
        order = {content: place for place, content in enumerate(distinct)}
        places = [order[path.content] for path in paths]
        targets = np.stack([path.targets for path in distinct.values()], axis=1)
        orders = engine.filled(spec, terms, targets, paths[0].decided)
        values = engine.values(terms, orders, worth, spec.capital)
        periods = self.archive.prices.periods_per_year(frame.markets)
        for (number, name), place in zip(members, places, strict=True):
            yield Curve(number, name, frame.sessions, values[place], periods)

    def _path(self, spec: StrategySpec, book: str, terms: Terms) -> _Path:
        """Return what one book decides."""
        frame = self._frame(spec, book)

        def decided() -> _Path:
            sessions = engine.decision_sessions(spec, frame.sessions)
            targets = engine.targets_of([self._decision(spec, book, frame, session) for session in sessions], terms)
            return _Path(sessions, targets, hashlib.sha256(targets.tobytes()).digest())

        key = (book, spec.books[book], spec.signals, spec.weights, spec.rebalance, frame.tickers, spec.start, frame.last)
        return self._paths.get(key, decided)

    def _decision(self, spec: StrategySpec, book: str, frame: _Frame, session: pd.Timestamp) -> Decision:
        baskets = spec.books[book]
        seen = self._outlooks.get(
            (baskets, frame.markets, session),
            lambda: engine.outlook(baskets, frame.markets, self.archive, self.universe, session),
        )
        scores = tuple(
            self._scores.get((signal, seen.moment), partial(engine.scored, signal, seen.panel)) for signal in spec.signals
        )
        return engine.decided_on(spec, book, seen, scores)

    def _frame(self, spec: StrategySpec, book: str) -> _Frame:
        return self._frames.get(_about(spec, book), lambda: self._framed(spec, book))

    def _framed(self, spec: StrategySpec, book: str) -> _Frame:
        prices = self.archive.prices
        tickers = spec.tickers(book, self.universe)
        base = self.universe.basket(spec.books[book][0]).currency if spec.base == "local" else spec.base
        prices.require(tickers)
        last = engine.last_session(spec, prices, tickers)
        sessions = engine.run_sessions(prices, tickers, pd.Timestamp(spec.start), last, spec.fill)
        return _Frame(tickers, base, prices.markets_of(tickers), sessions, sessions[-1])

    def _terms_key(self, spec: StrategySpec, book: str) -> tuple[Any, ...]:
        frame = self._frame(spec, book)
        costs = (spec.fill, spec.cost_bps, spec.slippage_range, spec.slippage_bps)  # the last is no part of what slippages share
        return (frame.tickers, frame.base, spec.start, frame.last, *costs)

    def _terms_of(self, spec: StrategySpec, book: str) -> tuple[Terms, np.ndarray]:
        """Return the terms a book trades under, and a unit's value in its currency by session."""
        key = self._terms_key(spec, book)

        def made() -> tuple[Terms, np.ndarray]:
            frame, prices = self._frame(spec, book), self.archive.prices
            terms = engine.book_terms(spec, prices, frame.tickers, frame.base, frame.sessions)
            wealth, rate = engine.worth_of(terms, prices, frame.base)
            return terms, wealth * rate

        def slipped() -> tuple[Terms, np.ndarray]:
            terms, worth = self._whatever_slippage.get(key[:-1], made)
            return terms.slipping(engine.costs_of(spec)), worth

        return self._terms.get(key, slipped)


def _about(spec: StrategySpec, book: str) -> tuple[Any, ...]:
    """Return what decides a book's tickers and days."""
    return book, spec.baskets, spec.together, spec.base, spec.start, spec.end, spec.fill, spec.weights.holds
