"""A book beside the same book without its signal: by the same rules, costs, sessions, fills and windows, from the same scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from backtest.decisions import Decision, targets_of, weighed
from backtest.execution.trading import traded_values
from backtest.guard import attempt
from backtest.prices import Prices
from backtest.result import Control, ControlWindow
from backtest.runs.control_sentence import EXPOSURE, GATE, ROTATION, Activity, activity_sentence, control_sentence
from backtest.statistics import performance
from backtest.statistics.intervals import difference_interval
from backtest.statistics.refusal import Refused
from backtest.strategy import StrategySpec
from backtest.thesis.windows import Window
from backtest.weights import Controlled, Equal, Exposure, Rotation, Weighting, shares_differ


@dataclass(frozen=True)
class RunBook:
    """A book that has been run: its decisions, and its value at every session in the currency `base`."""

    name: str
    spec: StrategySpec
    prices: Prices
    tickers: tuple[str, ...]
    base: str
    decisions: tuple[Decision, ...]
    equity: pd.Series

    def values(self, deciders: Sequence[Weighting]) -> list[pd.Series]:
        """Return the value by session of the book under other weightings, traded as it was."""
        tables = [targets_of(self._decided(weights), self.tickers) for weights in deciders]
        sessions = pd.DatetimeIndex(self.equity.index)
        return traded_values(tables, self.prices, self.base, sessions, self.spec.execution)

    def _decided(self, weights: Weighting) -> list[Decision]:
        wanted = weights.signals_wanted
        return [weighed(weights, self.name, decision, decision.scores[:wanted]) for decision in self.decisions]


def control_of(book: RunBook, spans: Sequence[Window]) -> Control | None:
    """Return a book's control, None for a strategy without a signal."""
    if not book.spec.signals:
        return None
    weights = book.spec.weights
    earned = {window.name: performance.total_return(_part(book.equity, window)) for window in spans}
    if not isinstance(weights, Controlled):
        reason = f"{type(weights).__name__} does not say what it holds with the signal on (`twin`, `from_start`, `signal_shares`)"
        refused = Refused(reason, len(book.decisions))
        basket = book.values([Equal()])[0]
        from_start = _compared(book.equity, basket, spans)
        sentence = control_sentence(None, earned, refused, from_start)
        return Control(sentence, None, None, None, None, None, refused, from_start, {"from_start": basket})
    kind = f"weighting {type(weights).__name__} of {book.name}"
    controls = attempt(kind, lambda: (weights.twin, weights.from_start))
    equity = dict(zip(("twin", "from_start"), book.values(controls), strict=True))
    twin, from_start = (_compared(book.equity, values, spans) for values in equity.values())
    acted = attempt(kind, lambda: activity(weights, book.decisions, pd.DatetimeIndex(book.equity.index)))
    wording = ROTATION if isinstance(weights, Rotation) else EXPOSURE if isinstance(weights, Exposure) else GATE
    sentence = control_sentence(acted, earned, twin, from_start, wording)
    did = activity_sentence(acted, wording)
    counted = acted.switches, acted.time_on, acted.first_value, acted.first_change, acted.last_change
    return Control(sentence, *counted, twin=twin, from_start=from_start, activity=did, equity=equity)


def activity(weights: Controlled, decisions: Sequence[Decision], sessions: pd.DatetimeIndex) -> Activity:
    """Return what a signal did on some decisions.

    A switch is a decision at which the shares that the signal asks for differ by more than rounding from those of the decision
    before it, of the decisions at which it has a value: a gate that opens or shuts, an exposure that rises or falls, a rotation
    into other themes. A session is on by the sum of the shares that the last decision before it asks for: 0 or 1 under a
    gate, between them under an exposure, 1 under a rotation that holds any theme; 0 without a value.
    """
    shares = [weights.signal_shares(decision.scores, decision.eligible) for decision in decisions]
    known = [(decision.session, wanted) for decision, wanted in zip(decisions, shares, strict=True) if wanted is not None]
    if not known:
        return Activity(0, None, None, None, None)
    pairs = pairwise(known)
    changes = [f"{session:%Y-%m-%d}" for (_, before), (session, after) in pairs if shares_differ(before, after)]
    first = known[0][0]
    on = pd.Series([sum((wanted or {}).values()) for wanted in shares], [decision.session for decision in decisions])
    later = on.reindex(sessions).ffill().shift(1)[sessions > first]
    return Activity(
        switches=len(changes),
        time_on=float(later.mean()) if len(later) else None,
        first_value=f"{first:%Y-%m-%d}",
        first_change=changes[0] if changes else None,
        last_change=changes[-1] if changes else None,
        gaps=any(wanted is None for wanted in shares[shares.index(known[0][1]) :]),
    )


def _compared(equity: pd.Series, control: pd.Series, spans: Sequence[Window]) -> dict[str, ControlWindow]:
    return {window.name: _window(equity, control, window) for window in spans}


def _window(equity: pd.Series, control: pd.Series, window: Window) -> ControlWindow:
    """Return a book against a control in a window, over the same sessions."""
    own, other = _part(equity, window), _part(control, window)
    earned, without = performance.total_return(own), performance.total_return(other)
    if earned is None or without is None:
        return ControlWindow()
    return ControlWindow(without, earned - without, difference_interval(performance.returns(own), performance.returns(other)))


def _part(values: pd.Series, window: Window) -> pd.Series:
    return values.iloc[window.slice(pd.DatetimeIndex(values.index))]
