"""A frozen snapshot of the store: one folder that `--prices` and `--facts` read, so that a run can be repeated anywhere."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import pandas as pd

from backtest.data.metrics import FILE as METRICS
from backtest.data.overrides import FILE as DECISIONS
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.price_checks import checked
from backtest.data.sources.folder import COLUMNS, SNAPSHOT, bars_id
from backtest.data.sources.protocol import PriceSource
from backtest.data.sources.reference import FOLDER, LIVE, TABLES
from backtest.data.store.append_only import Store
from backtest.data.store.live import Sources, live_csv, load_rates, price_tables, stored_prices
from backtest.data.volumes import volumes_in_shares
from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.messages import reason
from backtest.markets.currencies import currency_of_rate
from backtest.thesis import load_thesis
from backtest.universe import Universe


class Page(TypedDict):
    """What `snapshot.json` says: the source of the prices, their tickers and the hash of their values."""

    source: str
    tickers: list[str]
    prices_id: str


def export(store: Store, out: Path, sources: Sources | None = None, universe: Universe | None = None) -> tuple[Page, list[str]]:
    """Write a snapshot to a folder that does not exist yet; return its page and a line for each ticker left out.

    It has the prices of a universe, by default that of the first thesis, and all figures. The folder appears whole or not at all.
    """
    if out.exists():
        raise DataError(f"{out}: is there already, and a snapshot is never written over; expected a new folder")
    universe = universe or load_thesis().universe
    traits = universe.market_and_currency()
    stored = stored_prices(store, sources)
    decisions = load_decisions(store.home, universe, [*stored])
    tables, left_out = _readable(store, sorted(traits.keys() & stored), decisions, stored, universe)
    live = live_csv(store, sources)
    if not tables and not live:
        raise DataError(f"{store.home}: no prices and no figures to write; expected some from 'capex-backtest data pull'")
    rates = load_rates(store, stored, universe)
    quoted = {currency_of_rate(ticker): rate["close"] for ticker, rate in rates.items()}
    prices_id = bars_id(tables, quoted, decisions.end_reasons(list(tables)), volumes_in_shares(tables, decisions))
    names = ", ".join(sorted({stored[ticker].name for ticker in tables}))
    page: Page = {"source": names, "tickers": sorted(tables), "prices_id": prices_id}
    try:
        _write_all(store, out, page, {**tables, **rates}, live)
    except OSError as error:
        raise DataError(f"{out}: cannot write there ({reason(error)}); expected a new folder with room") from None
    return page, left_out


def _write_all(store: Store, out: Path, page: Page, tables: Mapping[str, pd.DataFrame], live: bytes) -> None:
    with atomic.folder(out) as fresh:
        for ticker, table in tables.items():
            _write(fresh / f"{ticker}.csv", table)
        for name in TABLES:
            shutil.copyfile(FOLDER / name, fresh / name)
        if live:
            (fresh / LIVE).write_bytes(live)
        for name in (DECISIONS, METRICS):  # what lets a true price or figure of the store pass has to let it pass here
            if (store.home / name).exists():
                shutil.copyfile(store.home / name, fresh / name)
        (fresh / SNAPSHOT).write_text(json.dumps(page, indent=1) + "\n", encoding="utf-8")


def _readable(
    store: Store, tickers: list[str], decisions: Decisions, stored: Mapping[str, PriceSource], universe: Universe
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    tables: dict[str, pd.DataFrame] = {}
    left_out = []
    for ticker in tickers:
        try:
            named = {ticker: f"{stored[ticker].name} {ticker}"}
            tables |= checked(price_tables(store, [ticker], stored, universe), decisions, named, universe)
        except DataError as error:
            left_out.append(str(error))
    return tables, left_out


def _write(path: Path, table: pd.DataFrame) -> None:
    text = table.reindex(columns=list(COLUMNS[1:]))
    text.index = pd.DatetimeIndex(table.index).strftime("%Y-%m-%d")
    text.rename_axis("date").to_csv(path, lineterminator="\n")
