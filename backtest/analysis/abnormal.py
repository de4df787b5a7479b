"""Abnormal returns of baskets on one market: what their members there returned beyond what they are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.prices import Prices
from backtest.statistics import performance
from backtest.statistics.events import ESTIMATION
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


def returns_by_market(
    prices: Prices, universe: Universe, baskets: Sequence[Basket], last: pd.Timestamp
) -> dict[str, MarketReturns | None]:
    """Return the returns of some baskets on every market that they have members on, as `market_returns` has each."""
    markets = prices.markets_of(sorted({ticker for basket in baskets for ticker in basket.members}))
    return {market: market_returns(prices, universe, baskets, market, last) for market in markets}


def market_returns(
    prices: Prices, universe: Universe, baskets: Sequence[Basket], market: str, last: pd.Timestamp
) -> MarketReturns | None:
    """Return the returns on a market up to a session; None where no basket or nothing to compare with is priced there."""
    sessions = prices.sessions([market])
    sessions = sessions[sessions <= last]
    members = {basket.name: tuple(t for t in basket.members if prices.market.get(t) == market) for basket in baskets}
    compared = {basket.name: compared_with(universe, basket, market) for basket in baskets}
    tickers = sorted({ticker for group in (*members.values(), *compared.values()) for ticker in group if ticker in prices.wealth})
    if not tickers or len(sessions) < 2:
        return None
    values = prices.priced(tickers, prices.markets[market].currency, sessions)
    returns = {group: _mean(values, group) for group in {*members.values(), *compared.values()}}
    named = [name for name in members if members[name] and returns[compared[name]].notna().any()]
    own, benchmarks = ({name: returns[groups[name]] for name in named} for groups in (members, compared))
    return MarketReturns(market, pd.DataFrame(own), pd.DataFrame(benchmarks)) if named else None


def compared_with(universe: Universe, basket: Basket, market: str) -> tuple[str, ...]:
    """Return what a basket is compared with on a market: the first fund there that it declares, else the market's first."""
    quoted = universe.market_and_currency()
    funds = [row.ticker for row in universe.comparisons([basket.name]) if quoted[row.ticker][0] == market]
    return tuple(funds[:1])


def complete(
    abnormal: pd.DataFrame, first: pd.Timestamp, end: pd.Timestamp
) -> tuple[pd.DataFrame, pd.Timestamp, tuple[str, ...]]:
    """Return the baskets with a return on every session needed, the last of these, and the names of the other baskets.

    Needed are those from 120 before a window to its end, or to the last on which all baskets that have one in it are priced.
    """
    index = pd.DatetimeIndex(abnormal.index)
    lasts = [pd.Timestamp(day) for name in abnormal if (day := abnormal[name].last_valid_index()) is not None]  # type: ignore[arg-type]
    last = min([end, *(day for day in lasts if day >= first)])
    start, stop = int(index.searchsorted(first)), int(index.searchsorted(last, side="right"))
    needed = abnormal.iloc[max(start - ESTIMATION, 1) : stop]
    whole = [str(name) for name in abnormal.columns if needed[name].notna().all()]
    common = abnormal[whole].dropna() if whole else abnormal.iloc[:0]
    return common, last, tuple(str(name) for name in abnormal.columns if name not in whole)


def _mean(values: pd.DataFrame, tickers: Sequence[str]) -> pd.Series:
    """Return the log of one plus the mean simple return of some tickers, NaN where none is priced."""
    priced = [ticker for ticker in tickers if ticker in values]
    simple = performance.mean_returns(values[priced]).reindex(values.index)
    return pd.Series(np.log1p(simple.to_numpy(float)), values.index)
