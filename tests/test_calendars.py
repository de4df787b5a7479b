import csv
from pathlib import Path

import exchange_calendars
import pandas as pd
import pytest

from backtest import calendars
from backtest.calendars import as_of_moment, closes, last_day, parse_quarter, publication_moment, quarter_label, quarter_of
from backtest.errors import BacktestError, ConfigurationError, DataError
from backtest.markets import load_markets, sessions_a_year

ANSWERS = Path(__file__).parent / "answers" / "calendar_quarters.csv"
FISCAL = list(csv.DictReader(ANSWERS.read_text(encoding="utf-8").splitlines()))


def utc(text):
    return pd.Timestamp(text, tz="UTC")


@pytest.mark.parametrize("row", FISCAL, ids=lambda row: f"{row['entity']} {row['period_end']}")
def test_a_fiscal_period_belongs_to_the_calendar_quarter_of_the_day_45_days_before_its_end(row):
    assert quarter_label(quarter_of(pd.Timestamp(row["period_end"]))) == row["quarter"]


@pytest.mark.parametrize(("label", "quarter"), [("2024Q1", 8096), ("2024Q4", 8099), ("2025Q1", 8100)])
def test_a_quarter_is_a_number_four_to_a_year(label, quarter):
    assert (parse_quarter(label), quarter_label(quarter)) == (quarter, label)


@pytest.mark.parametrize("label", ["2024Q5", "2024Q0", "2024", "24Q1", "2024q1", "2024Q1 ", "2024Q11", ""])
def test_a_label_that_is_no_quarter_is_refused_with_what_would_do(label):
    with pytest.raises(ConfigurationError, match=f"quarter is '{label}'; expected a calendar quarter like 2024Q4"):
        parse_quarter(label)


@pytest.mark.parametrize(
    ("stated", "moment"),
    [
        ("2025-02-26T21:20Z", "2025-02-26 21:20"),
        ("2025-02-26T21:20:30Z", "2025-02-26 21:20:30"),
        ("2025-02-26", "2025-02-27 00:00"),
        ("2024-02-28", "2024-02-29 00:00"),
        ("2024-12-31", "2025-01-01 00:00"),
        ("2024-08", "2024-09-01 00:00"),
        ("2024-12", "2025-01-01 00:00"),
    ],
)
def test_a_figure_may_be_used_from_its_minute_or_the_end_of_its_day_or_month(stated, moment):
    assert publication_moment(stated) == utc(moment)


@pytest.mark.parametrize(
    "stated",
    [
        "", "2025", "2025-2-6", "26.02.2025", "2025-02-30", "2025-13", "2025-02-26T21:20", "2025-02-26 21:20Z",
        "2025-02-26T25:00Z", "2025-02-26T21:20+08:00", "2025-02-26\n", "soon",
    ],
)  # fmt: skip
def test_a_date_in_any_other_form_is_refused(stated):
    with pytest.raises(ValueError, match=r".+"):
        publication_moment(stated)


# A figure dated in the United States without a time; each market's close of that day, and the open and close of its
# next session. Shanghai trades 01:30 to 07:00 UTC; New York 14:30 to 21:00 in winter, 13:30 to 20:00 in summer.
DATED = [
    # an ordinary Wednesday in winter, then in summer
    ("2025-02-26", "XSHG", "2025-02-26 07:00", "2025-02-27 01:30", "2025-02-27 07:00"),
    ("2025-02-26", "XNYS", "2025-02-26 21:00", "2025-02-27 14:30", "2025-02-27 21:00"),
    ("2025-08-27", "XSHG", "2025-08-27 07:00", "2025-08-28 01:30", "2025-08-28 07:00"),
    ("2025-08-27", "XNYS", "2025-08-27 20:00", "2025-08-28 13:30", "2025-08-28 20:00"),
    # the eve of Golden Week: Shanghai opens again on 8 October
    ("2024-09-30", "XSHG", "2024-09-30 07:00", "2024-10-08 01:30", "2024-10-08 07:00"),
    ("2024-09-30", "XNYS", "2024-09-30 20:00", "2024-10-01 13:30", "2024-10-01 20:00"),
    # the eve of Thanksgiving: New York opens again on Friday, for half a day
    ("2024-11-27", "XSHG", "2024-11-27 07:00", "2024-11-28 01:30", "2024-11-28 07:00"),
    ("2024-11-27", "XNYS", "2024-11-27 21:00", "2024-11-29 14:30", "2024-11-29 18:00"),
    # a Friday
    ("2024-05-10", "XSHG", "2024-05-10 07:00", "2024-05-13 01:30", "2024-05-13 07:00"),
    ("2024-05-10", "XNYS", "2024-05-10 20:00", "2024-05-13 13:30", "2024-05-13 20:00"),
]
IDS = [f"{stated} {market}" for stated, market, *_ in DATED]


@pytest.mark.parametrize(("stated", "market", "same_close", "next_open", "next_close"), DATED, ids=IDS)
def test_a_figure_dated_without_a_time_counts_from_the_next_session(stated, market, same_close, next_open, next_close):
    known = publication_moment(stated)
    assert utc(same_close) < known <= utc(next_open) < utc(next_close)


@pytest.mark.parametrize(("stated", "market", "same_close", "next_open", "next_close"), DATED, ids=IDS)
def test_no_session_lies_between_a_day_and_the_next_session_by_the_closes(stated, market, same_close, next_open, next_close):
    found = closes(market, pd.Timestamp(stated), pd.Timestamp(next_close).normalize())
    assert list(found) == [utc(same_close), utc(next_close)]


def test_closes_are_indexed_by_naive_session_days():
    found = closes("XSHG", pd.Timestamp("2024-04-29"), pd.Timestamp("2024-05-07"))
    assert [str(day) for day in found.index] == [
        "2024-04-29 00:00:00",
        "2024-04-30 00:00:00",
        "2024-05-06 00:00:00",
        "2024-05-07 00:00:00",
    ]


def test_an_unknown_calendar_is_refused_with_the_nearest_there_is():
    with pytest.raises(ConfigurationError, match=r"no calendar 'XHKH'; did you mean 'XHKG'"):
        closes("XHKH", pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-05"))


def test_a_year_the_exchange_calendar_does_not_reach_is_refused_with_an_error_of_ours():
    with pytest.raises(BacktestError, match="XSHG"):
        closes("XSHG", pd.Timestamp("2024-01-02"), pd.Timestamp("2099-01-05"))


def test_an_as_of_day_is_its_last_instant():
    assert as_of_moment("2026-06-30") == utc("2026-06-30 23:59:59.999999999")


def test_an_as_of_minute_is_that_minute():
    assert as_of_moment("2026-06-30T13:30Z") == utc("2026-06-30 13:30")


def test_a_figure_dated_on_the_as_of_day_is_not_yet_known():
    assert as_of_moment("2026-06-30") < publication_moment("2026-06-30")


@pytest.mark.parametrize("stated", ["yesterday", "", "2026-6-30", "2026-02-30", "2026-06-30 13:30", "1026-06-30"])
def test_a_bad_as_of_is_refused_with_what_would_do(stated):
    with pytest.raises(ConfigurationError, match=f"as-of is '{stated}'; expected a day like 2026-06-30"):
        as_of_moment(stated)


@pytest.mark.parametrize("markets", [("XSHG",), ("XNYS",), ("XNYS", "XSHG")], ids="+".join)
def test_sessions_per_year_agree_with_the_exchange_calendars_within_two(markets):
    days = pd.DatetimeIndex([])
    for market in markets:
        calendar = exchange_calendars.get_calendar(market, start="2022-01-01", end="2025-12-31")
        days = days.union(calendar.sessions)
    assert sessions_a_year([load_markets()[market] for market in markets]) == pytest.approx(len(days) / 4, abs=2)


def test_the_first_session_of_a_year_is_known_where_the_other_market_s_holidays_are_not_recorded_yet():
    found = closes("XNYS", pd.Timestamp("2026-12-31"), pd.Timestamp("2027-01-04"))
    assert [f"{day:%Y-%m-%d}" for day in found.index] == ["2026-12-31", "2027-01-04"]


def test_a_calendar_that_ends_serves_to_its_last_day_and_names_its_package_and_that_day_beyond():
    last = last_day("XSHG")
    assert len(closes("XSHG", last - pd.Timedelta(days=30), last)) > 15
    words = rf"exchange_calendars .* knows the sessions of XSHG to {last:%Y-%m-%d}, .* expected a later release of that package"
    with pytest.raises(DataError, match=words):
        closes("XSHG", last, last + pd.Timedelta(days=4))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of a user's cache, empty, and no calendar in memory."""
    monkeypatch.setattr(calendars.platformdirs, "user_cache_path", lambda name: tmp_path / name)
    monkeypatch.setattr(calendars, "_built", {})
    closes.cache_clear()
    yield tmp_path / "capex-backtest" / "calendars"
    closes.cache_clear()


def a_week():
    return closes("XNYS", pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-08"))


def forgotten(monkeypatch):
    monkeypatch.setattr(calendars, "_built", {})
    closes.cache_clear()


def test_closes_are_left_in_the_cache_and_are_the_same_when_read_from_it(cache, monkeypatch):
    built = a_week()
    (left,) = cache.iterdir()
    assert left.name.startswith("XNYS-")
    forgotten(monkeypatch)
    monkeypatch.setattr(calendars.exchange_calendars, "get_calendar", None)
    pd.testing.assert_series_equal(a_week(), built)
    assert len(built) == 5


@pytest.mark.parametrize("change", [lambda body: body[:-8], lambda body: body[:40] + b"\x01" + body[41:], lambda body: b""])
def test_a_damaged_file_of_the_cache_is_built_again(cache, monkeypatch, change):
    built = a_week()
    (left,) = cache.iterdir()
    whole = left.read_bytes()
    left.write_bytes(change(whole))
    forgotten(monkeypatch)
    pd.testing.assert_series_equal(a_week(), built)
    assert left.read_bytes() == whole


def test_where_nothing_can_be_cached_closes_are_built(cache, monkeypatch):
    cache.parent.write_text("no folder can be made here", encoding="utf-8")
    assert len(a_week()) == 5


def test_a_span_of_fewer_years_is_taken_from_the_longer_one_that_was_built(cache, monkeypatch):
    closes("XNYS", pd.Timestamp("2022-01-03"), pd.Timestamp("2024-12-31"))
    monkeypatch.setattr(calendars.exchange_calendars, "get_calendar", None)
    assert len(a_week()) == 5
    assert len(list(cache.iterdir())) == 1


def test_a_span_of_later_years_keeps_those_that_were_built_before(cache):
    assert len(closes("XNYS", pd.Timestamp("2020-01-02"), pd.Timestamp("2020-12-31"))) == 253
    assert len(closes("XNYS", pd.Timestamp("2022-01-03"), pd.Timestamp("2022-12-30"))) == 251
    assert calendars._built["XNYS"][:2] == (2020, 2022)


@pytest.mark.parametrize("unit", ["ns", "s"])
def test_a_moment_counts_what_lies_at_its_own_instant(unit):
    moments = pd.Series(pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-03", "2024-01-05"], utc=True).as_unit(unit))
    days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
    assert [calendars.count_until(moments, pd.Timestamp(day, tz="UTC")) for day in days] == [0, 1, 3, 3, 4]
