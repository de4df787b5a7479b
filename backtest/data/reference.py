"""The figures this project carries with it: read from `reference/*.csv`, no network."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd

from backtest import calendars
from backtest.data.checks import checked, checked_rate
from backtest.data.decisions import load_decisions
from backtest.data.figure_checks import Rules, check_chips, check_events, check_figures, rules_of
from backtest.data.folder import RATE, parse_days, parse_prices
from backtest.errors import DataError, MissingPricesError
from backtest.facts import (
    ACCELERATOR_COLUMNS,
    COLUMNS,
    EVENT_COLUMNS,
    Facts,
    assemble,
    content_id,
    names_of,
    parse_accelerators,
    parse_events,
    parse_facts,
    read_table,
)
from backtest.prices import Prices
from backtest.universe import load_universe

FOLDER = Path(__file__).parent / "reference"
FACT_TABLES = (
    "capex.csv",
    "nvidia.csv",
    "accelerator_revenue.csv",
    "cn_suppliers.csv",
    "us_suppliers.csv",
    "tokens.csv",
    "accelerator_shipments.csv",
    "rates.csv",
)
TABLES = (*FACT_TABLES, "accelerators.csv", "events.csv")
LIVE = "live.csv"


@lru_cache
def load_facts(folder: Path = FOLDER) -> Facts:
    """Return every published figure in a folder of reference tables; raise DataError for the first bad row.

    A folder that `data export` wrote also holds live.csv, the rows its store added.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of figures; want one that 'data export' wrote, or 'reference'")
    return facts_with((folder / LIVE).read_bytes() if (folder / LIVE).exists() else b"", folder)


def facts_with(live: bytes, folder: Path = FOLDER, rules: Rules | None = None) -> Facts:
    """Return the figures of a folder with the rows of a live.csv beside them, none when it is empty.

    Every figure passes the gate of `figure_checks`, under the folder's own rules by default.
    """
    tables = [parse_facts(read_table(folder / name, COLUMNS), name) for name in FACT_TABLES]
    tables += [parse_facts(read_table(Path(LIVE), COLUMNS, live), LIVE)] if live else []
    accelerators = parse_accelerators(read_table(folder / "accelerators.csv", ACCELERATOR_COLUMNS), "accelerators.csv")
    events = parse_events(read_table(folder / "events.csv", EVENT_COLUMNS), "events.csv")
    rows, held_to = pd.concat(tables, ignore_index=True), rules or rules_of(folder)
    check_figures(rows, held_to)
    check_chips(accelerators, held_to, "accelerators.csv")
    check_events(events, "events.csv")
    parts = [(folder / name).read_bytes() for name in TABLES] + ([live] if live else [])
    return assemble([rows], accelerators, events, content_id(parts), names_of(rows, accelerators))


def load_prices(tickers: Sequence[str], folder: Path = FOLDER) -> Prices:
    """Return the embedded weekly wealth of some tickers: first session 100, local currency, dividends included.

    A row is labelled by the Friday that ends its week and holds the last session's price; it is known at that close.
    """
    name = "wealth_weekly.csv"
    table = read_table(folder / name, ("week_ending", RATE))
    weeks = parse_days(table["week_ending"], name)
    gaps = weeks[1:][weeks[1:] - weeks[:-1] != pd.Timedelta(days=7)]
    if len(gaps):
        raise DataError(f"{name}: no row for {gaps[0] - pd.Timedelta(days=7):%Y-%m-%d}; want every week, ended by its Friday")
    traits = load_universe().traits(tickers)
    if lost := sorted(set(tickers) - set(table.columns)):
        message = f"{name}: no column for {', '.join(lost)}; give a folder with --prices, or another basket"
        raise MissingPricesError(lost, message)
    decisions = load_decisions(folder)
    ended = decisions.end_reasons(tickers)
    every = {column: _column(table[column], name, weeks) for column in table.columns[1:]}
    columns = {column: every[column] for column in (*tickers, RATE)}
    rate = checked_rate(columns.pop(RATE), RATE, f"{name} column {RATE}", decisions)["close"]
    passed = checked(columns, decisions, {ticker: f"{name} column {ticker}" for ticker in tickers}, weekly=True)
    return Prices(
        wealth=pd.DataFrame({ticker: one["close"] for ticker, one in passed.items()}, index=weeks),
        market={ticker: traits[ticker][0] for ticker in tickers},
        currency={ticker: traits[ticker][1] for ticker in tickers},
        closes={market: _weekly_closes(market, weeks) for market in calendars.MARKETS},
        rate=rate.rename(RATE),
        frequency="weekly",
        adjustment="total return; forward-adjusted proportionally for A-shares",
        source="reference",
        data_id=content_id([(folder / name).read_bytes(), ",".join(tickers).encode(), ",".join(sorted(ended)).encode()]),
        ended=ended,
    )


def _column(stated: pd.Series, name: str, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """Return a column of wealth as a table of prices, as the gate reads it."""
    wealth = parse_prices(stated, name).to_numpy()
    return pd.DataFrame({"close": wealth, "adj_close": wealth, "row": stated.index.to_numpy()}, index=weeks)


def _weekly_closes(market: str, weeks: pd.DatetimeIndex) -> pd.Series:
    """Return the last close of each week in which a market had a session, indexed by the week's label."""
    daily = calendars.closes(market, weeks[0] - pd.Timedelta(days=6), weeks[-1])
    label = weeks[weeks.searchsorted(daily.index, side="left")]
    return daily.groupby(label).last()
