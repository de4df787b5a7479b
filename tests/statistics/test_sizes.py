"""Every statistic on samples where nothing is there, and on ones with something planted, as `make sizes` measures them."""

import math
import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import sizes

# How far beyond its promise a statistic may be wrong, chance aside: what the table of sizes says of small samples.
ALLOWED = {
    sizes.sharpe_errors: 0.02,
    sizes.bootstrap: 0.05,
    sizes.drawdowns: 0.03,
    sizes.regimes: 0.01,
    sizes.rotations: 0.025,
    sizes.regressions: 0.04,
    sizes.suppliers: 0.01,
    sizes.announcements: 0.01,
    sizes.placebos: 0.01,
    sizes.alphas: 0.02,
}
# What its peers in the table, which ignore the dependence, get wrong.
NAIVE = ("Sharpe: outside 1.96", "Newey–West", "the same, suppliers", "events: portfolios taken")


@cache
def measured(study):
    return list(study(0.25))


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
        (sizes.placebos, "placebo baskets: p at most 5%", "2 deviations planted", 0.7),
        (sizes.alphas, "alpha at 5%", "n=880, 4 factors, error autocorrelation 0.2, 0.3", 0.95),
    ],
)
def test_what_is_planted_is_found(study, statistic, planted, least):
    found = [row for row in measured(study) if row.statistic == statistic and planted in row.sample]
    assert found
    assert all(row.rate >= least for row in found), found


def test_searches_are_deflated_and_planted_skill_moves_every_measure():
    rates = {(row.statistic, row.sample.endswith("0.2")): row.rate for row in measured(sizes.searches)}
    assert rates["Deflated Sharpe above 95%", False] <= 0.05
    assert rates["mean PBO", False] == pytest.approx(0.5, abs=0.1)
    assert rates["mean PBO", True] < rates["mean PBO", False] - 0.1
    assert rates["SPA consistent p at most 5%", False] <= 0.05 + 0.06 + 3 * math.sqrt(0.05 * 0.95 / 30)
    assert rates["SPA consistent p at most 5%", True] > 0.4


def test_fat_tails_are_not_taken_for_two_states():
    found = {row.sample: row.rate for row in sizes.states(0.25) if row.statistic.startswith("two states: BIC")}
    assert found == {"n=600, one normal state": 0.0, "n=600, one t4 state": 0.0, "n=600, two states": 1.0}
