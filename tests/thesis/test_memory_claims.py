"""The claims of the memory thesis against answers worked by hand, on its date and with all that is embedded."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from backtest.__main__ import main
from backtest.calendars import as_of_moment
from backtest.claims.ledger import judged, ledger, load_claims
from backtest.data.archive import load_archive
from backtest.signals import load_signals, readings
from backtest.thesis import load_thesis

ANSWERS = Path(__file__).parents[1] / "answers"
SHARED = Path(__file__).parents[3] / "shared" / "theses" / "memory" / "claims.csv"
WRITTEN, LATEST = DAYS = ("2026-02-06", "2026-10-06")


def answers(name):
    return list(csv.DictReader((ANSWERS / name).read_text(encoding="utf-8").splitlines()))


CLAIMS, SIGNALS = answers("memory_claims.csv"), answers("memory_signals.csv")
# Verdicts of the others: not testable on both days.
VERDICTS = {
    "outgrow": ("confirmed under one reading", "confirmed under one reading"),
    "ddr5-1q26": ("not testable", "contradicted"),
    "hbm-per-chip": ("confirmed", "confirmed"),
    "mi400": ("confirmed", "confirmed"),
    "samsung-first": ("not testable", "contradicted"),
}


@pytest.fixture(scope="module")
def memory():
    return load_thesis("memory")


@pytest.fixture(scope="module")
def archive(memory):
    return load_archive(list(memory.universe.market_and_currency()), thesis=memory)


@pytest.fixture(scope="module")
def findings(archive):
    return {day: {finding.claim.id: finding for finding in ledger(panel(archive, day))} for day in DAYS}


def panel(archive, day):
    return archive.as_of(pd.Timestamp(f"{day}T23:59:59Z"))


def named(row):
    return f"{row['as_of']} {row['id']}: {row['reading']}"


@pytest.mark.parametrize("row", [row for row in (*CLAIMS, *SIGNALS) if row["working"]], ids=lambda row: row["working"][:40])
def test_an_answer_follows_from_its_working(row):
    worked = eval(row["working"], {"__builtins__": {}})
    assert worked == pytest.approx(float(row.get("measured") or row["value"]), rel=1e-12)


@pytest.mark.parametrize("row", CLAIMS, ids=named)
def test_a_reading_measures_what_was_worked_by_hand(findings, row):
    finding = findings[row["as_of"]][row["id"]]
    (own,) = (reading for reading in finding.readings if reading.name == row["reading"])
    wanted = pytest.approx(float(row["measured"]), rel=1e-9) if row["measured"] else None
    assert own.measurement.value == wanted
    assert own.holds is {"True": True, "False": False, "": None}[row["holds"]]
    assert (own.measurement.quarter or "").startswith(row["quarter"])
    assert set(own.measurement.missing) == {*row["missing"].split("; ")} - {""}
    assert len(own.measurement.inputs) == int(row["inputs"])


def test_every_reading_is_worked_by_hand_on_both_days(memory):
    stated = [(claim.id, reading["name"]) for claim in load_claims(memory) for reading in claim.readings]
    for day in DAYS:
        assert [(row["id"], row["reading"]) for row in CLAIMS if row["as_of"] == day] == stated


@pytest.mark.parametrize("day", DAYS)
def test_every_claim_has_the_verdict_that_its_answers_lead_to(findings, day):
    expected = {name: VERDICTS.get(name, ("not testable",) * 2)[DAYS.index(day)] for name in findings[day]}
    assert {name: finding.verdict for name, finding in findings[day].items()} == expected


@pytest.mark.parametrize(
    ("claim", "words", "ratio"),
    [("share-2023", "four clouds' CapEx", 0.110), ("share-2024", "four clouds' CapEx", 0.127),
     ("share-2026", "CapEx in 2025", 0.113), ("share-2026", "first half of 2026", 0.222)],
)  # fmt: skip
def test_micron_s_revenue_over_four_clouds_capex_is_that_of_the_year(findings, claim, words, ratio):
    own = [
        reading for reading in findings[LATEST][claim].readings if "Micron's revenue" in reading.name and words in reading.name
    ]
    assert [round(reading.measurement.value, 3) for reading in own] == [ratio]


def test_what_came_since_the_report_is_counted_apart_by_hand(archive):
    """Quarters after 2025Q4, the newest whose CapEx was known on its date: growth over four quarters, as a factor."""
    since = {finding.claim.id: finding.since for finding in judged(archive, as_of_moment(LATEST)) if finding.since}
    # 26Q1: CapEx 1.805; MU 2.963, SK hynix 2.981 (in USD 2.954), SNDK 3.510, STX 1.441, WDC 1.455, 603986 2.194, 301308 2.328
    # 26Q2: CapEx 1.870; MU 4.457, SK hynix 3.568 (in USD 3.324), SNDK 4.716, STX 1.485, WDC 1.438
    assert [one.value for one in since["outgrow"].measured] == [4 / 4, pytest.approx(8 / 12), 4 / 4, 2 / 2]
    assert since["outgrow"].main.span == "2026Q1 to 2026Q2"
    assert {name: since[name].verdict for name in ("outgrow", "ddr5-1q26", "samsung-first", "share-2027")} == {
        "outgrow": "confirmed", "ddr5-1q26": "contradicted", "samsung-first": "contradicted", "share-2027": "not testable",
    }  # fmt: skip
    assert not since.keys() & {"share-2023", "hbm-per-chip", "mi400", "hbm-wafers"}


def printed(capsys, *more):
    with pytest.raises(SystemExit) as end:
        main(["claims", "--thesis", "memory", "--as-of", LATEST, *more])
    assert not end.value.code
    return capsys.readouterr().out


def test_the_command_prints_every_claim_with_its_verdict_and_its_proxies_as_not_judged(capsys):
    rows = {row["id"]: row for row in json.loads(printed(capsys, "--json"))}
    assert len(rows) == 24
    assert [row["verdict"] for row in rows.values()].count("not testable") == 19
    direct, proxy, *_ = rows["share-2023"]["readings"]
    assert (direct["measured"], direct["missing"]) == (None, ["spending on memory, which no cloud publishes"])
    assert (round(proxy["measured"], 3), proxy["judged"]) == (0.11, False)


def test_the_command_says_of_a_proxy_that_it_is_not_judged(capsys):
    assert "0.110  not judged  proxy: Micron's revenue over four clouds' CapEx" in printed(capsys)


def test_a_maker_outgrew_capex_in_as_many_quarters_as_counted_by_hand(findings):
    shares = findings[LATEST]["outgrow"].readings[1].measurement.details.share_by_part
    assert shares == {
        "MU": 6 / 10, "000660.KS": 7 / 10, "SNDK": 2 / 6, "STX": 0.0, "WDC": 2 / 8, "603986.SS": 1 / 9, "301308.SZ": 3 / 9,
    }  # fmt: skip


def test_the_claims_have_the_figures_and_tolerances_they_were_read_with(memory):
    if not SHARED.exists():
        pytest.skip("no claims to compare with")
    stated = list(csv.DictReader(SHARED.read_text(encoding="utf-8").splitlines()))
    own = load_claims(memory)
    assert [claim.id for claim in own] == [row["id"] for row in stated]
    assert [claim.reported for claim in own] == [float(row["reported"]) if row["reported"] else None for row in stated]
    assert [claim.tolerance for claim in own] == [float(row["tolerance"] or 0) for row in stated]
    assert not {claim.sentence for claim in own} & {row["sentence"] for row in stated}


def test_a_proxy_is_shown_and_never_judged_and_what_is_undisclosed_says_what_a_test_would_need(memory):
    for claim in load_claims(memory):
        for reading in claim.readings:
            assert reading["name"].startswith("proxy: ") == (not reading.get("judged", True) and claim.id not in SAME_KIND)
            assert (reading["measure"] == "undisclosed") == bool(reading.get("lacks"))


SAME_KIND = ("outgrow", "samsung-first")  # their readings that are not judged measure what the claim speaks of, of fewer names


@pytest.mark.parametrize("row", SIGNALS, ids=lambda row: f"{row['signal']} {row['quarter']} as of {row['as_of']}")
def test_a_signal_of_a_quarter_is_the_one_worked_by_hand(archive, memory, row):
    known = readings(load_signals(memory)[row["signal"]], panel(archive, row["as_of"]))
    assert known[row["quarter"]].value == pytest.approx(float(row["value"]), rel=1e-9)


@pytest.mark.parametrize("day", ["2025-12-31", "2026-08-31"])
@pytest.mark.parametrize("signal", ["maker_share", "maker_excess"])
def test_a_signal_has_a_value_for_exactly_the_quarters_whose_figures_are_known(archive, memory, signal, day):
    known = readings(load_signals(memory)[signal], panel(archive, day))
    assert list(known) == [row["quarter"] for row in SIGNALS if (row["signal"], row["as_of"]) == (signal, day)]
