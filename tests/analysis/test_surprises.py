"""Surprises: each expectation rests on what was known just before, and each figure on its own rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.analysis.abnormal import returns_by_market
from backtest.analysis.catalysts import EventTest
from backtest.analysis.surprises import known_surprises, surprise_studies
from backtest.thesis import load_thesis

THESIS = load_thesis()
LAST = pd.Timestamp("2026-06-26")
SERIES = (*THESIS.role("clouds").keys, *THESIS.role("suppliers").keys)
BASKETS = [THESIS.universe.basket("optical"), THESIS.universe.basket("GPU")]


@pytest.fixture(scope="module")
def found(archive):
    return list(known_surprises(archive.facts.rows, SERIES, LAST))


@pytest.fixture(scope="module")
def studies(archive):
    returns = returns_by_market(archive.prices, THESIS.universe, BASKETS, LAST)
    return surprise_studies(archive.facts, archive.prices, THESIS, returns, LAST)


def known_before(archive, row):
    """Return the values of a series by quarter as they stood just before a surprise became known, by a plain loop."""
    past = {}
    for fact in archive.facts.rows.to_dict("records"):
        if (fact["entity"], fact["metric"]) == (row.entity, row.metric) and fact["known_at"] < row.known_at:
            past[fact["quarter"]] = fact["value"]
    return past


def test_an_expectation_is_worked_from_what_stood_just_before(archive, found):
    for row in [one for number, one in enumerate(found) if number % 9 == 0]:
        past, year, quarter = known_before(archive, row), int(row.quarter[:4]), int(row.quarter[-1])
        now = year * 4 + quarter - 1
        drift = np.mean([np.log(past[now - back] / past[now - back - 4]) for back in (1, 2, 3, 4)])
        assert row.expected == pytest.approx(past[now - 4] * np.exp(drift), rel=1e-12), (row.entity, row.quarter)
        changes = [np.log(past[q] / past[q - 4]) for q in range(now - 8, now) if q in past and q - 4 in past]
        assert row.deviations == pytest.approx(np.log(row.value / row.expected) / np.std(changes, ddof=1), rel=1e-9)


def test_no_surprise_uses_a_row_before_its_moment(archive, found):
    """What became known at or after a surprise is multiplied by ten: its expectation stays."""
    for row in (found[5], found[-5]):
        rows = archive.facts.rows.copy()
        rows.loc[rows["known_at"] >= row.known_at, "value"] *= 10.0
        changed = {(one.entity, one.quarter): one for one in known_surprises(rows, SERIES, LAST)}
        assert changed[row.entity, row.quarter].expected == pytest.approx(row.expected, rel=1e-12)


def test_an_expectation_that_looks_ahead_is_seen(archive, found):
    """The planted fault: figures count from the end of their period, before anybody could know them."""
    rows = archive.facts.rows.copy()
    rows["known_at"] = rows["period_end"].dt.tz_localize("UTC")
    early = {(one.entity, one.quarter): one.known_at for one in known_surprises(rows.sort_values("known_at"), SERIES, LAST)}
    assert all(early[row.entity, row.quarter] < row.known_at for row in found)


def test_removing_a_row_moves_the_surprises_that_rest_on_it_and_no_others(archive, found):
    """Amazon's CapEx of 2025Q1: its own surprise and the eight quarters after it go or move, all else stays."""
    rows = archive.facts.rows
    gone = (rows["entity"] == "AMZN") & (rows["metric"] == "purchases_ppe") & (rows["period"] == "FY2025Q1")
    without = list(known_surprises(rows[~gone], SERIES, LAST))
    before = [row for row in found if row.entity == "AMZN" and row.quarter < "2025Q1"]
    assert [row for row in without if row.entity == "AMZN"] == before
    assert [row for row in without if row.entity != "AMZN"] == [row for row in found if row.entity != "AMZN"]


def test_every_kind_has_reactions_by_market_and_side_with_p_corrected_for_all(studies):
    assert list(studies) == ["CapEx", "suppliers' revenue", "previews of profit"]
    tests = [own for study in studies.values() for sides in study.reactions.values() for own in sides.values()]
    done = [own for own in tests if isinstance(own.test, EventTest)]
    assert len(tests) == 10
    assert all(own.adjusted >= own.test.p for own in done)
    assert min(own.adjusted for own in done) == pytest.approx(min(1.0, len(done) * min(own.test.p for own in done)))


def test_the_largest_are_three_of_each_side_in_order(studies):
    for kind in ("CapEx", "suppliers' revenue"):
        above = [row.deviations for row in studies[kind].largest if row.log > 0]
        below = [row.deviations for row in studies[kind].largest if row.log <= 0]
        assert (len(above), len(below)) == (3, 3)
        assert (above, below) == (sorted(above, reverse=True), sorted(below))


def test_a_planted_reaction_to_figures_above_is_found(archive):
    """Five per cent on each first session in New York after the clouds spent more than expected."""
    returns = returns_by_market(archive.prices, THESIS.universe, BASKETS, LAST)
    own = returns["XNYS"]
    above = [row.known_at for row in known_surprises(archive.facts.rows, THESIS.role("clouds").keys, LAST) if row.log > 0]
    closes = archive.prices.closes["XNYS"]
    days = sorted({closes.index[closes.searchsorted(moment, side="right")] for moment in above})
    planted = own.baskets.copy()
    planted.loc[days] += 0.05
    studied = surprise_studies(archive.facts, archive.prices, THESIS, {"XNYS": replace(own, baskets=planted)}, LAST)[
        "CapEx"
    ].reactions["XNYS"]
    assert studied["above"].adjusted < 0.01
    assert studied["above"].test.abnormal > 0.04
