"""Every statistic on samples where nothing is there, and on ones with something planted: a tenth of those of `make sizes`."""

import math
import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import sizes

pytestmark = pytest.mark.slow

SHARE = 0.1
SEARCHES = 32  # so many, of each kind

# How far beyond its promise a statistic may be wrong, chance aside: what the table of sizes says of small samples.
ALLOWED = {
    sizes.sharpe_errors: 0.02,
    sizes.bootstrapped: 0.05,
    sizes.drawdowns: 0.03,
    sizes.regimes: 0.01,
    sizes.rotations: 0.025,
    sizes.regressions: 0.04,
    sizes.suppliers: 0.01,
    sizes.announcements: 0.01,
    sizes.catalysts: 0.02,
    sizes.placebos: 0.01,
    sizes.gates: 0.01,
    sizes.alphas: 0.02,
    sizes.pairs: 0.04,
}
# What its peers in the table, which ignore the dependence, get wrong.
NAIVE = ("Sharpe: outside 1.96", "Newey–West", "the same, suppliers", "events: portfolios taken")


@cache
def measured(study):
    return list(study(SHARE))


@pytest.mark.parametrize("study", ALLOWED, ids=lambda study: study.__name__)
def test_a_statistic_is_wrong_about_as_often_as_it_promises(study):
    for row in measured(study):
        if row.promised is not None and not row.statistic.startswith(NAIVE):
            chance = 3.0 * math.sqrt(row.promised * (1 - row.promised) / row.samples)
            assert row.rate <= row.promised + ALLOWED[study] + chance, row


@pytest.mark.parametrize(
    ("study", "statistic", "planted", "least"),
    [
        (sizes.regimes, "regime: supported", "annual Sharpe 9", 0.8),
        (sizes.rotations, "circular shift: p at the floor 1/T", "14 quarters, lags (1,), planted", 0.8),
        (sizes.regressions, "EWC regression: slope at 5%", "n=14, autocorrelation 0.5 of cause and error, planted", 0.65),
        (sizes.suppliers, "pooled mean slope: interval excludes 0", "mean slope 1", 0.85),
        (sizes.announcements, "events: Kolari–Pynnönen at 5%", "1 deviations planted", 0.85),
        (sizes.announcements, "events: random dates at 5%", "1 deviations planted", 0.85),
        (sizes.catalysts, "catalysts: any of a window's events named", "4 deviations planted", 0.4),
        (sizes.placebos, "placebo baskets: p at most 5%", "2 deviations planted", 0.7),
        (sizes.gates, "SPA over twins: consistent p at most 5%", "loses 8.4%", 0.5),
        (sizes.pairs, "paired difference: interval excludes 0", "acts on 10% of sessions, 0.3", 0.7),
        (
            sizes.pairs,
            "paired difference: interval excludes 0",
            "n=252, autocorrelation 0.2, the signal acts on 100% of sessions, 0.3",
            0.9,
        ),
        (sizes.alphas, "alpha at 5%", "n=880, 4 factors, error autocorrelation 0.2, 0.3", 0.95),
    ],
)
def test_what_is_planted_is_found(study, statistic, planted, least):
    found = [row for row in measured(study) if row.statistic == statistic and planted in row.sample]
    assert found
    assert all(row.rate >= least for row in found), found


@cache
def searched(tried):
    return {row.statistic: row.rate for row in sizes.searches(SHARE, [tried])}


def at_most(promised, samples):
    return promised + 3 * math.sqrt(promised * (1 - promised) / samples)


@pytest.mark.parametrize("tried", [sizes.NOISE[0], sizes.NOISE[3]], ids=str)
def test_a_search_through_noise_is_overfitted_half_the_time_and_seldom_believed(tried):
    rates = searched(tried)
    deviation = 0.25 / math.sqrt(SEARCHES)  # the PBO of one search of noise deviates by a quarter
    assert rates["mean PBO"] == pytest.approx(0.5, abs=3 * deviation)
    assert rates["PBO at most 5%"] <= 0.05
    assert rates["Deflated Sharpe above 95%"] <= at_most(0.05, SEARCHES)
    assert rates["SPA consistent p at most 5%"] <= at_most(0.05, SEARCHES)


@pytest.mark.parametrize("tried", [sizes.EDGES[1], sizes.EDGES[3]], ids=str)
def test_a_search_that_holds_an_edge_is_found(tried):
    rates = searched(tried)
    assert rates["mean PBO"] < 0.1
    assert rates["SPA consistent p at most 5%"] > 0.9


def test_a_single_trial_with_an_annual_ratio_of_three_survives_deflation():
    assert searched(sizes.EDGES[1])["Deflated Sharpe above 95%"] > 0.85


def test_a_strategy_as_good_as_the_threshold_is_above_95_percent_one_time_in_twenty():
    for row in sizes.thresholds(2 * SHARE):
        assert row.rate == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / row.samples)), row


def test_a_small_exposure_with_an_edge_is_found_where_raw_means_miss_it():
    null, raw_null, found, raw = [row.rate for row in sizes.exposures(SHARE)]
    assert max(null, raw_null) <= at_most(0.05, SEARCHES)
    assert found > raw + 0.5


def test_fat_tails_are_not_taken_for_two_states():
    """Two samples of each, a second a fit: against a normal state alone samples of t4 would have two, and most unpunished."""
    found = {row.sample: row.rate for row in sizes.states(1 / 12) if row.statistic.startswith("two states: BIC")}
    assert found == {"n=600, one normal state": 0.0, "n=600, one t4 state": 0.0, "n=600, two states": 1.0}
