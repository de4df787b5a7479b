"""What is split over a window: what was bought and held, and what was known at its ends."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from backtest.analysis.return_split import Holding, ReturnSplit, return_split
from backtest.analysis.trailing import End
from backtest.panel import Archive, Panel
from backtest.prices import Prices


class Panels:
    """The panels of an archive at the closes of sessions; `latest` is the moment whose knowledge hindsight has."""

    def __init__(self, archive: Archive, latest: pd.Timestamp) -> None:
        self.archive = archive
        self.latest = archive.as_of(latest)
        self._known: dict[pd.Timestamp, Panel] = {}

    def at_close(self, day: pd.Timestamp, markets: Sequence[str]) -> Panel:
        """Return what was known when the last of some markets had closed on a day, or on its last session before."""
        closes = [self.archive.prices.closes[market].loc[:day] for market in markets]
        moment = max(of_market.iloc[-1] for of_market in closes if len(of_market))
        if moment not in self._known:
            self._known[moment] = self.archive.as_of(moment)
        return self._known[moment]


def window_split(
    holding: Holding, days: tuple[pd.Timestamp, pd.Timestamp], markets: Sequence[str], panels: Panels
) -> ReturnSplit:
    """Return the split of what was held between the closes of two days: as known on each, and with hindsight."""
    thesis = panels.archive.thesis
    first, last = (End(day, panels.at_close(day, markets)) for day in days)
    after = (End(days[0], panels.latest, hindsight=True), End(days[1], panels.latest, hindsight=True))
    return replace(return_split(holding, (first, last), thesis), hindsight=return_split(holding, after, thesis))


def log_returns(
    prices: Prices, tickers: Sequence[str], currency: str, days: tuple[pd.Timestamp, pd.Timestamp]
) -> dict[str, float]:
    """Return the log return of each ticker between the closes of two days; none of one without a price at both."""
    values = prices.priced(tickers, currency, pd.DatetimeIndex(days))
    changes = np.log(values.iloc[1]) - np.log(values.iloc[0])
    return {str(ticker): float(change) for ticker, change in changes.dropna().items()}


def bought_and_held(prices: Prices, tickers: Sequence[str], currency: str, sessions: pd.DatetimeIndex) -> Holding:
    """Return equal money in every ticker that is priced at the first of some sessions and at the last, left alone between."""
    values = prices.priced(tickers, currency, sessions)
    growth = values / values.iloc[0]
    bought = growth.loc[:, growth.iloc[[0, -1]].notna().all()].ffill()
    total = bought.mean(axis=1)
    shares = bought.div(bought.sum(axis=1), axis=0).iloc[:-1].mean()
    return Holding(
        currency=currency,
        wealth=float(np.log(total.iloc[-1])),
        weights={ticker: float(shares.get(ticker, 0.0)) for ticker in tickers},
        returns={str(ticker): float(np.log(value)) for ticker, value in bought.iloc[-1].items()},
    )
