"""The null suite: its path is the engine's, noise does not beat it, a planted edge does, and the number of tests counts."""

from dataclasses import replace

import numpy as np
import pytest
from markets_for_tests import STRATEGIES, day, spec_of, strategy
from noise_worlds import IN_BOOK, NOTHING, p_values, stands
from scipy.stats import binom

from backtest.audit import hypotheses
from backtest.audit.nulls import (
    CASES,
    NULLS,
    _scored,
    _table,
    _targets,
    drawn_targets,
    null_suite,
    own,
    placebos,
    seed_of,
    settings,
    surrogate,
)  # fmt: skip
from backtest.audit.paths import log_growth
from backtest.run import run
from backtest.universe import load_universe

UNIVERSE, LAST, DRAWS, WORLDS = load_universe(), day("2026-06-26"), 39, 40


def named(name):
    return next(strategy(path) for path in STRATEGIES if path.stem == name)


@pytest.mark.parametrize("spec", [spec_of(cost_bps=0.0, end="2026-06-26"), spec_of(baskets=("us_optical",), cost_bps=0.0)])
def test_without_market_rules_the_fast_path_is_the_engine(weekly, spec):
    spec = spec.replaced(end="2026-06-26")
    book = next(iter(run(spec, weekly).books.values()))
    one = settings(spec, weekly, UNIVERSE, LAST)[0]
    fast = log_growth(one.course, _targets(spec, one, [own(one)]))[0] * one.course.years
    assert fast == pytest.approx(np.log(book.equity.iloc[-1] / book.equity.iloc[0]), abs=1e-9)


def test_a_cost_lowers_growth_by_what_changes_hands(weekly):
    spec = spec_of(cost_bps=100.0, end="2026-06-26")
    one = settings(spec, weekly, UNIVERSE, LAST)[0]
    dear = log_growth(one.course, _targets(spec, one, [own(one)]))[0]
    free = log_growth(replace(one.course, cost=0.0), _targets(spec, one, [own(one)]))[0]
    assert (dear - free) * one.course.years == pytest.approx(np.log(0.99), abs=1e-9)  # bought once, never traded again


def test_placebos_keep_the_number_of_names_per_exchange_and_hold_no_fund():
    members = UNIVERSE.basket("ASIC").members
    for basket in placebos(members, [row.ticker for row in UNIVERSE.suppliers], UNIVERSE, 50, 0):
        rows = [UNIVERSE.supplier(ticker) for ticker in basket]
        assert sorted(row.market for row in rows) == ["XNYS", "XNYS", "XSHG"]
        assert "fund" not in {row.chain for row in rows}


def test_a_surrogate_keeps_mean_and_spectrum_and_moves_in_time():
    values = np.random.default_rng(1).normal(size=(41, 2)).cumsum(axis=0)
    drawn = surrogate(values, np.random.default_rng(2))
    assert np.abs(np.fft.rfft(drawn, axis=0)) == pytest.approx(np.abs(np.fft.rfft(values, axis=0)))
    assert np.abs(drawn - values).max() > 0.5


def test_seeds_differ_by_strategy_null_and_book_and_never_change():
    assert seed_of("a", "noise", "b") == seed_of("a", "noise", "b")
    assert (
        len({seed_of(*key) for key in [("a", "noise", "b"), ("c", "noise", "b"), ("a", "leader", "b"), ("a", "noise", "d")]}) == 4
    )


def rejections(spec, archive, null, planted):
    (found,) = p_values(spec, archive, [null], (planted,), WORLDS, DRAWS, books=1)
    return sum(p <= 0.05 for p in found[null])


@pytest.mark.parametrize("name", ["multiplier", "revenue_capex_ratio", "supply_chain_excess", "trend_rotation"])
@pytest.mark.parametrize("null", ["placebo", "dates", "leader", "noise", "factors"])
def test_noise_prices_beat_no_null_more_often_than_stated(weekly, name, null):
    assert rejections(named(name), weekly, null, NOTHING) <= binom.ppf(0.999, WORLDS, 0.05)


def leader_errs(weekly):
    (found,) = p_values(named("multiplier"), weekly, ["leader"], (NOTHING,), 400, 99)
    return sum(p <= 0.05 for p in found["leader"]) > binom.ppf(0.999, 400, 0.05)


def test_a_leader_of_noise_with_the_strategy_s_own_rhythm_errs_as_often_as_stated(weekly):
    assert not leader_errs(weekly)


def test_a_leader_drawn_month_by_month_errs_too_often_and_is_seen_to(weekly, monkeypatch):
    def monthly(spec, one, universe, draws):
        own_scores, generator = _table(one), np.random.default_rng(seed_of(spec.name, "leader", one.book))
        filled = own_scores.ffill().bfill().fillna(0.0).to_numpy()
        return [_scored(one, own_scores, surrogate(filled, generator)) for _ in range(draws)]

    monkeypatch.setitem(CASES, "leader", monthly)
    assert leader_errs(weekly)


def test_the_floor_counts_the_draws_that_are_the_strategy_itself(weekly):
    spec = named("supply_chain_excess")
    held = settings(spec, weekly, UNIVERSE, LAST)
    suite, drawn = null_suite(spec, held, UNIVERSE, 99), drawn_targets(spec, held, UNIVERSE, "leader", 99)[0]
    mine = _targets(spec, held[0], [own(held[0])])[0]
    same = sum(bool(np.array_equal(one, mine)) for one in drawn)
    assert same > 5
    assert suite["leader"]["floor"] == pytest.approx((1 + same) / 100)
    assert suite["leader"]["p"] >= suite["leader"]["floor"]


@pytest.mark.parametrize("name", sorted(path.stem for path in STRATEGIES))
def test_an_edge_of_three_percent_a_month_in_the_book_stands_after_correction_and_noise_does_not(weekly, name):
    noise, edge = p_values(named(name), weekly, ["factors"], (NOTHING, IN_BOOK), WORLDS, DRAWS)
    assert sum(stands(name, noise, world) for world in range(WORLDS)) <= binom.ppf(0.999, WORLDS, 0.05)
    assert sum(stands(name, edge, world) for world in range(WORLDS)) >= 0.75 * WORLDS


def test_every_registered_hypothesis_is_of_a_strategy_and_counts_even_when_not_tested():
    rows = hypotheses.load_hypotheses()
    assert {row.strategy for row in rows} == {path.stem for path in STRATEGIES}
    suite = {null: {"p": None, "because": "-"} for null in NULLS} | {"placebo": {"p": 0.002}, "noise": {"p": 0.004}}
    found = hypotheses.judged("multiplier", suite)
    rest = sum(not row.primary for row in rows)
    assert found["tests"]["placebo"]["adjusted"] == pytest.approx(0.002 * rest)
    assert found["tests"]["noise"]["adjusted"] == pytest.approx(0.004 * (rest - 1))
    assert [found["tests"][null]["stands"] for null in ("placebo", "noise", "labels")] == [True, False, None]
    assert hypotheses.sentence(found).startswith("It beats placebo of 2 nulls")


def test_each_strategy_has_one_primary_hypothesis_corrected_for_the_other_primary_ones_alone():
    rows = hypotheses.load_hypotheses()
    assert sorted(row.strategy for row in rows if row.primary) == sorted(path.stem for path in STRATEGIES)
    assert hypotheses.corrected("multiplier", {"factors": 0.004, "placebo": 0.004}) == {
        "factors": pytest.approx(0.004 * len(STRATEGIES)),
        "placebo": pytest.approx(0.004 * (len(rows) - len(STRATEGIES))),
    }
    suite = {null: {"p": None, "because": "-"} for null in NULLS} | {"factors": {"p": 0.004}}
    assert "hindsight" in hypotheses.sentence(hypotheses.judged("multiplier", suite))


def test_a_surrogate_of_states_keeps_the_values_and_the_days_they_change(weekly):
    spec = named("multiplier")
    one = settings(spec, weekly, UNIVERSE, LAST)[0]
    own_scores = np.array([score.iloc[0] for score in one.scores])
    for scores, _ in CASES["leader"](spec, one, UNIVERSE, 5):
        drawn = np.array([score.iloc[0] for score in scores])
        assert (np.isnan(drawn) == np.isnan(own_scores)).all()
        known = ~np.isnan(own_scores)
        assert (np.diff(drawn[known]) != 0).sum() == (np.diff(own_scores[known]) != 0).sum()
        assert set(drawn[known]) <= set(own_scores[known])
