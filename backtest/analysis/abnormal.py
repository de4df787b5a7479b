"""Abnormal returns of baskets on one market: what their members there returned beyond what they are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.prices import Prices
from backtest.statistics import performance
from backtest.universe import Basket, Universe


@dataclass(frozen=True)
class MarketReturns:
    """Log returns of baskets on one market in its currency, session × basket, and those of what each is compared with.

    A basket's return is the mean of its members there, set back to equal parts each session; no cost is taken off.
    """

    market: str
    baskets: pd.DataFrame
    benchmarks: pd.DataFrame

    @property
    def abnormal(self) -> pd.DataFrame:
        """The baskets' log returns less those of what they are compared with."""
        return self.baskets - self.benchmarks


def market_returns(
    prices: Prices, universe: Universe, baskets: Sequence[Basket], market: str, last: pd.Timestamp
) -> MarketReturns | None:
    """Return the returns on a market up to a session; None where no basket or nothing to compare with is priced there."""
    sessions = prices.sessions([market])
    sessions = sessions[sessions <= last]
    members = {basket.name: [t for t in basket.members if prices.market.get(t) == market] for basket in baskets}
    own = {name: _mean(prices, tickers, sessions) for name, tickers in members.items() if tickers}
    compared = {basket.name: benchmark_returns(prices, universe, basket, market, sessions) for basket in baskets}
    priced = {name: compared[name] for name in own if compared[name].notna().any()}
    if not priced:
        return None
    return MarketReturns(market, pd.DataFrame({name: own[name] for name in priced}), pd.DataFrame(priced))


def benchmark_returns(
    prices: Prices, universe: Universe, basket: Basket, market: str, sessions: pd.DatetimeIndex
) -> pd.Series:
    """Return the log returns of what a basket is compared with on a market: the mean of the market's funds."""
    funds = [row.ticker for row in universe.benchmarks if row.market == market and row.ticker in prices.wealth]
    return _mean(prices, funds, sessions)


def _mean(prices: Prices, tickers: Sequence[str], sessions: pd.DatetimeIndex) -> pd.Series:
    """Return the log of one plus the mean simple return of some tickers of one currency, NaN where none is priced."""
    if not tickers or len(sessions) < 2:
        return pd.Series(np.nan, sessions)
    values = prices.priced(tickers, prices.currency[tickers[0]], sessions)
    return np.log1p(performance.mean_returns(values)).reindex(sessions)
