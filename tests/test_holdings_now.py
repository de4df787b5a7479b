"""What a book holds at its last close, what is asked for then, what that would trade and when: a longer run does just that."""

import pandas as pd
import pytest
from support.markets import (
    INDEX,
    MAIN,
    NOWHERE,
    STAR,
    STRATEGIES,
    US,
    decided,
    flat_prices_on_real_calendars,
    shares_of,
    spec_of,
)

from backtest import runs
from backtest.analysis.holdings_now import WaitingOrder
from backtest.decisions import Decision, targets_of
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade
from backtest.prices import Prices
from backtest.runs.holdings_now import now_of
from backtest.strategy import StrategySpec, load_strategy
from backtest.thesis import load_thesis
from backtest.thesis.windows import windows

CUT = 4  # sessions of INDEX that the shorter run has
CLOSES = {MAIN: [10.0, 11.0, 12.3] + [12.7] * 5, STAR: [50.0, 48.0, 47.0] + [51.3] * 5, US: [30.0, 29.0, 33.0] + [31.7] * 5}
FIRST = decided(INDEX[0], {MAIN: 0.3, STAR: 0.3, US: 0.4})
NEXT = decided(INDEX[CUT - 1], {MAIN: 0.5, US: 0.3})


def short_and_long(prices: Prices, wanted: Decision, spec: StrategySpec) -> tuple[Simulation, Simulation]:
    """A book that ends at the close at which weights are asked for, and the same book going on."""
    tickers, sessions = sorted(prices.market), prices.sessions(tuple(prices.closes))
    short = trade(targets_of([FIRST], tickers), prices, "CNY", sessions[:CUT], spec.execution, wanted.targets)
    return short, trade(targets_of([FIRST, wanted], tickers), prices, "CNY", sessions, spec.execution)


def orders_of(table: pd.DataFrame) -> list[list[object]]:
    ordered = table.sort_values(["ticker"])
    return ordered[["ticker", "side", "shares", "price", "value", "cost"]].to_numpy().tolist()


@pytest.mark.parametrize(
    "changes", [{}, {"fill": "open"}, {"cost_bps": 20.0}, {"slippage_bps": 30.0, "capital": 30_000.0}], ids=str
)
def test_what_would_be_traded_is_what_the_next_session_trades_at_the_same_prices(changes):
    opens = {name: [price - 0.1 for price in column[:3]] + column[3:] for name, column in CLOSES.items()}
    prices = shares_of(CLOSES, open_=opens)
    short, long = short_and_long(prices, NEXT, spec_of(**{"capital": 200_000.0} | changes))
    assert short.last_close is not None
    traded = long.orders[long.orders["decided"] == NEXT.session]
    assert len(traded) >= 2
    assert orders_of(short.last_close.orders) == orders_of(traded)
    assert short.equity.tolist() == long.equity.iloc[:CUT].tolist()


def test_a_share_that_did_not_trade_at_the_last_close_is_marked_and_its_order_waits():
    halted = {**CLOSES, MAIN: [10.0, 11.0, NOWHERE, NOWHERE, 12.7, 12.7, 12.7, 12.7]}
    spec, prices = spec_of(capital=200_000.0), shares_of(halted)
    second = decided(INDEX[1], {MAIN: 0.1, US: 0.9})
    tickers = sorted(prices.market)
    outcome = trade(targets_of([FIRST, second], tickers), prices, "CNY", INDEX[:CUT], spec.execution, NEXT.targets)
    now = now_of(spec, prices, tickers, NEXT, outcome)
    assert now is not None
    assert now.names[MAIN].halted == f"{INDEX[1]:%Y-%m-%d}"
    assert now.names[US].halted is None
    assert [(row.ticker, row.decided, row.reason) for row in now.waiting] == [(MAIN, f"{INDEX[1]:%Y-%m-%d}", "no price")]
    assert f"Not filled yet of the decision of {INDEX[1]:%Y-%m-%d}: {MAIN} (no price)." in now.sentence


def test_weights_targets_and_money_add_up():
    short, _ = short_and_long(shares_of(CLOSES), NEXT, spec_of(capital=200_000.0))
    now = now_of(spec_of(), shares_of(CLOSES), sorted(CLOSES), NEXT, short)
    assert now is not None
    assert {ticker: row.weight for ticker, row in now.names.items()} == short.shares.iloc[-1].to_dict()
    assert {ticker: row.target for ticker, row in now.names.items() if row.target} == NEXT.targets
    assert now.invested == pytest.approx(1.0 - (now.value - now.invested * now.value) / now.value)
    assert now.names[STAR].shares == -now.names[STAR].holding  # what is not asked for is sold to the last share
    for row in now.names.values():
        assert row.value == pytest.approx(row.difference * now.value, rel=0.05)
    assert now.traded == pytest.approx(sum(abs(row.value) for row in now.names.values()) / now.value)


BOTH = {"NVDA": "XNYS", "300308.SZ": "XSHG"}


@pytest.mark.parametrize(
    ("last", "market", "changes", "now", "on", "due"),
    [
        ("2026-07-31", {"NVDA": "XNYS"}, {}, True, "2026-07-31", {"XNYS": "2026-08-03"}),
        ("2026-07-30", {"NVDA": "XNYS"}, {}, False, "2026-07-31", {"XNYS": "2026-08-03"}),
        ("2026-07-30", {"NVDA": "XNYS"}, {"lag": 3}, False, "2026-07-31", {"XNYS": "2026-08-05"}),
        ("2026-07-30", {"NVDA": "XNYS"}, {"rebalance": "quarterly"}, False, "2026-09-30", {"XNYS": "2026-10-01"}),
        ("2026-07-30", {"NVDA": "XNYS"}, {"rebalance": "weekly"}, False, "2026-07-31", {"XNYS": "2026-08-03"}),
        # Shanghai is closed from 1 to 7 October, Friday 25 September 2026 as well
        ("2026-09-21", {"300308.SZ": "XSHG"}, {"rebalance": "weekly"}, False, "2026-09-24", {"XSHG": "2026-09-28"}),
        ("2026-09-30", BOTH, {}, True, "2026-09-30", {"XSHG": "2026-10-08", "XNYS": "2026-10-01"}),
        ("2026-12-15", {"NVDA": "XNYS"}, {}, False, "2026-12-31", {"XNYS": "2027-01-04"}),
        ("2026-12-15", {"300308.SZ": "XSHG"}, {}, False, None, {"XSHG": None}),  # its calendar ends with 2026
        ("2026-11-30", {"300308.SZ": "XSHG"}, {"lag": 60}, True, "2026-11-30", {"XSHG": None}),
    ],
    ids=str,
)
def test_the_next_decision_and_its_orders_are_on_the_days_of_the_calendars(last, market, changes, now, on, due):
    prices = flat_prices_on_real_calendars(market, "2026-06-01", last)
    spec, tickers = spec_of(**changes), sorted(market)
    sessions = prices.sessions(tuple(prices.closes))
    first = decided(sessions[0], dict.fromkeys(tickers, 0.5))
    outcome = trade(targets_of([first], tickers), prices, "USD", sessions, spec.execution, first.targets)
    told = now_of(spec, prices, tickers, first, outcome)
    assert told is not None
    assert (told.next.now, told.next.decided, told.next.due) == (now, on, due)
    days = [each for each in due.values() if each]
    assert all(each in told.sentence for each in days)
    assert ("the orders wait" in told.sentence) == now
    if None in due.values():
        assert told.next.ends == {"XSHG": "2026-12-31"}
        assert "calendar" in told.sentence


def test_orders_of_a_decision_whose_lag_reaches_beyond_the_end_wait_for_their_session():
    prices = flat_prices_on_real_calendars(BOTH, "2026-06-01", "2026-06-11")
    spec, tickers = spec_of(lag=9), sorted(BOTH)
    sessions = prices.sessions(tuple(prices.closes))
    first = decided(sessions[0], dict.fromkeys(tickers, 0.5))
    outcome = trade(targets_of([first], tickers), prices, "USD", sessions, spec.execution, first.targets)
    told = now_of(spec, prices, tickers, first, outcome)
    assert told is not None
    reason = "run ended before the market's next session"
    assert told.waiting == tuple(WaitingOrder(each, "2026-06-01", "2026-06-12", 0.5, reason) for each in tickers)
    assert "300308.SZ (due 2026-06-12), NVDA (due 2026-06-12)." in told.sentence


@pytest.mark.parametrize(("end", "is_decision_day"), [("2025-09-25", False), ("2025-09-30", True)])
def test_a_longer_run_trades_on_the_announced_day_towards_the_announced_weights(end, is_decision_day, archive, results):
    """Between both days and the decision of 30 September no new figure came, and Shanghai is closed from 1 to 8 October."""
    spec = load_strategy(next(path for path in STRATEGIES if path.stem == "supply_chain_excess"))
    spans = windows(load_thesis(), pd.Timestamp(spec.start), pd.Timestamp(end))
    now = runs._book(spec.replaced(end=end), "leaders", archive, load_thesis().universe, spans).holdings_now
    assert (now.next.now, now.next.decided, now.next.due) == (is_decision_day, "2025-09-30", {"XSHG": "2025-10-09"})
    long = results["supply_chain_excess"].books["leaders"]
    orders = long.orders[long.orders["session"] == now.next.due["XSHG"]]
    assert set(orders["decided"]) == {pd.Timestamp(now.next.decided)}
    aims = long.targets.loc[now.next.due["XSHG"]].dropna()
    assert aims.to_dict() == {ticker: now.names[ticker].target for ticker in aims.index}
    assert {ticker for ticker, row in now.names.items() if row.value} == set(orders["ticker"])


def test_every_book_of_every_strategy_says_what_it_holds_now(results):
    for result in results.values():
        for book in result.books.values():
            now = book.holdings_now
            assert now.session == f"{book.equity.index[-1]:%Y-%m-%d}"
            assert now.value == book.equity.iloc[-1]
            assert now.sentence.startswith("At the close of ")
            assert now.next.decided >= now.session
            assert min(now.next.due.values()) > now.next.decided
            weights = book.shares.iloc[-1]
            assert {ticker: row.weight for ticker, row in now.names.items() if row.weight} == weights[weights != 0.0].to_dict()
