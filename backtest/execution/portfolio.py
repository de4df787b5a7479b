"""The fills of a book as a portfolio of vectorbt, for its statistics and plots. vectorbt's package is loaded by the call."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtest.errors import BacktestError
from backtest.execution.attribution import CASH

WITHIN = 1e-9  # relative: how far vectorbt's value of a portfolio may be from the book's
YEAR = pd.Timedelta(days=365)  # to which vectorbt annualises


@dataclass(frozen=True)
class Fills:
    """What a portfolio needs beside the table of a book's orders.

    `units` are those of each order (above 0, of a unit of the wealth series), in the order of the table. `unit_values` is
    session × ticker: what a unit is worth in the book's currency. `cash` is session → what 1 in cash at the first session is
    worth; None where cash earns nothing.
    """

    units: np.ndarray
    unit_values: pd.DataFrame
    cash: pd.Series | None


def portfolio_of(orders: pd.DataFrame, fills: Fills, equity: pd.Series, periods_per_year: int) -> Any:
    """Return the `vectorbt.Portfolio` of a book's fills: a group of one column per ticker that shares the cash.

    orders: the book's table of orders; a fill's price has its slippage in it, all other costs are its fixed fees.
    equity: the book's value by session, which the portfolio's must equal to 1e-9, else BacktestError.
    periods_per_year: sessions a year. vectorbt counts a year as 365 days, so that a session is 365 / periods_per_year days long.

    Interest is what a further column CASH earns: all cash is held in it, and a unit of it is worth `fills.cash`.
    """
    from backtest.files.numba_cache import ensure_cache

    ensure_cache()  # before vectorbt loads numba
    from vectorbt import Portfolio

    capital, close = float(equity.iloc[0]), fills.unit_values
    sizes, prices, fees = _order_tables(orders, fills)
    if fills.cash is not None:
        growth = fills.cash.to_numpy()
        close = close.assign(**{CASH: growth})
        sizes, prices, fees = _with_cash(sizes, prices, fees, growth, capital)
    made = Portfolio.from_orders(
        close, size=sizes, price=prices, fixed_fees=fees, direction="longonly", init_cash=capital, cash_sharing=True,
        group_by=True, call_seq="auto", freq=YEAR / periods_per_year,
    )  # fmt: skip
    value = np.asarray(made.value(), dtype=float)
    if (off := np.abs(value / equity.to_numpy() - 1.0) > WITHIN).any():
        day = int(off.argmax())
        raise BacktestError(
            f"vectorbt values the portfolio at {value[day]:,.6f} on {equity.index[day]:%Y-%m-%d}; "
            f"expected the book's {equity.iloc[day]:,.6f}"
        )
    return made


def _order_tables(orders: pd.DataFrame, fills: Fills) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return units bought (> 0) or sold (< 0), NaN for no order, the price of a unit, and costs, each (sessions, tickers)."""
    sessions, tickers = pd.DatetimeIndex(fills.unit_values.index), pd.Index(fills.unit_values.columns)
    where = sessions.get_indexer(pd.DatetimeIndex(orders["session"])), tickers.get_indexer(pd.Index(orders["ticker"]))
    sizes, prices = np.full((2, *fills.unit_values.shape), np.nan)
    fees = np.zeros(fills.unit_values.shape)
    sizes[where] = np.where(orders["side"] == "buy", fills.units, -fills.units)
    prices[where] = orders["value"].to_numpy() / fills.units
    fees[where] = (orders["cost"] - orders["slippage"]).to_numpy()
    return sizes, prices, fees


def _with_cash(
    sizes: np.ndarray, prices: np.ndarray, fees: np.ndarray, growth: np.ndarray, capital: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the tables with a column that holds all cash in units of `growth`: bought at the start, then what orders leave."""
    flow = -np.nansum(sizes * prices, axis=1) - fees.sum(axis=1)
    flow[0] += capital
    units = np.where(flow == 0.0, np.nan, flow / growth)
    return np.column_stack([sizes, units]), np.column_stack([prices, growth]), np.column_stack([fees, np.zeros(len(growth))])
