"""Backtests a thesis: suppliers outgrow the CapEx of those who buy from them."""

__version__ = "0.2.0"

from backtest.files.numba_cache import ensure_cache

ensure_cache()
