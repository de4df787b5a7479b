"""Two states against a plain Hamilton filter and against states that were planted."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from backtest.statistics import markov_switching
from backtest.statistics.refusal import Refused

DRAWN = np.random.default_rng(3)
PLANTED = pd.Series(
    np.r_[DRAWN.normal(0.003, 0.01, 200), DRAWN.normal(-0.002, 0.03, 150), DRAWN.normal(0.003, 0.01, 250)],
    pd.bdate_range("2023-01-02", periods=600),
)


@pytest.fixture(scope="module")
def fitted():
    return markov_switching.two_states(PLANTED)


def filtered(values, high, low):
    """Return log likelihood and smoothed P(high) from the recursions of Hamilton (1989) and Kim (1994), in plain loops."""
    stay = 1 - 1 / np.array([high.duration, low.duration])
    move = np.array([[stay[0], 1 - stay[1]], [1 - stay[0], stay[1]]])
    density = np.array([norm.pdf(values, state.mean, state.deviation) for state in (high, low)]).T
    now, likelihood = np.array([1 - stay[1], 1 - stay[0]]) / (2 - stay.sum()), 0.0
    seen, ahead = [], []
    for row in density:
        ahead.append(now)
        joint = now * row
        likelihood += np.log(joint.sum())
        seen.append(joint / joint.sum())
        now = move @ seen[-1]
    smooth = [seen[-1]]
    for t in range(len(values) - 2, -1, -1):
        smooth.append(seen[t] * (move.T @ (smooth[-1] / ahead[t + 1])))
    return likelihood, np.array(smooth[::-1])[:, 0]


def test_likelihood_and_probabilities_are_those_of_a_plain_filter(fitted):
    likelihood, probability = filtered(PLANTED.to_numpy(), fitted.high, fitted.low)
    assert fitted.log_likelihood == pytest.approx(likelihood, abs=1e-4)
    assert fitted.probability.to_numpy() == pytest.approx(probability, abs=1e-4)


def test_planted_states_are_found_on_their_days(fitted):
    truth = np.r_[np.ones(200), np.zeros(150), np.ones(250)]
    assert ((fitted.probability > 0.5) == truth).mean() > 0.97
    assert (fitted.high.deviation, fitted.low.deviation) == pytest.approx((0.01, 0.03), rel=0.1)
    assert fitted.converged
    assert fitted.bic_gain > 100


def test_equal_returns_give_equal_answers(fitted):
    assert markov_switching.two_states(PLANTED).probability.equals(fitted.probability)


def test_scale_changes_the_states_and_not_the_days(fitted):
    small = markov_switching.two_states(PLANTED / 100)
    assert small.probability.to_numpy() == pytest.approx(fitted.probability.to_numpy(), abs=1e-6)
    assert small.high.mean == pytest.approx(fitted.high.mean / 100)


def test_one_normal_state_is_preferred_where_there_is_one():
    assert markov_switching.two_states(pd.Series(np.random.default_rng(8).normal(size=400))).bic_gain < 0


def test_a_state_of_a_few_sessions_is_doubted():
    jumps = pd.Series(np.random.default_rng(2).normal(size=300))
    jumps.iloc[150:153] += 40.0
    assert not markov_switching.two_states(jumps).converged


def test_fewer_than_a_hundred_returns_are_refused():
    assert markov_switching.two_states(PLANTED[:99]) == Refused("99 observations; expected at least 100", 99)
