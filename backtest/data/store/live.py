"""Prices and figures of a run read from the store."""

from collections.abc import Sequence

import pandas as pd

from backtest import calendars
from backtest.data.adjustment import adjusted
from backtest.data.figure_checks import rules_of
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.price_checks import BARS
from backtest.data.sources.folder import NO_RATE, RATE, daily_prices
from backtest.data.sources.reference import facts_with, load_facts
from backtest.data.store.append_only import Store
from backtest.data.store.reconcile import Reconciled, live_table, read_typed, reconcile
from backtest.data.store.vintages import newest
from backtest.errors import DataError, MissingPricesError
from backtest.facts import Facts
from backtest.prices import Prices
from backtest.universe import load_universe

SOURCE = "yahoo"
LATE_BY = 5  # sessions by which a ticker may trail its market before it counts as stale
FIGURE_SOURCES = ("sec", "eastmoney")


def load_prices(store: Store, tickers: Sequence[str]) -> Prices:
    """Return the daily prices of some tickers; DataError for one that is missing, stale or has gaps."""
    tables, decisions = price_tables(store, tickers), load_decisions(store.home)
    return daily_prices(tables, load_rate(store), decisions, SOURCE, {name: f"{SOURCE} {name}" for name in (*tickers, RATE)})


def price_tables(store: Store, tickers: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return prices by session per ticker as the gate reads them, each market up to the last session all its tickers have.

    `adj_close` is ours: closes carried back through dividends in proportion.
    """
    stored = set(store.tables("prices"))
    if lost := [ticker for ticker in tickers if f"prices/{ticker}" not in stored]:
        raise MissingPricesError(
            lost,
            f"{store.home}: no prices of {', '.join(lost[:5])}{' and others' if len(lost) > 5 else ''}; "
            "run 'python -m backtest data pull', or use --prices reference",
        )
    decisions = load_decisions(store.home)
    ends = settled(store, decisions)
    traits = load_universe().traits(tickers)
    return {ticker: _bars(store, ticker, traits[ticker][0], ends[traits[ticker][0]], decisions) for ticker in tickers}


def load_rate(store: Store) -> pd.DataFrame:
    """Return CNY per USD by day as `close` and `adj_close`; no row where the store has none."""
    rows = store.read(f"prices/{RATE}", ["session", "close"])
    if rows is None:
        return NO_RATE
    close = newest(rows).set_index("session")["close"].dropna()
    return pd.DataFrame({"close": close, "adj_close": close})


def settled(store: Store, decisions: Decisions) -> dict[str, pd.Timestamp]:
    """Return, per market, the last session that every ticker has, those aside that ended or are stale."""
    lasts: dict[str, list[pd.Timestamp]] = {market: [] for market in calendars.MARKETS}
    traits = load_universe().market_and_currency()
    for name in store.tables("prices"):
        ticker = name.removeprefix("prices/")
        coverage = store.price_coverage(ticker)
        if ticker in traits and coverage is not None and not decisions.ended(ticker):
            lasts[traits[ticker][0]].append(pd.Timestamp(coverage["last"]))
    return {market: _common(market, days) for market, days in lasts.items()}


def load_figures(store: Store) -> Facts:
    """Return the embedded figures with the live and typed ones added, under the store's rules."""
    return facts_with(live_csv(store), rules=rules_of(store.home))


def live_csv(store: Store) -> bytes:
    """Return what the store adds to the embedded figures, as the bytes of a live.csv."""
    return live_table(reconciled(store).rows, read_typed(store.home))


def reconciled(store: Store) -> Reconciled:
    """Return the live figures of a store compared with the embedded ones."""
    return reconcile(live_figures(store), load_facts().rows, load_decisions(store.home))


def live_figures(store: Store) -> pd.DataFrame:
    """Return every live figure with its source as `origin`; the columns alone where there is none."""
    names = ["entity", "metric", "period", "period_end", "known_at", "value", "unit", "evidence", "source", "note", "origin"]
    tables = [(source, store.read(f"facts/{source}")) for source in FIGURE_SOURCES]
    figures = [rows.assign(origin=source) for source, rows in tables if rows is not None]
    return pd.concat(figures, ignore_index=True) if figures else pd.DataFrame(columns=names)


def _bars(store: Store, ticker: str, market: str, end: pd.Timestamp, decisions: Decisions) -> pd.DataFrame:
    rows = store.read(f"prices/{ticker}", ["session", *BARS, "volume", "dividend", "split"])
    if rows is None:
        raise DataError(f"{store.home}: the prices of {ticker} are gone; see 'data verify'")
    table = adjusted(newest(rows), f"{SOURCE} {ticker}")
    if table.index[-1] < end and not decisions.ended(ticker):
        raise DataError(
            f"{store.home}: prices of {ticker} end on {table.index[-1]:%Y-%m-%d}, others of {market} on {end:%Y-%m-%d}; "
            f"run 'data pull {ticker}', or write an [[ended]] row in decisions.toml"
        )
    sessions = calendars.closes(market, table.index[0], table.index[-1]).index
    if sessions.equals(table.index):
        table.index = sessions  # one object for all tickers
    return table if decisions.ended(ticker) or end >= table.index[-1] else table.loc[:end]


def missing_sessions(days: pd.Index, market: str) -> pd.DatetimeIndex:
    """Return the sessions of a market between the first and last of some days that are not among them."""
    return pd.DatetimeIndex(calendars.closes(market, days[0], days[-1]).index.difference(days))


def _common(market: str, lasts: list[pd.Timestamp]) -> pd.Timestamp:
    if not lasts:
        return pd.Timestamp.max
    newest_of_all = max(lasts)
    recent = calendars.closes(market, newest_of_all - pd.Timedelta(days=30), newest_of_all).index[-LATE_BY - 1 :]
    return min(last for last in lasts if last >= recent[0])
