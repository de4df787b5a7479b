"""Deflation, PBO, minimum length and SPA against the papers' examples and plain loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from backtest.statistics import overfitting
from backtest.statistics.refusal import Refused
from backtest.statistics.standing import expected_best

TRIALS = pd.DataFrame(np.random.default_rng(2).normal(0.0, 0.01, (240, 5)), columns=list("abcde"))


@pytest.mark.parametrize(
    ("trials", "skewness", "kurtosis", "expected"), [(100, -3, 10, 0.9004), (46, -3, 10, 0.9505), (88, 0, 3, 0.9505)]
)
def test_the_deflated_ratio_of_the_paper(trials, skewness, kurtosis, expected):
    """Bailey & López de Prado (2014), numerical example: ratio 2.5 a year, 1250 days of 250, variance of trials 1/2 a year."""
    threshold = np.sqrt(0.5 / 250) * expected_best(trials)
    found = overfitting.probabilistic_sharpe(2.5 / np.sqrt(250), threshold, 1250, skewness, kurtosis)
    assert found == pytest.approx(expected, abs=5e-4)


def test_the_threshold_of_the_paper():
    assert np.sqrt(0.5 / 250) * expected_best(100) == pytest.approx(0.1132, abs=5e-5)


def test_the_moments_are_per_period_and_the_kurtosis_raw():
    found = overfitting.deflated_sharpe(TRIALS["a"], np.array([0.1, 0.0, -0.1]))
    moved = (TRIALS["a"] - TRIALS["a"].mean()) / TRIALS["a"].std(ddof=0)
    assert (found.skewness, found.kurtosis) == pytest.approx(((moved**3).mean(), (moved**4).mean()))
    assert found.threshold == pytest.approx(0.1 * expected_best(3))


def test_overfitting_is_worked_with_a_plain_loop_over_splits():
    blocks = np.split(TRIALS.to_numpy(), 6)
    below = []
    for half in combinations(range(6), 3):
        inside = np.concatenate([blocks[k] for k in half])
        outside = np.concatenate([blocks[k] for k in range(6) if k not in half])
        best = (inside.mean(axis=0) / inside.std(axis=0, ddof=1)).argmax()
        ratios = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        rank = 1 + (ratios < ratios[best]).sum()
        below.append(rank / 6 <= 0.5)
    found = overfitting.overfitting(TRIALS, blocks=6)
    assert (found.probability, found.splits) == (pytest.approx(np.mean(below)), 20)


def test_a_trial_that_is_best_throughout_is_not_overfitted():
    found = overfitting.overfitting(TRIALS.assign(a=TRIALS["a"] + 0.02), blocks=10)
    assert (found.probability, found.loss) == (0.0, 0.0)


def test_five_years_allow_no_more_than_45_trials():
    """Bailey et al. (2014): with five years of returns the best of 45 noises is expected to reach a ratio of 1."""
    assert overfitting.minimum_length(45, 1.0) == pytest.approx(5.0, abs=0.05)


def test_minimum_length_is_bounded_by_the_papers_logarithm():
    assert all(overfitting.minimum_length(n, 1.0) < 2 * np.log(n) for n in (10, 100, 1000))


def test_a_superior_trial_is_found_and_worse_ones_are_not():
    nothing = pd.Series(0.0, TRIALS.index)
    assert overfitting.superior(nothing, TRIALS.assign(a=TRIALS["a"] + 0.004), 1, 5).consistent < 0.01
    worse = overfitting.superior(nothing, TRIALS - 0.004, 1, 5)
    assert worse.lower <= worse.consistent <= worse.upper
    assert worse.consistent > 0.5


def test_what_is_too_short_or_alone_is_refused():
    assert isinstance(overfitting.deflated_sharpe(TRIALS["a"][:29], np.array([0.0, 0.1])), Refused)
    assert isinstance(overfitting.deflated_sharpe(TRIALS["a"], np.array([0.1])), Refused)
    assert isinstance(overfitting.overfitting(TRIALS[["a"]]), Refused)
    assert isinstance(overfitting.overfitting(TRIALS, blocks=7), Refused)
    assert isinstance(overfitting.overfitting(TRIALS, blocks=16, fewest_per_block=21), Refused)
    assert isinstance(overfitting.superior(TRIALS["a"][:20], TRIALS[:20], 1, 5), Refused)
