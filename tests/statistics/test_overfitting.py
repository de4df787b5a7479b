"""Deflation, PBO and minimum length against the papers' examples and plain loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from backtest.statistics import overfitting
from backtest.statistics.refusal import Refused
from backtest.statistics.window_rank import expected_best

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


def plain(trials, count):
    """Bailey et al. (2017), section 3, split by split: how the best inside ranks outside, and both of its ratios."""
    blocks = np.split(trials, count)
    best, chosen, ranks = [], [], []
    for half in combinations(range(count), count // 2):
        inside = np.concatenate([blocks[k] for k in half])
        outside = np.concatenate([blocks[k] for k in range(count) if k not in half])
        ratios = ratio(outside)
        place = ratio(inside).argmax()
        best.append(ratio(inside)[place])
        chosen.append(ratios[place])
        ranks.append(rankdata(ratios.round(11))[place])
    logits = np.log(np.array(ranks) / (trials.shape[1] + 1 - np.array(ranks)))
    return (logits <= 0).mean(), (np.array(chosen) < 0).mean(), np.polyfit(best, chosen, 1)[0], len(ranks)


def ratio(returns):
    spread = returns.std(axis=0, ddof=1)
    return returns.mean(axis=0) / np.where(spread > 0, spread, 1.0)


CASH = TRIALS.assign(a=0.0, f=0.0, g=np.where(np.arange(240) < 120, TRIALS["b"], 0.0))  # never held anything, or later nothing
TWINS = TRIALS.assign(f=TRIALS["b"], g=2.0 * TRIALS["b"], h=TRIALS["d"])
MANY = pd.DataFrame(np.random.default_rng(3).normal(0.0003, 0.01, (240, 60)) * np.linspace(0.1, 3.0, 60))


@pytest.mark.parametrize("blocks", [2, 4, 6, 10, 12])
@pytest.mark.parametrize("trials", [TRIALS, CASH, TWINS, MANY], ids=["few", "cash", "twins", "many"])
def test_overfitting_is_what_a_plain_loop_over_splits_finds(trials, blocks):
    cut = np.array(np.split(trials.to_numpy(), blocks))
    sums = np.stack([cut.sum(axis=1), (cut**2).sum(axis=1)])
    found = overfitting.overfitting_of([sums[:, :, :2], sums[:, :, 2:]], 240 // blocks)
    assert (found.probability, found.loss, found.slope, found.splits) == pytest.approx(plain(trials.to_numpy(), blocks))


@pytest.mark.slow
def test_sixteen_blocks_are_split_in_every_way_whatever_is_held_at_a_time(monkeypatch):
    found = overfitting.overfitting(TWINS)
    assert (found.probability, found.loss, found.slope, found.splits) == pytest.approx(plain(TWINS.to_numpy(), 16))
    monkeypatch.setattr(overfitting, "AT_ONCE", 1)
    assert overfitting.overfitting(TWINS).probability == found.probability


def test_a_trial_that_is_best_throughout_is_not_overfitted():
    found = overfitting.overfitting(TRIALS.assign(a=TRIALS["a"] + 0.02), blocks=10)
    assert (found.probability, found.loss) == (0.0, 0.0)


def test_five_years_allow_no_more_than_45_trials():
    """Bailey et al. (2014): with five years of returns the best of 45 noises is expected to reach a ratio of 1."""
    assert overfitting.minimum_length(45, 1.0) == pytest.approx(5.0, abs=0.05)


def test_minimum_length_is_bounded_by_the_papers_logarithm():
    assert all(overfitting.minimum_length(n, 1.0) < 2 * np.log(n) for n in (10, 100, 1000))


def test_what_is_too_short_or_alone_is_refused():
    assert isinstance(overfitting.deflated_sharpe(TRIALS["a"][:29], np.array([0.0, 0.1])), Refused)
    assert isinstance(overfitting.deflated_sharpe(TRIALS["a"], np.array([0.1])), Refused)
    assert isinstance(overfitting.overfitting(TRIALS[["a"]]), Refused)
    assert isinstance(overfitting.overfitting(TRIALS, blocks=7), Refused)
    assert isinstance(overfitting.overfitting(TRIALS, blocks=16, fewest_per_block=21), Refused)
    assert isinstance(overfitting.overfitting_of([np.full((2, 4, 3), np.nan), np.ones((2, 4, 3))], 60), Refused)
