"""What is left of each book's return after the factors of its thesis, its declared benchmark and the currency."""

import numpy as np
import pandas as pd

from backtest.prices import Prices
from backtest.result import Book, FactorFit, Interval, RunResult
from backtest.statistics import performance
from backtest.statistics.influence import alpha
from backtest.statistics.refusal import Refused
from backtest.thesis import Thesis


def factor_fits(result: RunResult, prices: Prices) -> dict[str, FactorFit | Refused]:
    """Return, per book, the alpha a year and the loadings with 95% intervals, or why there are none (fractions)."""
    return {name: _fit(book, prices, result.thesis) for name, book in result.books.items()}


def factor_returns(book: Book, prices: Prices, thesis: Thesis) -> pd.DataFrame:
    """Return the factors' returns by session of a book, in its currency, on the sessions that all of them are priced on.

    The declared benchmark is one of them, where no row of the thesis names it.
    A factor without any price is left out: what a book was explained by stands beside its alpha. A factor whose market closes
    after all of a book's (New York after Shanghai) is taken at its session before. Each currency that is held is a factor in
    units per US dollar.
    """
    sessions = pd.DatetimeIndex(book.equity.index)
    tickers = [str(ticker) for ticker in book.realised]
    markets = prices.in_order(prices.markets_of(tickers))
    named = {row.name: row.ticker for row in thesis.factors if not row.market or row.market in markets}
    if book.declared and book.declared not in named.values():
        named["benchmark"] = book.declared
    columns = {}
    for name, ticker in named.items():
        if ticker not in prices.wealth.columns:
            continue
        own = prices.market[ticker]
        later = own not in markets and prices.in_order([*markets, own])[-1] == own
        columns[name] = (_before if later else _on)(prices, ticker, book.currency, sessions)
    foreign = sorted({prices.currency[ticker] for ticker in tickers} & set(prices.rates.columns))
    columns |= {f"currency {code}" if len(foreign) > 1 else "currency": prices.rate_of(code, sessions) for code in foreign}
    table = pd.DataFrame(columns, sessions)
    return (table / table.shift(1) - 1.0).iloc[1:].dropna(axis=1, how="all").dropna()


def _on(prices: Prices, ticker: str, base: str, sessions: pd.DatetimeIndex) -> pd.Series:
    return prices.priced([ticker], base, sessions)[ticker]


def _before(prices: Prices, ticker: str, base: str, sessions: pd.DatetimeIndex) -> pd.Series:
    """Return what a ticker was worth at its market's last close before each session of another market."""
    abroad = pd.DatetimeIndex(prices.closes[prices.market[ticker]].index)
    values = prices.priced([ticker], base, abroad)[ticker].to_numpy()
    places = abroad.searchsorted(sessions, side="left") - 1
    return pd.Series(np.where(places >= 0, values[places], np.nan), sessions)


def _fit(book: Book, prices: Prices, thesis: Thesis) -> FactorFit | Refused:
    if not len(book.orders):
        return Refused("nothing was ever held", 0)
    factors = factor_returns(book, prices, thesis)
    fitted = alpha(performance.returns(book.equity), factors, book.periods_per_year)
    if isinstance(fitted, Refused):
        return fitted
    return FactorFit(
        alpha=Interval.of(fitted.annual),
        loadings={name: Interval.of(coefficient) for name, coefficient in fitted.loadings.items()},
        first=f"{factors.index[0]:%Y-%m-%d}",
        last=f"{factors.index[-1]:%Y-%m-%d}",
        r_squared=fitted.r_squared,
        n=fitted.n,
        indicative=fitted.indicative,
    )
