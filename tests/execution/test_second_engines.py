"""The engine beside two others: an event loop over plain floats that shares no code with it, and `bt`.

`bt` knows one clock, one currency and one commission function. It does not know lots by board, price limits, two markets on a
date, duty on sales alone by date, orders that wait, nor cash of one market that comes too late for another: it is asked for books
without costs.
"""

import csv
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from support.markets import ROOT, reference_archive, spec_of

from backtest import runs
from backtest.data.sources import folder, reference
from backtest.decisions import decide, run_sessions, targets_of
from backtest.execution.trading import trade
from backtest.panel import Archive
from backtest.strategy import StrategySpec, load_strategy
from backtest.thesis import load_thesis

pytestmark = pytest.mark.slow

CAPITAL = 10_000_000.0
BOOKS = {
    "optical in yuan": (("300308.SZ", "300502.SZ", "300394.SZ", "002281.SZ"), "CNY", "close"),
    "clouds in dollars, at the open": (("AMZN", "GOOGL", "MSFT", "META", "ORCL"), "USD", "open"),
    "ASIC in dollars, two markets": (("AVGO", "MRVL", "688256.SS"), "USD", "close"),
}
OWN = {"ChiNext, main board and STAR": ("300308.SZ", "600183.SS", "688256.SS"), "two markets": ("300308.SZ", "NVDA", "AVGO")}


# The rules, typed by hand


def shanghai(ticker: str) -> bool:
    return ticker.endswith((".SZ", ".SS"))


def limit_of(ticker: str) -> float:
    return 0.10 if ticker.startswith(("60", "00", "51")) else 0.20


def least_and_lot(ticker: str) -> tuple[int, int]:
    return (1, 1) if not shanghai(ticker) else (200, 1) if ticker.startswith("688") else (100, 100)


def sec_fee(day: date) -> float:
    steps = [("2022-05-14", 22.9), ("2023-02-27", 8.0), ("2024-05-22", 27.8), ("2025-05-14", 0.0), ("2026-04-04", 20.6)]
    return next((fee for since, fee in reversed(steps) if day >= date.fromisoformat(since)), 5.1) / 1e6


def finra_fee(day: date, shares: float) -> float:
    rate, most = {2022: (0.00013, 6.49), 2023: (0.000145, 7.27), 2026: (0.000195, 9.79)}.get(day.year, (0.000166, 8.3))
    return min(shares * rate, most)


def rates(ticker: str, day: date, buys: bool) -> tuple[float, float, float]:
    """Commission rate, its minimum in local money, and every other rate."""
    if not shanghai(ticker):
        return 1e-4, 1.0, 0.0 if buys else sec_fee(day)
    if ticker.startswith("51"):  # a fund bears neither duty nor transfer fee
        return 2.5e-4, 5.0, 0.0
    duty = 0.0 if buys else 0.0005 if day >= date(2023, 8, 28) else 0.001
    return 2.5e-4, 5.0, duty + (0.00001 if day >= date(2022, 4, 29) else 0.00002)


# The loop


@dataclass
class Bars:
    """One ticker's rows as floats by day; a suspended day has none."""

    fill: dict[date, float]
    wealth: dict[date, float]
    close: dict[date, float]
    days: list[date]


def read(path: Path, fill: str) -> Bars:
    with path.open(encoding="utf-8") as file:
        rows = [(date.fromisoformat(row["date"]), row) for row in csv.DictReader(file)]
    held = {day: {name: float(row[name] or 0) for name in ("open", "close", "adj_close")} for day, row in rows if row["close"]}
    filled = {
        day: one["adj_close"] if fill == "close" else one["open"] * one["adj_close"] / one["close"] for day, one in held.items()
    }
    wealth, close = ({day: one[name] for day, one in held.items()} for name in ("adj_close", "close"))
    return Bars(filled, wealth, close, [day for day, _ in rows])


@dataclass
class Loop:
    """Money, units and orders of one book, moment by moment."""

    folder: Path
    tickers: tuple[str, ...]
    base: str
    fill: str
    decisions: list[tuple[date, dict[str, float]]]  # the close of a day, and the weights wanted
    sessions: list[date]
    cash: float = CAPITAL
    target: dict[str, float] = field(default_factory=dict)
    units: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)  # ticker -> "fresh", or "cut": buys alone
    orders: list[tuple[date, str, str, float, float]] = field(default_factory=list)
    value: dict[date, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bars = {ticker: read(self.folder / f"{ticker}.csv", self.fill) for ticker in self.tickers}
        self.rate = read(self.folder / "CNY=X.csv", "close").wealth if (self.folder / "CNY=X.csv").exists() else {}
        self.units = dict.fromkeys(self.tickers, 0.0)
        days = {shanghai(ticker): bars.days for ticker, bars in self.bars.items()}
        self.open_on = {
            place: [day for day in held if self.sessions[0] <= day <= self.sessions[-1]] for place, held in days.items()
        }

    def fx_rate(self, ticker: str, day: date) -> float:
        if shanghai(ticker) == (self.base == "CNY"):
            return 1.0
        while day not in self.rate:
            day -= timedelta(days=1)
        return self.rate[day] if self.base == "CNY" else 1.0 / self.rate[day]

    def last(self, ticker: str, day: date, through: bool) -> float:
        held = self.bars[ticker].wealth
        days = list(held)
        place = bisect_right(days, day if through else day - timedelta(days=1)) - 1
        return held[days[place]] if place >= 0 else 1.0

    def mark(self, ticker: str, day: date, place: bool) -> float:
        fill = self.bars[ticker].fill.get(day) if shanghai(ticker) == place else None
        local = fill if fill is not None else self.last(ticker, day, shanghai(ticker) and not place)
        return local * self.fx_rate(ticker, day)

    def walk(self) -> None:
        moments = sorted((day, not place) for place, days in self.open_on.items() for day in days)
        due: dict[tuple[date, bool], dict[str, float]] = {}
        latest: dict[tuple[date, bool], tuple[date, bool]] = {}
        for decided, weights in self.decisions:
            falls = [(next((day for day in days if day > decided), date.max), not place) for place, days in self.open_on.items()]
            for one in falls:
                due[one], latest[one] = weights, max(fall for fall in [*falls, (date.min, False)] if fall[0] < date.max)
        until = (date.min, False)
        for day, later in moments:
            place = not later
            if (day, later) in due:
                here = [ticker for ticker in self.tickers if shanghai(ticker) == place]
                self.target |= {ticker: due[day, later].get(ticker, 0.0) for ticker in here}
                self.waiting = {t: w for t, w in self.waiting.items() if shanghai(t) != place}
                self.waiting |= dict.fromkeys((t for t in here if self.target[t] > 0 or self.units[t] > 0), "fresh")
                until = max(until, latest[day, later])
            if any(shanghai(ticker) == place for ticker in self.waiting):
                self.trade(day, place, until > (day, later))
            self.worth(day)

    def worth(self, day: date) -> None:
        self.value[day] = self.cash + sum(u * self.last(t, day, True) * self.fx_rate(t, day) for t, u in self.units.items())

    def trade(self, day: date, place: bool, more_due: bool) -> None:
        total = self.cash + sum(units * self.mark(ticker, day, place) for ticker, units in self.units.items())
        buys, sales, raw, sealed = {}, {}, {}, set()
        live = [t for t in self.tickers if t in self.waiting and shanghai(t) == place and day in self.bars[t].fill]
        for ticker in live:
            price, bars, held = self.mark(ticker, day, place), self.bars[ticker], self.units[ticker]
            change = self.target[ticker] * total / price - self.units[ticker]
            share = bars.close[day] / bars.wealth[day]  # units a share is
            if change < 0 and self.waiting[ticker] == "cut":
                continue
            if place and self.at_limit(ticker, day, change):
                sealed.add(ticker)
                continue
            least, lot = (n * share for n in least_and_lot(ticker))
            size = int(abs(change) / lot + 0.5) * lot
            size = size if change > 0 else min(size, held) if self.target[ticker] else held
            if size >= least or (change < 0 and size == held):
                (buys if change > 0 else sales)[ticker] = size
                raw[ticker] = change * price
        before, sold = self.cash, 0.0
        for ticker, size in sales.items():
            sold += size * self.mark(ticker, day, place)
            self.fill_order(ticker, day, place, -size)
        asked = dict(buys)
        rounding = sum(least_and_lot(t)[1] * self.share(t, day) * self.mark(t, day, place) for t in buys) / 2
        afforded = sum(raw[t] for t in buys) <= before + sold + rounding
        buys = self.affordable(day, place, buys)
        for ticker, size in buys.items():
            self.fill_order(ticker, day, place, size)
        short = {t for t in asked if asked[t] - buys.get(t, 0.0) > 0.5 * least_and_lot(t)[1] * self.share(t, day) * (1 + 1e-8)}
        left = {t: w for t, w in self.waiting.items() if t not in live or t in sealed}
        total = self.cash + sum(units * self.mark(ticker, day, place) for ticker, units in self.units.items())
        selling = any(self.target[t] * total < self.units[t] * self.mark(t, day, place) for t in left)
        kept = dict.fromkeys(short, "cut") if not afforded and (more_due or selling) else {}
        self.waiting = left | kept

    def share(self, ticker: str, day: date) -> float:
        return self.bars[ticker].close[day] / self.bars[ticker].wealth[day]

    def at_limit(self, ticker: str, day: date, change: float) -> bool:
        bars, before = self.bars[ticker], self.last(ticker, day, False)
        limit = limit_of(ticker) - (0.0005 if ticker.startswith("51") else 0.005) / (before * self.share(ticker, day)) - 1e-5
        move = bars.fill[day] / before - 1
        return move >= limit if change > 0 else move <= -limit

    def fees(self, ticker: str, day: date, units: float, value: float) -> float:
        commission, least, other = rates(ticker, day, units > 0)
        money = self.fx_rate(ticker, day)
        paid = max(value * commission, least * money) + value * other
        if units < 0 and not shanghai(ticker):
            paid += finra_fee(day, -units / self.share(ticker, day)) * money
        return paid

    def affordable(self, day: date, place: bool, buys: dict[str, float]) -> dict[str, float]:
        spent = {t: size * self.mark(t, day, place) * 1.0005 for t, size in buys.items()}
        if sum(value + self.fees(t, day, 1.0, value) for t, value in spent.items()) <= self.cash:
            return buys
        minimum = sum(rates(t, day, True)[1] * self.fx_rate(t, day) for t in buys)
        gross = sum(value * (1 + rates(t, day, True)[0] + rates(t, day, True)[2]) for t, value in spent.items())
        factor = max(0.0, (self.cash - minimum) * (1 - 1e-12) / gross)
        found = {}
        for ticker, size in buys.items():
            least, lot = (n * self.share(ticker, day) for n in least_and_lot(ticker))
            cut = int(size * factor / lot + 1e-9) * lot
            if cut >= least:
                found[ticker] = cut
        return found

    def fill_order(self, ticker: str, day: date, place: bool, units: float) -> None:
        value = abs(units) * self.mark(ticker, day, place) * (1.0005 if units > 0 else 0.9995)
        fee = self.fees(ticker, day, units, value)
        self.cash -= fee + (value if units > 0 else -value)
        self.units[ticker] = max(self.units[ticker] + units, 0.0)
        side = "buy" if units > 0 else "sell"
        self.orders.append(
            (day, ticker, side, abs(units) / self.share(ticker, day), fee + abs(units) * self.mark(ticker, day, place) * 0.0005)
        )


def agree(where: Path, spec: StrategySpec, base: str, fewest: int) -> None:
    """Raise AssertionError unless loop and engine have the same orders and, to 1e-9, the same fees and daily values."""
    (book,) = spec.books
    universe, tickers = load_thesis().universe, spec.tickers(book, load_thesis().universe)
    archive = Archive(reference.load_facts(), folder.load_prices(sorted(tickers), where))
    sessions = run_sessions(archive.prices, tickers, pd.Timestamp(spec.start), pd.Timestamp(spec.end))
    decisions = decide(spec, book, archive, universe, sessions)
    outcome = trade(targets_of(decisions, tickers), archive.prices, base, sessions, spec.execution)
    wanted = [(one.session.date(), one.targets) for one in decisions]
    loop = Loop(where, tickers, base, spec.fill, wanted, [day.date() for day in sessions])
    loop.walk()
    mine, listed = sorted(loop.orders), outcome.orders.sort_values(["session", "ticker"])
    assert [row[:3] for row in mine] == [(r.session.date(), r.ticker, r.side) for r in listed.itertuples()]
    assert len(mine) > fewest
    np.testing.assert_allclose(listed["shares"], [row[3] for row in mine], rtol=1e-9)
    np.testing.assert_allclose(listed["cost"], [row[4] for row in mine], rtol=1e-9)
    np.testing.assert_allclose(outcome.equity, [loop.value[day.date()] for day in outcome.equity.index], rtol=1e-9)


@pytest.mark.parametrize("fill", ["close", "open"])
@pytest.mark.parametrize("name", ["trend_rotation", "momentum_rotation", "supply_chain_excess"])
def test_an_event_loop_has_every_order_fee_and_daily_value_of_a_strategy_on_real_prices(name, fill, shared_prices):
    """Weights are the strategy's own; everything after a decision is the loop's. The last prices of any name are not reached."""
    spec = load_strategy(ROOT / "strategies" / f"{name}.py").replaced(end=date(2026, 4, 30), fill=fill)
    agree(shared_prices, spec, "CNY", 100)


@pytest.mark.parametrize("book", BOOKS)
def test_an_event_loop_has_every_order_fee_and_daily_value_of_a_book_on_real_prices(book, shared_prices):
    tickers, base, fill = BOOKS[book]
    start, end = date(2023, 1, 3), date(2026, 4, 30)
    agree(shared_prices, spec_of(baskets=tickers, together=True, base=base, fill=fill, start=start, end=end), base, 100)


@lru_cache
def drawn(ticker: str, first: str, last: str) -> pd.DataFrame:
    """Bars on the real sessions of a ticker's market: a suspension, a day at the upper limit, a dividend, a fixed seed."""
    days = exchange_calendars.get_calendar("XSHG" if shanghai(ticker) else "XNYS", start=first, end=last).sessions
    noise = np.random.default_rng(sum(map(ord, ticker)))
    moves = np.clip(noise.normal(0.001, 0.025, len(days)), -0.08, 0.08)
    due = int(days.searchsorted(pd.Timestamp("2023-10-09")))
    moves[due] = limit_of(ticker) if ticker == "300308.SZ" else moves[due]
    close = np.round(40 * np.cumprod(1 + moves), 2)
    close[due] = round(close[due - 1] * 1.2 + 1e-9, 2) if ticker == "300308.SZ" else close[due]
    opened = np.round(close * (1 + noise.normal(0, 0.004, len(days))), 2)
    table = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "open": opened, "high": np.maximum(opened, close) + 0.05})
    table = table.assign(low=np.minimum(opened, close) - 0.05, close=close, adj_close=close, volume=1000)
    table.loc[table.index < 150, "adj_close"] = np.round(close[:150] * 0.97, 6)  # what was paid out on the 151st session
    if ticker in ("600183.SS", "NVDA"):
        gone = int(days.searchsorted(pd.Timestamp("2023-12-01")))
        table.loc[gone : gone + 2, ["open", "high", "low", "close", "adj_close", "volume"]] = np.nan
    return table


@pytest.mark.parametrize("fill", ["close", "open"])
@pytest.mark.parametrize("book", OWN)
def test_an_event_loop_has_every_order_fee_and_daily_value_of_a_book_on_the_projects_own_prices(tmp_path, book, fill):
    for ticker in OWN[book]:
        drawn(ticker, "2023-01-03", "2024-06-28").to_csv(tmp_path / f"{ticker}.csv", index=False)
    days = pd.date_range("2023-01-01", "2024-06-28")
    rate = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "open": "", "high": "", "low": "", "close": 7.0, "adj_close": 7.0})
    rate["adj_close"] = rate["close"] = np.round(7 + 0.2 * np.sin(np.arange(len(days)) / 40), 4)
    rate.assign(volume="").to_csv(tmp_path / "CNY=X.csv", index=False)
    start, end = date(2023, 1, 4), date(2024, 6, 28)
    agree(tmp_path, spec_of(baskets=OWN[book], together=True, base="CNY", fill=fill, start=start, end=end), "CNY", 20)


def test_bt_agrees_on_a_basket_without_costs():
    spec = spec_of(baskets=("hyperscaler",), cost_bps=0.0, end=date(2026, 5, 29), rebalance="quarterly")
    tickers = sorted(load_thesis().universe.basket("hyperscaler").members)
    archive = reference_archive([*tickers, *runs.needed_tickers(spec, load_thesis())])
    book = runs.run(spec, archive).books["hyperscaler"]
    rows = pd.DatetimeIndex(book.targets.index)
    wealth = archive.prices.wealth[tickers].loc[book.equity.index].ffill()
    weights = pd.DataFrame(1.0 / len(tickers), rows, tickers)
    import bt  # loads in a second

    steps = [bt.algos.RunOnDate(*rows), bt.algos.WeighTarget(weights), bt.algos.Rebalance()]
    test = bt.Backtest(bt.Strategy("basket", steps), wealth, initial_capital=CAPITAL, integer_positions=False, progress_bar=False)
    test.run()
    values = test.strategy.values.reindex(book.equity.index)
    assert len(rows) > 10
    np.testing.assert_allclose(values, book.equity, rtol=1e-9)
