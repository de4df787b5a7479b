"""The autocorrelation-aware Sharpe ratio against moments worked by hand and against statsmodels."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.signal import lfilter

from backtest.statistics import hac, uncertainty
from backtest.statistics.refusal import Refused

RETURNS = pd.Series(np.random.default_rng(9).standard_t(5, size=200) * 0.01 + 0.001)


def test_the_ratio_and_the_iid_error_are_those_of_the_plain_sharpe():
    found = uncertainty.sharpe_estimate(RETURNS, 252)
    assert (found.ratio, found.iid_error) == pytest.approx(uncertainty.sharpe(RETURNS, 252))


def test_without_autocorrelation_the_pulls_have_the_variance_of_mertens():
    """Mertens (2002): n times the variance of the ratio is 1 + s²/2 - skewness s + (kurtosis - 3) s² / 4."""
    ratio = RETURNS.mean() / RETURNS.std()
    expected = 1 + ratio**2 / 2 - stats.skew(RETURNS) * ratio + stats.kurtosis(RETURNS) * ratio**2 / 4
    assert np.var(uncertainty.pull(RETURNS.to_numpy())) == pytest.approx(expected, rel=0.01)


def test_the_error_is_the_long_run_one_of_the_mean_of_the_pulls():
    """A regression of the pulls on nothing but an intercept has the same error."""
    pulls = uncertainty.pull(RETURNS.to_numpy())
    covariance = hac.ewc_covariance(np.ones((200, 1)), pulls)
    assert uncertainty.sharpe_estimate(RETURNS, 1).error == pytest.approx(np.sqrt(covariance[0, 0]))


def test_the_interval_is_that_of_students_t():
    found = uncertainty.sharpe_estimate(RETURNS, 252)
    assert (found.upper - found.ratio) / found.error == pytest.approx(stats.t.ppf(0.975, 13))


def test_autocorrelation_widens_the_error_as_for_a_mean():
    """An AR(1) of 0.5 around 0 has a mean whose error is √((1 + 0.5) / (1 - 0.5)) = √3 times the independent one."""
    shocks = np.random.default_rng(1).normal(size=40_000)
    trending = pd.Series(lfilter([1.0], [1.0, -0.5], shocks))
    found = uncertainty.sharpe_estimate(trending, 252)
    assert found.error / found.iid_error == pytest.approx(np.sqrt(3), rel=0.1)
    assert found.autocorrelation == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("returns", [RETURNS[:29], RETURNS.mask(RETURNS.index == 4), RETURNS * 0.0])
def test_too_few_missing_or_constant_returns_are_refused(returns):
    assert isinstance(uncertainty.sharpe_estimate(returns, 252), Refused)
