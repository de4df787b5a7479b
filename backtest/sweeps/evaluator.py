"""Settings to equity curves, through the same functions as a single run, each shared part computed once.

Every cache is keyed by the objects that its value is made from: sub-models of the spec, the span of a book, a moment.
Books that share conditions, decision days, lag and capital are traded together, in one call of the kernel.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from backtest.decisions import (
    Decision,
    DecisionContext,
    closing_moment,
    context_of,
    decide_from,
    decision_sessions,
    last_session,
    run_sessions,
    scores_of,
    target_weights,
)
from backtest.execution.accounting import book_values, unit_values
from backtest.execution.conditions import TradingConditions, conditions_of
from backtest.execution.orders import due_rows
from backtest.execution.settings import Costs, ExecutionSettings, Fill
from backtest.execution.trading import filled
from backtest.panel import Archive, content, require_content
from backtest.signals import Signal
from backtest.strategy import LOCAL, Policy, Scope, StrategySpec, tickers_of
from backtest.universe import Universe
from backtest.weights import Controlled, Weighting, shares_differ

BOOKS_AT_ONCE = 32  # traded together: bounds the memory, and their orders stay in the processor's cache
Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


@dataclass(frozen=True)
class Curve:
    """One book of one setting: the setting's number, the book, and its value at each session in the book's currency.

    `twin` has the values of the same book with the signal on wherever it has a value, None for a weighting that names no twin;
    `acts` says whether the signal's answer ever changes and anything but the twin's targets follows from it.
    """

    number: int
    book: str
    sessions: pd.DatetimeIndex
    values: np.ndarray
    periods: int
    twin: np.ndarray | None
    acts: bool

    @property
    def equity(self) -> pd.Series:
        """The values by session."""
        return pd.Series(self.values, self.sessions)


@dataclass(frozen=True)
class _Book:
    """What the span of a book depends on: its baskets, the spec's scope, the fill, and tickers held beside the baskets'."""

    baskets: tuple[str, ...]
    scope: Scope
    fill: Fill
    holds: tuple[str, ...]


@dataclass(frozen=True)
class _Span:
    """The tickers and sessions of a book; the sessions are those of its tickers' markets from first to last."""

    tickers: tuple[str, ...]
    markets: tuple[str, ...]
    first: pd.Timestamp
    last: pd.Timestamp
    sessions: pd.DatetimeIndex = field(compare=False)


@dataclass(frozen=True)
class _Market:
    """What the conditions of a book's orders depend on."""

    span: _Span
    base: str
    fill: Fill
    costs: Costs


@dataclass(frozen=True)
class _Group:
    """What books share that are traded together."""

    span: _Span
    base: str
    execution: ExecutionSettings
    rebalance: str


@dataclass(frozen=True)
class _Decider:
    """What the targets of a book depend on."""

    book: str
    baskets: tuple[str, ...]
    policy: Policy
    span: _Span


@dataclass(frozen=True)
class _Path:
    """The decision sessions of a book, its targets (decisions, tickers), and a hash of these: equal ones are traded once.

    `changes` says whether the shares that the signal asks for differ between any two decisions at which it has a value.
    """

    decided: pd.DatetimeIndex
    targets: np.ndarray
    content: bytes
    changes: bool


@dataclass(frozen=True)
class _Together:
    """The targets of paths that are traded together depend on their tickers, the order these are wanted in, and their hashes."""

    tickers: tuple[str, ...]
    ordered: tuple[str, ...]
    contents: tuple[bytes, ...]
    paths: Sequence[_Path] = field(compare=False)


class BookDecisions(NamedTuple):
    """A book of a spec under a way of filling its orders: what it decides, and its twin, None where its weighting names none."""

    book: str
    span: _Span
    base: str
    path: _Path
    twin: _Path | None


class _LruCache(Generic[Key, Made]):
    """A bounded LRU cache of what a function makes of a key."""

    def __init__(self, most: int, make: Callable[[Key], Made]) -> None:
        self._values: OrderedDict[Key, Made] = OrderedDict()
        self._most, self._make = most, make

    def __call__(self, key: Key) -> Made:
        """Return the value of a key."""
        if key not in self._values:
            self._values[key] = self._make(key)
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return self._values[key]


class Evaluator:
    """Evaluates settings on one archive, keeping what the next setting can use again."""

    def __init__(self, archive: Archive, universe: Universe) -> None:
        self.archive, self.universe, self._content, self._decided = archive, universe, content(archive), False
        self._span = _LruCache(256, self._make_span)
        self._benchmark = _LruCache(256, self._make_benchmark)
        self._panel = _LruCache(1024, archive.as_of)
        self._context = _LruCache(1024, self._make_context)
        self._scores = _LruCache(8192, self._make_scores)
        self._path = _LruCache(512, self._make_path)
        self._twin = _LruCache(512, self._make_twin)
        self._targets = _LruCache(8, _targets)
        self._conditions = _LruCache(1, self._make_conditions)  # large: see `_by_market`
        self._without_slippage = _LruCache(2, self._make_without_slippage)  # both fills, which every tile trades under

    def curves(
        self,
        specs: Sequence[StrategySpec],
        executions: Sequence[ExecutionSettings] | None = None,
        decided: Sequence[Sequence[BookDecisions]] | None = None,
    ) -> Iterator[Curve]:
        """Yield every book of every setting, group by group; BacktestError as a run of the setting would raise it.

        `executions` stand in place of each spec's own. A spec that several settings share is looked up once. `decided` has what
        each setting decides, as `decisions` of another evaluator returned it; without it, it is decided here.
        """
        executions = executions or [spec.execution for spec in specs]
        decided = self.decisions(specs, executions) if decided is None else decided
        groups: dict[_Group, list[tuple[int, BookDecisions]]] = {}
        known: dict[tuple[int, str, int, str], list[tuple[int, BookDecisions]]] = {}  # by the same objects: a group hashes slowly
        for number, (spec, execution, members) in enumerate(zip(specs, executions, decided, strict=True)):
            for member in members:
                key = id(member.span), member.base, id(execution), spec.rebalance
                if key not in known:
                    known[key] = groups.setdefault(_Group(member.span, member.base, execution, spec.rebalance), [])
                known[key].append((number, member))
        for group in _by_market(groups):
            yield from self._together(group, groups[group])

    def decisions(self, specs: Sequence[StrategySpec], executions: Sequence[ExecutionSettings]) -> list[list[BookDecisions]]:
        """Return what the books of each setting decide, one list for all that share a spec and a fill; it can be pickled."""
        books: dict[tuple[int, Fill], list[BookDecisions]] = {}
        for spec, execution in zip(specs, executions, strict=True):
            if (key := (id(spec), execution.fill)) not in books:
                books[key] = [self._decisions(spec, book, execution.fill) for book in spec.books]
        return [books[id(spec), execution.fill] for spec, execution in zip(specs, executions, strict=True)]

    def _decisions(self, spec: StrategySpec, book: str, fill: Fill) -> BookDecisions:
        span = self._span(_Book(spec.books[book], spec.scope, fill, spec.weights.holds))
        decider = _Decider(book, spec.books[book], spec.policy, span)
        return BookDecisions(book, span, spec.currency(book, self.universe), self._path(decider), self._twin(decider))

    def require_unchanged(self, by: str) -> None:
        """Raise StrategyError where a strategy has decided since the last call and the archive is no longer what it was."""
        if self._decided:
            require_content(self.archive, self._content, by)
        self._decided = False

    def sessions(self, spec: StrategySpec, book: str) -> pd.DatetimeIndex:
        """Return the sessions of a book."""
        return self._span(_book(spec, book)).sessions

    def benchmark(self, spec: StrategySpec, book: str) -> pd.Series:
        """Return the value of a book's declared benchmark, NaN where it is not priced and where there is none."""
        declared = self.universe.comparisons(spec.books[book])[:1]
        tickers = tuple(row.ticker for row in declared)
        return self._benchmark((self._span(_book(spec, book)), spec.currency(book, self.universe), tickers))

    def _make_benchmark(self, key: tuple[_Span, str, tuple[str, ...]]) -> pd.Series:
        span, base, tickers = key
        if not tickers:
            return pd.Series(np.nan, span.sessions)
        self.archive.prices.require(tickers)
        return self.archive.prices.priced(tickers, base, span.sessions)[tickers[0]]

    def _together(self, group: _Group, members: Sequence[tuple[int, BookDecisions]]) -> Iterator[Curve]:
        settings = group.execution
        conditions, unit_value = self._conditions(_Market(group.span, group.base, settings.fill, settings.costs))
        paths = [path for _, member in members for path in (member.path, member.twin) if path is not None]
        distinct = {path.content: path for path in paths}
        order = {content: index for index, content in enumerate(distinct)}
        due, values = due_rows(conditions, paths[0].decided, settings.lag), list[np.ndarray]()
        for first in range(0, len(distinct), BOOKS_AT_ONCE):
            contents = tuple(islice(distinct, first, first + BOOKS_AT_ONCE))
            together = _Together(group.span.tickers, conditions.tickers, contents, [distinct[content] for content in contents])
            orders = filled(conditions, self._targets(together), due, settings.capital)
            values += [*book_values(conditions, orders, unit_value, settings.capital)]
        periods = self.archive.prices.periods_per_year(group.span.markets)
        for number, (book, span, _, path, twin) in members:
            without = None if twin is None else values[order[twin.content]]
            acts = path.changes and twin is not None and twin.content != path.content
            yield Curve(number, book, span.sessions, values[order[path.content]], periods, without, acts)

    def _make_path(self, key: _Decider) -> _Path:
        """Return what one book decides."""
        self._decided = True
        sessions = decision_sessions(key.policy.rebalance, key.span.sessions)
        decisions = [self._decision(key, session) for session in sessions]
        targets = target_weights(decisions, key.span.tickers)
        changes = _changes(key.policy.weights, decisions)
        return _Path(sessions, targets, hashlib.sha256(targets.tobytes()).digest(), changes)

    def _decision(self, key: _Decider, session: pd.Timestamp) -> Decision:
        context = self._context((key.baskets, key.span.markets, session))
        scores = tuple(self._scores((signal, context.moment)) for signal in key.policy.signals)
        return decide_from(key.policy.weights, key.book, context, scores)

    def _make_twin(self, key: _Decider) -> _Path | None:
        """Return what the twin of a book decides; None where its weighting names none."""
        weights = key.policy.weights
        if not isinstance(weights, Controlled):
            return None
        return self._path(replace(key, policy=replace(key.policy, weights=weights.twin)))

    def _make_context(self, key: tuple[tuple[str, ...], tuple[str, ...], pd.Timestamp]) -> DecisionContext:
        baskets, markets, session = key
        panel = self._panel(closing_moment(self.archive.prices, markets, session))
        return context_of(baskets, session, panel, self.universe)

    def _make_scores(self, key: tuple[Signal, pd.Timestamp]) -> pd.Series:
        signal, moment = key
        return scores_of(signal, self._panel(moment))

    def _make_span(self, book: _Book) -> _Span:
        prices, scope = self.archive.prices, book.scope
        tickers = tickers_of(book.baskets, book.holds, self.universe)
        prices.require(tickers)
        base = self.universe.basket(book.baskets[0]).currency if scope.base == LOCAL else scope.base
        last = last_session(prices, tickers, scope.end, book.fill, base)
        sessions = run_sessions(prices, tickers, pd.Timestamp(scope.start), last, base)
        return _Span(tickers, prices.markets_of(tickers), sessions[0], sessions[-1], sessions)

    def _make_conditions(self, market: _Market) -> tuple[TradingConditions, np.ndarray]:
        """Return the conditions a book trades under, and a unit's value in its currency by session."""
        costs = replace(market.costs, slippage_bps=0.0)
        conditions, unit_value = self._without_slippage(replace(market, costs=costs))
        return conditions.slipping(market.costs), unit_value

    def _make_without_slippage(self, market: _Market) -> tuple[TradingConditions, np.ndarray]:
        """Return the same without the flat slippage, which sweeps vary most: the rest is shared."""
        span, prices = market.span, self.archive.prices
        conditions = conditions_of(prices, span.tickers, market.base, span.sessions, market.fill, market.costs)
        return conditions, np.asfortranarray(unit_values(conditions, prices, market.base).in_base)  # it is read by ticker


def _targets(together: _Together) -> np.ndarray:
    """Return targets, shape (decisions, books, tickers), with the books next to each other in memory."""
    seat = {ticker: column for column, ticker in enumerate(together.tickers)}
    stacked = np.stack([path.targets for path in together.paths], axis=2)
    return stacked[:, [seat[ticker] for ticker in together.ordered]].transpose(0, 2, 1)


def _changes(weights: Weighting, decisions: Sequence[Decision]) -> bool:
    """Return whether the shares that a signal asks for ever switch between decisions at which it has a value."""
    if not isinstance(weights, Controlled):
        return False
    shares = [weights.signal_shares(decision.scores, decision.eligible) for decision in decisions]
    return any(shares_differ(before, after) for before, after in pairwise(share for share in shares if share is not None))


def _by_market(groups: Iterable[_Group]) -> list[_Group]:
    """Return groups so that those follow each other that trade under the same conditions, or differ in costs alone."""
    seen: dict[Hashable, int] = {}

    def position(group: _Group) -> tuple[int, ...]:
        market = group.span, group.base, group.execution.fill
        return tuple(seen.setdefault(part, len(seen)) for part in (market, group.execution.costs))

    return sorted(groups, key=position)


def _book(spec: StrategySpec, name: str) -> _Book:
    return _Book(spec.books[name], spec.scope, spec.fill, spec.weights.holds)
