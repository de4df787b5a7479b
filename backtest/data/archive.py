"""Opens an Archive by the names a user gives: which figures, which prices."""

import os
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from backtest.data.sources import folder, reference
from backtest.data.sources.discovery import load_sources, named, names_source, own_files, price_sources, source_files
from backtest.data.store.append_only import open_store
from backtest.errors import ConfigurationError, DataError, MissingPricesError, near_miss
from backtest.facts import Facts
from backtest.panel import Archive, once
from backtest.prices import Prices
from backtest.thesis import Thesis, load_thesis

SAME_WITHIN = 1e-9  # relative

STORE = "store"


def load_archive(
    tickers: Sequence[str],
    prices: str = "reference",
    facts: str = "reference",
    needed: Sequence[str] | None = None,
    thesis: Thesis | None = None,
) -> Archive:
    """Return figures and prices of some tickers of a thesis, each "reference" (embedded), "store" (live) or a folder.

    Prices may also be of one source: what the store has of it. The thesis, by default the first of this package, adds its own
    figures and sources; the files of those count in the ids of a run. Every ticker is needed, or those named only: others are
    left out where there are no prices.
    """
    thesis = thesis or load_thesis()
    known = _load_known(sorted(set(tickers)), prices, tickers if needed is None else needed, thesis)
    opened = os.path.abspath(prices) if Path(prices).is_dir() else prices  # wherever the process goes meanwhile
    return Archive(load_facts(facts, thesis), known, thesis, files=own_files(*thesis.source_folders), opened=opened)


def narrowed(archive: Archive, tickers: Sequence[str]) -> Archive:
    """Return an archive with the prices of some tickers alone, whose ids are those of a run that reads no others.

    Prices are opened again, once for the same tickers; DataError where they are others than the archive shows. An archive that
    was not opened by a name is returned as it is.
    """
    wanted = tuple(sorted(set(tickers)))
    if not archive.opened or set(wanted) == set(archive.prices.wealth.columns):
        return archive
    return once(archive, "narrowed", wanted, lambda: _opened_again(archive, wanted))


def _opened_again(archive: Archive, tickers: Sequence[str]) -> Archive:
    prices = _load_known(tickers, archive.opened, tickers, archive.thesis)
    _require_same(prices, archive)
    return replace(archive, prices=prices)


def data_of(name: str, archive: Archive, tickers: Sequence[str], data_id: str) -> Archive:
    """Return an archive narrowed to what a run read, by its tickers and data_id; DataError where the data are others."""
    listed = archive.thesis.universe.market_and_currency()
    for ticker in tickers:
        if ticker not in listed:
            raise DataError(f"{name}: the archive's thesis {archive.thesis.id} has no {ticker}; expected the archive of the run")
    known = narrowed(archive, tickers)
    if known.data_id != data_id:
        raise DataError(f"{name}: the data of the archive are {known.data_id}; expected those of the run, {data_id}")
    return known


def _require_same(prices: Prices, archive: Archive) -> None:
    """Raise DataError unless prices grow as those of an archive do wherever both have one; fewer tickers may end later."""
    names = [ticker for ticker in prices.wealth.columns if ticker in archive.prices.wealth.columns]
    now, before = prices.wealth[names].align(archive.prices.wealth[names], join="inner", axis=0)
    scale = now / before  # a later dividend scales all that is before it
    moved = (scale / scale.bfill().iloc[0] - 1.0).abs() > SAME_WITHIN
    if moved.any(axis=None):
        ticker = str(moved.any().idxmax())
        day = moved[ticker].idxmax()
        raise DataError(
            f"{archive.opened}: the prices of {ticker} on {day:%Y-%m-%d} have moved since the archive was opened; "
            "expected the same: open it again"
        )


def source_named(prices: str, folders: Sequence[Path] = ()) -> str:
    """Return the source that `--prices NAME` or `--prices store:NAME` names, "" for anything else."""
    name = prices.removeprefix(f"{STORE}:")
    if name != prices or names_source(name, *folders):
        (source,) = named(load_sources(*folders), [name])
        if source in price_sources([source]):
            return name
        raise ConfigurationError(f"source '{name}' gives no prices; expected one that does, 'reference' or a folder")
    words = ["reference", STORE, *(path.stem for path in source_files(*folders))]
    if prices not in words and not Path(prices).exists() and get_close_matches(prices, words, n=1):
        raise ConfigurationError(near_miss("prices", prices, words))
    return ""


def _load_known(tickers: Sequence[str], prices: str, needed: Sequence[str], thesis: Thesis) -> Prices:
    try:
        return _load_prices(tickers, prices, thesis)
    except MissingPricesError as error:
        known = [ticker for ticker in tickers if ticker not in error.tickers]
        if not known or set(needed) & set(error.tickers):
            raise
        return _load_prices(known, prices, thesis)


def _load_prices(tickers: Sequence[str], prices: str, thesis: Thesis) -> Prices:
    """Return prices by the name a user gives; a source's are what the store holds of it once it has been filled."""
    if prices == "reference":
        return reference.load_prices(tickers, universe=thesis.universe)
    source = source_named(prices, thesis.source_folders)
    if source or prices == STORE:
        from backtest.data.store.live import load_prices

        return load_prices(open_store(), tickers, load_sources(*thesis.source_folders), source, thesis.universe)
    return folder.load_prices(tickers, Path(prices), thesis.universe)


def load_facts(facts: str, thesis: Thesis) -> Facts:
    """Return figures by the name a user gives, "reference", "store" or a folder, with those of a thesis added."""
    return reference.with_own(_load_facts(facts, thesis.source_folders), thesis.folder)


def _load_facts(facts: str, folders: Sequence[Path]) -> Facts:
    if facts == STORE:
        from backtest.data.store.live import load_figures

        return load_figures(open_store(), load_sources(*folders))
    return reference.load_facts() if facts == "reference" else reference.load_facts(Path(facts).absolute())
