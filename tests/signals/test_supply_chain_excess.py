import csv
from pathlib import Path

import numpy as np
import pytest

from backtest.calendars import as_of_moment
from backtest.errors import ConfigurationError
from backtest.signals import four_quarter_growth, readings
from backtest.signals.supply_chain_excess import SupplyChainExcess

ANSWERS = Path(__file__).parent.parent / "answers" / "supply_chain_excess.csv"
ROWS = list(csv.DictReader(ANSWERS.read_text(encoding="utf-8").splitlines()))


def named(row):
    return f"{row['quarter']} as of {row['as_of']}"


def reading(row, archive):
    return readings(SupplyChainExcess(), archive.as_of(as_of_moment(row["as_of"])))[row["quarter"]]


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_the_working_of_an_answer_comes_to_its_value(row):
    assert eval(row["working"]) == pytest.approx(float(row["value"]), abs=5e-9)


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_the_excess_is_the_one_worked_by_hand(row, archive):
    assert reading(row, archive).value == pytest.approx(float(row["value"]), abs=5e-9)


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_the_excess_was_known_when_the_last_of_its_figures_was(row, archive):
    assert reading(row, archive).known_at == row["known_at"]


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_the_excess_is_as_weak_as_its_weakest_evidence(row, archive):
    assert reading(row, archive).evidence == row["evidence"]


def test_the_excess_of_the_first_quarter_of_2024_is_71_points(archive):
    found = readings(SupplyChainExcess(), archive.as_of(as_of_moment("2024-06-03")))
    assert round(found["2024Q1"].value, 3) == 0.714


def test_as_of_3_june_2024_there_is_an_excess_for_exactly_the_complete_and_known_quarters(archive):
    found = readings(SupplyChainExcess(), archive.as_of(as_of_moment("2024-06-03")))
    assert list(found) == ["2023Q1", "2023Q2", "2023Q3", "2023Q4", "2024Q1"]


def test_the_score_is_the_excess_of_the_latest_complete_quarter(archive):
    score = SupplyChainExcess()(archive.as_of(as_of_moment("2024-06-03")))
    assert (list(score.index), round(score.iloc[0], 3)) == (["supply_chain"], 0.714)


@pytest.mark.parametrize(("day", "quarter"), [("2024-04-30", "2023Q3"), ("2024-05-01", "2024Q1")])
def test_two_quarters_published_on_one_day_appear_together_on_the_next(archive, day, quarter):
    # Eoptolink's year and first quarter both carry 2024-04-30.
    assert list(readings(SupplyChainExcess(), archive.as_of(as_of_moment(day))))[-1] == quarter


def test_an_excess_cites_each_figure_of_the_quarter_and_of_the_year_before(archive):
    found = readings(SupplyChainExcess(), archive.as_of(as_of_moment("2024-06-03")))["2024Q1"]
    assert [fact.value for fact in found.inputs] == [
        4842.55, 1837.16, 1112.85, 600.22, 731.67, 286.99, 2584.04, 1867.91,
        14925, 14207, 12012, 6289, 10952, 6607, 6400, 6842,
    ]  # fmt: skip


def test_the_parts_of_an_excess_are_both_sums_and_the_growth_of_each(archive):
    found = readings(SupplyChainExcess(), archive.as_of(as_of_moment("2024-06-03")))["2024Q1"].parts
    revenue, capex = 4842.55 + 1112.85 + 731.67 + 2584.04, 14925 + 12012 + 10952 + 6400
    assert found == pytest.approx(
        {
            "revenue": revenue,
            "capex": capex,
            "revenue_growth": revenue / (1837.16 + 600.22 + 286.99 + 1867.91) - 1,
            "capex_growth": capex / (14207 + 6289 + 6607 + 6842) - 1,
        }
    )


def test_growth_over_four_quarters_is_a_fraction_and_unknown_for_the_first_four():
    assert four_quarter_growth(np.array([2.0, 4.0, 4.0, 4.0, 3.0, 3.0]))[4:].tolist() == [0.5, -0.25]
    assert np.isnan(four_quarter_growth(np.ones(6))).tolist() == [True] * 4 + [False] * 2


def test_other_leaders_and_clouds_can_be_asked_for(archive):
    signal = SupplyChainExcess(leaders=("300308.SZ",), clouds=("AMZN",))
    found = readings(signal, archive.as_of(as_of_moment("2024-06-03")))["2024Q1"]
    assert found.value == pytest.approx(4842.55 / 1837.16 - 14925 / 14207)


def test_a_leader_that_no_figure_of_the_archive_names_is_refused(archive):
    signal = SupplyChainExcess(leaders=("300308.SZ", "META"))
    with pytest.raises(ConfigurationError, match="no metric of META 'revenue'"):
        signal(archive.as_of(as_of_moment("2024-06-03")))


def test_leaders_whose_sales_are_in_two_currencies_are_refused(archive):
    signal = SupplyChainExcess(leaders=("300308.SZ", "NVDA"))
    with pytest.raises(ConfigurationError, match=r"revenue of NVDA is in USD_m, of 300308.SZ in CNY_m; expected one unit"):
        signal(archive.as_of(as_of_moment("2024-06-03")))


@pytest.mark.parametrize("wrong", [{"leaders": ()}, {"clouds": ()}])
def test_an_empty_side_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="expected at least one leader and one cloud"):
        SupplyChainExcess(**wrong)


def test_its_value_is_growth_a_year_which_the_pace_of_a_theme_takes_as_it_is():
    assert SupplyChainExcess.is_growth
