"""Importing this module loads the libraries and the compiled code of a sweep's worker, once for all that the server forks.

It also turns garbage collection off, since hardly anything loaded is garbage; each worker turns it on again.
"""

import gc
import importlib

import numpy as np
import pandas as pd

from backtest.execution import kernel
from backtest.execution.accounting import book_values
from backtest.execution.conditions import conditions_of
from backtest.execution.orders import due_rows
from backtest.execution.trading import filled
from backtest.markets import load_markets
from backtest.prices import Prices
from backtest.strategy import build_spec
from backtest.sweeps.measurement import compile_statistics
from backtest.weights import Equal

NAMES = ("scipy.fft", "scipy.sparse", "vectorbt_rust")


def trade_once() -> None:
    """Trade two books on a few made-up sessions, which compiles the kernel."""
    kernel.compile_loops()
    market, days = next(iter(load_markets())), pd.bdate_range("2024-01-02", periods=9).as_unit("ns")
    closes, rates = pd.Series(days.tz_localize("UTC") + pd.Timedelta(hours=20), days), pd.DataFrame(index=days)
    flat = pd.DataFrame(1.0, days, ["AAA"])
    prices = Prices(flat, {"AAA": market}, {"AAA": "USD"}, {market: closes}, rates, "none", "none", "none")
    spec = build_spec(name="none", title="", question="", baskets=("AAA",), weights=Equal(), cost_bps=1.0)
    settings = spec.execution
    conditions = conditions_of(prices, ("AAA",), "USD", pd.DatetimeIndex(closes.index), settings.fill, settings.costs)
    due = due_rows(conditions, pd.DatetimeIndex(closes.index[:1]), settings.lag)
    orders = filled(conditions, np.ones((1, 2, 1)), due, settings.capital)
    book_values(conditions, orders, flat.to_numpy(copy=True), spec.capital)  # to be written, as the values of a sweep


gc.disable()
for name in NAMES:
    importlib.import_module(name)
compile_statistics()
trade_once()
gc.freeze()  # no worker scans these objects, which would copy their pages
