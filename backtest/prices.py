"""Daily prices as a matrix of sessions by tickers, with market, currency and adjustment declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from backtest.calendars import count_until
from backtest.errors import DataError
from backtest.markets import Market, load_markets, sessions_a_year
from backtest.markets.cash_rates import CashRate, load_cash_rates
from backtest.markets.currencies import DOLLAR, rate_ticker

RATE_MAY_BE_STALE_FOR = pd.Timedelta(days=10)


@dataclass(frozen=True)
class Bars:
    """What a share cost in its own currency: session × ticker tables `open`, `high`, `low`, `close`, NaN where it did not trade.

    `close` is the price a lot is counted in. Where a source carries splits or distributions back through its closes,
    early prices are lower than what was paid, and a lot costs less than it did.
    """

    open: pd.DataFrame
    high: pd.DataFrame
    low: pd.DataFrame
    close: pd.DataFrame


@dataclass(frozen=True)
class Prices:
    """Total-return prices of one source.

    `wealth` is session × ticker in each ticker's own currency, NaN outside its listed span and when it did not trade;
    returns come from it and from nothing else. `closes` holds, per market, the UTC moment at which the price of a
    session became known, indexed by session. `rates` is day × currency in units per US dollar, NaN where a day has none.
    `bars` are the share prices, None where a source has only wealth; `volume` is session × ticker in shares, NaN where it is not
    known. `ended` has why a ticker's prices ended for good: it is sold at its last close. Any other end is where the source
    stops. `markets` are the markets by the code that `market` has, `cash_rates` what cash earns by currency and day.
    """

    wealth: pd.DataFrame
    market: Mapping[str, str]
    currency: Mapping[str, str]
    closes: Mapping[str, pd.Series]
    rates: pd.DataFrame
    adjustment: str
    source: str
    data_id: str
    bars: Bars | None = None
    ended: Mapping[str, str] = field(default_factory=dict)
    markets: Mapping[str, Market] = field(default_factory=load_markets)
    cash_rates: tuple[CashRate, ...] = field(default_factory=load_cash_rates)
    volume: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        sessions = self.wealth.index
        if not sessions.is_monotonic_increasing or not sessions.is_unique:
            raise DataError(f"{self.source}: sessions are not unique and rising")
        values = self.wealth.to_numpy()
        if (wrong := (values <= 0) | np.isinf(values)).any():
            row, column = np.argwhere(wrong)[0]
            raise DataError(f"{self.source}: {self.wealth.columns[column]} is {values[row, column]} on {sessions[row]:%Y-%m-%d}")

    def require(self, tickers: Sequence[str]) -> None:
        """Raise DataError naming the tickers this source has no prices for."""
        if lost := sorted(set(tickers) - set(self.wealth.columns)):
            raise DataError(f"{self.source}: no prices for {', '.join(lost)}")

    def markets_of(self, tickers: Sequence[str]) -> tuple[str, ...]:
        """Return the markets these tickers trade on, sorted."""
        return tuple(sorted({self.market[ticker] for ticker in tickers}))

    def traded(self, ticker: str, fill: str = "close") -> pd.DatetimeIndex:
        """Return the sessions on which a ticker has a price at which orders are filled: its close, or its open."""
        table = self.bars.open if fill == "open" and self.bars is not None else self.wealth
        return pd.DatetimeIndex(table.index[table[ticker].notna().to_numpy()])

    def unopened(self, ticker: str, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return which of some sessions a ticker has a close on and no open."""
        closed, opened = self.traded(ticker), self.traded(ticker, "open")
        return sessions[sessions.isin(closed) & ~sessions.isin(opened)]

    def sessions(self, markets: Sequence[str]) -> pd.DatetimeIndex:
        """Return the union of the sessions of some markets over the span of this source."""
        union = pd.DatetimeIndex([])
        for market in markets:
            union = union.union(pd.DatetimeIndex(self.closes[market].index))
        return union

    def periods_per_year(self, markets: Sequence[str]) -> int:
        """Return how many returns a year holds: the sessions of those markets together."""
        return sessions_a_year([self.markets[market] for market in markets])

    def in_order(self, markets: Sequence[str]) -> tuple[str, ...]:
        """Return some markets in the order in which they close on a day they share."""

        def usual_close(market: str) -> tuple[pd.Timedelta, str]:
            closes = self.closes[market]
            return (closes - pd.DatetimeIndex(closes.index).tz_localize("UTC")).median(), market

        return tuple(sorted(markets, key=usual_close))

    def known_until(self, market: str, moment: pd.Timestamp) -> pd.Timestamp | None:
        """Return the last session of a market that had closed by a moment, or None."""
        closed = self.closes[market]
        count = count_until(closed, moment)
        return closed.index[count - 1] if count else None

    def rate_of(self, currency: str, sessions: pd.DatetimeIndex) -> pd.Series:
        """Return units per US dollar at each session: the day's rate, or the latest before it, at most ten days old."""
        if currency == DOLLAR:
            return pd.Series(1.0, sessions)
        ticker = rate_ticker(currency)
        rate = self.rates[currency].dropna() if currency in self.rates else pd.Series(dtype=float)
        if rate.empty:
            raise DataError(
                f"{self.source}: no {ticker} rate for {sessions[0]:%Y-%m-%d}; expected {ticker}.csv with {currency} per {DOLLAR}"
            )
        days = rate.index.searchsorted(sessions, side="right") - 1
        stale = (days < 0) | (sessions - rate.index[np.maximum(days, 0)] > RATE_MAY_BE_STALE_FOR)
        if stale.any():
            raise DataError(f"{self.source}: no {ticker} rate for {sessions[stale][0]:%Y-%m-%d} or the ten days before it")
        return pd.Series(rate.to_numpy()[days], sessions)

    def fx_rate(self, tickers: Sequence[str], base: str, sessions: pd.DatetimeIndex) -> np.ndarray:
        """Return what one unit of each ticker's currency is worth in a base currency, shape (sessions, tickers).

        Two currencies meet in the US dollar. DataError for a currency that has no rate.
        """
        own = [self.currency[ticker] for ticker in tickers]
        factor = np.ones((len(sessions), len(tickers)))
        for currency in dict.fromkeys(own):
            if currency != base:
                worth = self._cross_rate(currency, base, tickers[own.index(currency)], sessions)
                factor[:, [each == currency for each in own]] = worth[:, None]
        return factor

    def _cross_rate(self, currency: str, base: str, ticker: str, sessions: pd.DatetimeIndex) -> np.ndarray:
        """Return what one unit of a currency is worth in a base currency; `ticker` is who needs it."""
        try:
            per_dollar = self.rate_of(currency, sessions).to_numpy()
            return np.asarray(self.rate_of(base, sessions).to_numpy() / per_dollar)
        except DataError as error:
            raise DataError(f"{error} (for {ticker} in a book in {base})") from None

    def local(self, tickers: Sequence[str], sessions: pd.DatetimeIndex) -> pd.DataFrame:
        """Return session × ticker wealth in each ticker's own currency: the last price, NaN before the first."""
        last = self.wealth[list(tickers)].ffill()
        position = last.index.searchsorted(sessions, side="right") - 1
        values = np.where((position >= 0)[:, None], last.to_numpy()[np.maximum(position, 0)], np.nan)
        return pd.DataFrame(values, sessions, list(tickers))

    def valued(self, tickers: Sequence[str], base: str, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        """Return session × ticker values in a base currency: the last price at the day's rate, NaN before the first."""
        return self.local(tickers, sessions) * self.fx_rate(tickers, base, sessions)

    def priced(self, tickers: Sequence[str], base: str, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        """Return session × ticker values in a base currency: NaN before a ticker's first price and after its last."""
        values = self.valued(tickers, base, sessions)
        for ticker in tickers:
            last = self.last_session(ticker, sessions[-1])
            values.loc[sessions > (sessions[-1] if last is None else last), ticker] = np.nan
        return values

    def last_session(self, ticker: str, end: pd.Timestamp) -> pd.Timestamp | None:
        """Return the last session a ticker has a price for, when its market has a later one by `end`; else None."""
        last_valid, own = self.wealth[ticker].last_valid_index(), self.closes[self.market[ticker]].index
        last = pd.Timestamp(last_valid) if last_valid is not None else end  # type: ignore[arg-type]
        return last if own.searchsorted(last, "right") < own.searchsorted(end, "right") else None

    def common_end(self, tickers: Sequence[str], base: str = "") -> tuple[str, pd.Timestamp]:
        """Return who ends first of some tickers, those declared ended aside, and its last session with a close.

        In a base currency the rates that the tickers need count too, each to the last day on which it may be used.
        """
        going = [ticker for ticker in tickers if ticker not in self.ended]
        traded = {ticker: self.traded(ticker) for ticker in going or tickers}
        priced = {ticker: sessions[-1] for ticker, sessions in traded.items() if len(sessions)}
        if not priced:
            raise DataError(f"{self.source}: no price at all for {', '.join(tickers)}")
        first_to_end = (min if going else max)(priced, key=lambda ticker: priced[ticker])
        last = priced[first_to_end]
        for rate, until in self._rates_until({self.currency[ticker] for ticker in tickers}, base).items():
            first_to_end, last = (rate, until) if until < last else (first_to_end, last)
        return first_to_end, last

    def _rates_until(self, currencies: set[str], base: str) -> dict[str, pd.Timestamp]:
        """Return the last day on which each rate may be used that counts some currencies in a base one; none without a base."""
        needed = {*currencies, base} - {DOLLAR} if base and currencies != {base} else set()
        known = {currency: self.rates[currency].dropna().index for currency in sorted(needed) if currency in self.rates}
        return {rate_ticker(currency): days[-1] + RATE_MAY_BE_STALE_FOR for currency, days in known.items() if len(days)}

    def goes_on(self, ticker: str, last: pd.Timestamp, end: pd.Timestamp) -> bool:
        """Return whether a ticker's market has a session after its last one and by `end`."""
        market, after = self.markets[self.market[ticker]], last + pd.Timedelta(days=1)
        until = min(end, market.last_day, after + pd.Timedelta(days=30))  # no market is closed for as long
        return end > until or (until >= after and len(market.closes(after, until)) > 0)

    def sold_at(self, ticker: str) -> pd.Timestamp | None:
        """Return the session at whose close a ticker is sold because it is declared ended, else None."""
        traded = self.traded(ticker)
        return traded[-1] if ticker in self.ended and len(traded) else None
