"""The figures and prices this project carries with it: read from `reference/`, no network."""

import csv
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from backtest.data.figure_checks import Rules, check_chips, check_events, check_figures, check_ranges, rules_of, under_one_name
from backtest.data.metrics import other_names
from backtest.data.overrides import load_decisions
from backtest.data.price_checks import VALUES
from backtest.data.sources.folder import daily_prices
from backtest.data.tables import parse_accelerators, parse_events, parse_facts, parse_ranges, read_body, read_table
from backtest.errors import DataError, MissingPricesError
from backtest.facts import ACCELERATOR_COLUMNS, COLUMNS, EVENT_COLUMNS, RANGE_COLUMNS, Facts, assemble, names_of
from backtest.files.hashes import content_id
from backtest.prices import Prices
from backtest.thesis import load_thesis
from backtest.universe import Universe

FOLDER = Path(__file__).parent.parent / "reference"
FACT_TABLES = (
    "capex.csv",
    "nvidia.csv",
    "accelerator_revenue.csv",
    "cn_suppliers.csv",
    "us_suppliers.csv",
    "tokens.csv",
    "accelerator_shipments.csv",
    "rates.csv",
    "earnings.csv",
)
RANGE_TABLES = ("interconnect_bom.csv", "profit_previews.csv")
TABLES = (*FACT_TABLES, "accelerators.csv", "events.csv", *RANGE_TABLES)
LIVE = "live.csv"
PRICES, SCALE = "prices.parquet", 10_000  # prices are whole ten-thousandths
SCHEMA = pa.schema({"ticker": pa.string(), "session": pa.date32()} | dict.fromkeys((*VALUES, "volume"), pa.int64()))


def load_facts(folder: Path = FOLDER) -> Facts:
    """Return every published figure in a folder of reference tables; raise DataError for the first bad row.

    A folder that `data export` wrote also holds live.csv, the rows its store added.
    """
    if folder == FOLDER:
        return _embedded_facts()  # nobody changes them while a process runs
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of figures; expected one that 'data export' wrote, or 'reference'")
    return facts_with((folder / LIVE).read_bytes() if (folder / LIVE).exists() else b"", folder)


@lru_cache
def _embedded_facts() -> Facts:
    return facts_with(b"")


def facts_with(live: bytes, folder: Path = FOLDER, rules: Rules | None = None) -> Facts:
    """Return the figures of a folder with the rows of a live.csv added, none when it is empty.

    Every figure passes the gate of `figure_checks`, under the folder's own rules by default.
    """
    bodies = {name: read_body(folder / name) for name in TABLES}
    tables = [_typed(parse_facts, COLUMNS, name, bodies[name]) for name in FACT_TABLES]
    tables += [_typed(parse_facts, COLUMNS, LIVE, live)] if live else []
    accelerators = _typed(parse_accelerators, ACCELERATOR_COLUMNS, "accelerators.csv", bodies["accelerators.csv"]).copy()
    events = _typed(parse_events, EVENT_COLUMNS, "events.csv", bodies["events.csv"]).copy()
    ranges = pd.concat([_typed(parse_ranges, RANGE_COLUMNS, name, bodies[name]) for name in RANGE_TABLES], ignore_index=True)
    applied = rules or rules_of(folder)
    rows = under_one_name(pd.concat(tables, ignore_index=True), applied.metrics)
    check_figures(rows, applied)
    check_chips(accelerators, applied, "accelerators.csv")
    check_events(events, "events.csv")
    check_ranges(ranges)
    names = names_of(rows, accelerators, other_names(applied.metrics))
    parts = [*bodies.values(), *([live] if live else [])]
    return assemble([rows], accelerators, events, content_id(parts), names, ranges)


def with_own(facts: Facts, folder: Path) -> Facts:
    """Return figures with those in `facts/*.csv` of a thesis's folder added; its own metrics.toml and decisions.toml count.

    A file's columns say what it holds: figures, or ranges. Every figure passes the gate together with the others.
    """
    paths = sorted(folder.glob("facts/*.csv"))
    if not paths:
        return facts
    bodies = {f"facts/{path.name}": read_body(path) for path in paths}
    tables, ranges, events = [facts.rows], [facts.ranges], [facts.events]
    for name, body in bodies.items():
        columns = set(read_table(Path(name), None, body).columns)
        if {"low", "high"} <= columns:
            ranges.append(_typed(parse_ranges, RANGE_COLUMNS, name, body))
        elif "event" in columns:
            events.append(_typed(parse_events, EVENT_COLUMNS, name, body))
        else:
            tables.append(_typed(parse_facts, COLUMNS, name, body))
    rows, every = pd.concat(tables, ignore_index=True), pd.concat(ranges, ignore_index=True)
    happened = pd.concat(events, ignore_index=True)
    check_figures(rows, rules_of(folder))
    check_events(happened, "events.csv")
    check_ranges(every)
    data_id = content_id([facts.data_id.encode(), *bodies.values()])
    return assemble([rows], facts.accelerators, happened, data_id, names_of(rows, facts.accelerators), every)


@lru_cache(maxsize=64)
def _typed(parse: Callable[[pd.DataFrame, str], pd.DataFrame], columns: tuple[str, ...], name: str, body: bytes) -> pd.DataFrame:
    """Return a table as typed rows, the same object for the same bytes: not to be written to."""
    return parse(read_table(Path(name), columns, body), name)


def load_prices(tickers: Sequence[str], folder: Path = FOLDER, universe: Universe | None = None) -> Prices:
    """Return the embedded daily prices of some tickers of a universe, by default that of the first thesis.

    `prices.csv` says what they are and where each ends.
    """
    universe = universe or load_thesis().universe
    rate_tickers = universe.all_rates
    tables = _bars(folder, (*tickers, *rate_tickers))
    if lost := sorted(set(tickers) - set(tables)):
        message = f"{PRICES}: no prices of {', '.join(lost)}; give a folder with --prices, or another basket"
        raise MissingPricesError(lost, message)
    rates = {ticker: tables[ticker] for ticker in rate_tickers if ticker in tables}
    named = {ticker: f"{PRICES} {ticker}" for ticker in tables}
    own = {ticker: tables[ticker] for ticker in tickers}
    return daily_prices(own, rates, load_decisions(folder, universe), "reference", named, universe)


def price_table(folder: Path = FOLDER) -> list[dict[str, str]]:
    """Return a row of `prices.csv` per ticker: its first and last session, the last with a bar, their number and its source."""
    return list(csv.DictReader((folder / "prices.csv").read_text(encoding="utf-8").splitlines()))


def _bars(folder: Path, tickers: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the prices of those tickers that are embedded, by session: `tools/embed_prices.py` scaled them to whole numbers."""
    rows = _rows(folder, tickers).to_pandas()
    rows["session"] = pd.to_datetime(rows["session"]).astype("datetime64[ns]")
    numbers = rows[[*VALUES, "volume"]].astype(float)
    if (wrong := (numbers[list(VALUES)] <= 0)).any(axis=None):
        row = int(wrong.any(axis=1).idxmax())
        name = str(wrong.loc[row].idxmax())
        where = f"{PRICES} {rows['ticker'][row]} ({rows['session'][row]:%Y-%m-%d})"
        raise DataError(f"{where}: {name} is {numbers.at[row, name] / SCALE:g}; expected a price above 0, or nothing")
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
        message = " ".join(str(fault).split())[:200]
        raise DataError(f"{PRICES}: no table of prices ({message}); expected columns {', '.join(SCHEMA.names)}") from None
