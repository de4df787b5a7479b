"""Markets drawn at random: holidays of their own, names that list, stop, hit their limits, split, pay, resume and end."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.markets import CLOSE, CURRENCY, decided, spec_of

from backtest.decisions import Decision, targets_of
from backtest.execution.accounting import Simulation
from backtest.execution.conditions import TradingConditions, conditions_of
from backtest.execution.orders import Orders, due_rows, walked
from backtest.execution.settings import Costs
from backtest.execution.trading import trade
from backtest.prices import Bars, Prices
from backtest.strategy import StrategySpec

ORDER = ("XSHG", "XNYS")  # the order in which markets open on a day
# ticker: market, limit, sessions after listing without one, lot, least
LISTED = {
    "600001.SS": ("XSHG", 0.1, 5, 100, 100),
    "300001.SZ": ("XSHG", 0.2, 5, 100, 100),
    "688001.SS": ("XSHG", 0.2, 5, 1, 200),
    "510001.SS": ("XSHG", 0.1, 0, 100, 100),
    "AAA": ("XNYS", np.inf, 0, 1, 1),
    "BBB": ("XNYS", np.inf, 0, 1, 1),
}


@dataclass(frozen=True)
class Case:
    """A market, the decisions taken in it, and per ticker the closes that limits were measured from (NaN without a limit)."""

    prices: Prices
    decisions: tuple[Decision, ...]
    spec: StrategySpec
    base: str
    reference: pd.DataFrame

    def __repr__(self) -> str:
        return f"{self.tickers}, {len(self.sessions)} sessions, {self.spec.fill}, {self.spec.cost_bps}, {self.base}"

    @property
    def tickers(self) -> tuple[str, ...]:
        return tuple(sorted(self.prices.market))

    @property
    def sessions(self) -> pd.DatetimeIndex:
        return self.prices.sessions(tuple(self.prices.closes))

    def traded(self) -> Simulation:
        return trade(targets_of(self.decisions, self.tickers), self.prices, self.base, self.sessions, self.spec.execution)

    def conditions(self) -> TradingConditions:
        costs = Costs(self.spec.cost_bps, 0.0 if self.spec.cost_bps is not None else self.spec.slippage_bps, 0.0)
        return conditions_of(self.prices, self.tickers, self.base, self.sessions, self.spec.fill, costs)

    def ordered(self, scales: tuple[float, ...] = (1.0,)) -> tuple[TradingConditions, Orders]:
        """The orders of one book for each scale of the targets."""
        conditions = self.conditions()
        targets = np.array([[[d.targets.get(ticker, 0.0) for ticker in conditions.tickers]] for d in self.decisions])
        targets = np.concatenate([targets * scale for scale in scales], axis=1)
        due = due_rows(conditions, pd.DatetimeIndex([d.session for d in self.decisions]), self.spec.lag)
        return conditions, walked(conditions, targets, due, self.spec.capital)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Two markets with holidays of their own; names that list, stop, hit their limits, split, pay, resume and end."""
    length = draw(st.integers(15, 40))
    index = pd.bdate_range("2023-08-07", periods=length).as_unit("ns")
    names = draw(st.lists(st.sampled_from(sorted(LISTED)), min_size=1, max_size=4, unique=True))
    noise = np.random.default_rng(draw(st.integers(0, 2**20)))
    open_on = {market: index[noise.uniform(size=length) > 0.12] for market in {LISTED[name][0] for name in names}}
    columns = {name: _share(noise, index.isin(open_on[LISTED[name][0]]), name) for name in names}
    tables = {part: pd.DataFrame({name: columns[name][part] for name in names}, index) for part in columns[names[0]]}
    prices = Prices(
        wealth=tables["wealth"],
        market={name: LISTED[name][0] for name in names},
        currency={name: CURRENCY[LISTED[name][0]] for name in names},
        closes={market: pd.Series(sessions.tz_localize("UTC") + CLOSE[market], sessions) for market, sessions in open_on.items()},
        rates=pd.DataFrame({"CNY": 7.0 * np.exp(np.cumsum(noise.normal(0, 0.004, length)))}, index),
        adjustment="generated",
        source="generated",
        data_id="generated",
        bars=Bars(*(tables[part] for part in ("open", "high", "low", "close"))),
    )
    spec = spec_of(
        lag=draw(st.integers(1, 2)),
        fill=draw(st.sampled_from(("close", "open"))),
        cost_bps=draw(st.sampled_from((None, None, 0.0, 15.0))),
        capital=draw(st.sampled_from((30_000.0, 1e6))),
    )
    sessions = prices.sessions(tuple(prices.closes))
    chosen = []
    for session in sessions[: -1 : draw(st.integers(2, 9))]:
        wanted = {name: float(noise.uniform()) for name in names if noise.uniform() < 0.7}
        total = sum(wanted.values()) / draw(st.sampled_from((1.0, 0.6)))
        chosen.append(decided(session, {name: weight / total * (1 - 1e-12) for name, weight in wanted.items()}))
    return Case(prices, tuple(chosen), spec, draw(st.sampled_from(("CNY", "USD"))), tables["reference"])


def _share(noise: np.random.Generator, is_open: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """One share's bars, wealth, and the close each day's limit was measured from."""
    _, limit, free, _, _ = LISTED[name]
    length, digits = len(is_open), 3 if name.startswith("51") else 2  # a fund's tick is a tenth of a share's
    first, last = noise.choice((0, 0, 6)), length - noise.choice((0, 0, 5))
    gone = noise.integers(1, length)
    parts = {part: np.full(length, np.nan) for part in ("open", "high", "low", "close", "wealth", "reference")}
    price, factor, count = round(float(noise.uniform(5, 60)), digits), 1.0, 0
    for day in range(first, last):
        if not is_open[day] or gone <= day < gone + 3:
            continue
        event, count, before = noise.uniform(), count + 1, price
        if event < 0.04:  # a split; one part in two is rounded to a tick, as exchanges do
            before = round(price / 2, digits)
        elif event < 0.08:
            before = round(price * 0.97, digits)  # a dividend
        factor *= price / before
        up, down = (round(before * (1 + sign * min(limit, 0.5)) + 1e-9, digits) for sign in (1, -1))
        opened, price = (float(np.clip(round(before * np.exp(noise.normal(0, 0.04)), digits), down, up)) for _ in range(2))
        if (hit := noise.uniform()) < 0.24:
            price = up if hit < 0.12 else down
            opened = price if noise.uniform() < 0.5 else opened
        parts["open"][day], parts["close"][day], parts["wealth"][day] = opened, price, price * factor
        parts["high"][day], parts["low"][day] = max(opened, price), min(opened, price)
        limited = np.isfinite(limit) and count > (1 if first == 0 else max(free, 1))
        parts["reference"][day] = before if limited else np.nan
    return parts


ANY = settings(max_examples=30, deadline=None, derandomize=True, report_multiple_bugs=False)


def tried(check: Callable[[Case], None], phases: tuple[Phase, ...] = (Phase.generate,)) -> None:
    settings(ANY, phases=phases)(given(cases())(check))()
