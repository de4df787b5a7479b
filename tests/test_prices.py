from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.errors import DataError
from backtest.prices import Bars, Prices

NAN = float("nan")
DAYS = pd.DatetimeIndex(["2024-03-04", "2024-03-05", "2024-03-06"])


def utc(text):
    return pd.Timestamp(text, tz="UTC")


@pytest.fixture
def prices():
    """One name in Shanghai and one in New York over three days; Shanghai's is suspended on the second."""
    return Prices(
        wealth=pd.DataFrame({"300308.SZ": [100.0, NAN, 102.0], "NVDA": [50.0, 51.0, 52.0]}, DAYS),
        market={"300308.SZ": "XSHG", "NVDA": "XNYS"},
        currency={"300308.SZ": "CNY", "NVDA": "USD"},
        closes={
            "XSHG": pd.Series([utc(f"{day:%Y-%m-%d} 07:00") for day in DAYS], DAYS),
            "XNYS": pd.Series([utc(f"{day:%Y-%m-%d} 21:00") for day in DAYS], DAYS),
        },
        rates=pd.DataFrame({"CNY": [7.0, NAN, 7.2], "KRW": [1300.0, 1310.0, 1320.0]}, DAYS),
        adjustment="total return",
        source="made up",
        data_id="0",
    )


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("inf")])
def test_a_price_that_is_not_positive_and_finite_is_refused_by_ticker_and_day(prices, wrong):
    with pytest.raises(DataError, match=f"made up: NVDA is {wrong} on 2024-03-05"):
        replace(prices, wealth=prices.wealth.assign(NVDA=[50.0, wrong, 52.0]))


def test_a_price_may_be_a_cent(prices):
    assert replace(prices, wealth=prices.wealth.assign(NVDA=0.01)).wealth["NVDA"].tolist() == [0.01] * 3


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 0, 1]], ids=["falling", "twice"])
def test_sessions_that_fall_or_repeat_are_refused(prices, order):
    with pytest.raises(DataError, match="made up: sessions are not unique and rising"):
        replace(prices, wealth=prices.wealth.iloc[order])


def test_tickers_without_prices_are_named(prices):
    with pytest.raises(DataError, match="made up: no prices for AMD, LITE"):
        prices.require(["NVDA", "LITE", "AMD"])


def test_what_there_is_is_not_complained_about(prices):
    assert prices.require(["NVDA", "300308.SZ"]) is None


@pytest.mark.parametrize(
    ("market", "moment", "session"),
    [
        ("XSHG", "2024-03-05 06:59", "2024-03-04"),
        ("XSHG", "2024-03-05 07:00", "2024-03-05"),
        ("XNYS", "2024-03-05 20:59", "2024-03-04"),
        ("XNYS", "2024-03-05 21:00", "2024-03-05"),
        ("XNYS", "2030-01-01 00:00", "2024-03-06"),
    ],
)
def test_a_session_is_known_from_the_instant_it_closes(prices, market, moment, session):
    assert prices.known_until(market, utc(moment)) == pd.Timestamp(session)


def test_nothing_is_known_before_the_first_close(prices):
    assert prices.known_until("XNYS", utc("2024-03-04 20:59")) is None


def test_the_rate_is_the_days_own_or_the_latest_before_it(prices):
    assert list(prices.rate_of("CNY", DAYS)) == [7.0, 7.0, 7.2]


@pytest.mark.parametrize(("day", "allowed"), [("2024-03-16", True), ("2024-03-17", False)])
def test_a_rate_serves_for_ten_days_and_not_for_eleven(prices, day, allowed):
    wanted = pd.DatetimeIndex([day])
    if allowed:
        assert list(prices.rate_of("CNY", wanted)) == [7.2]
    else:
        with pytest.raises(DataError, match="made up: no CNY=X rate for 2024-03-17 or the ten days before it"):
            prices.rate_of("CNY", wanted)


def test_no_rate_is_taken_from_a_later_day(prices):
    with pytest.raises(DataError, match="no CNY=X rate for 2024-03-03"):
        prices.rate_of("CNY", pd.DatetimeIndex(["2024-03-03"]))


def test_a_source_without_any_rate_is_refused_by_the_day_that_needs_one(prices):
    without = replace(prices, rates=pd.DataFrame(index=pd.DatetimeIndex([])))
    with pytest.raises(DataError, match="no CNY=X rate for 2024-03-04"):
        without.valued(["NVDA"], "CNY", DAYS)


def test_dollars_become_yuan_by_multiplying_with_the_rate(prices):
    assert list(prices.valued(["NVDA"], "CNY", DAYS)["NVDA"]) == pytest.approx([350.0, 357.0, 374.4])


def test_yuan_become_dollars_by_dividing_by_the_rate(prices):
    found = prices.valued(["300308.SZ"], "USD", DAYS)["300308.SZ"]
    np.testing.assert_allclose(found, [14.285714, 14.285714, 14.166667], rtol=1e-6)


def test_a_price_in_its_own_currency_is_left_as_it_is_and_a_suspension_keeps_its_last_value(prices):
    np.testing.assert_array_equal(prices.valued(["300308.SZ"], "CNY", DAYS)["300308.SZ"], [100.0, 100.0, 102.0])


def test_of_two_currencies_only_the_foreign_one_is_converted(prices):
    found = prices.valued(["300308.SZ", "NVDA"], "CNY", DAYS)
    assert found.iloc[0].tolist() == pytest.approx([100.0, 350.0])


@pytest.mark.parametrize(("end", "last"), [("2024-03-05", None), ("2024-03-06", "2024-03-05")])
def test_a_ticker_has_ended_once_its_market_has_a_session_after_its_last_price(prices, end, last):
    ended = replace(prices, wealth=prices.wealth.assign(NVDA=[50.0, 51.0, NAN]))
    assert ended.last_session("NVDA", pd.Timestamp(end)) == (pd.Timestamp(last) if last else None)


def test_converting_leaves_the_source_unchanged(prices):
    before = prices.wealth.copy()
    prices.valued(["300308.SZ", "NVDA"], "CNY", DAYS)
    pd.testing.assert_frame_equal(prices.wealth, before)


@pytest.mark.parametrize(("markets", "periods"), [(("XNYS",), 252), (("XSHG",), 242), (("XSHG", "XNYS"), 260)])
def test_returns_a_year_follow_the_markets(prices, markets, periods):
    assert prices.periods_per_year(markets) == periods


def test_the_sessions_of_two_markets_are_their_union(prices):
    late = replace(prices, closes={"XSHG": prices.closes["XSHG"].iloc[:2], "XNYS": prices.closes["XNYS"].iloc[1:]})
    assert list(late.sessions(("XSHG", "XNYS"))) == list(DAYS)


def test_a_currency_without_a_rate_of_its_own_is_refused_by_name(prices):
    abroad = replace(prices, currency={"300308.SZ": "CNY", "NVDA": "HKD"})
    with pytest.raises(DataError, match=r"no HKD=X rate .*; expected HKD=X.csv with HKD per USD \(for NVDA in a book in CNY\)"):
        abroad.valued(["300308.SZ", "NVDA"], "CNY", DAYS)
    with pytest.raises(DataError, match=r"made up: no HKD=X rate .*\(for 300308.SZ in a book in HKD\)"):
        prices.valued(["300308.SZ"], "HKD", DAYS)


def test_two_currencies_meet_in_the_dollar(prices):
    found = prices.fx_rate(["300308.SZ", "NVDA"], "KRW", DAYS)
    np.testing.assert_allclose(found, [[1300 / 7.0, 1300], [1310 / 7.0, 1310], [1320 / 7.2, 1320]], rtol=1e-15)


def test_a_book_in_dollars_needs_the_rate_of_what_it_holds_alone(prices):
    without = replace(prices, rates=prices.rates[["CNY"]])
    assert without.fx_rate(["NVDA", "300308.SZ"], "USD", DAYS)[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_each_currency_s_rate_grows_stale_for_itself(prices):
    longer = prices.rates.reindex(prices.rates.index.union(pd.DatetimeIndex(["2024-03-20"])))
    longer.loc["2024-03-20", "KRW"] = 1330.0
    late = replace(prices, rates=longer)
    wanted = pd.DatetimeIndex(["2024-03-20"])
    assert late.rate_of("KRW", wanted).tolist() == [1330.0]
    with pytest.raises(DataError, match="no CNY=X rate for 2024-03-20 or the ten days before it"):
        late.rate_of("CNY", wanted)


def test_markets_take_turns_in_the_order_of_their_closes(prices):
    seoul = pd.Series([utc(f"{day:%Y-%m-%d} 06:30") for day in DAYS], DAYS)
    three = replace(prices, closes={**prices.closes, "XKRX": seoul})
    assert three.in_order(("XNYS", "XKRX", "XSHG")) == ("XKRX", "XSHG", "XNYS")


def test_a_session_with_a_close_and_no_open_is_unopened(prices):
    close = prices.wealth
    bars = Bars(close.assign(NVDA=[50.0, NAN, 52.0]), close, close, close)
    assert replace(prices, bars=bars).unopened("NVDA", DAYS).tolist() == [DAYS[1]]
