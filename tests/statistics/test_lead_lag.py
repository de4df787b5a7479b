"""The rotation test against a plain loop over numpy's correlations."""

import numpy as np
import pandas as pd
import pytest

from backtest.statistics import lead_lag
from backtest.statistics.refusal import Refused

QUARTERS = pd.period_range("2023Q1", periods=14, freq="Q").astype(str)
DRAWN = np.random.default_rng(6).normal(size=(15, 2))
CAPEX = pd.Series(DRAWN[1:, 0], QUARTERS)
LED = pd.Series(DRAWN[:-1, 0] + 0.2 * DRAWN[1:, 1], QUARTERS)  # follows CAPEX by one quarter
NOISE = pd.Series(DRAWN[1:, 1], QUARTERS)


def by_loop(leader, follower, lags):
    statistics = []
    for shift in range(len(leader)):
        moved = np.roll(leader, shift)
        statistics.append(max(abs(np.corrcoef(moved[: len(moved) - lag], follower[lag:])[0, 1]) for lag in lags))
    return statistics[0], sum(one >= statistics[0] - 1e-12 for one in statistics) / len(statistics)


@pytest.mark.parametrize("lags", [(1,), (0, 1, 2, 3, 4), (2, 4)])
@pytest.mark.parametrize("follower", [LED, NOISE])
def test_statistic_and_p_are_those_of_a_plain_loop(follower, lags):
    found = lead_lag.circular_shift(CAPEX, follower, lags)
    assert (found.statistic, found.p) == pytest.approx(by_loop(CAPEX.to_numpy(), follower.to_numpy(), lags))


def test_a_planted_lead_is_found_at_its_lag_and_at_the_floor():
    found = lead_lag.circular_shift(CAPEX, LED, (1,))
    assert (found.best, found.p, found.least) == (1, 1 / 14, 1 / 14)
    assert lead_lag.circular_shift(CAPEX, LED, (0, 1, 2)).best == 1


def test_the_reach_says_what_searching_more_lags_costs():
    assert lead_lag.circular_shift(CAPEX, LED, (0, 1, 2)).reach == pytest.approx(3 / 14)


def test_every_rotation_keeps_the_values_and_the_first_moves_nothing():
    turned = lead_lag.rotations(np.array([1.0, 2.0, 3.0]))
    assert turned.tolist() == [[1, 2, 3], [3, 1, 2], [2, 3, 1]]


@pytest.mark.parametrize(
    ("leader", "lags"),
    [(CAPEX[:7], (1,)), (CAPEX, (10,)), (CAPEX, (-1,)), (CAPEX, ()), (CAPEX * 0, (1,)), (CAPEX.mask(CAPEX > 1), (1,))],
)
def test_short_missing_constant_or_backward_questions_are_refused(leader, lags):
    assert isinstance(lead_lag.circular_shift(leader, LED, lags), Refused)
