"""The event study against plain loops and the formulas of Boehmer et al. (1991) and Kolari & Pynnönen (2010)."""

import math

import numpy as np
import pandas as pd
import pytest

from backtest.statistics import events
from backtest.statistics.refusal import Refused

DAYS = pd.bdate_range("2023-01-02", periods=400)
DRAWN = np.random.default_rng(8).normal(0.0, 0.02, (400, 4))
RETURNS, MARKET = pd.DataFrame(DRAWN[:, :3], DAYS, list("abc")), pd.Series(DRAWN[:, 3], DAYS)
EVENTS = list(DAYS[[150, 200, 250, 300, 350]])
FOUND = events.event_study(RETURNS, MARKET, EVENTS, seed=1, sessions=2)


def test_abnormal_returns_are_worked_with_a_plain_loop():
    sums, scaled = [], []
    for place in (150, 200, 250, 300, 350):
        for name in "abc":
            abnormal = RETURNS[name].to_numpy() - MARKET.to_numpy()
            sums.append(abnormal[place] + abnormal[place + 1])
            scaled.append(sums[-1] / (np.std(abnormal[place - 120 : place], ddof=1) * math.sqrt(2)))
    plain = np.mean(scaled) * math.sqrt(15) / np.std(scaled, ddof=1)
    assert FOUND.abnormal == pytest.approx(np.mean(sums))
    assert FOUND.standardised == pytest.approx(np.mean(scaled))
    assert FOUND.unadjusted_t == pytest.approx(plain)


def test_on_one_date_the_adjustment_is_that_of_the_paper():
    """√((1 - r) / (1 + (n - 1) r)) for n portfolios of one date; r = 0.05 and n = 50 give √(0.95 / 3.45) = 0.5247."""
    scaled = np.random.default_rng(1).normal(0.5, 1.0, (1, 50))
    with np.errstate(invalid="ignore"):
        plain, adjusted, _ = events.kolari_pynnonen(scaled, 0.05)
    assert adjusted / plain == pytest.approx(0.5247, abs=1e-4)


def test_one_portfolio_needs_no_adjustment():
    plain, adjusted, _ = events.kolari_pynnonen(np.array([[1.0], [2.0], [0.5]]), 0.0)
    assert plain == adjusted == pytest.approx(3.5 / 3 * math.sqrt(3) / np.std([1, 2, 0.5], ddof=1))


def test_portfolios_that_move_as_one_count_once():
    """With correlation 1 between k equal portfolios, D dates give the statistic of D observations, but for n - 1 for D - 1."""
    one = np.array([[1.0], [2.0], [0.5], [1.5]])
    alone, many = events.kolari_pynnonen(one, 0.0)[1], events.kolari_pynnonen(np.tile(one, (1, 5)), 1.0)[1]
    assert many == pytest.approx(alone)


def test_correlation_is_measured_outside_the_windows():
    spiked = RETURNS.copy()
    spiked.loc[EVENTS] += 1.0
    there = events.event_study(spiked, MARKET, EVENTS, seed=1).correlation
    assert there == pytest.approx(0.5, abs=0.1)  # each shares the market's half of its variance


def test_a_planted_reaction_is_found_and_random_dates_have_their_floor():
    planted = RETURNS.copy()
    planted.loc[EVENTS] += 0.06
    found = events.event_study(planted, MARKET, EVENTS, seed=1, draws=999)
    assert found.random.p <= 0.002
    assert found.random.least == 1 / 1000
    assert found.p < 0.05


def test_overlapping_early_and_unknown_events_are_dropped_and_named():
    odd = [DAYS[50], DAYS[151], pd.Timestamp("2023-01-01"), DAYS[399]]
    found = events.event_study(RETURNS, MARKET, [*EVENTS, *odd], seed=1, sessions=2)
    assert set(found.dropped) == set(odd)
    assert found.by_event.index.tolist() == EVENTS


def test_random_windows_never_overlap_and_reach_both_ends():
    drawn = events.random_dates(4, 3, 10, 30, 2000, seed=1)
    assert (np.diff(drawn, axis=1) >= 3).all()
    assert (drawn.min(), drawn.max()) == (10, 29)


def test_too_few_events_sessions_or_returns_are_refused():
    assert isinstance(events.event_study(RETURNS, MARKET, EVENTS[:2], seed=1), Refused)
    assert isinstance(events.event_study(RETURNS[:140], MARKET[:140], EVENTS, seed=1), Refused)
    assert isinstance(events.event_study(RETURNS.mask(RETURNS > 0.05), MARKET, EVENTS, seed=1), Refused)
