"""Partial pooling against the eight schools of Bayesian Data Analysis and a brute-force posterior."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from backtest.statistics import partial_pooling
from backtest.statistics.refusal import Refused

ESTIMATES = pd.Series([28.0, 8, -3, 7, -1, 1, 18, 12], list("ABCDEFGH"))
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
SCHOOLS = partial_pooling.Slopes(ESTIMATES, np.diag(ERRORS**2), 0)


def test_eight_schools_under_a_nearly_flat_prior():
    """BDA3, table 5.3 (200 draws, τ uniform): posterior medians 10 8 7 8 5 6 10 8, lower ends -2 -5 -11 -7 -9 -7 -1 -6."""
    found = partial_pooling.pool(SCHOOLS, scale=100.0).slopes
    assert [one.mean for one in found.values()] == pytest.approx([10, 8, 7, 8, 5, 6, 10, 8], abs=1.6)
    assert [one.lower for one in found.values()] == pytest.approx([-2, -5, -11, -7, -9, -7, -1, -6], abs=1.7)


def test_the_posterior_is_that_of_a_brute_force_grid():
    """μ and τ on a grid, half-t(3) of scale 10; a slope given both is a precision-weighted mean."""
    centres, betweens = np.linspace(-60, 80, 1401), np.linspace(0.02, 150, 3000)
    log = stats.t.logpdf(betweens / 10, 3)[:, None] + sum(
        stats.norm.logpdf(y, centres, np.sqrt(s**2 + betweens**2)[:, None]) for y, s in zip(ESTIMATES, ERRORS, strict=True)
    )
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    kept = (betweens**2 / (betweens**2 + 15**2))[:, None]
    expected = (weights * (kept * 28 + (1 - kept) * centres)).sum()
    found = partial_pooling.pool(SCHOOLS, scale=10.0)
    assert found.mean.mean == pytest.approx((weights * centres).sum(), abs=0.02)
    assert found.slopes["A"].mean == pytest.approx(expected, abs=0.02)
    assert found.mean.positive == pytest.approx(weights[:, centres > 0].sum(), abs=0.005)
    assert found.slopes["A"].shrinkage == pytest.approx(1 - (weights * kept).sum(), abs=0.005)


def test_a_tight_prior_pools_completely():
    """With τ = 0 every slope is the precision-weighted mean 7.686 with error 4.072 (BDA3, section 5.5)."""
    found = partial_pooling.pool(SCHOOLS, scale=1e-6)
    assert [one.mean for one in found.slopes.values()] == pytest.approx([7.686] * 8, abs=1e-3)
    assert found.mean.deviation == pytest.approx(4.072, abs=1e-3)


def test_slopes_that_are_known_well_and_differ_are_left_alone():
    found = partial_pooling.pool(partial_pooling.Slopes(ESTIMATES, np.eye(8) * 1e-4, 0), scale=10.0)
    assert [one.mean for one in found.slopes.values()] == pytest.approx(ESTIMATES.tolist(), abs=1e-2)
    assert max(one.shrinkage for one in found.slopes.values()) < 0.01


def test_errors_shared_by_suppliers_do_not_average_out():
    shared = partial_pooling.pool(
        partial_pooling.Slopes(ESTIMATES, partial_pooling.equicorrelated(np.full((8, 8), 90.0) + np.eye(8) * 10), 0), 1.0
    )
    apart = partial_pooling.pool(partial_pooling.Slopes(ESTIMATES, np.eye(8) * 100.0, 0), 1.0)
    assert shared.mean.deviation > 2.5 * apart.mean.deviation


def test_each_slope_is_least_squares_on_matched_quarters():
    drawn = np.random.default_rng(1).normal(size=(14, 3))
    growth, capex = pd.DataFrame(drawn[:, :2], columns=["a", "b"]), pd.Series(drawn[:, 2])
    found = partial_pooling.slopes(growth.iloc[::-1], capex)
    for name in "ab":
        fitted = stats.linregress(capex, growth[name])
        assert found.estimates[name] == pytest.approx(fitted.slope)
        assert np.sqrt(found.covariance["ab".index(name), "ab".index(name)]) == pytest.approx(fitted.stderr * np.sqrt(12 / 10))


def test_the_prior_is_stated_and_one_supplier_is_refused():
    assert (
        partial_pooling.pool(SCHOOLS, scale=0.5).prior
        == "between-supplier deviation: half-t, 3 degrees of freedom, scale 0.5; mean: flat"
    )
    assert isinstance(partial_pooling.pool(partial_pooling.Slopes(ESTIMATES[:1], np.eye(1), 14), 1.0), Refused)
    assert isinstance(partial_pooling.slopes(pd.DataFrame({"a": range(7)}), pd.Series(range(7))), Refused)
