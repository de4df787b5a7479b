"""The Sharpe ratio and its standard error against Lo (2002) and against simulated samples."""

import math

import numpy as np
import pandas as pd
import pytest

from backtest.statistics import uncertainty

# Half the returns 0.03, half -0.01: mean 0.01, squared deviations 0.02² each.
ALTERNATING = pd.Series([0.03, -0.01] * 18)
SPREAD = math.sqrt(36 * 0.02**2 / 35)


def test_the_ratio_is_mean_over_sample_deviation_times_the_root_of_the_periods():
    assert uncertainty.sharpe(ALTERNATING, 52)[0] == pytest.approx(0.01 / SPREAD * math.sqrt(52))


def test_the_standard_error_is_that_of_lo_for_independent_returns():
    per_period = 0.01 / SPREAD
    expected = math.sqrt((1 + per_period**2 / 2) / 36) * math.sqrt(52)
    assert uncertainty.sharpe(ALTERNATING, 52)[1] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ratio", "count", "expected"),
    [(0.50, 36, 0.177), (0.50, 60, 0.137), (1.00, 60, 0.158), (3.00, 60, 0.303), (0.50, 125, 0.095)],
)
def test_the_standard_error_grows_with_the_ratio_and_shrinks_with_the_sample(ratio, count, expected):
    """√((1 + ratio² / 2) / count) to three decimals, as Lo tabulates it."""
    drawn = np.random.default_rng(1).normal(size=count)
    centred = (drawn - drawn.mean()) / drawn.std(ddof=1) + ratio
    assert uncertainty.sharpe(pd.Series(centred), 1) == (pytest.approx(ratio), pytest.approx(expected, abs=5e-4))


def test_a_rolling_ratio_is_that_of_each_years_returns_alone():
    returns = pd.Series(np.random.default_rng(3).normal(0.002, 0.02, 130))
    rolling = uncertainty.rolling_sharpe(returns, 52)
    assert list(rolling.index) == list(range(51, 130))
    for end in (51, 90, 129):
        assert tuple(rolling.loc[end]) == pytest.approx(uncertainty.sharpe(returns.iloc[end - 51 : end + 1], 52), rel=1e-9)


def test_a_year_that_never_varies_or_is_not_over_has_no_rolling_ratio():
    returns = pd.Series([0.001] * 60 + [0.02, -0.01] * 20)
    assert list(uncertainty.rolling_sharpe(returns, 52).index) == list(range(60, 100))
    assert uncertainty.rolling_sharpe(returns.iloc[:51], 52).empty


def test_fewer_than_thirty_returns_have_no_ratio():
    assert uncertainty.sharpe(ALTERNATING.iloc[:29], 52) is None


def test_thirty_returns_have_one():
    assert uncertainty.sharpe(ALTERNATING.iloc[:30], 52) is not None


def test_returns_that_are_always_nothing_have_no_ratio():
    assert uncertainty.sharpe(pd.Series([0.0] * 40), 52) is None


def test_returns_that_never_vary_have_no_ratio():
    assert uncertainty.sharpe(pd.Series([0.01] * 40), 52) is None


def test_growth_that_never_varies_but_by_rounding_has_no_ratio():
    equity = pd.Series(1.01 ** np.arange(41))
    assert uncertainty.sharpe((equity / equity.shift(1) - 1).iloc[1:], 52) is None


def test_a_missing_return_leaves_no_ratio():
    assert uncertainty.sharpe(ALTERNATING.mask(ALTERNATING.index == 7), 52) is None


def test_losses_have_a_negative_ratio_with_the_same_error():
    gain, loss = uncertainty.sharpe(ALTERNATING, 242), uncertainty.sharpe(-ALTERNATING, 242)
    assert loss == (-gain[0], gain[1])


def test_ratio_and_error_do_not_depend_on_leverage():
    assert uncertainty.sharpe(3 * ALTERNATING, 252) == pytest.approx(uncertainty.sharpe(ALTERNATING, 252))


@pytest.mark.parametrize("true_ratio", [0.0, 0.1, 0.3])
def test_two_standard_errors_cover_the_true_ratio_as_often_as_they_promise(true_ratio):
    """3,000 samples of 120 normal returns: 95% intervals must cover in 95% of them; 1.2 points are three standard errors."""
    samples = np.random.default_rng(2002).normal(true_ratio, 1.0, (3000, 120))
    found = np.array([uncertainty.sharpe(pd.Series(row), 1) for row in samples])
    covered = np.abs(found[:, 0] - true_ratio) <= 1.959964 * found[:, 1]
    assert covered.mean() == pytest.approx(0.95, abs=0.012)
