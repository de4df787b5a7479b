"""A frozen snapshot of the store: one folder that `--prices` and `--facts` read, so that a run can be repeated anywhere."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from backtest.data.checks import checked
from backtest.data.metrics import FILE as METRICS
from backtest.data.overrides import FILE as DECISIONS
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.sources.folder import COLUMNS, RATE, SNAPSHOT, bars_id
from backtest.data.sources.reference import FOLDER, LIVE, TABLES
from backtest.data.store.append_only import Store
from backtest.data.store.live import SOURCE, live_csv, load_rate, price_tables
from backtest.errors import DataError
from backtest.universe import load_universe


def export(store: Store, out: Path) -> tuple[dict[str, Any], list[str]]:
    """Write the snapshot to a folder that does not exist yet; return its page and a line for each ticker left out.

    The folder appears whole or not at all.
    """
    if out.exists():
        raise DataError(f"{out}: is there already, and a snapshot is never written over; want a new folder")
    traits = load_universe().market_and_currency()
    held = [name.removeprefix("prices/") for name in store.tables("prices")]
    decisions = load_decisions(store.home)
    tables, left_out = _readable(store, [ticker for ticker in held if ticker in traits], decisions)
    rate = load_rate(store)
    prices_id = bars_id(tables, rate["close"], decisions.end_reasons(list(tables)))
    page: dict[str, Any] = {"source": SOURCE, "tickers": sorted(tables), "prices_id": prices_id}
    fresh = _beside(out)
    try:
        for ticker, table in tables.items():
            _write(fresh / f"{ticker}.csv", table)
        if len(rate):
            _write(fresh / f"{RATE}.csv", rate)
        for name in TABLES:
            shutil.copyfile(FOLDER / name, fresh / name)
        if live := live_csv(store):
            (fresh / LIVE).write_bytes(live)
        for name in (DECISIONS, METRICS):  # what lets a true price or figure of the store pass has to let it pass here
            if (store.home / name).exists():
                shutil.copyfile(store.home / name, fresh / name)
        (fresh / SNAPSHOT).write_text(json.dumps(page, indent=1) + "\n", encoding="utf-8")
        os.rename(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return page, left_out


def _readable(store: Store, tickers: list[str], decisions: Decisions) -> tuple[dict[str, pd.DataFrame], list[str]]:
    tables: dict[str, pd.DataFrame] = {}
    left_out = []
    for ticker in tickers:
        try:
            tables |= checked(price_tables(store, [ticker]), decisions, {ticker: f"{SOURCE} {ticker}"})
        except DataError as error:
            left_out.append(str(error))
    return tables, left_out


def _write(path: Path, table: pd.DataFrame) -> None:
    text = table.reindex(columns=list(COLUMNS[1:]))
    text.index = pd.DatetimeIndex(table.index).strftime("%Y-%m-%d")
    text.rename_axis("date").to_csv(path, lineterminator="\n")


def _beside(out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise DataError(f"{out}: cannot write there ({error.strerror}); want a new folder") from None
    fresh.chmod(0o755)
    return fresh
