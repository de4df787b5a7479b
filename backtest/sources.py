"""Opens an Archive by the names a user gives: which figures, which prices."""

from collections.abc import Sequence
from pathlib import Path

from backtest.data import folder, reference
from backtest.data.store import open_store
from backtest.facts import Facts
from backtest.panel import Archive
from backtest.prices import Prices


def load_archive(tickers: Sequence[str], prices: str = "reference", facts: str = "reference") -> Archive:
    """Return figures and prices of some tickers, each "reference" (embedded), "store" (live) or a folder."""
    return Archive(_load_facts(facts), _load_prices(sorted(set(tickers)), prices))


def _load_prices(tickers: Sequence[str], prices: str) -> Prices:
    """Return prices by the name a user gives; "yahoo" is what the store holds once it has been filled."""
    if prices in ("yahoo", "store"):
        from backtest.data.live import load_prices

        return load_prices(open_store(), tickers)
    return reference.load_prices(tickers) if prices == "reference" else folder.load_prices(tickers, Path(prices))


def _load_facts(facts: str) -> Facts:
    if facts == "store":
        from backtest.data.live import load_figures

        return load_figures(open_store())
    return reference.load_facts() if facts == "reference" else reference.load_facts(Path(facts).absolute())
