"""Claims in the spans that they speak of, against answers worked by hand: when written, and since."""

import csv
import math
import re
from dataclasses import replace
from pathlib import Path
from statistics import median

import pandas as pd
import pytest

from backtest.calendars import as_of_moment
from backtest.claims.ledger import Judgement, judged, known_at, load_claims
from backtest.claims.measurement import Measurement
from backtest.claims.table import verdict_rows, verdict_text
from backtest.output.claim_lines import claim_lines
from backtest.output.document import claim_rows
from backtest.panel import Archive, once
from backtest.text.screen import Screen
from backtest.thesis import load_thesis

ANSWERS = Path(__file__).parents[1] / "answers" / "claims_in_spans.csv"
ROWS = list(csv.DictReader(ANSWERS.read_text(encoding="utf-8").splitlines()))
CLAIMS = load_claims(load_thesis())
KNOWN_ON = "2026-06-30"
each_row = pytest.mark.parametrize("row", ROWS, ids=[f"{row['id']} {row['span']}: {row['reading']}" for row in ROWS])


@pytest.fixture(scope="module")
def findings(archive):
    return {finding.claim.id: finding for finding in judged(archive, as_of_moment(KNOWN_ON))}


@pytest.fixture(scope="module")
def found(findings):
    """Return the reading of a worked row in its span."""

    def one(row):
        span = getattr(findings[row["id"]], row["span"])
        return next(reading for reading in span.readings if reading.name == row["reading"])

    return one


def close_to(text):
    return pytest.approx(float(text), rel=1e-9, abs=1e-13) if text else None


# --- answers ---------------------------------------------------------------------------------------------------------


def test_every_reading_of_a_claim_on_the_future_and_of_one_with_a_date_of_its_own_is_worked_by_hand():
    worked = [(row["id"], row["span"], row["reading"]) for row in ROWS]
    wanted = [("since", claim) for claim in CLAIMS if claim.speaks_of_future]
    wanted += [("when_written", claim) for claim in CLAIMS if claim.date]
    assert {(claim.id, span, reading["name"]) for span, claim in wanted for reading in claim.readings} <= set(worked)
    assert len(worked) == len(set(worked))


@each_row
def test_an_answer_follows_from_its_working(row):
    for value, working in (("measured", "working"), ("margin", "margin_working")):
        assert bool(row[value]) == bool(row[working])
        if row[working]:
            again = eval(row[working], {"__builtins__": {}, "ln": math.log, "median": lambda *values: median(values)})
            assert again == pytest.approx(float(row[value]), rel=1e-9, abs=1e-13)


@each_row
def test_a_reading_measures_in_its_span_what_was_worked_by_hand(found, row):
    reading = found(row)
    assert reading.measurement.value == close_to(row["measured"])
    assert reading.holds is {"True": True, "False": False, "": None}[row["holds"]]
    assert reading.margin == close_to(row["margin"])
    assert row["missing"] in "; ".join(reading.measurement.missing)


@each_row
def test_a_reading_states_the_first_and_the_last_of_its_span(found, row):
    measurement = found(row).measurement
    assert (measurement.quarter or "") == row["last"]
    if row["first"] and measurement.value is not None:
        assert (measurement.first or measurement.quarter) == row["first"]


@each_row
def test_a_verdict_in_a_span_is_the_one_derived_by_hand(findings, row):
    finding = findings[row["id"]]
    judgement = {"since": finding.judgement_since, "when_written": finding.judgement_when_written}[row["span"]]
    assert (judgement.verdict, judgement.date) == (row["verdict"], row["date"])


def test_when_written_is_the_ledger_of_the_claim_s_own_date(findings, archive):
    for claim in CLAIMS:
        day = f"{claim.written(load_thesis()):%Y-%m-%d}"
        then = next(one for one in known_at(archive, as_of_moment(day)) if one.claim.id == claim.id)
        finding = findings[claim.id]
        assert (finding.written_on, finding.when_written.measured) == (day, then.measured)


def test_only_a_claim_on_the_future_is_judged_on_what_came_since(findings):
    assert {name for name, finding in findings.items() if finding.since} == {c.id for c in CLAIMS if c.speaks_of_future}
    assert {"multiplier", "leaders-named", "capex-rising"} <= {c.id for c in CLAIMS if c.speaks_of_future}
    assert not {"ratio-end", "tokens-google", "news-week"} & {c.id for c in CLAIMS if c.speaks_of_future}


def test_the_multiplier_s_links_swapped_after_the_report(findings):
    finding = findings["multiplier"]
    shares = [span.main.details.share_by_part for span in (finding.when_written, finding.since)]
    assert shares == [
        {"chips_over_capex": 4 / 4, "interconnect_over_chips": 0 / 4},
        {"chips_over_capex": 0 / 4, "interconnect_over_chips": 4 / 4},
    ]


def test_a_claim_that_measures_what_a_holder_earned_speaks_of_the_future_where_its_row_says_nothing():
    claim = next(claim for claim in CLAIMS if claim.id == "leaders-named")
    assert claim.model_copy(update={"future": None}).speaks_of_future
    assert not claim.model_copy(update={"future": False}).speaks_of_future
    assert not next(claim for claim in CLAIMS if claim.id == "ratio-end").speaks_of_future


# --- nothing is used before its moment -------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2024-11-30", "2025-07-23", "2025-07-24"])
def test_as_of_a_day_before_it_was_written_a_claim_is_judged_as_of_that_day(archive, day):
    for finding in judged(archive, as_of_moment(day)):
        assert finding.written_on <= day
        cited = (fact for span in (finding.when_written, finding.since) if span for fact in span.inputs)
        assert all(fact.known_at <= as_of_moment(day) for fact in cited)
        assert finding.since is None or finding.since.verdict == "not testable"


def test_what_became_known_after_its_date_moves_nothing_of_when_it_was_written(archive, findings):
    rows = archive.facts.rows.copy()
    later = rows["known_at"] > as_of_moment("2025-07-24")
    rows.loc[later, "value"] *= 1.9
    prices = archive.prices
    past = pd.Timestamp("2025-07-24")
    wealth = prices.wealth.copy()
    wealth.loc[wealth.index > past] *= 1.9
    volume = prices.volume.copy()
    volume.loc[volume.index > past] = 1.0
    changed = replace(prices, wealth=wealth, volume=volume)
    for finding in judged(Archive(replace(archive.facts, rows=rows), changed), as_of_moment(KNOWN_ON)):
        assert finding.when_written.measured == findings[finding.claim.id].when_written.measured


def test_a_planted_look_ahead_is_seen(archive, findings):
    """A ledger that took today's panel for the one of the claim's date would give other measurements."""
    today = {finding.claim.id: finding.measured for finding in known_at(archive, as_of_moment(KNOWN_ON))}
    moved = [name for name, finding in findings.items() if finding.when_written.measured != today[name]]
    assert {"capex-rising", "multiplier", "gpu-asic", "excess-growth"} <= set(moved)


def test_the_span_since_begins_after_the_newest_quarter_known_when_written_and_cites_what_says_so(archive):
    rows = archive.facts.rows
    first = (rows["entity"] == "AMZN") & (rows["metric"] == "purchases_ppe") & (rows["quarter"] == 2025 * 4)  # of 25Q1
    without = Archive(replace(archive.facts, rows=rows[~first].reset_index(drop=True)), archive.prices)
    named = [
        next(one for one in judged(each, as_of_moment(KNOWN_ON)) if one.claim.id == "capex-rising") for each in (archive, without)
    ]
    whole, less = (finding.since.measured[1] for finding in named)  # over the year before, which needs no figure of 25Q1
    assert (whole.first, less.quarter, less.value) == ("2025Q2", "2025Q1", None)
    assert any((fact.entity, fact.quarter) == ("AMZN", 2025 * 4) for fact in whole.inputs)


def test_where_no_quarter_was_known_when_written_the_span_since_begins_after_the_last_that_was_over(archive):
    rows = archive.facts.rows
    capex = rows["metric"].eq("purchases_ppe") & (rows["known_at"] <= as_of_moment("2025-07-23"))
    without = Archive(replace(archive.facts, rows=rows[~capex].reset_index(drop=True)), archive.prices)
    finding = next(one for one in judged(without, as_of_moment(KNOWN_ON)) if one.claim.id == "capex-rising")
    assert finding.when_written.measured[0].known is None
    assert (finding.since.measured[0].first, finding.since.measured[0].quarter) == ("2025Q3", "2026Q1")


def test_every_measure_of_something_in_time_states_its_span(findings):
    for finding in findings.values():
        for judged_in in (finding, finding.when_written, finding.since):
            for measurement in judged_in.measured if judged_in else ():
                assert measurement.value is None or re.match(r"\d{4}(Q[1-4]|-\d\d)", measurement.span)


def test_a_span_names_the_first_three_series_that_end_it():
    measured = Measurement(1.0, "2026Q1", first="2024Q1", held_back=("a x", "b x", "c x", "d x", "e x"))
    assert measured.span == "2024Q1 to 2026Q1, where a x, b x, c x and 2 more end"
    assert Measurement(1.0, "2026Q1", held_back=("a x",)).span == "2026Q1, where a x ends"
    assert (Measurement(1.0).span, Measurement(1.0, "2026Q1", first="2026Q1").span) == (None, "2026Q1")


# --- text ------------------------------------------------------------------------------------------------------------


def test_the_document_has_both_spans_of_every_claim_and_reading(findings):
    rows = {row["id"]: row for row in claim_rows(list(findings.values()))}
    for claim in CLAIMS:
        row = rows[claim.id]
        assert set(row["when_written"]) == {"verdict", "measured", "date", "span", "margin", "holds"}
        assert (row["since"] is None) == (not claim.speaks_of_future) == (not row["future"])
        for reading in row["readings"]:
            assert set(reading["when_written"]) == {"measured", "holds", "span", "margin", "missing"}
            assert (reading["since"] is None) == (row["since"] is None)
        assert row["alternatives"] == row["readings"][1:]


def test_a_judgement_is_said_with_figure_span_margin_and_what_it_holds_for():
    judgement = Judgement("confirmed under one reading", 0.25, "2025-07-23", "2024Q4", -0.01, ("one", "two", "three"))
    assert verdict_text(judgement) == "confirmed under one reading (and 2 more); main reading: 0.250 (2024Q4; margin −0.0100)"
    assert verdict_text(replace(judgement, verdict="not testable", measured=None)) == "not testable"
    assert verdict_text(None) == "—"
    against = replace(judgement, verdict="contradicted", holds=())
    assert verdict_text(against, "another unit") == "contradicted: 0.250 (2024Q4; margin −0.0100); explained: another unit"


def test_the_terminal_names_the_closes_that_a_reading_rests_on(findings):
    text = " ".join(claim_lines(claim_rows([findings["news-week"], findings["news-six-months"]]), KNOWN_ON, Screen(1000)).split())
    assert "close of 2025-07-24 over that of 2025-07-17 (0.591 on 2025-07-17, 0.596 on 2025-07-24)" in text
    assert "(0.542 on 2025-01-23, 0.591 on 2025-07-23)" in text


def test_an_idea_that_speaks_of_no_future_has_nothing_since(archive):
    past = [claim for claim in CLAIMS if not claim.speaks_of_future]
    alone = Archive(archive.facts, archive.prices)
    once(alone, "claims", None, lambda: past)
    text = claim_lines(claim_rows(judged(alone, as_of_moment(KNOWN_ON))), KNOWN_ON, Screen())
    assert "when written, 2025-07-23: confirmed" in text
    assert not re.search("since:|; since |since the report", text)


def test_every_verdict_row_has_the_verdicts_of_its_finding(findings):
    for row, finding in zip(verdict_rows(findings.values()), findings.values(), strict=True):
        assert row.when_written.startswith(finding.when_written.verdict)
        assert row.since.startswith(finding.since.verdict if finding.since else "—")
