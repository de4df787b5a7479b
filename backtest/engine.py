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

from backtest.desk import Decision, Desk
from backtest.errors import BacktestError, DataError
from backtest.panel import Archive
from backtest.prices import Prices
from backtest.spec import StrategySpec
from backtest.universe import Universe

PERIODS = {"weekly": "W-FRI", "monthly": "M", "quarterly": "Q"}
PRICED_WITHIN = pd.Timedelta(days=14)
RECONCILED_WITHIN = 1e-9

ORDER_RECORD = np.dtype([("idx", int), ("col", int), ("size", float), ("price", float), ("fees", float), ("side", int)])

SHORT_OF_CASH = "cash not yet released by the other market"


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
        decisions.append(Decision(session, moment, scores, _checked(spec.weights(scores, eligible), session, book)))
    return decisions


def place(
    decisions: Sequence[Decision], prices: Prices, tickers: Sequence[str], sessions: pd.DatetimeIndex, lag: int
) -> Placement:
    """Return the targets of each order session: a ticker's own market's `lag`-th next, or the next on which it trades.

    Sessions are walked in order and nothing after one moves its orders. An order that is late is dropped when a newer
    decision has been taken, and every order of a decision when the first of a newer one is placed. A session that places
    what a decision was waiting for repeats that decision's other targets where they can trade: cash may have been short
    before. A name whose prices end inside the run is sold at its last session, and not bought there.
    """
    desk = Desk(decisions, prices, tickers, sessions, lag)
    for session in sessions:
        desk.trade(session)
    desk.close()
    rows = [[row.get(ticker, np.nan) for ticker in tickers] for row in desk.orders.values()]
    table = pd.DataFrame(rows, pd.DatetimeIndex(list(desk.orders)), list(tickers), dtype=float).sort_index()
    return Placement(
        table,
        pd.Series(desk.decided, dtype="datetime64[ns]").reindex(table.index),
        pd.DataFrame(desk.unfilled, columns=["decided", "ticker", "target", "reason"]),
        pd.DataFrame(desk.late, columns=["decided", "ticker", "session", "waited"]),
        pd.DataFrame(desk.exits, columns=["session", "ticker"]),
    )


def simulate(
    placement: Placement, prices: Prices, base: str, sessions: pd.DatetimeIndex, capital: float, cost_bps: float
) -> Simulation:
    """Run the order sessions through vectorbt and value every session.

    A target that would leave less cash than its own costs could need is scaled down to 1 - 2 × cost: with cost-free
    books nothing is scaled. Raises BacktestError when a target was missed for no reason known.
    """
    tickers = list(placement.targets.columns)
    cost = cost_bps / 1e4
    rows = pd.DatetimeIndex(placement.targets.index)
    traded = prices.in_currency(tickers, base, sessions)
    _guard(placement.targets, traded.loc[rows])
    total = placement.targets.sum(axis=1)
    ceiling = 1.0 - 2.0 * cost
    targets = placement.targets.mul((ceiling / total).where(total > ceiling, 1.0), axis=0)
    valued = prices.valued(tickers, base, sessions).fillna(1.0)  # before its first price: nobody holds it
    records, shares, cash = _vectorbt(targets, traded.loc[rows], valued.loc[rows], capital, cost)
    if not (np.isfinite(shares).all() and np.isfinite(cash).all()):
        first = int(np.argmin(np.isfinite(np.column_stack([shares, cash])).all(axis=1)))
        raise BacktestError(f"value is not a number on {rows[first]:%Y-%m-%d}")
    held = pd.DataFrame(shares, rows, tickers).reindex(sessions).ffill().fillna(0.0)
    free = pd.Series(cash, rows).reindex(sessions).ffill().fillna(capital)
    equity = free + (held * valued).sum(axis=1)
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


def _close(prices: Prices, markets: Sequence[str], session: pd.Timestamp) -> pd.Timestamp:
    """Return the moment the last of some markets closes on a session."""
    held = [prices.closes[market] for market in markets]
    return max(pd.Timestamp(closes[session]) for closes in held if session in closes.index)


def _checked(targets: dict[str, float], session: pd.Timestamp, book: str) -> dict[str, float]:
    weights = np.array(list(targets.values()))
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() > 1.0 + 1e-9:
        raise BacktestError(f"{book} on {session:%Y-%m-%d}: weights {targets}; want each >= 0 and the sum <= 1")
    return targets
