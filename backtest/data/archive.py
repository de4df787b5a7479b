"""Opens an Archive by the names a user gives: which figures, which prices."""

from collections.abc import Sequence
from pathlib import Path

from backtest.data.sources import folder, reference
from backtest.data.store.append_only import open_store
from backtest.errors import MissingPricesError
from backtest.facts import Facts
from backtest.panel import Archive
from backtest.prices import Prices


def load_archive(
    tickers: Sequence[str], prices: str = "reference", facts: str = "reference", needed: Sequence[str] | None = None
) -> Archive:
    """Return figures and prices of some tickers, each "reference" (embedded), "store" (live) or a folder.

    Every ticker is needed, or those named only: others are left out where the source has no prices of them.
    """
    return Archive(load_facts(facts), _load_known(sorted(set(tickers)), prices, tickers if needed is None else needed))


def _load_known(tickers: Sequence[str], prices: str, needed: Sequence[str]) -> Prices:
    try:
        return _load_prices(tickers, prices)
    except MissingPricesError as error:
        known = [ticker for ticker in tickers if ticker not in error.tickers]
        if not known or set(needed) & set(error.tickers):
            raise
        return _load_prices(known, prices)


def _load_prices(tickers: Sequence[str], prices: str) -> Prices:
    """Return prices by the name a user gives; "yahoo" is what the store holds once it has been filled."""
    if prices in ("yahoo", "store"):
        from backtest.data.store.live import load_prices

        return load_prices(open_store(), tickers)
    return reference.load_prices(tickers) if prices == "reference" else folder.load_prices(tickers, Path(prices))


def load_facts(facts: str) -> Facts:
    """Return figures by the name a user gives: "reference", "store" or a folder."""
    if facts == "store":
        from backtest.data.store.live import load_figures

        return load_figures(open_store())
    return reference.load_facts() if facts == "reference" else reference.load_facts(Path(facts).absolute())
