"""What carried the return of a book in each window, and of a supplier or basket between two days."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from backtest.analysis.held import Panels, bought_and_held, log_returns, window_split
from backtest.analysis.return_split import Holding, ReturnSplit
from backtest.calendars import as_of_moment
from backtest.decisions import last_session
from backtest.errors import DataError
from backtest.execution.accounting import Simulation
from backtest.files.options import FIRST
from backtest.panel import Archive, once
from backtest.prices import Prices
from backtest.result import Book
from backtest.thesis.windows import Window, whole_run
from backtest.universe import Basket, Universe

SMALLEST = 1e-9  # of a book's money: less is rounding


def book_splits(outcome: Simulation, currency: str, archive: Archive, spans: Sequence[Window]) -> dict[str, ReturnSplit]:
    """Return the split of a book's return in every window that has two sessions; hindsight is that of the run's end."""
    panels = panels_of(archive, whole_run(spans).end)
    splits = {}
    for window in spans:
        part = window.slice(pd.DatetimeIndex(outcome.equity.index))
        days = pd.DatetimeIndex(outcome.equity.index[part])
        if len(days) > 1:
            splits[window.name] = book_split(outcome.equity[part], outcome.shares.iloc[part], currency, panels)
    return splits


def book_split(equity: pd.Series, shares: pd.DataFrame, currency: str, panels: Panels) -> ReturnSplit:
    """Return the split of a book's return from the first to the last of its values; `shares` are those at the same closes."""
    days = pd.Timestamp(equity.index[0]), pd.Timestamp(equity.index[-1])
    mean = shares.iloc[:-1].mean()
    weights = {str(ticker): float(share) for ticker, share in mean.items() if share > SMALLEST}
    prices = panels.archive.prices
    holding = Holding(
        currency=currency,
        wealth=float(np.log(equity.iloc[-1]) - np.log(equity.iloc[0])),
        weights=weights,
        returns=log_returns(prices, list(weights), currency, days) if weights else {},
    )
    return window_split(holding, days, prices.markets_of(list(shares.columns)), panels)


def panels_of(archive: Archive, last: pd.Timestamp) -> Panels:
    """Return the panels of an archive with the hindsight of a day's end, the same for every book of a run."""
    return once(archive, "panels of splits", last, lambda: Panels(archive, as_of_moment(f"{last:%Y-%m-%d}")), most=1)


def explain(basket: Basket, archive: Archive, start: date, end: date | None) -> ReturnSplit:
    """Return the split of a basket bought at equal money at the close on or before `start`, and of a supplier likewise.

    It is held to the close on or before `end`, by default the last on which every member is priced; hindsight has every figure of
    the archive. DataError for days that prices do not cover.
    """
    prices, members = archive.prices, list(basket.members)
    last = last_session(prices, members, end, "close", basket.currency)
    days = session_by(prices, members, pd.Timestamp(start)), session_by(prices, members, last)
    if days[0] >= days[1]:
        raise DataError(f"from {start} to {last:%Y-%m-%d} {basket.name} has no two sessions; expected a span with a return")
    markets = prices.markets_of(members)
    sessions = prices.sessions(markets)
    holding = bought_and_held(prices, members, basket.currency, sessions[(sessions >= days[0]) & (sessions <= days[1])])
    if not holding.returns:
        raise DataError(f"no price of {', '.join(members)} on {days[0]:%Y-%m-%d}; expected a later --from")
    return window_split(holding, days, markets, panels_of(archive, _newest(archive)))


def book_between(book: Book, archive: Archive, start: date) -> ReturnSplit:
    """Return the split of a book's return from its close on or before a day, or from its first; DataError after its last."""
    first = int(book.equity.index.searchsorted(pd.Timestamp(start), side="right")) - 1
    if first >= len(book.equity) - 1:
        raise DataError(f"{book.basket} ends on {book.equity.index[-1]:%Y-%m-%d}; expected a start before that, not {start}")
    part = slice(max(first, 0), None)
    return book_split(book.equity[part], book.shares.iloc[part], book.currency, panels_of(archive, _newest(archive)))


def basket_of(universe: Universe, name: str) -> Basket:
    """Return a basket by name, or one of a supplier or of a benchmark fund alone."""
    fund = next((row for row in universe.benchmarks if row.ticker == name), None)
    if fund is None:
        return universe.basket(name)
    return Basket(name=name, title=fund.name, members=(name,), currency=fund.currency, chosen=FIRST, source=fund.source)


def _newest(archive: Archive) -> pd.Timestamp:
    """Return the day of the newest figure or price of an archive."""
    moments = [archive.facts.rows["known_at"].max(), *(closes.iloc[-1] for closes in archive.prices.closes.values())]
    return pd.Timestamp(max(moments).tz_localize(None).normalize())


def session_by(prices: Prices, tickers: Sequence[str], day: pd.Timestamp) -> pd.Timestamp:
    """Return the last session on or before a day of the markets of some tickers; DataError where there is none."""
    sessions = prices.sessions(prices.markets_of(tickers))
    count = int(sessions.searchsorted(day, side="right"))
    if not count:
        raise DataError(f"no session on or before {day:%Y-%m-%d}; prices begin on {sessions[0]:%Y-%m-%d}")
    return pd.Timestamp(sessions[count - 1])
