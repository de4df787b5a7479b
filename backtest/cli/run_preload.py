"""Importing this module loads what a run and its page need, once for all processes that the server forks."""

import gc
import importlib

from backtest import runs  # noqa: F401
from backtest.data import archive  # noqa: F401
from backtest.report import charts, render  # noqa: F401

NAMES = ("backtest.cli.inputs", "backtest.data.sources.reference", "scipy.special", "vectorbt_rust")  # loaded when called

for name in NAMES:
    importlib.import_module(name)
gc.freeze()  # no process scans these objects, which would copy their pages
