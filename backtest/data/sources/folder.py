"""Daily prices from a folder: one CSV per ticker, named TICKER.csv.

Columns: date, open, high, low, close, adj_close, volume. Returns come from `adj_close` (total return). A session on
which a share was suspended is a row whose prices are empty, or flat at the close before with a volume of 0 or none; a session
without a row is a gap and is refused. The rate of a currency is in a file like KRW=X.csv (units per US dollar), needed when a
book in another currency holds what is priced in it.
What a person has decided about rows that would be refused is in decisions.toml in the same folder.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from backtest.data.matrices import aligned, floats
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.price_checks import BARS, checked, checked_rate
from backtest.data.tables import first_row, read_table
from backtest.data.volumes import volumes_in_shares
from backtest.errors import DataError, MissingPricesError
from backtest.files.documents import read_json
from backtest.files.hashes import Pieces, content_id
from backtest.prices import Bars, Prices
from backtest.thesis import load_thesis
from backtest.universe import Universe

COLUMNS = ("date", "open", "high", "low", "close", "adj_close", "volume")
SNAPSHOT = "snapshot.json"
BLOCK = 256  # sessions that are hashed together


def load_prices(tickers: Sequence[str], folder: Path, universe: Universe | None = None) -> Prices:
    """Return the daily prices of some tickers of a universe, by default that of the first thesis.

    Raises DataError by file and date for what cannot be trusted.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of prices; expected a folder with one CSV per ticker, or 'reference'")
    if lost := sorted(ticker for ticker in tickers if not (folder / f"{ticker}.csv").exists()):
        message = f"{folder}: no file for {', '.join(lost)}; expected {lost[0]}.csv with columns {','.join(COLUMNS)}"
        raise MissingPricesError(lost, message)
    files = {ticker: f"{ticker}.csv" for ticker in tickers}
    tables = {ticker: read_bars(folder / file) for ticker, file in files.items()}
    universe = universe or load_thesis().universe
    rate_files = {ticker: folder / f"{ticker}.csv" for ticker in universe.all_rates}
    rates = {ticker: read_bars(path) for ticker, path in rate_files.items() if path.exists()}
    named = files | {ticker: f"{ticker}.csv" for ticker in rates}
    return daily_prices(tables, rates, load_decisions(folder, universe), _source(folder), named, universe)


def bars_id(
    tables: Mapping[str, pd.DataFrame], rates: Mapping[str, pd.Series], ended: Mapping[str, str], volume: pd.DataFrame
) -> str:
    """Return a hash of prices, rates and volumes by their values and of those that ended for good, whatever their source."""
    shares = volume.to_numpy(dtype="<f8")
    by_session = (shares[at : at + BLOCK].tobytes() for at in range(0, len(shares), BLOCK))
    ends = (ticker.encode() for ticker in sorted(ended))
    return content_id(chain(_bytes(tables, rates), ends, [Pieces(shares.nbytes, by_session)]))


def _bytes(tables: Mapping[str, pd.DataFrame], rates: Mapping[str, pd.Series]) -> Iterator[bytes]:
    yield ",".join([*tables, *(sorted(rates) if len(rates) > 1 else ())]).encode()  # one rate needs no name
    columns = [(table.index, [table[name] for name in ("adj_close", *BARS)]) for table in tables.values()]
    quoted = [rates[ticker] for ticker in sorted(rates)] or [pd.Series(dtype=float, index=pd.DatetimeIndex([]))]
    for index, values in [*columns, *((rate.index, [rate]) for rate in quoted)]:
        yield pd.DatetimeIndex(index).as_unit("ns").asi8.astype("<i8").tobytes()
        yield from (np.asarray(column, dtype="<f8").tobytes() for column in values)


@dataclass(frozen=True)
class Quotes:
    """The numbers of Prices: session × ticker of each column, day × currency of rates, and the hash of all."""

    columns: Mapping[str, pd.DataFrame]  # VALUES and `volume`
    rates: pd.DataFrame
    data_id: str


def daily_prices(
    tables: Mapping[str, pd.DataFrame],
    rates: Mapping[str, pd.DataFrame],
    decisions: Decisions,
    source: str,
    named: Mapping[str, str],
    universe: Universe,
) -> Prices:
    """Return Prices from a table of prices by session per ticker (see `price_checks`), each passed through the gate.

    `rates` has units per US dollar by day as `close` and `adj_close`, by a rate's ticker; `named` is what an error calls a
    ticker's table.
    """
    return prices_of(checked_quotes(tables, rates, decisions, named, universe), decisions, source, universe)


def checked_quotes(
    tables: Mapping[str, pd.DataFrame],
    rates: Mapping[str, pd.DataFrame],
    decisions: Decisions,
    named: Mapping[str, str],
    universe: Universe,
) -> Quotes:
    """Return the numbers of some tables that passed the gate, as `daily_prices` takes them; DataError for the first fault."""
    tables = checked(tables, decisions, named, universe)
    quoted = {
        currency.code: checked_rate(rates[currency.rate], currency, named[currency.rate], decisions)["close"]
        for currency in universe.currencies.values()
        if currency.rate in rates
    }
    volume = volumes_in_shares(tables, decisions)
    data_id = bars_id(tables, quoted, decisions.end_reasons(list(tables)), volume)
    return Quotes({**_columns(tables), "volume": volume}, _rate_table(quoted), data_id)


def prices_of(quotes: Quotes, decisions: Decisions, source: str, universe: Universe) -> Prices:
    """Return Prices of numbers that passed the gate, with what rows say of their tickers."""
    columns = dict(quotes.columns)
    wealth, volume = columns.pop("adj_close"), columns.pop("volume")
    tickers = list(wealth.columns)
    traits = universe.traits(tickers)
    markets = sorted({traits[ticker][0] for ticker in tickers})
    until = {market: min(wealth.index[-1], universe.markets[market].last_day) for market in markets}
    return Prices(
        wealth=wealth,
        market={ticker: traits[ticker][0] for ticker in tickers},
        currency={ticker: traits[ticker][1] for ticker in tickers},
        closes={market: universe.markets[market].closes(wealth.index[0], until[market]) for market in markets},
        rates=quotes.rates,
        adjustment="adj_close: total return",
        source=source,
        data_id=quotes.data_id,
        bars=Bars(**columns),
        ended=decisions.end_reasons(tickers),
        markets=universe.markets,
        cash_rates=universe.cash_rates,
        volume=volume,
    )


def _columns(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return session × ticker of each column of prices."""
    indexes = {ticker: table.index for ticker, table in tables.items()}
    return {
        name: aligned({ticker: floats(table, name) for ticker, table in tables.items()}, indexes) for name in (*BARS, "adj_close")
    }


def _rate_table(quoted: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return rates as a table of day × currency, over the days that any of them has."""
    table = pd.DataFrame(index=pd.DatetimeIndex([]), columns=list(quoted), dtype=float)
    return pd.DataFrame(quoted).sort_index() if quoted else table


def _source(folder: Path) -> str:
    """Return the source a snapshot was exported from, else the folder's name."""
    try:
        return str(read_json(folder / SNAPSHOT)["source"])
    except FileNotFoundError:
        return folder.name
    except (OSError, ValueError, KeyError):
        raise DataError(f"{folder / SNAPSHOT}: not a snapshot's page; expected what 'data export' wrote") from None


def read_bars(path: Path) -> pd.DataFrame:
    """Return one file's open, high, low, close, adj_close and volume by day, and the `row` of the file.

    Refuses days out of order, prices that are not positive and volumes that are no number; what prices say is for the gate.
    """
    table = read_table(path, COLUMNS)
    days = parse_days(table["date"], path.name)
    bars = pd.DataFrame({name: parse_prices(table[name], path.name, days) for name in ("adj_close", *BARS)})
    bars["volume"] = _volumes(table["volume"], path.name, days)
    bars["row"] = table.index.to_numpy()
    return bars.set_axis(days)


def _volumes(stated: pd.Series, file: str, days: pd.DatetimeIndex) -> pd.Series:
    volumes = pd.to_numeric(stated, errors="coerce").astype(float)
    wrong = _garbled(volumes, stated) | np.isinf(volumes)
    if wrong.any():
        row = first_row(wrong)
        day = days[stated.index.get_loc(row)]
        raise DataError(f"{file} row {row} ({day:%Y-%m-%d}): volume is '{stated[row]}'; expected a number, or nothing")
    return volumes


def parse_days(stated: pd.Series, file: str) -> pd.DatetimeIndex:
    """Return a column of days as an index; refuse one that is no day, repeats or falls."""
    days = pd.to_datetime(stated, format="%Y-%m-%d", errors="coerce")
    days = days.where(days.dt.year.between(1900, 2200))
    if days.isna().any():
        row = first_row(days.isna())
        raise DataError(f"{file} row {row}: {stated.name} is '{stated[row]}'; expected a day like 2024-03-28")
    steps = days.diff().dt.days
    if (steps <= 0).any():
        row = first_row(steps <= 0)
        before = days.shift(1)[row]
        fault = "stands twice" if steps[row] == 0 else f"comes after {before:%Y-%m-%d}"
        raise DataError(f"{file} row {row}: {days[row]:%Y-%m-%d} {fault}; expected unique, rising days")
    if days.empty:
        raise DataError(f"{file}: no rows; expected at least one session")
    return pd.DatetimeIndex(days).as_unit("ns")


def parse_prices(stated: pd.Series, file: str, days: pd.DatetimeIndex | None = None) -> pd.Series:
    """Return a column of prices, NaN where empty; refuse what is no positive number."""
    prices = pd.to_numeric(stated, errors="coerce").astype(float)
    wrong = _garbled(prices, stated) | (prices <= 0) | np.isinf(prices)
    if wrong.any():
        row = first_row(wrong)
        day = f" ({days[stated.index.get_loc(row)]:%Y-%m-%d})" if days is not None else ""
        raise DataError(f"{file} row {row}{day}: {stated.name} is '{stated[row]}'; expected a price above 0, or nothing")
    return prices


def _garbled(numbers: pd.Series, stated: pd.Series) -> pd.Series:
    """Return where something is stated that is no number."""
    garbled = numbers.isna() & stated.ne("")
    return garbled & stated.str.strip().ne("") if garbled.any() else garbled
