"""Daily prices from a folder: one CSV per ticker, named TICKER.csv.

Columns: date, open, high, low, close, adj_close, volume. Returns come from `adj_close` (total return). A session on
which a share was suspended is a row whose prices are empty; a session without a row is a gap and is refused.
The rate file is CNY=X.csv (CNY per USD), needed when a book holds two currencies.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from backtest import calendars
from backtest.errors import DataError, MissingPricesError
from backtest.facts import content_id, first_row, read_table
from backtest.inputs import read_json
from backtest.prices import Bars, Prices
from backtest.universe import load_universe

COLUMNS = ("date", "open", "high", "low", "close", "adj_close", "volume")
BARS = ("open", "high", "low", "close")
RATE = "CNY=X"
SNAPSHOT = "snapshot.json"
NO_RATE = pd.Series(dtype=float, index=pd.DatetimeIndex([]))


def load_prices(tickers: Sequence[str], folder: Path) -> Prices:
    """Return the daily prices of some tickers; raise DataError by file and date for what cannot be trusted."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of prices; want a folder with one CSV per ticker, or 'reference'")
    if lost := sorted(ticker for ticker in tickers if not (folder / f"{ticker}.csv").exists()):
        message = f"{folder}: no file for {', '.join(lost)}; want {lost[0]}.csv with columns {','.join(COLUMNS)}"
        raise MissingPricesError(lost, message)
    tables = {ticker: read_bars(folder / f"{ticker}.csv") for ticker in tickers}
    rate_file = folder / f"{RATE}.csv"
    rate = read_bars(rate_file)["adj_close"].dropna() if rate_file.exists() else NO_RATE
    return daily_prices(tables, rate, _source(folder), bars_id(tables, rate))


def bars_id(tables: Mapping[str, pd.DataFrame], rate: pd.Series) -> str:
    """Return a hash of prices by their values, whatever they were read from."""
    return content_id(_bytes(tables, rate))


def _bytes(tables: Mapping[str, pd.DataFrame], rate: pd.Series) -> Iterator[bytes]:
    yield ",".join(tables).encode()
    columns = [(table.index, [table[name] for name in ("adj_close", *BARS)]) for table in tables.values()]
    for index, values in [*columns, (rate.index, [rate])]:
        yield pd.DatetimeIndex(index).as_unit("ns").asi8.astype("<i8").tobytes()
        yield from (np.asarray(column, dtype="<f8").tobytes() for column in values)


def daily_prices(tables: Mapping[str, pd.DataFrame], rate: pd.Series, source: str, data_id: str) -> Prices:
    """Return Prices from one table of BARS and `adj_close` by session per ticker; refuse gaps and days without a session.

    `rate` is CNY per USD by day, empty where no book needs it.
    """
    traits = load_universe().traits(list(tables))
    for ticker, table in tables.items():
        check_sessions(table["adj_close"], traits[ticker][0], f"{ticker}.csv")
    columns = {name: pd.DataFrame({ticker: table[name] for ticker, table in tables.items()}) for name in (*BARS, "adj_close")}
    wealth = columns.pop("adj_close").sort_index()
    markets = sorted({traits[ticker][0] for ticker in tables})
    return Prices(
        wealth=wealth,
        market={ticker: traits[ticker][0] for ticker in tables},
        currency={ticker: traits[ticker][1] for ticker in tables},
        closes={market: calendars.closes(market, wealth.index[0], wealth.index[-1]) for market in markets},
        rate=rate,
        frequency="daily",
        adjustment="adj_close: total return",
        source=source,
        data_id=data_id,
        bars=Bars(**{name: table.sort_index() for name, table in columns.items()}),
    )


def _source(folder: Path) -> str:
    """Return the source a snapshot was exported from, else the folder's name."""
    try:
        return str(read_json(folder / SNAPSHOT)["source"])
    except FileNotFoundError:
        return folder.name
    except (OSError, ValueError, KeyError):
        raise DataError(f"{folder / SNAPSHOT}: not a snapshot's page; want what 'data export' wrote") from None


def read_bars(path: Path) -> pd.DataFrame:
    """Return one file's open, high, low, close and adj_close by day.

    Refuses days out of order, prices that are not positive, a close without adj_close or the reverse, and a high or low that
    is not its bar's extreme. Open, high and low may be empty: then nothing can be filled at the open.
    """
    table = read_table(path, COLUMNS)
    days = parse_days(table["date"], path.name)
    bars = pd.DataFrame({name: parse_prices(table[name], path.name, days) for name in ("adj_close", *BARS)})
    halved = bars["close"].isna() ^ bars["adj_close"].isna()
    crossed = (bars["high"] < bars[["open", "close"]].max(axis=1)) | (bars["low"] > bars[["open", "close"]].min(axis=1))
    for wrong, want in ((halved, "close and adj_close, both or neither"), (crossed, "low <= open, close <= high")):
        if wrong.any():
            row = first_row(wrong)
            came = ", ".join(f"{name} '{table[name][row]}'" for name in (*BARS, "adj_close"))
            raise DataError(f"{path.name} row {row} ({days[bars.index.get_loc(row)]:%Y-%m-%d}): {came}; want {want}")
    return bars.set_axis(days)


def parse_days(stated: pd.Series, file: str) -> pd.DatetimeIndex:
    """Return a column of days as an index; refuse one that is no day, repeats or falls."""
    days = pd.to_datetime(stated, format="%Y-%m-%d", errors="coerce")
    days = days.where(days.dt.year.between(1900, 2200))
    if days.isna().any():
        row = first_row(days.isna())
        raise DataError(f"{file} row {row}: {stated.name} is '{stated[row]}'; want a day like 2024-03-28")
    steps = days.diff().dt.days
    if (steps <= 0).any():
        row = first_row(steps <= 0)
        before = days.shift(1)[row]
        fault = "stands twice" if steps[row] == 0 else f"comes after {before:%Y-%m-%d}"
        raise DataError(f"{file} row {row}: {days[row]:%Y-%m-%d} {fault}; want unique, rising days")
    if days.empty:
        raise DataError(f"{file}: no rows; want at least one session")
    return pd.DatetimeIndex(days).as_unit("ns")


def parse_prices(stated: pd.Series, file: str, days: pd.DatetimeIndex | None = None) -> pd.Series:
    """Return a column of prices, NaN where empty; refuse what is no positive number."""
    found = pd.to_numeric(stated, errors="coerce").astype(float)
    wrong = (found.isna() & stated.str.strip().ne("")) | (found <= 0) | np.isinf(found)
    if wrong.any():
        row = first_row(wrong)
        day = f" ({days[stated.index.get_loc(row)]:%Y-%m-%d})" if days is not None else ""
        raise DataError(f"{file} row {row}{day}: {stated.name} is '{stated[row]}'; want a price above 0, or nothing")
    return found


def check_sessions(column: pd.Series, market: str, file: str) -> None:
    """Refuse a gap against the exchange calendar within a file's span, and a row on a day without a session."""
    sessions = calendars.closes(market, column.index[0], column.index[-1]).index
    if len(strays := column.index.difference(sessions)):
        raise DataError(f"{file}: {strays[0]:%Y-%m-%d} is no session of {market}; want its sessions only")
    if len(gaps := sessions.difference(column.index)):
        raise DataError(
            f"{file}: no row for {gaps[0]:%Y-%m-%d}, a session of {market} ({len(gaps)} missing); "
            "want every session, with empty prices where the share was suspended"
        )
