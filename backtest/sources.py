"""Opens an Archive by the names a user gives: which figures, which prices."""

from collections.abc import Sequence
from pathlib import Path

from backtest.data import folder, reference
from backtest.errors import ConfigurationError
from backtest.panel import Archive


def load_archive(tickers: Sequence[str], prices: str = "reference") -> Archive:
    """Return the embedded figures with prices of some tickers: "reference", or a folder of daily CSVs."""
    if prices in ("yahoo", "store"):
        raise ConfigurationError(f"--prices {prices}: no live data yet; want 'reference' or a folder of daily CSVs")
    chosen = sorted(set(tickers))
    held = reference.load_prices(chosen) if prices == "reference" else folder.load_prices(chosen, Path(prices))
    return Archive(reference.load_facts(), held)
