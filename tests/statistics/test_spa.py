"""Hansen's test against `arch` and against a plain reading of the paper, and what dividing by the spread is for."""

import math

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import SPA, StationaryBootstrap

from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Draws, Superior, superior, superior_of

N, BLOCK, SEED, DRAWS = 300, 8, 11, 400
EXPOSURES = np.linspace(0.2, 4.0, 41)


def noise(planted=0.0, mean=-0.0005):
    """Return trials of very different spread, one of them with an edge."""
    returns = np.random.default_rng(5).normal(mean, 0.01, (N, 41))
    returns[:, 17] += planted
    return returns * EXPOSURES


def streamed(returns, width=7):
    draws = Draws(N, BLOCK, SEED, DRAWS)
    parts = [draws.best_of(returns[:, first : first + width]) for first in range(0, returns.shape[1], width)]
    return superior_of(parts, N)


def error(returns):
    """Hansen 2005, estimate of ω²: autocovariances weighted by κ(n, i) of the stationary bootstrap."""
    centred, found = returns - returns.mean(), 0.0
    for lag in range(N):
        weight = (N - lag) / N * (1 - 1 / BLOCK) ** lag + lag / N * (1 - 1 / BLOCK) ** (N - lag)
        found += (1.0 if lag == 0 else 2.0 * weight) * (centred[: N - lag] * centred[lag:]).sum() / N
    return math.sqrt(found)


def plain(returns):
    """Hansen 2005, sections 2 and 3, one draw and one trial at a time, over standard deviations; the days drawn are arch's."""
    trials = returns.T
    mean, sigma = [one.mean() for one in trials], [one.std() for one in trials]
    best = max(0.0, *(math.sqrt(N) * m / s for m, s in zip(mean, sigma, strict=True)))
    bound = -math.sqrt(2 * math.log(math.log(N)))
    centres = {
        "lower": [max(0.0, m) for m in mean],
        "consistent": [m if math.sqrt(N) * m / error(one) >= bound else 0.0 for m, one in zip(mean, trials, strict=True)],
        "upper": mean,
    }
    days = StationaryBootstrap(BLOCK, np.arange(N), seed=np.random.default_rng(SEED))
    above = dict.fromkeys(centres, 0)
    for (drawn,), _ in days.bootstrap(DRAWS):
        for name, centre in centres.items():
            parts = zip(trials, centre, sigma, strict=True)
            above[name] += max(0.0, *(math.sqrt(N) * (one[drawn].mean() - g) / s for one, g, s in parts)) > best
    return Superior(**{name: count / DRAWS for name, count in above.items()}, trials=len(trials), n=N)


@pytest.mark.parametrize("planted", [0.0, 0.001, 0.002, 0.004])
def test_trials_in_parts_give_the_p_values_of_the_paper(planted):
    assert streamed(noise(planted)) == plain(noise(planted))


@pytest.mark.parametrize("planted", [0.0, 0.001, 0.002, 0.004])
@pytest.mark.parametrize("width", [7, 41])
def test_they_are_those_of_arch_once_its_trials_are_divided_by_their_error(planted, width):
    """`arch` 8 has a switch `studentize`, but compares means as they are: the switch only names the method."""
    returns = noise(planted)
    test = SPA(np.zeros(N), -returns / returns.std(axis=0), BLOCK, DRAWS, seed=np.random.default_rng(SEED))
    test.compute()
    found = streamed(returns, width)
    assert (found.lower, found.consistent, found.upper) == tuple(test.pvalues[["lower", "consistent", "upper"]])


def test_the_error_of_a_mean_is_that_of_the_draws():
    """Hansen 2005: the variance of the drawn means comes to the weighted autocovariances."""
    test = Draws(N, BLOCK, SEED, 20_000)
    centred = noise().T[:3] - noise().T[:3].mean(axis=1, keepdims=True)
    drawn = test._ends @ np.cumsum(centred, axis=1)[:, :-1].T
    assert test._error(centred) == pytest.approx([error(one) for one in centred])
    assert drawn.std(axis=0) == pytest.approx(test._error(centred), rel=0.02)


def test_an_odd_and_an_even_number_of_days_have_the_same_error():
    values = np.random.default_rng(3).normal(size=(2, 61))
    for n in (60, 61):
        part = values[:, :n] - values[:, :n].mean(axis=1, keepdims=True)
        lags, keep = np.arange(1, n), 1 - 1 / BLOCK
        weights = (1 - lags / n) * keep**lags + lags / n * keep ** (n - lags)
        plainly = [
            math.sqrt((one @ one + 2 * sum(k * one[lag:] @ one[:-lag] for lag, k in zip(lags, weights, strict=True))) / n)
            for one in part
        ]
        assert Draws(n, BLOCK, SEED, 2)._error(part) == pytest.approx(plainly)


def test_the_exposure_of_a_trial_moves_nothing():
    returns = noise(0.002)
    assert streamed(returns * EXPOSURES[::-1]) == streamed(returns)


def test_a_small_exposure_with_a_real_edge_is_not_drowned_by_large_ones_without():
    returns = np.random.default_rng(6).normal(0.0, 0.01, (N, 41))
    returns[:, 0] = 0.1 * (returns[:, 0] + 0.003)
    test = SPA(np.zeros(N), -returns, BLOCK, DRAWS, seed=np.random.default_rng(SEED))
    test.compute()
    assert streamed(returns).consistent < 0.01
    assert test.pvalues["consistent"] > 0.2


def test_a_superior_trial_is_found_and_worse_ones_are_not():
    nothing, days = pd.Series(0.0, range(N)), pd.DataFrame(noise(mean=0.0) / EXPOSURES)
    found = superior(nothing, days.assign(better=days[0] + 0.004), 1, 5)
    assert found.lower <= found.consistent <= found.upper < 0.01
    assert superior(nothing, days - 0.004, 1, 5) == Superior(1.0, 1.0, 1.0, 41, N)


@pytest.mark.parametrize("same", [0.0, 1e-5])
def test_trials_equal_to_the_benchmark_say_nothing(same):
    draws = Draws(60, 5, 1, 50)
    parts = [draws.best_of(np.full((60, 3), same)), draws.best_of(np.random.default_rng(1).normal(same, 1e-17, (60, 3)))]
    assert isinstance(superior_of(parts, 60), Refused)


def test_what_is_too_short_is_refused():
    returns = pd.DataFrame(noise()[:20])
    assert isinstance(superior(returns[0], returns, 1, 5), Refused)
    assert isinstance(superior_of([Draws(20, 5, 1, 50).best_of(noise()[:20])], 20), Refused)


def test_a_search_is_drawn_a_thousand_times_where_nothing_else_is_asked():
    returns = pd.DataFrame(noise(planted=0.001))
    nothing = returns[0] * 0.0
    usual = superior(nothing, returns, SEED, BLOCK)
    assert usual == superior(nothing, returns, SEED, BLOCK, repetitions=1000)
    assert usual.upper == pytest.approx(round(usual.upper * 1000) / 1000, abs=1e-12)
