import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest.calendars import as_of_moment
from backtest.errors import ConfigurationError
from backtest.signals import readings
from backtest.signals.revenue_capex_ratio import RevenueCapexRatio

ANSWERS = Path(__file__).parent.parent / "answers" / "revenue_capex_ratio.csv"
ROWS = list(csv.DictReader(ANSWERS.read_text(encoding="utf-8").splitlines()))
VALUES = [row for row in ROWS if row["kind"] == "value"]
SCORES = [row for row in ROWS if row["kind"] == "score"]


def named(row):
    return f"{row['quarter']} lag {row['lag_quarters']} as of {row['as_of']}"


def reading(row, archive):
    signal = RevenueCapexRatio(lag_quarters=int(row["lag_quarters"]))
    return readings(signal, archive.as_of(as_of_moment(row["as_of"])))[row["quarter"]]


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_the_working_of_an_answer_comes_to_its_value(row):
    assert eval(row["working"]) == pytest.approx(float(row["value"]), abs=5e-10)


@pytest.mark.parametrize("row", VALUES, ids=named)
def test_the_ratio_is_the_one_worked_by_hand(row, archive):
    assert reading(row, archive).value == pytest.approx(float(row["value"]), abs=1e-9)


@pytest.mark.parametrize("row", VALUES, ids=named)
def test_the_ratio_was_known_when_the_last_of_its_figures_was(row, archive):
    assert reading(row, archive).known_at == row["known_at"]


@pytest.mark.parametrize("row", VALUES, ids=named)
def test_the_ratio_is_as_weak_as_its_weakest_evidence(row, archive):
    assert reading(row, archive).evidence == row["evidence"]


@pytest.mark.parametrize("row", SCORES, ids=named)
def test_the_score_is_the_change_over_four_quarters_at_the_latest_complete_one(row, archive):
    panel = archive.as_of(as_of_moment(row["as_of"]))
    score = RevenueCapexRatio(lag_quarters=int(row["lag_quarters"]))(panel)
    assert list(score.index) == ["supply_chain"]
    assert score.iloc[0] == pytest.approx(float(row["value"]), abs=1e-9)


@pytest.mark.parametrize(("quarter", "lag", "rounded"), [("2023Q2", 0, 0.146), ("2024Q4", 0, 0.233), ("2024Q4", 1, 0.291)])
def test_the_ratio_to_three_digits_is_the_one_the_report_is_compared_with(quarter, lag, rounded, archive):
    found = readings(RevenueCapexRatio(lag_quarters=lag), archive.as_of(as_of_moment("2025-03-01")))
    assert round(found[quarter].value, 3) == rounded


def test_as_of_3_june_2024_there_is_a_ratio_for_exactly_the_complete_and_known_quarters(archive):
    found = readings(RevenueCapexRatio(), archive.as_of(as_of_moment("2024-06-03")))
    assert list(found) == ["2023Q2", "2023Q3", "2023Q4", "2024Q1"]


@pytest.mark.parametrize(("day", "known"), [("2024-05-22", False), ("2024-05-23", True)])
def test_a_quarter_appears_on_the_day_after_nvidias_release(archive, day, known):
    assert ("2024Q1" in readings(RevenueCapexRatio(), archive.as_of(as_of_moment(day)))) == known


def test_a_quarter_without_a_disclosed_share_cites_the_last_one_before_it_as_estimated(archive):
    found = readings(RevenueCapexRatio(), archive.as_of(as_of_moment("2025-12-01")))["2025Q3"]
    share = next(fact for fact in found.inputs if fact.metric == "large_csp_share_of_dc_revenue")
    assert (share.period, share.value, share.published, share.evidence) == ("FY2026Q2", 0.5, "2025-08-27", "estimated")


def test_a_quarter_with_a_disclosed_share_cites_it_as_reported(archive):
    found = readings(RevenueCapexRatio(), archive.as_of(as_of_moment("2025-12-01")))["2025Q2"]
    share = next(fact for fact in found.inputs if fact.metric == "large_csp_share_of_dc_revenue")
    assert (share.period, share.evidence) == ("FY2026Q2", "reported")


def test_a_ratio_cites_revenue_share_and_the_capex_of_all_five_clouds(archive):
    found = readings(RevenueCapexRatio(), archive.as_of(as_of_moment("2024-06-03")))["2024Q1"]
    assert [(fact.entity, fact.period, fact.value) for fact in found.inputs] == [
        ("NVDA", "FY2025Q1", 22563),
        ("NVDA", "FY2025Q1", 0.45),
        ("AMZN", "FY2024Q1", 14925),
        ("GOOGL", "FY2024Q1", 12012),
        ("MSFT", "FY2024Q3", 10952),
        ("META", "FY2024Q1", 6400),
        ("ORCL", "FY2024Q3", 1674),
    ]


def test_with_a_lag_the_capex_cited_is_that_of_the_earlier_quarter(archive):
    found = readings(RevenueCapexRatio(lag_quarters=1), archive.as_of(as_of_moment("2025-03-01")))["2024Q4"]
    assert [fact.value for fact in found.inputs if fact.metric == "purchases_ppe"] == [22620, 13061, 14923, 8258, 2303]


def test_there_is_no_score_until_the_quarter_of_a_year_before_has_a_ratio(archive):
    # The first share is that of 2023Q2, so the first change over a year is that of 2024Q2, known 2024-08-28.
    scores = [RevenueCapexRatio()(archive.as_of(as_of_moment(day))).iloc[0] for day in ("2024-08-28", "2024-08-29")]
    assert np.isnan(scores[0])
    assert scores[1] == pytest.approx(
        26272 * 0.45 / (17620 + 13186 + 13873 + 8173 + 2798) - 10323 * 0.5 / (11455 + 6888 + 8943 + 6216 + 1913)
    )


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 5, 6, 8, 12, 30])
def test_a_lag_longer_than_what_is_known_gives_no_opinion(archive, lag):
    for moment in pd.date_range("2022-03-15", "2023-03-15", freq="QS", tz="UTC"):
        assert np.isnan(RevenueCapexRatio(lag_quarters=lag)(archive.as_of(moment)).iloc[0])


@pytest.mark.parametrize("wrong", [{"window": 0}, {"lag_quarters": -1}, {"clouds": ()}])
def test_a_parameter_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"revenue_capex_ratio: .*expected window >= 1"):
        RevenueCapexRatio(**wrong)
