"""The engine beside two others: a loop over plain floats that shares no code with it, and `bt`."""

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

import bt
import pandas as pd
import pytest
from markets_for_tests import DAILY, daily_archive, reference_archive, spec_of

from backtest import run
from backtest.data import reference
from backtest.universe import load_universe

START, END = date(2023, 1, 1), date(2026, 5, 29)
CAPITAL = 1_000_000.0
BASKETS = {
    "optical": ("300308.SZ", "300502.SZ", "300394.SZ", "002281.SZ"),
    "hyperscaler": ("AMZN", "GOOGL", "MSFT", "META", "ORCL"),
    "ASIC": ("AVGO", "MRVL", "688256.SS"),
}
BOOKS = [("optical", "CNY"), ("hyperscaler", "USD"), ("ASIC", "USD"), ("ASIC", "CNY")]
SOURCES = [
    "weekly",
    pytest.param("daily", marks=pytest.mark.skipif(not DAILY.is_dir(), reason=f"no folder of daily prices at {DAILY}")),
]


@dataclass(frozen=True)
class Table:
    """Prices as read from CSV: ticker → day → price, the days each market was open, CNY per USD by day."""

    price: dict[str, dict[date, float]]
    open_on: dict[str, list[date]]
    rate: dict[date, float]


def market_of(ticker: str) -> str:
    return "Shanghai" if ticker.endswith((".SZ", ".SS")) else "New York"


@lru_cache
def weekly_table() -> Table:
    with (reference.FOLDER / "wealth_weekly.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    price: dict[str, dict[date, float]] = {name: {} for name in lines[0] if name != "week_ending"}
    for line in lines:
        for name, column in price.items():
            if line[name]:
                column[date.fromisoformat(line["week_ending"])] = float(line[name])
    rate = price.pop("CNY=X")
    open_on = {
        market: sorted({day for name, column in price.items() if market_of(name) == market for day in column})
        for market in ("Shanghai", "New York")
    }
    return Table(price, open_on, rate)


@lru_cache
def daily_table() -> Table:
    price, days = {}, {}
    for name in {"CNY=X", *(ticker for basket in BASKETS.values() for ticker in basket)}:
        with (DAILY / f"{name}.csv").open(encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        days[name] = {date.fromisoformat(line["date"]) for line in lines}
        price[name] = {date.fromisoformat(line["date"]): float(line["adj_close"]) for line in lines if line["adj_close"]}
    rate = price.pop("CNY=X")
    open_on = {
        market: sorted(set().union(*(days[name] for name in price if market_of(name) == market)))
        for market in ("Shanghai", "New York")
    }
    return Table(price, open_on, rate)


def latest(column: dict[date, float], day: date) -> float:
    """Return the value of a day, or of the nearest day before it."""
    while day not in column:
        day -= timedelta(days=1)
    return column[day]


def decision_days(sessions: list[date]) -> list[date]:
    """Return the first session and the last of every quarter, without the last of all."""
    ends = [one for one, after in pairwise(sessions) if (one.month - 1) // 3 != (after.month - 1) // 3]
    return sorted({sessions[0], *ends})


def looped(table: Table, tickers: tuple[str, ...], base: str, cost: float) -> dict[date, float]:
    """Return session → value of an equal-weight book rebalanced every quarter, one session after its decision.

    A row of targets above 1 - 2 × cost in sum is scaled to it. Sales go first, then purchases from the smallest; a purchase
    takes what cash there is. When two markets order on different days, the later day repeats the other's targets.
    """
    open_on = {ticker: [day for day in table.open_on[market_of(ticker)] if START <= day <= END] for ticker in tickers}
    sessions = sorted(set().union(*open_on.values()))
    orders: dict[date, dict[str, float]] = {}
    for decided in decision_days(sessions):
        due = {ticker: next(day for day in open_on[ticker] if day > decided and day in table.price[ticker]) for ticker in tickers}
        for ticker, day in due.items():
            orders.setdefault(day, {})[ticker] = 1.0 / len(tickers)
        for ticker in tickers:
            if max(due.values()) in table.price[ticker]:
                orders[max(due.values())][ticker] = 1.0 / len(tickers)
    cash, shares, value = CAPITAL, dict.fromkeys(tickers, 0.0), {}
    for day in sessions:
        rate = latest(table.rate, day)
        worth = {}
        for ticker in tickers:
            local = latest(table.price[ticker], day)
            foreign = (market_of(ticker) == "Shanghai") != (base == "CNY")
            worth[ticker] = local if not foreign else local * rate if base == "CNY" else local / rate
        whole = cash + sum(shares[ticker] * worth[ticker] for ticker in tickers)
        row = orders.get(day, {})
        scale = min(1.0, (1 - 2 * cost) / sum(row.values())) if row else 1.0
        wanted = {ticker: weight * scale * whole - shares[ticker] * worth[ticker] for ticker, weight in row.items()}
        for ticker, amount in sorted(wanted.items(), key=lambda pair: pair[1]):
            traded = min(amount, cash / (1 + cost)) if amount > 0 else amount
            shares[ticker] += traded / worth[ticker]
            cash -= traded + abs(traded) * cost
        value[day] = cash + sum(shares[ticker] * worth[ticker] for ticker in tickers)
    return value


def engine_equity(source: str, basket: str, base: str, cost_bps: float) -> pd.Series:
    spec = spec_of(baskets=(basket,), rebalance="quarterly", base=base, cost_bps=cost_bps, start=START, end=END, capital=CAPITAL)
    tickers = run.tickers_of(spec, load_universe())
    archive = reference_archive(tickers) if source == "weekly" else daily_archive(tickers)
    return run.run(spec, archive).books[basket].equity


@pytest.mark.parametrize("cost_bps", [0.0, 10.0])
@pytest.mark.parametrize(("basket", "base"), BOOKS)
@pytest.mark.parametrize("source", SOURCES)
def test_a_loop_over_plain_floats_values_every_session_as_the_engine_does(
    source: str, basket: str, base: str, cost_bps: float
) -> None:
    table = weekly_table() if source == "weekly" else daily_table()
    expected = looped(table, BASKETS[basket], base, cost_bps / 1e4)
    found = engine_equity(source, basket, base, cost_bps)
    assert [one.date() for one in found.index] == list(expected)
    assert found.tolist() == pytest.approx(list(expected.values()), rel=1e-9)


def test_the_loop_itself_gives_the_answer_worked_by_hand() -> None:
    """Two names at 100; one doubles to the order of 2023-04-03, which halves 1.5 million, and gains half again the day after."""
    quarter = [date(2023, 1, 2), date(2023, 1, 3), date(2023, 3, 31), date(2023, 4, 3), date(2023, 4, 4)]
    price = {"AAA": dict(zip(quarter, (100.0, 100.0, 100.0, 200.0, 300.0), strict=True)), "BBB": dict.fromkeys(quarter, 100.0)}
    table = Table(price, {"New York": quarter, "Shanghai": []}, dict.fromkeys(quarter, 7.0))
    assert list(looped(table, ("AAA", "BBB"), "USD", 0.0).values()) == [1e6, 1e6, 1e6, 1.5e6, 1.875e6]


def bt_equity(table: Table, tickers: tuple[str, ...], weight: float, cost: float) -> pd.Series:
    """Return the values `bt` finds for the same targets on the same order sessions, fractional shares, close of the day."""
    sessions = [day for day in table.open_on["New York"] if START <= day <= END]
    prices = pd.DataFrame({name: {pd.Timestamp(day): table.price[name][day] for day in sessions} for name in tickers})
    orders = [sessions[sessions.index(day) + 1] for day in decision_days(sessions)]
    steps = [
        bt.algos.RunOnDate(*[f"{day}" for day in orders]),
        bt.algos.WeighSpecified(**dict.fromkeys(tickers, weight)),
        bt.algos.Rebalance(),
    ]
    test = bt.Backtest(
        bt.Strategy("basket", steps),
        prices,
        initial_capital=CAPITAL,
        integer_positions=False,
        commissions=lambda quantity, price: abs(quantity) * price * cost,
        progress_bar=False,
    )
    test.run()
    return test.strategy.values.iloc[1:]  # bt puts a row of its own before the first


def test_bt_agrees_on_a_basket_without_costs() -> None:
    tickers = BASKETS["hyperscaler"]
    expected = bt_equity(weekly_table(), tickers, 1 / len(tickers), 0.0)
    assert engine_equity("weekly", "hyperscaler", "USD", 0.0).tolist() == pytest.approx(expected.tolist(), rel=1e-9)


def test_bt_agrees_on_a_basket_with_costs_to_what_its_own_treatment_of_commission_explains() -> None:
    """`bt` takes the commission out of each order's amount: to spend A it buys A / (1 + c), to raise A it sells A / (1 - c).

    The engine trades A and pays A × c from cash. Both get the targets (1 - 2c) / n. After the first purchase `bt` thus keeps
    c of the book in cash until the second, and misses what that share earned: at 10 bps and the quarter's +26%, 2.6e-4 of
    the value. Later orders are a tenth of the book. The two must differ, or commissions were not charged.
    """
    tickers, cost = BASKETS["hyperscaler"], 0.001
    expected = bt_equity(weekly_table(), tickers, (1 - 2 * cost) / len(tickers), cost)
    apart = (engine_equity("weekly", "hyperscaler", "USD", 10.0) / expected.to_numpy() - 1).abs().max()
    assert 1e-5 < apart < 3e-4


def test_bt_agrees_with_costs_in_proportion_to_them() -> None:
    tickers, cost = BASKETS["hyperscaler"], 1e-6
    expected = bt_equity(weekly_table(), tickers, (1 - 2 * cost) / len(tickers), cost)
    found = engine_equity("weekly", "hyperscaler", "USD", 0.01)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=3e-7)
