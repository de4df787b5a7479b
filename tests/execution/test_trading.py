"""What a book is worth, and when each market trades."""

import numpy as np
import pandas as pd
import pytest
import vectorbt_rust.portfolio
from support.markets import (
    NOWHERE,
    WEEK,
    day,
    decided,
    flat_prices_on_real_calendars,
    listed,
    prices_of,
    spec_of,
    traded,
    two_names,
    without,
)

from backtest.decisions import Decision, targets_of
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade, traded_values
from backtest.prices import Prices

BOTH = {"NVDA": "XNYS", "300308.SZ": "XSHG"}
HALF = {"NVDA": 0.5, "300308.SZ": 0.5}


def simulated(prices: Prices, *chosen: Decision, base: str = "USD", **changes: object) -> Simulation:
    """A book of 1,000 in fractions of shares, without costs unless said otherwise."""
    return traded(prices, *chosen, base=base, **{"capital": 1000.0, "cost_bps": 0.0} | changes)


def sessions_of(outcome: Simulation) -> list[tuple[str, str]]:
    return [(f"{order.session:%Y-%m-%d}", order.ticker) for order in outcome.orders.itertuples()]


# What a book is worth


def test_equity_is_cash_plus_holdings_at_the_price_of_each_session() -> None:
    outcome = simulated(two_names((10, 10, 20, 30)), decided(WEEK[0], {"AAA": 0.5}))
    assert outcome.equity.tolist() == pytest.approx([1000.0, 1000.0, 1500.0, 2000.0])  # 50 shares and 500 in cash


def test_a_flat_cost_is_charged_on_the_traded_value_and_paid_from_the_target() -> None:
    outcome = simulated(two_names((10, 10, 10, 10)), decided(WEEK[0], {"AAA": 1.0}), cost_bps=100.0)
    assert listed(outcome.orders, "side", "shares", "cost") == [
        ["buy", pytest.approx(1000 / 10.1), pytest.approx(1000 / 101)]
    ]  # fmt: skip
    assert outcome.equity.tolist() == pytest.approx([1000.0, 1000 / 1.01, 1000 / 1.01, 1000 / 1.01])


def test_a_sixty_per_cent_target_is_filled_though_its_cash_comes_from_a_sale_of_the_same_session() -> None:
    chosen = decided(WEEK[0], {"AAA": 0.05, "BBB": 0.95}), decided(WEEK[1], {"AAA": 0.60, "BBB": 0.40})
    assert simulated(two_names((10, 10, 10, 10)), *chosen).realised.iloc[-1].tolist() == pytest.approx([0.60, 0.40], abs=1e-9)


def test_realised_weights_are_of_the_value_after_the_session() -> None:
    outcome = simulated(two_names(), decided(WEEK[0], {"AAA": 0.5}), cost_bps=100.0)
    assert outcome.realised["AAA"].tolist() == pytest.approx([500.0 / 995.0])


def test_the_value_alone_of_one_table_of_targets_is_that_of_its_trade() -> None:
    prices, chosen = two_names((10, 10, 20, 30)), decided(WEEK[0], {"AAA": 0.5})
    settings, targets = spec_of(capital=1000.0, cost_bps=0.0).execution, targets_of([chosen], ["AAA", "BBB"])
    (alone,) = traded_values([targets], prices, "USD", pd.DatetimeIndex(WEEK), settings)
    assert alone.tolist() == simulated(prices, chosen).equity.tolist()


def test_a_book_that_never_orders_keeps_its_capital() -> None:
    outcome = simulated(two_names(), decided(WEEK[0], {}))
    assert outcome.equity.tolist() == [1000.0] * 4
    assert outcome.orders.empty


def test_a_chinese_share_in_dollars_is_divided_by_the_rate() -> None:
    prices = prices_of({"600001.SS": [70, 70, 70, 80]}, {"600001.SS": "XSHG"}, WEEK, rate=[7.0, 7.0, 7.0, 8.0])
    outcome = simulated(prices, decided(WEEK[0], {"600001.SS": 1.0}))
    assert outcome.equity.tolist() == pytest.approx([1000.0] * 4)  # 100 shares of 10 dollars, then of 80 / 8


def test_a_suspended_share_is_worth_its_last_price() -> None:
    outcome = simulated(two_names((10, 10, NOWHERE, 20)), decided(WEEK[0], {"AAA": 1.0}))
    assert outcome.equity.tolist() == pytest.approx([1000.0, 1000.0, 1000.0, 2000.0])


def test_a_foreign_share_whose_market_is_closed_is_worth_its_last_price_at_the_rate_of_the_day() -> None:
    prices = prices_of({"AAA": [10, 10, NOWHERE, 10]}, {"AAA": "XNYS"}, WEEK, rate=[7.0, 7.0, 7.7, 7.0])
    outcome = simulated(prices, decided(WEEK[0], {"AAA": 1.0}), base="CNY", capital=7000.0)
    assert outcome.equity.tolist() == pytest.approx([7000.0, 7000.0, 7700.0, 7000.0])


def test_a_suspended_session_between_two_orders_changes_nothing_at_its_end() -> None:
    chosen = decided(WEEK[0], {"AAA": 0.7}), decided(WEEK[2], {})
    whole, suspended = two_names((10, 10, 15, 20)), without(two_names((10, 10, 15, 20)), "AAA", "2024-01-04")
    assert [simulated(prices, *chosen).equity.iloc[-1] for prices in (whole, suspended)] == pytest.approx([1700.0, 1700.0])


def test_simulation_runs_on_the_precompiled_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, called = vectorbt_rust.portfolio.simulate_from_orders_rs, []
    monkeypatch.setattr(
        vectorbt_rust.portfolio, "simulate_from_orders_rs", lambda *given, **named: called.append(1) or kernel(*given, **named)
    )
    simulated(two_names(), decided(WEEK[0], {"AAA": 1.0}))
    assert called == [1]


# When each market trades


def test_orders_name_the_decision_behind_them() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    outcome = simulated(prices, decided("2024-09-30", HALF), base="CNY")
    assert listed(outcome.orders, "decided", "session", "ticker") == [
        [day("2024-09-30"), day("2024-10-01"), "NVDA"],
        [day("2024-09-30"), day("2024-10-08"), "300308.SZ"],
    ]


def test_waiting_for_a_holiday_is_not_being_late() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    assert simulated(prices, decided("2024-09-30", HALF)).late.empty


def test_a_lag_of_two_counts_sessions_of_each_own_market() -> None:
    """Shanghai: 09-30, then 10-08; New York: 09-30, 10-01."""
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    outcome = simulated(prices, decided("2024-09-27", HALF), lag=2)
    assert sessions_of(outcome) == [("2024-10-01", "NVDA"), ("2024-10-08", "300308.SZ")]


def test_a_decision_that_falls_due_later_leaves_another_markets_older_order_alone() -> None:
    """Lag two over Golden Week 2024: on 10-08 Shanghai still fills 09-27 while New York fills 10-04."""
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    outcome = simulated(prices, decided("2024-09-27", {"300308.SZ": 0.4}), decided("2024-10-04", {"NVDA": 0.4}), lag=2)
    assert listed(outcome.orders[outcome.orders["side"] == "buy"], "decided", "session", "ticker") == [
        [day("2024-09-27"), day("2024-10-08"), "300308.SZ"],
        [day("2024-10-04"), day("2024-10-08"), "NVDA"],
    ]


def test_a_later_decision_replaces_an_order_that_is_due_in_the_same_session() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    chosen = decided("2024-09-30", {"300308.SZ": 0.9}), decided("2024-10-04", {"300308.SZ": 0.2})
    outcome = simulated(prices, *chosen, base="CNY")
    assert listed(outcome.orders, "session", "value") == [[day("2024-10-08"), pytest.approx(200.0)]]
    assert listed(outcome.unfilled, "decided", "target", "reason") == [
        [day("2024-09-30"), 0.9, "a newer decision was due first"]
    ]  # fmt: skip


def test_only_sessions_of_the_own_market_count_as_waited() -> None:
    prices = without(flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31"), "300308.SZ", "2024-09-30")
    outcome = simulated(prices, decided("2024-09-27", {"300308.SZ": 0.9}))
    assert listed(outcome.late, "session", "waited") == [[day("2024-10-08"), 1]]


def test_a_run_that_ends_on_a_holiday_of_a_market_does_not_end_its_prices() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-04")  # Shanghai's last session is 09-30
    assert simulated(prices, decided("2024-09-10", HALF)).exits.empty


def test_an_order_for_a_market_that_opens_after_the_end_of_the_run_is_listed_with_its_reason() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-04")
    outcome = simulated(prices, decided("2024-09-30", {"300308.SZ": 0.9}))
    assert listed(outcome.unfilled, "ticker", "target", "reason") == [
        ["300308.SZ", 0.9, "run ended before the market's next session"]
    ]  # fmt: skip


def test_the_last_of_the_cash_of_a_book_that_has_grown_is_spent_within_its_own_rounding():
    drawn, index = np.random.default_rng(26), pd.bdate_range("2022-01-03", periods=120).as_unit("ns")
    names = ["NVDA", "AMD", "AVGO", "MRVL"]
    columns = {name: 10.0 * np.exp(np.cumsum(drawn.normal(0.03, 0.05, 120))) for name in names}
    prices = prices_of(columns, dict.fromkeys(names, "XNYS"), index)
    wanted = [
        decided(session, dict(zip(names, drawn.dirichlet(np.full(4, 0.2)).tolist(), strict=True))) for session in index[0:-2:5]
    ]
    spec = spec_of(cost_bps=0.0, capital=10_000_000.0)
    assert trade(targets_of(wanted, names), prices, "USD", index, spec.execution).equity.iloc[-1] > 10 * spec.capital
