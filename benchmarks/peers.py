"""One quarterly or monthly basket, and the ways to simulate it: this project's engine, three of vectorbt, and `bt`."""

from collections.abc import Callable
from dataclasses import dataclass

import bt
import numpy as np
import pandas as pd
import vectorbt
from vectorbt.portfolio import dispatch
from vectorbt.portfolio.enums import Direction, SizeType

from backtest import engine
from backtest.prices import Prices

CAPITAL = 1_000_000.0
COST = 0.001
LONG_ONLY, TARGET_PERCENT = np.asarray(Direction.LongOnly), np.asarray(SizeType.TargetPercent)


@dataclass(frozen=True)
class Basket:
    """Prices, and weights by order session: what every way is given."""

    prices: Prices
    placement: engine.Placement

    @property
    def tickers(self) -> list[str]:
        return list(self.prices.wealth.columns)

    @property
    def sessions(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.prices.wealth.index)

    @property
    def rows(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.placement.targets.index)


def basket(tickers: int, sessions: int, every: int, seed: int = 20250723) -> Basket:
    """Random prices on weekdays, and random weights that leave room for costs every so many sessions."""
    drawn = np.random.default_rng(seed)
    index = pd.bdate_range("2022-01-03", periods=sessions).as_unit("ns")
    names = [f"T{n:02d}" for n in range(tickers)]
    wealth = pd.DataFrame(100 * np.exp(np.cumsum(drawn.normal(3e-4, 0.02, (sessions, tickers)), axis=0)), index, names)
    prices = Prices(
        wealth=wealth,
        market=dict.fromkeys(names, "XNYS"),
        currency=dict.fromkeys(names, "USD"),
        closes={"XNYS": pd.Series(index.tz_localize("UTC") + pd.Timedelta(hours=20), index)},
        rate=pd.Series(7.0, index),
        frequency="daily",
        adjustment="drawn",
        source="drawn",
        data_id="drawn",
    )
    rows = index[1::every]
    weights = drawn.dirichlet(np.ones(tickers), len(rows)) * (1 - 2 * COST)
    nothing = pd.DataFrame()
    placement = engine.Placement(
        pd.DataFrame(weights, rows, names), pd.Series(rows - pd.Timedelta(days=1), rows), nothing, nothing, nothing
    )
    return Basket(prices, placement)


def ours(given: Basket) -> Callable[[], float]:
    """Return the engine's simulate(): orders, reconciliation and the value of every session."""
    return lambda: float(
        engine.simulate(given.placement, given.prices, "USD", given.sessions, CAPITAL, COST * 1e4).equity.iloc[-1]
    )


def kernel(given: Basket) -> Callable[[], float]:
    """Return vectorbt's compiled kernel alone, on the order rows, arrays ready: order records and nothing else."""
    targets, close = _arrays(given)
    shape, groups, cash = close.shape, np.array([close.shape[1]]), np.array([CAPITAL])
    numbers = np.broadcast_to(np.arange(shape[1]), shape)

    def call() -> float:
        records, _ = dispatch.simulate_from_orders(
            shape, groups, cash, numbers.copy(), size=targets, price=close, size_type=TARGET_PERCENT, direction=LONG_ONLY,
            fees=np.asarray(COST), val_price=close, close=close, auto_call_seq=True, max_orders=close.size, max_logs=1,
        )  # fmt: skip
        return float(len(records))

    return call


def order_rows(given: Basket) -> Callable[[], float]:
    """Return vectorbt's Portfolio on the order rows, to its value after the last of them."""
    targets, close = _arrays(given)
    return lambda: float(_portfolio(close, targets).value().iloc[-1])


def dense(given: Basket) -> Callable[[], float]:
    """Return vectorbt as its examples use it: a Portfolio over every session, to the value of every session."""
    close = given.prices.wealth
    targets = given.placement.targets.reindex(close.index)
    return lambda: float(_portfolio(close, targets).value().iloc[-1])


def bt_(given: Basket) -> Callable[[], float]:
    """Return `bt`: fractional shares, the same dates and weights, prices at the close."""
    weights = given.placement.targets

    def call() -> float:
        steps = [bt.algos.RunOnDate(*given.rows), bt.algos.WeighTarget(weights), bt.algos.Rebalance()]
        test = bt.Backtest(
            bt.Strategy("basket", steps), given.prices.wealth, initial_capital=CAPITAL, integer_positions=False,
            commissions=lambda quantity, price: abs(quantity) * price * COST, progress_bar=False,
        )  # fmt: skip
        test.run()
        return float(test.strategy.values.iloc[-1])

    return call


WAYS = {
    "ours: simulate()": ours,
    "vectorbt: kernel alone, order rows": kernel,
    "vectorbt: Portfolio, order rows": order_rows,
    "vectorbt: Portfolio, every session": dense,
    "bt": bt_,
}


def _arrays(given: Basket) -> tuple[np.ndarray, np.ndarray]:
    return given.placement.targets.to_numpy(), np.ascontiguousarray(given.prices.wealth.loc[given.rows].to_numpy())


def _portfolio(close: pd.DataFrame | np.ndarray, targets: pd.DataFrame | np.ndarray) -> vectorbt.Portfolio:
    return vectorbt.Portfolio.from_orders(
        close, targets, size_type="targetpercent", direction="longonly", fees=COST, init_cash=CAPITAL,
        cash_sharing=True, group_by=True, call_seq="auto",
    )  # fmt: skip
