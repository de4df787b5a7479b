"""A book as vectorbt's own portfolio: the same value at every session, by whatever strategy and in whatever currency."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from backtest.errors import BacktestError, ConfigurationError
from backtest.markets.cash_rates import CashRate
from backtest.panel import Archive
from backtest.runs import run
from backtest.strategy import build_spec
from backtest.weights import Rotation

pytestmark = pytest.mark.slow

BOOKS = [("theme_baskets", "GPU"), ("theme_baskets", "copper"), ("supply_chain_excess", "leaders"), ("momentum_rotation", "momentum_rotation")]  # fmt: skip # noqa: E501


@pytest.mark.parametrize(("strategy", "name"), BOOKS)
def test_its_value_is_the_book_s_to_the_ninth_place(results, strategy, name):
    book = results[strategy].books[name]
    made = book.portfolio()
    import vectorbt  # loads in seconds

    assert isinstance(made, vectorbt.Portfolio)
    np.testing.assert_allclose(made.value().to_numpy(), book.equity.to_numpy(), rtol=1e-9)
    assert made.value().index.equals(book.equity.index)
    assert made.total_return() == pytest.approx(book.window("whole").total_return, rel=1e-9)


def test_the_books_are_in_two_currencies(results):
    assert {results[strategy].books[name].currency for strategy, name in BOOKS} == {"CNY", "USD"}


def test_its_orders_are_the_book_s(results):
    book = results["theme_baskets"].books["GPU"]
    records = book.portfolio().orders.records_readable
    assert len(records) == len(book.orders)
    assert records["Fees"].sum() == pytest.approx((book.orders["cost"] - book.orders["slippage"]).sum())
    assert (records["Size"] * records["Price"]).sum() == pytest.approx(book.orders["value"].sum())


def test_vectorbt_s_statistics_are_those_of_the_page(results):
    """vectorbt counts the first session as a return of 0, ours does not: the ratio differs in the third place."""
    book = results["supply_chain_excess"].books["leaders"]
    statistics = book.portfolio().stats()
    assert statistics["Sharpe Ratio"] == pytest.approx(book.window("whole").sharpe, rel=2e-3)
    assert statistics["Max Drawdown [%]"] == pytest.approx(-100 * book.window("whole").max_drawdown)


def test_interest_on_cash_is_in_a_column_of_its_own(archive):
    rates = (CashRate(currency="USD", since=date(2023, 3, 1), rate=0.05, source="of this test"),)
    earning = Archive(archive.facts, replace(archive.prices, cash_rates=rates))
    half = build_spec(
        name="half", baskets=("GPU",), weights=Rotation(top=1), signals=(every_other_month,), start=date(2024, 1, 2)
    )
    book = run(half, earning).books["GPU"]
    assert book.cash.interest > 0
    made = book.portfolio()
    np.testing.assert_allclose(made.value().to_numpy(), book.equity.to_numpy(), rtol=1e-9)
    assert "cash" in made.wrapper.columns


def every_other_month(panel):
    return panel.prices.iloc[-1] * (1.0 if panel.moment.month % 2 else -1.0)


def test_a_value_that_is_not_the_book_s_is_refused(results):
    book = results["supply_chain_excess"].books["leaders"]
    other = replace(book, equity=book.equity * np.linspace(1.0, 1.00001, len(book.equity)))
    with pytest.raises(BacktestError, match=r"vectorbt values the portfolio at [\d,.]+ on 20\d\d-\d\d-\d\d; expected the book's"):
        other.portfolio()


def test_a_book_without_fills_says_what_it_needs(results):
    book = replace(results["supply_chain_excess"].books["leaders"], fills=None)
    with pytest.raises(ConfigurationError, match="book leaders has no fills; expected one of a result of `run`"):
        book.portfolio()
