"""Yahoo's answers as sessions, splits held against the prices, dividends in proportion: each trap planted."""

import json

import numpy as np
import pandas as pd
import pytest
from source_server import chart, made_up_prices

from backtest.data.adjustment import adjusted, total_return
from backtest.data.answer import Answer
from backtest.data.sources import yahoo
from backtest.errors import DataError
from backtest.markets import load_markets

LATE = pd.Timestamp("2024-07-09T23:00Z")


def answer(document, at=LATE):
    return Answer("yahoo", "NVDA", "made up", at, 200, json.dumps(document).encode())


def document(since="2024-06-03", until="2024-07-08", ticker="NVDA"):
    return chart(made_up_prices(ticker, pd.Timestamp(since), pd.Timestamp(until)), ticker)


def spoilt(change):
    whole = document()
    change(whole["chart"]["result"][0])
    return whole


def parsed(whole, at=LATE):
    return yahoo.parse(answer(whole, at), "NVDA", load_markets()["XNYS"], "USD")


def test_every_session_of_the_calendar_comes_with_the_prices_of_the_answer():
    rows = parsed(document())
    assert rows["session"].iloc[0] == pd.Timestamp("2024-06-03")
    assert len(rows) == 24  # June 2024 has 19 sessions, 1 to 8 July five, Juneteenth and the 4th closed
    assert (rows["high"] >= rows["close"]).all()


def test_each_price_and_the_volume_of_the_answer_stand_in_their_own_column():
    table = made_up_prices("NVDA", pd.Timestamp("2024-06-03"), pd.Timestamp("2024-07-08"))
    rows = parsed(chart(table, "NVDA"))
    assert list(rows) == ["session", "open", "high", "low", "close", "volume", "dividend", "split"]
    names = ["open", "high", "low", "close", "volume"]
    assert rows[names].to_numpy().tolist() == table[names].to_numpy().tolist()


@pytest.mark.parametrize(("at", "last"), [("2024-07-08T20:29Z", "2024-07-05"), ("2024-07-08T20:30Z", "2024-07-08")])
def test_a_session_is_final_half_an_hour_after_its_close(at, last):
    assert parsed(document(), pd.Timestamp(at))["session"].iloc[-1] == pd.Timestamp(last)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda result: result["meta"].update(currency="GBp"), "currency is 'GBp'; expected USD"),
        (lambda result: result["meta"].update(exchangeTimezoneName="Asia/Tokyo"), "time zone is 'Asia/Tokyo'"),
        (lambda result: result["timestamp"].clear(), "the answer has no session"),
        (lambda result: result["timestamp"].pop(), "quotes are not what we know"),
        (lambda result: result["indicators"]["quote"][0].pop("open"), "quotes are not what we know"),
        (lambda result: result["indicators"]["quote"][0]["close"].__setitem__(3, "n/a"), "quotes are not what we know"),
        (lambda result: result["timestamp"].reverse(), "sessions do not rise"),
        (
            lambda result: result["timestamp"].__setitem__(13, result["timestamp"][12] - 86400 * 5 // 5),
            "sessions do not rise|stands",
        ),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_refused(change, words):
    with pytest.raises(DataError, match=f"yahoo NVDA: .*({words})"):
        parsed(spoilt(change))


def test_trades_on_a_day_without_a_session_are_refused_and_an_empty_holiday_is_left_out():
    table = made_up_prices("NVDA", pd.Timestamp("2024-07-01"), pd.Timestamp("2024-07-08"))
    holiday = table.rename(index={pd.Timestamp("2024-07-03"): pd.Timestamp("2024-07-04")})
    with pytest.raises(DataError, match="2024-07-04 is no session of XNYS, yet it traded"):
        parsed(chart(holiday, "NVDA"))
    empty = pd.concat([table, table.iloc[[0]].set_axis([pd.Timestamp("2024-07-04")])]).sort_index()
    empty.loc["2024-07-04", ["open", "high", "low", "close", "volume"]] = np.nan
    assert pd.Timestamp("2024-07-04") not in set(parsed(chart(empty, "NVDA"))["session"])


def test_dividends_and_splits_stand_on_their_sessions():
    table = made_up_prices("NVDA", pd.Timestamp("2024-06-03"), pd.Timestamp("2024-07-08"))
    table.loc["2024-06-11", "dividend"] = 0.01
    table.loc["2024-06-10", "split"] = 10.0
    rows = parsed(chart(table, "NVDA")).set_index("session")
    assert rows["dividend"]["2024-06-11"] == 0.01
    assert rows["split"]["2024-06-10"] == 10.0
    assert rows["split"].drop(pd.Timestamp("2024-06-10")).eq(1).all()


def test_the_rows_of_an_answer_keep_their_prices_beside_the_adjusted_close():
    rows = parsed(document()).assign(dividend=np.nan)
    rows.loc[1, "dividend"] = rows.loc[0, "close"] / 2
    table = adjusted(rows, "yahoo NVDA")
    assert list(table) == ["adj_close", "open", "high", "low", "close", "volume", "split"]
    assert list(table.index) == list(rows["session"])
    kept = list(table)[1:]
    assert table[kept].to_numpy().tolist() == rows[kept].to_numpy().tolist()
    assert table["adj_close"].tolist() == [rows.loc[0, "close"] / 2, *rows["close"][1:]]


def test_dividends_are_carried_back_in_proportion_so_that_each_return_is_the_holder_s():
    close = pd.Series([10.0, 9.0, 18.0], pd.bdate_range("2024-01-02", periods=3))
    dividend = pd.Series([0.0, 1.0, 0.0], close.index)
    adjusted = total_return(close, dividend)
    assert adjusted.tolist() == pytest.approx([9.0, 9.0, 18.0])  # nothing lost on the ex-day, then doubled


def test_subtraction_would_have_shown_a_return_that_nobody_earned():
    # A price that halves and comes back, then pays half of itself: a holder who bought at 10 has 20 at the end.
    close = pd.Series([10.0, 5.5, 10.0, 10.0, 5.0, 10.0], pd.bdate_range("2024-01-02", periods=6))
    dividend = pd.Series([0.0, 0.0, 0.0, 0.0, 5.0, 0.0], close.index)
    adjusted, subtracted = total_return(close, dividend), close - 5.0 * (close.index < close.index[4])
    held = adjusted / adjusted.shift()
    assert held.iloc[4] == pytest.approx((5.0 + 5.0) / 10.0)
    assert adjusted.iloc[2] / adjusted.iloc[1] == pytest.approx(10.0 / 5.5)
    assert subtracted.iloc[2] / subtracted.iloc[1] == pytest.approx(10.0)  # what subtraction makes of +82%


@pytest.mark.parametrize("dividend", [10.0, 12.0])
def test_a_dividend_not_below_the_price_is_refused(dividend):
    close = pd.Series([10.0, 9.0], pd.bdate_range("2024-01-02", periods=2))
    with pytest.raises(DataError, match=rf"dividend of {dividend:g} .* is not below the close before it, 10"):
        total_return(close, pd.Series([0.0, dividend], close.index))


def test_a_session_for_which_no_dividend_is_stated_pays_none():
    close = pd.Series([10.0, 9.0, 9.5], pd.bdate_range("2024-01-02", periods=3))
    assert total_return(close, pd.Series([0.0, np.nan, 0.0], close.index)).tolist() == [10.0, 9.0, 9.5]


def test_a_suspended_session_keeps_the_price_before_for_the_dividend_after():
    close = pd.Series([10.0, np.nan, 9.0], pd.bdate_range("2024-01-02", periods=3))
    adjusted = total_return(close, pd.Series([0.0, 0.0, 1.0], close.index))
    assert adjusted.iloc[0] == pytest.approx(9.0)
    assert np.isnan(adjusted.iloc[1])


def test_the_crumb_of_a_request_is_not_kept_and_the_rest_is():
    asked = "https://query2.finance.yahoo.com/v8/finance/chart/NVDA?period1=0&crumb=secret&interval=1d"
    assert yahoo._without_secrets(asked) == "https://query2.finance.yahoo.com/v8/finance/chart/NVDA?period1=0&interval=1d"
