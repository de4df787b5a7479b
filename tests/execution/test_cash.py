"""Cash earns the rate of a dated row, credited before a session's orders; without a row every figure is as it was."""

from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from support.markets import (
    INDEX,
    MAIN,
    US,
    WEEK,
    decided,
    eight,
    prices_of,
    reference_archive,
    shares_of,
    spec_of,
    traded,
    two_names,
)

from backtest.errors import ConfigurationError
from backtest.execution.attribution import CASH
from backtest.markets.cash_rates import CashRate, cash_growth, load_cash_rates, rates_within
from backtest.output.comment import markdown
from backtest.output.document import to_document
from backtest.output.summary import terminal
from backtest.report import render
from backtest.runs import needed_tickers, run
from backtest.sweeps.evaluator import Evaluator
from backtest.thesis import load_thesis
from backtest.weights import Equal


def rate(value, since="2023-01-01", currency="USD"):
    return CashRate(currency=currency, since=date.fromisoformat(since), rate=value, source="made up")


A_DAY = rate(0.0365)  # 0.0001 a day


@dataclass(frozen=True)
class Half:
    """Half of the book in the basket, half in cash."""

    signals_wanted: ClassVar[int] = 0
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores, members):
        return {ticker: weight / 2.0 for ticker, weight in Equal()(scores, members).items()}


def paying(prices, *rates):
    return replace(prices, cash_rates=rates)


# What cash grows to


def test_a_calendar_day_earns_a_365th_of_the_rate_that_holds_on_it():
    friday_to_tuesday = pd.DatetimeIndex(["2024-01-05", "2024-01-08", "2024-01-09"])
    assert cash_growth([A_DAY], "USD", friday_to_tuesday).tolist() == pytest.approx([1.0, 1.0003, 1.0003 * 1.0001], abs=1e-15)
    later = [A_DAY, rate(0.073, "2024-01-07")]
    assert cash_growth(later, "USD", friday_to_tuesday).tolist() == pytest.approx([1.0, 1.0004, 1.0004 * 1.0002], abs=1e-15)


def test_nothing_is_earned_before_the_first_row_in_another_currency_or_at_a_rate_of_nothing():
    assert cash_growth([rate(0.05, "2024-01-10")], "USD", WEEK) is None
    assert cash_growth([A_DAY], "CNY", WEEK) is None
    assert cash_growth([rate(0.0)], "USD", WEEK) is None
    assert cash_growth([rate(0.05, "2024-01-04")], "USD", WEEK)[:3].tolist() == [1.0, 1.0, 1.0]


def test_the_rows_that_hold_within_a_run_are_those_until_the_next():
    rows = (rate(0.01, "2022-01-01"), rate(0.02, "2023-01-01"), rate(0.03, "2024-06-01"), rate(0.04, "2026-01-01"))
    found = rates_within(rows, "USD", pd.Timestamp("2023-05-01"), pd.Timestamp("2025-01-01"))
    assert [row.rate for row in found] == [0.02, 0.03]


def test_no_rate_is_shipped_and_one_of_a_thesis_is_read_with_a_fault_by_file_and_row(tmp_path):
    assert load_cash_rates() == ()
    text = '[[cash_rate]]\ncurrency = "USD"\nsince = 2023-01-01\nrate = 0.04\nsource = "made up"\n'
    (tmp_path / "cash_rates.toml").write_text(text)
    assert load_cash_rates(tmp_path) == (rate(0.04),)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "cash_rates.toml").write_text(text * 2)
    with pytest.raises(ConfigurationError, match=r"cash_rates.toml row 2: USD has a rate since 2023-01-01 already"):
        load_cash_rates(tmp_path / "two")


# A book


def test_a_book_of_half_cash_is_worked_by_hand():
    found = traded(paying(two_names((10, 10, 20, 30)), A_DAY), decided(WEEK[0], {"AAA": 0.5}), capital=1000.0, cost_bps=0.0)
    cash = 500.05  # half of 1000.1, which the first night made of 1000
    expected = [1000.0, 1000.1, 50.005 * 20 + cash * 1.0001, 50.005 * 30 + cash * 1.0001**2]
    assert found.equity.tolist() == pytest.approx(expected, abs=1e-9)
    assert found.profits["price"][CASH].tolist() == pytest.approx([0.0, 0.1, cash * 0.0001, cash * 1.0001 * 0.0001], abs=1e-12)
    assert found.realised.iloc[-1]["AAA"] == pytest.approx(0.5)


def test_a_book_that_never_trades_grows_like_its_cash():
    prices = paying(prices_of({"AAA": eight()}, {"AAA": "XNYS"}, INDEX), A_DAY)
    found = traded(prices, decided(INDEX[0], {"AAA": 0.0}))
    assert (found.equity / 100_000.0).to_numpy() == pytest.approx(cash_growth([A_DAY], "USD", INDEX), abs=1e-14)


@pytest.mark.parametrize("rows", [(), (rate(0.0),), (rate(0.05, currency="CNY"),)])
def test_without_a_rate_every_figure_is_what_it_was_to_the_last_bit(rows):
    plain, named = two_names((10, 11, 20, 30)), decided(WEEK[0], {"AAA": 0.3, "BBB": 0.2})
    before, after = traded(paying(plain), named), traded(paying(plain, *rows), named)
    assert before.equity.equals(after.equity)
    assert before.orders.equals(after.orders)
    assert all(before.profits[name].equals(after.profits[name]) for name in before.profits)


@pytest.mark.parametrize("changes", [{}, {"cost_bps": 20.0}, {"slippage_bps": 30.0}])
def test_lots_fees_and_two_markets_leave_the_cash_that_a_ledger_of_the_orders_has(changes):
    """An account kept by hand from the table of orders, in money: interest first, then the session's flows."""
    prices = paying(shares_of({MAIN: [10, 11, 12, 9, 10, 11, 12, 13], US: [50, 60, 40, 45, 50, 55, 61, 70]}), rate(0.2))
    named = [decided(INDEX[n], {MAIN: 0.3, US: weight}) for n, weight in ((0, 0.4), (2, 0.1), (4, 0.6))]
    found = traded(prices, *named, **changes)
    assert len(found.orders) >= 4
    growth, cash, units = cash_growth([rate(0.2)], "USD", INDEX), 100_000.0, dict.fromkeys((MAIN, US), 0.0)
    values = []
    for number, session in enumerate(INDEX):
        cash *= growth[number] / growth[max(number - 1, 0)]
        for order in found.orders[found.orders["session"] == session].itertuples():
            bought = 1.0 if order.side == "buy" else -1.0
            cash -= bought * order.value + order.cost - order.slippage
            units[order.ticker] += bought * order.shares
        worth = {MAIN: prices.wealth.at[session, MAIN] / 7.0, US: prices.wealth.at[session, US]}
        values.append(cash + sum(units[ticker] * worth[ticker] for ticker in units))
    assert found.equity.tolist() == pytest.approx(values, rel=1e-9)
    assert found.differences.empty or (found.differences["reason"] != "").all()


def test_a_purchase_can_be_paid_from_the_interest():
    """All of the cash is spent, the interest of the night before the order included."""
    prices = shares_of({US: [1.0] * 8})
    named, changes = decided(INDEX[0], {US: 1.0}), {"capital": 1_000.0, "cost_bps": 0.0}
    assert traded(paying(prices, rate(0.2)), named, **changes).orders["value"].sum() == pytest.approx(1000.0 * (1 + 0.2 / 365))


# A run, what it says, and a sweep


@pytest.fixture(scope="module")
def archive():
    given = reference_archive(needed_tickers(spec_of(), load_thesis()))
    return replace(given, prices=paying(given.prices, rate(0.02), rate(0.04, "2026-03-01")))


@pytest.fixture(scope="module")
def half():
    return spec_of(weights=Half(), start=date(2026, 1, 2), end=date(2026, 6, 30))


@pytest.fixture(scope="module")
def result(archive, half):
    return run(half, archive)


def test_interest_is_in_the_attribution_which_adds_up_to_the_return(result):
    book = result.books["NVDA"]
    total = book.equity.iloc[-1] / book.equity.iloc[0] - 1.0
    for group, row in {"name": CASH, "theme": CASH, "market": CASH, "currency": "USD"}.items():
        assert book.attribution[group]["total"].sum() == pytest.approx(total, abs=1e-9)
        assert row in book.attribution[group].index
    assert book.cash.interest / book.equity.iloc[0] == pytest.approx(book.attribution["name"].loc[CASH, "total"], abs=1e-15)
    assert book.cash.interest > 0


def test_the_result_the_terminal_the_comment_and_the_page_say_which_rate_was_used(result):
    document = to_document(result)
    said = "Cash in USD earns 2.00% a year from 2023-01-01 (made up), 4.00% a year from 2026-03-01 (made up), actual/365."
    assert document["books"]["NVDA"]["cash"]["sentence"] == said
    assert [row["rate"] for row in document["books"]["NVDA"]["cash"]["rates"]] == [0.02, 0.04]
    for text in (terminal(document), markdown(document), render(result)):
        assert "4.00% a year from 2026-03-01" in " ".join(text.split())


def test_a_sweep_s_curve_is_that_of_the_run(archive, half, result):
    (curve,) = Evaluator(archive, archive.thesis.universe).curves([half])
    assert np.abs(curve.values / result.books["NVDA"].equity.to_numpy() - 1.0).max() < 1e-12
