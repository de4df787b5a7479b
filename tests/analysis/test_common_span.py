"""Books that end on different days are compared over the span that all of them have."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtest.analysis.common_span import CommonSpan, common_spans
from backtest.execution.window_statistics import WindowStatistics
from backtest.report.documents import BookPart
from backtest.report.front import month_in_full, until_month
from backtest.thesis.windows import Window

DAYS = pd.bdate_range("2025-07-21", "2025-07-31")
WRITTEN = pd.Timestamp("2025-07-23")
SPANS = [
    Window("25Q2", DAYS[0], DAYS[1], WRITTEN),
    Window("in sample", DAYS[0], WRITTEN, WRITTEN),
    Window("out of sample", pd.Timestamp("2025-07-24"), DAYS[-1], WRITTEN),
]


def values(*numbers, without=()):
    """Values on the sessions from the first day on, some left out."""
    return pd.Series([float(number) for number in numbers], DAYS[: len(numbers)]).drop(DAYS[list(without)])


def test_all_books_are_taken_from_the_latest_first_day_to_the_earliest_last():
    """From 07-23 to 07-28, the last day of the shorter book: 110 to 132 and 50 to 55."""
    equity = {"long": values(100, 105, 110, 115, 121, 132, 150, 160), "short": values(40, 45, 50, 51, 53, 55)}
    shared = common_spans(equity, SPANS)
    assert set(shared) == {"in sample", "out of sample"}
    returns = {"long": pytest.approx(0.2), "short": pytest.approx(0.1)}
    assert shared["out of sample"] == CommonSpan("2025-07-23", "2025-07-28", returns)


def test_a_book_whose_market_was_closed_on_the_last_day_counts_its_value_before_it():
    equity = {"long": values(100, 105, 110, 115, 121, 132, 150, without=[5]), "short": values(40, 45, 50, 51, 53, 55)}
    assert common_spans(equity, SPANS)["out of sample"].returns["long"] == pytest.approx(0.1)


@pytest.mark.parametrize("others", [{}, {"early": values(1, 2)}])
def test_one_book_and_books_that_share_no_span_have_none(others):
    assert "out of sample" not in common_spans({"long": values(100, 105, 110, 115)} | others, SPANS)


# The front page: strategies whose last days differ


def book(base, last, earned, **path):
    figures = WindowStatistics("out", 20, base, base, last, total_return=earned)
    return BookPart("CNY", {"out of sample": figures}, {}, {month.replace("_", "-")[1:]: value for month, value in path.items()})


def documents(*books):
    return [SimpleNamespace(books={"one": each}) for each in books]


@pytest.mark.parametrize(("last", "month"), [("2026-07-31", "2026-07"), ("2026-07-30", "2026-06"), ("2026-05-29", "2026-05")])
def test_the_month_in_full_is_the_newest_that_the_first_book_to_end_has_to_its_last_working_day(last, month):
    assert month_in_full(documents(book("2025-07-23", last, 1.0), book("2025-07-23", "2026-09-22", 1.0))) == month
    assert month_in_full([]) == ""


def test_a_return_to_the_end_of_a_month_starts_where_the_window_does():
    """The book tripled to 09-22, when its path stood at 6; at the end of July it stood at 5, so that it had earned 150%."""
    longer = book("2025-07-23", "2026-09-22", 2.0, m2026_06=4.0, m2026_07=5.0, m2026_09=6.0)
    assert until_month({"one": longer}, "2026-07") == "+150.0%"
    assert until_month({"one": longer}, "2026-08") == "—"
    assert until_month({"one": book("2025-07-23", "2026-09-22", None, m2026_07=np.nan)}, "2026-07") == "—"
