"""What a source of prices or figures is: one file that defines `SOURCE`, an instance of a class that derives from these.

The file lies in this folder or in the `sources/` of a thesis, and is named like its source. Everything else of the product
(pull, status, reconciliation, derivation, export, `--prices NAME`) works with these classes alone. Fetching is thin: every
answer is stored before it is read. Parsing is pure: it reads stored bytes, and derives the same rows from them years later.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pandas as pd

from backtest.data.answer import Answer, FigureRow
from backtest.data.sources.http import Client, Origin
from backtest.errors import DataError
from backtest.markets import Market
from backtest.universe import Universe

Confidence = Literal["high", "medium", "low"]
Figures = tuple[pd.DataFrame, list[str]]  # FigureRow rows, and a line for each figure refused
BAR_COLUMNS = ("session", "open", "high", "low", "close", "volume", "dividend", "split")
WITHOUT_EVENTS = {"dividend": 0.0, "split": 1.0}
FIGURE_COLUMNS = tuple(FigureRow.__annotations__)


@dataclass(frozen=True)
class Instrument:
    """What a source of prices is asked for: a ticker of a market, or the rate of a currency to the dollar.

    `market` is the code of the market `traded_on`; of a rate they are "" and None.
    """

    ticker: str
    market: str
    currency: str
    traded_on: Market | None = None


class Source(ABC):
    """What every source has in common.

    `confidence` is that of its figures, and the order in which sources count: where two give the same, the better one does,
    of equals a thesis's own. At most one question is asked every `interval` seconds.
    """

    name: ClassVar[str]
    address: ClassVar[str]
    interval: ClassVar[float] = 1.0
    needs_agent: ClassVar[bool] = False
    confidence: ClassVar[Confidence] = "medium"
    title: ClassVar[str] = ""  # what a figure's `source` says, by default the name

    @property
    def origin(self) -> Origin:
        """Where the source lives and how it may be asked."""
        return Origin(self.name, self.address, self.interval, self.needs_agent)

    @abstractmethod
    def keys(self, universe: Universe) -> Sequence[str]:
        """Return every ticker or company that the source can be asked for."""


class FigureSource(Source):
    """A source of published figures, asked for one company at a time."""

    fresh_for: ClassVar[pd.Timedelta] = pd.Timedelta(hours=12)  # after an answer, before a company is asked about again

    @property
    def table(self) -> str:
        """The name of the store's table of its figures."""
        return f"facts/{self.name}"

    @abstractmethod
    def fetch(self, client: Client, key: str) -> Sequence[Answer]:
        """Return the answers about a company, at least one, each asked for by `client`."""

    @abstractmethod
    def parse(self, bodies: Sequence[bytes], key: str) -> Figures:
        """Return a table of `FigureRow` rows read from the answers' bytes, and a line for each figure refused."""

    def figure(self, entity: str, metric: str, period: str, period_end: str, known_at: str, value: float, unit: str) -> FigureRow:
        """Return a row of a reported figure: `period` as the entity's other figures are labelled, `known_at` with a zone."""
        return {
            "entity": entity, "metric": metric, "period": period, "period_end": pd.Timestamp(period_end),
            "known_at": pd.Timestamp(known_at).tz_convert("UTC"), "value": float(value), "unit": unit, "evidence": "reported",
            "source": self.title or self.name, "note": "",
        }  # fmt: skip


class PriceSource(Source):
    """A source of daily prices, asked for one ticker at a time."""

    settled_after: ClassVar[pd.Timedelta] = pd.Timedelta(minutes=30)  # from a close until its prices are final
    tables: ClassVar[str] = ""

    def table(self, ticker: str = "") -> str:
        """Return the name of the store's table of a ticker's prices, or the folder of all where none is named."""
        folder = self.tables or f"prices-{self.name}"
        return f"{folder}/{ticker}" if ticker else folder

    def keys(self, universe: Universe) -> Sequence[str]:
        """Return every ticker that the source can be asked for: by default all of the universe, and no rate."""
        return list(universe.market_and_currency())

    @abstractmethod
    def fetch(self, client: Client, instrument: Instrument, since: pd.Timestamp) -> Answer:
        """Return the answer with a ticker's prices from a day to now, asked for by `client`."""

    @abstractmethod
    def parse(self, answer: Answer, instrument: Instrument) -> pd.DataFrame:
        """Return BAR_COLUMNS by session, prices carried back through splits and not through dividends.

        `dividend` and `split` may be left out where there is none. Sessions that had not closed are left out afterwards.
        """


def instrument_of(universe: Universe, key: str) -> Instrument:
    """Return what a source of prices is asked for; ConfigurationError for a ticker that no row names."""
    market, currency = universe.quoted(key)
    return Instrument(key, market, currency, universe.markets[market] if market else None)


def typed_figures(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return parsed figures as the store keeps them; DataError for a column that is missing or of another type."""
    if rows.empty:
        return rows
    _require(rows, FIGURE_COLUMNS, where)
    for name in FIGURE_COLUMNS:
        column = rows[name]
        if name in ("period_end", "known_at"):
            good = isinstance(column.iloc[0], pd.Timestamp) and (column.dt.tz is not None) == (name == "known_at")
            expected = "moments in UTC" if name == "known_at" else "days without a time zone"
        elif name == "value":
            good, expected = pd.api.types.is_float_dtype(column) and bool(column.notna().all()), "numbers"
        else:
            good, expected = all(isinstance(text, str) for text in column), "texts"
        if not good:
            raise DataError(f"{where}: {name} is {column.iloc[0]!r} (a column of {column.dtype}); expected {expected}")
    return rows[list(FIGURE_COLUMNS)]


def typed_bars(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return parsed prices as the store keeps them; DataError for a column that is missing or of another type."""
    rows = rows.assign(**{name: value for name, value in WITHOUT_EVENTS.items() if name not in rows})
    _require(rows, BAR_COLUMNS, where)
    if rows.empty:
        raise DataError(f"{where}: no session; expected at least one")
    days = rows["session"]
    if not pd.api.types.is_datetime64_dtype(days) or bool((days != days.dt.normalize()).any()):
        raise DataError(f"{where}: session is {days.iloc[0]!r} (a column of {days.dtype}); expected days without a time zone")
    if not days.is_monotonic_increasing or days.duplicated().any():
        raise DataError(f"{where}: sessions do not rise; expected each once, in order")
    numbers = {name: rows[name].astype(float) for name in BAR_COLUMNS[1:]}
    return pd.DataFrame({"session": days.dt.as_unit("ns"), **numbers}).reset_index(drop=True)


def closed_sessions(
    rows: pd.DataFrame, market: Market | None, at: pd.Timestamp, settled: pd.Timedelta, where: str
) -> pd.DataFrame:
    """Return the rows of sessions whose prices were final when an answer came; a rate's days end at midnight UTC.

    An empty row on a day without a session, as some sources have on holidays, is left out; one with trades is refused.
    """
    days = pd.DatetimeIndex(rows["session"])
    if market is None:
        return rows[days.tz_localize("UTC") + pd.Timedelta(days=1) <= at]
    ends = market.closes(days[0], days[-1]).reindex(days)
    stray = ends.isna().to_numpy()
    traded = rows["close"].notna().to_numpy() & (rows["volume"] > 0).to_numpy()
    if (stray & traded).any():
        day = days[stray & traded][0]
        raise DataError(f"{where}: {day:%Y-%m-%d} is no session of {market.code}, yet it traded; expected its sessions only")
    return rows[~stray & (ends + settled <= at).to_numpy()]


def _require(rows: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    if lost := [name for name in columns if name not in rows]:
        raise DataError(f"{where}: parse gives no column '{lost[0]}'; expected {', '.join(columns)}")
