"""Bootstrap intervals against arch's own and against closed forms."""

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from backtest.statistics import bootstrap
from backtest.statistics.block_length import best_block, block_length
from backtest.statistics.refusal import Refused

RETURNS = pd.Series(np.random.default_rng(3).normal(0.001, 0.02, 400))


@pytest.mark.parametrize(
    ("n", "block", "repetitions"), [(400, 4, 5), (400, 1, 5), (31, 2, 5), (31, 60, 5), (300, 3, bootstrap.REPETITIONS)]
)
def test_paths_are_those_of_arch_for_the_same_seed(n, block, repetitions):
    values = RETURNS.to_numpy()[:n]
    ours = bootstrap.resample(values, block, repetitions, seed=7)
    theirs = StationaryBootstrap(block, values, seed=np.random.default_rng(7))
    assert ours.tolist() == [drawn[0][0].tolist() for drawn in theirs.bootstrap(repetitions)]


def test_the_interval_of_an_independent_mean_is_near_the_textbook_one():
    found = bootstrap.mean_interval(RETURNS, 1, seed=1)
    half = 1.966 * RETURNS.std() / 20
    assert (found.lower, found.upper) == pytest.approx((RETURNS.mean() - half, RETURNS.mean() + half), abs=0.2 * half)


def test_mean_and_sharpe_are_annualised_by_the_periods_and_their_root():
    mean, ratio = bootstrap.mean_interval(RETURNS, 252, seed=1), bootstrap.sharpe_interval(RETURNS, 252, seed=1)
    assert mean.estimate == pytest.approx(RETURNS.mean() * 252)
    assert ratio.estimate == pytest.approx(RETURNS.mean() / RETURNS.std() * np.sqrt(252))


def test_equal_seeds_give_equal_intervals_and_others_do_not():
    first, again, other = (bootstrap.sharpe_interval(RETURNS, 252, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_autocorrelated_returns_are_drawn_in_longer_blocks():
    smooth = RETURNS.rolling(10, min_periods=1).mean()
    assert block_length(smooth.to_numpy()) > 5 * block_length(RETURNS.to_numpy())


@pytest.mark.parametrize("n", [30, 31, 61, 253, 1150])
@pytest.mark.parametrize("weight", [-0.6, 0.0, 0.5, 0.97])
@pytest.mark.parametrize("still", [0.0, 0.8])
def test_the_mean_block_is_that_of_arch(n, weight, still):
    chance = np.random.default_rng(n)
    values = np.where(chance.random(n) < still, 0.0, chance.standard_t(4, n))
    for day in range(1, n):
        values[day] += weight * values[day - 1]
    theirs = float(optimal_block_length(values)["stationary"].iloc[0])
    assert best_block(values) == pytest.approx(theirs, rel=1e-12)
    assert block_length(values) == max(np.ceil(theirs), 1)


def test_the_deepest_drawdown_of_each_path_counts_a_first_fall():
    paths = np.array([[0.10, -0.10, 0.0], [-0.20, 0.50, 0.0], [0.1, 0.1, 0.1]])
    assert bootstrap.deepest(paths) == pytest.approx([-0.10, -0.20, 0.0])


def test_the_drawdown_of_the_path_itself_is_usually_inside():
    found = bootstrap.drawdown_interval(RETURNS, seed=1)
    assert -1.0 < found.lower < found.estimate < found.upper <= 0.0


@pytest.mark.parametrize("interval", [lambda x: bootstrap.mean_interval(x, 252, 1), lambda x: bootstrap.drawdown_interval(x, 1)])
def test_fewer_than_thirty_returns_are_refused(interval):
    assert interval(RETURNS[:29]) == Refused("29 observations; expected at least 30", 29)


# A book against its control

CONTROL = RETURNS + np.random.default_rng(4).normal(0.0, 0.005, 400)


def grown(returns):
    return float(np.prod(1.0 + returns) - 1.0)


def test_a_paired_difference_is_that_of_the_compounded_returns_and_lies_in_its_interval():
    found = bootstrap.paired_interval(RETURNS, CONTROL, seed=1)
    assert found.estimate == pytest.approx(grown(RETURNS) - grown(CONTROL))
    assert found.lower < found.estimate < found.upper


def test_a_paired_interval_is_the_mean_log_difference_s_put_on_the_control_s_path():
    apart = np.full(400, 0.001) + np.where(np.arange(400) % 3, 0.01, -0.01)  # never near zero
    book = np.exp(np.log1p(CONTROL) + apart) - 1.0
    mean = bootstrap.mean_interval(np.log1p(book) - np.log1p(CONTROL), 400, seed=1)
    found = bootstrap.paired_interval(book, CONTROL, seed=1)
    ends = [(1.0 + grown(CONTROL)) * np.expm1(bound) for bound in (mean.lower, mean.upper)]
    assert (found.lower, found.upper) == pytest.approx(ends)
    assert (found.block, found.n) == (mean.block, mean.n)


def test_sessions_on_which_both_hold_the_same_neither_widen_a_paired_interval_nor_narrow_it():
    """A signal that acts in one spell of 100 sessions, then differs by whole lots alone."""
    drawn = np.random.default_rng(5).normal(size=100)
    acting = CONTROL[:100] + 0.002 + np.sign(drawn) * (0.005 + 0.005 * np.abs(drawn))  # never near zero
    book = pd.concat([acting, CONTROL[100:] + 1e-7])
    spell, longer = bootstrap.paired_interval(acting, CONTROL[:100], 1), bootstrap.paired_interval(book, CONTROL, 1)
    factor = (1.0 + grown(CONTROL)) / (1.0 + grown(CONTROL[:100]))
    assert (longer.lower, longer.upper) == pytest.approx((factor * spell.lower, factor * spell.upper), rel=0.005)
    assert longer.estimate == pytest.approx(grown(book) - grown(CONTROL))


def test_a_book_that_differs_from_its_control_on_a_few_sessions_is_refused():
    book = CONTROL.copy()
    book[:29] += 0.01
    assert bootstrap.paired_interval(book, CONTROL, 1) == Refused("the two differ on 29 session(s); expected at least 30", 29)


def test_what_both_share_does_not_widen_a_paired_interval():
    better = RETURNS + 0.001
    paired, alone = bootstrap.paired_interval(better, RETURNS, seed=1), bootstrap.mean_interval(np.log1p(better), 400, seed=1)
    assert paired.lower > 0.0
    assert paired.upper - paired.lower < 0.01 * (np.expm1(alone.upper) - np.expm1(alone.lower))


def test_a_book_and_its_control_that_never_differ_and_too_few_returns_are_refused():
    assert bootstrap.paired_interval(RETURNS, RETURNS, 1) == Refused("the two never differ", 400)
    assert bootstrap.paired_interval(RETURNS[:29], CONTROL[:29], 1) == Refused("29 observations; expected at least 30", 29)
    assert bootstrap.paired_interval(RETURNS[:29], RETURNS[:29], 1) == Refused("29 observations; expected at least 30", 29)
