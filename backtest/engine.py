"""From a spec and an Archive to orders and daily values: decide, trade, simulate, value. Only file that imports vectorbt.

    decide     at the close of a session, with the Panel of that moment
    trade      the desk turns targets into orders, moment by moment, under the market's terms
    simulate   vectorbt fills them, on the moments that have orders and on no other
    value      cash plus holdings times prices on every session; between orders holdings do not change

vectorbt bends quietly (see DESIGN.md): each order it is given has a size, a price and a fee of its own, and what it filled is
held against them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtest.errors import BacktestError, ConfigurationError, DataError, NotRepeatableError, StrategyError, near_miss
from backtest.execution import attribution, kernel
from backtest.execution.conditions import Costs, Terms, terms_of
from backtest.execution.orders import Orders, due_rows, walked
from backtest.execution.shortfall import Journal
from backtest.guard import attempt
from backtest.panel import Archive, Panel
from backtest.prices import Prices
from backtest.signals import load_signals
from backtest.strategy import StrategySpec
from backtest.universe import Universe

PERIODS = {"weekly": "W-FRI", "monthly": "M", "quarterly": "Q"}
PRICED_WITHIN = pd.Timedelta(days=14)
TAKEN_AGAIN = 2  # decisions from the first on, besides the last
FILLED_WITHIN = 1e-9
SPENT_WITHIN = 1e-11
FIRST_KIND = 8  # columns of the orders table before those of the kinds of cost


@dataclass(frozen=True)
class Decision:
    """Target weights decided at the close of a session: all that was known is what was known at `moment`."""

    session: pd.Timestamp
    moment: pd.Timestamp
    scores: tuple[pd.Series, ...]
    targets: dict[str, float]


@dataclass(frozen=True)
class Outlook:
    """What a book can go by at the close of a session: the panel of that moment and each basket's tickers that can be held."""

    session: pd.Timestamp
    moment: pd.Timestamp
    panel: Panel
    eligible: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Simulation:
    """What happened, in the book's currency: `equity` by session; `targets` and `realised` weights by order session × ticker.

    `orders` has decided, session, ticker, side, shares (units of wealth where a source has no share prices), price (of one,
    in the ticker's currency, slippage included), value, cost and a column per kind of cost. `unfilled`, `late`, `differences` and
    `exits` are the journal's tables. `profits` has session × ticker tables of price, currency and costs.
    """

    equity: pd.Series
    targets: pd.DataFrame
    realised: pd.DataFrame
    orders: pd.DataFrame
    unfilled: pd.DataFrame
    late: pd.DataFrame
    differences: pd.DataFrame
    exits: pd.DataFrame
    profits: dict[str, pd.DataFrame]


def last_session(spec: StrategySpec, prices: Prices, tickers: Sequence[str]) -> pd.Timestamp:
    """Return a book's end: the spec's, or the last session on which every ticker that it may hold is priced.

    Tickers declared ended aside. DataError for an end that one of them has no prices for.
    """
    if lost := [ticker for ticker in tickers if not len(prices.traded(ticker, spec.fill))]:
        price = "open" if spec.fill == "open" else "price"
        raise DataError(f"{prices.source}: no {price} at all for {', '.join(lost)}; expected prices at which orders are filled")
    ticker, last = prices.common_end(tickers, spec.fill)
    if spec.end is None:
        return last
    end = pd.Timestamp(spec.end)
    if prices.goes_on(ticker, last, end):
        named = "opens" if spec.fill == "open" else "prices"
        raise DataError(
            f"{prices.source}: the {named} of {ticker} end on {last:%Y-%m-%d}, before {end:%Y-%m-%d}; expected an end up to "
            "then, newer prices, or an [[ended]] row in decisions.toml"
        )
    return end


def run_sessions(
    prices: Prices, tickers: Sequence[str], first: pd.Timestamp, last: pd.Timestamp, fill: str = "close"
) -> pd.DatetimeIndex:
    """Return the sessions of a book: the union of its markets' from first to last; DataError when fewer than two.

    None is later than the last on which every ticker has a price at the fill, those aside that are declared ended.
    """
    sessions = prices.sessions(prices.markets_of(tickers))
    until = min(last, prices.common_end(tickers, fill)[1])
    chosen = sessions[(sessions >= first) & (sessions <= until)]
    if len(chosen) < 2:
        raise DataError(f"{prices.source}: {len(chosen)} session(s) from {first:%Y-%m-%d} to {until:%Y-%m-%d}; want at least two")
    return chosen


def decide(spec: StrategySpec, book: str, archive: Archive, universe: Universe, sessions: pd.DatetimeIndex) -> list[Decision]:
    """Return the decisions of a book: at its first session and at the last session of every rebalance period.

    The last session of the run is no decision: nothing could be ordered after it.
    """
    return [decision(spec, book, archive, universe, session) for session in decision_sessions(spec, sessions)]


def decision_sessions(spec: StrategySpec, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the sessions of a run at whose close something is decided."""
    period = sessions.to_period(PERIODS[spec.rebalance])
    return sessions[:1].union(sessions[np.append(period[:-1] != period[1:], False)])


def decision(spec: StrategySpec, book: str, archive: Archive, universe: Universe, session: pd.Timestamp) -> Decision:
    """Return what a book decides at the close of one session."""
    markets = archive.prices.markets_of(spec.tickers(book, universe))
    seen = outlook(spec.books[book], markets, archive, universe, session)
    return decided_on(spec, book, seen, tuple(scored(signal, seen.panel) for signal in spec.signals))


def scored(signal: Any, panel: Panel) -> pd.Series:
    """Return the scores a signal gives on a panel; StrategyError when it fails or gives something else than scores."""
    name = type(signal).__name__
    scores = attempt(f"signal {name} as of {panel.moment:%Y-%m-%d}", lambda: signal(panel.copy()))
    if not isinstance(scores, pd.Series):
        raise StrategyError(f"signal {name} gave {type(scores).__name__}; expected a pandas Series of scores")
    if not pd.api.types.is_numeric_dtype(scores.dtype) or np.iscomplexobj(scores) or not scores.index.is_unique:
        raise StrategyError(f"signal {name} gave a Series of {scores.dtype}; expected one number for each theme or ticker")
    return scores


def require_repeatable(
    spec: StrategySpec, book: str, archive: Archive, universe: Universe, decisions: Sequence[Decision]
) -> None:
    """Take the first decisions and the last twice again; NotRepeatableError when one differs from what it was."""
    for one in dict.fromkeys((*range(min(TAKEN_AGAIN, len(decisions))), len(decisions) - 1)):
        first = decisions[one]
        for _ in range(2):
            again = decision(spec, book, archive, universe, first.session)
            if (who := difference(spec, first, again)) is not None:
                raise NotRepeatableError(
                    f"{spec.name}: {who} in {book} on {first.session:%Y-%m-%d} is not the same twice; expected one answer to "
                    "what is known: no chance without a seed, no clock, nothing kept from call to call"
                )


def difference(spec: StrategySpec, one: Decision, other: Decision) -> str | None:
    """Return who decided otherwise, the first signal of the spec or the weighting, or None where nobody did."""
    for name, mine, theirs in zip(signal_names(spec), one.scores, other.scores, strict=True):
        if not mine.equals(theirs):
            return name
    return None if one.targets == other.targets else type(spec.weights).__name__


def signal_names(spec: StrategySpec) -> list[str]:
    """Return the name of each signal of a spec: its module's, or its class's where it has no module of its own."""
    known = {type(signal): name for name, signal in load_signals().items()}
    return [known.get(type(signal), type(signal).__name__) for signal in spec.signals]


def outlook(
    baskets: Sequence[str], markets: Sequence[str], archive: Archive, universe: Universe, session: pd.Timestamp
) -> Outlook:
    """Return what some baskets on some markets can go by at the close of one session."""
    moment = _close(archive.prices, markets, session)
    panel = archive.as_of(moment)
    priced = panel.prices.loc[panel.prices.index > session - PRICED_WITHIN].notna().any()
    eligible = {
        basket: tuple(t for t in universe.members(universe.basket(basket), session) if priced.get(t, False)) for basket in baskets
    }
    return Outlook(session, moment, panel, eligible)


def decided_on(spec: StrategySpec, book: str, seen: Outlook, scores: tuple[pd.Series, ...]) -> Decision:
    """Return the decision that scores lead to; StrategyError for what is no weights, below 0 or above 1 in sum."""
    what = f"weighting {type(spec.weights).__name__} of {book} on {seen.session:%Y-%m-%d}"
    targets = attempt(what, lambda: spec.weights(scores, seen.eligible))
    allowed = {*spec.weights.holds, *(ticker for members in seen.eligible.values() for ticker in members)}
    return Decision(seen.session, seen.moment, scores, _checked(targets, allowed, seen.session, book))


def trade(
    spec: StrategySpec,
    decisions: Sequence[Decision],
    prices: Prices,
    tickers: Sequence[str],
    base: str,
    sessions: pd.DatetimeIndex,
) -> Simulation:
    """Return what came of a book's decisions on its sessions; BacktestError when vectorbt and the desk disagree."""
    terms = book_terms(spec, prices, tickers, base, sessions)
    decided = pd.DatetimeIndex([one.session for one in decisions])
    targets = targets_of(decisions, terms)[:, None]
    journal = Journal(terms, decided)
    orders = filled(spec, terms, targets, decided, journal)
    unfilled, late, differences, exits = journal.tables()
    listed = _orders(terms, orders, decided)
    equity, parts = _valued(terms, orders, prices, base, spec.capital, listed)
    names, rows = list(terms.tickers), sessions[terms.session[orders.rows]]
    worth = orders.held[:, 0] * terms.mark[orders.rows]
    realised = worth / (orders.cash[:, 0] + worth.sum(axis=1))[:, None]
    wanted = np.where(orders.units[:, 0] != 0, targets[orders.decision, 0, np.arange(len(names))], np.nan)
    return Simulation(
        equity=equity,
        targets=pd.DataFrame(wanted, rows, names).groupby(level=0).last(),
        realised=pd.DataFrame(realised, rows, names).groupby(level=0).last(),
        orders=listed,
        unfilled=unfilled,
        late=late,
        differences=differences,
        exits=exits,
        profits=parts,
    )


def book_terms(spec: StrategySpec, prices: Prices, tickers: Sequence[str], base: str, sessions: pd.DatetimeIndex) -> Terms:
    """Return the terms under which a spec's book trades on its sessions."""
    return terms_of(prices, tuple(tickers), base, sessions, spec.fill, costs_of(spec))


def costs_of(spec: StrategySpec) -> Costs:
    """Return what a spec says of costs."""
    if spec.cost_bps is not None:
        return Costs(spec.cost_bps, 0.0, 0.0)
    return Costs(None, spec.slippage_bps, spec.slippage_range)


def targets_of(decisions: Sequence[Decision], terms: Terms) -> np.ndarray:
    """Return target weights, shape (decisions, tickers), tickers in the order of the terms.

    Raises ConfigurationError for a weight on a ticker that the book does not hold.
    """
    for one in decisions:
        for ticker in one.targets:
            if ticker not in terms.tickers:
                fault = near_miss("ticker of the book", str(ticker), list(terms.tickers))
                raise ConfigurationError(f"weights on {one.session:%Y-%m-%d}: {fault}")
    return np.array([[one.targets.get(ticker, 0.0) for ticker in terms.tickers] for one in decisions])


def filled(
    spec: StrategySpec, terms: Terms, targets: np.ndarray, decided: pd.DatetimeIndex, journal: Journal | None = None
) -> Orders:
    """Return the orders of every book of targets (decisions, books, tickers), walked by the desk and filled by vectorbt.

    The books share the spec's lag and capital. Raises BacktestError when vectorbt and the desk disagree.
    """
    orders = walked(terms, targets, due_rows(terms, decided, spec.lag), spec.capital, journal)
    simulate(terms, orders, spec.capital)
    return orders


def worth_of(terms: Terms, prices: Prices, base: str) -> tuple[np.ndarray, np.ndarray]:
    """Return each ticker's wealth in its own currency and the rate to the book's, both (sessions, tickers)."""
    names = list(terms.tickers)
    wealth = prices.local(names, terms.sessions).fillna(1.0).to_numpy()  # before its first price: nobody holds it
    return wealth, prices.exchange(names, base, terms.sessions)


def values(terms: Terms, orders: Orders, worth: np.ndarray, capital: float) -> np.ndarray:
    """Return what every book is worth at every session's close, shape (books, sessions): cash plus holdings times prices.

    `worth` is a unit's value in the books' currency, shape (sessions, tickers). BacktestError for a value that is no number.
    """
    found: np.ndarray = kernel.worth(
        _upto(terms, orders), orders.units, orders.cash, np.ascontiguousarray(worth.T), float(capital)
    )
    if not (good := np.isfinite(found).all(axis=0)).all():
        raise BacktestError(f"value is not a number on {terms.sessions[~good][0]:%Y-%m-%d}")
    return found


def _upto(terms: Terms, orders: Orders) -> np.ndarray:
    """Return how many order rows lie at or before each session."""
    return np.searchsorted(terms.session[orders.rows], np.arange(len(terms.sessions)), side="right")


def simulate(terms: Terms, orders: Orders, capital: float) -> np.ndarray:
    """Fill the orders of every book with vectorbt's compiled kernel and return its records.

    Raises BacktestError when an order was not filled as ordered, or a book's cash came out different, to 1e-9.
    """
    if not len(orders.rows):
        return np.empty(0)
    from vectorbt.portfolio import dispatch

    lines = lines_of(terms, orders)
    placed, named = kernel_arguments(terms, lines, capital)
    records, _ = dispatch.simulate_from_orders(*placed, **named)
    _check(records, lines, orders, capital, terms)
    return np.asarray(records)


@dataclass(frozen=True)
class Lines:
    """Orders as the kernel gets them: moments of different markets that follow one another in one line, for no ticker is in both.

    `units` and `fixed` are (lines, books, tickers), `sheets` (lines, tickers, fields); `row` (lines, tickers) is the orders' row.
    """

    units: np.ndarray
    fixed: np.ndarray
    sheets: np.ndarray
    row: np.ndarray


def lines_of(terms: Terms, orders: Orders) -> Lines:
    """Return the lines of some orders; the order of rows is kept: within a line markets follow each other as in the terms."""
    market, count = terms.market[orders.rows], len(orders.rows)
    begins = np.append(True, market[1:] <= market[:-1])
    line, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    seat = np.repeat(np.arange(len(terms.columns)), [part.stop - part.start for part in terms.columns])
    row = np.repeat(first[:, None], len(terms.columns), axis=1)
    row[line, market] = np.arange(count)
    row = row[:, seat]
    if len(first) == count:
        return Lines(orders.units, orders.fixed, terms.sheets[orders.rows], row)
    units, fixed = np.zeros((2, len(first), *orders.units.shape[1:]))
    for number, part in enumerate(terms.columns):
        own = market == number
        units[line[own], :, part], fixed[line[own], :, part] = orders.units[own, :, part], orders.fixed[own, :, part]
    return Lines(units, fixed, terms.sheets[orders.rows[row], np.arange(len(seat))], row)


def kernel_arguments(terms: Terms, lines: Lines, capital: float) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what the kernel is called with: a size, price, rate, fixed fee and slippage per order, a group per book.

    Within a book and market sales come first; which those are is known, so that the kernel need not find out.
    """
    from vectorbt.portfolio.enums import Direction, SizeType

    _, books, tickers = lines.units.shape
    ends = np.array([part.stop for part in terms.columns])
    size, price, rates, slippage, turns = kernel.placed(lines.sheets, lines.units, ends)
    placed = size.shape, np.full(books, tickers, dtype=np.int64), np.full(books, float(capital)), turns
    return placed, {
        "size": size,
        "size_type": np.asarray(SizeType.Amount),
        "direction": np.asarray(Direction.LongOnly),
        "price": price,
        "val_price": price,
        "close": price,
        "fees": rates,
        "fixed_fees": lines.fixed.reshape(size.shape),
        "slippage": slippage,
        "auto_call_seq": False,
        "max_orders": int(np.count_nonzero(lines.units)) + 1,
        "max_logs": 1,
        "engine": "rust",
    }


def _check(records: Any, lines: Lines, orders: Orders, capital: float, terms: Terms) -> None:
    """Refuse what vectorbt bent without a word: an order dropped or cut, cash that came out different."""
    names = len(terms.tickers)
    line, column, side, size, price, fees = (records[field] for field in ("idx", "col", "side", "size", "price", "fees"))
    first, count, left, turnover = kernel.unlike(
        line, column, side, size, price, fees, lines.units, float(capital), FILLED_WITHIN, SPENT_WITHIN
    )
    if first >= 0:
        one = records[first]
        at, (book, seat) = int(one["idx"]), divmod(int(one["col"]), names)
        filled = float(one["size"]) * (1.0 if one["side"] == 0 else -1.0)
        ordered = float(lines.units[at, book, seat])
        when = _day(terms, orders, lines.row[at, seat])
        raise BacktestError(f"{terms.tickers[seat]} on {when}: vectorbt filled {filled:g} of {ordered:g} units")
    if len(records) != count:
        units = lines.units.reshape(len(lines.units), -1).copy()
        units[line, column] = 0.0
        at, lost = np.argwhere(units)[0]
        when = _day(terms, orders, lines.row[at, lost % names])
        raise BacktestError(f"{terms.tickers[lost % names]} on {when}: vectorbt dropped the order")
    if (off := np.abs(left - orders.cash[-1]) > FILLED_WITHIN * (capital + turnover)).any():
        book = int(off.argmax())
        raise BacktestError(f"vectorbt left {left[book]:,.6f} in cash, the desk {orders.cash[-1, book]:,.6f}")


def _day(terms: Terms, orders: Orders, row: int) -> str:
    return f"{terms.sessions[terms.session[orders.rows[row]]]:%Y-%m-%d}"


def _valued(
    terms: Terms, orders: Orders, prices: Prices, base: str, capital: float, listed: pd.DataFrame
) -> tuple[pd.Series, dict[str, pd.DataFrame]]:
    """Return the value of a book at every session's close, and where it came from."""
    sessions, names = terms.sessions, list(terms.tickers)
    held = np.concatenate([np.zeros((1, len(names))), orders.held[:, 0]])[_upto(terms, orders)]
    wealth, rate = worth_of(terms, prices, base)
    equity = pd.Series(values(terms, orders, wealth * rate, capital)[0], sessions)
    traded, paid = np.zeros(held.shape), np.zeros(held.shape)
    price = np.nan_to_num(terms.price[orders.rows])
    at = terms.session[orders.rows]
    np.add.at(traded, at, orders.units[:, 0] * ((wealth * rate)[at] - price))
    seat = {ticker: place for place, ticker in enumerate(names)}
    where = (sessions.get_indexer(pd.DatetimeIndex(listed["session"])), listed["ticker"].map(seat).to_numpy(dtype=int))
    np.add.at(paid, where, listed["cost"].to_numpy(dtype=float))
    parts = attribution.profits(equity, held, wealth, rate, traded, paid)
    return equity, {name: pd.DataFrame(part, sessions, names) for name, part in parts.items()}


def _orders(terms: Terms, orders: Orders, decided: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the table of one book's orders with the cost of each by kind."""
    place, seat = np.nonzero(orders.units[:, 0])
    row = orders.rows[place]
    units, price, slip = np.abs(orders.units[place, 0, seat]), terms.price[row, seat], terms.slippage[row, seat]
    buy = orders.units[place, 0, seat] > 0
    value = units * price * np.where(buy, 1.0 + slip, 1.0 - slip)
    kinds = {
        kind: value * np.where(buy, terms.buy[kind][row, seat] if kind in terms.buy else 0.0, rate[row, seat])
        for kind, rate in terms.sell.items()
    }
    activity = np.where(buy, 0.0, np.minimum(units * terms.activity[row, seat], terms.activity_most[row, seat]))
    kinds["commission"] = kinds["commission"] + orders.fixed[place, 0, seat] - activity
    kinds |= {"activity fee": activity, "slippage": units * price * slip}
    shares = np.where(np.isnan(terms.shares[row, seat]), 1.0, terms.shares[row, seat])
    number = orders.decision[place, seat]
    return pd.DataFrame(
        {
            "decided": decided[number],
            "session": terms.sessions[terms.session[row]],
            "ticker": np.array(terms.tickers, dtype=object)[seat],
            "side": np.where(buy, "buy", "sell"),
            "shares": units * shares,
            "price": value / units / shares / terms.exchange[row, seat],
            "value": value,
            "cost": sum(kinds.values(), np.zeros(len(place))),
            **kinds,
        }
    )


def _close(prices: Prices, markets: Sequence[str], session: pd.Timestamp) -> pd.Timestamp:
    """Return the moment the last of some markets closes on a session."""
    held = [prices.closes[market] for market in markets]
    return max(pd.Timestamp(closes[session]) for closes in held if session in closes.index)


def _checked(targets: Any, allowed: set[str], session: pd.Timestamp, book: str) -> dict[str, float]:
    where = f"{book} on {session:%Y-%m-%d}"
    numbers = isinstance(targets, Mapping) and all(
        isinstance(weight, int | float | np.number) and not np.iscomplexobj(weight) for weight in targets.values()
    )
    if not numbers:
        raise StrategyError(f"{where}: weights are {str(targets)[:60]!r}; expected a number for each ticker")
    if strays := sorted(map(str, targets.keys() - allowed)):
        raise StrategyError(f"{where}: a weight of '{strays[0]}', which is no member that can be held then; expected members")
    weights = np.array(list(targets.values()), dtype=float)
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() > 1.0 + 1e-9:
        raise StrategyError(f"{where}: weights {targets}; expected each >= 0 and the sum <= 1")
    return dict(targets)
