"""Answers with prices that cannot be right: refused when they are pulled, and again when a store that has them is read."""

import numpy as np
import pandas as pd
import pytest

from backtest.data.archive import load_archive
from backtest.data.overrides import load_decisions
from backtest.errors import DataError

SINCE = ("--since", "2026-03-02")
DAY = "2026-06-10"
QUOTES = ["open", "high", "low", "close"]


def before(factor, columns=QUOTES):
    return lambda table: table.assign(**{one: table[one].where(table.index >= DAY, table[one] * factor) for one in columns})


def on_the_day(columns, factor):
    return lambda table: table.assign(**{one: table[one].where(table.index != DAY, table[one] * factor) for one in columns})


def paying(share):
    return lambda table: table.assign(dividend=np.where(table.index == DAY, table["close"].shift() * share, 0.0))


FAULTS = {
    "one close times 100": (on_the_day(["close"], 100), "low <= open, close <= high"),
    "one session times 100": (on_the_day(QUOTES, 100), r"close moves by \+\d+\.\d%"),
    "a 7:1 split nobody names": (before(7), r"close moves by -8\d\.\d%"),
    "a dividend of 90% with the close unmoved": (paying(0.9), "a dividend of 90% of the close before"),
    "a dividend above the close": (paying(1.2), "is not below the close before it"),
    "an open divided by 100": (on_the_day(["open"], 0.01), "low <= open, close <= high"),
    "an open and a low divided by 100": (on_the_day(["open", "low"], 0.01), r"open moves by -\d\d\.\d%"),
    "a close below zero": (on_the_day(["close"], -1), "close is -"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_cannot_be_right_is_refused_by_day_and_nothing_of_it_is_stored(fault, command, store, source_server):
    change, words = FAULTS[fault]
    source_server.prices["NVDA"] = change
    code, _, errors = command("data", "pull", "NVDA", "--source", "yahoo", *SINCE)
    assert code == 3
    assert len(errors) == 1
    assert DAY in errors[0]
    assert pd.Series(errors).str.contains(words).all(), errors
    assert store.tables("prices") == []


def decide(store, text):
    store.home.mkdir(exist_ok=True)
    (store.home / "decisions.toml").write_text(text, encoding="utf-8")


def test_a_row_lets_a_pulled_move_through_and_goes_with_the_export(command, store, source_server, tmp_path):
    source_server.prices["NVDA"] = before(7)
    decide(store, f'[[price]]\nticker = "NVDA"\nsession = {DAY}\nreason = "looked up"\n')
    assert command("data", "pull", "NVDA", "--source", "yahoo", *SINCE)[0] == 0
    stored = load_archive(["NVDA"], "store").prices
    assert command("data", "export", tmp_path / "snapshot")[0] == 0
    assert load_decisions(tmp_path / "snapshot").rows == load_decisions(store.home).rows
    assert load_archive(["NVDA"], str(tmp_path / "snapshot")).prices.data_id == stored.data_id


def test_what_a_store_holds_from_before_is_refused_when_it_is_read(command, store, source_server):
    source_server.prices["NVDA"] = before(7)
    decide(store, f'[[price]]\nticker = "NVDA"\nsession = {DAY}\nreason = "looked up"\n')
    assert command("data", "pull", "NVDA", "--source", "yahoo", *SINCE)[0] == 0
    decide(store, "")
    with pytest.raises(DataError, match=rf"yahoo NVDA \({DAY}\): close moves by -8\d\.\d%"):
        load_archive(["NVDA"], "store")


def test_a_suspension_filled_with_the_last_close_has_no_price_when_it_is_read(command, store, source_server):
    def flat(table):
        still = (table.index >= "2026-06-10") & (table.index <= "2026-06-12")
        last = table.loc[table.index < "2026-06-10", "close"].iloc[-1]
        filled = {one: table[one].where(~still, last) for one in QUOTES}
        return table.assign(**filled, volume=table["volume"].where(~still, 0.0))

    source_server.prices |= {"NVDA": flat, "300308.SZ": flat}
    assert command("data", "pull", "NVDA", "300308.SZ", "--source", "yahoo", *SINCE)[0] == 0
    wealth = load_archive(["NVDA", "300308.SZ"], "store").prices.wealth
    assert wealth.loc["2026-06-10":"2026-06-12"].isna().all().all()
    assert wealth.loc["2026-06-15"].notna().all()
