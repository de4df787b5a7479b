"""When the engine decides, when each market trades, what the book is worth, and where a run begins and ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import vectorbt_rust.portfolio
from support.markets import (
    NOWHERE,
    day,
    days,
    decided,
    flat_prices_on_real_calendars,
    listed,
    no_facts,
    prices_of,
    spec_of,
    traded,
    without,
)

from backtest.decisions import Decision, decide, last_session, run_sessions, targets_of
from backtest.errors import BacktestError, ConfigurationError, DataError
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade
from backtest.panel import Archive
from backtest.prices import Prices
from backtest.signals.momentum import Momentum
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.universe import load_universe
from backtest.weights import Gate

US = {"AAA": "XNYS", "BBB": "XNYS"}
BOTH = {"NVDA": "XNYS", "300308.SZ": "XSHG"}
HALF = {"NVDA": 0.5, "300308.SZ": 0.5}
WEEK = days("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")


@dataclass(frozen=True)
class Fixed:
    """The same weights whatever is known."""

    targets: tuple[tuple[str, float], ...]
    signals_wanted: ClassVar[int] = 0
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: object) -> dict[str, float]:
        return dict(self.targets)


def two_names(aaa: Sequence[float] = (10, 10, 20, 20), bbb: Sequence[float] = (10, 10, 10, 10)) -> Prices:
    return prices_of({"AAA": aaa, "BBB": bbb}, US, WEEK)


def simulated(prices: Prices, *chosen: Decision, base: str = "USD", **changes: object) -> Simulation:
    """A book of 1,000 in fractions of shares, without costs unless said otherwise."""
    return traded(prices, *chosen, base=base, **{"capital": 1000.0, "cost_bps": 0.0} | changes)


def sessions_of(outcome: Simulation) -> list[tuple[str, str]]:
    return [(f"{one.session:%Y-%m-%d}", one.ticker) for one in outcome.orders.itertuples()]


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
    whole, held = two_names((10, 10, 15, 20)), without(two_names((10, 10, 15, 20)), "AAA", "2024-01-04")
    assert [simulated(one, *chosen).equity.iloc[-1] for one in (whole, held)] == pytest.approx([1700.0, 1700.0])


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


# When it decides, and on what


def archive_of(**columns: Sequence[float]) -> Archive:
    index = pd.bdate_range("2024-01-01", periods=len(next(iter(columns.values())))).as_unit("ns")
    return Archive(no_facts(), prices_of(columns, dict.fromkeys(columns, "XNYS"), index))


def decisions_of(archive: Archive, **changes: object) -> list[Decision]:
    spec = spec_of(**changes)
    sessions = run_sessions(archive.prices, spec.tickers(spec.baskets[0], load_universe()), day("2024-01-01"), day("2030-01-01"))
    return decide(spec, spec.baskets[0], archive, load_universe(), sessions)


def test_quarterly_decisions_are_at_the_first_session_and_the_last_of_each_quarter_but_not_of_the_run() -> None:
    found = [f"{one.session:%m-%d}" for one in decisions_of(archive_of(NVDA=[100.0] * 182), rebalance="quarterly")]
    assert found == ["01-01", "03-29", "06-28"]  # 182 weekdays from Monday 2024-01-01 end on Tuesday 09-10


def test_monthly_decisions_are_at_the_last_session_of_each_month() -> None:
    found = [f"{one.session:%m-%d}" for one in decisions_of(archive_of(NVDA=[100.0] * 66), rebalance="monthly")]
    assert found == ["01-01", "01-31", "02-29", "03-29"]  # the 66th weekday is Monday 04-01


def test_weekly_decisions_are_at_the_last_session_of_each_week() -> None:
    found = [f"{one.session:%m-%d}" for one in decisions_of(archive_of(NVDA=[100.0] * 11), rebalance="weekly")]
    assert found == ["01-01", "01-05", "01-12"]


def test_the_last_session_of_a_run_is_no_decision_though_it_ends_a_period() -> None:
    found = [f"{one.session:%m-%d}" for one in decisions_of(archive_of(NVDA=[100.0] * 10), rebalance="weekly")]
    assert found == ["01-01", "01-05"]


def test_a_decision_in_two_markets_is_taken_when_the_later_has_closed() -> None:
    index = pd.bdate_range("2024-01-01", periods=3).as_unit("ns")
    columns = {ticker: [100.0] * 3 for ticker in ("AVGO", "MRVL", "688256.SS")}
    market = {"AVGO": "XNYS", "MRVL": "XNYS", "688256.SS": "XSHG"}
    archive = Archive(no_facts(), prices_of(columns, market, index))
    assert decisions_of(archive, baskets=("ASIC",))[0].moment == pd.Timestamp("2024-01-01T20:00Z")


def test_a_decision_on_a_holiday_of_one_market_is_taken_at_the_close_of_the_other() -> None:
    index = pd.bdate_range("2024-01-01", periods=3).as_unit("ns")
    columns = {"AVGO": [NOWHERE, 1, 1], "MRVL": [NOWHERE, 1, 1], "688256.SS": [100.0] * 3}
    market = {"AVGO": "XNYS", "MRVL": "XNYS", "688256.SS": "XSHG"}
    archive = Archive(no_facts(), prices_of(columns, market, index, closed={"XNYS": ["2024-01-01"]}))
    first = decisions_of(archive, baskets=("ASIC",))[0]
    assert (first.moment, first.targets) == (pd.Timestamp("2024-01-01T07:00Z"), {"688256.SS": 1.0})


def test_a_member_without_a_price_in_the_fourteen_days_before_is_left_out() -> None:
    amd = [100.0] * 13 + [NOWHERE] * 29 + [100.0]
    found = {
        f"{one.session:%m-%d}": set(one.targets)
        for one in decisions_of(archive_of(NVDA=[1.0] * 43, AMD=amd), baskets=("GPU",), rebalance="weekly")
    }
    # the last price is of 01-17: nine days old on 01-26, sixteen on 02-02
    assert (found["01-26"], found["02-02"]) == ({"AMD", "NVDA"}, {"NVDA"})


def test_a_member_is_held_from_its_first_price() -> None:
    amd = [NOWHERE] * 3 + [100.0] * 9
    found = {
        f"{one.session:%m-%d}": set(one.targets)
        for one in decisions_of(archive_of(NVDA=[1.0] * 12, AMD=amd), baskets=("GPU",), rebalance="weekly")
    }
    assert (found["01-01"], found["01-05"]) == ({"NVDA"}, {"AMD", "NVDA"})


def test_a_member_is_not_held_before_the_universe_lists_it() -> None:
    tickers = ("ANET", "APH", "CRDO", "ALAB")
    archive = archive_of(**{ticker: [1.0] * 66 for ticker in tickers})
    found = {f"{one.session:%m-%d}": one.targets for one in decisions_of(archive, baskets=("us_network_copper",))}
    assert ("ALAB" in found["02-29"], "ALAB" in found["03-29"]) == (False, True)  # since 2024-03-20


@pytest.mark.parametrize(
    "targets",
    [
        {"NVDA": NOWHERE},
        {"NVDA": NOWHERE, "AMD": 0.5},
        {"NVDA": -0.1},
        {"NVDA": -0.1, "AMD": 0.5},
        {"NVDA": np.inf},
        {"NVDA": 0.6, "AMD": 0.6},
        {"NVDA": 0.5 + 2e-9, "AMD": 0.5},
    ],
    ids=["NaN", "NaN beside a number", "negative", "one negative", "infinite", "above one", "above one by more than rounding"],
)
def test_weights_that_are_no_portfolio_are_refused_where_they_are_decided(targets: dict[str, float]) -> None:
    archive = archive_of(NVDA=[1.0] * 12, AMD=[1.0] * 12)
    with pytest.raises(BacktestError, match=r"GPU on 2024-01-01: weights .* expected each >= 0 and the sum <= 1"):
        decisions_of(archive, baskets=("GPU",), weights=Fixed(tuple(targets.items())))


def test_weights_on_a_ticker_the_book_does_not_hold_are_refused_by_name() -> None:
    words = "weights on 2024-01-02: no ticker of the book 'AAB'; did you mean 'AAA'"
    with pytest.raises(ConfigurationError, match=words):
        simulated(two_names(), decided(WEEK[0], {"AAA": 0.5, "AAB": 0.5}))


@pytest.mark.parametrize(
    "targets",
    [{"NVDA": 1.0, "AMD": 0.0}, {"NVDA": 0.5 + 5e-10, "AMD": 0.5}, {"NVDA": 1.0 + 1e-9}, {"NVDA": 0.0, "AMD": 0.0}],
    ids=["one of nothing", "one but for rounding", "one and all of the rounding", "all cash"],
)
def test_weights_of_nothing_and_a_sum_of_one_but_for_rounding_are_a_portfolio(targets: dict[str, float]) -> None:
    archive = archive_of(NVDA=[1.0] * 12, AMD=[1.0] * 12)
    assert decisions_of(archive, baskets=("GPU",), weights=Fixed(tuple(targets.items())))[0].targets == targets


def test_a_rule_for_the_supply_chain_given_scores_by_ticker_is_an_error_a_user_can_read() -> None:
    with pytest.raises(BacktestError, match="supply_chain"):
        decisions_of(archive_of(NVDA=[1.0] * 12), signals=(Momentum(),), weights=Gate())


def test_a_shut_gate_holds_its_other_even_when_no_member_is_priced() -> None:
    columns = {"AMD": [NOWHERE] * 12, "NVDA": [NOWHERE] * 12, "510300.SS": [4.0] * 12}
    market = {"AMD": "XNYS", "NVDA": "XNYS", "510300.SS": "XSHG"}
    index = pd.bdate_range("2024-01-01", periods=12).as_unit("ns")
    archive = Archive(no_facts(), prices_of(columns, market, index))
    found = decisions_of(archive, baskets=("GPU",), signals=(SupplyChainExcess(),), weights=Gate(otherwise="510300.SS"))
    assert found[0].targets == {"510300.SS": 1.0}


# Where a run begins and ends


def test_a_book_ends_at_the_last_session_on_which_every_ticker_is_priced() -> None:
    market = dict.fromkeys(("AAA", "BBB", "CCC"), "XNYS")
    prices = prices_of({"AAA": [1, 1, 1, 1], "BBB": [1, 1, 1, NOWHERE], "CCC": [1, 1, NOWHERE, NOWHERE]}, market, WEEK)
    assert last_session(prices, ["AAA", "BBB", "CCC"], None, "close") == day("2024-01-03")
    assert last_session(prices, ["AAA", "BBB"], None, "close") == day("2024-01-04")
    assert run_sessions(prices, ["AAA", "BBB"], WEEK[0], WEEK[-1])[-1] == day("2024-01-04")


def test_a_ticker_that_is_declared_ended_does_not_end_the_book() -> None:
    prices = replace(two_names((10, 10, 10, 10), (10, 10, NOWHERE, NOWHERE)), ended={"BBB": "taken over"})
    assert last_session(prices, ["AAA", "BBB"], None, "close") == day("2024-01-05")


def test_a_book_of_nothing_but_ended_tickers_ends_with_the_last_of_them() -> None:
    prices = replace(two_names((10, 10, 10, NOWHERE), (10, 10, NOWHERE, NOWHERE)), ended={"AAA": "x", "BBB": "x"})
    assert last_session(prices, ["AAA", "BBB"], None, "close") == day("2024-01-04")


@pytest.mark.parametrize("end", ["2024-01-08", "2030-01-01", "2199-12-31"])
def test_an_end_that_a_ticker_has_no_prices_for_is_refused_naming_it_and_its_last_session(end: str) -> None:
    prices = two_names((10, 10, 10, 10), (10, 10, 10, 10))
    with pytest.raises(DataError, match=rf"by hand: the prices of AAA end on 2024-01-05, before {end}; expected an end up to"):
        last_session(prices, ["AAA", "BBB"], day(end), "close")


@pytest.mark.parametrize("end", ["2024-01-06", "2024-01-07"])
def test_an_end_on_the_weekend_after_the_last_session_is_none_too_late(end: str) -> None:
    assert last_session(two_names(), ["AAA"], day(end), "close") == day(end)


def test_a_run_ends_where_its_spec_says() -> None:
    assert last_session(two_names(), ["AAA"], day("2024-01-04"), "close") == day("2024-01-04")


def test_a_run_without_any_price_is_refused() -> None:
    with pytest.raises(DataError, match="no price at all for AAA"):
        last_session(two_names((NOWHERE,) * 4), ["AAA"], None, "close")


def test_the_sessions_of_a_book_are_those_of_all_its_markets() -> None:
    prices = prices_of(
        {"AAA": [1, NOWHERE, 1, 1], "CCC": [NOWHERE, 1, 1, 1]},
        {"AAA": "XNYS", "CCC": "XSHG"},
        WEEK,
        closed={"XNYS": ["2024-01-03"], "XSHG": ["2024-01-02"]},
    )
    assert run_sessions(prices, ["AAA", "CCC"], WEEK[0], WEEK[-1]).equals(WEEK)


def test_a_book_has_no_session_on_which_all_its_markets_are_closed() -> None:
    prices = prices_of(
        {"AAA": [1, NOWHERE, 1, 1], "CCC": [1] * 4}, {"AAA": "XNYS", "CCC": "XSHG"}, WEEK, closed={"XNYS": ["2024-01-03"]}
    )
    assert day("2024-01-03") not in run_sessions(prices, ["AAA"], WEEK[0], WEEK[-1])


def test_a_run_of_one_session_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 session\(s\) from 2024-01-05 to 2024-01-05; expected at least two"):
        run_sessions(two_names(), ["AAA"], day("2024-01-05"), day("2024-01-05"))


def test_the_last_of_the_cash_of_a_book_that_has_grown_is_spent_within_its_own_rounding():
    drawn, index = np.random.default_rng(26), pd.bdate_range("2022-01-03", periods=120).as_unit("ns")
    names = ["NVDA", "AMD", "AVGO", "MRVL"]
    columns = {name: 10.0 * np.exp(np.cumsum(drawn.normal(0.03, 0.05, 120))) for name in names}
    prices = prices_of(columns, dict.fromkeys(names, "XNYS"), index)
    wanted = [decided(one, dict(zip(names, drawn.dirichlet(np.full(4, 0.2)).tolist(), strict=True))) for one in index[0:-2:5]]
    spec = spec_of(cost_bps=0.0, capital=10_000_000.0)
    assert trade(targets_of(wanted, names), prices, "USD", index, spec.execution).equity.iloc[-1] > 10 * spec.capital
