"""What a book's orders are worth: its value at every close, its profit by part, and the table of its orders."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.errors import BacktestError
from backtest.execution import attribution, kernel
from backtest.execution.conditions import TradingConditions
from backtest.execution.orders import Orders
from backtest.execution.portfolio import Fills
from backtest.prices import Prices


@dataclass(frozen=True)
class LastClose:
    """A book after its last session.

    `positions` has by ticker: weight, shares (NaN where a source has no share prices), lot (in shares, 0 where any amount will
    do) and priced, the last session on which it could be traded, and halted, whether its market had one later. `waiting` are
    the orders that wait for a session after the last, as `unfilled` has them. `orders` are what the next targets would trade
    at the last prices, as `orders_table` has them.
    """

    positions: pd.DataFrame
    waiting: pd.DataFrame
    orders: pd.DataFrame


@dataclass(frozen=True)
class Simulation:
    """What happened, in the book's currency: `equity` by session; `targets` and `realised` weights by order session × ticker.

    `orders` has decided, session, ticker, side, shares (units of wealth where a source has no share prices), price (of one,
    in the ticker's currency, slippage included), value, cost and a column per kind of cost. `unfilled`, `late`, `differences` and
    `exits` are the tables of the shortfall log. `profits` has session × ticker tables of price, currency and costs. `last_close`
    is the book after its last session, None where it was not asked for. `fills` is what a portfolio of vectorbt needs beside.
    """

    equity: pd.Series
    targets: pd.DataFrame
    realised: pd.DataFrame
    orders: pd.DataFrame
    unfilled: pd.DataFrame
    late: pd.DataFrame
    differences: pd.DataFrame
    exits: pd.DataFrame
    profits: dict[str, pd.DataFrame]
    shares: pd.DataFrame
    fills: Fills
    last_close: LastClose | None = None


@dataclass(frozen=True)
class UnitValues:
    """What a unit of each ticker is worth in its own currency, and that currency in the book's: arrays (sessions, tickers)."""

    local: np.ndarray
    fx_rate: np.ndarray

    @property
    def in_base(self) -> np.ndarray:
        """A unit's value in the book's currency."""
        return np.asarray(self.local * self.fx_rate)


def unit_values(conditions: TradingConditions, prices: Prices, base: str) -> UnitValues:
    """Return what a unit of each ticker is worth at every session of a book."""
    names = list(conditions.tickers)
    wealth = prices.local(names, conditions.sessions).fillna(1.0).to_numpy()  # before its first price: no book holds it
    return UnitValues(wealth, prices.fx_rate(names, base, conditions.sessions))


def book_values(conditions: TradingConditions, orders: Orders, unit_value: np.ndarray, capital: float) -> np.ndarray:
    """Return what every book is worth at every session's close, shape (books, sessions): cash, its interest, and holdings.

    `unit_value` is in the books' currency, shape (sessions, tickers). BacktestError for a value that is no number.
    """
    cash, grown = orders.cash, conditions.cash
    if grown is not None:
        unit_value, cash = unit_value / grown[:, None], cash / conditions.grown(orders.rows)[:, None]
    values: np.ndarray = kernel.worth(
        _rows_until(conditions, orders), orders.units.transpose(0, 2, 1), cash, np.ascontiguousarray(unit_value.T), float(capital)
    )
    values = values if grown is None else values * grown
    if not (finite := np.isfinite(values)).all():
        raise BacktestError(f"value is not a number on {conditions.sessions[~finite.all(axis=0)][0]:%Y-%m-%d}")
    return values


def profit_parts(
    conditions: TradingConditions, orders: Orders, units: UnitValues, equity: pd.Series, table: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return the profit of one book by part, each session × ticker; `table` is its table of orders.

    Where cash earns interest, that is the price part of a column CASH.
    """
    sessions, names = conditions.sessions, list(conditions.tickers)
    holdings = _holdings(conditions, orders)
    traded, paid = np.zeros(holdings.shape), np.zeros(holdings.shape)
    price = np.nan_to_num(conditions.price[orders.rows])
    at = conditions.session[orders.rows]
    np.add.at(traded, at, orders.units[:, 0] * (units.in_base[at] - price))
    seat = {ticker: column for column, ticker in enumerate(names)}
    where = (sessions.get_indexer(pd.DatetimeIndex(table["session"])), table["ticker"].map(seat).to_numpy(dtype=int))
    np.add.at(paid, where, table["cost"].to_numpy(dtype=float))
    interest = interest_earned(conditions, orders, float(equity.iloc[0]))
    parts = attribution.profits(equity, holdings, units.local, units.fx_rate, traded, paid, interest)
    tables = {name: pd.DataFrame(part, sessions, names) for name, part in parts.items()}
    if conditions.cash is not None:
        for name, part in tables.items():
            part[attribution.CASH] = interest if name == "price" else 0.0
    return tables


def interest_earned(conditions: TradingConditions, orders: Orders, capital: float) -> np.ndarray:
    """Return what the cash of one book earned from each session to the next, by the session it was credited at."""
    if conditions.cash is None:
        return np.zeros(len(conditions.sessions))
    counted = np.concatenate([[capital], orders.cash[:, 0] / conditions.grown(orders.rows)])[_rows_until(conditions, orders)]
    return np.concatenate([[0.0], counted[:-1] * np.diff(conditions.cash)])


def shares_of_value(conditions: TradingConditions, orders: Orders, units: UnitValues, equity: pd.Series) -> pd.DataFrame:
    """Return each ticker's part of one book's value at every close, session × ticker."""
    values = _holdings(conditions, orders) * units.in_base / equity.to_numpy()[:, None]
    return pd.DataFrame(values, conditions.sessions, list(conditions.tickers))


def weight_tables(conditions: TradingConditions, orders: Orders, targets: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return target and realised weights of one book by order session × ticker; `targets` is (decisions, tickers)."""
    names, sessions = list(conditions.tickers), conditions.sessions[conditions.session[orders.rows]]
    positions = orders.holdings[:, 0] * conditions.mark[orders.rows]
    realised = positions / (orders.cash[:, 0] + positions.sum(axis=1))[:, None]
    target = np.where(orders.units[:, 0] != 0, targets[orders.decision, np.arange(len(names))], np.nan)
    target_table, realised_table = (pd.DataFrame(weights, sessions, names) for weights in (target, realised))
    return target_table.groupby(level=0).last(), realised_table.groupby(level=0).last()


def orders_table(conditions: TradingConditions, orders: Orders, decided: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the table of one book's orders with the cost of each by kind."""
    number, seat = np.nonzero(orders.units[:, 0])
    row = orders.rows[number]
    units, price, slip = np.abs(orders.units[number, 0, seat]), conditions.price[row, seat], conditions.slippage[row, seat]
    buy = orders.units[number, 0, seat] > 0
    value = units * price * np.where(buy, 1.0 + slip, 1.0 - slip)
    kinds = {
        kind: value * np.where(buy, conditions.buy[kind][row, seat] if kind in conditions.buy else 0.0, rate[row, seat])
        for kind, rate in conditions.sell.items()
    }
    activity = np.where(buy, 0.0, np.minimum(units * conditions.activity[row, seat], conditions.activity_most[row, seat]))
    kinds["commission"] = kinds["commission"] + orders.fixed[number, 0, seat] - activity
    kinds |= {"activity fee": activity, "slippage": units * price * slip}
    shares = np.where(np.isnan(conditions.shares[row, seat]), 1.0, conditions.shares[row, seat])
    return pd.DataFrame(
        {
            "decided": decided[orders.decision[number, seat]],
            "session": conditions.sessions[conditions.session[row]],
            "ticker": np.array(conditions.tickers, dtype=object)[seat],
            "side": np.where(buy, "buy", "sell"),
            "shares": units * shares,
            "price": value / units / shares / conditions.fx_rate[row, seat],
            "value": value,
            "cost": sum(kinds.values(), np.zeros(len(number))),
            **kinds,
        }
    )


def fills_of(conditions: TradingConditions, orders: Orders, units: UnitValues) -> Fills:
    """Return what vectorbt's portfolio of one book needs beside its table of orders."""
    sessions, traded = conditions.sessions, orders.units[:, 0]
    values = pd.DataFrame(units.in_base, sessions, list(conditions.tickers))
    return Fills(np.abs(traded[traded != 0]), values, None if conditions.cash is None else pd.Series(conditions.cash, sessions))


def _holdings(conditions: TradingConditions, orders: Orders) -> np.ndarray:
    """Return the units of one book after every session, shape (sessions, tickers)."""
    none = np.zeros((1, len(conditions.tickers)))
    return np.asarray(np.concatenate([none, orders.holdings[:, 0]])[_rows_until(conditions, orders)])


def _rows_until(conditions: TradingConditions, orders: Orders) -> np.ndarray:
    """Return how many order rows lie at or before each session."""
    return np.searchsorted(conditions.session[orders.rows], np.arange(len(conditions.sessions)), side="right")
