"""Chance, placebos, permutations, noise and Holm against counts made by hand."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from backtest.statistics import nulls
from backtest.statistics.refusal import Refused


@pytest.mark.parametrize(("observed", "p"), [(10.0, 1 / 5), (3.0, 3 / 5), (2.5, 3 / 5), (0.0, 1.0)])
def test_p_counts_the_observed_one_as_a_draw_and_ties_against_it(observed, p):
    assert nulls.chance(observed, [1.0, 2.0, 3.0, 4.0]) == nulls.Chance(p, 1 / 5, 4)


def test_p_is_never_below_the_floor_of_the_design():
    assert nulls.chance(9.0, [1.0] * 999, smallest=1 / 56).p == 1 / 56


@pytest.mark.parametrize(("observed", "drawn"), [(1.0, []), (float("nan"), [1.0]), (1.0, [float("nan")])])
def test_nothing_to_compare_with_is_refused(observed, drawn):
    assert isinstance(nulls.chance(observed, drawn), Refused)


def test_an_excess_is_divided_by_its_own_spread_and_the_middle_draw_s_together():
    """By hand: the draws' mean is (0, 0), their squared spreads 2, 2, 4, 4 and the middle spread (√2 + 2) / 2."""
    drawn, middle = [[1.0, 1.0], [-1.0, -1.0], [2.0, 0.0], [-2.0, 0.0]], ((2**0.5 + 2.0) / 2.0) ** 2
    near, far = 2.0 / (2.0 + middle) ** 0.5, 2.0 / (4.0 + middle) ** 0.5
    found = nulls.standardised(np.array([[3.0, 4.0], *drawn]))
    assert found == pytest.approx([7.0 / (25.0 + middle) ** 0.5, near, -near, far, -far])


def test_rows_that_differ_by_rounding_alone_are_not_told_apart():
    assert nulls.standardised(np.full((4, 3), 0.1) + 1e-17 * np.arange(12).reshape(4, 3)).tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("statistic", "least", "most"), [(nulls.standardised, 0.02, 0.11), (lambda rows: rows.sum(axis=1), 0.15, 0.3)]
)
def test_one_twice_as_far_from_the_centre_as_its_draws_is_less_often_large_for_that(statistic, least, most):
    """The weights of the observed one and of the draws are drawn alike but for their size; the returns know of neither."""
    generator, large = np.random.default_rng(3), 0
    for _ in range(1000):
        weights, returns = generator.normal(size=(100, 40, 2)), generator.normal(size=(40, 2))
        weights[0] *= 2.0
        found = statistic((weights * returns).sum(axis=2))
        large += nulls.chance(found[0], found[1:]).p <= 0.05
    assert least <= large / 1000 <= most


def test_a_small_pool_is_enumerated_without_the_real_basket():
    found = nulls.placebo_baskets(["a", "b", "c", "d"], ["b", "a"], 100, seed=1)
    assert found.exact
    assert found.possible == 6
    assert set(found.baskets) == {("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")}


def test_a_large_pool_is_sampled_without_repeats_and_evenly():
    pool = [f"n{number:02d}" for number in range(20)]
    found = nulls.placebo_baskets(pool, pool[:4], 2000, seed=1)
    names = Counter(name for basket in found.baskets for name in basket)
    assert not found.exact
    assert len(set(found.baskets)) == len(found.baskets) == 2000
    assert tuple(pool[:4]) not in found.baskets
    assert max(names.values()) - min(names.values()) < 100


def test_a_pool_without_another_basket_is_refused():
    assert isinstance(nulls.placebo_baskets(["a", "b"], ["a", "b"], 10, seed=1), Refused)


def test_noise_scores_have_unit_variance_and_the_persistence_asked_for():
    table = next(nulls.noise_scores(pd.RangeIndex(4000), list("abcd"), 0.8, 1, seed=1)).to_numpy()
    assert table.std() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(table[1:].ravel(), table[:-1].ravel())[0, 1] == pytest.approx(0.8, abs=0.02)


def test_holm_multiplies_the_smallest_by_the_number_of_tests_and_never_falls():
    """By hand: 4 × 0.005, 3 × 0.01, 2 × 0.03, then 0.04 raised to the one before."""
    found = nulls.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found.adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert found.tests == 4


def test_no_hypotheses_are_no_tests():
    assert nulls.holm({}) == nulls.Corrected({}, 0)
