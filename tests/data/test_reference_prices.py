import csv
import shutil

import exchange_calendars
import pandas as pd
import pytest

from backtest.data import reference
from backtest.errors import BacktestError, DataError

# The weeks in which Shanghai had no session: Spring Festival, and Golden Week.
CLOSED_IN_SHANGHAI = ["2022-02-04", "2022-10-07", "2023-01-27", "2023-10-06", "2024-02-16", "2026-02-20"]
TABLE = list(csv.DictReader((reference.FOLDER / "wealth_weekly.csv").read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def table(tmp_path):
    folder = tmp_path / "reference"
    folder.mkdir()
    shutil.copy(reference.FOLDER / "wealth_weekly.csv", folder)
    return folder / "wealth_weekly.csv"


def alter_lines(path, change):
    path.write_text("\n".join(change(path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")


def of_market(prices, market):
    return [ticker for ticker in prices.wealth.columns if prices.market[ticker] == market]


def test_every_ticker_of_the_universe_has_embedded_prices(weekly, tickers):
    assert weekly.prices.wealth.notna().any().reindex(tickers).all()


def test_every_embedded_price_is_the_one_of_its_row(weekly):
    for ticker in ("NVDA", "300308.SZ", "000300.SS"):
        said = [float(row[ticker]) if row[ticker] else None for row in TABLE]
        held = [None if pd.isna(value) else value for value in weekly.prices.wealth[ticker]]
        assert held == said


def test_the_embedded_prices_are_declared_weekly(weekly):
    assert (weekly.prices.frequency, weekly.prices.periods_per_year(("XSHG",))) == ("weekly", 52)


def test_a_week_without_a_session_in_shanghai_has_no_price_there(weekly):
    shares = of_market(weekly.prices, "XSHG")
    assert weekly.prices.wealth.loc[CLOSED_IN_SHANGHAI, shares].isna().all(axis=None)


def test_those_are_the_only_weeks_without_any_price_in_shanghai(weekly):
    shares = weekly.prices.wealth[of_market(weekly.prices, "XSHG")]
    empty = shares.index[shares.isna().all(axis=1)]
    assert [f"{week:%Y-%m-%d}" for week in empty] == CLOSED_IN_SHANGHAI


def test_a_week_without_a_session_in_shanghai_has_no_close_there(weekly):
    weeks = weekly.prices.wealth.index
    missing = weeks.difference(weekly.prices.closes["XSHG"].index)
    assert [f"{week:%Y-%m-%d}" for week in missing] == CLOSED_IN_SHANGHAI


def test_new_york_has_a_price_and_a_close_in_every_week(weekly):
    assert list(weekly.prices.closes["XNYS"].index) == list(weekly.prices.wealth.index)
    assert weekly.prices.wealth["QQQ"].notna().all()


@pytest.mark.parametrize(
    ("market", "week", "close"),
    [
        ("XSHG", "2024-05-03", "2024-04-30T07:00Z"),  # Labour Day from Wednesday
        ("XSHG", "2024-02-09", "2024-02-08T07:00Z"),  # New Year's Eve, a Friday, is a holiday
        ("XSHG", "2024-10-04", "2024-09-30T07:00Z"),  # Golden Week from Tuesday
        ("XSHG", "2024-03-08", "2024-03-08T07:00Z"),
        ("XNYS", "2024-03-29", "2024-03-28T20:00Z"),  # Good Friday
        ("XNYS", "2024-11-29", "2024-11-29T18:00Z"),  # half a day after Thanksgiving
        ("XNYS", "2024-03-08", "2024-03-08T21:00Z"),  # winter
        ("XNYS", "2024-03-15", "2024-03-15T20:00Z"),  # summer
        ("XNYS", "2022-01-07", "2022-01-07T21:00Z"),  # the first week
    ],
)
def test_a_week_is_known_at_the_close_of_its_last_session(weekly, market, week, close):
    assert weekly.prices.closes[market][week] == pd.Timestamp(close)


@pytest.mark.parametrize("market", ["XSHG", "XNYS"])
def test_every_weekly_close_is_that_of_the_last_session_by_the_exchange_calendar(weekly, market):
    calendar = exchange_calendars.get_calendar(market, start="2021-12-01", end="2026-12-31")
    for week, close in weekly.prices.closes[market].items():
        last = calendar.date_to_session(week, direction="previous")
        assert week - last < pd.Timedelta(days=7)
        assert close == calendar.session_close(last)


COMPARED = ["NVDA", "300308.SZ", "300502.SZ", "MSFT", "510300.SS"]


def shared_wealth(path, weeks):
    """Return a share's price at the last session of each week, the first being 100, from its daily file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    days = [(row["date"], float(row["adj_close"])) for row in csv.DictReader(lines) if row["adj_close"]]
    closing = [max(day for day in days if day[0] <= week)[1] for week in weeks]
    return [price / closing[0] * 100 for price in closing]


@pytest.mark.parametrize("ticker", COMPARED)
def test_the_embedded_prices_are_the_shared_ones_at_the_last_session_of_each_week_but_the_last(weekly, shared_prices, ticker):
    embedded = weekly.prices.wealth[ticker].dropna().iloc[:-1]
    expected = shared_wealth(shared_prices / f"{ticker}.csv", [f"{week:%Y-%m-%d}" for week in embedded.index])
    assert list(embedded) == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize("ticker", COMPARED)
def test_the_last_embedded_week_holds_the_price_of_its_last_session_too(weekly, shared_prices, ticker):
    embedded = weekly.prices.wealth[ticker].dropna().iloc[[0, -1]]
    expected = shared_wealth(shared_prices / f"{ticker}.csv", [f"{week:%Y-%m-%d}" for week in embedded.index])
    assert list(embedded) == pytest.approx(expected, rel=2e-4)


def test_the_embedded_rate_is_a_price_of_the_dollar_in_yuan(weekly):
    assert weekly.prices.rate[pd.Timestamp("2022-01-07")] == 6.3781
    assert weekly.prices.rate.between(6, 8).all()


def test_a_ticker_without_a_column_is_refused_with_what_would_do():
    with pytest.raises(BacktestError, match=r"no supplier or benchmark 'LITE2'; did you mean 'LITE'"):
        reference.load_prices(["NVDA", "LITE2"])


def test_a_ticker_of_the_universe_without_a_column_is_refused_with_what_would_do(table):
    alter_lines(table, lambda lines: [lines[0].replace(",LITE,", ",other,"), *lines[1:]])
    with pytest.raises(DataError, match=r"wealth_weekly.csv: no column for LITE; give a folder with --prices"):
        reference.load_prices(["NVDA", "LITE"], table.parent)


@pytest.mark.parametrize("ticker", ["SPY", "CNY=X"])
def test_a_column_that_is_in_no_universe_is_refused_by_name(ticker):
    with pytest.raises(BacktestError, match=ticker):
        reference.load_prices([ticker])


def test_a_price_of_zero_is_refused_by_file_row_and_ticker(table):
    alter_lines(table, lambda lines: [*lines[:3], lines[3].replace("99.1071", "0"), *lines[4:]])
    with pytest.raises(DataError, match=r"wealth_weekly.csv row 4: 000300.SS is '0'; want a price above 0, or nothing"):
        reference.load_prices(["NVDA"], table.parent)


def test_a_week_that_stands_twice_is_refused(table):
    alter_lines(table, lambda lines: [*lines[:3], lines[2], *lines[3:]])
    with pytest.raises(DataError, match=r"wealth_weekly.csv row 4: 2022-01-14 stands twice"):
        reference.load_prices(["NVDA"], table.parent)


def test_a_week_that_is_left_out_is_refused(table):
    alter_lines(table, lambda lines: [*lines[:3], *lines[4:]])
    with pytest.raises(DataError, match="2022-01-21"):
        reference.load_prices(["NVDA"], table.parent)


@pytest.mark.parametrize("column", ["week_ending", "CNY=X"])
def test_a_table_without_its_weeks_or_its_rate_is_refused(table, column):
    alter_lines(table, lambda lines: [lines[0].replace(column, "other"), *lines[1:]])
    with pytest.raises(DataError, match=f"wealth_weekly.csv: no column '{column}'"):
        reference.load_prices(["NVDA"], table.parent)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"wealth_weekly.csv: no such file in"):
        reference.load_prices(["NVDA"], tmp_path)
