"""Falls from a peak: by hand, and against a search of every pair of sessions."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.statistics.drawdowns import Drawdown, drawdowns, under_water

DAYS = pd.bdate_range("2024-01-01", periods=400)
LEVELS = st.lists(st.integers(1, 12), min_size=2, max_size=40)


def equity_of(values):
    return pd.Series(np.asarray(values, dtype=float), DAYS[: len(values)])


def test_each_fall_has_its_peak_trough_and_recovery_deepest_first():
    falls = drawdowns(equity_of([100, 110, 99, 88, 110, 120, 90, 100]))
    assert falls == [
        Drawdown("2024-01-08", "2024-01-09", None, pytest.approx(-0.25), 1, None, 2),
        Drawdown("2024-01-02", "2024-01-04", "2024-01-05", pytest.approx(-0.2), 2, 1, 2),
    ]


def test_a_fall_starts_at_the_last_session_of_its_peak_and_a_value_that_only_rises_has_none():
    (fall,) = drawdowns(equity_of([100, 100, 90]))
    assert fall.peak == "2024-01-02"
    assert drawdowns(equity_of([1, 2, 2, 3])) == []
    assert under_water(equity_of([1, 2, 2, 3])) == (0, 0.0)


def test_time_under_water_counts_closes_below_the_highest_so_far():
    assert under_water(equity_of([100, 110, 99, 88, 110, 120, 90, 100])) == (2, pytest.approx(4 / 7))


@given(LEVELS)
def test_the_deepest_fall_is_the_worst_of_all_pairs_of_sessions(values):
    worst = min(later / earlier - 1 for at, earlier in enumerate(values) for later in values[at:])
    assert min((fall.depth for fall in drawdowns(equity_of(values))), default=0.0) == pytest.approx(worst, abs=1e-15)


@given(LEVELS)
def test_falls_do_not_overlap_and_hold_every_close_below_its_peak(values):
    equity = equity_of(values)
    spans = sorted((fall.peak, fall.recovered or "9999", fall) for fall in drawdowns(equity))
    assert all(end <= begin for (_, end, _), (begin, _, _) in pairwise(spans))
    below = [f"{day:%Y-%m-%d}" for day, value in equity.items() if value < equity[:day].max()]
    inside = [day for day in below if any(begin < day < end for begin, end, _ in spans)]
    assert inside == below
    assert sum(fall.below for _, _, fall in spans) == len(below)
    assert under_water(equity) == (max((fall.below for _, _, fall in spans), default=0), len(below) / (len(values) - 1))
    for _, _, fall in spans:
        assert equity[fall.trough] / equity[fall.peak] - 1 == pytest.approx(fall.depth)
        assert equity[fall.peak : fall.recovered or DAYS[-1]].min() == equity[fall.trough]
