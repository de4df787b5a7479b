"""What a market asks of an order on a day: by date, by board, and refused where no row says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.markets import days, decided, listed, shares_of, traded

from backtest.errors import ConfigurationError, DataError
from backtest.markets import FOLDER, Market, load_markets, read_market
from backtest.markets.rules import RuleName

SHANGHAI, NEW_YORK = load_markets()["XSHG"], load_markets()["XNYS"]


def rewritten(folder: Path, change: Callable[[str], str]) -> Market:
    """Return the market of Shanghai as a changed copy of its file has it."""
    before = (FOLDER / "XSHG.toml").read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    (folder / "XSHG.toml").write_text(after, encoding="utf-8")
    return read_market(folder / "XSHG.toml")


def row(board: str, rule: str, value: float, since: str, more: str = "") -> str:
    head = f'\n[[rule]]\nboard = "{board}"\nrule = "{rule}"\n{more}'
    return head + f'value = {value}\nsince = {since}\nsource = "a test"\n'


# Look-ups


@pytest.mark.parametrize(
    ("ticker", "board"),
    [
        ("600183.SS", "main"), ("002281.SZ", "main"), ("300308.SZ", "ChiNext"), ("688256.SS", "STAR"), ("510300.SS", "fund"),
        ("588790.SS", "fund 20%"), ("159915.SZ", "fund 20%"),
    ],
)  # fmt: skip
def test_the_longest_start_of_a_code_gives_its_board(ticker: str, board: str) -> None:
    assert SHANGHAI.board_of(ticker) == board


@pytest.mark.parametrize(
    ("board", "rule", "on", "value"),
    [
        ("main", "duty_bps", "2023-08-25", 10.0),
        ("main", "duty_bps", "2023-08-28", 5.0),
        ("fund", "duty_bps", "2023-08-25", 0.0),
        ("fund 20%", "duty_bps", "2023-08-28", 0.0),
        ("fund", "transfer_bps", "2024-01-02", 0.0),
        ("main", "transfer_bps", "2022-04-28", 0.2),
        ("main", "transfer_bps", "2022-04-29", 0.1),
        ("ChiNext", "limit", "2020-08-21", 0.1),
        ("ChiNext", "limit", "2020-08-24", 0.2),
        ("main", "limit", "2024-01-02", 0.1),
        ("STAR", "limit", "2024-01-02", 0.2),
        ("ChiNext", "free_sessions", "2020-08-21", 1),
        ("ChiNext", "free_sessions", "2020-08-24", 5),
        ("main", "free_sessions", "2023-04-07", 1),
        ("main", "free_sessions", "2023-04-10", 5),
        ("STAR", "lot", "2024-01-02", 1),
        ("STAR", "least", "2024-01-02", 200),
        ("main", "lot", "2024-01-02", 100),
        ("fund", "lot", "2024-01-02", 100),
        ("fund", "tick", "2024-01-02", 0.001),
        ("main", "tick", "2024-01-02", 0.01),
        ("main", "settle_days", "2024-01-02", 1),
    ],
)
def test_a_rule_of_a_board_holds_from_its_day(board: str, rule: RuleName, on: str, value: float) -> None:
    assert SHANGHAI.rule_values(board, rule, days(on)).tolist() == [value]


@pytest.mark.parametrize(
    ("on", "value"), [("2024-05-21", 0.08), ("2024-05-22", 0.278), ("2025-05-13", 0.278), ("2025-05-14", 0.0)]
)
def test_the_fee_of_new_yorks_regulator_changes_on_its_days(on: str, value: float) -> None:
    assert NEW_YORK.rule_values("listed", "regulator_bps", days(on)).tolist() == [value]


def test_a_rule_has_a_value_on_each_of_several_sessions() -> None:
    sessions = days("2023-08-24", "2023-08-25", "2023-08-28", "2023-08-29")
    assert SHANGHAI.rule_values("main", "duty_bps", sessions).tolist() == [10.0, 10.0, 5.0, 5.0]


# What is refused


def test_a_day_without_a_row_is_refused_with_rule_board_and_day() -> None:
    with pytest.raises(DataError, match=r"XSHG.toml: no limit for STAR on 2019-07-19; expected a row that covers the day"):
        SHANGHAI.rule_values("STAR", "limit", days("2019-07-22", "2019-07-19"))


def test_a_book_on_a_day_without_a_row_is_refused() -> None:
    prices = shares_of({"600001.SS": [10.0] * 8}, index=pd.bdate_range("2015-07-27", periods=8).as_unit("ns"))
    with pytest.raises(DataError, match=r"XSHG.toml: no \w+ for main on 2015-07-27"):
        traded(prices, decided("2015-07-27", {"600001.SS": 0.5}), base="CNY")


def test_rows_that_overlap_are_refused_with_file_and_row(tmp_path: Path) -> None:
    count = len(SHANGHAI.rules)
    with pytest.raises(ConfigurationError, match=rf"XSHG.toml rule {count + 1}: limit of main from 2030-01-01 overlaps"):
        rewritten(tmp_path, lambda text: text + row("main", "limit", 0.2, "2030-01-01"))


def test_a_board_nobody_knows_is_refused_with_file_and_row(tmp_path: Path) -> None:
    count = len(SHANGHAI.rules)
    with pytest.raises(
        ConfigurationError, match=rf"XSHG.toml rule {count + 1}: board is 'Beijing'; expected 'any' or one of ChiNext, STAR"
    ):
        rewritten(tmp_path, lambda text: text + row("Beijing", "limit", 0.3, "2021-11-15"))


def test_a_row_that_ends_before_it_begins_is_refused_with_file_and_row(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"XSHG.toml rule \d+.*expected a day after since \(2008-09-19\)"):
        rewritten(tmp_path, lambda text: text.replace("until = 2023-08-28", "until = 2008-09-19"))


def test_a_code_no_board_begins_with_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"XSHG.toml: no board for 830001.BJ; expected a row"):
        SHANGHAI.board_of("830001.BJ")


@pytest.mark.parametrize(
    ("rule", "side", "words"),
    [
        ("duty_bps", "", r"side is ''; expected buy or sell or both for duty_bps"),
        ("limit", 'side = "sell"\n', r"side is 'sell'; expected none, for limit is no fee"),
        ("activity_most", 'side = "buy"\n', r"side is 'buy'; expected sell for activity_most"),
        ("commission_least", 'side = "sell"\n', r"side is 'sell'; expected both for commission_least"),
    ],
)
def test_a_fee_says_its_side_and_no_other_rule_does(rule: str, side: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=rf"XSHG.toml rule \d+: {words}"):
        rewritten(tmp_path, lambda text: text + row("main", rule, 0.1, "2030-01-01", side))


def test_a_settlement_of_more_than_one_session_is_refused(tmp_path: Path) -> None:
    slow = rewritten(tmp_path, lambda text: text.replace('"settle_days"\nvalue = 1', '"settle_days"\nvalue = 2'))
    with pytest.raises(DataError, match="settle_days is above 1"):
        traded(replace(shares_of({"600001.SS": [10.0] * 8}), markets={"XSHG": slow}), base="CNY")


# A rule that changes shows in the orders


def sales_around_the_halving(market: Market = SHANGHAI) -> list[list[object]]:
    """10,000 shares at 10 are bought, and 2,000 of them sold on each of three days."""
    index = pd.bdate_range("2023-08-23", periods=6).as_unit("ns")  # 23, 24, 25, 28, 29, 30
    prices = replace(shares_of({"600001.SS": [10.0] * 6}, index=index), markets={"XSHG": market})
    chosen = [decided(index[number], {"600001.SS": weight}) for number, weight in enumerate((1.0, 0.8, 0.6, 0.4))]
    orders = traded(prices, *chosen, base="CNY", capital=100_100.0).orders
    orders["bps"] = (orders["stamp duty"] / orders["value"] * 1e4).round(9)
    return listed(orders.assign(session=orders["session"].dt.strftime("%m-%d")), "session", "side", "bps")


def test_the_halving_of_stamp_duty_shows_in_sales_from_its_day_on() -> None:
    assert sales_around_the_halving() == [
        ["08-24", "buy", 0.0], ["08-25", "sell", 10.0], ["08-28", "sell", 5.0], ["08-29", "sell", 5.0]
    ]  # fmt: skip


def test_a_duty_that_is_changed_in_its_row_changes_the_sales_of_that_row_alone(tmp_path: Path) -> None:
    cheaper = rewritten(tmp_path, lambda text: text.replace("value = 5.0\nsince = 2023-08-28", "value = 2.5\nsince = 2023-08-28"))
    assert [bps for _, _, bps in sales_around_the_halving(cheaper)] == [0.0, 10.0, 2.5, 2.5]


def test_a_duty_on_both_sides_is_charged_on_buys_too(tmp_path: Path) -> None:
    both = rewritten(tmp_path, lambda text: text.replace('rule = "duty_bps"\nside = "sell"', 'rule = "duty_bps"\nside = "both"'))
    assert [bps for _, _, bps in sales_around_the_halving(both)] == [10.0, 10.0, 5.0, 5.0]


def test_a_duty_on_buys_alone_is_not_charged_on_sales(tmp_path: Path) -> None:
    buys = rewritten(tmp_path, lambda text: text.replace('rule = "duty_bps"\nside = "sell"', 'rule = "duty_bps"\nside = "buy"'))
    assert [bps for _, _, bps in sales_around_the_halving(buys)] == [10.0, 0.0, 0.0, 0.0]


def test_chinext_is_sealed_at_ten_per_cent_before_the_reform_and_not_after() -> None:
    """The same eleven per cent on the last session under the old rule and on the first under the new one."""
    index = pd.bdate_range("2020-08-20", periods=4).as_unit("ns")  # Thursday 20, Friday 21, Monday 24, Tuesday 25
    before = shares_of({"300001.SZ": [10.0, 11.0, 11.5, 11.5]}, index=index)
    after = shares_of({"300001.SZ": [10.0, 10.0, 11.1, 11.1]}, index=index)
    sessions = [
        traded(prices, decided(on, {"300001.SZ": 0.5}), base="CNY").orders["session"].iloc[0]
        for prices, on in ((before, index[0]), (after, index[1]))
    ]
    assert sessions == [index[2], index[2]]


# Ticks by price


SEOUL = load_markets()["XKRX"]


@pytest.mark.parametrize(
    ("on", "price", "tick"),
    [
        ("2023-01-20", 999, 1), ("2023-01-20", 150_000, 500), ("2023-01-25", 150_000, 100), ("2023-01-25", 199_900, 100),
        ("2023-01-25", 200_000, 500), ("2024-01-02", 1_999, 1), ("2024-01-02", 2_000, 5), ("2024-01-02", 1_322_000, 1_000),
        ("2024-01-02", float("nan"), 1),
    ],
)  # fmt: skip
def test_a_tick_in_seoul_depends_on_the_price_and_the_day(on: str, price: float, tick: float) -> None:
    assert SEOUL.ticks("KOSPI", days(on), np.array([price])).tolist() == [tick]


def test_a_tick_in_shanghai_is_one_at_every_price() -> None:
    assert SHANGHAI.ticks("main", days("2024-01-02", "2024-01-03"), np.array([1.0, 1e6])).tolist() == [0.01, 0.01]


@pytest.mark.parametrize(
    ("closes", "filled"),
    [
        ((1_322_000, 1_718_000), 2),  # 30% is 396,600, cut to 396,000: the share is sealed, as it was on 2026-07-31
        ((207_000, 262_500), 1),  # 26.8%: another was not
        ((207_000, 269_000), 2),
        ((207_000, 268_000), 1),
        ((50_100, 65_100), 2),
    ],
)
def test_a_share_in_seoul_is_sealed_at_a_limit_that_was_cut_to_a_tick(closes: tuple[float, float], filled: int) -> None:
    index = pd.bdate_range("2026-07-30", periods=4).as_unit("ns")
    plain = shares_of({"000660.KS": [closes[0], closes[1], closes[1], closes[1]]}, index=index)
    seoul = pd.Series(index.tz_localize("UTC") + pd.Timedelta(hours=6, minutes=30), index)
    prices = replace(plain, market={"000660.KS": "XKRX"}, currency={"000660.KS": "KRW"}, closes={"XKRX": seoul})
    orders = traded(prices, decided(index[0], {"000660.KS": 0.5}), base="KRW", capital=1e9).orders
    assert orders["session"].tolist() == [index[filled]]


def test_only_a_tick_depends_on_a_price(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"XSHG.toml rule \d+: above is 5; expected none, for limit does not depend"):
        rewritten(tmp_path, lambda text: text + row("main", "limit", 0.1, "2030-01-01", "above = 5.0\n"))
