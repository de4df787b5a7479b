"""Returns of months and years, and which of them the sessions cover in part."""

import pandas as pd
import pytest

from backtest.statistics.calendar_returns import period_returns

DAYS = pd.bdate_range("2024-11-20", "2025-03-31")
VALUES = pd.Series([1.01**row for row in range(len(DAYS))], DAYS)


def test_a_month_runs_from_the_last_close_before_it_and_the_first_is_part():
    months = period_returns(VALUES, "M", complete=True)
    assert [(month.period, month.part) for month in months] == [
        ("2024-11", True), ("2024-12", False), ("2025-01", False), ("2025-02", False), ("2025-03", False),
    ]  # fmt: skip
    assert (months[1].base, months[1].last, months[1].n) == ("2024-11-29", "2024-12-31", 22)
    assert months[1].value == pytest.approx(1.01**22 - 1)
    whole = pd.Series([1 + month.value for month in months]).prod()
    assert whole == pytest.approx(VALUES.iloc[-1] / VALUES.iloc[0])


def test_a_run_that_starts_at_a_months_last_close_has_no_return_in_it_and_the_next_is_whole():
    months = period_returns(VALUES["2024-11-29":], "M", complete=True)
    assert (months[0].period, months[0].part) == ("2024-12", False)


def test_the_last_month_is_part_unless_its_last_session_was_reached_and_a_year_unless_that_is_in_december():
    assert period_returns(VALUES[:"2025-03-28"], "M", complete=False)[-1].part
    assert [(year.period, year.part) for year in period_returns(VALUES, "Y", complete=True)] == [("2024", True), ("2025", True)]
    year = period_returns(pd.Series(1.0, pd.bdate_range("2023-12-29", "2024-12-31")), "Y", complete=True)
    assert [(one.period, one.part) for one in year] == [("2024", False)]


def test_one_value_has_no_period():
    assert period_returns(VALUES[:1], "M", complete=True) == ()
