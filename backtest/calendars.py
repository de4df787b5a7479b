"""Trading sessions, the moment a session closes, and the calendar quarter of a fiscal period.

A quarter is an integer, four to a year (2024Q1 is 4 * 2024), so that "four quarters ago" is a subtraction.
"""

import hashlib
import re
import warnings
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import platformdirs

from backtest.errors import ConfigurationError, DataError, near_miss
from backtest.files import atomic

MIDPOINT = pd.Timedelta(days=45)


def quarter_of(period_end: pd.Timestamp) -> int:
    """Return the calendar quarter that holds the day 45 days before a fiscal period's end."""
    middle = period_end - MIDPOINT
    return int(middle.year * 4 + middle.quarter - 1)


def quarter_label(quarter: int) -> str:
    """Return "2024Q4" for 8099."""
    return f"{quarter // 4}Q{quarter % 4 + 1}"


def parse_quarter(label: str) -> int:
    """Return 8099 for "2024Q4"."""
    match = re.fullmatch(r"(\d{4})Q([1-4])", label)
    if not match:
        raise ConfigurationError(f"quarter is '{label}'; expected a calendar quarter like 2024Q4")
    return int(match[1]) * 4 + int(match[2]) - 1


def publication_moment(stated: str) -> pd.Timestamp:
    """Return the UTC moment from which a published figure may be used.

    A minute ("2025-02-26T21:20Z") is that minute. A day ("2025-02-26") is the midnight UTC that ends it, which lies
    after that day's closes, New York's the last, and before the next day's opens in Asia: no session of that day can use it.
    A month ("2024-08") is the midnight UTC that ends the month.
    """
    if not re.match(r"(19|20|21)\d\d-", stated):
        raise ValueError(f"'{stated}' is not of this age")
    if re.fullmatch(r"\d{4}-\d{2}", stated):
        return pd.Timestamp(f"{stated}-01", tz="UTC") + pd.DateOffset(months=1)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", stated):
        return pd.Timestamp(stated, tz="UTC") + pd.Timedelta(days=1)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?Z", stated):
        return pd.Timestamp(stated)
    raise ValueError(f"'{stated}' is not a month, a day or a UTC minute")


def as_of_moment(stated: str) -> pd.Timestamp:
    """Return the moment meant by an `--as-of`: the last instant of a day, or a UTC minute as it stands."""
    try:
        moment = publication_moment(stated if len(stated) > len("2026-06") else "")
    except ValueError:
        raise ConfigurationError(f"as-of is '{stated}'; expected a day like 2026-06-30 or 2026-06-30T13:30Z") from None
    return moment if "T" in stated else moment - pd.Timedelta(1, unit="ns")


def moment_of(stated: pd.Timestamp | date | str) -> pd.Timestamp:
    """Return the UTC moment that is meant: a day, as a text or a date, is its last instant; a moment has to say its zone."""
    if isinstance(stated, str) or not isinstance(stated, datetime):
        return as_of_moment(str(stated))
    moment = pd.Timestamp(stated)
    if moment.tz is None:
        raise ConfigurationError(f"as-of is {moment}, without a time zone; expected a UTC moment, or a day like '2026-06-30'")
    return moment.tz_convert("UTC")


_built: dict[str, tuple[int, int, pd.Series]] = {}  # the closes of each calendar from a first year to a last


def _closes(calendar: str, first: int, last: int) -> pd.Series:
    """Return the closes of a span of years; one that was built for more years serves too."""
    since, until, moments = _built.get(calendar, (first, last, None))
    if moments is None or first < since or last > until:
        since, until = min(first, since), max(last, until)
        moments = _cached(calendar, pd.Timestamp(since, 1, 1), min(pd.Timestamp(until, 12, 31), last_day(calendar)))
        _built[calendar] = since, until, moments
    return moments


def _cached(calendar: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Return closes from the user's cache folder, else build them, which takes seconds for some, and leave them there."""
    path = platformdirs.user_cache_path("capex-backtest") / "calendars"
    path /= f"{calendar}-{version('exchange_calendars')}-{start:%Y%m%d}-{end:%Y%m%d}"
    body = _left_body(path)
    if body is None:
        with warnings.catch_warnings(action="ignore"):  # of some calendars, about pandas
            closes = exchange_calendars.get_calendar(calendar, start=start, end=end).closes
        moments = [pd.DatetimeIndex(column).as_unit("ns").asi8.astype("<i8") for column in (closes.index, closes)]
        body = np.concatenate(moments).tobytes()
        if path.is_absolute():  # else of a system that knows no home
            with suppress(DataError):
                atomic.write(path, hashlib.sha256(body).digest() + body)
    sessions, closes = np.frombuffer(body, "<i8").reshape(2, -1).astype("datetime64[ns]")
    return pd.Series(pd.DatetimeIndex(closes, tz="UTC"), pd.DatetimeIndex(sessions), name="close")


def _left_body(path: Path) -> bytes | None:
    """Return what an earlier process left in a file, None where there is none or its hash says that it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:32], content[32:]
    return body if digest == hashlib.sha256(body).digest() else None


@lru_cache
def calendar_names() -> tuple[str, ...]:
    """Return the name of every calendar there is."""
    return tuple(sorted(exchange_calendars.get_calendar_names(include_aliases=False)))


@lru_cache
def last_day(calendar: str) -> pd.Timestamp:
    """Return the last day whose sessions the calendars of this release know, or the end of time where they state none."""
    try:
        module = import_module(f"exchange_calendars.exchange_calendar_{calendar.lower()}")
        stated = getattr(module, f"{calendar}ExchangeCalendar").bound_max()
    except (ImportError, AttributeError):
        stated = None
    return pd.Timestamp.max.normalize() if stated is None else pd.Timestamp(stated)


@lru_cache(maxsize=1024)
def closes(calendar: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
    """Return the UTC close of every session of a calendar from first to last, by session (naive days); not to be changed."""
    if calendar not in calendar_names():
        raise ConfigurationError(near_miss("calendar", calendar, list(calendar_names())))
    if last > last_day(calendar):
        raise DataError(
            f"exchange_calendars {version('exchange_calendars')} knows the sessions of {calendar} to "
            f"{last_day(calendar):%Y-%m-%d}, {last:%Y-%m-%d} is needed; expected a later release of that package"
        )
    try:
        moments = _closes(calendar, first.year, last.year)
    except ValueError as error:
        raise DataError(f"{calendar}: no sessions from {first:%Y-%m-%d} to {last:%Y-%m-%d} ({error})") from None
    return moments.loc[first:last]


def count_until(moments: pd.Series, moment: pd.Timestamp) -> int:
    """Return how many of some rising UTC moments are not after a moment: as `searchsorted` does, in a tenth of its time."""
    if getattr(moments.dtype, "unit", None) != "ns":
        return int(moments.searchsorted(moment, side="right"))
    return int(moments.array.asi8.searchsorted(moment.as_unit("ns").value, side="right"))
