"""What a strategy decides at the close of a session, from the Panel of that moment, and the sessions of a book."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError, DataError, NotRepeatableError, StrategyError, near_miss
from backtest.execution.settings import Fill
from backtest.guard import attempt
from backtest.panel import Archive, Panel
from backtest.prices import Prices
from backtest.signals import QuarterlySignal, Signal, load_signals
from backtest.strategy import Rebalance, StrategySpec
from backtest.thesis import Thesis
from backtest.universe import Universe
from backtest.weights import Weighting

PERIODS = {"weekly": "W-FRI", "monthly": "M", "quarterly": "Q"}
PRICED_WITHIN = pd.Timedelta(days=14)
REPEATED = 2  # decisions from the first on, besides the last
EXPECTED_SCORES = (
    "expected a pandas Series of scores, one number for each theme or ticker as of the panel's moment, or one for 'supply_chain'"
)


@dataclass(frozen=True)
class Decision:
    """Target weights decided at the close of a session: all that was known is what was known at `moment`.

    `eligible` has each basket's tickers that could be held then.
    """

    session: pd.Timestamp
    moment: pd.Timestamp
    scores: tuple[pd.Series, ...]
    targets: dict[str, float]
    eligible: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class DecisionContext:
    """What a book can decide from at the close of a session: the Panel of that moment and each basket's eligible tickers."""

    session: pd.Timestamp
    moment: pd.Timestamp
    panel: Panel
    eligible: dict[str, tuple[str, ...]]


def last_session(prices: Prices, tickers: Sequence[str], end: date | None, fill: Fill, base: str = "") -> pd.Timestamp:
    """Return a book's last session: `end`, or where that is None the last on which every ticker that it may hold has a close.

    So has every rate, where a base currency is given. Tickers declared ended do not count. DataError for an end that one of the
    tickers has no closes for, and for a ticker that never has a price at the fill.
    """
    name = "open" if fill == "open" else "price"
    if lost := [ticker for ticker in tickers if not len(prices.traded(ticker, fill))]:
        raise DataError(f"{prices.source}: no {name} at all for {', '.join(lost)}; expected prices at which orders are filled")
    if end is None:
        return prices.common_end(tickers, base)[1]
    ticker, last = prices.common_end(tickers)
    if prices.goes_on(ticker, last, pd.Timestamp(end)):
        raise DataError(
            f"{prices.source}: the prices of {ticker} end on {last:%Y-%m-%d}, before {end:%Y-%m-%d}; expected an end up to "
            "then, newer prices, or an [[ended]] row in decisions.toml"
        )
    return pd.Timestamp(end)


def run_sessions(
    prices: Prices, tickers: Sequence[str], first: pd.Timestamp, last: pd.Timestamp, base: str = ""
) -> pd.DatetimeIndex:
    """Return the sessions of a book: the union of its markets' from first to last; DataError when fewer than two.

    None is later than the last on which every ticker has a close, those aside that are declared ended, and every rate that a base
    currency needs.
    """
    sessions = prices.sessions(prices.markets_of(tickers))
    until = min(last, prices.common_end(tickers, base)[1])
    chosen = sessions[(sessions >= first) & (sessions <= until)]
    if len(chosen) < 2:
        raise DataError(
            f"{prices.source}: {len(chosen)} session(s) from {first:%Y-%m-%d} to {until:%Y-%m-%d}; expected at least two"
        )
    return chosen


def decide(spec: StrategySpec, book: str, archive: Archive, universe: Universe, sessions: pd.DatetimeIndex) -> list[Decision]:
    """Return the decisions of a book: at its first session and at the last session of every rebalance period.

    The last session of the run is no decision: nothing could be ordered after it.
    """
    return [decide_at(spec, book, archive, universe, session) for session in decision_sessions(spec.rebalance, sessions)]


def decision_sessions(rebalance: Rebalance, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the sessions of a run at whose close something is decided."""
    period = sessions.to_period(PERIODS[rebalance])
    return sessions[:1].union(sessions[np.append(period[:-1] != period[1:], False)])


def decide_at(spec: StrategySpec, book: str, archive: Archive, universe: Universe, session: pd.Timestamp) -> Decision:
    """Return what a book decides at the close of one session."""
    markets = archive.prices.markets_of(spec.tickers(book, universe))
    panel = archive.as_of(closing_moment(archive.prices, markets, session))
    context = context_of(spec.books[book], session, panel, universe)
    return decide_from(spec.weights, book, context, tuple(scores_of(signal, panel) for signal in spec.signals))


def scores_of(signal: Signal, panel: Panel) -> pd.Series:
    """Return the scores a signal gives on a panel; StrategyError when it fails or gives something else than scores."""
    name = type(signal).__name__
    scores = attempt(f"signal {name} as of {panel.moment:%Y-%m-%d}", lambda: signal(panel.copy()))
    if fault := _no_scores(scores):
        raise StrategyError(f"signal {name} gave {fault}; {EXPECTED_SCORES}")
    return scores


def _no_scores(given: object) -> str:
    """Return what a signal gave in place of scores, nothing where it gave some."""
    if not isinstance(given, pd.Series):
        shape = f" of shape {given.shape}" if isinstance(given, pd.DataFrame | np.ndarray) else ""
        return f"{type(given).__name__}{shape or f' {str(given)[:40]!r}'}"
    if not pd.api.types.is_numeric_dtype(given.dtype) or np.iscomplexobj(given):
        return f"a Series of {given.dtype}"
    count = f"a Series of {len(given)} number{'' if len(given) == 1 else 's'}"
    if isinstance(given.index, pd.DatetimeIndex | pd.PeriodIndex):
        return f"{count} by date, {given.index[0]} to {given.index[-1]}" if len(given) else f"{count} by date"
    if strange := [name for name in given.index if not isinstance(name, str)]:
        return f"{count} whose index has {strange[0]!r}, which is no name"
    twice = given.index[given.index.duplicated()]
    return f"{count} with '{twice[0]}' twice" if len(twice) else ""


def require_values(spec: StrategySpec, book: str, decisions: Sequence[Decision]) -> None:
    """Raise StrategyError for a signal without a value at every decision, unless it waits for the figures of quarters."""
    for number, signal in enumerate(spec.signals):
        if isinstance(signal, QuarterlySignal) or any(decision.scores[number].notna().any() for decision in decisions):
            continue
        names = [str(name) for name in decisions[-1].scores[number].index]
        shown = f"NaN for {', '.join(names[:3])}{' and so on' if len(names) > 3 else ''}" if names else "no score"
        raise StrategyError(
            f"signal {type(signal).__name__} gave {shown} at each of {len(decisions)} decisions of {book}, "
            f"{decisions[0].session:%Y-%m-%d} to {decisions[-1].session:%Y-%m-%d}; expected a number at one of them at least"
        )


def require_repeatable(
    spec: StrategySpec, book: str, archive: Archive, universe: Universe, decisions: Sequence[Decision]
) -> None:
    """Take the first decisions and the last twice more; NotRepeatableError when one differs."""
    for number in dict.fromkeys((*range(min(REPEATED, len(decisions))), len(decisions) - 1)):
        first = decisions[number]
        for _ in range(2):
            again = decide_at(spec, book, archive, universe, first.session)
            if (who := difference(spec, archive.thesis, first, again)) is not None:
                raise NotRepeatableError(
                    f"{spec.name}: {who} in {book} on {first.session:%Y-%m-%d} is not the same twice; expected one answer to "
                    "what is known: no chance without a seed, no clock, no state kept between calls"
                )


def difference(spec: StrategySpec, thesis: Thesis, first: Decision, second: Decision) -> str | None:
    """Return who decided otherwise, the first signal of the spec or the weighting, or None where nobody did."""
    for name, scores, others in zip(signal_names(spec, thesis), first.scores, second.scores, strict=True):
        if not scores.equals(others):
            return name
    return None if first.targets == second.targets else type(spec.weights).__name__


def signal_names(spec: StrategySpec, thesis: Thesis) -> list[str]:
    """Return the name of each signal of a spec: its module's, or its class's where it has no module of its own."""
    known = {type(signal): name for name, signal in load_signals(thesis).items()}
    return [known.get(type(signal), type(signal).__name__) for signal in spec.signals]


def context_of(baskets: Sequence[str], session: pd.Timestamp, panel: Panel, universe: Universe) -> DecisionContext:
    """Return what can be decided from at the close of one session, for some baskets."""
    priced = panel.prices.loc[panel.prices.index > session - PRICED_WITHIN].notna().any()
    eligible = {
        basket: tuple(t for t in universe.members(universe.basket(basket), session) if priced.get(t, False)) for basket in baskets
    }
    return DecisionContext(session, panel.moment, panel, eligible)


def decide_from(weights: Weighting, book: str, context: DecisionContext, scores: tuple[pd.Series, ...]) -> Decision:
    """Return the decision that scores lead to; StrategyError for what is no weights, below 0 or above 1 in sum."""
    undecided = Decision(context.session, context.moment, scores, {}, context.eligible)
    return weighed(weights, book, undecided, scores)


def weighed(weights: Weighting, book: str, decision: Decision, scores: tuple[pd.Series, ...]) -> Decision:
    """Return what a weighting decides from scores where a decision was taken, from the same eligible tickers."""
    name = f"weighting {type(weights).__name__} of {book} on {decision.session:%Y-%m-%d}"
    targets = attempt(name, lambda: weights(scores, decision.eligible))
    allowed = {*weights.holds, *(ticker for members in decision.eligible.values() for ticker in members)}
    return replace(decision, targets=_checked(targets, allowed, decision.session, book))


def target_weights(decisions: Sequence[Decision], tickers: Sequence[str]) -> np.ndarray:
    """Return target weights, shape (decisions, tickers), 0 where a decision names no weight.

    Raises ConfigurationError for a weight on a ticker that is not among them.
    """
    known = {*tickers}
    for decision in decisions:
        for ticker in decision.targets:
            if ticker not in known:
                message = near_miss("ticker of the book", str(ticker), list(tickers))
                raise ConfigurationError(f"weights on {decision.session:%Y-%m-%d}: {message}")
    rows = [[decision.targets.get(ticker, 0.0) for ticker in tickers] for decision in decisions]
    return np.array(rows).reshape(len(rows), len(tickers))


def targets_of(decisions: Sequence[Decision], tickers: Sequence[str]) -> pd.DataFrame:
    """Return target weights as `execution.trading.trade` takes them: decided session × ticker."""
    decided = pd.DatetimeIndex([decision.session for decision in decisions])
    return pd.DataFrame(target_weights(decisions, tickers), decided, list(tickers))


def closing_moment(prices: Prices, markets: Sequence[str], session: pd.Timestamp) -> pd.Timestamp:
    """Return the moment the last of some markets closes on a session."""
    closes = [prices.closes[market] for market in markets]
    return max(pd.Timestamp(of_market[session]) for of_market in closes if session in of_market.index)


def _checked(targets: object, allowed: set[str], session: pd.Timestamp, book: str) -> dict[str, float]:
    if (fault := _fault(targets, allowed)) is not None:
        raise StrategyError(f"{book} on {session:%Y-%m-%d}: {fault}")
    assert isinstance(targets, Mapping)
    return dict(targets)


def _fault(targets: object, allowed: set[str]) -> str | None:
    """Return what is wrong with what a weighting gave, and what was expected, or None."""
    if not isinstance(targets, Mapping) or not _are_real(targets.values()):
        return f"weights are {str(targets)[:60]!r}; expected a number for each ticker"
    if strays := targets.keys() - allowed:
        return f"a weight of '{min(map(str, strays))}', which is no member that can be held then; expected members"
    weights = np.array(list(targets.values()), dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() > 1.0 + 1e-9:
        return f"weights {targets}; expected each >= 0 and the sum <= 1"
    return None


def _are_real(weights: Iterable[object]) -> bool:
    """Return whether all are numbers; each kind is looked at once."""
    return all(
        issubclass(kind, int | float | np.number) and not issubclass(kind, np.complexfloating) for kind in {*map(type, weights)}
    )
