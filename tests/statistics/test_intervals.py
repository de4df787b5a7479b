"""The intervals beside a window's figures: those of the statistics they come from, and none where there are too few returns."""

import numpy as np
import pandas as pd
import pytest

from backtest.statistics.bootstrap import drawdown_interval, sharpe_interval
from backtest.statistics.intervals import NAMES, SEED, intervals
from backtest.statistics.refusal import Refused
from backtest.statistics.uncertainty import sharpe_estimate

RETURNS = pd.Series(np.random.default_rng(4).normal(0.004, 0.03, 120))


def test_the_bounds_are_those_of_the_statistics_themselves():
    found = intervals(RETURNS, 52)
    ratio = sharpe_estimate(RETURNS, 52)
    assert found["sharpe_interval"] == pytest.approx([ratio.lower, ratio.upper])
    boot, fall = sharpe_interval(RETURNS, 52, SEED), drawdown_interval(RETURNS, SEED)
    assert found["sharpe_bootstrap"] == pytest.approx([boot.lower, boot.upper])
    assert found["drawdown_interval"] == pytest.approx([fall.lower, fall.upper])


def test_the_whole_return_lies_between_its_bounds_and_they_move_with_it():
    low, high = intervals(RETURNS, 52)["return_interval"]
    whole = float((1 + RETURNS).prod() - 1)
    assert low < whole < high
    better = intervals((1 + RETURNS) * 1.01 - 1, 52)["return_interval"]
    assert better == pytest.approx([(1 + low) * 1.01**120 - 1, (1 + high) * 1.01**120 - 1])


def test_below_thirty_returns_and_where_nothing_varies_there_are_none():
    for returns in (RETURNS.iloc[:29], pd.Series([0.01] * 50), pd.Series([0.0] * 50)):
        assert intervals(returns, 52) == dict.fromkeys(NAMES)


def test_the_interval_of_the_return_covers_it_about_as_often_as_it_says(monkeypatch):
    """120 weekly returns of a known mean: nominal 95%; the bootstrap of small samples is known to fall a little short."""
    for other in ("sharpe_interval", "drawdown_interval"):  # each as slow as the one that is asked about
        monkeypatch.setattr(f"backtest.statistics.intervals.{other}", lambda *_: Refused("not asked", 60))
    random, covered = np.random.default_rng(9), 0
    for _ in range(150):
        low, high = intervals(pd.Series(np.expm1(random.normal(0.003, 0.03, 60))), 52)["return_interval"]
        covered += low < np.expm1(0.003 * 60) < high
    assert 0.85 <= covered / 150 <= 0.99
