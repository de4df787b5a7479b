"""Daily prices, dividends and splits, and exchange rates, from Yahoo.

yfinance carries the request (cookies, consent, the browser's handshake). Its table is dropped: it fills empty volumes
with 0 and throws repeated rows away in silence. The answer itself is kept and parsed here.
"""

import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NotRequired, TypedDict
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np
import pandas as pd

from backtest.data.answer import Answer, of_known_shape
from backtest.data.sources.http import Body, Client, PassingError, read_json, unreachable
from backtest.data.sources.protocol import Instrument, PriceSource, closed_sessions
from backtest.errors import DataError
from backtest.markets import Market
from backtest.universe import Universe

PRICES = ("open", "high", "low", "close")
RATES_ZONE = "Europe/London"  # of the days of a rate
SETTLED_AFTER = pd.Timedelta(minutes=30)  # Yahoo's delay after a close
CHART = "/v8/finance/chart/"


class Meta(TypedDict):
    """Whose prices they are; Yahoo says more."""

    currency: str
    exchangeTimezoneName: str


class Event(TypedDict):
    """A dividend, or a split: `date` is in seconds since 1970."""

    date: int
    amount: NotRequired[float]
    numerator: NotRequired[float]
    denominator: NotRequired[float]


class Indicators(TypedDict):
    """One table of prices and volumes, a list per column and an entry per session."""

    quote: list[dict[str, list[float | None]]]


class Chart(TypedDict):
    """An answer, of which only the presence of meta and quotes has been checked; `timestamp` is in seconds since 1970."""

    meta: Meta
    timestamp: list[int]
    events: NotRequired[dict[str, dict[str, Event]]]
    indicators: Indicators


@of_known_shape("yahoo")
def fetch(client: Client, symbol: str, market: Market | None, since: pd.Timestamp) -> Answer:
    """Return Yahoo's chart answer for a symbol from a day to now, split-adjusted, with its dividends and splits."""
    return client.patiently(symbol, lambda: _ask(client, symbol, market, since))


@of_known_shape("yahoo")
def parse(answer: Answer, symbol: str, market: Market | None, currency: str) -> pd.DataFrame:
    """Return BAR_COLUMNS by session, of sessions that had closed when the answer came; refuse what has another shape.

    Prices are as Yahoo gives them: carried back through splits, not through dividends. What they say is for the gate.
    """
    where = f"yahoo {symbol}"
    chart = _chart(answer.body, where)
    _check_meta(chart["meta"], where, market, currency)
    rows = closed_sessions(_once(_rows(chart, where), where), market, answer.at, SETTLED_AFTER, where)
    if rows.empty:
        raise DataError(f"{where}: no session that had closed by {answer.at:%Y-%m-%d %H:%M}Z; expected at least one")
    return rows.reset_index(drop=True)


def zone_of(market: Market | None) -> str:
    """Return the time zone of a market's sessions, or of the days of a rate, which has no market."""
    return market.timezone if market else RATES_ZONE


def _ask(client: Client, symbol: str, market: Market | None, since: pd.Timestamp) -> Answer:
    yfinance = _yfinance()
    session = _session(client)
    session.key, session.last = symbol, None
    yfinance.cache.get_tz_cache().store(symbol, zone_of(market))  # else yfinance asks Yahoo for it first
    try:
        with warnings.catch_warnings(action="ignore"):  # yfinance's own, about pandas
            yfinance.Ticker(symbol, session=session).history(
                start=f"{since:%Y-%m-%d}", end=None, period=None, interval="1d", prepost=False, actions=True,
                auto_adjust=False, back_adjust=False, repair=False, keepna=True, rounding=False, timeout=client.timeout,
            )  # fmt: skip
    except DataError:
        raise
    except Exception as error:
        if session.last is None:
            if type(error).__name__ in ("ConnectionError", "DNSError", "ProxyError", "ConnectTimeout", "SSLError"):
                raise unreachable(client.origin, error) from None
            raise PassingError(f"yahoo {symbol}: no whole answer in time ({type(error).__name__}); pull again later") from None
    if session.last is None:
        raise DataError(f"yahoo {symbol}: yfinance asked for no prices; expected its release of requirements.lock")
    answer: Answer = session.last
    return answer


@lru_cache
def _yfinance() -> Any:
    """Return yfinance, loud about errors, with its caches in a folder of this process only."""
    import yfinance

    logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # what matters of an answer is judged here
    yfinance.set_tz_cache_location(tempfile.mkdtemp(prefix="yfinance-"))
    yfinance.config.debug.hide_exceptions = False
    yfinance.config.network.retries = 0
    return yfinance


@lru_cache(maxsize=4)
def _sessions_of(address: str) -> Any:
    from curl_cffi import requests

    class Recording(requests.Session):  # type: ignore[type-arg]
        """A browser-like session that sends every request of yfinance to one address and keeps the chart answers."""

        client: Client
        key: str
        last: Answer | None

        def request(self, method: Any, url: str, *arguments: Any, **options: Any) -> Any:
            path = urlsplit(url).path
            options["timeout"] = self.client.clock.timeout(url, self.client.timeout)
            if path.startswith(CHART):
                self.last = None
            body = Body(f"yahoo {self.key}")
            try:
                options |= {"content_callback": body.add}
                response = super().request(method, _redirected(url, address), *arguments, **options)
            finally:
                body.check()
            response.content = bytes(body.content)
            if path.startswith(CHART):
                self._record(response)
            return response

        def _record(self, response: Any) -> None:
            url, at = _without_secrets(str(response.url)), self.client.clock.now()
            answer = Answer("yahoo", self.key, url, at, response.status_code, response.content)
            self.client.keep(answer)
            self.last = answer
            self.client.judge(answer, response.headers.get("Retry-After"))

    return Recording(impersonate="chrome")


def _session(client: Client) -> Any:
    session = _sessions_of(client.origin.address)
    session.client = client
    return session


def _redirected(url: str, address: str) -> str:
    """Return a request of yfinance as it stands, or at the address put in Yahoo's place."""
    here, there = urlsplit(url), urlsplit(address)
    if (there.hostname or "").endswith("yahoo.com"):
        return url
    return urlunsplit((there.scheme, there.netloc, here.path, here.query, ""))


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(query=urlencode([(name, value) for name, value in parse_qsl(parts.query) if name != "crumb"]))
    )


def _chart(body: bytes, where: str) -> Chart:
    try:
        chart = read_json(body, where)["chart"]
        if chart["error"]:
            raise DataError(f"{where}: Yahoo says '{chart['error'].get('description')}'; expected a symbol it knows")
        result: Chart = chart["result"][0]
        result["meta"]["currency"], result["meta"]["exchangeTimezoneName"], result["indicators"]["quote"][0]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"{where}: not the answer we know (no {error}); expected chart.result[0] with meta and quotes") from None
    if not result.get("timestamp"):
        raise DataError(f"{where}: the answer has no session; expected at least one")
    return result


def _check_meta(meta: Meta, where: str, market: Market | None, currency: str) -> None:
    for name, stated, expected in (
        ("currency", meta["currency"], currency),
        ("time zone", meta["exchangeTimezoneName"], zone_of(market)),
    ):
        if stated != expected:
            raise DataError(f"{where}: {name} is '{stated}'; expected {expected}")


def _rows(chart: Chart, where: str) -> pd.DataFrame:
    quote = chart["indicators"]["quote"][0]
    zone = chart["meta"]["exchangeTimezoneName"]
    try:
        rows = pd.DataFrame({name: pd.array(quote[name], dtype="Float64") for name in (*PRICES, "volume")}).astype(float)
        rows.insert(0, "session", _days(chart["timestamp"], zone))
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{where}: quotes are not what we know ({error}); expected {', '.join(PRICES)} and volume by session"
        ) from None
    events = chart.get("events") or {}
    rows["dividend"] = _events(rows["session"], events.get("dividends"), zone, lambda event: float(event["amount"]))
    splits = _events(rows["session"], events.get("splits"), zone, _ratio)
    return rows.assign(split=splits.where(splits > 0, 1.0))


def _days(stamps: list[int], zone: str) -> pd.DatetimeIndex:
    moments = pd.DatetimeIndex(pd.to_datetime(stamps, unit="s", utc=True)).tz_convert(zone)
    return moments.tz_localize(None).normalize().as_unit("ns")


def _ratio(split: Event) -> float:
    return float(split["numerator"]) / float(split["denominator"])


def _events(sessions: pd.Series, events: Mapping[str, Event] | None, zone: str, read: Callable[[Event], float]) -> pd.Series:
    """Return the sum of a kind of event by session, 0 where there is none; an event between sessions falls on the next."""
    sums = pd.Series(0.0, sessions.index)
    for event in (events or {}).values():
        day = _days([event["date"]], zone)[0]
        later = sessions[sessions >= day]
        if len(later) and day >= sessions.iloc[0]:
            sums[later.index[0]] += read(event)
    return sums


def _once(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return one row per session, the last where Yahoo repeats the latest; refuse repeated ones that differ in their close."""
    if not rows["session"].is_monotonic_increasing:
        raise DataError(f"{where}: sessions do not rise; expected them in order")
    twice = rows[rows["session"].duplicated(keep=False)]
    for session, pair in twice.groupby("session"):
        if not np.allclose(pair["close"], pair["close"].iloc[0], rtol=1e-4, equal_nan=True):
            raise DataError(f"{where}: {session:%Y-%m-%d} stands twice with other prices; expected one row per session")
    return rows.drop_duplicates("session", keep="last")


class Yahoo(PriceSource):
    """Prices of every ticker of the universe, and the rates of its currencies."""

    name = "yahoo"
    address = "https://query2.finance.yahoo.com"
    settled_after = SETTLED_AFTER
    tables = "prices"  # the first source of prices: stores of 0.1.0 have its tables there

    def keys(self, universe: Universe) -> Sequence[str]:
        """Return the tickers of the universe and the rates of its currencies."""
        return [*universe.market_and_currency(), *universe.rates]

    def fetch(self, client: Client, instrument: Instrument, since: pd.Timestamp) -> Answer:
        """Return the chart of a ticker."""
        return fetch(client, instrument.ticker, instrument.traded_on, since)

    def parse(self, answer: Answer, instrument: Instrument) -> pd.DataFrame:
        """Return the sessions of a chart."""
        return parse(answer, instrument.ticker, instrument.traded_on, instrument.currency)


SOURCE = Yahoo()
