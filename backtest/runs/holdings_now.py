"""What a book holds at its last close, what its rule asks for then, and when its next orders are due by the calendars."""

from collections.abc import Mapping, Sequence

import pandas as pd

from backtest.analysis.holdings_now import HoldingsNow, Rebalance, WaitingOrder, holdings_now, waiting_orders
from backtest.decisions import PERIODS, Decision, decision_sessions
from backtest.execution.accounting import Simulation
from backtest.prices import Prices
from backtest.strategy import StrategySpec

LONGEST_CLOSURE = pd.Timedelta(days=31)  # no market is closed for as long


def now_of(
    spec: StrategySpec, prices: Prices, tickers: Sequence[str], decision: Decision, outcome: Simulation
) -> HoldingsNow | None:
    """Return a book after its last session beside the decision of that close; None where `outcome` was made without it."""
    if outcome.last_close is None:
        return None
    sessions = pd.DatetimeIndex(outcome.equity.index)
    ahead, ends = _ahead(spec, prices, tickers, sessions)
    return holdings_now(
        outcome.last_close,
        decision.targets,
        float(outcome.equity.iloc[-1]),
        f"{sessions[-1]:%Y-%m-%d}",
        _waiting(spec, prices, ahead, outcome.last_close.waiting),
        next_rebalance(spec, ahead, ends, sessions),
        {market: prices.markets[market].location for market in ahead},
    )


def next_rebalance(
    spec: StrategySpec, ahead: Mapping[str, pd.DatetimeIndex], ends: Mapping[str, str], sessions: pd.DatetimeIndex
) -> Rebalance:
    """Return the first decision from the last session of a book on.

    `ahead` has the sessions of each market and those to come, `ends` the last day of each calendar that ends among them.
    """
    known = min(later[-1] for later in ahead.values())
    union = sessions
    for later in ahead.values():
        union = union.union(later[later <= known])
    scheduled = decision_sessions(spec.rebalance, union)
    decided = next((pd.Timestamp(session) for session in scheduled[scheduled >= sessions[-1]]), None)
    due = {market: None if decided is None else _due(later, decided, spec.lag) for market, later in ahead.items()}
    day = None if decided is None else f"{decided:%Y-%m-%d}"
    return Rebalance(
        decided == sessions[-1], day, spec.fill, due, {market: ends[market] for market in ends if due[market] is None}
    )


def _ahead(
    spec: StrategySpec, prices: Prices, tickers: Sequence[str], sessions: pd.DatetimeIndex
) -> tuple[dict[str, pd.DatetimeIndex], dict[str, str]]:
    """Return the sessions of each market with those until the next orders are due, and the ends of calendars that end before."""
    last, ahead, ends = sessions[-1], {}, {}
    period = last.to_period(PERIODS[spec.rebalance])
    until = period.end_time.normalize() + LONGEST_CLOSURE + pd.Timedelta(days=2 * spec.lag)
    for market in prices.in_order(prices.markets_of(tickers)):
        row, first = prices.markets[market], last + pd.Timedelta(days=1)
        ahead[market] = sessions[sessions.isin(prices.closes[market].index)]
        if first <= row.last_day:
            ahead[market] = ahead[market].union(row.sessions(first, min(until, row.last_day)))
        if row.last_day < until:
            ends[market] = f"{row.last_day:%Y-%m-%d}"
    return ahead, ends


def _due(sessions: pd.DatetimeIndex, decided: pd.Timestamp, lag: int) -> str | None:
    """Return the `lag`-th session of a market after a decision, None where its calendar ends before."""
    position = int(sessions.searchsorted(decided, side="right")) + lag - 1
    return f"{sessions[position]:%Y-%m-%d}" if position < len(sessions) else None


def _waiting(
    spec: StrategySpec, prices: Prices, ahead: Mapping[str, pd.DatetimeIndex], table: pd.DataFrame
) -> tuple[WaitingOrder, ...]:
    pairs = [(str(row["ticker"]), pd.Timestamp(row["decided"])) for row in table.to_dict("records")]
    due = {(ticker, f"{day:%Y-%m-%d}"): _due(ahead[prices.market[ticker]], day, spec.lag) for ticker, day in pairs}
    return waiting_orders(table, list(prices.ended), due)
