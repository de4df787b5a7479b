"""Orders under their market's conditions, on markets small enough to follow by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.markets import INDEX, MAIN, NOWHERE, STAR, US, day, decided, eight, listed, prices_of, shares_of, spec_of, traded
from vectorbt_rust import portfolio

from backtest.decisions import last_session
from backtest.errors import BacktestError, DataError
from backtest.execution import kernel
from backtest.execution.accounting import book_values
from backtest.execution.conditions import TradingConditions, conditions_of
from backtest.execution.orders import Orders, due_rows, walked
from backtest.execution.settings import Costs
from backtest.execution.shortfall import HALF_LOT, ShortfallLog
from backtest.execution.simulator import simulate
from backtest.prices import Prices

# Fees


@pytest.mark.parametrize(("target", "commission", "transfer"), [(0.1, 5.0, 0.1), (0.5, 12.5, 0.5)])
def test_a_commission_is_at_least_its_minimum(target: float, commission: float, transfer: float) -> None:
    """2.5 bps of 10,000 are 2.50, of 50,000 are 12.50; the transfer fee is 0.1 bps; a purchase bears no duty."""
    orders = traded(shares_of({MAIN: eight()}), decided(INDEX[0], {MAIN: target}), base="CNY").orders
    kinds = listed(orders, "commission", "transfer fee", "stamp duty", "cost")
    assert kinds == [pytest.approx([commission, transfer, 0.0, commission + transfer])]


def test_stamp_duty_is_paid_on_the_sale_alone() -> None:
    outcome = traded(shares_of({MAIN: eight()}), decided(INDEX[0], {MAIN: 0.5}), decided(INDEX[2], {}), base="CNY")
    assert listed(outcome.orders, "side", "stamp duty") == [["buy", 0.0], ["sell", pytest.approx(25.0)]]  # 5 bps of 50,000
    assert outcome.equity.iloc[-1] == pytest.approx(100_000 - 13.0 - 13.0 - 25.0)


@pytest.mark.parametrize(("target", "fee"), [(0.4, 6.64), (0.6, 8.30)])
def test_the_activity_fee_on_a_sale_stops_at_its_cap(target: float, fee: float) -> None:
    """USD 0.000166 a share: 40,000 shares pay 6.64, 60,000 would pay 9.96 and pay 8.30. The SEC takes 0.08 bps."""
    chosen = decided(INDEX[0], {US: target}), decided(INDEX[2], {})
    sale = traded(shares_of({US: eight()}), *chosen, capital=1e6).orders.iloc[1]
    assert sale["activity fee"] == pytest.approx(fee)
    assert sale["regulator's fee"] == pytest.approx(target * 1e6 * 0.08e-4)
    assert sale["commission"] == pytest.approx(target * 100.0)


def test_a_buy_slips_up_and_a_sale_slips_down() -> None:
    chosen = decided(INDEX[0], {US: 0.5}), decided(INDEX[2], {})
    orders = traded(shares_of({US: eight()}), *chosen, slippage_bps=10.0).orders
    assert listed(orders, "shares", "price", "slippage") == [
        pytest.approx([5000.0, 10.01, 50.0]),
        pytest.approx([5000, 9.99, 50]),
    ]


def test_a_fill_at_the_open_slips_by_a_part_of_the_days_range() -> None:
    """Open 10, close 10.50, high 11 and low 9: a twentieth of the range over the open is 1%."""
    prices = shares_of({US: eight(10.5)}, open_={US: eight(10.0)}, day_range=2.0)
    outcome = traded(prices, decided(INDEX[0], {US: 0.5}), fill="open", slippage_range=0.05)
    assert listed(outcome.orders, "shares", "price", "slippage") == [pytest.approx([5000.0, 10.1, 500.0])]
    assert outcome.equity.iloc[1] == pytest.approx(100_000 - 50_500 - 5.05 + 52_500)  # 1 bp commission


def closes_only_from(prices: Prices, session: int) -> Prices:
    """The same prices with closes alone from a session on."""
    assert prices.bars is not None
    tables = {name: getattr(prices.bars, name).copy() for name in ("open", "high", "low")}
    for table in tables.values():
        table.iloc[session:] = np.nan
    return replace(prices, bars=replace(prices.bars, **tables))


def test_a_session_with_a_close_alone_slips_by_the_range_of_the_last_that_had_one() -> None:
    """High 11 and low 9 over a close of 10: a twentieth of the range is 1%, with 10 bps flat 1.1%."""
    prices = closes_only_from(shares_of({US: eight()}, day_range=2.0), 3)
    chosen = decided(INDEX[0], {US: 0.5}), decided(INDEX[4], {})
    orders = traded(prices, *chosen, slippage_bps=10.0, slippage_range=0.05).orders
    assert listed(orders, "shares", "price") == [pytest.approx([5000.0, 10.11]), pytest.approx([5000.0, 9.89])]


def test_a_name_that_never_had_a_range_slips_by_the_flat_part() -> None:
    prices = closes_only_from(shares_of({US: eight()}, day_range=2.0), 0)
    orders = traded(prices, decided(INDEX[0], {US: 0.5}), slippage_bps=10.0, slippage_range=0.05).orders
    assert listed(orders, "price") == [pytest.approx([10.01])]


def test_a_book_that_is_filled_at_opens_ends_with_its_closes() -> None:
    prices = closes_only_from(shares_of({US: eight(), "BBB": eight()}), 5)
    assert last_session(prices, [US, "BBB"], None, "open") == INDEX[7]
    assert last_session(prices, [US, "BBB"], day("2024-01-10"), "open") == day("2024-01-10")


def without_opens(prices: Prices, *sessions: int) -> Prices:
    """The same prices without the opens of AAA on some sessions."""
    assert prices.bars is not None
    opens = prices.bars.open.copy()
    opens.loc[INDEX[list(sessions)], US] = np.nan
    return replace(prices, bars=replace(prices.bars, open=opens))


def test_an_order_that_fills_at_the_open_waits_where_a_session_has_a_close_alone() -> None:
    """Half of 100,000 at an open of 12 is 4,167 shares, each 2 dearer than the last close before the order was due."""
    prices = shares_of({US: [10, 11, 11.5, 12, 12, 12, 12, 12]}, open_={US: [10, 11, 11, 12, 12, 12, 12, 12]})
    outcome = traded(without_opens(prices, 1, 2), decided(INDEX[0], {US: 0.5}), fill="open")
    assert listed(outcome.orders, "session", "shares", "price") == [[INDEX[3], pytest.approx(4167.0), pytest.approx(12.0)]]
    assert listed(outcome.late) == [[INDEX[0], US, INDEX[3], 2, "no open", pytest.approx(8334.0)]]


def test_a_sale_at_an_open_that_never_comes_is_listed_and_the_holding_keeps_its_close() -> None:
    prices = shares_of({US: [10, 10, 10, 11, 12, 13, 14, 15]})
    outcome = traded(without_opens(prices, 3, 4, 5, 6, 7), decided(INDEX[0], {US: 0.5}), decided(INDEX[2], {}), fill="open")
    assert outcome.equity.iloc[-1] == pytest.approx(100_000 - 5.0 + 5000 * 5)
    assert listed(outcome.unfilled, "ticker", "target", "reason", "waited") == [[US, 0.0, "no open", 4]]


@pytest.mark.parametrize("last", [4, 6])
def test_what_was_filled_before_is_the_same_whether_later_opens_are_there_or_not(last: int) -> None:
    prices = shares_of({US: [10, 11, 12, 13, 12, 11, 10, 9], "BBB": eight()}, day_range=1.0)
    chosen = [decided(INDEX[row], {US: 0.1 * row, "BBB": 0.3}) for row in range(1, 7)]
    whole, cut = (traded(each, *chosen, fill="open") for each in (prices, without_opens(prices, *range(last, 8))))
    before = [outcome.orders[outcome.orders["session"] < INDEX[last]] for outcome in (whole, cut)]
    assert len(before[0]) > 2
    pd.testing.assert_frame_equal(*before)
    pd.testing.assert_series_equal(whole.equity.loc[: INDEX[last - 1]], cut.equity.loc[: INDEX[last - 1]])


def test_a_name_declared_ended_is_sold_at_its_last_close_where_its_last_session_has_no_open() -> None:
    prices = shares_of({US: [10, 10, 10, 12] + [NOWHERE] * 4, "BBB": eight()})
    prices = replace(without_opens(prices, 3), ended={US: "taken over"})
    outcome = traded(prices, decided(INDEX[0], {US: 0.5}), fill="open")
    assert listed(outcome.orders, "session", "side", "price") == [[INDEX[1], "buy", 10.0], [INDEX[3], "sell", 12.0]]
    assert outcome.late.empty


def test_a_name_that_has_no_open_at_all_is_refused_where_orders_are_filled_at_opens() -> None:
    prices = shares_of({US: eight(), "BBB": eight()})
    assert prices.bars is not None
    prices = replace(prices, bars=replace(prices.bars, open=prices.bars.open.assign(BBB=np.nan)))
    with pytest.raises(DataError, match="by hand: no open at all for BBB; expected prices at which orders are filled"):
        last_session(prices, [US, "BBB"], None, "open")
    assert last_session(prices, [US, "BBB"], None, "close") == INDEX[7]


def test_opens_or_ranges_of_a_source_without_bars_are_refused() -> None:
    for changes in ({"fill": "open"}, {"slippage_range": 0.1}):
        with pytest.raises(DataError, match="by hand: no opens and no ranges"):
            traded(prices_of({US: eight()}, {US: "XNYS"}, INDEX), decided(INDEX[0], {US: 1.0}), **changes)


# Lots


@pytest.mark.parametrize(("target", "shares"), [(0.2, 200.0), (0.25, 250.0)])
def test_the_star_market_takes_two_hundred_shares_or_more(target: float, shares: float) -> None:
    orders = traded(shares_of({STAR: eight(100.0)}), decided(INDEX[0], {STAR: target}), base="CNY").orders
    assert orders["shares"].tolist() == pytest.approx([shares])


def test_an_order_below_the_boards_least_is_dropped_with_its_reason() -> None:
    outcome = traded(shares_of({STAR: eight(100.0)}), decided(INDEX[0], {STAR: 0.15}), base="CNY")
    assert outcome.orders.empty
    assert listed(outcome.unfilled) == [[INDEX[0], STAR, 0.15, "less than the least order", 0, 0.0]]
    assert outcome.differences.empty


def test_capital_of_less_than_a_lot_leaves_an_order_unfilled_with_its_reason() -> None:
    outcome = traded(shares_of({MAIN: eight(100.0)}), decided(INDEX[0], {MAIN: 1.0}), base="CNY", capital=5_000.0)
    assert outcome.orders.empty
    assert listed(outcome.unfilled, "ticker", "target", "reason") == [[MAIN, 1.0, "less than the least order"]]


def test_a_purchase_of_less_than_a_lot_on_top_of_a_holding_stays_a_difference() -> None:
    prices = shares_of({STAR: eight(100.0)})
    outcome = traded(prices, decided(INDEX[0], {STAR: 0.25}), decided(INDEX[2], {STAR: 0.3}), base="CNY")
    assert outcome.unfilled.empty
    assert outcome.differences["reason"].tolist() == ["below the board's least order"]


def test_a_sale_worth_less_than_its_commission_is_left_with_that_reason() -> None:
    """100 shares, of a new listing that has no limit yet, are worth 4.00, and the least commission is 5.00."""
    prices = shares_of({MAIN: [NOWHERE, 10.0, 10.0] + [0.04] * 5, "600002.SS": eight()})
    outcome = traded(prices, decided(INDEX[1], {MAIN: 0.01}), decided(INDEX[2], {}), base="CNY")
    assert listed(outcome.orders, "session", "side") == [[INDEX[2], "buy"]]
    realised = pytest.approx(4.0 / (100_000 - 1000 - 5.01 + 4))
    assert listed(outcome.differences) == [[INDEX[3], MAIN, 0.0, realised, pytest.approx(1.0), "worth less than its costs"]]


def test_a_purchase_worth_less_than_its_commission_is_not_made() -> None:
    """100 shares, of a new listing that has no limit yet, are worth 4.00, and the least commission is 5.00."""
    prices = shares_of({MAIN: [NOWHERE, *[0.04] * 7], "600002.SS": eight()})
    outcome = traded(prices, decided(INDEX[1], {MAIN: 4e-5}), base="CNY")
    assert outcome.orders.empty
    assert listed(outcome.differences, "session", "ticker", "realised", "lots") == [[INDEX[2], MAIN, 0.0, pytest.approx(1.0)]]


@pytest.mark.parametrize(("missing", "rows"), [(HALF_LOT, 0), (np.nextafter(HALF_LOT, 1.0), 1)])
def test_an_order_that_misses_half_a_lot_is_rounded_and_one_that_misses_more_is_listed(missing: float, rows: int) -> None:
    conditions, _ = ordered()
    nothing = np.zeros_like(conditions.lot)
    log = ShortfallLog(replace(conditions, lot=nothing + 1.0, least=nothing), INDEX[:1])
    log.queued(slice(0, 2), 1, 0, np.array([0.5, 0.0]))
    orders = np.zeros(2, kernel.ORDER)
    orders[0]["wanted"], orders[0]["waited"], orders[0]["done"], orders[0]["cause"] = missing, True, True, kernel.COSTS
    log.traded(slice(0, 2), 1, orders, 100.0)
    assert len(log.differences) == rows


def test_in_fractions_what_costs_leave_unbought_is_listed() -> None:
    """Of 1,000, at 1%, 1,000 / 1.01 is bought."""
    prices = prices_of({US: eight()}, {US: "XNYS"}, INDEX)
    differences = traded(prices, decided(INDEX[0], {US: 1.0}), capital=1000.0, cost_bps=100.0).differences
    assert listed(differences, "session", "ticker", "target", "realised", "reason") == [
        [INDEX[1], US, 1.0, pytest.approx(1 / 1.01), "cash kept for costs and whole lots"]
    ]


def test_an_odd_lot_is_sold_when_all_of_it_is() -> None:
    """A dividend put back makes 1,000 shares 1,050; half of them, 525, is sold as 500."""
    after = [10.0] * 3 + [10.5] * 5
    prices = shares_of({MAIN: eight()}, wealth={MAIN: after})
    whole = traded(prices, decided(INDEX[0], {MAIN: 0.1}), decided(INDEX[4], {}), base="CNY").orders
    half = traded(prices, decided(INDEX[0], {MAIN: 0.1}), decided(INDEX[4], {MAIN: 0.0522}), base="CNY").orders
    assert listed(whole, "side", "shares") == [["buy", pytest.approx(1000.0)], ["sell", pytest.approx(1050.0)]]
    assert half["shares"].tolist() == pytest.approx([1000.0, 500.0])


def test_a_days_close_in_shanghai_counts_in_new_york_and_not_the_other_way_round() -> None:
    prices = shares_of({MAIN: [10, 10, 11, 11, 11, 11, 11, 11], US: [20, 20, 24, 24, 24, 24, 24, 24]})
    conditions = conditions_of(prices, (MAIN, US), "USD", INDEX, "close", Costs(None, 0.0, 0.0))
    shanghai, new_york = (conditions.rows_of(market)[2] for market in (0, 1))  # the third day, at a rate of 7
    assert conditions.mark[[shanghai, new_york]].tolist() == [
        pytest.approx([11 / 7, 20.0]),
        pytest.approx([11 / 7, 24.0]),
    ]


def test_a_fee_per_share_is_in_the_money_of_the_book() -> None:
    prices = shares_of({MAIN: eight(), US: eight()})
    dollars, yuan = (conditions_of(prices, (MAIN, US), base, INDEX, "close", Costs(None, 0.0, 0.0)) for base in ("USD", "CNY"))
    fee = dollars.activity[:, dollars.tickers.index(US)]
    assert fee.max() > 0.0
    assert yuan.activity[:, yuan.tickers.index(US)] == pytest.approx(7.0 * fee)


def test_prices_without_bars_trade_in_fractions() -> None:
    prices = prices_of({MAIN: eight(30.0)}, {MAIN: "XSHG"}, INDEX)
    assert traded(prices, decided(INDEX[0], {MAIN: 0.5}), base="CNY").orders["shares"].tolist() == pytest.approx([50_000 / 30])


# What has to wait


def test_cash_of_a_new_york_sale_reaches_shanghai_at_its_next_session() -> None:
    """The sale is of the same date and later: 6,993 in cash buy 600 shares; what is wanted, 6,300, comes a session late."""
    prices = shares_of({MAIN: eight(), US: eight()})
    outcome = traded(prices, decided(INDEX[0], {US: 0.9}), decided(INDEX[2], {MAIN: 0.9}), base="CNY", capital=70_000.0)
    assert listed(outcome.orders, "session", "ticker", "shares") == [
        [INDEX[1], US, pytest.approx(900.0)],
        [INDEX[3], MAIN, pytest.approx(600.0)],
        [INDEX[3], US, pytest.approx(900.0)],
        [INDEX[4], MAIN, pytest.approx(5700.0)],
    ]
    assert listed(outcome.late) == [[INDEX[2], MAIN, INDEX[4], 1, "short of cash", pytest.approx(0.0)]]


def test_a_suspended_order_is_carried_with_its_age_cause_and_cost() -> None:
    """Half of 100,000 at 12 is 4,167 shares, each 2 dearer than on the day the order was due."""
    prices = shares_of({US: [10, NOWHERE, NOWHERE, NOWHERE, 12, 12, 12, 12]})
    outcome = traded(prices, decided(INDEX[0], {US: 0.5}))
    assert listed(outcome.orders, "session", "shares") == [[INDEX[4], pytest.approx(4167.0)]]
    assert listed(outcome.late) == [[INDEX[0], US, INDEX[4], 3, "no price", pytest.approx(8334.0)]]
    assert outcome.unfilled.empty


def test_a_waiting_order_is_dropped_with_its_reason_when_the_target_changes() -> None:
    prices = shares_of({US: [10] + [NOWHERE] * 4 + [12] * 3, "BBB": eight()})
    outcome = traded(prices, decided(INDEX[0], {US: 0.5}), decided(INDEX[3], {"BBB": 0.5}))
    assert listed(outcome.orders, "session", "ticker") == [[INDEX[4], "BBB"]]
    assert listed(outcome.unfilled, "decided", "ticker", "target", "reason", "waited") == [[INDEX[0], US, 0.5, "no price", 3]]


def test_a_sale_that_could_not_be_made_waits_until_it_can() -> None:
    prices = shares_of({US: [10, 10, 10, NOWHERE, NOWHERE, 9, 9, 9]})
    outcome = traded(prices, decided(INDEX[0], {US: 0.5}), decided(INDEX[2], {}))
    assert listed(outcome.orders, "session", "side") == [[INDEX[1], "buy"], [INDEX[5], "sell"]]
    assert listed(outcome.late, "waited", "reason", "cost") == [[2, "no price", pytest.approx(5000.0)]]  # 5,000 shares, 1 lower


@pytest.mark.parametrize(("rise", "fills"), [([11.0, 11.0], INDEX[2]), ([11.0, 12.1], INDEX[3]), ([10.99, 10.99], INDEX[1])])
def test_a_purchase_waits_while_the_price_is_sealed_at_its_upper_limit(rise: list[float], fills: pd.Timestamp) -> None:
    prices = shares_of({MAIN: [10.0, *rise, 12.1, 12.1, 12.1, 12.1, 12.1]})
    outcome = traded(prices, decided(INDEX[0], {MAIN: 0.5}), base="CNY")
    assert outcome.orders["session"].tolist() == [fills]
    assert set(outcome.late["reason"]) <= {"sealed at the upper limit"}


def test_a_sale_waits_while_the_price_is_sealed_at_its_lower_limit() -> None:
    prices = shares_of({MAIN: [10.0, 10.0, 10.0, 9.0, 8.5, 8.5, 8.5, 8.5]})
    outcome = traded(prices, decided(INDEX[0], {MAIN: 0.5}), decided(INDEX[2], {}), base="CNY")
    assert listed(outcome.orders, "session", "side") == [[INDEX[1], "buy"], [INDEX[4], "sell"]]
    assert listed(outcome.late, "reason", "cost") == [["sealed at the lower limit", pytest.approx(2500.0)]]


def test_a_price_sealed_on_the_day_of_a_split_is_seen() -> None:
    """47.49 splits into two of 23.75, whose limit, 21.375, is rounded to 21.38; the day after is an ordinary one."""
    close = [47.49, 47.49, 21.38] + [20.5] * 5
    wealth = close[:2] + [price * 47.49 / 23.75 for price in close[2:]]
    outcome = traded(shares_of({MAIN: close}, wealth={MAIN: wealth}), decided(INDEX[0], {MAIN: 0.5}), decided(INDEX[1], {}))
    assert listed(outcome.orders, "session", "side") == [[INDEX[1], "buy"], [INDEX[3], "sell"]]


def test_a_share_is_limited_though_its_market_is_shut_on_the_first_day_of_the_source() -> None:
    """New York opens on 2022-01-03 and Shanghai on 01-04, as in the folder: its shares were not listed that day."""
    prices = shares_of({MAIN: [NOWHERE, 10, 10, 11, 11.5, 11.5, 11.5, 11.5], US: eight()}, closed={"XSHG": ["2024-01-01"]})
    outcome = traded(prices, decided(INDEX[2], {MAIN: 0.5}))
    assert outcome.orders["session"].tolist() == [INDEX[4]]


def test_a_name_whose_source_stops_is_not_sold() -> None:
    prices = shares_of({US: [10.0] * 4 + [NOWHERE] * 4, "BBB": eight()})
    outcome = traded(prices, decided(INDEX[0], {US: 0.5}))
    assert outcome.exits.empty
    assert outcome.orders["side"].tolist() == ["buy"]


def test_a_name_that_is_declared_ended_is_sold_at_its_last_price() -> None:
    prices = replace(shares_of({US: [10.0] * 4 + [NOWHERE] * 4, "BBB": eight()}), ended={US: "taken over"})
    outcome = traded(prices, decided(INDEX[0], {US: 0.5}))
    assert listed(outcome.exits) == [[INDEX[3], US]]
    assert listed(outcome.orders, "session", "side") == [[INDEX[1], "buy"], [INDEX[3], "sell"]]


def test_a_name_sold_at_its_last_price_leaves_nothing_unfilled() -> None:
    prices = replace(shares_of({US: [10.0] * 4 + [NOWHERE] * 4, "BBB": eight()}), ended={US: "taken over"})
    assert traded(prices, decided(INDEX[0], {US: 0.5})).unfilled.empty


def test_a_name_is_not_bought_on_its_last_session() -> None:
    prices = replace(shares_of({US: [10.0] * 4 + [NOWHERE] * 4, "BBB": eight()}), ended={US: "taken over"})
    outcome = traded(prices, decided(INDEX[2], {US: 0.5}))
    assert outcome.orders.empty
    assert listed(outcome.unfilled, "ticker", "target", "reason") == [[US, 0.5, "prices ended"]]


def test_a_name_that_is_not_bought_on_its_last_session_costs_nothing() -> None:
    prices = replace(shares_of({US: [10.0] * 4 + [NOWHERE] * 4, "BBB": eight()}), ended={US: "taken over"})
    assert listed(traded(prices, decided(INDEX[2], {US: 0.5})).unfilled, "waited", "cost") == [[0, 0.0]]


def test_a_share_in_lots_that_is_not_bought_on_its_last_session_is_listed_with_the_end_of_its_prices() -> None:
    prices = replace(shares_of({MAIN: [10.0] * 4 + [NOWHERE] * 4, "600002.SS": eight()}), ended={MAIN: "taken over"})
    outcome = traded(prices, decided(INDEX[2], {MAIN: 0.5}), base="CNY")
    assert listed(outcome.unfilled, "ticker", "reason") == [[MAIN, "prices ended"]]


def test_a_name_that_ends_neither_held_nor_wanted_is_not_listed() -> None:
    conditions, _ = ordered()
    log, both = ShortfallLog(replace(conditions, ends=np.ones_like(conditions.ends)), INDEX[:1]), slice(0, 2)
    log.queued(both, 1, 0, np.zeros(2))
    orders = np.zeros(2, kernel.ORDER)
    orders["waited"] = True
    log.traded(both, 2, orders, 1.0)
    assert log.unfilled == []


@pytest.mark.parametrize(("ended", "reason"), [({US: "taken over"}, "prices ended"), ({}, "no price")])
def test_an_order_for_a_name_that_has_no_price_any_more_is_listed_as_ended_only_where_its_end_is_declared(
    ended: dict[str, str], reason: str
) -> None:
    prices = replace(shares_of({US: [10.0] * 4 + [NOWHERE] * 4, "BBB": eight()}), ended=ended)
    outcome = traded(prices, decided(INDEX[4], {US: 0.5}))
    assert listed(outcome.unfilled, "ticker", "target", "reason") == [[US, 0.5, reason]]


def test_a_name_halted_until_the_run_ends_has_no_price_and_has_not_ended() -> None:
    outcome = traded(shares_of({US: [10.0] * 7 + [NOWHERE], "BBB": eight()}), decided(INDEX[6], {US: 0.5}))
    assert listed(outcome.unfilled, "ticker", "reason") == [[US, "no price"]]


def test_a_last_price_sealed_at_the_lower_limit_keeps_the_holding() -> None:
    prices = replace(shares_of({MAIN: [10.0, 10.0, 10.0, 9.0] + [NOWHERE] * 4, "600002.SS": eight()}), ended={MAIN: "delisted"})
    outcome = traded(prices, decided(INDEX[0], {MAIN: 0.5}), base="CNY")
    assert outcome.exits.empty
    assert outcome.orders["side"].tolist() == ["buy"]
    assert outcome.equity.iloc[-1] == pytest.approx(100_000 - 13.0 - 5000.0)


def test_a_holding_kept_because_its_last_price_is_sealed_is_listed() -> None:
    prices = replace(shares_of({MAIN: [10.0, 10.0, 10.0, 9.0] + [NOWHERE] * 4, "600002.SS": eight()}), ended={MAIN: "delisted"})
    outcome = traded(prices, decided(INDEX[0], {MAIN: 0.5}), base="CNY")
    assert listed(outcome.unfilled, "ticker", "reason") == [[MAIN, "sealed at the lower limit"]]


def test_a_holding_of_less_than_a_unit_kept_because_its_last_price_is_sealed_is_listed_too() -> None:
    """A unit is 10,000 shares at 10, and half of 100,000 is half a unit."""
    close = [10.0, 10.0, 10.0, 9.0] + [NOWHERE] * 4
    prices = shares_of({MAIN: close, "600002.SS": eight()}, wealth={MAIN: [10_000 * price for price in close]})
    prices = replace(prices, ended={MAIN: "delisted"})
    for chosen, target in ([], 0.5), ([decided(INDEX[2], {})], 0.0):
        outcome = traded(prices, decided(INDEX[0], {MAIN: 0.5}), *chosen, base="CNY")
        assert listed(outcome.unfilled, "ticker", "target", "reason") == [[MAIN, target, "sealed at the lower limit"]]


def test_an_order_due_after_the_end_of_the_run_is_listed_with_its_reason() -> None:
    outcome = traded(shares_of({US: eight()}), decided(INDEX[6], {US: 1.0}), lag=2)
    assert listed(outcome.unfilled, "ticker", "target", "reason") == [
        [US, 1.0, "run ended before the market's next session"]
    ]  # fmt: skip


# What vectorbt would bend without a word


def ordered() -> tuple[TradingConditions, Orders]:
    """5,000 shares at 10 bought on 01-02, and nothing else."""
    prices = shares_of({US: eight(), "BBB": eight()})
    conditions = conditions_of(prices, (US, "BBB"), "USD", INDEX, "close", Costs(None, 0.0, 0.0))
    due = due_rows(conditions, pd.DatetimeIndex([day("2024-01-01")]), 1)
    return conditions, walked(conditions, np.array([[[0.5, 0.0]]]), due, 100_000.0)


def test_an_order_filled_as_ordered_is_recorded() -> None:
    assert simulate(*ordered(), 100_000.0)["size"].tolist() == [5000.0]


def test_a_book_without_an_order_has_no_record() -> None:
    conditions, _ = ordered()
    due = due_rows(conditions, pd.DatetimeIndex([day("2024-01-01")]), 1)
    assert len(simulate(conditions, walked(conditions, np.zeros((1, 1, 2)), due, 100_000.0), 100_000.0)) == 0


def test_a_value_that_is_no_number_in_one_of_two_books_is_refused_by_its_day() -> None:
    conditions, _ = ordered()
    due = due_rows(conditions, pd.DatetimeIndex([day("2024-01-01")]), 1)
    orders = walked(conditions, np.array([[[0.5, 0.0], [0.0, 0.5]]]), due, 100_000.0)
    spoilt = replace(orders, cash=orders.cash * np.array([1.0, np.nan]))
    with pytest.raises(BacktestError, match="value is not a number on 2024-01-02"):
        book_values(conditions, spoilt, np.full((8, 2), 10.0), 100_000.0)


def test_an_order_that_vectorbt_cut_is_refused() -> None:
    conditions, orders = ordered()
    with pytest.raises(BacktestError, match="AAA on 2024-01-02: vectorbt filled 9999 of 20000 units"):
        simulate(conditions, replace(orders, units=orders.units * 4), 100_000.0)


def test_an_order_that_vectorbt_dropped_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = portfolio.simulate_from_orders_rs

    def dropping(*given: object, **named: object) -> tuple[np.ndarray, np.ndarray]:
        records, logs = honest(*given, **named)
        return records[:0], logs

    monkeypatch.setattr(portfolio, "simulate_from_orders_rs", dropping)
    with pytest.raises(BacktestError, match="AAA on 2024-01-02: vectorbt dropped the order"):
        simulate(*ordered(), 100_000.0)


def test_cash_that_came_out_different_is_refused() -> None:
    conditions, orders = ordered()
    with pytest.raises(BacktestError, match=r"vectorbt left 49,985\.000000 in cash; expected 49,995\.000000"):
        simulate(conditions, replace(orders, fixed=orders.fixed + np.where(orders.units > 0, 10.0, 0.0)), 100_000.0)


def test_in_fractions_what_waits_for_cash_orders_nothing_with_the_rounding_that_is_left() -> None:
    """AAA takes all the cash and waits for the sale of BBB, which is suspended: until then there is nothing to order."""
    prices = shares_of({US: eight(), "BBB": [10, 10, 10, NOWHERE, NOWHERE, 10, 10, 10]})
    outcome = traded(prices, decided(INDEX[0], {"BBB": 0.5}), decided(INDEX[2], {US: 1.0}), cost_bps=0.0)
    assert outcome.orders["ticker"].tolist() == ["BBB", US, US, "BBB"]


def test_in_fractions_what_is_at_its_target_but_for_rounding_does_not_wait_for_cash() -> None:
    """BBB waits a day for the sale of CCC, which is suspended; AAA lacks a trillionth and is cheaper when the cash comes."""
    columns = {US: [10, 10, 10, 10, 8, 8, 8, 8], "BBB": eight(), "CCC": [10, 10, 10, NOWHERE, 10, 10, 10, 10]}
    prices = prices_of(columns, dict.fromkeys(columns, "XNYS"), INDEX)
    chosen = decided(INDEX[0], {US: 0.25, "CCC": 0.5}), decided(INDEX[2], {US: 0.25 + 1e-12, "BBB": 0.5})
    orders = traded(prices, *chosen, cost_bps=0.0).orders
    assert orders.groupby("ticker")["session"].agg(list).to_dict() == {
        US: [INDEX[1]],
        "BBB": [INDEX[3], INDEX[4]],
        "CCC": [INDEX[1], INDEX[4]],
    }


def test_in_fractions_a_small_purchase_beside_a_large_one_is_filled_when_all_cash_is_spent() -> None:
    """A ten-millionth of the book, 0.0000635 shares: the kernel is short of its last 1e-8, a part in a million of the order."""
    prices = shares_of({US: [35.59, 35.59] + [57.52] * 6, "BBB": eight(17.21), "CCC": eight(57.43)})
    chosen = decided(INDEX[0], {US: 0.35, "BBB": 0.65}), decided(INDEX[1], {US: 1 - 1e-7, "CCC": 1e-7})
    outcome = traded(prices, *chosen, cost_bps=0.0, capital=30_000.0)
    assert set(outcome.orders["ticker"]) == {US, "BBB", "CCC"}


def test_with_one_flat_cost_nothing_slips() -> None:
    assert spec_of(cost_bps=7.0, slippage_bps=3.0, slippage_range=0.1).execution.costs == Costs(7.0, 0.0, 0.0)
    assert spec_of(slippage_bps=3.0, slippage_range=0.1).execution.costs == Costs(None, 3.0, 0.1)
