"""Where a window stands, the expected best of noise, and each rule of the verdict."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from backtest.statistics import window_rank
from backtest.statistics.refusal import Refused

RETURNS = pd.Series(np.random.default_rng(5).normal(0.0, 0.02, 400))


def test_the_log_return_of_every_window_is_worked_with_a_plain_loop():
    returns = pd.Series([0.1, -0.2, 0.3, 0.05])
    expected = [np.log(1.1 * 0.8), np.log(0.8 * 1.3), np.log(1.3 * 1.05), np.log(1.05 * 1.1)]
    assert window_rank.window_returns(returns, 2) == pytest.approx(expected)


@pytest.mark.parametrize("trials", [10, 100, 1000])
def test_the_expected_best_is_near_the_exact_expectation(trials):
    """∫ x N φ(x) Φ(x)^(N-1) dx; the paper's approximation is within 3% from ten trials on."""
    exact = quad(lambda x: x * trials * norm.pdf(x) * norm.cdf(x) ** (trials - 1), -8, 8)[0]
    assert window_rank.expected_best(trials) == pytest.approx(exact, rel=0.03)


def test_one_trial_is_expected_to_reach_nothing():
    assert window_rank.expected_best(1) == 0.0


def test_the_better_of_two_is_expected_about_half_a_deviation_up():
    """Exactly 1/√π = 0.564; the approximation: 0.4228 × Φ⁻¹(1/2) + 0.5772 × Φ⁻¹(1 - 1/(2e)) = 0.5772 × 0.9003."""
    assert window_rank.expected_best(2) == pytest.approx(0.5197, abs=1e-3)


def test_a_quarter_of_days_has_an_error_of_two_and_noise_reaches_three():
    """STATISTICS: standard error about 2.0 for 61 days; best of 10 noises 3.2, of 100 5.1, of 1000 6.6."""
    error = np.sqrt(252 / 61)
    assert [window_rank.expected_best(n) * error for n in (10, 100, 1000)] == pytest.approx([3.2, 5.1, 6.6], abs=0.05)


def test_the_best_window_ranks_first():
    start = int(window_rank.window_returns(RETURNS, 61)[: 400 - 61].argmax())
    found = window_rank.standing(RETURNS, start, start + 61, 252, 10)
    assert found.rank <= 1 + (window_rank.window_returns(RETURNS, 61) > window_rank.window_returns(RETURNS, 61)[start]).sum()
    assert found.p == found.rank / 400
    assert found.note == f"rank {found.rank} of 400 windows that overlap; 6 fit side by side"


def test_a_planted_regime_is_supported_and_its_reverse_contradicted():
    planted = RETURNS.copy()
    planted.iloc[100:161] += 0.02
    assert window_rank.standing(planted, 100, 161, 252, 10).verdict == "supported"
    assert window_rank.standing(-planted, 100, 161, 252, 10).verdict == "contradicted"


@pytest.mark.parametrize(
    ("lower", "upper", "ratio", "best", "p", "total", "verdict", "because"),
    [
        (-3.0, -0.1, -1.5, 1.0, 0.9, -0.1, "contradicted", "below 0"),
        (-3.0, 0.1, -1.5, 1.0, 0.96, -0.1, "contradicted", "lost money"),
        (-3.0, 3.1, 0.5, 1.0, 0.96, 0.1, "not distinguishable", "includes 0"),
        (-1.0, 5.0, 2.0, 1.0, 0.01, 0.1, "not distinguishable", "includes 0"),
        (1.0, 5.0, 3.0, 3.2, 0.01, 0.1, "not distinguishable", "3.2"),
        (1.0, 5.0, 3.0, 1.0, 0.06, 0.1, "not distinguishable", "6% of windows"),
        (1.0, 5.0, 3.0, 1.0, 0.05, 0.1, "supported", "clear of 0"),
    ],
)
def test_each_rule_of_the_verdict(lower, upper, ratio, best, p, total, verdict, because):
    word, reason = window_rank.verdict(lower, upper, ratio, best, p, total)
    assert word == verdict
    assert because in reason


@pytest.mark.parametrize(
    ("lower", "upper", "ratio", "best", "luck"),
    [
        (-3.0, -0.1, -1.5, 1.0, "worse than luck"),
        (-1.0, 5.0, 2.0, 1.0, "may be luck"),
        (1.0, 5.0, 3.0, 3.2, "may be luck"),
        (1.0, 5.0, 3.0, 1.0, "told from luck"),
    ],
)
def test_luck_is_judged_without_the_rank(lower, upper, ratio, best, luck):
    assert window_rank.of_luck(lower, upper, ratio, best)[0] == luck


def test_the_best_window_of_noise_is_special_and_may_be_luck_all_the_same():
    starts = window_rank.window_returns(RETURNS, 61)
    best = int(starts[: len(RETURNS) - 61].argmax())
    found = window_rank.standing(RETURNS, best, best + 61, 252, 50)
    assert found.special
    assert found.luck == "may be luck"
    assert found.verdict == "not distinguishable"


def test_a_run_that_earns_throughout_is_told_from_luck_in_windows_that_are_not_special():
    found = window_rank.standing(RETURNS + 0.02, 100, 161, 252, 1)
    assert (found.luck, found.special, found.verdict) == ("told from luck", False, "not distinguishable")
    assert "not special" in found.because


def test_a_short_window_and_one_that_leaves_nothing_to_compare_are_refused():
    assert window_rank.standing(RETURNS, 100, 129, 252, 10) == Refused("29 observations; expected at least 30", 29)
    assert isinstance(window_rank.standing(RETURNS, 0, 380, 252, 10), Refused)
