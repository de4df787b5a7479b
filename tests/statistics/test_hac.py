"""Equal-weighted cosines against scipy's cosine transform, and least squares against statsmodels."""

import numpy as np
import pandas as pd
import pytest
from scipy.fft import dct
from statsmodels.regression.linear_model import OLS

from backtest.statistics import hac
from backtest.statistics.refusal import Refused

DRAWN = np.random.default_rng(4).normal(size=(14, 3))
OUTCOME, CAUSES = pd.Series(DRAWN[:, 0]), pd.DataFrame(DRAWN[:, 1:], columns=["capex", "rates"])


@pytest.mark.parametrize(("n", "count"), [(14, 2), (61, 6), (200, 13), (880, 36)])
def test_the_number_of_cosines_is_that_of_the_paper(n, count):
    assert hac.cosine_count(n) == count


def test_the_transforms_are_the_orthonormal_cosine_transform():
    assert hac.transforms(DRAWN, 5) == pytest.approx(dct(DRAWN, axis=0, norm="ortho")[1:6])


def test_with_every_cosine_the_long_run_variance_is_the_sample_variance():
    """Parseval: the transforms of a series but the constant one hold all of its sum of squares."""
    assert hac.long_run_variance(DRAWN[:, 0], 13) == pytest.approx(DRAWN[:, 0].var(ddof=1))


def test_coefficients_are_least_squares():
    found = hac.regress(OUTCOME, CAUSES)
    fitted = OLS(DRAWN[:, 0], np.column_stack([np.ones(14), DRAWN[:, 1:]])).fit()
    assert [one.value for one in found.coefficients.values()] == pytest.approx(fitted.params.tolist())
    assert found.r_squared == pytest.approx(fitted.rsquared)


def test_the_standard_error_of_a_mean_is_worked_with_a_plain_loop():
    design = np.ones((14, 1))
    moved = DRAWN[:, 0] - DRAWN[:, 0].mean()
    total = 0.0
    for j in (1, 2):
        total += sum(np.sqrt(2 / 14) * np.cos(np.pi * j * (t - 0.5) / 14) * moved[t - 1] for t in range(1, 15)) ** 2
    assert hac.ewc_covariance(design, moved)[0, 0] == pytest.approx(total / 2 / 14)


def test_two_degrees_of_freedom_ask_for_a_t_above_four():
    assert hac.critical(0.95, 2) == pytest.approx(4.303, abs=1e-3)


def test_a_regression_on_quarters_is_indicative_and_one_on_years_of_days_is_not():
    long = pd.Series(np.random.default_rng(1).normal(size=300))
    assert hac.regress(OUTCOME, CAUSES).indicative
    assert not hac.regress(long, long.shift(1).fillna(0.0).to_frame("x")).indicative


def test_rows_are_matched_by_label():
    assert hac.regress(OUTCOME, CAUSES.iloc[::-1]) == hac.regress(OUTCOME, CAUSES)


@pytest.mark.parametrize(
    ("outcome", "causes", "reason"),
    [
        (OUTCOME[:7], CAUSES, "7 observations"),
        (OUTCOME.mask(OUTCOME.index == 3), CAUSES, "1 of 14 observations are missing"),
        (OUTCOME, CAUSES.assign(rates=1.0), "never vary"),
        (OUTCOME, CAUSES.assign(rates=2 * CAUSES["capex"] + 1), "combinations"),
    ],
)
def test_what_cannot_be_estimated_is_refused_with_the_reason(outcome, causes, reason):
    found = hac.regress(outcome, causes)
    assert isinstance(found, Refused)
    assert reason in found.reason


def test_the_mean_intercept_of_one_regression_is_its_own_times_its_scale():
    one = hac.regress(OUTCOME, CAUSES).coefficients["intercept"]
    found, rows = hac.mean_intercept([OUTCOME], [CAUSES], [52.0])
    assert (found.value, found.error, found.t, found.p) == pytest.approx((52.0 * one.value, 52.0 * one.error, one.t, one.p))
    assert rows == 14


def test_the_mean_intercept_of_two_is_worked_plainly_row_by_row():
    """The second has one cause and misses the first four rows; the error is that of the sum of what each row adds."""
    values, added = [], np.zeros(14)
    for design, first, scale in (
        (np.column_stack([np.ones(14), DRAWN[:, 1:]]), 0, 2.0),
        (np.column_stack([np.ones(10), DRAWN[4:, 1]]), 4, 3.0),
    ):
        fitted = OLS(DRAWN[first:, 0], design).fit()
        values.append(scale * fitted.params[0])
        for row, residual in enumerate(fitted.resid):
            added[first + row] += scale * (np.linalg.inv(design.T @ design) @ design[row])[0] * residual / 2.0
    squares = [sum(np.sqrt(2 / 14) * np.cos(np.pi * j * (t + 0.5) / 14) * added[t] for t in range(14)) ** 2 for j in (1, 2)]
    found, rows = hac.mean_intercept([OUTCOME, OUTCOME[4:]], [CAUSES, CAUSES[["capex"]]], [2.0, 3.0])
    assert found.value == pytest.approx(np.mean(values))
    assert found.error == pytest.approx(np.sqrt(14 * np.mean(squares)))
    assert rows == 14


def test_a_mean_intercept_of_which_one_regression_is_refused_is_refused():
    assert isinstance(hac.mean_intercept([OUTCOME, OUTCOME], [CAUSES, CAUSES * 0.0], [1.0, 1.0]), Refused)
