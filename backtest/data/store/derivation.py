"""Derives the rows of a store's tables again from the answers it keeps, in the order in which they came."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import pandas as pd
import pyarrow

from backtest.data.answer import Answer
from backtest.data.sources.discovery import figure_sources, load_sources, price_sources
from backtest.data.sources.protocol import FigureSource, PriceSource, Source, instrument_of
from backtest.data.store.append_only import FIGURES, Store
from backtest.data.store.ledger import AnswerLine
from backtest.data.store.reading import bars_of, figures_of
from backtest.data.store.vintages import append_figures, append_prices
from backtest.errors import BacktestError, DataError, near_miss
from backtest.thesis import load_thesis
from backtest.universe import Universe

Known = TypeVar("Known", PriceSource, FigureSource)


def derivation_faults(
    store: Store, lines: Sequence[AnswerLine], sources: Mapping[str, Source] | None = None, universe: Universe | None = None
) -> Iterator[str]:
    """Yield a line for each table whose rows are not those its answers give; `lines` are the ledger's answers, oldest first."""
    every, universe = (load_sources() if sources is None else sources).values(), universe or load_thesis().universe
    prices = {source.table(): source for source in price_sources(every)}
    figures = {source.name: source for source in figure_sources(every)}
    for name in store.tables():
        folder, _, key = name.partition("/")
        try:
            rows = store.read(name)
            if rows is None or "first_seen" not in rows:
                continue
            if folder == FIGURES:
                derived = _derived_figures(store, _source(figures, key), rows, lines)
            else:
                derived = _derived_prices(store, _source(prices, folder), key, rows, universe)
        except BacktestError as error:
            yield f"tables/{name}: its rows cannot be derived from the answers: {error}"
            continue
        if not derived.equals(rows):
            yield f"tables/{name}: {_unlike(rows, derived)} of {len(rows)} rows are not what the answers give"


def _source(sources: Mapping[str, Known], name: str) -> Known:
    if name not in sources:
        raise DataError(f"{near_miss('source with such tables', name, list(sources))}; expected the file of that source")
    return sources[name]


def _derived_prices(store: Store, source: PriceSource, key: str, rows: pd.DataFrame, universe: Universe) -> pd.DataFrame:
    derived: pd.DataFrame | None = None
    instrument = instrument_of(universe, key)
    for (sha, seen), _ in rows.groupby(["answer", "first_seen"], sort=False):
        moment = pd.Timestamp(str(seen))
        prices = bars_of(source, instrument, Answer(source.name, key, "", moment, 200, store.answer(str(sha))))
        derived, _ = append_prices(derived, prices, instrument.traded_on, moment, str(sha))
    return _as_stored(derived, rows)


def _derived_figures(store: Store, source: FigureSource, rows: pd.DataFrame, lines: Sequence[AnswerLine]) -> pd.DataFrame:
    derived: pd.DataFrame | None = None
    own = [line for line in lines if line["source"] == source.name and line["status"] == 200]
    for (sha, seen), part in rows.groupby(["answer", "first_seen"], sort=False):
        moment = pd.Timestamp(str(seen))
        key, pages = _pages(own, str(sha), moment) or (str(part["entity"].iloc[0]), [str(sha)])
        figures, _ = figures_of(source, key, [store.answer(page) for page in pages])
        derived, _ = append_figures(derived, figures, moment, str(sha))
    return _as_stored(derived, rows)


def _as_stored(derived: pd.DataFrame | None, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[:0] if derived is None else pyarrow.Table.from_pandas(derived, preserve_index=False).to_pandas()


def _pages(own: Sequence[AnswerLine], sha: str, seen: pd.Timestamp) -> tuple[str, list[str]] | None:
    """Return the key and the answers of one pull: the one that its rows name, and those of that key after it until the next."""
    at = f"{seen:%Y-%m-%dT%H:%M:%SZ}"
    key = next((line["key"] for line in reversed(own) if line["answer"] == sha and line["at"] == at), None)
    if key is None:
        return None
    same_key = [line for line in own if line["key"] == key]
    start = max(number for number, line in enumerate(same_key) if line["answer"] == sha and line["at"] == at)
    pages = {same_key[start]["url"]: sha}
    for line in same_key[start + 1 :]:
        if line["url"] == same_key[start]["url"]:
            break
        pages[line["url"]] = line["answer"]
    return key, list(pages.values())


def _unlike(rows: pd.DataFrame, derived: pd.DataFrame) -> int:
    if list(rows.columns) != list(derived.columns) or len(rows) != len(derived):
        return max(len(rows), len(derived))
    same = (rows == derived) | (rows.isna() & derived.isna())
    return int((~same.all(axis=1)).sum()) or len(rows)
