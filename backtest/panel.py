"""The whole history, and the one door to what was known at a moment.

Only decisions, runs, audits and sweeps hold an Archive. Signals see a Panel, which has nothing later than its moment in it.
"""

import re
import zlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from mmap import mmap
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import pyarrow

from backtest.calendars import moment_of, parse_quarter
from backtest.errors import ConfigurationError, StrategyError
from backtest.facts import RANGE_COLUMNS, Chip, Fact, Facts, Names, Range, SeriesKey, currency_of
from backtest.formatting import counted
from backtest.known_rows import Announced, AnnouncedRows, Figures, KnownRows
from backtest.prices import Prices
from backtest.text.notebook import Displayed
from backtest.thesis import Thesis, load_thesis

Value = TypeVar("Value")
SHIPPED = re.compile(r"\d{4}Q[1-4]")


@dataclass(frozen=True, repr=False)
class Archive(Displayed):
    """Every figure and price of a run on a thesis, earliest to latest; `as_of` is the one way in."""

    facts: Facts
    prices: Prices
    thesis: Thesis = field(default_factory=load_thesis)
    files: tuple[Path, ...] = field(default=(), kw_only=True)  # of sources outside this package
    opened: str = field(default="", kw_only=True, compare=False)  # the name that its prices were opened by; "": made otherwise

    @property
    def data_id(self) -> str:
        """A hash of the content of the figures and prices."""
        return f"{self.facts.data_id}-{self.prices.data_id}"

    @property
    def headline(self) -> str:
        """The thesis, how many figures and prices there are, and where prices come from, in one line."""
        figures, names = counted(len(self.facts.rows), "figure"), counted(len(self.prices.wealth.columns), "ticker")
        return f"Archive of thesis {self.thesis.id}: {figures}, prices of {names} from {self.prices.source}"

    def to_frame(self) -> pd.DataFrame:
        """Return ticker × market, currency, first and last session with a price, and how many there are."""
        prices = self.prices
        rows = {ticker: prices.traded(ticker) for ticker in prices.wealth.columns}
        table = {
            ticker: (prices.market[ticker], prices.currency[ticker], *(days[[0, -1]] if len(days) else (pd.NaT,) * 2), len(days))
            for ticker, days in rows.items()
        }
        names = ["market", "currency", "first", "last", "sessions"]
        return pd.DataFrame.from_dict(table, orient="index", columns=names).rename_axis("ticker")

    def as_of(self, moment: pd.Timestamp | date | str) -> "Panel":
        """Return what was known at a UTC moment, its own instant included; a day, like "2025-06-30", is its last instant."""
        moment = moment_of(moment)
        figures = self._known_rows().by(moment)
        chips = self._made_once("_chips", self.facts.accelerators, lambda table: Announced(table, "chip")).by(moment)
        ranges = self._made_once("_ranges", self.facts.ranges, Announced).by(moment)
        rows, accelerators, between = (_apart(_closed(table)) for table in (figures.rows, chips.rows, ranges.rows))
        panel = Panel(moment, rows, accelerators, self._prices_known(moment), self.facts.names, self.thesis, between)
        for name, known in (("_figures", figures), ("_announced_chips", chips), ("_announced_ranges", ranges)):
            object.__setattr__(panel, name, known)
        object.__setattr__(panel, "_traded", self._traded_until(moment))
        return panel

    def _traded_until(self, moment: pd.Timestamp) -> "Traded":
        """Return what each market's tickers had traded up to its last close by a moment."""
        prices = self.prices
        if prices.bars is None or prices.volume is None:
            return Traded()
        until = {market: prices.known_until(market, moment) or pd.Timestamp.min for market in prices.closes}

        def known(name: str, table: pd.DataFrame) -> dict[str, _Columns]:
            columns = self._made_once(name, table, lambda whole: _by_market(whole, prices.market))
            return {key: own.until(until[key]) for key, own in columns.items()}

        return Traded(prices.market, known("_closes_by_market", prices.bars.close), known("_volumes_by_market", prices.volume))

    def _prices_known(self, moment: pd.Timestamp) -> pd.DataFrame:
        prices = self.prices
        until = {market: prices.known_until(market, moment) for market in prices.closes}
        latest = max((session for session in until.values() if session is not None), default=None)
        wealth = self._sealed_wealth()
        if latest is None:
            return wealth.iloc[:0]
        shown = wealth.loc[:latest]
        values: np.ndarray | None = None
        for market, session in until.items():
            first = int(shown.index.searchsorted(session, side="right")) if session is not None else 0
            columns = [column for column, ticker in enumerate(shown.columns) if prices.market[ticker] == market]
            if first < len(shown) and columns:
                values = shown.to_numpy(copy=True) if values is None else values
                values[first:, columns] = np.nan
        return shown if values is None else _sealed(pd.DataFrame(values, shown.index, shown.columns, copy=False))

    def _sealed_wealth(self) -> pd.DataFrame:
        """Return the prices in memory that cannot be written, made once for each table that Prices shows."""
        return self._made_once("_sealed", self.prices.wealth, lambda wealth: _sealed(wealth, copy=True))

    def _known_rows(self) -> KnownRows:
        """Return the figures as panels ask for them, prepared once for each table that Facts shows."""
        return self._made_once("_known", self.facts.rows, KnownRows)

    def _made_once(self, name: str, table: pd.DataFrame, make: Callable[[pd.DataFrame], Value]) -> Value:
        made: dict[int, tuple[pd.DataFrame, Value]] = self.__dict__.setdefault(name, {})
        if id(table) not in made:
            if len(made) > 1:
                del made[next(iter(made))]
            made[id(table)] = table, make(table)  # the table itself is kept, so that its id stays its own
        return made[id(table)][1]

    def __getstate__(self) -> dict[str, object]:
        """Leave out what is computed on demand: memory that cannot be written cannot be pickled as such."""
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}


def once(archive: Archive, kind: str, of: Hashable, make: Callable[[], Value], most: int | None = None) -> Value:
    """Return what is made of a whole archive, made once for each kind and `of`; of `most`, the newest are kept."""
    made: dict[Hashable, Value] = archive.__dict__.setdefault("_once", {}).setdefault(kind, {})
    if of not in made:
        if most is not None and len(made) >= most:
            del made[next(iter(made))]
        made[of] = make()
    return made[of]


class _Columns(NamedTuple):
    """Values of some tickers, session × ticker."""

    sessions: pd.DatetimeIndex
    tickers: tuple[str, ...]
    values: np.ndarray

    def until(self, session: pd.Timestamp) -> "_Columns":
        """Return them up to a session: a view."""
        count = int(self.sessions.searchsorted(session, "right"))
        return self._replace(sessions=self.sessions[:count], values=self.values[:count])

    def of(self, ticker: str) -> pd.Series:
        """Return those of a ticker."""
        return pd.Series(self.values[:, self.tickers.index(ticker)], self.sessions, name=ticker)


@dataclass(frozen=True)
class Traded:
    """The market of each ticker, and by market its tickers' closes and volumes in shares up to a moment."""

    market: Mapping[str, str] = field(default_factory=dict)
    close: Mapping[str, _Columns] = field(default_factory=dict)
    volume: Mapping[str, _Columns] = field(default_factory=dict)

    def turnover(self, ticker: str) -> pd.Series:
        """Return a ticker's close × the shares traded by session, none where no volume is known: a series of its own."""
        market = self.market.get(ticker, "")
        return self.close[market].of(ticker) * self.volume[market].of(ticker) if market in self.close else pd.Series(dtype=float)


@dataclass(frozen=True, repr=False)
class Panel(Displayed):
    """What was known at `moment`; never written to: the arrays behind its tables cannot be.

    `rows` holds the newest known row of each entity, metric and period; `prices` is session × ticker in each ticker's
    own currency up to the last close by `moment`; `quarters` are the calendar quarters any figure speaks of. `names` are
    those of the whole archive: a name in it that is not known yet has no figure, any other is refused with a near miss.
    `thesis` says who plays which part; it holds no figure.
    """

    moment: pd.Timestamp
    rows: pd.DataFrame
    accelerators: pd.DataFrame
    prices: pd.DataFrame
    names: Names | None = None
    thesis: Thesis = field(default_factory=load_thesis)
    ranges: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*RANGE_COLUMNS, "published"]))
    _cache: dict[object, object] = field(init=False, default_factory=dict, repr=False, compare=False)  # new where replaced
    _figures: Figures | None = field(init=False, default=None, repr=False, compare=False)  # of an archive; none where replaced
    _announced_chips: AnnouncedRows | None = field(init=False, default=None, repr=False, compare=False)  # the same
    _announced_ranges: AnnouncedRows | None = field(init=False, default=None, repr=False, compare=False)
    _original: "Panel | None" = field(init=False, default=None, repr=False, compare=False)  # whose tables nobody was given
    _traded: Traded = field(init=False, default_factory=Traded, repr=False, compare=False)

    @property
    def headline(self) -> str:
        """The moment, and how many figures and prices were known then, in one line."""
        figures, names = counted(len(self.rows), "figure"), counted(int(self.prices.notna().any().sum()), "ticker")
        return f"Panel as of {self.moment:%Y-%m-%dT%H:%MZ}: {figures}, prices of {names}"

    def to_frame(self) -> pd.DataFrame:
        """Return the newest known row of each figure: entity, metric, period, value, unit, and when it was published."""
        return self.rows[["entity", "metric", "period", "value", "unit", "published", "source"]].reset_index(drop=True)

    def copy(self) -> "Panel":
        """Return the panel with tables of its own over the same values: a column put into one is in no other.

        What copies cache they share, and it is computed from the tables of the panel that was copied first.
        """
        tables = {name: getattr(self, name).copy(deep=False) for name in ("rows", "accelerators", "prices", "ranges")}
        copied = replace(self, **tables)
        for name in ("_cache", "_figures", "_announced_chips", "_announced_ranges", "_traded"):
            object.__setattr__(copied, name, getattr(self, name))
        object.__setattr__(copied, "_original", self._original or self)
        return copied

    @property
    def quarters(self) -> np.ndarray:
        """Every calendar quarter from the first to the last that a known figure speaks of (int, rising by one)."""
        return self.cached(Panel._quarters)

    def cached(self, compute: Callable[..., Value], *arguments: object) -> Value:
        """Return what a function of a panel and some arguments gave the first time; copies of the panel share it."""
        key = (compute, *arguments)
        if key not in self._cache:
            self._cache[key] = compute(self._original or self, *arguments)
        return self._cache[key]  # type: ignore[return-value]

    def matrix(self, series: Sequence[SeriesKey]) -> np.ndarray:
        """Return quarters × series as known, NaN where nothing was; read-only and cached.

        Raises ConfigurationError for a series no figure has, and for one metric in two units, which cannot be added up.
        """
        return self.cached(Panel._matrix, tuple(series))

    def fact(self, series: SeriesKey, quarter: int) -> Fact | None:
        """Return the known figure of an entity and metric for a calendar quarter, or None."""
        fact = self._known_figures.by_series.get(series, {}).get(quarter)
        if fact is None:
            self._check(series)
        return fact

    def turnover(self, ticker: str) -> pd.Series:
        """Return a ticker's close × the shares traded by session, in its own currency: none where no volume is known."""
        return self._traded.turnover(ticker)

    def last_quarter(self, series: SeriesKey) -> int | None:
        """Return the newest calendar quarter that an entity and metric has a known figure for, or None."""
        return max(self._known_figures.positions.get(series, ()), default=None)

    def series(self, group: str | tuple[str, ...], metric: str = "") -> tuple[SeriesKey, ...]:
        """Return the series of a role of the thesis by its name, or one metric's series of some entities."""
        return self.thesis.series(group, metric)

    def rate_of(self, series: Sequence[SeriesKey]) -> tuple[SeriesKey, ...]:
        """Return the series of the exchange rate that counts some figures of money in USD: none for figures in USD.

        ConfigurationError where they are in several currencies, which one rate cannot convert.
        """
        known = self.names.units if self.names else {(row.entity, row.metric): row.unit for row in self.rows.itertuples()}
        currencies = {currency_of(str(known[key])) for key in series if key in known}
        if len(currencies) > 1:
            raise ConfigurationError(f"figures in {', '.join(sorted(currencies))}; expected entities that report in one currency")
        rates = [self.thesis.universe.currencies[code].rate for code in currencies if code in self.thesis.universe.currencies]
        return tuple((rate, "per_usd") for rate in rates if rate)

    def has(self, series: SeriesKey) -> bool:
        """Return whether any figure of the archive has an entity and metric, known by now or not."""
        return self.names is None or series in self.names.units

    def published(self, metric: str) -> tuple[Fact, ...]:
        """Return every known figure of a metric, by entity and the end of its period; cached."""
        return self.cached(Panel._published, metric)

    def range(self, item: str, subject: str, period: str) -> Range | None:
        """Return the newest known range of an item and subject for a period, or None."""
        rows = self.ranges
        own = rows[(rows["item"] == item) & (rows["subject"] == subject) & (rows["period"] == period)]
        return _range(own.iloc[-1].to_dict()) if len(own) else None

    def ranges_of(self, item: str) -> tuple[Range, ...]:
        """Return the newest known range of each subject, metric and period of an item, oldest publication first; cached."""
        return self.cached(Panel._ranges_of, item)

    def chip(self, name: str) -> Chip | None:
        """Return an accelerator announced by now, None where it was not; ConfigurationError for one that no row has."""
        known = next((chip for chip in self.chips if chip.chip == name), None)
        if known is None and self.names is not None:
            self.names.check_chip(name)
        return known

    @property
    def chips(self) -> tuple[Chip, ...]:
        """Every accelerator announced by now, in the order of its table; cached."""
        return self.cached(Panel._chips)

    def flagship(self, vendor: str, quarter: int) -> Chip | None:
        """Return the flagship a vendor shipped last by a quarter, of those whose bandwidths are both known, or None."""
        shipped = [chip for chip in self.flagships(vendor) if (chip.shipped or 0) <= quarter]
        return shipped[-1] if shipped else None

    def flagships(self, vendor: str) -> tuple[Chip, ...]:
        """Return a vendor's flagships with a quarter of first shipment and both bandwidths, in that order; cached."""
        return self.cached(Panel._flagships, vendor)

    def _ranges_of(self, item: str) -> tuple[Range, ...]:
        known = self._announced_ranges
        return _newest_ranges(self.ranges, item) if known is None else known.made(_newest_ranges, item)

    def _quarters(self) -> np.ndarray:
        known = self.rows["quarter"].to_numpy()
        return _sealed_array(np.arange(known.min(), known.max() + 1) if len(known) else np.array([], dtype=int))

    def _chips(self) -> tuple[Chip, ...]:
        return _all_chips(self.accelerators) if self._announced_chips is None else self._announced_chips.made(_all_chips)

    def _matrix(self, series: Sequence[SeriesKey]) -> np.ndarray:
        self._check(*series)
        quarters, known = self.quarters, self._known_figures.by_series
        table = np.full((len(quarters), len(series)), np.nan)
        for column, name in enumerate(series):
            for quarter, fact in known.get(name, {}).items():
                table[quarter - quarters[0], column] = fact.value
        return _sealed_array(table)

    def _check(self, *series: SeriesKey) -> None:
        """Raise ConfigurationError for a series that no figure of the archive has, and for one metric in two units."""
        if self.names is None:
            return
        units: dict[str, tuple[str, str]] = {}
        for entity, metric in series:
            self.names.check_series((entity, metric))
            unit = self.names.units[entity, metric]
            first, other = units.setdefault(metric, (entity, unit))
            if other != unit:
                raise ConfigurationError(f"{metric} of {entity} is in {unit}, of {first} in {other}; expected one unit")

    def _published(self, metric: str) -> tuple[Fact, ...]:
        if self.names is not None:
            self.names.check_metric(metric)
        facts = [fact for fact in self._known_figures.facts if fact.metric == metric]
        return tuple(sorted(facts, key=lambda fact: (fact.entity, fact.period_end, fact.known_at)))

    def _flagships(self, vendor: str) -> tuple[Chip, ...]:
        if self.names is not None:
            self.names.check_vendor(vendor)
        own = [chip for chip in self.chips if chip.flagship and chip.vendor == vendor and chip.shipped is not None]
        known = [chip for chip in own if np.isfinite(chip.bandwidth_gb_per_s)]
        return tuple(sorted(known, key=lambda chip: chip.shipped or 0))

    @property
    def _known_figures(self) -> Figures:
        """Every known row as a Fact, and per entity and metric that of each quarter."""
        return self._figures or self.cached(Panel._own_figures)

    def _own_figures(self) -> Figures:
        """Return what the panel's own table holds: of a panel that another archive or a replacement has made."""
        return Figures(KnownRows(self.rows), len(self.rows))


def _by_market(table: pd.DataFrame, market: Mapping[str, str]) -> dict[str, _Columns]:
    """Return session × ticker of each market apart: one that closes later on a day shows nothing through another."""
    tickers: dict[str, list[str]] = {}
    for ticker in table.columns:
        tickers.setdefault(market[ticker], []).append(ticker)
    sessions, values = pd.DatetimeIndex(table.index), table.to_numpy()
    places = {name: table.columns.get_indexer(pd.Index(own)) for name, own in tickers.items()}
    apart = {name: values if len(tickers) == 1 else values[:, columns] for name, columns in places.items()}
    return {name: _Columns(sessions, tuple(tickers[name]), apart[name]) for name in tickers}


def _all_chips(table: pd.DataFrame) -> tuple[Chip, ...]:
    return tuple(_chip(row) for row in table.to_dict("records"))


def _newest_ranges(table: pd.DataFrame, item: str) -> tuple[Range, ...]:
    own = table[table["item"] == item].sort_values("known_at", kind="stable")
    newest = own.drop_duplicates(["subject", "metric", "period"], keep="last")
    return tuple(_range(row) for row in newest.to_dict("records"))


def _chip(row: dict[Hashable, Any]) -> Chip:  # of the table of accelerators
    """Return a chip; one that is planned, or placed in a year only, has not shipped in any quarter."""
    stated = str(row["first_shipped"])
    shipped = parse_quarter(stated[:6]) if SHIPPED.match(stated) and "planned" not in stated else None
    known = {name: row[name] for name in Chip.__dataclass_fields__ if name not in ("shipped", "flagship")}
    return Chip(shipped=shipped, flagship=row["flagship"] == "yes", **known)


def _range(row: dict[Hashable, Any]) -> Range:  # of the table of ranges
    return Range(**{name: row[name] for name in Range.__dataclass_fields__})


@contextmanager
def unchanged(archive: Archive, by: str) -> Iterator[None]:
    """Hash the figures and prices of an archive before and after a block; StrategyError where it changed them."""
    before = content(archive)
    yield
    require_content(archive, before, by)


def require_content(archive: Archive, before: int, by: str) -> None:
    """Raise StrategyError where the figures and prices of an archive are no longer those of a checksum."""
    if content(archive) != before:
        raise StrategyError(f"{by}: figures or prices are no longer what was loaded; expected code that only reads its panel")


def content(archive: Archive) -> int:
    """Return a checksum of every number and text of the figures and prices."""
    prices, facts = archive.prices, archive.facts
    bars = () if prices.bars is None else (prices.bars.open, prices.bars.high, prices.bars.low, prices.bars.close)
    checksum = zlib.crc32(repr((dict(prices.market), dict(prices.currency))).encode())
    volume = () if prices.volume is None else (prices.volume,)
    for table in (prices.wealth, prices.rates, *bars, *volume):
        for values in (table.index, table.columns, table.to_numpy().T):
            checksum = _crc(checksum, values)
    for column in prices.closes.values():
        checksum = _crc(_crc(checksum, column.index), column)
    for table in (facts.rows, facts.accelerators, facts.events, facts.ranges):
        for name in table.columns:
            checksum = _crc(checksum, table[name])
    return checksum


def _sealed_array(array: np.ndarray) -> np.ndarray:
    """Return an array over a copy of its bytes, which nothing can make writeable."""
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def _sealed(table: pd.DataFrame, copy: bool = False) -> pd.DataFrame:
    """Return a table of numbers whose memory cannot be written, laid out as it was; the memory is its own unless copied."""
    values = np.ascontiguousarray(table.to_numpy().T)  # a frame of one kind keeps its columns in one piece each
    body = values.tobytes() if copy and not _is_sealed(values) else values.view(np.uint8).data.toreadonly()
    flat = np.frombuffer(body, values.dtype).reshape(values.shape)
    index = table.index
    if isinstance(index, pd.DatetimeIndex) and index.tz is None:
        index = pd.DatetimeIndex(_sealed_array(index.to_numpy()), name=index.name, freq=index.freq, copy=False)  # type: ignore[arg-type]
    return pd.DataFrame(flat.T, index, table.columns, copy=False)


def _is_sealed(array: np.ndarray) -> bool:
    """Return whether nothing can make the memory of an array writeable: it is of bytes, or of a file opened to be read."""
    base: Any = array  # numpy names no type for what memory belongs to
    while isinstance(base, np.ndarray) and not base.flags.writeable:
        base = base.base
    return isinstance(base, bytes | memoryview | mmap) and memoryview(base).readonly


def _apart(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of its own over the same memory, of which pandas does not know that it is shared.

    It would copy shared memory before it writes there; like this a write to closed memory fails.
    """
    axes = table._mgr.axes
    blocks = tuple(block.make_block_same_class(block.values, placement=block.mgr_locs) for block in table._mgr.blocks)
    return pd.DataFrame._from_mgr(type(table._mgr)(blocks, axes), axes)  # type: ignore[attr-defined,no-any-return]


def _closed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that owns its memory, with the arrays behind its columns marked as not to be written."""
    for block in table._mgr.blocks:  # pandas names no other way to the memory of moments
        array = getattr(block.values, "_ndarray", block.values)
        while isinstance(array, np.ndarray):
            array.flags.writeable = False
            array = array.base
    return table


def _numbers(column: pd.Series) -> Any:
    """Return the array behind a column of numbers or moments, None for one of texts."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.array.asi8
    return column.to_numpy() if column.dtype.kind in "biufM" else None


def _crc(checksum: int, values: pd.Series | pd.Index | np.ndarray) -> int:
    """Return a checksum carried on over the values of an array, an index or a column."""
    if isinstance(values, pd.Index):
        values = values.to_series()
    array = _numbers(values) if isinstance(values, pd.Series) else values
    if array is not None:
        return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data, checksum)
    texts = pyarrow.array(values.array)  # type: ignore[union-attr]
    for chunk in texts.chunks if isinstance(texts, pyarrow.ChunkedArray) else [texts]:
        for buffer in chunk.buffers():
            checksum = zlib.crc32(buffer, checksum) if buffer is not None else checksum
    return checksum
