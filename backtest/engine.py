"""From a spec and an Archive to orders and daily values: decide, place, simulate, value. Only file that imports vectorbt.

    decide     at the close of a session, with the Panel of that moment
    place      each order at the `lag`-th next session of its ticker's own market, carried on while it cannot trade
    simulate   vectorbt, on the sessions that have orders and on no other
    value      cash plus holdings times prices on every session; between orders holdings do not change

vectorbt bends quietly (see DESIGN.md): what it is given is checked before, what it did is reconciled after.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.errors import BacktestError, DataError
from backtest.panel import Archive
from backtest.prices import Prices
from backtest.spec import StrategySpec
from backtest.universe import Universe

PERIODS = {"weekly": "W-FRI", "monthly": "M", "quarterly": "Q"}
PRICED_WITHIN = pd.Timedelta(days=14)
RECONCILED_WITHIN = 1e-9

ORDER_RECORD = np.dtype([(name, float) for name in ("idx", "col", "size", "price", "fees", "side")])

PRICES_ENDED = "prices ended"
NOT_TRADED = "no price until the target changed"
RUN_ENDED = "run ended before the market's next session"
SHORT_OF_CASH = "cash not yet released by the other market"


@dataclass(frozen=True)
class Decision:
    """Target weights decided at the close of a session: all that was known is what was known at `moment`."""

    session: pd.Timestamp
    moment: pd.Timestamp
    scores: tuple[pd.Series, ...]
    targets: dict[str, float]


@dataclass(frozen=True)
class Placement:
    """Targets by order session × ticker (NaN: no order), and what became of those that could not be placed.

    `unfilled` has decided, ticker, target, reason; `late` has decided, ticker, session, waited (sessions of its market).
    `decided` gives the decision session behind each order session; `exits` has session, ticker of the names sold
    because their prices end there: the one order that no decision asked for.
    """

    targets: pd.DataFrame
    decided: pd.Series
    unfilled: pd.DataFrame
    late: pd.DataFrame
    exits: pd.DataFrame


@dataclass(frozen=True)
class Simulation:
    """What happened, in the book's currency: `equity`, `cash` by session; `shares` by order session × ticker; `orders`.

    `orders` has decided, session, ticker, side, shares, price, value, cost; `realised` holds the weights right after
    each order session; `differences` the targets not met, each with its reason.
    """

    equity: pd.Series
    shares: pd.DataFrame
    realised: pd.DataFrame
    orders: pd.DataFrame
    differences: pd.DataFrame


def last_session(spec: StrategySpec, prices: Prices, tickers: Sequence[str]) -> pd.Timestamp:
    """Return a run's end: the spec's, or the last session on which at least half of its tickers are priced."""
    if spec.end:
        return pd.Timestamp(spec.end)
    ends = sorted(traded[-1] for ticker in tickers if len(traded := prices.traded(ticker)))
    if not ends:
        raise DataError(f"{prices.source}: no price at all for {', '.join(tickers)}")
    return ends[len(ends) // 2]


def run_sessions(prices: Prices, tickers: Sequence[str], first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the sessions of a book: the union of its markets' from first to last; DataError when fewer than two."""
    sessions = prices.sessions(prices.markets_of(tickers))
    chosen = sessions[(sessions >= first) & (sessions <= last)]
    if len(chosen) < 2:
        raise DataError(f"{prices.source}: {len(chosen)} session(s) from {first:%Y-%m-%d} to {last:%Y-%m-%d}; want at least two")
    return chosen


def decide(spec: StrategySpec, book: str, archive: Archive, universe: Universe, sessions: pd.DatetimeIndex) -> list[Decision]:
    """Return the decisions of a book: at its first session and at the last session of every rebalance period.

    The last session of the run is no decision: nothing could be ordered after it.
    """
    markets = archive.prices.markets_of(spec.tickers(book, universe))
    period = sessions.to_period(PERIODS[spec.rebalance])
    closing = sessions[np.append(period[:-1] != period[1:], False)]
    decisions = []
    for session in sessions[:1].union(closing):
        moment = _close(archive.prices, markets, session)
        panel = archive.as_of(moment)
        priced = panel.prices.loc[panel.prices.index > session - PRICED_WITHIN].notna().any()
        eligible = {
            basket: tuple(t for t in universe.members(universe.basket(basket), session) if priced.get(t, False))
            for basket in spec.books[book]
        }
        scores = tuple(signal(panel) for signal in spec.signals)
        targets = spec.weights(scores, eligible) if any(eligible.values()) else {}
        decisions.append(Decision(session, moment, scores, _checked(targets, session, book)))
    return decisions


def place(
    decisions: Sequence[Decision], prices: Prices, tickers: Sequence[str], sessions: pd.DatetimeIndex, lag: int
) -> Placement:
    """Return the targets of each order session: a ticker's own market's `lag`-th next, or the next on which it trades.

    A name whose prices end inside the run is sold at its last session. When the orders of one decision fall on several
    sessions, the last of them repeats the targets of the names that can trade there: cash may have been short before.
    """
    orders: dict[pd.Timestamp, dict[str, float]] = {}
    decided: dict[pd.Timestamp, pd.Timestamp] = {}
    unfilled, late = [], []
    traded = {ticker: prices.traded(ticker) for ticker in tickers}
    own = {ticker: prices.sessions((prices.market[ticker],)) for ticker in tickers}
    held: set[str] = set()
    for number, decision in enumerate(decisions):
        until = decisions[number + 1].session if number + 1 < len(decisions) else sessions[-1]
        placed: dict[str, pd.Timestamp] = {}
        for ticker in sorted(held.union(decision.targets)):
            target = decision.targets.get(ticker, 0.0)
            first = _after(own[ticker], decision.session, lag)
            session, reason = _next_trade(first, traded[ticker], max(until, first or until), sessions[-1])
            if session is None or first is None:
                unfilled.append((decision.session, ticker, target, reason))
                continue
            placed[ticker] = session
            orders.setdefault(session, {})[ticker] = target
            decided[session] = decision.session
            held = held | {ticker} if target > 0 else held - {ticker}
            if waited := own[ticker].searchsorted(session) - own[ticker].searchsorted(first):
                late.append((decision.session, ticker, session, int(waited)))
        if len(set(placed.values())) > 1:
            final = max(placed.values())
            orders[final] |= {ticker: decision.targets.get(ticker, 0.0) for ticker in placed if final in traded[ticker]}
    exits = []
    for ticker in tickers:
        last = traded[ticker][-1] if len(traded[ticker]) else sessions[-1]
        if last < sessions[-1] and any(row.get(ticker, 0.0) > 0 for session, row in orders.items() if session <= last):
            orders.setdefault(last, {})[ticker] = 0.0
            decided.setdefault(last, last)
            exits.append((last, ticker))
    table = pd.DataFrame.from_dict(orders, orient="index").reindex(columns=list(tickers)).sort_index().astype(float)
    return Placement(
        table,
        pd.Series(decided, dtype="datetime64[ns]").reindex(table.index),
        pd.DataFrame(unfilled, columns=["decided", "ticker", "target", "reason"]),
        pd.DataFrame(late, columns=["decided", "ticker", "session", "waited"]),
        pd.DataFrame(exits, columns=["session", "ticker"]),
    )


def _next_trade(
    first: pd.Timestamp | None, traded: pd.DatetimeIndex, until: pd.Timestamp, end: pd.Timestamp
) -> tuple[pd.Timestamp | None, str]:
    """Return the session on which an order due at `first` can trade by `until`, or None and the reason."""
    if first is None or first > end:
        return None, RUN_ENDED
    session = _after(traded, first - pd.Timedelta(1, unit="ns"), 1)
    if session is None:
        return None, PRICES_ENDED
    return (session, "") if session <= min(until, end) else (None, NOT_TRADED)


def simulate(
    placement: Placement, prices: Prices, base: str, sessions: pd.DatetimeIndex, capital: float, cost_bps: float
) -> Simulation:
    """Run the order sessions through vectorbt and value every session.

    A target that would leave less cash than its own costs could need is scaled down to 1 - 2 × cost: with cost-free
    books nothing is scaled. Raises BacktestError when a target was missed for no reason known.
    """
    tickers = list(placement.targets.columns)
    cost = cost_bps / 1e4
    total = placement.targets.sum(axis=1)
    ceiling = 1.0 - 2.0 * cost
    targets = placement.targets.mul((ceiling / total).where(total > ceiling, 1.0), axis=0)
    traded = prices.in_currency(tickers, base, sessions)
    valued = _valuation(prices, tickers, base, sessions)
    rows = pd.DatetimeIndex(targets.index)
    _guard(targets, traded.loc[rows])
    records, shares, cash = _vectorbt(targets, traded.loc[rows], valued.loc[rows], capital, cost)
    held = pd.DataFrame(shares, rows, tickers).reindex(sessions).ffill().fillna(0.0)
    free = pd.Series(cash, rows).reindex(sessions).ffill().fillna(capital)
    equity = free + (held * valued).sum(axis=1)
    if not np.isfinite(equity).all():
        raise BacktestError(f"value is not a number on {equity.index[~np.isfinite(equity)][0]:%Y-%m-%d}")
    realised = (held * valued).loc[rows].div(equity.loc[rows], axis=0)
    orders = _orders(records, rows, tickers, placement.decided)
    paid = orders.groupby("session")["cost"].sum().reindex(rows).fillna(0.0)
    share = (equity.loc[rows] / (equity.loc[rows] + paid)).to_numpy()
    differences = _reconcile(targets, realised.mul(share, axis=0), free.loc[rows] / equity.loc[rows])
    return Simulation(equity, pd.DataFrame(shares, rows, tickers), realised, orders, differences)


def _vectorbt(
    targets: pd.DataFrame, traded: pd.DataFrame, valued: pd.DataFrame, capital: float, cost: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectorbt's order records, holdings and cash after each row."""
    if targets.empty:
        return np.empty(0, ORDER_RECORD), np.empty(targets.shape), np.empty(0)
    import vectorbt

    portfolio = vectorbt.Portfolio.from_orders(
        close=valued.to_numpy(),
        size=targets.to_numpy(),
        size_type="targetpercent",
        direction="longonly",
        price=traded.to_numpy(),
        val_price=valued.to_numpy(),
        fees=cost,
        init_cash=capital,
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
    )
    records = portfolio.orders.records
    shares = np.atleast_2d(portfolio.assets().to_numpy())
    return records, shares, portfolio.cash().to_numpy().reshape(-1)


def _guard(targets: pd.DataFrame, traded: pd.DataFrame) -> None:
    """Refuse what vectorbt would bend without a word: weights it would cut, orders it would drop."""
    wanted = targets.notna().to_numpy()
    weights = targets.to_numpy()[wanted]
    if not np.isfinite(weights).all() or (weights < 0).any() or (targets.sum(axis=1) > 1.0 + 1e-9).any():
        raise BacktestError("target weights are not all within 0 and 1 in sum")
    if not (traded.to_numpy()[wanted] > 0).all():
        row, column = np.argwhere(wanted & ~(traded.to_numpy() > 0))[0]
        raise BacktestError(f"order for {targets.columns[column]} on {targets.index[row]:%Y-%m-%d}, when it has no price")


def _reconcile(targets: pd.DataFrame, realised: pd.DataFrame, cash: pd.Series) -> pd.DataFrame:
    """Return the targets that were missed, each with its reason; raise for one without.

    Both weights are of the value before the session's costs, as vectorbt reads a target.
    """
    missed = (targets - realised).where(targets.notna())
    found = []
    for row, column in np.argwhere(missed.abs().to_numpy() > RECONCILED_WITHIN):
        session, ticker = pd.DatetimeIndex(missed.index)[row], missed.columns[column]
        target, gap = targets.to_numpy()[row, column], missed.to_numpy()[row, column]
        if gap < 0 or cash.iloc[row] > RECONCILED_WITHIN:
            raise BacktestError(
                f"{ticker} on {session:%Y-%m-%d}: weight {target - gap:.6f}, target {target:.6f}, no reason for the difference"
            )
        found.append((session, ticker, float(target), float(gap), SHORT_OF_CASH))
    return pd.DataFrame(found, columns=["session", "ticker", "target", "short_by", "reason"])


def _orders(records: np.ndarray, rows: pd.DatetimeIndex, tickers: list[str], decided: pd.Series) -> pd.DataFrame:
    ordered = pd.DataFrame(records).sort_values(["idx", "col"], kind="stable")
    return pd.DataFrame(
        {
            "decided": decided.to_numpy()[ordered["idx"]],
            "session": rows[ordered["idx"]],
            "ticker": np.array(tickers, dtype=object)[ordered["col"]],
            "side": np.where(ordered["side"] == 0, "buy", "sell"),
            "shares": ordered["size"].to_numpy(),
            "price": ordered["price"].to_numpy(),
            "value": (ordered["size"] * ordered["price"]).to_numpy(),
            "cost": ordered["fees"].to_numpy(),
        }
    )


def _valuation(prices: Prices, tickers: list[str], base: str, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the price each ticker is valued at: its last one. Before its first it is 1, held by nobody."""
    last = prices.wealth[tickers].ffill()
    position = np.maximum(last.index.searchsorted(sessions, side="right") - 1, 0)
    local = pd.DataFrame(last.to_numpy()[position], sessions, tickers)
    foreign = [ticker for ticker in tickers if prices.currency[ticker] != base]
    if foreign:
        rate = prices.rates(sessions)
        local[foreign] = local[foreign].mul(rate if base == "CNY" else 1.0 / rate, axis=0)
    return local.fillna(1.0)


def _close(prices: Prices, markets: Sequence[str], session: pd.Timestamp) -> pd.Timestamp:
    """Return the moment the last of some markets closes on a session."""
    held = [prices.closes[market] for market in markets]
    return max(pd.Timestamp(closes[session]) for closes in held if session in closes.index)


def _after(sessions: pd.DatetimeIndex, session: pd.Timestamp, count: int) -> pd.Timestamp | None:
    position = int(sessions.searchsorted(session, side="right")) + count - 1
    return sessions[position] if position < len(sessions) else None


def _checked(targets: dict[str, float], session: pd.Timestamp, book: str) -> dict[str, float]:
    weights = np.array(list(targets.values()))
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() > 1.0 + 1e-9:
        raise BacktestError(f"{book} on {session:%Y-%m-%d}: weights {targets}; want each >= 0 and the sum <= 1")
    return targets
