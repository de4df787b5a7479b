"""Prices and figures of a run read from the store."""

from collections.abc import Mapping, Sequence

import pandas as pd

from backtest.data.adjustment import adjusted
from backtest.data.figure_checks import rules_of
from backtest.data.matrices import Room, floats
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.price_checks import BARS
from backtest.data.sources.discovery import figure_sources, load_sources, price_sources
from backtest.data.sources.folder import Quotes, checked_quotes, prices_of
from backtest.data.sources.protocol import FIGURE_COLUMNS, PriceSource, Source
from backtest.data.sources.reference import facts_with, load_facts
from backtest.data.store.append_only import PriceCoverage, Store
from backtest.data.store.coverage import price_coverages
from backtest.data.store.quotes_cache import Request, cached
from backtest.data.store.reconcile import NAME, Reconciled, live_table, read_typed, reconcile
from backtest.data.store.vintages import newest
from backtest.errors import DataError, MissingPricesError
from backtest.facts import Facts
from backtest.markets import Market
from backtest.markets.currencies import currency_of_rate
from backtest.prices import Prices
from backtest.provenance import unwatched
from backtest.thesis import load_thesis
from backtest.universe import Universe

LATE_BY = 5  # sessions by which a ticker may trail its market before it counts as stale
Sources = Mapping[str, Source]


def load_prices(
    store: Store, tickers: Sequence[str], sources: Sources | None = None, only: str = "", universe: Universe | None = None
) -> Prices:
    """Return the daily prices of some tickers, of one source only where it is named; a rate may be another's.

    The universe is by default that of the first thesis.

    DataError for one that is missing, stale or has gaps.
    """
    stored, universe = stored_prices(store, sources, only), universe or load_thesis().universe
    decisions = load_decisions(store.home, universe, [*stored])

    def make() -> Quotes:
        tables, rates = price_tables(store, tickers, stored, universe), load_rates(store, stored, universe)
        named = {name: f"{stored[name].name} {name}" for name in (*tickers, *rates)}
        return checked_quotes(tables, rates, decisions, named, universe)

    request = Request(store, tuple(tickers), stored, decisions, universe)
    quotes = unwatched(lambda: cached(request, make))  # of a strategy that opens the store: the same the first time and again
    return prices_of(quotes, decisions, ", ".join(sorted({stored[ticker].name for ticker in tickers})), universe)


def stored_prices(store: Store, sources: Sources | None = None, only: str = "") -> dict[str, PriceSource]:
    """Return, by ticker and rate, the source whose prices count of those that the store has: the first that has some.

    Where one is named, tickers are of that source only, and rates of that source first.
    """
    every = price_sources((load_sources() if sources is None else sources).values())
    stored: dict[str, PriceSource] = {}
    for source in sorted(every, key=lambda source: source.name != only):
        keys = [name.partition("/")[2] for name in store.tables(source.table())]
        own = not only or source.name == only
        stored = {key: source for key in keys if own or currency_of_rate(key)} | stored
    return stored


def price_tables(
    store: Store, tickers: Sequence[str], stored: Mapping[str, PriceSource], universe: Universe
) -> dict[str, pd.DataFrame]:
    """Return prices by session per ticker as the gate reads them, each market up to the last session all its tickers have.

    `adj_close` is ours: closes carried back through dividends in proportion.
    """
    if lost := [ticker for ticker in tickers if ticker not in stored]:
        raise MissingPricesError(
            lost,
            f"{store.home}: no prices of {', '.join(lost[:5])}{' and others' if len(lost) > 5 else ''}; "
            "run 'capex-backtest data pull', or use --prices reference",
        )
    decisions = load_decisions(store.home, universe, [*stored])
    names = {ticker: source.table(ticker) for ticker, source in stored.items()}
    known = price_coverages(store, [*names.values()])
    coverage = {ticker: known[table] for ticker, table in names.items()}
    ends = settled(coverage, decisions, universe)
    traits = universe.traits(tickers)
    room = Room(len(tickers), max((own["sessions"] for ticker in tickers if (own := coverage[ticker])), default=0))
    tables = {}
    for ticker in tickers:
        market = traits[ticker][0]
        table = _bars(store, ticker, stored[ticker], universe.markets[market], ends[market], decisions)
        split = floats(table, "split")
        never = ((split == 1.0) | ~(split > 0)).all()  # to the gate a table without splits says the same
        tables[ticker] = room.moved(table, (*BARS, "adj_close", "volume", *(() if never else ("split",))))
    return tables


def load_rates(store: Store, stored: Mapping[str, PriceSource], universe: Universe) -> dict[str, pd.DataFrame]:
    """Return the rates that the store has, units per US dollar by day as `close` and `adj_close`, by their tickers."""
    rates = {}
    for ticker in (ticker for ticker in universe.all_rates if ticker in stored):
        if (rows := store.read(stored[ticker].table(ticker), ["session", "close"])) is not None:
            close = newest(rows).set_index("session")["close"].dropna()
            rates[ticker] = pd.DataFrame({"close": close, "adj_close": close})
    return rates


def settled(coverage: Mapping[str, PriceCoverage | None], decisions: Decisions, universe: Universe) -> dict[str, pd.Timestamp]:
    """Return, per market, the last session that every ticker has, those aside that ended or are stale."""
    lasts: dict[str, list[pd.Timestamp]] = {code: [] for code in universe.markets}
    traits = universe.market_and_currency()
    for ticker, own in coverage.items():
        if ticker in traits and own is not None and not decisions.ended(ticker):
            lasts[traits[ticker][0]].append(pd.Timestamp(own["last"]))
    return {code: _common(universe.markets[code], days) for code, days in lasts.items()}


def load_figures(store: Store, sources: Sources | None = None) -> Facts:
    """Return the embedded figures with the live and typed ones added, under the store's rules."""
    return facts_with(live_csv(store, sources), rules=rules_of(store.home))


def live_csv(store: Store, sources: Sources | None = None) -> bytes:
    """Return what the store adds to the embedded figures, as the bytes of a live.csv."""
    return live_table(reconciled(store, sources).rows, read_typed(store.home))


def reconciled(store: Store, sources: Sources | None = None) -> Reconciled:
    """Return the live figures of a store compared with the embedded ones."""
    return reconcile(live_figures(store, sources), load_facts().rows, load_decisions(store.home, stored=store.keys()))


def live_figures(store: Store, sources: Sources | None = None) -> pd.DataFrame:
    """Return every live figure with its source as `origin` and the source's confidence; the columns alone where there is none.

    Of a figure that several sources give, only the versions of the source that counts first are there.
    """
    every = figure_sources((load_sources() if sources is None else sources).values())
    tables = [(source, store.read(source.table)) for source in every]
    figures = [
        rows.assign(origin=source.name, confidence=source.confidence, rank=rank)
        for rank, (source, rows) in enumerate(tables)
        if rows is not None
    ]
    if not figures:
        return pd.DataFrame(columns=[*FIGURE_COLUMNS, "origin", "confidence"])
    rows = pd.concat(figures, ignore_index=True)
    best = rows.groupby(NAME)["rank"].transform("min")
    return rows[rows["rank"] == best].drop(columns="rank").reset_index(drop=True)


def _bars(
    store: Store, ticker: str, source: PriceSource, market: Market, end: pd.Timestamp, decisions: Decisions
) -> pd.DataFrame:
    rows = store.read_numbers(source.table(ticker), ["session", *BARS, "volume", "dividend", "split"])
    if rows is None:
        raise DataError(f"{store.home}: the prices of {ticker} are gone; see 'data verify'")
    table = adjusted(newest(rows), f"{source.name} {ticker}")
    if table.index[-1] < end and not decisions.ended(ticker):
        raise DataError(
            f"{store.home}: prices of {ticker} end on {table.index[-1]:%Y-%m-%d}, others of {market.code} on {end:%Y-%m-%d}; "
            f"run 'data pull {ticker}', or write an [[ended]] row in decisions.toml"
        )
    sessions = market.closes(table.index[0], table.index[-1]).index
    if sessions.equals(table.index):
        table.index = sessions  # one object for all tickers
    return table if decisions.ended(ticker) or end >= table.index[-1] else table.loc[:end]


def missing_sessions(days: pd.DatetimeIndex, market: Market) -> pd.DatetimeIndex:
    """Return the sessions of a market between the first and last of some days that are not among them."""
    return market.sessions(days[0], days[-1]).difference(days)


def _common(market: Market, lasts: list[pd.Timestamp]) -> pd.Timestamp:
    if not lasts:
        return pd.Timestamp.max
    newest_of_all = max(lasts)
    recent = market.sessions(newest_of_all - pd.Timedelta(days=30), newest_of_all)[-LATE_BY - 1 :]
    return min(last for last in lasts if last >= recent[0])
