"""Any market at all: what no order of a book may ever do, and what must become of every order that was wanted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase
from support.markets import decided
from support.random_markets import LISTED, ORDER, Case, tried

from backtest.execution import kernel, trading
from backtest.execution.conditions import TradingConditions, conditions_of
from backtest.execution.shortfall import ShortfallLog
from backtest.prices import Bars

pytestmark = pytest.mark.slow


def filled_at(case: Case, order: pd.Series) -> float:
    """The share price of an order before slippage, as the market had it."""
    return float(getattr(case.prices.bars, case.spec.fill).at[order["session"], order["ticker"]])


def marks(case: Case, session: pd.Timestamp, market: str) -> dict[str, float]:
    """What a unit of wealth of each name is worth, in the book's currency, as a market fills its orders on a session."""
    wealth, worth = case.prices.wealth, {}
    for name in case.tickers:
        own = case.prices.market[name]
        at = wealth.at[session, name]
        opened = at * case.prices.bars.open.at[session, name] / case.prices.bars.close.at[session, name]
        seen = wealth.loc[:session, name] if ORDER.index(own) < ORDER.index(market) else wealth.loc[:session, name].iloc[:-1]
        local = (at if case.spec.fill == "close" else opened) if own == market else np.nan
        local = local if not np.isnan(local) else seen.ffill().iloc[-1] if len(seen) else np.nan
        worth[name] = local * rate_of(case, name, session)
    return worth


def rate_of(case: Case, name: str, session: pd.Timestamp) -> float:
    currency, rate = case.prices.currency[name], float(case.prices.rates["CNY"][session])
    return 1.0 if currency == case.base else rate if case.base == "CNY" else 1.0 / rate


def never_short_of_cash(case: Case) -> None:
    _, orders = case.ordered()
    assert orders.cash.min(initial=0.0) >= 0.0
    assert orders.holdings.min(initial=0.0) >= 0.0


def always_a_value(case: Case) -> None:
    outcome = case.traded()
    assert np.isfinite(outcome.equity).all()
    assert (outcome.equity > 0).all()
    assert (outcome.realised >= 0).all().all()
    assert (outcome.realised.sum(axis=1) <= 1.0 + 1e-12).all()


def one_side_a_day(case: Case) -> None:
    assert not case.traded().orders.duplicated(["session", "ticker"]).any()


def within_limits(case: Case) -> None:
    """With a flat cost no rule counts, the limit neither."""
    for _, order in case.traded().orders.iterrows():
        before, price = case.reference.at[order["session"], order["ticker"]], filled_at(case, order)
        if case.spec.cost_bps is None and not np.isnan(before) and case.prices.market[order["ticker"]] == "XSHG":
            limit, digits = LISTED[order["ticker"]][1], 3 if order["ticker"].startswith("51") else 2
            up, down = (round(before * (1 + sign * limit) + 1e-9, digits) for sign in (1, -1))
            assert price < up - 1e-9 if order["side"] == "buy" else price > down + 1e-9, (order["ticker"], order["session"])


def in_whole_lots(case: Case) -> None:
    if case.spec.cost_bps is not None:
        return
    orders = case.traded().orders
    for _, order in orders[orders["side"] == "buy"].iterrows():
        _, _, _, lot, least = LISTED[order["ticker"]]
        lots = order["shares"] / lot
        assert abs(lots - round(lots)) < 1e-6
        assert order["shares"] >= least - 1e-6


def all_accounted_for(case: Case) -> None:
    outcome = case.traded()
    conditions, walked = case.ordered()
    seat = {name: number for number, name in enumerate(conditions.tickers)}
    tables = (outcome.orders, outcome.unfilled, outcome.late)
    accounted = {(row.decided, row.ticker) for table in tables for row in table.itertuples()}
    off = {(row.session, row.ticker) for row in outcome.differences.itertuples()}
    for decision in case.decisions:
        for name in case.tickers:
            own = case.prices.closes[market := case.prices.market[name]].index
            later = own[own > decision.session]
            if (decision.session, name) in accounted or len(later) < case.spec.lag or (later[case.spec.lag - 1], name) in off:
                continue
            due, number = later[case.spec.lag - 1], conditions.markets.index(market)
            before = [  # orders of moments before this one
                row for row, moment in enumerate(walked.rows)
                if (conditions.sessions[conditions.session[moment]], conditions.market[moment]) < (due, number)
            ]  # fmt: skip
            holdings = walked.holdings[before[-1], 0] if before else np.zeros(len(seat))
            cash = walked.cash[before[-1], 0] if before else case.spec.capital
            worth = marks(case, due, market)
            value = cash + sum(holdings[seat[ticker]] * worth[ticker] for ticker in case.tickers if holdings[seat[ticker]] > 0)
            target = decision.targets.get(name, 0.0)
            if target == 0 and holdings[seat[name]] == 0:
                continue
            bar = getattr(case.prices.bars, case.spec.fill).at[due, name] * rate_of(case, name, due)
            lot = LISTED[name][3] if case.spec.cost_bps is None else 0
            missing = abs(target * value - holdings[seat[name]] * worth[name])
            assert missing <= max(0.5 * lot * bar * (1 + 1e-5), 1e-8 * value), (decision.session, name, due)


def revalued(case: Case) -> None:
    """Day by day from the table of orders: units, cash, and every price of every day."""
    outcome = case.traded()
    cash, units, wealth = case.spec.capital, dict.fromkeys(case.tickers, 0.0), case.prices.wealth.ffill()
    before, was, parts = None, {}, sum(part.sum(axis=1) for part in outcome.profits.values())
    for session in case.sessions:
        for order in outcome.orders[outcome.orders["session"] == session].to_dict("records"):
            name, sign = order["ticker"], 1 if order["side"] == "buy" else -1
            a_unit = case.prices.wealth.at[session, name] / case.prices.bars.close.at[session, name]
            units[name] += sign * order["shares"] / a_unit
            cash -= sign * order["value"] + order["cost"] - order["slippage"]
        worth = sum(units[name] * wealth.at[session, name] * rate_of(case, name, session) for name in units if units[name] > 1e-9)
        value = cash + worth
        assert outcome.equity[session] == pytest.approx(value, rel=1e-12)
        gained = value - (case.spec.capital if before is None else before)
        assert parts[session] == pytest.approx(gained, abs=1e-9 * value)
        before, was = value, units
    assert was is units


def same_in_company(case: Case) -> None:
    scales = (1.0, 0.5, 0.8)
    conditions, together = case.ordered(scales)
    for book, scale in enumerate(scales):
        _, alone = case.ordered((scale,))
        in_company, single = np.zeros((2, len(conditions.session), len(conditions.tickers)))
        in_company[together.rows], single[alone.rows] = together.units[:, book], alone.units[:, 0]
        np.testing.assert_allclose(in_company, single, rtol=1e-12, atol=1e-12)
        if len(alone.rows):
            np.testing.assert_allclose(together.cash[-1, book], alone.cash[-1, 0], rtol=1e-12, atol=1e-12 * case.spec.capital)


def blind_to_the_future(case: Case) -> None:
    """Later prices, suspensions and decisions change, listings and delistings do not: those are announced."""
    cut = case.sessions[len(case.sessions) // 2]
    noise = np.random.default_rng(7)
    prices, after = case.prices, np.asarray(case.prices.wealth.index > cut)[:, None]
    last = np.array([prices.wealth.index == prices.wealth[name].last_valid_index() for name in prices.wealth]).T
    changed = np.where(after, noise.uniform(0.5, 2.0, prices.wealth.shape), 1.0)
    changed[after & ~last & (noise.uniform(size=changed.shape) < 0.2)] = np.nan
    bars = Bars(*(getattr(prices.bars, part) * changed for part in ("open", "high", "low", "close")))
    rates = prices.rates * np.where((prices.rates.index > cut)[:, None], 1.3, 1.0)
    other = replace(
        case,
        prices=replace(prices, wealth=prices.wealth * changed, bars=bars, rates=rates),
        decisions=tuple(known if known.session <= cut else decided(known.session, {}) for known in case.decisions),
    )
    here, there = (variant.traded().orders for variant in (case, other))
    pd.testing.assert_frame_equal(here[here["session"] <= cut], there[there["session"] <= cut], check_dtype=False)


PROPERTIES: dict[str, Callable[[Case], None]] = {
    "cash and holdings are never negative": never_short_of_cash,
    "value is always a number and weights never add up to more than one": always_a_value,
    "no share is sold on the day it was bought": one_side_a_day,
    "nothing is bought at the upper limit nor sold at the lower": within_limits,
    "purchases are whole lots": in_whole_lots,
    "every order is filled or accounted for": all_accounted_for,
    "value day by day follows from the orders, and its parts from value": revalued,
    "three books in one call are three single calls": same_in_company,
    "nothing after a session moves its orders": blind_to_the_future,
}


@pytest.mark.parametrize("sentence", PROPERTIES)
def test_in_any_market(sentence: str) -> None:
    tried(PROPERTIES[sentence])


# Each property can fail


def rolled(conditions: TradingConditions) -> TradingConditions:
    return replace(conditions, mark=np.roll(conditions.mark, -1, axis=0))


def unsealed(conditions: TradingConditions) -> TradingConditions:
    return replace(conditions, sealed_up=conditions.sealed_up & False, sealed_down=conditions.sealed_down & False)


def leaking() -> Callable[..., None]:
    """Return a value of books each of which holds a tenth of the one beside it."""
    worth = getattr(kernel._value, "py_func", kernel._value)

    def value(sheet: Any, lanes: int, cash: Any, positions: Any, values: Any) -> None:
        worth(sheet, lanes, cash, positions, values)
        values[1:lanes] = 0.9 * values[1:lanes] + 0.1 * values[: lanes - 1]

    return value


FAULTS: dict[str, tuple[str, object, str, object]] = {
    "limits that are not seen": (
        "nothing is bought at the upper limit nor sold at the lower",
        trading,
        "conditions_of",
        lambda *given: unsealed(conditions_of(*given)),
    ),
    "a value of tomorrow": (
        "nothing after a session moves its orders", trading, "conditions_of", lambda *given: rolled(conditions_of(*given))
    ),
    "more spent than there is": ("cash and holdings are never negative", kernel, "SPARE", 1.05),
    "lots that are not rounded": ("purchases are whole lots", kernel, "_lots", lambda units, lot, up: units),
    "orders dropped in silence": ("every order is filled or accounted for", ShortfallLog, "_gave_up", lambda *given: None),
    "a book that pays for another": (
        "three books in one call are three single calls", kernel, "_value", leaking()
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence, owner, name, planted = FAULTS[fault]
    for called, compiled in vars(kernel).copy().items():
        if hasattr(compiled, "py_func"):  # compiled code would not see the fault
            monkeypatch.setattr(kernel, called, compiled.py_func)
    monkeypatch.setattr(owner, name, planted)
    with pytest.raises(AssertionError):
        tried(PROPERTIES[sentence], phases=(Phase.generate,))
