"""The SEC's answers as quarters: the real ones in place, and payloads of our own for each known trap."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError
from source_server import company_facts, submissions

from backtest.data.sources import reference, sec
from backtest.errors import ConfigurationError, DataError

REAL = Path(__file__).parent.parent.parent.parent / "shared" / "payloads" / "sec"
TAG = "PaymentsToAcquirePropertyPlantAndEquipment"
NO_FILINGS = {"filings": {"recent": {name: [] for name in (
    "accessionNumber", "form", "filingDate", "acceptanceDateTime", "items", "reportDate")}, "files": []}}  # fmt: skip


def series(**changes):
    row = {
        "entity": "ZZZ", "cik": 7, "metric": "purchases_ppe", "tag": TAG, "since": "2023-01-01", "fiscal_year_ends": 12,
        "with_cash_flow": True, "source": "made up",
    }  # fmt: skip
    return sec.TaggedSeries(**row | changes)


def stated(start, end, million, accn, filed, form="10-Q"):
    return {"start": start, "end": end, "val": million * 1_000_000, "accn": accn, "filed": filed, "form": form, "fy": 0, "fp": ""}


YEAR = [
    stated("2023-01-01", "2023-03-31", 100, "a1", "2023-04-27"),
    stated("2023-01-01", "2023-06-30", 230, "a2", "2023-07-27"),
    stated("2023-01-01", "2023-09-30", 390, "a3", "2023-10-26"),
    stated("2023-01-01", "2023-12-31", 600, "a4", "2024-02-01", "10-K"),
]


def parsed(rows, filings=None, **changes):
    one = series(**changes)
    facts = {"cik": 7, "facts": {"us-gaap": {TAG: {"units": {"USD": rows}}}}}
    found, refused = sec.parse(json.dumps(facts).encode(), [json.dumps(filings or NO_FILINGS).encode()], [one])
    return found, refused


def filings_of(*rows):
    names = ("accessionNumber", "form", "filingDate", "acceptanceDateTime", "items", "reportDate")
    columns = {name: [row[number] for row in rows] for number, name in enumerate(names)}
    return {"filings": {"recent": columns, "files": []}}


@pytest.mark.parametrize("entity", ["GOOGL", "META"])
def test_the_real_answers_give_the_embedded_quarters_to_the_million(entity):
    file = REAL / f"{entity.lower()}_companyfacts_trimmed.json"
    if not file.exists():
        pytest.skip(f"no {file.name} in ../shared/payloads/sec")
    own = [one for one in sec.load_series() if one.entity == entity]
    rows, refused = sec.parse(file.read_bytes(), [json.dumps(NO_FILINGS).encode()], own)
    embedded = reference.load_facts().rows
    embedded = embedded[(embedded["entity"] == entity) & (embedded["metric"] == "purchases_ppe")].set_index("period")["value"]
    assert refused == []
    assert len(rows) == {"GOOGL": 14, "META": 13}[entity]
    assert rows.set_index("period")["value"].to_dict() == {period: embedded[period] for period in rows["period"]}


@pytest.mark.parametrize("entity", ["AMZN", "GOOGL", "META", "MSFT", "ORCL"])
def test_year_to_date_figures_give_the_embedded_quarters_of_every_cloud(entity):
    own = [one for one in sec.load_series() if one.entity == entity]
    facts, pages = json.dumps(company_facts(entity)).encode(), [json.dumps(submissions(entity)).encode()]
    rows, refused = sec.parse(facts, pages, own)
    embedded = reference.load_facts().rows
    embedded = embedded[(embedded["entity"] == entity) & (embedded["metric"] == "purchases_ppe")].set_index("period")
    assert refused == []
    assert rows.set_index("period")["value"].to_dict() == {period: embedded["value"][period] for period in rows["period"]}
    assert (rows.set_index("period")["known_at"] <= embedded["known_at"].reindex(rows["period"])).all()


def test_a_nine_month_figure_is_the_third_quarter_only_after_the_half_year_is_taken_off():
    rows, _ = parsed(YEAR)
    assert rows["value"].tolist() == [100, 130, 160, 210]
    assert rows["period"].tolist() == ["FY2023Q1", "FY2023Q2", "FY2023Q3", "FY2023Q4"]
    assert rows["evidence"].tolist() == ["reported", "derived", "derived", "derived"]
    assert "2023-01-01 to 2023-09-30 390 (a3) less 2023-01-01 to 2023-06-30 230 (a2)" in rows["note"][2]


def test_a_nine_month_figure_without_its_half_year_is_refused():
    rows, refused = parsed([YEAR[0], YEAR[2]])
    assert rows["period"].tolist() == ["FY2023Q1"]
    assert refused == ["sec ZZZ purchases_ppe: 273 days to 2023-09-30 have no span to subtract"]


def test_a_year_without_its_nine_months_is_refused_and_not_a_fourth_quarter():
    rows, refused = parsed([*YEAR[:2], YEAR[3]])
    assert rows["period"].tolist() == ["FY2023Q1", "FY2023Q2"]
    assert "365 days to 2023-12-31 have no span to subtract" in refused[0]


def test_twelve_months_that_are_no_fiscal_year_are_no_quarter():
    trailing = stated("2022-04-01", "2023-03-31", 900, "a1", "2023-04-27")
    rows, _ = parsed([YEAR[0], trailing])
    assert rows["value"].tolist() == [100]


@pytest.mark.parametrize(("start", "end", "gaps"), [("2023-04-20", "2023-07-19", 0), ("2023-04-21", "2023-07-20", 1)])
def test_quarters_that_end_more_than_a_hundred_and_ten_days_apart_have_a_gap(start, end, gaps):
    """From 31 March to 19 July are 110 days."""
    _, refused = parsed([YEAR[0], stated(start, end, 130, "a2", "2023-07-27")])
    assert refused == ["sec ZZZ purchases_ppe: no quarter between 2023-03-31 and 2023-07-20"][:gaps]


def test_a_quarter_stated_as_such_needs_no_difference():
    rows, _ = parsed([*YEAR[:2], stated("2023-04-01", "2023-06-30", 130, "a2", "2023-07-27")])
    assert rows["evidence"].tolist() == ["reported", "reported"]


def test_a_figure_counts_from_the_earliest_filing_that_states_it():
    repeated = stated("2023-01-01", "2023-03-31", 100, "b1", "2024-04-25")
    rows, _ = parsed([repeated, YEAR[0]])
    assert len(rows) == 1
    assert rows["known_at"][0] == pd.Timestamp("2023-04-28", tz="UTC")


def test_a_changed_figure_is_a_new_row_known_from_the_filing_that_changed_it():
    rows, _ = parsed([YEAR[0], stated("2023-01-01", "2023-03-31", 104, "b1", "2024-04-25")])
    assert rows["value"].tolist() == [100, 104]
    assert rows["known_at"].tolist() == [pd.Timestamp("2023-04-28", tz="UTC"), pd.Timestamp("2024-04-26", tz="UTC")]


def test_a_difference_of_a_restated_and_an_old_figure_is_refused():
    rows, refused = parsed([*YEAR, stated("2023-01-01", "2023-12-31", 640, "b4", "2025-02-01", "10-K")])
    assert rows["value"].tolist() == [100, 130, 160, 210]
    assert "2023-01-01 to 2023-12-31 is restated as 640 in b4, its other operand is not" in refused[0]


def test_a_company_that_restates_by_another_measure_keeps_its_first_statements():
    again = stated("2023-01-01", "2023-03-31", 90, "b1", "2024-04-25")
    rows, refused = parsed([*YEAR, again], restated_otherwise="net of proceeds")
    assert (rows["value"].tolist(), refused) == ([100, 130, 160, 210], [])


def test_a_year_to_date_that_falls_is_refused_with_both_operands():
    rows, refused = parsed([YEAR[0], stated("2023-01-01", "2023-06-30", 90, "a2", "2023-07-27")])
    assert rows["value"].tolist() == [100]
    assert refused == [
        "sec ZZZ purchases_ppe: the quarter to 2023-06-30 is -10 (derived: 2023-01-01 to 2023-06-30 90 (a2) less "
        "2023-01-01 to 2023-03-31 100 (a1)); expected more than 0"
    ]


@pytest.mark.parametrize("million", [0, -5])
def test_a_stated_quarter_that_is_not_above_0_is_refused(million):
    rows, refused = parsed([*YEAR[:2], stated("2023-07-01", "2023-09-30", million, "a3", "2023-10-26")])
    assert rows["value"].tolist() == [100, 130]
    assert refused == [
        f"sec ZZZ purchases_ppe: the quarter to 2023-09-30 is {million} (stated for the quarter in a3); expected more than 0"
    ]


@pytest.mark.parametrize(("end", "days"), [("2023-04-22", 112), ("2023-03-15", 74), ("2023-07-15", 196)])
def test_a_span_that_is_no_number_of_quarters_is_named(end, days):
    _, refused = parsed([stated("2023-01-01", end, 100, "a1", "2023-12-27"), *YEAR])
    assert refused == [f"sec ZZZ purchases_ppe: {days} days from 2023-01-01 to {end} are no quarter nor a sum of them"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"val": None}, "row 2: val is None"), ({"val": "2300"}, "row 2: val is '2300'"), ({"val": True}, "row 2: val is True"),
        ({"val": float("inf")}, "row 2: val is inf"), ({"end": "2023-06-31"}, "row 2: end is '2023-06-31'"),
        ({"start": 20230101}, "row 2: start is 20230101"), ({"accn": None}, "row 2: accn is None"),
        ({"filed": "2023-05-30"}, "row 2: 2023-01-01 to 2023-06-30, filed 2023-05-30; expected a span, and a filing after"),
        ({"start": "2023-07-30"}, "row 2: 2023-07-30 to 2023-06-30, filed 2023-07-27; expected a span"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_used(change, words):
    if change.get("val") == float("inf"):
        change = {"val": 1e999}
    known = sec.parse_values(
        json.dumps({"cik": 7, "facts": {"us-gaap": {TAG: {"units": {"USD": [YEAR[0], YEAR[1] | change]}}}}})
        .replace("Infinity", "1e999").encode(), series(), sec.parse_submissions([json.dumps(NO_FILINGS).encode()], "ZZZ"),
    )  # fmt: skip
    assert [one.value for one in known[0]] == [100]
    assert known[1] == [f"{TAG} {words}"] or words in known[1][0]


def test_a_row_without_a_value_is_named():
    second = {name: value for name, value in YEAR[1].items() if name != "val"}
    assert parsed([YEAR[0], second])[1] == [f"sec ZZZ purchases_ppe: {TAG} row 2: no val"]


RELEASED = (
    ("a1", "10-Q", "2023-04-28", "2023-04-28T12:00:00.000Z", "", ""),
    ("r1", "8-K", "2023-04-27", "2023-04-27T12:00:00.000Z", "2.02,9.01", ""),
)


@pytest.mark.parametrize("form", ["10-Q/A", "10-Q"])
def test_a_filing_that_changes_a_released_figure_counts_from_its_own_acceptance(form):
    filings = filings_of(*RELEASED, ("b1", form, "2023-05-18", "2023-05-18T12:00:00.000Z", "", ""))
    rows, refused = parsed([YEAR[0], stated("2023-01-01", "2023-03-31", 104, "b1", "2023-05-18", form)], filings)
    assert refused == []
    assert rows["value"].tolist() == [100, 104]
    assert rows["known_at"].tolist() == [pd.Timestamp("2023-04-27T16:00Z"), pd.Timestamp("2023-05-18T16:00Z")]


def test_an_amendment_of_the_same_moment_is_the_figure():
    rows, _ = parsed([YEAR[0], stated("2023-01-01", "2023-03-31", 104, "a0", "2023-04-27", "10-Q/A")])
    assert rows["value"].tolist() == [104]


def test_two_values_of_one_filing_are_refused_with_both():
    rows, refused = parsed([*YEAR[:2], stated("2023-01-01", "2023-06-30", 240, "a2", "2023-07-27")])
    assert rows["value"].tolist() == [100]
    assert "2023-01-01 to 2023-06-30 230 (a2) is also 2023-01-01 to 2023-06-30 240 (a2), both known" in refused[0]


def test_a_quarter_is_less_the_half_year_that_was_in_force_when_it_was_filed():
    amended = stated("2023-01-01", "2023-06-30", 235, "b2", "2023-08-20", "10-Q/A")
    rows, refused = parsed([*YEAR[:3], amended])
    assert rows["value"].tolist() == [100, 130, 155]
    assert refused == ["sec ZZZ purchases_ppe: 2023-01-01 to 2023-06-30 is restated as 235 in b2, its other operand is not"]


def test_two_operands_restated_in_one_filing_give_a_new_difference():
    spans = [("2023-03-31", 102), ("2023-06-30", 235), ("2023-09-30", 400)]
    rows, refused = parsed([*YEAR[:3], *(stated("2023-01-01", end, value, "b3", "2023-11-20", "10-Q/A") for end, value in spans)])
    assert rows.groupby("period")["value"].agg(list).to_dict() == {
        "FY2023Q1": [100, 102],
        "FY2023Q2": [130, 133],
        "FY2023Q3": [160, 165],
    }
    assert refused == []


def test_the_release_counts_where_it_holds_the_cash_flow_statement():
    filings = filings_of(
        ("a1", "10-Q", "2023-04-27", "2023-04-27T12:00:00.000Z", "", ""),
        ("r1", "8-K", "2023-04-25", "2023-04-25T20:05:11.000Z", "2.02,9.01", ""),
        ("n1", "8-K", "2023-04-20", "2023-04-20T20:05:11.000Z", "5.02", ""),
    )
    assert parsed(YEAR[:1], filings)[0]["known_at"][0] == pd.Timestamp("2023-04-26", tz="UTC")
    later = parsed(YEAR[:1], filings, with_cash_flow=False)[0]["known_at"][0]
    assert later == pd.Timestamp("2023-04-27T16:00Z")


def test_a_release_before_the_period_ended_or_of_a_quarter_before_does_not_count():
    filings = filings_of(
        ("a1", "10-Q", "2023-04-27", "2023-04-27T12:00:00.000Z", "", ""),
        ("r0", "8-K", "2023-02-02", "2023-02-02T21:05:11.000Z", "2.02", ""),
    )
    assert parsed(YEAR[:1], filings)[0]["known_at"][0] == pd.Timestamp("2023-04-27T16:00Z")


@pytest.mark.parametrize(("release", "known"), [("2023-04-25", "2023-05-26"), ("2023-04-26", "2023-04-27")])
def test_a_release_counts_for_a_filing_less_than_thirty_days_after_it(release, known):
    """Without a stamp either counts from the midnight that ends its day; 26 May is thirty days after 26 April."""
    filings = filings_of(("a1", "10-Q", "2023-05-25", "", "", ""), ("r1", "8-K", release, "", "2.02", ""))
    rows, _ = parsed([stated("2023-01-01", "2023-03-31", 100, "a1", "2023-05-25")], filings)
    assert rows["known_at"][0] == pd.Timestamp(known, tz="UTC")


@pytest.mark.parametrize(
    ("stamp", "filed", "moment"),
    [
        ("2025-04-30T11:30:32.000Z", "2025-04-30", "2025-04-30T15:31Z"),  # 11:30 in New York, whatever the Z says
        ("2025-05-01T16:21:59.000Z", "2025-05-01", "2025-05-01T20:22Z"),  # after the close: read as UTC it would be before
        ("2025-05-01T20:21:59.000Z", "2025-05-01", "2025-05-02T00:00Z"),  # never later than the end of its filing date
        ("", "2025-05-01", "2025-05-02T00:00Z"),
    ],
)
def test_a_stamp_is_read_late_rather_than_early(stamp, filed, moment):
    assert sec.accepted_at(stamp, filed) == pd.Timestamp(moment)


@pytest.mark.parametrize(
    ("end", "last_month", "period"),
    [
        ("2024-09-30", 6, "FY2025Q1"), ("2025-06-30", 6, "FY2025Q4"), ("2026-08-31", 5, "FY2027Q1"),
        ("2024-02-29", 5, "FY2024Q3"), ("2024-12-31", 12, "FY2024Q4"), ("2022-05-01", 1, "FY2023Q1"),
    ],
)  # fmt: skip
def test_a_fiscal_period_is_named_as_the_company_names_it(end, last_month, period):
    assert sec.fiscal_period(pd.Timestamp(end), last_month) == period


@pytest.mark.parametrize(("end", "period"), [("2024-07-10", "FY2024Q4"), ("2024-07-11", "FY2025Q1")])
def test_a_period_that_ends_by_the_tenth_of_a_month_is_one_of_the_month_before(end, period):
    assert sec.fiscal_period(pd.Timestamp(end), 6) == period


def test_a_wrong_tag_and_another_company_are_refused():
    with pytest.raises(DataError, match=r"sec ZZZ: no 'Other' in the company facts; expected facts.us-gaap.Other.units.USD"):
        parsed(YEAR, tag="Other")
    with pytest.raises(DataError, match=r"sec ZZZ: the company is 7; expected 8"):
        parsed(YEAR, cik=8)


@pytest.mark.parametrize("agent", ["张三 zhang@example.org", "José j@example.org", "A\nB a@example.org", "A\tb a@example.org"])
def test_a_name_that_cannot_be_sent_is_refused_in_one_line(agent, monkeypatch):
    monkeypatch.setenv("BACKTEST_SEC_USER_AGENT", agent)
    with pytest.raises(
        ConfigurationError, match=r"^sec: BACKTEST_SEC_USER_AGENT is '[^\n]*'; expected a name and a mail address in Latin"
    ):
        sec.SOURCE.origin.user_agent()


def test_the_sec_wants_a_name_and_an_address(monkeypatch):
    monkeypatch.setenv("BACKTEST_SEC_USER_AGENT", "curl")
    with pytest.raises(ConfigurationError, match="BACKTEST_SEC_USER_AGENT is not set"):
        sec.SOURCE.origin.user_agent()


@pytest.mark.parametrize(("month", "taken"), [(0, False), (1, True), (12, True), (13, False)])
def test_a_fiscal_year_ends_in_any_month_of_a_year(month, taken):
    if taken:
        assert series(fiscal_year_ends=month).fiscal_year_ends == month
    else:
        with pytest.raises(ValidationError, match="fiscal_year_ends"):
            series(fiscal_year_ends=month)
