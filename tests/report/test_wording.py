"""Numbers, days and names as they stand on the page; expected texts are written by hand."""

import numpy as np
import pandas as pd
import pytest

from backtest.formatting import counted, number, percent
from backtest.report.charts.canvas import clipped, months, spread
from backtest.report.charts.colours import PALETTE, THEMES
from backtest.report.formatting import address_of, day, full_name, listed, spans
from backtest.result import TickerName
from backtest.thesis import load_thesis
from backtest.thesis.windows import Window


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.4021, "+40.2%"), (-0.1722, "−17.2%"), (48.90656, "+4,890.7%"), (0.0, "+0.0%"), (None, "—"), (np.nan, "—"), (np.inf, "—")],
)
def test_a_fraction_is_a_percentage_with_its_sign(value, said):
    assert percent(value) == said


@pytest.mark.parametrize(("value", "said"), [(3.3243, "3.32"), (-0.2315, "−0.23"), (1234567.0, "1,234,567.00"), (None, "—")])
def test_a_number_has_two_digits_and_a_true_minus(value, said):
    assert number(value) == said


def test_a_day_is_iso_and_no_day_a_dash():
    assert day(pd.Timestamp("2025-07-23 15:00")) == "2025-07-23"
    assert day(pd.NaT) == day(None) == "—"


def test_a_name_stands_with_its_chinese_name_and_ticker():
    names = {"300308.SZ": TickerName("Innolight", "中际旭创"), "META": TickerName("Meta Platforms", "")}
    assert full_name(names, "300308.SZ") == "Innolight 中际旭创 (300308.SZ)"
    assert full_name(names, "META") == "Meta Platforms (META)"
    assert full_name(names, "NOBODY") == "NOBODY"


def test_windows_of_the_same_days_are_one_span_with_both_names():
    start, end = pd.Timestamp("2025-07-24"), pd.Timestamp("2026-07-03")
    same = [Window("after the report", start, end, load_thesis().date), Window("out of sample", start, end, load_thesis().date)]
    assert [name for name, _ in spans(same)] == ["after the report = out of sample"]


def test_lists_and_counts_read_as_english():
    assert listed([]) == "none"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert counted(1, "order") == "1 order"
    assert counted(2000, "order") == "2,000 orders"


def test_labels_keep_their_distance_and_stay_inside():
    assert spread([50.0, 51.0, 52.0], 10.0, 0.0, 100.0) == [50.0, 60.0, 70.0]
    assert spread([99.0, 98.0], 10.0, 0.0, 100.0) == [100.0, 90.0]
    assert spread([5.0] * 21, 10.0, 0.0, 100.0) == pytest.approx([5.0 * step for step in range(1, 22)], abs=5.0)
    assert spread([], 10.0, 0.0, 100.0) == []


def test_ticks_fall_on_even_months_and_are_few():
    first, last = pd.Timestamp("2023-01-06"), pd.Timestamp("2026-07-03")
    assert [f"{tick:%Y-%m}" for tick in months(first, last, 4)] == ["2024-01", "2025-01", "2026-01"]
    assert [f"{tick:%Y-%m}" for tick in months(first, last, 9)][:2] == ["2023-07", "2024-01"]


def test_a_long_label_is_cut_and_loses_what_cannot_be_printed():
    assert clipped("SMH semiconductors", 12) == "SMH semicon…"
    assert clipped("\u202eabc\n", 12) == "abc"


def test_every_theme_has_a_colour_of_its_own():
    assert len(set(THEMES.values())) == len(THEMES)
    assert set(THEMES.values()) <= set(PALETTE)
    assert len({light for light, _ in PALETTE.values()}) == len(PALETTE)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("SEC filing, https://www.sec.gov/Archives/x-1.htm, read 2026-01-02", "https://www.sec.gov/Archives/x-1.htm"),
        ("see http://example.org/a.", "http://example.org/a"),
        ("GitHub owner/some.repo data/raw (f054c3a)", "https://github.com/owner/some.repo"),
        ("copied from GitHub owner/name.", "https://github.com/owner/name"),
        ("unverified", ""),
        ("javascript:alert(1) ftp://x", ""),
    ],
)
def test_a_source_that_gives_an_address_is_a_link_to_it(source, address):
    assert address_of(source) == address
