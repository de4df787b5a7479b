import json

import pandas as pd
import pytest
from source_server import reports

from backtest.data.sources import eastmoney, reference
from backtest.errors import DataError


def report(end, total, notice, update=None, **changes):
    day = {"REPORTDATE": f"{end} 00:00:00", "NOTICE_DATE": f"{notice} 00:00:00", "UPDATE_DATE": f"{update or notice} 00:00:00"}
    return {"SECURITY_CODE": "300308", **day, "TOTAL_OPERATE_INCOME": total, **changes}


def page(rows):
    return json.dumps({"success": True, "result": {"pages": 1, "data": rows}}).encode()


def parsed(*rows):
    return eastmoney.parse([page(list(rows))], "300308.SZ")


YEAR = [
    report("2024-03-31", 4.8e9, "2024-04-22"), report("2024-06-30", 10.8e9, "2024-08-26"),
    report("2024-09-30", 17.3e9, "2024-10-24"), report("2024-12-31", 23.9e9, "2025-04-21"),
]  # fmt: skip


def test_figures_since_the_start_of_a_year_become_quarters_with_their_operands():
    rows, refused = parsed(*YEAR)
    assert rows["value"].tolist() == pytest.approx([4800, 6000, 6500, 6600])
    assert rows["period"].tolist() == ["2024Q1", "2024Q2", "2024Q3", "2024Q4"]
    assert rows["note"][1] == "TOTAL_OPERATE_INCOME; derived: 10800.00 less 4800.00 since the start of 2024"
    assert refused == []


def test_a_quarter_counts_from_the_midnight_that_ends_its_notice_date():
    rows, _ = parsed(*YEAR)
    assert rows["known_at"][0] == pd.Timestamp("2024-04-23", tz="UTC")


def test_a_report_updated_after_its_notice_counts_from_the_update_and_so_does_the_quarter_after_it():
    rows, _ = parsed(report("2024-03-31", 4.8e9, "2024-04-22", "2024-09-02"), *YEAR[1:])
    assert rows["known_at"][:3].tolist() == [
        pd.Timestamp("2024-09-03", tz="UTC"), pd.Timestamp("2024-09-03", tz="UTC"), pd.Timestamp("2024-10-25", tz="UTC"),
    ]  # fmt: skip


def test_a_quarter_without_the_report_before_is_refused():
    rows, refused = parsed(YEAR[0], YEAR[2])
    assert rows["period"].tolist() == ["2024Q1"]
    assert refused == ["eastmoney 300308.SZ: 2024-09-30 has no report a quarter before to subtract"]


def test_revenue_that_falls_within_a_year_is_refused():
    _, refused = parsed(YEAR[0], report("2024-06-30", 4.1e9, "2024-08-26"))
    assert "revenue to 2024-06-30 is 4100.00 less 4800.00 since the start of 2024, or -700.00" in refused[0]


@pytest.mark.parametrize("code", ["300308", "300502", "002463", "601138"])
def test_the_embedded_quarters_come_back_from_figures_since_the_start_of_the_year(code):
    embedded = reference.load_facts().rows
    embedded = embedded[embedded["entity"].str.startswith(code) & embedded["metric"].eq("revenue")].set_index("period")
    ticker = embedded["entity"].iloc[0]
    rows, _ = eastmoney.parse([page(reports(code))], ticker)
    assert rows.set_index("period")["value"].to_dict() == pytest.approx(embedded["value"].reindex(rows["period"]).to_dict())


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([report("2024-03-31", 4.8e9, "2024-03-20")], "has its notice on 2024-03-20; expected a day after its end"),
        ([report("2024-03-31", 4.8e9, "2024-04-22", SECURITY_CODE="300502")], "a report is of 300502; expected 300308"),
        ([{"SECURITY_CODE": "300308", "REPORTDATE": "2024-03-31"}], "a report has no 'NOTICE_DATE'"),
        ([YEAR[0], report("2024-03-31", 4.9e9, "2024-04-22")], "stands twice with other figures"),
        ([report("2024-03-31", None, "2024-04-22")], "no quarter can be read"),
    ],
)
def test_a_report_that_cannot_be_trusted_is_refused(rows, words):
    with pytest.raises(DataError, match=words):
        parsed(*rows)


def test_the_same_report_twice_is_one():
    assert parsed(YEAR[0], YEAR[0])[0]["value"].tolist() == [4800]
