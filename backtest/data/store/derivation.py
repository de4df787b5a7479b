"""Derives the rows of a store's tables again from the answers it keeps, in the order in which they came."""

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow

from backtest.data.answer import Answer
from backtest.data.sources import eastmoney, sec, yahoo
from backtest.data.sources.folder import RATE
from backtest.data.store.append_only import Store
from backtest.data.store.ledger import AnswerLine
from backtest.data.store.vintages import append_figures, append_prices
from backtest.errors import BacktestError
from backtest.universe import load_universe


def derivation_faults(store: Store, lines: Sequence[AnswerLine]) -> Iterator[str]:
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


def _derived(store: Store, name: str, rows: pd.DataFrame, lines: Sequence[AnswerLine]) -> pd.DataFrame:
    kind, _, key = name.partition("/")
    derived: pd.DataFrame | None = None
    for (sha, seen), part in rows.groupby(["answer", "first_seen"], sort=False):
        moment = pd.Timestamp(str(seen))
        if kind == "prices":
            market, currency = ("", "CNY") if key == RATE else load_universe().traits([key])[key]
            answer = Answer("yahoo", key, "", moment, 200, store.answer(str(sha)))
            derived, _ = append_prices(derived, yahoo.parse(answer, key, market, currency), market, moment, str(sha))
        else:
            entity = str(part["entity"].iloc[0])
            bodies = [store.answer(page) for page in _pages(lines, key, entity, str(sha), moment)]
            derived, _ = append_figures(derived, _figures(key, entity, bodies), moment, str(sha))
    return rows.iloc[:0] if derived is None else pyarrow.Table.from_pandas(derived, preserve_index=False).to_pandas()


def _figures(source: str, entity: str, bodies: list[bytes]) -> pd.DataFrame:
    if source == "sec":
        series = [tag for tag in sec.load_series() if tag.entity == entity]
        return sec.parse(bodies[0], bodies[1:], series)[0]
    return eastmoney.parse(bodies, entity)[0]


def _pages(lines: Sequence[AnswerLine], source: str, entity: str, sha: str, seen: pd.Timestamp) -> list[str]:
    """Return the answers of one pull of a company: the one that its rows name, and those that came after it until the next."""
    own = [line for line in lines if line["source"] == source and line["key"] == entity and line["status"] == 200]
    at = f"{seen:%Y-%m-%dT%H:%M:%SZ}"
    starts = [number for number, line in enumerate(own) if line["answer"] == sha and line["at"] == at]
    if not starts:
        return [sha]
    pages = {own[starts[-1]]["url"]: sha}
    for line in own[starts[-1] + 1 :]:
        if line["url"] == own[starts[-1]]["url"]:
            break
        pages[line["url"]] = line["answer"]
    return list(pages.values())


def _unlike(rows: pd.DataFrame, derived: pd.DataFrame) -> int:
    if list(rows.columns) != list(derived.columns) or len(rows) != len(derived):
        return max(len(rows), len(derived))
    same = (rows == derived) | (rows.isna() & derived.isna())
    return int((~same.all(axis=1)).sum()) or len(rows)
