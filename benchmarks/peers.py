"""One quarterly or monthly basket, and the ways to simulate it: this project's engine, three of vectorbt, and `bt`.

And a thousand of them at once, as a sweep has them: our orders and the kernel, and the kernel alone on the same orders.
"""

from collections.abc import Callable
from dataclasses import dataclass

import bt
import numpy as np
import pandas as pd
import vectorbt
from vectorbt.portfolio import dispatch
from vectorbt.portfolio.enums import Direction, SizeType

from backtest.decisions import Decision, targets_of
from backtest.execution.conditions import conditions_of
from backtest.execution.orders import due_rows, walked
from backtest.execution.settings import Costs
from backtest.execution.simulator import lines_of, placed_on, simulate, vectorbt_arguments
from backtest.execution.trading import trade
from backtest.prices import Bars, Prices
from backtest.strategy import build_spec
from backtest.sweeps.allocator import keep_freed_memory
from backtest.sweeps.evaluator import BOOKS_AT_ONCE
from backtest.weights import Equal

CAPITAL = 10_000_000.0
COST = 0.001
LONG_ONLY, TARGET_PERCENT = np.asarray(Direction.LongOnly), np.asarray(SizeType.TargetPercent)


@dataclass(frozen=True)
class Basket:
    """Prices, and weights by decision session: what every way is given. Orders follow one session later."""

    prices: Prices
    weights: pd.DataFrame

    @property
    def tickers(self) -> list[str]:
        return list(self.prices.wealth.columns)

    @property
    def sessions(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.prices.wealth.index)

    @property
    def rows(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.sessions[self.sessions.get_indexer(self.weights.index) + 1])

    @property
    def targets(self) -> pd.DataFrame:
        return self.weights.set_axis(self.rows)


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
        rates=pd.DataFrame({"CNY": 7.0}, index),
        adjustment="drawn",
        source="drawn",
        data_id="drawn",
        bars=Bars(wealth, wealth * 1.01, wealth * 0.99, wealth),
    )
    decided = index[0:-1:every]
    weights = drawn.dirichlet(np.ones(tickers), len(decided)) * (1 - 2 * COST)
    return Basket(prices, pd.DataFrame(weights, decided, names))


def ours(given: Basket, flat_bps: float | None = COST * 1e4) -> Callable[[], float]:
    """Return the engine's trade(): orders, kernel, the value and the profit by name of every session, tables."""
    spec = build_spec(name="drawn", title="", question="", baskets=("NVDA",), weights=Equal(), cost_bps=flat_bps, capital=CAPITAL)
    decisions = [
        Decision(day, day.tz_localize("UTC"), (), {str(name): float(weight) for name, weight in row.items()})
        for day, row in given.weights.iterrows()
    ]
    return lambda: float(
        trade(targets_of(decisions, given.tickers), given.prices, "USD", given.sessions, spec.execution).equity.iloc[-1]
    )


def ruled(given: Basket) -> Callable[[], float]:
    """Return the same under New York's dated rules: whole shares, fees by side, slippage."""
    return ours(given, None)


def sweep(given: Basket, books: int, seed: int = 1) -> dict[str, Callable[[], int]]:
    """Return ways to simulate many books, as many at once as a sweep takes, each to its number of orders.

    Ours under market rules: orders, vectorbt's kernel, the check of every fill; the kernel alone on those same orders; and the
    kernel alone on the same weights and rows at one flat fee, which sizes and sorts the orders itself.
    """
    conditions = conditions_of(given.prices, tuple(given.tickers), "USD", given.sessions, "close", Costs(None, 5.0, 0.0))
    keep_freed_memory()
    shape = (len(given.weights), books)
    targets = np.random.default_rng(seed).dirichlet(np.ones(len(given.tickers)), shape) * (1 - 2 * COST)
    due = due_rows(conditions, pd.DatetimeIndex(given.weights.index), 1)
    parts = [np.ascontiguousarray(targets[:, first : first + BOOKS_AT_ONCE]) for first in range(0, books, BOOKS_AT_ONCE)]

    def both() -> int:
        return sum(len(simulate(conditions, walked(conditions, part, due, CAPITAL), CAPITAL)) for part in parts)

    orders_of = [walked(conditions, part, due, CAPITAL) for part in parts]
    placed = [placed_on(lines_of(conditions, orders), conditions, orders) for orders in orders_of]
    ready = [vectorbt_arguments(part, len(given.tickers), CAPITAL) for part in placed]

    def orders() -> int:
        return sum(len(dispatch.simulate_from_orders(*arguments, **named)[0]) for arguments, named in ready)

    closes = given.prices.wealth.loc[given.rows].to_numpy()
    arrays = [(np.tile(closes, (1, part.shape[1])), part.reshape(len(part), -1), part.shape[1]) for part in parts]
    tickers = len(given.tickers)

    def alone() -> int:
        return sum(
            len(
                dispatch.simulate_from_orders(
                    close.shape, np.full(many, tickers), np.full(many, CAPITAL), np.tile(np.arange(tickers), (len(close), many)),
                    size=weights, price=close, size_type=TARGET_PERCENT, direction=LONG_ONLY, fees=np.asarray(COST),
                    val_price=close, close=close, auto_call_seq=True, max_orders=close.size, max_logs=1,
                )[0]
            )
            for close, weights, many in arrays
        )  # fmt: skip

    return {
        "ours: orders, kernel, check of fills; market rules": both,
        "vectorbt: kernel alone, the same orders": orders,
        "vectorbt: kernel alone, the same weights, one flat fee": alone,
    }


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
    return lambda: float(portfolio_of(close, targets).value().iloc[-1])


def dense(given: Basket) -> Callable[[], float]:
    """Return vectorbt as its examples use it: a Portfolio over every session, to the value of every session."""
    close = given.prices.wealth
    targets = given.targets.reindex(close.index)
    return lambda: float(portfolio_of(close, targets).value().iloc[-1])


def bt_(given: Basket) -> Callable[[], float]:
    """Return `bt`: fractional shares, the same dates and weights, prices at the close."""
    weights = given.targets

    def call() -> float:
        test = backtest_of(given.prices.wealth, weights)
        test.run()
        return float(test.strategy.values.iloc[-1])

    return call


WAYS = {
    "ours: trade(), flat cost": ours,
    "ours: trade(), market rules": ruled,
    "vectorbt: kernel alone, order rows": kernel,
    "vectorbt: Portfolio, order rows": order_rows,
    "vectorbt: Portfolio, every session": dense,
    "bt": bt_,
}


def backtest_of(close: pd.DataFrame, weights: pd.DataFrame) -> bt.Backtest:
    """Return `bt`'s backtest of weights by session, not yet run."""
    steps = [bt.algos.RunOnDate(*weights.index), bt.algos.WeighTarget(weights), bt.algos.Rebalance()]
    return bt.Backtest(
        bt.Strategy("basket", steps), close, initial_capital=CAPITAL, integer_positions=False, progress_bar=False,
        commissions=lambda quantity, price: abs(quantity) * price * COST,
    )  # fmt: skip


def _arrays(given: Basket) -> tuple[np.ndarray, np.ndarray]:
    return given.targets.to_numpy(), np.ascontiguousarray(given.prices.wealth.loc[given.rows].to_numpy())


def portfolio_of(close: pd.DataFrame | np.ndarray, targets: pd.DataFrame | np.ndarray) -> vectorbt.Portfolio:
    """Return vectorbt's portfolio of target weights as its documentation has it: cash shared, sales first."""
    return vectorbt.Portfolio.from_orders(
        close, targets, size_type="targetpercent", direction="longonly", fees=COST, init_cash=CAPITAL,
        cash_sharing=True, group_by=True, call_seq="auto",
    )  # fmt: skip
