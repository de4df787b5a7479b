"""Returns, drawdown and turnover against answers worked by hand."""

import numpy as np
import pandas as pd
import pytest

from backtest.statistics import performance

EQUITY = pd.Series([100.0, 110.0, 99.0, 120.0, 60.0, 90.0])
ONE = pd.Series([100.0])
FLAT = pd.Series([100.0, 100.0, 100.0])


def test_returns_are_simple_and_one_fewer_than_the_values():
    assert performance.returns(EQUITY).tolist() == pytest.approx([0.10, -0.10, 21 / 99, -0.50, 0.50])


def test_returns_keep_the_sessions_they_end_on():
    index = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])
    assert performance.returns(pd.Series([1.0, 2.0, 4.0], index)).index.equals(index[1:])


def test_one_value_has_no_returns():
    assert performance.returns(ONE).empty


def test_total_return_compares_the_last_value_with_the_first():
    assert performance.total_return(EQUITY) == pytest.approx(-0.10)


def test_total_return_is_the_product_of_the_returns():
    assert performance.total_return(EQUITY) == pytest.approx(1.1 * 0.9 * (120 / 99) * 0.5 * 1.5 - 1)


def test_drawdown_is_the_fall_from_the_highest_value_so_far():
    assert performance.drawdown(EQUITY).tolist() == pytest.approx([0.0, 0.0, -0.10, 0.0, -0.50, -0.25])


def test_the_deepest_drawdown_is_negative():
    assert performance.max_drawdown(EQUITY) == pytest.approx(-0.50)


def test_a_series_that_only_rises_has_no_drawdown():
    assert performance.max_drawdown(pd.Series([1.0, 2.0, 3.0])) == 0.0


def test_a_fall_from_the_first_value_counts_as_a_drawdown():
    assert performance.max_drawdown(pd.Series([100.0, 80.0, 120.0])) == pytest.approx(-0.20)


def test_turnover_is_half_the_traded_value_over_the_average_equity():
    assert performance.turnover(300.0, pd.Series([100.0, 200.0])) == pytest.approx(1.0)


def test_selling_everything_and_buying_something_else_turns_the_book_over_once():
    assert performance.turnover(100.0 + 100.0, FLAT) == 1.0


def test_a_constant_series_earned_nothing_and_fell_nowhere():
    assert (performance.total_return(FLAT), performance.max_drawdown(FLAT), performance.turnover(0.0, FLAT)) == (0.0, 0.0, 0.0)


def test_one_value_says_nothing():
    assert (performance.total_return(ONE), performance.max_drawdown(ONE), performance.turnover(50.0, ONE)) == (None, None, None)


def test_the_mean_return_is_that_of_what_is_priced_on_both_sessions():
    values = pd.DataFrame({"early": [1.0, 1.1, 1.21, np.nan, np.nan], "late": [np.nan, 2.0, 2.4, 1.2, np.nan]})
    assert list(performance.mean_returns(values).index) == [1, 2, 3]
    assert list(performance.mean_returns(values)) == pytest.approx([0.1, (0.1 + 0.2) / 2, -0.5])
