"""The embedded prices are those of their files, to the digit, and pass the gate."""

import csv
import shutil
from datetime import date

import exchange_calendars
import pandas as pd
import pytest

from backtest.data.sources import reference
from backtest.errors import BacktestError, DataError
from backtest.thesis import load_thesis

PRICES = ("open", "high", "low", "close", "adj_close")


@pytest.fixture(scope="module")
def rows():
    """The embedded table: ticker, session, prices as whole ten-thousandths, volume."""
    return pd.read_parquet(reference.FOLDER / reference.PRICES)


@pytest.fixture(scope="module")
def described():
    text = (reference.FOLDER / "prices.csv").read_text(encoding="utf-8")
    return {row["ticker"]: row for row in csv.DictReader(text.splitlines())}


@pytest.fixture
def refused(rows, tmp_path):
    """Read changed rows of NVDA and the rate; return the error they are refused with."""

    def read(change):
        spoiled = rows[rows["ticker"].isin(["NVDA", "CNY=X"])].reset_index(drop=True)
        change(spoiled).to_parquet(tmp_path / reference.PRICES, index=False)
        for name in ("decisions.toml", "prices.csv"):
            shutil.copy(reference.FOLDER / name, tmp_path)
        with pytest.raises(DataError) as fault:
            reference.load_prices(["NVDA"], tmp_path)
        return str(fault.value)

    return read


def at(rows, ticker, session):
    return (rows["ticker"] == ticker) & (rows["session"] == date.fromisoformat(session))


def test_every_ticker_of_the_universe_has_embedded_prices(archive, tickers):
    assert sorted(archive.prices.wealth.columns) == tickers
    assert archive.prices.wealth.notna().any().all()


def test_every_embedded_price_is_that_of_its_shared_file_to_the_digit(rows, shared_prices):
    files = sorted(shared_prices.glob("*.csv"))
    assert sorted(rows["ticker"].unique()) == [path.stem for path in files]
    for path in files:
        stated = pd.read_csv(path, dtype=str, keep_default_na=False)
        own = rows[rows["ticker"] == path.stem]
        assert [f"{day}" for day in own["session"]] == list(stated["date"]), path.name
        for name in PRICES:
            whole = [None if pd.isna(value) else int(value) for value in own[name]]
            assert whole == [ten_thousandths(text) for text in stated[name]], (path.name, name)


def ten_thousandths(text):
    """Return a decimal as whole ten-thousandths, by its digits alone."""
    if not text:
        return None
    whole, _, rest = text.partition(".")
    assert len(rest) <= 4
    return int(whole + rest.ljust(4, "0"))


@pytest.mark.parametrize(("ticker", "session", "close"), [
    ("300308.SZ", "2025-07-23", 185.7778), ("300308.SZ", "2023-12-29", 80.4116), ("300502.SZ", "2025-07-24", 123.2619),
])  # fmt: skip
def test_a_price_that_is_read_is_the_one_of_the_file(archive, ticker, session, close):
    assert archive.prices.wealth.at[pd.Timestamp(session), ticker] == close


def test_the_table_of_prices_says_where_each_ticker_begins_and_ends(rows, described):
    spans = rows.groupby("ticker")["session"].agg(["min", "max"])
    assert {ticker: (row["first"], row["last"]) for ticker, row in described.items()} == {
        ticker: (f"{first}", f"{last}") for ticker, first, last in spans.itertuples()
    }
    assert {ticker: int(row["sessions"]) for ticker, row in described.items()} == dict(rows.groupby("ticker").size())
    bars = rows[rows["open"].notna()].groupby("ticker")["session"].max()
    assert {ticker: row["last_bar"] for ticker, row in described.items() if row["last_bar"]} == {
        ticker: f"{last}" for ticker, last in bars.items()
    }


def test_a_share_s_close_is_its_adjusted_close_where_the_table_says_so(rows, described):
    forward = [ticker for ticker, row in described.items() if row["source"].endswith("close is adj_close")]
    own = rows[rows["ticker"].isin(forward)]
    assert len(forward) > 15
    assert (own["close"] == own["adj_close"]).all()


def test_no_benchmark_is_an_index_without_dividends(described):
    assert [
        one.ticker for one in load_thesis().universe.benchmarks if "without dividends" in described[one.ticker]["source"]
    ] == []


@pytest.mark.parametrize(
    ("market", "session", "close"),
    [
        ("XSHG", "2024-03-08", "2024-03-08T07:00Z"),
        ("XNYS", "2024-03-28", "2024-03-28T20:00Z"),  # the eve of Good Friday
        ("XNYS", "2024-11-29", "2024-11-29T18:00Z"),  # half a day after Thanksgiving
        ("XNYS", "2024-03-08", "2024-03-08T21:00Z"),  # winter
        ("XNYS", "2024-03-15", "2024-03-15T20:00Z"),  # summer
    ],
)
def test_a_price_is_known_at_the_close_of_its_session(archive, market, session, close):
    assert archive.prices.closes[market][session] == pd.Timestamp(close)


@pytest.mark.parametrize("market", ["XSHG", "XNYS"])
def test_every_session_of_the_exchange_calendar_has_its_close(archive, market):
    calendar = exchange_calendars.get_calendar(market, start="2021-12-01", end="2026-12-31")
    own = archive.prices.closes[market]
    sessions = calendar.sessions_in_range(own.index[0], own.index[-1])
    assert list(own.index) == list(sessions)
    assert list(own) == list(calendar.closes[sessions])


def test_the_embedded_rate_is_a_price_of_the_dollar_in_yuan(archive, shared_prices):
    stated = pd.read_csv(shared_prices / "CNY=X.csv", index_col="date", parse_dates=True)["close"]
    assert archive.prices.rates["CNY"][pd.Timestamp("2022-01-07")] == stated["2022-01-07"]
    assert archive.prices.rates["CNY"].dropna().between(6, 8).all()


def test_a_ticker_that_is_in_no_universe_is_refused_with_what_would_do():
    with pytest.raises(BacktestError, match=r"no prices of LITE2|no supplier or benchmark 'LITE2'"):
        reference.load_prices(["NVDA", "LITE2"])


def test_a_ticker_without_rows_is_refused_with_what_would_do(rows, tmp_path):
    rows[rows["ticker"] != "LITE"].to_parquet(tmp_path / reference.PRICES, index=False)
    with pytest.raises(DataError, match=r"prices.parquet: no prices of LITE; give a folder with --prices"):
        reference.load_prices(["NVDA", "LITE"], tmp_path)


def test_prices_without_a_rate_serve_a_book_that_needs_none_and_no_other(rows, tmp_path):
    rows[rows["ticker"] == "NVDA"].to_parquet(tmp_path / reference.PRICES, index=False)
    prices = reference.load_prices(["NVDA"], tmp_path)
    sessions = prices.sessions(["XNYS"])
    assert (prices.fx_rate(["NVDA"], "USD", sessions) == 1.0).all()
    with pytest.raises(DataError, match=r"reference: no CNY=X rate for 2022-01-03; expected CNY=X.csv with CNY per USD"):
        prices.fx_rate(["NVDA"], "CNY", sessions)


def test_a_ticker_that_is_embedded_and_in_no_universe_is_refused_by_name():
    with pytest.raises(BacktestError, match="KRW=X"):
        reference.load_prices(["KRW=X"])


@pytest.mark.parametrize("value", [0, -10_000])
def test_an_embedded_price_that_is_none_is_refused_by_ticker_session_and_price(refused, value):
    message = refused(lambda rows: rows.assign(close=rows["close"].mask(at(rows, "NVDA", "2024-03-28"), value)))
    assert message.startswith("prices.parquet NVDA (2024-03-28): close is ")


def test_an_embedded_session_that_stands_twice_is_refused(refused):
    message = refused(lambda rows: pd.concat([rows, rows[at(rows, "NVDA", "2024-03-28")]]).sort_values(["ticker", "session"]))
    assert "NVDA" in message
    assert "2024-03-28" in message


def test_an_embedded_session_that_is_left_out_is_refused(refused):
    message = refused(lambda rows: rows[~at(rows, "NVDA", "2024-03-28")])
    assert "NVDA" in message
    assert "2024-03-28" in message


@pytest.mark.parametrize("column", ["session", "ticker", "adj_close", "volume"])
def test_a_file_without_one_of_its_columns_is_refused_by_name(refused, column):
    assert column in refused(lambda rows: rows.drop(columns=column))


@pytest.mark.parametrize("keep", [0, 4, 1000, 400_000])
def test_a_file_cut_short_is_refused_by_name(tmp_path, keep):
    (tmp_path / reference.PRICES).write_bytes((reference.FOLDER / reference.PRICES).read_bytes()[:keep])
    with pytest.raises(DataError, match=r"^prices.parquet"):
        reference.load_prices(["NVDA"], tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"prices.parquet: no such file in"):
        reference.load_prices(["NVDA"], tmp_path)
