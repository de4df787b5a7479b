"""Catalysts: on which session an event counts, that a planted one is named, and that each figure rests on its own rows."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from backtest.analysis.abnormal import market_returns, returns_by_market
from backtest.analysis.catalysts import catalysts, first_sessions, reaction_moments
from backtest.statistics.named_events import span_study
from backtest.statistics.refusal import Refused
from backtest.thesis import load_thesis
from backtest.thesis.windows import Window, windows

THESIS = load_thesis()
LAST = pd.Timestamp("2026-06-26")
SPANS = windows(THESIS, pd.Timestamp("2023-01-03"), LAST)


def returned(prices, spans=SPANS):
    return returns_by_market(prices, THESIS.universe, THESIS.universe.baskets, max(span.end for span in spans))


def studied(archive, facts=None, spans=SPANS):
    return catalysts(facts or archive.facts, archive.prices, THESIS.universe, returned(archive.prices, spans), spans)


@pytest.fixture(scope="module")
def studies(archive):
    return studied(archive)


def event(day, session, zone, known=None):
    known = pd.Timestamp(known or day, tz="UTC") + (pd.Timedelta(0) if known else pd.Timedelta(days=1))
    return {"date": pd.Timestamp(day), "known_at": known, "event": f"{day} {session}", "session": session, "time_zone": zone}


@pytest.mark.parametrize(
    ("row", "shanghai", "new_york"),
    [
        (event("2025-01-27", "in session or pre-market", "America/New_York"), "2025-02-05", "2025-01-27"),
        (event("2024-02-21", "after close", "America/New_York"), "2024-02-22", "2024-02-22"),
        (event("2024-02-15", "in session or pre-market", "America/Los_Angeles"), "2024-02-19", "2024-02-15"),
        (event("2025-07-14", "non-trading or overnight for US", "America/Los_Angeles"), "2025-07-15", "2025-07-15"),
        (event("2024-06-02", "non-trading or overnight for US", "Asia/Taipei"), "2024-06-03", "2024-06-03"),
        (event("2025-04-17", "non-trading or overnight for US", "Asia/Shanghai"), "2025-04-17", "2025-04-17"),
        (event("2025-04-17", "", ""), "2025-04-18", "2025-04-21"),  # known at midnight, on the eve of Good Friday
        (event("2024-05-22", "after close", "America/New_York", "2024-05-22T12:00"), "2024-05-23", "2024-05-22"),  # to the minute
    ],
)
def test_an_event_counts_on_each_market_s_own_first_session_that_could_react(archive, row, shanghai, new_york):
    moments = reaction_moments(pd.DataFrame([row]), LAST)
    for market, day in (("XSHG", shanghai), ("XNYS", new_york)):
        assert [f"{session:%Y-%m-%d}" for session in first_sessions(moments, archive.prices, market)] == [day]


def test_an_event_known_later_than_the_run_is_left_out(archive):
    early, late = (event(day, "after close", "America/New_York") for day in ("2026-06-26", "2026-06-27"))
    assert reaction_moments(pd.DataFrame([early, late]), LAST).index.tolist() == ["2026-06-26 after close"]


def test_every_named_window_and_market_names_three_or_says_that_none_is_distinguishable(studies):
    assert list(studies) == [row.name for row in THESIS.windows]
    for by_market in studies.values():
        assert sorted(by_market) == ["XNYS", "XSHG"]
        for study in by_market.values():
            assert len(study.largest) == min(3, study.event_sessions)
            assert ("Distinguishable" in study.sentence) == (study.distinguishable > 0)


def test_where_the_least_possible_p_is_above_its_level_the_sentence_says_that_it_cannot_be_told(studies):
    """So many events that even one farther out than every session would not stay below 5% after Holm."""
    every = [study for by_market in studies.values() for study in by_market.values()]
    untold = [study for study in every if study.least > 0.05]
    assert untold
    for study in every:
        assert study.least == pytest.approx(study.event_sessions / study.compared)
        assert min(event.adjusted for event in study.largest) >= study.least
        assert ("cannot be told" in study.sentence) == (study in untold)
    assert f"{untold[0].event_sessions} event sessions, least possible p {untold[0].least:.3f}." in untold[0].sentence


def test_the_figures_of_a_window_are_sums_of_the_sessions_they_speak_of(archive, studies):
    """The wave of early 2024 in Shanghai, worked from the returns: its sum, that on events, and the largest day."""
    study = studies["24Q1–Q2"]["XSHG"]
    returns = market_returns(archive.prices, THESIS.universe, THESIS.universe.baskets, "XSHG", LAST)
    mean = returns.baskets.mean(axis=1).loc["2024-01-01":"2024-06-30"]
    days = sorted(first_sessions(reaction_moments(archive.facts.events, LAST), archive.prices, "XSHG"))
    assert study.total == pytest.approx(mean.sum())
    assert study.on_events == pytest.approx(mean[mean.index.isin(days)].sum())
    assert study.share == pytest.approx(study.on_events / study.total)
    assert (study.sessions, study.event_sessions) == (len(mean), mean.index.isin(days).sum())
    first = study.largest[0]
    assert first.events == ("Sora text-to-video shown",)
    assert first.session == "2024-02-19"  # shown in the Chinese New Year's holidays
    assert first.abnormal == pytest.approx(returns.abnormal.loc["2024-02-19"].mean())
    assert first.baskets == pytest.approx(returns.abnormal.loc["2024-02-19"].to_dict())


def test_removing_an_event_moves_the_windows_it_falls_in_and_no_other(archive, studies):
    events = archive.facts.events
    (row,) = np.flatnonzero(events["event"] == "Sora text-to-video shown")
    without = studied(archive, replace(archive.facts, events=events.drop(events.index[row])))
    for name, by_market in studies.items():
        for market, study in by_market.items():
            assert (asdict(without[name][market]) == asdict(study)) == (name != "24Q1–Q2"), (name, market)


def test_nothing_later_than_the_run_moves_a_figure(archive, studies):
    """Events that became known after the end, and prices after it, are scrambled."""
    events, wealth = archive.facts.events.copy(), archive.prices.wealth.copy()
    late = events["known_at"] > pd.Timestamp("2026-06-27", tz="UTC")
    events.loc[late, "event"] = "something else"
    wealth.loc[wealth.index > LAST] *= 3.0
    assert late.any()
    facts, prices = replace(archive.facts, events=events), replace(archive.prices, wealth=wealth, bars=None)
    assert catalysts(facts, prices, THESIS.universe, returned(prices), SPANS) == studies


def test_an_event_that_counts_a_session_early_is_seen(archive, studies):
    """The planted fault: of what came after the close, the session that had just ended counts."""
    events = archive.facts.events.copy()
    events["session"] = events["session"].replace("after close", "in session or pre-market")
    assert studied(archive, replace(archive.facts, events=events)) != studies


def test_a_preview_of_profit_is_an_event_of_its_supplier(archive):
    window = Window("July 2026", pd.Timestamp("2026-07-01"), pd.Timestamp("2026-07-24"), THESIS.date)
    spans = [window, replace(window, name="whole")]
    study = studied(archive, spans=spans)["July 2026"]["XSHG"]
    alone = studied(archive, replace(archive.facts, ranges=archive.facts.ranges.iloc[:0]), spans)["July 2026"]["XSHG"]
    assert study.events == alone.events + 4


def test_a_planted_event_is_named_and_ordinary_ones_are_not():
    drawn = np.random.default_rng(4)
    index = pd.bdate_range("2022-01-03", periods=500)
    table = pd.DataFrame(0.02 * drawn.normal(size=(500, 3)) + 0.01 * drawn.normal(size=(500, 1)), index, list("abc"))
    days = list(index[[400, 410, 420, 430]])
    table.loc[days[1]] += 0.15
    study = span_study(table, [*days, index[100]], index[390], index[440], seed=1)
    assert [event.distinguishable for event in study.events] == [True, False, False, False]
    assert study.events[0].session == days[1]
    assert study.events[0].p == 1 / 380  # farther than all other sessions from the 120th on
    assert study.events[0].adjusted == pytest.approx(4 / 380)
    assert study.together.degrees == 3


def test_a_short_history_is_refused():
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(150, 2)), pd.bdate_range("2022-01-03", periods=150))
    assert span_study(table, [], table.index[0], table.index[-1], 1) == Refused("150 observations; expected at least 220", 150)
