import math
import shutil

import pandas as pd
import pytest

from backtest.errors import ConfigurationError
from backtest.execution.window_statistics import WindowStatistics, window_statistics
from backtest.thesis import load_thesis
from backtest.thesis.windows import Window, windows

WRITTEN = load_thesis().date


def day(text):
    return pd.Timestamp(text)


@pytest.fixture
def spoilt(tmp_path):
    """Return a function that loads the windows of a copied folder after one replacement."""

    def load(old, new):
        folder = shutil.copytree(load_thesis().folder, tmp_path / "thesis")
        text = (folder / "windows.toml").read_text(encoding="utf-8")
        assert old in text
        (folder / "windows.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_thesis(folder).windows

    return load


def test_the_named_windows_are_the_reports_to_the_day():
    assert [(row.name, str(row.start), str(row.end)) for row in load_thesis().windows] == [
        ("23Q2", "2023-04-01", "2023-06-30"),
        ("24Q1–Q2", "2024-01-01", "2024-06-30"),
        ("25Q2", "2025-04-01", "2025-07-23"),
        ("after the report", "2025-07-24", "None"),
    ]


def test_every_named_window_names_its_source():
    assert [row.name for row in load_thesis().windows if not row.source.strip()] == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("start = 2023-04-01", 'start = "spring"', "windows.toml row 1: start is 'spring'; "),
        ('name = "24Q1–Q2"', 'name = "23Q2"', "windows.toml row 2: name"),
        ("end = 2023-06-30", "end = 2022-06-30", "windows.toml row 1: end is 2022-06-30; expected "),
        ("[[window]]", "[[regime]]", "windows.toml: 'regime' is no heading"),
    ],
)
def test_a_bad_window_is_refused_by_file_row_and_field(spoilt, old, new, complaint):
    with pytest.raises(ConfigurationError) as refusal:
        spoilt(old, new)
    assert str(refusal.value).startswith(complaint)


def spans(first, last):
    """Return each window's first day, last day and sample, by name."""
    found = windows(load_thesis(), day(first), day(last))
    return {window.name: (f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}", window.sample) for window in found}


def test_a_run_across_the_report_is_split_at_its_date():
    assert spans("2023-01-01", "2026-06-30") == {
        "23Q2": ("2023-04-01", "2023-06-30", "in"),
        "24Q1–Q2": ("2024-01-01", "2024-06-30", "in"),
        "25Q2": ("2025-04-01", "2025-07-23", "in"),
        "after the report": ("2025-07-24", "2026-06-30", "out"),
        "in sample": ("2023-01-01", "2025-07-23", "in"),
        "out of sample": ("2025-07-24", "2026-06-30", "out"),
        "whole": ("2023-01-01", "2026-06-30", "both"),
    }


def test_a_run_that_ends_on_the_reports_date_has_nothing_out_of_sample():
    found = spans("2023-01-01", "2025-07-23")
    assert "out of sample" not in found
    assert found["in sample"] == found["whole"] == ("2023-01-01", "2025-07-23", "in")


def test_a_run_that_begins_after_the_report_has_nothing_in_sample():
    found = spans("2025-09-01", "2026-06-30")
    assert "in sample" not in found
    assert found["whole"] == ("2025-09-01", "2026-06-30", "out")


def test_no_window_ends_before_it_begins():
    found = windows(load_thesis(), day("2023-01-01"), day("2024-12-31"))
    assert [window.name for window in found if window.end < window.start] == []


@pytest.mark.parametrize(
    ("start", "end", "sample"),
    [
        ("2025-01-01", "2025-07-23", "in"),
        ("2025-01-01", "2025-07-24", "both"),
        ("2025-07-23", "2025-07-24", "both"),
        ("2025-07-24", "2025-12-31", "out"),
    ],
)
def test_the_authors_had_seen_what_lies_up_to_the_reports_date(start, end, sample):
    assert Window("w", day(start), day(end), WRITTEN).sample == sample


def test_the_report_is_of_23_july_2025():
    assert day("2025-07-23") == load_thesis().date


SESSIONS = pd.DatetimeIndex(["2024-06-27", "2024-06-28", "2024-07-01", "2024-07-02", "2024-07-03"])


@pytest.mark.parametrize(
    ("start", "end", "held"),
    [
        ("2024-06-29", "2024-07-02", ["2024-06-28", "2024-07-01", "2024-07-02"]),
        ("2024-07-01", "2024-07-02", ["2024-06-28", "2024-07-01", "2024-07-02"]),
        ("2024-01-01", "2024-06-30", ["2024-06-27", "2024-06-28"]),
        ("2024-07-03", "2024-12-31", ["2024-07-02", "2024-07-03"]),
        ("2023-01-01", "2023-12-31", []),
        ("2025-01-01", "2025-12-31", ["2024-07-03"]),
    ],
)
def test_the_first_return_of_a_window_is_from_the_last_session_before_it(start, end, held):
    window = Window("w", day(start), day(end), WRITTEN)
    assert [f"{session:%Y-%m-%d}" for session in SESSIONS[window.slice(SESSIONS)]] == held


NO_ORDERS = pd.DataFrame({"session": pd.DatetimeIndex([]), "value": [], "cost": []})


def test_the_ratio_and_its_error_are_annualised_by_the_periods_of_a_year():
    """Thirty returns, 3% and -1% in turn: the mean is 1%, every one is 2% away from it."""
    grown = [100.0]
    for number in range(30):
        grown.append(grown[-1] * (0.99 if number % 2 else 1.03))
    equity = pd.Series(grown, pd.bdate_range("2024-01-01", periods=31))
    found = window_statistics(
        equity, NO_ORDERS, Window("w", day("2024-01-01"), day("2024-12-31"), WRITTEN), 252, day("2020-01-01")
    )
    ratio = 0.01 / (0.02 * math.sqrt(30 / 29))
    assert found.sharpe == pytest.approx(ratio * math.sqrt(252))
    assert found.sharpe_error == pytest.approx(math.sqrt((1 + ratio**2 / 2) / 30 * 252))


def test_a_window_with_one_value_has_no_return():
    equity = pd.Series([1.0], SESSIONS[:1])
    found = window_statistics(
        equity, NO_ORDERS, Window("w", day("2024-01-01"), day("2024-12-31"), WRITTEN), 252, day("2020-01-01")
    )
    assert found == WindowStatistics("in")
