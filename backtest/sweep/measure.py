"""What came of every setting, and what the search is worth: one pass over the chunks, no more than one of them in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from backtest.errors import DataError
from backtest.regimes import Window, windows
from backtest.spec import StrategySpec
from backtest.statistics.overfitting import deflated_sharpe, minimum_length, overfitting_of
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Refused
from backtest.statistics.superiority import Superiority
from backtest.sweep.chunks import Chunk, read
from backtest.sweep.evaluate import Evaluator
from backtest.sweep.grid import Setting

SEED = 20250723
BLOCKS = 16
HELD = {"weekly": 1, "monthly": 5, "quarterly": 13}  # weeks that a position is held


@dataclass(frozen=True)
class Findings:
    """`table` has a row per setting and book: number, spec_id, book, setting, total return and Sharpe ratio per window.

    `best` is the row with the highest Sharpe ratio over the whole run; the statistics are given or say why they are not.
    """

    table: pd.DataFrame
    windows: tuple[Window, ...]
    best: dict[str, Any]
    statistics: dict[str, Any]


def measure(
    chunks: Sequence[Chunk], settings: Sequence[tuple[Setting, StrategySpec]], evaluator: Evaluator, trials: int
) -> Findings:
    """Return the figures of every setting; `trials` from the ledger is the N of every statistic that has one."""
    shared, first = _shared_days(chunks), settings[0][1]
    days = pd.DatetimeIndex(shared.astype("datetime64[D]"))
    n = len(days) - 1
    spans = tuple(windows(evaluator.universe, pd.Timestamp(first.start), days[-1]))
    held = max(HELD[spec.rebalance] for _, spec in settings) * (1 if evaluator.archive.prices.frequency == "weekly" else 5)
    blocks = min(BLOCKS, n // held // 2 * 2)
    test = Superiority(n, held, SEED) if n >= FEWEST_OBSERVATIONS else None
    against: dict[Any, np.ndarray] = {}
    rows: list[pd.DataFrame] = []
    sums, squares = [], []
    for found in map(read, chunks):
        part = found.select(["number", "spec_id", "book", "setting", "periods"]).to_pandas()
        equity = _on(found, shared)
        returns = equity[1:] / equity[:-1] - 1.0
        for span in spans:
            part[f"total_return {span.name}"], part[f"sharpe {span.name}"] = _figures(equity, days, span, part["periods"])
        rows.append(part)
        if blocks >= 2:
            cut = returns[n - n // blocks * blocks :].reshape(blocks, n // blocks, -1)
            sums.append(cut.sum(axis=1))
            squares.append((cut**2).sum(axis=1))
        if test is not None:
            test.add(returns - _against(part, settings, evaluator, days, against))
    table = pd.concat(rows).sort_values(["number", "book"], ignore_index=True)
    whole = table["sharpe whole"]
    if whole.notna().sum() < 2:
        raise DataError(f"{len(table)} settings, {whole.notna().sum()} with a Sharpe ratio; want at least two, over 30 returns")
    best: dict[str, Any] = {str(name): value for name, value in table.iloc[int(np.nanargmax(whole))].items()}
    curve = _curve(chunks, int(best["number"]), str(best["book"]), shared)
    ratios = (whole / np.sqrt(table["periods"])).dropna().to_numpy(float)
    deflated = deflated_sharpe(pd.Series(curve[1:] / curve[:-1] - 1.0), ratios, trials)
    pbo = (
        overfitting_of(np.hstack(sums), np.hstack(squares), n // blocks)
        if blocks >= 2
        else Refused(f"{n} sessions, held for {held}", n)
    )
    spa = Refused(f"{n} sessions", n) if test is None else test.result()
    years = n / best["periods"]
    return Findings(
        table,
        spans,
        best,
        {
            "deflated_sharpe": asdict(deflated),
            "pbo": asdict(pbo),
            "spa": asdict(spa),
            "minimum_length": {
                "years": minimum_length(trials, best["sharpe whole"]) if best["sharpe whole"] > 0 else None,
                "had": years,
            },
        },
    )


def _shared_days(chunks: Sequence[Chunk]) -> np.ndarray:
    """Return the days that every curve has a value on."""
    seen: dict[bytes, np.ndarray] = {}
    for chunk in chunks:
        for one in _arrays(read(chunk), "days"):
            seen.setdefault(one.tobytes(), one)
    shared = next(iter(seen.values()))
    for one in seen.values():
        shared = np.intersect1d(shared, one)
    if len(shared) < 2:
        raise DataError(f"the settings share {len(shared)} sessions; want at least two")
    return shared


def _arrays(found: Any, column: str) -> Iterator[np.ndarray]:
    """Return the lists of a column."""
    for part in found.column(column).chunks:
        ends, flat = part.offsets.to_numpy(), part.values.to_numpy()
        yield from (flat[first:last] for first, last in pairwise(ends))


def _on(found: Any, shared: np.ndarray) -> np.ndarray:
    """Return the curves of a chunk on shared days, shape (days, rows)."""
    both = zip(_arrays(found, "days"), _arrays(found, "equity"), strict=True)
    return np.column_stack(
        [values if len(days) == len(shared) else values[np.searchsorted(days, shared)] for days, values in both]
    )


def _figures(equity: np.ndarray, days: pd.DatetimeIndex, span: Window, periods: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return total returns and annualised Sharpe ratios in a window, NaN where there is none."""
    held = equity[span.slice(days)]
    nothing = np.full(equity.shape[1], np.nan)
    if len(held) < 2:
        return nothing, nothing
    returns = held[1:] / held[:-1] - 1.0
    spread = returns.std(axis=0, ddof=1) if len(returns) >= FEWEST_OBSERVATIONS else np.zeros(equity.shape[1])
    varies = spread > 1e-12 * np.abs(returns).max(axis=0)
    ratio = returns.mean(axis=0) / np.where(varies, spread, 1.0) * np.sqrt(periods.to_numpy())
    return held[-1] / held[0] - 1.0, np.where(varies, ratio, np.nan)


def _against(
    part: pd.DataFrame,
    settings: Sequence[tuple[Setting, StrategySpec]],
    evaluator: Evaluator,
    days: pd.DatetimeIndex,
    known: dict[Any, np.ndarray],
) -> np.ndarray:
    """Return the benchmarks' returns beside those of each row of a chunk, shape (sessions, rows)."""
    columns = []
    for number, book in zip(part["number"], part["book"], strict=True):
        spec = settings[number][1]
        key = (book, spec.base, spec.start, spec.end, spec.tickers(book, evaluator.universe))
        if key not in known:
            values = evaluator.benchmark(spec, book).reindex(days).to_numpy()
            known[key] = values[1:] / values[:-1] - 1.0
        columns.append(known[key])
    return np.column_stack(columns)


def _curve(chunks: Sequence[Chunk], number: int, book: str, shared: np.ndarray) -> np.ndarray:
    """Return one curve on the shared days."""
    found = read(next(chunk for chunk in chunks if number in chunk.numbers))
    names = zip(found.column("number").to_pylist(), found.column("book").to_pylist(), strict=True)
    return _on(found, shared)[:, list(names).index((number, book))]
