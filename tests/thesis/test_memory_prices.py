"""Embedded prices of the memory thesis: Korean rows are closes alone, and pass the one gate as such."""

import shutil
from datetime import date

import numpy as np
import pandas as pd
import pytest

from backtest.data.sources import reference
from backtest.errors import DataError
from backtest.thesis import load_thesis

KOREAN = ("000660.KS", "005930.KS")


@pytest.fixture(scope="module")
def rows():
    every = pd.read_parquet(reference.FOLDER / reference.PRICES)
    return every[every["ticker"].isin([*KOREAN, "CNY=X", "KRW=X"])].reset_index(drop=True)


@pytest.fixture
def read(rows, tmp_path):
    """Read the Korean rows with the prices of a ticker on a day times a factor, in the universe of the thesis."""

    def with_factor(factor, ticker="000660.KS", session="2024-03-28"):
        at = (rows["ticker"] == ticker) & (rows["session"] == date.fromisoformat(session))
        changed = rows.copy()
        for name in ("close", "adj_close"):
            changed[name] = changed[name].mask(at, (changed[name].astype(float) * factor).round()).astype("Int64")
        changed.to_parquet(tmp_path / reference.PRICES, index=False)
        shutil.copy(reference.FOLDER / "decisions.toml", tmp_path)
        shutil.copy(reference.FOLDER / "prices.csv", tmp_path)
        return reference.load_prices(KOREAN, tmp_path, load_thesis("memory").universe)

    return with_factor


def test_closes_without_open_high_low_and_volume_pass(read):
    prices = read(1.0)
    assert prices.wealth.notna().all().all()
    assert prices.bars.close.notna().all().all()
    assert prices.bars.open.isna().all().all()
    assert dict(prices.currency) == dict.fromkeys(KOREAN, "KRW")


def test_every_session_of_seoul_has_a_close_but_those_the_exchange_was_closed_on(read):
    closed = pd.DatetimeIndex(["2026-06-03", "2026-07-17"])
    sessions = read(1.0).closes["XKRX"].index
    assert len(sessions) == 1137
    assert not len(sessions.intersection(closed))


@pytest.mark.parametrize("factor", [0.6, 1.4, 100])
def test_a_korean_close_beyond_the_limit_of_its_board_is_refused_by_ticker_and_day(read, factor):
    with pytest.raises(
        DataError, match=r"prices.parquet 000660.KS \(2024-03-28\): close moves by .*expected -30.25% to \+30.25%"
    ):
        read(factor)


def test_a_maker_s_first_price_is_of_the_day_it_can_be_held_from():
    universe = load_thesis("memory").universe
    prices = reference.load_prices([row.ticker for row in universe.suppliers], universe=universe)
    first = {ticker: column.first_valid_index() for ticker, column in prices.wealth.items()}
    late = {row.ticker: row.since for row in universe.suppliers if pd.Timestamp(row.since).year > 2022 or row.since.month > 1}
    assert {ticker: f"{first[ticker]:%Y-%m-%d}" for ticker in late} == {"SNDK": "2025-02-13", "301308.SZ": "2022-08-05"}
    assert {ticker: pd.Timestamp(since) for ticker, since in late.items()} == {ticker: first[ticker] for ticker in late}
    assert np.isfinite(prices.wealth["WDC"].dropna()).all()
