"""Where a book's profit came from: every table adds up to the total return, and to what was worked out by hand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from support.markets import INDEX, days, decided, eight, prices_of, shares_of, traded
from support.random_markets import Case, tried

from backtest.errors import BacktestError
from backtest.execution import attribution

CAPITAL = 100_000.0


def adds_up(case: Case) -> None:
    outcome = case.traded()
    by_name = attribution.contributions(outcome.profits, case.spec.capital)
    gained = outcome.equity.iloc[-1] / case.spec.capital - 1.0
    assert by_name["total"].sum() == pytest.approx(gained, abs=1e-9)
    assert by_name[list(attribution.PARTS)].sum(axis=1).tolist() == pytest.approx(by_name["total"].tolist(), abs=1e-15)
    for group in (case.prices.market, case.prices.currency, {name: name[:2] for name in case.tickers}):
        table = attribution.grouped(by_name, group)
        assert table["total"].sum() == pytest.approx(gained, abs=1e-9)
        assert table.sum().tolist() == pytest.approx(by_name.sum().tolist(), abs=1e-12)


def costs_are_those_of_the_orders(case: Case) -> None:
    outcome = case.traded()
    by_name = -attribution.contributions(outcome.profits, case.spec.capital)["costs"] * case.spec.capital
    paid = outcome.orders.groupby("ticker")["cost"].sum().reindex(by_name.index).fillna(0.0)
    assert by_name.tolist() == pytest.approx(paid.tolist(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("check", [adds_up, costs_are_those_of_the_orders])
def test_in_any_market(check: Callable[[Case], None]) -> None:
    tried(check)


def test_a_name_that_is_left_out_of_a_table_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = attribution.contributions
    monkeypatch.setattr(attribution, "contributions", lambda parts, capital: honest(parts, capital).iloc[1:])
    with pytest.raises(AssertionError):
        tried(adds_up)


def test_profit_at_home_is_price_and_costs() -> None:
    """5,000 shares at 10 for 5.00 of commission (1 bp of 50,000); a day later they are worth 11."""
    outcome = traded(shares_of({"AAA": [10, 10, 11, 11, 11, 11, 11, 11]}), decided(INDEX[0], {"AAA": 0.5}))
    table = attribution.contributions(outcome.profits, CAPITAL)
    assert table.loc["AAA"].to_dict() == pytest.approx({"price": 0.05, "currency": 0.0, "costs": -5e-5, "total": 0.04995})


def test_profit_abroad_is_split_between_price_and_currency() -> None:
    """100 shares at 10: the rate moves from 7 to 7.5, then the price to 20 and the rate to 8.

    Currency: 1,000 dollars × 0.5 and again; price: 100 × 10 × 8.
    """
    week = days("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")
    prices = prices_of({"AAA": [10, 10, 10, 20]}, {"AAA": "XNYS"}, week, rate=[7.0, 7.0, 7.5, 8.0])
    outcome = traded(prices, decided(week[0], {"AAA": 1.0}), base="CNY", capital=7000.0, cost_bps=0.0)
    assert outcome.profits["currency"]["AAA"].tolist() == pytest.approx([0.0, 0.0, 500.0, 500.0])
    assert outcome.profits["price"]["AAA"].tolist() == pytest.approx([0.0, 0.0, 0.0, 8000.0])
    assert outcome.equity.tolist() == pytest.approx([7000.0, 7000.0, 7500.0, 16000.0])


def test_what_a_fill_at_the_open_gains_until_the_close_is_price() -> None:
    outcome = traded(shares_of({"AAA": eight(11.0)}, open_={"AAA": eight(10.0)}), decided(INDEX[0], {"AAA": 0.5}), fill="open")
    assert outcome.profits["price"]["AAA"].tolist() == pytest.approx([0.0, 5000.0] + [0.0] * 6)


def test_a_slipped_fill_is_a_cost_and_no_loss_of_price() -> None:
    outcome = traded(shares_of({"AAA": eight()}), decided(INDEX[0], {"AAA": 0.5}), slippage_bps=10.0)
    parts = attribution.contributions(outcome.profits, CAPITAL).loc["AAA"]
    assert parts["price"] == pytest.approx(0.0, abs=1e-15)
    assert parts["costs"] == pytest.approx(-(50.0 + 5.005) / CAPITAL)  # 1 bp of 50,050


def test_groups_add_their_names() -> None:
    by_name = pd.DataFrame({"price": [0.1, 0.2, 0.3], "total": [0.1, 0.2, 0.3]}, ["AAA", "BBB", "CCC"])
    table = attribution.grouped(by_name, {"AAA": "one", "BBB": "two", "CCC": "one"})
    assert table["total"].to_dict() == pytest.approx({"one": 0.4, "two": 0.2})


def test_parts_that_do_not_add_up_to_the_change_of_value_are_refused() -> None:
    """100 units rise from 10 to 11, the value by 99 instead of 100."""
    equity = pd.Series([1000.0, 1099.0], days("2024-01-02", "2024-01-03"))
    ones, nothing = np.ones((2, 1)), np.zeros((2, 1))
    with pytest.raises(BacktestError, match=r"2024-01-03: profit by name is 9\.1e-04 of the book's value off its change"):
        attribution.profits(equity, 100 * ones, np.array([[10.0], [11.0]]), ones, nothing, nothing)


@pytest.mark.parametrize(("cost", "conserved"), [(1e-9, True), (1.001e-9, False)])
def test_parts_may_be_off_the_change_of_value_by_a_billionth_of_it_and_no_more(cost: float, conserved: bool) -> None:
    """A value of 1 does not move although a cost is said to have been paid on the second day."""
    equity, nothing = pd.Series([1.0, 1.0], days("2024-01-02", "2024-01-03")), np.zeros((2, 1))
    given = equity, nothing, nothing + 1.0, nothing + 1.0, nothing, np.array([[0.0], [cost]])
    if conserved:
        assert attribution.profits(*given)["costs"].tolist() == [[0.0], [-cost]]
    else:
        with pytest.raises(BacktestError, match="2024-01-03: profit by name"):
            attribution.profits(*given)
