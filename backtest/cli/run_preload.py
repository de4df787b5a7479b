"""Importing this module loads what a run and its page need, once for all processes that the server forks."""

import gc

import backtest.sweeps.preload  # noqa: F401 - compiles the kernel
from backtest import runs  # noqa: F401
from backtest.data import archive  # noqa: F401
from backtest.report import charts, render  # noqa: F401

gc.freeze()  # no process scans these objects, which would copy their pages
