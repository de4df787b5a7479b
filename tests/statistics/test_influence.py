"""Leave-outs against products worked by hand, alpha against statsmodels."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS

from backtest.statistics import influence
from backtest.statistics.refusal import Refused

DAYS = pd.DatetimeIndex(["2024-03-28", "2024-03-29", "2024-04-01", "2024-04-02", "2024-07-01"])
BOOK = pd.DataFrame({"a": [0.10, -0.05, 0.02, 0.0, 0.01], "b": [0.0, 0.05, -0.04, 0.10, 0.01]}, DAYS)
FOUND = influence.influence(BOOK)


def test_the_whole_return_is_the_product():
    assert FOUND.total_return == pytest.approx(1.10 * 1.00 * 0.98 * 1.10 * 1.02 - 1)


def test_without_a_name_its_profit_is_nothing():
    expected = {"a": 1.0 * 1.05 * 0.96 * 1.10 * 1.01 - 1, "b": 1.10 * 0.95 * 1.02 * 1.0 * 1.01 - 1}
    assert FOUND.without_name.to_dict() == pytest.approx(expected)
    assert FOUND.without_name.index[0] == "b"


def test_without_a_quarter_its_sessions_are_left_out():
    expected = {"2024Q1": 0.98 * 1.10 * 1.02 - 1, "2024Q2": 1.10 * 1.02 - 1, "2024Q3": 1.10 * 0.98 * 1.10 - 1}
    assert FOUND.without_quarter.to_dict() == pytest.approx(expected)


def test_without_the_best_three_days():
    assert FOUND.without_best_days == pytest.approx(1.00 * 0.98 - 1)
    assert FOUND.best_days == (DAYS[0], DAYS[3], DAYS[4])


def test_shares_of_the_profit_are_in_money_and_add_up():
    """Equity before each session: 1, 1.1, 1.1, 1.078, 1.1858."""
    before = [1.0, 1.1, 1.1, 1.078, 1.1858]
    money = {name: sum(e * c for e, c in zip(before, BOOK[name], strict=True)) for name in "ab"}
    assert sum(money.values()) == pytest.approx(FOUND.total_return)
    assert FOUND.profit_share.to_dict() == pytest.approx({name: one / FOUND.total_return for name, one in money.items()})


def test_a_loss_has_no_shares():
    assert influence.influence(-BOOK).profit_share is None


def test_missing_contributions_and_a_single_session_are_refused():
    assert isinstance(influence.influence(BOOK.mask(BOOK == 0.0)), Refused)
    assert isinstance(influence.influence(BOOK[:1]), Refused)


def test_alpha_is_the_annualised_intercept_of_least_squares():
    drawn = np.random.default_rng(1).normal(0.0, 0.01, (300, 3))
    returns, factors = (
        pd.Series(drawn[:, 0] + 1.5 * drawn[:, 1] + 0.001),
        pd.DataFrame(drawn[:, 1:], columns=["market", "nvidia"]),
    )
    found = influence.alpha(returns, factors, 252)
    fitted = OLS(returns.to_numpy(), np.column_stack([np.ones(300), drawn[:, 1:]])).fit()
    assert found.annual.value == pytest.approx(252 * fitted.params[0])
    assert {name: one.value for name, one in found.loadings.items()} == pytest.approx(
        dict(zip(factors, fitted.params[1:], strict=True))
    )
    assert found.annual.lower < found.annual.value < found.annual.upper
    assert (found.degrees, found.indicative) == (17, False)


def test_alpha_of_fewer_than_thirty_returns_is_refused():
    few = pd.Series(np.random.default_rng(1).normal(size=29))
    assert isinstance(influence.alpha(few, few.shift(1).fillna(0.0).to_frame("market"), 252), Refused)
