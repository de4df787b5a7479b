"""Derives the rows of a store's tables again from the answers it keeps, in the order in which they came."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow

from backtest.data.answer import Answer
from backtest.data.sources import eastmoney, sec, yahoo
from backtest.data.sources.folder import RATE
from backtest.data.store.append_only import Store
from backtest.data.store.vintages import append_figures, append_prices
from backtest.errors import BacktestError
from backtest.universe import load_universe

Line = dict[str, Any]
Parse = Callable[[str, Sequence[Line], pd.Timestamp], pd.DataFrame]


def derivation_faults(store: Store, lines: Sequence[Line]) -> Iterator[str]:
    """Yield a line for each table whose rows are not those its answers give; `lines` are the ledger's answers, oldest first."""
    for name in [*store.tables("prices"), *store.tables("facts")]:
        try:
            rows = store.read(name)
            if rows is None or "first_seen" not in rows:
                continue
            derived = _derived(store, name, rows, lines)
        except BacktestError as error:
            yield f"tables/{name}: its rows cannot be derived from the answers: {error}"
            continue
        if not derived.equals(rows):
            yield f"tables/{name}: {_unlike(rows, derived)} of {len(rows)} rows are not what the answers give"


def _derived(store: Store, name: str, rows: pd.DataFrame, lines: Sequence[Line]) -> pd.DataFrame:
    kind, _, key = name.partition("/")
    found: pd.DataFrame | None = None
    for (sha, seen), part in rows.groupby(["answer", "first_seen"], sort=False):
        moment = pd.Timestamp(str(seen))
        if kind == "prices":
            market, currency = ("", "CNY") if key == RATE else load_universe().traits([key])[key]
            answer = Answer("yahoo", key, "", moment, 200, store.answer(str(sha)))
            came = yahoo.parse(answer, key, market, currency)
            found, _ = append_prices(found, came, market, moment, str(sha))
        else:
            entity = str(part["entity"].iloc[0])
            bodies = [store.answer(page) for page in _pages(lines, key, entity, str(sha), moment)]
            found, _ = append_figures(found, _figures(key, entity, bodies), moment, str(sha))
    return rows.iloc[:0] if found is None else pyarrow.Table.from_pandas(found, preserve_index=False).to_pandas()


def _figures(source: str, entity: str, bodies: list[bytes]) -> pd.DataFrame:
    if source == "sec":
        series = [one for one in sec.load_series() if one.entity == entity]
        return sec.parse(bodies[0], bodies[1:], series)[0]
    return eastmoney.parse(bodies, entity)[0]


def _pages(lines: Sequence[Line], source: str, entity: str, sha: str, seen: pd.Timestamp) -> list[str]:
    """Return the answers of one pull of a company: the one that its rows name, and those that came after it until the next."""
    own = [one for one in lines if one["source"] == source and one["key"] == entity and one["status"] == 200]
    at = f"{seen:%Y-%m-%dT%H:%M:%SZ}"
    starts = [number for number, one in enumerate(own) if one["answer"] == sha and one["at"] == at]
    if not starts:
        return [sha]
    pages = {own[starts[-1]]["url"]: sha}
    for one in own[starts[-1] + 1 :]:
        if one["url"] == own[starts[-1]]["url"]:
            break
        pages[one["url"]] = one["answer"]
    return list(pages.values())


def _unlike(rows: pd.DataFrame, derived: pd.DataFrame) -> int:
    if list(rows.columns) != list(derived.columns) or len(rows) != len(derived):
        return max(len(rows), len(derived))
    same = (rows == derived) | (rows.isna() & derived.isna())
    return int((~same.all(axis=1)).sum()) or len(rows)
