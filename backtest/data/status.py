"""What a store holds, and whether it is whole."""

import gzip
import hashlib
from collections.abc import Iterator
from typing import Any

import pandas as pd

from backtest.calendars import quarter_label, quarter_of
from backtest.data.live import reconciled
from backtest.data.pull import items, last_final_session
from backtest.data.reconcile import read_typed
from backtest.data.store import Store
from backtest.errors import DataError


def status(store: Store, now: pd.Timestamp) -> dict[str, Any]:
    """Return coverage per ticker and per entity and quarter, how stale each is at a moment, gaps and figures in conflict."""
    outcomes = reconciled(store)
    return {
        "home": str(store.home),
        "prices": {name.removeprefix("prices/"): _price_line(store, name, now) for name in store.tables("prices")},
        "missing_prices": [item.key for item in items(["yahoo"]) if store.about(f"prices/{item.key}") is None],
        "figures": _figures(store, outcomes.outcomes, now),
        "typed": len(read_typed(store.home)),
        "conflicts": outcomes.conflicts(),
    }


def verify(store: Store) -> tuple[dict[str, int], list[str]]:
    """Hash every answer and table again and follow the ledger; return counts and a line for each fault."""
    faults = [*_answer_faults(store), *_table_faults(store)]
    counts = {
        "answers": len(list(store.home.glob("answers/*/[0-9a-f]*.gz"))),
        "tables": len(list(store.home.glob("tables/*/*/[0-9]*.parquet"))),
        "lines": 0,
        "lines cut short": 0,
    }
    lasts: dict[str, str] = {}
    for where, line in store.ledger():
        counts["lines" if line is not None else "lines cut short"] += 1
        if line and "answer" in line and not store.answer_path(line["answer"]).exists():
            faults.append(f"{where}: answer {line['answer'][:16]} of {line['source']} {line['key']} is gone")
        if line and "table" in line:
            lasts[line["table"]] = line["file"]
    for name, file in lasts.items():
        held = [path.name for path in (store.home / "tables" / name).glob("[0-9]*.parquet")]
        if not any(other >= file for other in held):
            faults.append(f"tables/{name}: {file} is gone, and nothing newer is there")
    return counts, faults


def _answer_faults(store: Store) -> Iterator[str]:
    for path in sorted(store.home.glob("answers/*/[0-9a-f]*.gz")):
        try:
            sha = hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
        except (OSError, EOFError, ValueError) as error:
            yield f"answers/{path.parent.name}/{path.name}: not readable ({error})"
            continue
        if sha != path.name.removesuffix(".gz"):
            yield f"answers/{path.parent.name}/{path.name}: holds other bytes than its name says"


def _table_faults(store: Store) -> Iterator[str]:
    for path in sorted(store.home.glob("tables/*/*/[0-9]*.parquet")):
        where = f"tables/{path.parent.parent.name}/{path.parent.name}/{path.name}"
        if hashlib.sha256(path.read_bytes()).hexdigest()[:16] != path.stem.split("-")[-1]:
            yield f"{where}: holds other bytes than its name says"
    for name in [*store.tables("prices"), *store.tables("facts")]:
        yield from _row_faults(store, name)


def _row_faults(store: Store, name: str) -> Iterator[str]:
    try:
        rows = store.read(name)
    except DataError as error:
        yield str(error)
        return
    if rows is None:
        return
    for sha in rows["answer"].unique():
        if not store.answer_path(sha).exists():
            yield f"tables/{name}: rows of answer {sha[:16]}, which is gone"
    early = rows["known_at"] < pd.DatetimeIndex(rows["period_end" if "period_end" in rows else "session"]).tz_localize("UTC")
    if early.any():
        yield f"tables/{name}: {int(early.sum())} rows are known before the day they are of"


def _price_line(store: Store, name: str, now: pd.Timestamp) -> dict[str, Any]:
    about = store.about(name) or {}
    ticker = name.removeprefix("prices/")
    behind = (last_final_session(ticker, now) - pd.Timestamp(about["last"])).days
    return {**about, "days_behind": max(0, behind)}


def _figures(store: Store, outcomes: pd.DataFrame, now: pd.Timestamp) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for source in ("sec", "eastmoney"):
        rows, about = store.read(f"facts/{source}"), store.about(f"facts/{source}") or {}
        for (entity, metric), held in rows.groupby(["entity", "metric"]) if rows is not None else ():
            quarters = sorted({quarter_of(end) for end in held["period_end"]})
            own = outcomes[(outcomes["entity"] == entity) & (outcomes["metric"] == metric)]
            seen = about.get("seen", {}).get(entity)
            found[f"{entity} {metric}"] = {
                "source": source,
                "first": quarter_label(quarters[0]),
                "last": quarter_label(quarters[-1]),
                "quarters": [quarter_label(quarter) for quarter in quarters],
                "missing": [quarter_label(q) for q in range(quarters[0], quarters[-1]) if q not in quarters],
                "outcomes": {str(name): int(number) for name, number in own["outcome"].value_counts().items()},
                "days_since_asked": (now - pd.Timestamp(seen)).days if seen else None,
            }
    return found
