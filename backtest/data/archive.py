"""Opens an Archive by the names a user gives: which figures, which prices."""

from collections.abc import Sequence
from pathlib import Path

from backtest.data.sources import folder, reference
from backtest.data.sources.discovery import load_sources, named, names_source, own_files, price_sources
from backtest.data.store.append_only import open_store
from backtest.errors import ConfigurationError, MissingPricesError
from backtest.facts import Facts
from backtest.panel import Archive
from backtest.prices import Prices

STORE = "store"


def load_archive(
    tickers: Sequence[str],
    prices: str = "reference",
    facts: str = "reference",
    needed: Sequence[str] | None = None,
    folders: Sequence[Path] = (),
) -> Archive:
    """Return figures and prices of some tickers, each "reference" (embedded), "store" (live) or a folder.

    Prices may also be of one source: what the store has of it. `folders` have more sources than this package: their files
    count in the ids of a run. Every ticker is needed, or those named only: others are left out where there are no prices.
    """
    known = _load_known(sorted(set(tickers)), prices, tickers if needed is None else needed, folders)
    return Archive(load_facts(facts, folders), known, files=own_files(*folders))


def source_named(prices: str, folders: Sequence[Path] = ()) -> str:
    """Return the source that `--prices NAME` or `--prices store:NAME` names, "" for anything else."""
    name = prices.removeprefix(f"{STORE}:")
    if name != prices or names_source(name, *folders):
        (source,) = named(load_sources(*folders), [name])
        if source in price_sources([source]):
            return name
        raise ConfigurationError(f"source '{name}' gives no prices; expected one that does, 'reference' or a folder")
    return ""


def _load_known(tickers: Sequence[str], prices: str, needed: Sequence[str], folders: Sequence[Path]) -> Prices:
    try:
        return _load_prices(tickers, prices, folders)
    except MissingPricesError as error:
        known = [ticker for ticker in tickers if ticker not in error.tickers]
        if not known or set(needed) & set(error.tickers):
            raise
        return _load_prices(known, prices, folders)


def _load_prices(tickers: Sequence[str], prices: str, folders: Sequence[Path]) -> Prices:
    """Return prices by the name a user gives; a source's are what the store holds of it once it has been filled."""
    if prices == "reference":
        return reference.load_prices(tickers)
    source = source_named(prices, folders)
    if source or prices == STORE:
        from backtest.data.store.live import load_prices

        return load_prices(open_store(), tickers, load_sources(*folders), source)
    return folder.load_prices(tickers, Path(prices))


def load_facts(facts: str, folders: Sequence[Path] = ()) -> Facts:
    """Return figures by the name a user gives: "reference", "store" or a folder."""
    if facts == STORE:
        from backtest.data.store.live import load_figures

        return load_figures(open_store(), load_sources(*folders))
    return reference.load_facts() if facts == "reference" else reference.load_facts(Path(facts).absolute())
