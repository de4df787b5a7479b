import pandas as pd
import pytest

from backtest.data.sources.folder import load_prices
from backtest.errors import BacktestError, DataError
from backtest.thesis import load_thesis

HEADER = "date,open,high,low,close,adj_close,volume"
# Shanghai closed for Labour Day from 1 May and opened on 6 May 2024; New York closed on 4 July 2024.
SHANGHAI = ["2024-04-29", "2024-04-30", "2024-05-06", "2024-05-07"]
NEW_YORK = ["2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08"]


def rows(days, price="100.0"):
    return [f"{day},,,,{price},{price},1000" for day in days]


@pytest.fixture
def prices(tmp_path):
    """A folder with four sessions of a Shanghai share, four of a New York one and no rate."""
    write(tmp_path, "300308.SZ", rows(SHANGHAI))
    write(tmp_path, "NVDA", rows(NEW_YORK))
    return tmp_path


def write(folder, name, lines, header=HEADER):
    (folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def test_a_missing_folder_is_named_with_what_would_do(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder of prices; expected a folder with one CSV per ticker"):
        load_prices(["NVDA"], tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_is_refused(prices):
    with pytest.raises(DataError, match=r"NVDA.csv: no such folder of prices"):
        load_prices(["NVDA"], prices / "NVDA.csv")


def test_every_ticker_without_a_file_is_named(prices):
    with pytest.raises(DataError, match=r"no file for AMD, LITE; expected AMD.csv with columns date,open"):
        load_prices(["NVDA", "LITE", "AMD"], prices)


def test_a_gap_against_the_exchange_calendar_is_refused_by_file_and_day(prices):
    write(prices, "300308.SZ", rows([SHANGHAI[0], SHANGHAI[2], SHANGHAI[3]]))
    with pytest.raises(DataError, match=r"300308.SZ.csv: no row for 2024-04-30, a session of XSHG \(1 missing\)"):
        load_prices(["300308.SZ"], prices)


@pytest.mark.parametrize(
    ("ticker", "days", "stray", "market"),
    [
        ("300308.SZ", [*SHANGHAI[:2], "2024-05-01", *SHANGHAI[2:]], "2024-05-01", "XSHG"),
        ("NVDA", [*NEW_YORK[:2], "2024-07-04", *NEW_YORK[2:]], "2024-07-04", "XNYS"),
        ("NVDA", [*NEW_YORK[:3], "2024-07-06", *NEW_YORK[3:]], "2024-07-06", "XNYS"),
    ],
    ids=["Labour Day", "Independence Day", "Saturday"],
)
def test_a_row_on_a_day_without_a_session_is_refused_by_file_and_day(prices, ticker, days, stray, market):
    write(prices, ticker, rows(days))
    with pytest.raises(DataError, match=rf"{ticker}.csv row \d: {stray} is no session of {market}"):
        load_prices([ticker], prices)


def test_the_other_markets_holiday_is_no_gap(prices):
    found = load_prices(["300308.SZ", "NVDA"], prices)
    assert {f"{day:%Y-%m-%d}" for day in found.wealth.index} == {*SHANGHAI, *NEW_YORK}


def test_a_day_that_stands_twice_is_refused_by_file_row_and_day(prices):
    write(prices, "NVDA", rows([NEW_YORK[0], NEW_YORK[1], NEW_YORK[1], NEW_YORK[2]]))
    with pytest.raises(DataError, match=r"NVDA.csv row 4: 2024-07-03 stands twice; expected unique, rising days"):
        load_prices(["NVDA"], prices)


def test_days_out_of_order_are_refused_by_file_row_and_day(prices):
    write(prices, "NVDA", rows([NEW_YORK[1], NEW_YORK[0], NEW_YORK[2]]))
    with pytest.raises(DataError, match=r"NVDA.csv row 3: 2024-07-02 comes after 2024-07-03; expected unique, rising days"):
        load_prices(["NVDA"], prices)


@pytest.mark.parametrize("stated", ["0", "0.0", "-12.5", "suspended", "-", "inf", "nan", "1,234.5"])
def test_a_price_that_is_not_a_positive_number_is_refused_by_file_row_and_day(prices, stated):
    quoted = f'"{stated}"' if "," in stated else stated
    write(prices, "NVDA", [*rows(NEW_YORK[:2]), *rows(NEW_YORK[2:3], quoted), *rows(NEW_YORK[3:])])
    complaint = rf"NVDA.csv row 4 \(2024-07-05\): adj_close is '{stated}'; expected a price above 0, or nothing"
    with pytest.raises(DataError, match=complaint):
        load_prices(["NVDA"], prices)


def test_a_bad_price_below_a_blank_line_is_refused_by_its_own_row_and_day(prices):
    write(prices, "NVDA", [*rows(NEW_YORK[:2]), "", *rows(NEW_YORK[2:3], "-"), *rows(NEW_YORK[3:])])
    with pytest.raises(DataError, match=r"NVDA.csv row 5 \(2024-07-05\): adj_close is '-'"):
        load_prices(["NVDA"], prices)


def test_days_out_of_order_around_a_blank_line_are_refused_by_file_row_and_day(prices):
    write(prices, "NVDA", [*rows(NEW_YORK[1:2]), "", *rows(NEW_YORK[:1])])
    with pytest.raises(DataError, match=r"NVDA.csv row 4: 2024-07-02 comes after 2024-07-03"):
        load_prices(["NVDA"], prices)


@pytest.mark.parametrize("stated", ["2024-07-32", "03/07/2024", "", "1024-07-03", "1899-12-29", "2201-01-02"])
def test_a_day_that_is_none_is_refused_by_file_and_row(prices, stated):
    write(prices, "NVDA", rows([NEW_YORK[0], stated, NEW_YORK[2]]))
    with pytest.raises(DataError, match=f"NVDA.csv row 3: date is '{stated}'; expected a day like 2024-03-28"):
        load_prices(["NVDA"], prices)


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_refused_with_the_columns_wanted(prices, column):
    write(
        prices,
        "NVDA",
        rows(NEW_YORK),
        HEADER.replace(column, "other") if column != "close" else HEADER.replace("w,close", "w,other"),
    )
    with pytest.raises(DataError, match=f"NVDA.csv: no column '{column}'; expected {HEADER}"):
        load_prices(["NVDA"], prices)


def test_a_file_without_a_row_is_refused(prices):
    write(prices, "NVDA", [])
    with pytest.raises(DataError, match=r"NVDA.csv: no rows; expected at least one"):
        load_prices(["NVDA"], prices)


def test_an_empty_file_is_refused(prices):
    (prices / "NVDA.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"NVDA.csv: not a readable CSV"):
        load_prices(["NVDA"], prices)


def test_a_file_with_one_comma_too_many_in_every_row_is_refused_as_such(prices):
    write(prices, "NVDA", [f"{row}," for row in rows(NEW_YORK)])
    with pytest.raises(DataError, match=r"NVDA.csv row 2: 8 field\(s\); expected 7, as its header has"):
        load_prices(["NVDA"], prices)


def test_a_session_on_which_the_share_was_suspended_has_no_price(prices):
    write(prices, "300308.SZ", [*rows(SHANGHAI[:1]), "2024-04-30,,,,,,", *rows(SHANGHAI[2:])])
    found = load_prices(["300308.SZ"], prices).wealth["300308.SZ"]
    assert list(found.isna()) == [False, True, False, False]


def test_the_price_is_the_adjusted_close(prices):
    write(prices, "NVDA", ["2024-07-02,9,9,9,9,8.5,1", "2024-07-03,9,9,9,9,8.75,1"])
    assert list(load_prices(["NVDA"], prices).wealth["NVDA"]) == [8.5, 8.75]


@pytest.mark.parametrize(
    ("bar", "allowed"),
    [
        ("9,12,8,11", True),
        ("9,11,9,11", True),
        ("9,10.9,8,11", False),
        ("12,11.5,8,11", False),
        ("9,12,9.1,11", False),
        ("12,13,11.1,11", False),
    ],
    ids=["within", "at both", "high below close", "high below open", "low above open", "low above close"],
)
def test_a_high_and_a_low_hold_their_open_and_close(prices, bar, allowed):
    write(prices, "NVDA", [*rows(NEW_YORK[:1], "10.0"), f"2024-07-03,{bar},11,1", *rows(NEW_YORK[2:], "10.0")])
    if allowed:
        found = load_prices(["NVDA"], prices).bars
        stated = [getattr(found, name)["NVDA"]["2024-07-03"] for name in ("open", "high", "low", "close")]
        assert stated == [float(price) for price in bar.split(",")]
    else:
        with pytest.raises(DataError, match=r"NVDA.csv row 3 \(2024-07-03\): .*low <= open, close <= high"):
            load_prices(["NVDA"], prices)


def test_each_ticker_has_the_market_and_currency_of_its_row_in_the_universe(prices):
    found = load_prices(["300308.SZ", "NVDA"], prices)
    assert (found.market, found.currency) == (
        {"300308.SZ": "XSHG", "NVDA": "XNYS"},
        {"300308.SZ": "CNY", "NVDA": "USD"},
    )


def test_the_closes_are_those_of_the_exchange_on_every_session(prices):
    closes = load_prices(["300308.SZ", "NVDA"], prices).closes
    early = pd.Timestamp("2024-07-03T17:00Z")  # New York closes at 13:00 on the eve of Independence Day
    assert (closes["XNYS"]["2024-07-03"], closes["XNYS"]["2024-07-05"]) == (early, pd.Timestamp("2024-07-05T20:00Z"))
    assert closes["XSHG"]["2024-05-06"] == pd.Timestamp("2024-05-06T07:00Z")


def test_the_closes_end_with_the_last_session_of_the_prices(prices):
    assert [f"{day:%Y-%m-%d}" for day in load_prices(["NVDA"], prices).closes["XNYS"].index] == NEW_YORK


def test_a_ticker_that_is_in_no_universe_is_refused_though_it_has_a_file(prices):
    write(prices, "DIA", rows(NEW_YORK))
    with pytest.raises(BacktestError, match="DIA"):
        load_prices(["DIA"], prices)


def test_a_book_in_two_currencies_without_a_rate_file_is_refused(prices):
    found = load_prices(["300308.SZ", "NVDA"], prices)
    with pytest.raises(DataError, match="CNY=X"):
        found.valued(["300308.SZ", "NVDA"], "CNY", found.wealth.index)


def test_the_rate_is_read_from_its_own_file(prices):
    write(prices, "CNY=X", ["2024-07-02,,,,7.27,7.27,", "2024-07-03,,,,,,", "2024-07-04,,,,7.28,7.28,"])
    assert list(load_prices(["NVDA"], prices).rates["CNY"]) == [7.27, 7.28]


def test_the_data_id_changes_with_one_price(prices):
    before = load_prices(["NVDA"], prices).data_id
    write(prices, "NVDA", rows(NEW_YORK, "100.1"))
    assert load_prices(["NVDA"], prices).data_id != before


@pytest.mark.parametrize("session", [0, -1])
def test_the_data_id_changes_with_the_volume_of_one_session(prices, session):
    before, path = load_prices(["NVDA"], prices).data_id, prices / "NVDA.csv"
    table = pd.read_csv(path, dtype={"volume": float})
    table.loc[table.index[session], "volume"] = 4321.0
    table.to_csv(path, index=False)
    assert load_prices(["NVDA"], prices).data_id != before


def test_the_data_id_does_not_change_with_a_file_that_is_not_read(prices):
    before = load_prices(["NVDA"], prices).data_id
    write(prices, "300308.SZ", rows(SHANGHAI, "100.1"))
    assert load_prices(["NVDA"], prices).data_id == before


def test_no_supplier_has_an_embedded_price_before_it_was_listed(archive):
    first = {row.ticker: archive.prices.wealth[row.ticker].first_valid_index() for row in load_thesis().universe.suppliers}
    early = {row.ticker for row in load_thesis().universe.suppliers if first[row.ticker] < pd.Timestamp(row.since)}
    assert early == set()
