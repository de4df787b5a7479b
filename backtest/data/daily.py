"""The daily prices this project carries with it: `--prices daily`, read from `daily/prices.parquet`, no network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from backtest.data.checks import VALUES
from backtest.data.decisions import load_decisions
from backtest.data.folder import RATE, daily_prices
from backtest.errors import DataError, MissingPricesError
from backtest.prices import Prices

FOLDER = Path(__file__).parent / "daily"
PRICES, SCALE = "prices.parquet", 10_000  # prices are whole ten-thousandths
SCHEMA = pa.schema({"ticker": pa.string(), "session": pa.date32()} | dict.fromkeys((*VALUES, "volume"), pa.int64()))


def load_prices(tickers: Sequence[str], folder: Path = FOLDER) -> Prices:
    """Return the embedded daily prices of some tickers; `prices.csv` says what they are and where each ends."""
    tables = _bars(folder, (*tickers, RATE))
    if lost := sorted({*tickers, RATE} - set(tables)):
        message = f"{PRICES}: no prices of {', '.join(lost)}; give a folder with --prices, or another basket"
        raise MissingPricesError(lost, message)
    rate = tables.pop(RATE)
    named = {ticker: f"{PRICES} {ticker}" for ticker in (*tickers, RATE)}
    return daily_prices({ticker: tables[ticker] for ticker in tickers}, rate, load_decisions(folder), "daily", named)


def _bars(folder: Path, tickers: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the prices of those tickers that are embedded, by session: `tools/embed_prices.py` scaled them to whole numbers."""
    rows = _rows(folder, tickers).to_pandas()
    rows["session"] = pd.to_datetime(rows["session"]).astype("datetime64[ns]")
    numbers = rows[[*VALUES, "volume"]].astype(float)
    if (wrong := (numbers[list(VALUES)] <= 0)).any(axis=None):
        place = int(wrong.any(axis=1).idxmax())
        name = str(wrong.loc[place].idxmax())
        where = f"{PRICES} {rows['ticker'][place]} ({rows['session'][place]:%Y-%m-%d})"
        raise DataError(f"{where}: {name} is {numbers.at[place, name] / SCALE:g}; expected a price above 0, or nothing")
    numbers[list(VALUES)] /= SCALE
    tables = {}
    for ticker, table in numbers.groupby(rows["ticker"]):
        days = pd.DatetimeIndex(rows["session"][table.index])
        if (late := np.flatnonzero(days[1:] <= days[:-1])).size:
            raise DataError(f"{PRICES} {ticker}: {days[late[0] + 1]:%Y-%m-%d} stands twice or late; expected unique, rising days")
        tables[str(ticker)] = table.set_axis(days)
    return tables


def _rows(folder: Path, tickers: Sequence[str]) -> pa.Table:
    """Return the rows of some tickers in the columns of SCHEMA; DataError for a file that has others, or is none."""
    try:
        table = parquet.read_table(folder / PRICES, filters=[("ticker", "in", list(tickers))])
        if lost := [name for name in SCHEMA.names if name not in table.column_names]:
            raise DataError(f"{PRICES}: no column '{lost[0]}'; expected {', '.join(SCHEMA.names)}")
        return table.select(SCHEMA.names).cast(SCHEMA)
    except FileNotFoundError:
        raise DataError(f"{PRICES}: no such file in {folder}; expected what the package carries") from None
    except (pa.ArrowException, OSError, ValueError) as fault:
        said = " ".join(str(fault).split())[:200]
        raise DataError(f"{PRICES}: no table of prices ({said}); expected columns {', '.join(SCHEMA.names)}") from None
