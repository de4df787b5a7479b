"""Markets: a TOML file each, with the market itself, its boards, its dated rules and the days it was closed on.

`[market]` says what it is, `[[board]]` under which rules a ticker trades, `[[rule]]` what an order has to keep and costs
(see `rules`), and `[[closed]]` names days that its calendar counts as sessions though there were none. The order of the
markets within a day is that of their closes.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from backtest import calendars
from backtest.errors import ConfigurationError, DataError, near_miss
from backtest.files.messages import shown
from backtest.files.rows import Day, Many, Row, parsed_row, read_toml
from backtest.markets.cash_rates import FILE as CASH_RATES
from backtest.markets.currencies import FILE as CURRENCIES
from backtest.markets.rules import ANY, Board, Rule, RuleName, Side

FOLDER = Path(__file__).parent
COUNTED = pd.Timestamp("2022-01-01"), pd.Timestamp("2025-12-31")  # whole years that sessions of several markets are counted in


class Closed(Row):
    """A day without a session that the calendar counts as one."""

    day: Day


HEADINGS: Mapping[str, type[Row]] = {"board": Board, "rule": Rule, "closed": Closed}


class Market(Row):
    """Exchanges that share sessions, hours, a currency and rules.

    `code` is what suppliers name it by and the name of its file, `location` how prose calls it, `calendar` its name in
    exchange_calendars. `suspension` says what a row without a price is: with "sessions" a share can be suspended for whole
    sessions, with "none" it cannot, and the row is a gap. `limits_cut` says that a limit is cut down to whole ticks; else it is
    rounded to the nearest.
    """

    code: str = Field(pattern=r"^[A-Z0-9]{2,8}$")
    name: str = Field(min_length=1)
    location: str = Field(min_length=1)
    calendar: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    timezone: str
    sessions_a_year: int = Field(ge=200, le=366)
    suspension: Literal["sessions", "none"]
    limits_cut: bool = False
    boards: tuple[Board, ...] = Many
    rules: tuple[Rule, ...] = Many
    closed: tuple[Closed, ...] = ()

    def __repr__(self) -> str:
        """Return the market by its code: its rules are many."""
        return f"Market({self.code})"

    @field_validator("calendar")
    @classmethod
    def _calendar(cls, name: str) -> str:
        if name not in calendars.calendar_names():
            raise ValueError(near_miss("calendar of exchange_calendars", name, list(calendars.calendar_names())))
        return name

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("expected a time zone like Asia/Hong_Kong")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> "Market":
        boards = sorted({board.name for board in self.boards})
        for row in self.rules:
            if row.board not in (ANY, *boards):
                raise self._fault(row, f"board is '{shown(row.board)}'; expected 'any' or one of {', '.join(boards)}")
        for earlier, later in (pair for rows in self.dated.values() for pair in pairwise(rows)):
            if earlier.above == later.above and (earlier.until is None or earlier.until > later.since):
                overlap = f"{later.rule} of {later.board} from {later.since} overlaps the row from {earlier.since}"
                raise self._fault(later, f"{overlap}; expected one value a day")
        return self

    def _fault(self, rule: Rule, words: str) -> ConfigurationError:
        number = 1 + next(number for number, row in enumerate(self.rules) if row is rule)
        return ConfigurationError(f"{self.code}.toml rule {number}: {words}")

    @cached_property
    def dated(self) -> dict[tuple[str, str], tuple[Rule, ...]]:
        """The rules by board and name, each from the earliest on, and those of higher prices after those of lower ones."""
        dated: dict[tuple[str, str], tuple[Rule, ...]] = {}
        for row in self.rules:
            key = (row.board, row.rule)
            dated[key] = tuple(sorted((*dated.get(key, ()), row), key=lambda rule: (rule.above, rule.since)))
        return dated

    @cached_property
    def closed_days(self) -> tuple[pd.Timestamp, ...]:
        """The days without a session that the calendar counts as one."""
        return tuple(pd.Timestamp(row.day) for row in self.closed)

    @cached_property
    def has_bands(self) -> bool:
        """Whether a tick depends on the price."""
        return any(row.above for row in self.rules)

    @property
    def last_day(self) -> pd.Timestamp:
        """The last day whose sessions are known."""
        return calendars.last_day(self.calendar)

    def closes(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
        """Return the UTC close of every session from first to last, by session (naive days); not to be changed."""
        return _closes(self.calendar, self.closed_days, first, last)

    def sessions(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Return every session from first to last."""
        return pd.DatetimeIndex(self.closes(first, last).index)

    def board_of(self, ticker: str) -> str:
        """Return the board of a ticker: of the row that names most of it; ConfigurationError when none fits."""
        fitting = [row for row in self.boards if row.fits(ticker)]
        if not fitting:
            raise ConfigurationError(
                f"{self.code}.toml: no board for {ticker}; expected a row whose `starts` and `ends` begin and end it"
            )
        return max(fitting, key=lambda row: len(row.starts) + len(row.ends)).name

    def rule_values(self, board: str, rule: RuleName, sessions: pd.DatetimeIndex, side: Side | None = None) -> np.ndarray:
        """Return a rule's value on each session, of a fee what it is on a side; DataError for a session without a row."""
        values, days = np.full(len(sessions), np.nan), sessions.to_numpy()
        for row in (row for row in self._rows(board, rule) if not row.above):
            values[row.holds(days)] = row.charged(side)
        if np.isnan(values).any():
            day = sessions[int(np.isnan(values).argmax())]
            raise DataError(f"{self.code}.toml: no {rule} for {board} on {day:%Y-%m-%d}; expected a row that covers the day")
        return values

    def ticks(self, board: str, sessions: pd.DatetimeIndex, prices: np.ndarray) -> np.ndarray:
        """Return the smallest step of a share's price on each session, by its price then; NaN is a price of the lowest band."""
        values, days = self.rule_values(board, "tick", sessions), sessions.to_numpy()
        for row in (row for row in self._rows(board, "tick") if row.above):
            values[(prices >= row.above) & row.holds(days)] = row.value
        return values

    def charges(self, board: str, rule: RuleName, side: Side) -> bool:
        """Return whether a fee was ever charged on a side."""
        return any(row.charged(side) for row in self._rows(board, rule))

    def _rows(self, board: str, rule: RuleName) -> tuple[Rule, ...]:
        return self.dated.get((board, rule)) or self.dated.get((ANY, rule), ())


@lru_cache(maxsize=1024)
def _closes(calendar: str, closed: tuple[pd.Timestamp, ...], first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
    moments = calendars.closes(calendar, first, last)
    return moments[~moments.index.isin(closed)] if closed else moments


def sessions_a_year(markets: Sequence[Market]) -> int:
    """Return how many days a year have a session of some market; of several, as counted in four whole years."""
    if len(markets) == 1:
        return markets[0].sessions_a_year
    return _counted(tuple(sorted((market.calendar, market.closed_days) for market in markets)))


@lru_cache
def _counted(markets: tuple[tuple[str, tuple[pd.Timestamp, ...]], ...]) -> int:
    days = {day for calendar, closed in markets for day in _closes(calendar, closed, *COUNTED).index}
    return round(len(days) / (COUNTED[1].year - COUNTED[0].year + 1))


def load_markets(*folders: Path) -> dict[str, Market]:
    """Return the markets by code: those that are shipped and those of further folders; ConfigurationError by file and row."""
    return dict(_markets(folders))


@lru_cache
def _markets(folders: tuple[Path, ...]) -> dict[str, Market]:
    markets: dict[str, Market] = {}
    files = (path for folder in (FOLDER, *folders) for path in sorted(folder.glob("*.toml")))
    for path in (path for path in files if path.name not in (CURRENCIES, CASH_RATES)):
        market = read_market(path)
        if market.code in markets:
            raise ConfigurationError(f"{path.name}: there is a market of this code already, in {FOLDER}; expected another code")
        markets[market.code] = market
    return markets


def read_market(path: Path) -> Market:
    """Return the market of a TOML file; ConfigurationError by file, row and field."""
    content = read_toml(path)
    if strays := sorted(set(content) - {"market", *HEADINGS}):
        expected = "[market], " + ", ".join(f"[[{heading}]]" for heading in HEADINGS)
        raise ConfigurationError(f"{path.name}: '{shown(strays[0])}' is no heading of this file; expected {expected}")
    table = content.get("market", {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path.name}: market is {shown(table)}; expected one [market] table")
    rows = {heading: _rows(path, content.get(heading, []), heading, model) for heading, model in HEADINGS.items()}
    parts = {"boards": rows["board"], "rules": rows["rule"], "closed": rows["closed"]}
    market = parsed_row(Market, {**table, **parts}, f"{path.name} market")
    if market.code != path.stem:
        raise ConfigurationError(f"{path.name} market: code is '{market.code}'; expected the name of its file")
    return market


def _rows(path: Path, tables: object, heading: str, model: type[Row]) -> tuple[Row, ...]:
    """Return the [[heading]] rows of a file."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(f"{path.name}: {heading} is {shown(tables)}; expected [[{heading}]] rows")
    return tuple(parsed_row(model, table, f"{path.name} {heading} {number}") for number, table in enumerate(tables, start=1))
