"""What the engine decides, refuses, fills and values, on markets small enough to follow by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import vectorbt
import vectorbt_rust.portfolio
from markets_for_tests import NOWHERE, day, days, decided, no_facts, prices_of, spec_of, without

from backtest import desk, engine
from backtest.errors import BacktestError, DataError
from backtest.panel import Archive
from backtest.prices import Prices
from backtest.signals.momentum import Momentum
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.universe import load_universe
from backtest.weights import Gate

US = {"AAA": "XNYS", "BBB": "XNYS"}
NO_RECORDS = np.empty(0, vectorbt.portfolio.enums.order_dt)
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


def placed(rows: dict[str, dict[str, float]], tickers: Sequence[str] = ("AAA", "BBB")) -> engine.Placement:
    """Targets by order session, as `place` would return them."""
    index = days(*rows)
    table = pd.DataFrame(list(rows.values()), index=index).reindex(columns=list(tickers)).astype(float)
    empty = pd.DataFrame()
    return engine.Placement(table, pd.Series(index - pd.Timedelta(days=1), index), empty, empty, empty)


def simulated(
    rows: dict[str, dict[str, float]], prices: Prices, cost_bps: float = 0.0, capital: float = 1000.0, base: str = "USD"
) -> engine.Simulation:
    sessions = prices.sessions(tuple(sorted(prices.closes)))
    return engine.simulate(placed(rows, list(prices.wealth.columns)), prices, base, sessions, capital, cost_bps)


# What is bought, what it costs and what it is worth


def test_equity_is_cash_plus_holdings_at_the_price_of_each_session() -> None:
    outcome = simulated({"2024-01-03": {"AAA": 0.5}}, two_names((10, 10, 20, 30)))
    assert outcome.equity.tolist() == [1000.0, 1000.0, 1500.0, 2000.0]  # 50 shares and 500 in cash


def test_costs_are_charged_on_the_traded_value_and_kept_back_twice() -> None:
    outcome = simulated({"2024-01-03": {"AAA": 1.0}}, two_names((10, 10, 20, 30)), cost_bps=100)
    # 1 - 2 × 1% of 1000 buys 98 shares at 10; 1% of 980 is 9.8; 1000 - 980 - 9.8 stays in cash
    assert outcome.orders[["side", "shares", "price", "value", "cost"]].to_numpy().tolist() == [
        ["buy", pytest.approx(98.0), 10.0, pytest.approx(980.0), pytest.approx(9.8)]
    ]
    assert outcome.equity.tolist() == pytest.approx([1000.0, 990.2, 98 * 20 + 10.2, 98 * 30 + 10.2])


def test_a_target_that_leaves_room_for_its_costs_is_not_scaled() -> None:
    outcome = simulated({"2024-01-03": {"AAA": 0.98}}, two_names(), cost_bps=100)
    assert outcome.orders["value"].tolist() == pytest.approx([980.0])


def test_both_sides_of_a_full_rotation_are_paid_for_without_going_short_of_cash() -> None:
    rows = {"2024-01-03": {"AAA": 1.0}, "2024-01-04": {"AAA": 0.0, "BBB": 1.0}}
    outcome = simulated(rows, two_names((10, 10, 10, 10)), cost_bps=100)
    # 990.2 after the first cost; 980 sold costs 9.8; 98% of 990.2 bought costs 9.70396
    assert outcome.equity.iloc[-1] == pytest.approx(990.2 - 9.8 - 9.70396)


def test_realised_weights_are_of_the_value_after_the_session() -> None:
    outcome = simulated({"2024-01-03": {"AAA": 1.0}}, two_names(), cost_bps=100)
    assert outcome.realised["AAA"].tolist() == pytest.approx([980.0 / 990.2])


def test_a_sixty_per_cent_target_is_filled_though_its_cash_comes_from_a_sale_of_the_same_session() -> None:
    rows = {"2024-01-03": {"AAA": 0.05, "BBB": 0.95}, "2024-01-04": {"AAA": 0.60, "BBB": 0.40}}
    outcome = simulated(rows, two_names((10, 10, 10, 10)))
    assert outcome.realised.iloc[-1].tolist() == pytest.approx([0.60, 0.40], abs=1e-12)


def test_vectorbt_left_to_its_default_order_of_calls_would_miss_that_target() -> None:
    close, targets = np.full((2, 2), 10.0), np.array([[0.05, 0.95], [0.60, 0.40]])
    options = {"size_type": "targetpercent", "init_cash": 1000.0, "cash_sharing": True, "group_by": True}
    held = vectorbt.Portfolio.from_orders(close, targets, **options).assets().to_numpy()
    assert held[-1, 0] * 10 / 1000 < 0.59


def test_a_name_without_an_order_keeps_its_shares() -> None:
    rows = {"2024-01-03": {"AAA": 0.5}, "2024-01-05": {"BBB": 0.1}}
    assert simulated(rows, two_names()).shares["AAA"].tolist() == [50.0, 50.0]


def test_a_book_of_one_name_and_one_order_has_a_row_and_a_column() -> None:
    prices = prices_of({"AAA": [10, 10, 20, 20]}, {"AAA": "XNYS"}, WEEK)
    outcome = simulated({"2024-01-03": {"AAA": 1.0}}, prices)
    assert (outcome.shares.shape, outcome.equity.tolist()) == ((1, 1), [1000.0, 1000.0, 2000.0, 2000.0])


def test_a_book_that_never_orders_keeps_its_capital() -> None:
    prices = two_names()
    placement = engine.place([decided("2024-01-02", {})], prices, ["AAA", "BBB"], WEEK, 1)
    outcome = engine.simulate(placement, prices, "USD", WEEK, 1000.0, 10.0)
    assert outcome.equity.tolist() == [1000.0] * 4


def test_a_foreign_share_is_worth_its_price_times_the_rate_of_the_day() -> None:
    prices = prices_of({"AAA": [10, 10, 10, 20]}, {"AAA": "XNYS"}, WEEK, rate=[7.0, 7.0, 7.5, 8.0])
    outcome = simulated({"2024-01-03": {"AAA": 1.0}}, prices, base="CNY", capital=7000.0)
    assert outcome.equity.tolist() == pytest.approx([7000.0, 7000.0, 7500.0, 16000.0])  # 100 shares


def test_a_chinese_share_in_dollars_is_divided_by_the_rate() -> None:
    prices = prices_of({"CCC": [70, 70, 70, 80]}, {"CCC": "XSHG"}, WEEK, rate=[7.0, 7.0, 7.0, 8.0])
    outcome = simulated({"2024-01-03": {"CCC": 1.0}}, prices, base="USD", capital=1000.0)
    assert outcome.equity.tolist() == pytest.approx([1000.0] * 4)  # 100 shares of 10 dollars, then of 80 / 8


def test_a_suspended_share_is_worth_its_last_price() -> None:
    outcome = simulated({"2024-01-03": {"AAA": 1.0}}, two_names((10, 10, NOWHERE, 20)))
    assert outcome.equity.tolist() == [1000.0, 1000.0, 1000.0, 2000.0]


def test_a_foreign_share_whose_market_is_closed_is_worth_its_last_price_at_the_rate_of_the_day() -> None:
    prices = prices_of({"AAA": [10, 10, NOWHERE, 10]}, {"AAA": "XNYS"}, WEEK, rate=[7.0, 7.0, 7.7, 7.0])
    outcome = simulated({"2024-01-03": {"AAA": 1.0}}, prices, base="CNY", capital=7000.0)
    assert outcome.equity.tolist() == pytest.approx([7000.0, 7000.0, 7700.0, 7000.0])


def test_orders_name_the_decision_behind_them() -> None:
    prices = two_names()
    placement = engine.place([decided("2024-01-02", {"AAA": 1.0})], prices, ["AAA", "BBB"], WEEK, 1)
    orders = engine.simulate(placement, prices, "USD", WEEK, 1000.0, 0.0).orders
    assert orders[["decided", "session", "ticker"]].to_numpy().tolist() == [[day("2024-01-02"), day("2024-01-03"), "AAA"]]


def test_simulation_runs_on_the_precompiled_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, called = vectorbt_rust.portfolio.simulate_from_orders_rs, []
    monkeypatch.setattr(
        vectorbt_rust.portfolio, "simulate_from_orders_rs", lambda *given, **named: called.append(1) or kernel(*given, **named)
    )
    simulated({"2024-01-03": {"AAA": 1.0}}, two_names())
    assert called == [1]


# What vectorbt would bend without a word


def test_an_order_on_a_session_without_a_price_is_refused() -> None:
    with pytest.raises(BacktestError, match="order for AAA on 2024-01-04, when it has no price"):
        simulated({"2024-01-04": {"AAA": 1.0}}, two_names((10, 10, NOWHERE, 20)))


@pytest.mark.parametrize("weight", [-0.1, np.inf, -np.inf])
def test_a_weight_that_is_negative_or_infinite_is_refused(weight: float) -> None:
    with pytest.raises(BacktestError, match="weights"):
        simulated({"2024-01-03": {"AAA": weight}}, two_names())


def test_weights_that_add_up_to_more_than_one_are_refused() -> None:
    with pytest.raises(BacktestError, match="weights"):
        simulated({"2024-01-03": {"AAA": 0.75, "BBB": 0.75}}, two_names())


@pytest.mark.parametrize("bent", [0.9, 1.1])
def test_a_fill_that_differs_from_its_target_for_no_known_reason_is_an_error(
    bent: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = engine._vectorbt

    def bending(*given: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        records, shares, cash = honest(*given)
        return records, shares * bent, cash + shares[:, 0] * (1 - bent) * 10

    monkeypatch.setattr(engine, "_vectorbt", bending)
    with pytest.raises(BacktestError, match=r"AAA on 2024-01-03: .* target 0\.500000, no reason"):
        simulated({"2024-01-03": {"AAA": 0.5}}, two_names())


def test_a_fill_above_its_target_is_an_error_even_when_all_cash_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_vectorbt", lambda *given: (NO_RECORDS, np.array([[60.0, 40.0]]), np.zeros(1)))
    with pytest.raises(BacktestError, match=r"AAA on 2024-01-03: weight 0\.600000, target 0\.500000, no reason"):
        simulated({"2024-01-03": {"AAA": 0.5, "BBB": 0.5}}, two_names())


def test_an_order_that_vectorbt_dropped_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_vectorbt", lambda *given: (NO_RECORDS, np.zeros((1, 2)), np.array([1000.0])))
    with pytest.raises(BacktestError, match="no reason"):
        simulated({"2024-01-03": {"AAA": 0.5}}, two_names())


def test_a_target_missed_for_want_of_cash_is_listed_with_its_reason() -> None:
    rows = {"2024-01-03": {"AAA": 1.0}, "2024-01-04": {"BBB": 0.4}}
    differences = simulated(rows, two_names((10, 10, 10, 10))).differences
    assert differences[["session", "ticker", "target", "reason"]].to_numpy().tolist() == [
        [day("2024-01-04"), "BBB", 0.4, engine.SHORT_OF_CASH]
    ]
    assert differences["short_by"].tolist() == pytest.approx([0.4])


def test_a_value_that_is_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_vectorbt", lambda *given: (NO_RECORDS, np.full((1, 2), np.nan), np.zeros(1)))
    with pytest.raises(BacktestError, match="value is not a number on 2024-01-0"):
        simulated({"2024-01-03": {"AAA": 0.5}}, two_names())


# When it decides, and on what


def archive_of(**columns: Sequence[float]) -> Archive:
    index = pd.bdate_range("2024-01-01", periods=len(next(iter(columns.values())))).as_unit("ns")
    return Archive(no_facts(), prices_of(columns, dict.fromkeys(columns, "XNYS"), index))


def decisions_of(archive: Archive, **changes: object) -> list[desk.Decision]:
    spec = spec_of(**changes)
    sessions = engine.run_sessions(
        archive.prices, spec.tickers(spec.baskets[0], load_universe()), day("2024-01-01"), day("2030-01-01")
    )
    return engine.decide(spec, spec.baskets[0], archive, load_universe(), sessions)


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
    amd = [100.0] * 13 + [NOWHERE] * 30
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
    [{"NVDA": NOWHERE}, {"NVDA": -0.1}, {"NVDA": np.inf}, {"NVDA": 0.6, "AMD": 0.6}],
    ids=["NaN", "negative", "infinite", "above one in sum"],
)
def test_weights_that_are_no_portfolio_are_refused_where_they_are_decided(targets: dict[str, float]) -> None:
    archive = archive_of(NVDA=[1.0] * 12, AMD=[1.0] * 12)
    with pytest.raises(BacktestError, match=r"GPU on 2024-01-01: weights .* want each >= 0 and the sum <= 1"):
        decisions_of(archive, baskets=("GPU",), weights=Fixed(tuple(targets.items())))


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


def test_a_run_ends_at_the_last_session_on_which_half_of_its_names_are_priced() -> None:
    prices = two_names((10, 10, 10, 10), (10, 10, NOWHERE, NOWHERE))
    assert engine.last_session(spec_of(), prices, ["AAA", "BBB"]) == day("2024-01-05")


def test_a_run_does_not_wait_for_a_minority_of_its_names() -> None:
    market = dict.fromkeys(("AAA", "BBB", "CCC"), "XNYS")
    prices = prices_of({"AAA": [1, 1, 1, 1], "BBB": [1, 1, 1, NOWHERE], "CCC": [1, 1, NOWHERE, NOWHERE]}, market, WEEK)
    assert engine.last_session(spec_of(), prices, ["AAA", "BBB", "CCC"]) == day("2024-01-04")


def test_a_run_ends_where_its_spec_says() -> None:
    assert engine.last_session(spec_of(end="2024-01-04"), two_names(), ["AAA"]) == day("2024-01-04")


def test_a_run_without_any_price_is_refused() -> None:
    with pytest.raises(DataError, match="no price at all for AAA"):
        engine.last_session(spec_of(), two_names((NOWHERE,) * 4), ["AAA"])


def test_the_sessions_of_a_book_are_those_of_all_its_markets() -> None:
    prices = prices_of(
        {"AAA": [1, NOWHERE, 1, 1], "CCC": [NOWHERE, 1, 1, 1]},
        {"AAA": "XNYS", "CCC": "XSHG"},
        WEEK,
        closed={"XNYS": ["2024-01-03"], "XSHG": ["2024-01-02"]},
    )
    assert engine.run_sessions(prices, ["AAA", "CCC"], WEEK[0], WEEK[-1]).equals(WEEK)


def test_a_book_has_no_session_on_which_all_its_markets_are_closed() -> None:
    prices = prices_of(
        {"AAA": [1, NOWHERE, 1, 1], "CCC": [1] * 4}, {"AAA": "XNYS", "CCC": "XSHG"}, WEEK, closed={"XNYS": ["2024-01-03"]}
    )
    assert day("2024-01-03") not in engine.run_sessions(prices, ["AAA"], WEEK[0], WEEK[-1])


def test_a_run_of_one_session_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 session\(s\) from 2024-01-05 to 2024-01-05; want at least two"):
        engine.run_sessions(two_names(), ["AAA"], day("2024-01-05"), day("2024-01-05"))


# Order sessions only, or every session


def test_simulating_every_session_gives_the_same_values_as_simulating_the_order_sessions() -> None:
    drawn = np.random.default_rng(20250723)
    index = pd.bdate_range("2023-01-02", periods=500).as_unit("ns")
    close = 100 * np.exp(np.cumsum(drawn.normal(0, 0.02, (500, 4)), axis=0))
    tickers = ["AAA", "BBB", "CCC", "DDD"]
    prices = prices_of(dict(zip(tickers, close.T, strict=True)), dict.fromkeys(tickers, "XNYS"), index)
    rows = {f"{index[n]:%Y-%m-%d}": dict(zip(tickers, drawn.dirichlet(np.ones(4)), strict=True)) for n in range(1, 500, 21)}
    ours = simulated(rows, prices, cost_bps=10.0, capital=1e6).equity
    scaled = pd.DataFrame(rows).T.set_axis(days(*rows)).reindex(index) * (1 - 2 * 10 / 1e4)
    dense = vectorbt.Portfolio.from_orders(
        close, scaled.to_numpy(), size_type="targetpercent", direction="longonly", fees=0.001, init_cash=1e6,
        cash_sharing=True, group_by=True, call_seq="auto",
    )  # fmt: skip
    np.testing.assert_allclose(ours.to_numpy(), dense.value().to_numpy(), rtol=1e-12)


def test_a_suspended_session_between_two_orders_changes_nothing_at_its_end() -> None:
    rows = {"2024-01-03": {"AAA": 0.7}, "2024-01-05": {"AAA": 0.0}}
    whole, held = two_names((10, 10, 15, 20)), without(two_names((10, 10, 15, 20)), "AAA", "2024-01-04")
    assert simulated(rows, whole).equity.iloc[-1] == simulated(rows, held).equity.iloc[-1] == 1700.0
