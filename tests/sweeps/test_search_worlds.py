"""A few of the worlds that `python tools/search_worlds.py` counts over: a whole sweep of each."""

import numpy as np
import pytest
import search_worlds as worlds

pytestmark = pytest.mark.slow


def test_a_sweep_of_noise_is_not_believed_and_its_best_is_as_likely_below_the_middle_as_above():
    deflated, overfit, p, p_over_twins, settings, curves = worlds.figures(0.0, 6).T
    assert overfit.mean() == pytest.approx(0.5, abs=3 * 0.25 / np.sqrt(6))
    assert (deflated > 0.95).sum() <= 1
    assert (p <= 0.05).sum() <= 2
    assert (p_over_twins <= 0.05).sum() <= 2
    assert max((settings > 0.95).sum(), (curves > 0.95).sum()) <= 1
    assert (overfit <= 0.05).sum() == 0


def test_a_sweep_finds_the_momentum_that_was_planted():
    deflated, overfit, p, p_over_twins, settings, curves = worlds.figures(0.06, 4).T
    assert (deflated > 0.95).all()
    assert (p <= 0.05).all()
    assert (p_over_twins <= 0.05).all()
    assert (settings > 0.95).all()
    assert (curves > 0.95).all()
    assert overfit.mean() < 0.2


def test_a_world_of_noise_is_a_fair_game():
    grown = np.concatenate([np.diff(np.log(worlds.wealth(seed, 0.0)), axis=0) for seed in range(12)])
    gains = np.expm1(grown)
    assert (np.abs(gains.mean(axis=0)) < 4 * gains.std(axis=0) / np.sqrt(len(gains))).all()
