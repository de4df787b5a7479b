"""What came of every setting, and what the search is worth: chunk by chunk, so that memory does not grow with their curves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from importlib import import_module
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow

from backtest.errors import DataError
from backtest.panel import Archive
from backtest.statistics.overfitting import deflated_sharpe, minimum_length, overfitting_of
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Refused
from backtest.statistics.spa import Best, Draws, superior_of
from backtest.sweeps.chunks import Chunk, read
from backtest.sweeps.evaluator import Evaluator
from backtest.sweeps.results import (
    SHARPE,
    TOTAL_RETURN,
    BestSetting,
    MinimumLength,
    SearchStatistics,
    Span,
    WindowFigures,
)
from backtest.sweeps.settings import Settings
from backtest.sweeps.workers import WorkerPool
from backtest.thesis.windows import WHOLE, Window, windows

SEED = 20250723
KEYS = ["number", "spec_id", "book"]
BLOCKS = 16
HOLDING = {"weekly": 5, "monthly": 25, "quarterly": 65}  # sessions that a position is held


class Measured(NamedTuple):
    """The table of a sweep (see `results.SweepResult`), its windows, its best setting, and what the search is worth."""

    table: pd.DataFrame
    windows: tuple[Window, ...]
    best: BestSetting
    statistics: SearchStatistics


@dataclass(frozen=True)
class _Basis:
    """What every chunk is measured on: days that all curves share, windows, blocks, and sessions a position is held.

    `compared` says of each return between two of those days whether every book has a benchmark on both.
    """

    days: pd.DatetimeIndex
    compared: np.ndarray
    windows: tuple[Window, ...]
    blocks: int
    holding: int

    @property
    def n(self) -> int:
        return len(self.days) - 1

    @property
    def span(self) -> Span | None:
        """The base and the last day of the returns that have a benchmark, None where none has."""
        base, last = self.days[:-1][self.compared], self.days[1:][self.compared]
        return Span(f"{base[0]:%Y-%m-%d}", f"{last[-1]:%Y-%m-%d}") if len(last) else None


class _Part(NamedTuple):
    """What a chunk adds: rows of the table, sums of returns and of their squares (2 × block × row), and its share of the SPA."""

    table: pd.DataFrame
    blocks: np.ndarray
    best: Best


def compile_statistics() -> None:
    """Load the libraries and the compiled code of `measure` into this process."""
    import_module("scipy.stats")
    overfitting_of([np.ones((2, 2, 1))], 1)


def measure(chunks: Sequence[Chunk], settings: Settings, archive: Archive, pool: WorkerPool, trials: int) -> Measured:
    """Return the figures of every setting; `trials` from the ledger is the N of every statistic that has one."""
    basis = _basis(settings, archive)
    parts = dict(pool.each(_measured, chunks, basis))
    tables, blocks, bests = map(list, zip(*[parts.pop(chunk) for chunk in chunks], strict=True))
    table = _table(tables, settings)
    del tables
    spa = superior_of(bests, int(basis.compared.sum()))
    ratios = table[f"{SHARPE} {WHOLE}"]
    if ratios.notna().sum() < 2:
        raise DataError(
            f"{len(table)} settings, {ratios.notna().sum()} with a Sharpe ratio; expected at least two, over 30 returns"
        )
    best = _best(table, int(np.nanargmax(ratios)), settings, basis)
    curve = _curve(chunks, best.number, best.book, basis.days)
    per_period = (ratios / np.sqrt(table["periods"])).dropna().to_numpy(float)
    short = Refused(f"{basis.n} sessions, held for {basis.holding}", basis.n)
    needed = minimum_length(trials, best.sharpe) if best.sharpe > 0 else None
    statistics = SearchStatistics(
        deflated_sharpe=deflated_sharpe(pd.Series(curve[1:] / curve[:-1] - 1.0), per_period, trials),
        pbo=overfitting_of(blocks, basis.n // basis.blocks) if basis.blocks >= 2 else short,
        spa=spa,
        spa_span=basis.span,
        minimum_length=MinimumLength(needed, basis.n / best.periods),
    )
    return Measured(table, basis.windows, best, statistics)


def _table(parts: Sequence[pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """Return the rows of all chunks by number and book, with a column per field of the grid."""
    table = pd.concat(parts).sort_values(["number", "book"], ignore_index=True)
    fields = pd.DataFrame(settings.columns(table["number"].to_numpy()))
    return pd.concat([table[KEYS], fields, table.drop(columns=KEYS)], axis=1)


def _best(table: pd.DataFrame, row: int, settings: Settings, basis: _Basis) -> BestSetting:
    values = {str(name): value for name, value in table.iloc[row].items()}
    figures = {
        window.name: WindowFigures(float(values[f"{TOTAL_RETURN} {window.name}"]), float(values[f"{SHARPE} {window.name}"]))
        for window in basis.windows
    }
    number = int(values["number"])
    setting = settings.setting(number)
    return BestSetting(number, values["spec_id"], values["book"], setting, int(values["periods"]), values["chunk"], figures)


def _basis(settings: Settings, archive: Archive) -> _Basis:
    evaluator, specs = Evaluator(archive, archive.thesis.universe), [settings[number][1] for number in settings.scopes]
    days = reduce(pd.DatetimeIndex.intersection, (evaluator.sessions(spec, book) for spec in specs for book in spec.books))
    if len(days) < 2:
        raise DataError(f"the settings share {len(days)} sessions; expected at least two")
    holding = max(HOLDING[spec.rebalance] for spec in specs)
    spans = tuple(windows(archive.thesis, pd.Timestamp(settings[0][1].start), days[-1]))
    compared = [evaluator.benchmark(spec, book).reindex(days).notna() for spec in specs for book in spec.books]
    priced = np.logical_and.reduce(compared)
    return _Basis(days, priced[1:] & priced[:-1], spans, min(BLOCKS, (len(days) - 1) // holding // 2 * 2), holding)


@lru_cache(maxsize=1)
def _draws(n: int, holding: int) -> Draws:
    """Return the draws of a process: the same in every one."""
    return Draws(n, holding, SEED)


def _measured(chunk: Chunk, settings: Settings, evaluator: Evaluator, basis: _Basis) -> _Part:
    """Return what a chunk adds."""
    curves, n = read(chunk), basis.n
    part = curves.select(["number", "spec_id", "book", "periods"]).to_pandas()
    part["chunk"] = chunk.path.name
    equity = _on(curves, basis.days.to_numpy().astype("datetime64[D]").astype(np.int32))
    returns = equity[1:] / equity[:-1] - 1.0
    for window in basis.windows:
        total_return, sharpe = _figures(equity, basis.days, window, part["periods"])
        part[f"{TOTAL_RETURN} {window.name}"], part[f"{SHARPE} {window.name}"] = total_return, sharpe
    blocks = max(basis.blocks, 1)
    cut = returns[n - n // blocks * blocks :].reshape(blocks, n // blocks, -1)
    excess = (returns - _benchmark_returns(part, settings, evaluator, basis.days))[basis.compared]
    count = len(excess)
    best = _draws(count, basis.holding).best_of(excess) if count >= FEWEST_OBSERVATIONS else Best(0, 0.0, np.zeros((3, 1)))
    return _Part(part, np.stack([cut.sum(axis=1), (cut**2).sum(axis=1)]), best)


def _arrays(curves: pyarrow.Table, column: str) -> Iterator[np.ndarray]:
    """Return the lists of a column."""
    for part in curves.column(column).chunks:
        ends, flat = part.offsets.to_numpy(), part.values.to_numpy()
        yield from (flat[first:last] for first, last in pairwise(ends))


def _on(curves: pyarrow.Table, shared: np.ndarray) -> np.ndarray:
    """Return the curves of a chunk on shared days, shape (days, rows)."""
    rows, positions = [], np.empty(0, dtype=np.int64)
    for days, values in zip(_arrays(curves, "days"), _arrays(curves, "equity"), strict=True):
        if len(days):
            positions = np.searchsorted(days, shared)
        rows.append(values if len(values) == len(shared) else values[positions])
    return np.stack(rows).T  # a curve lies in one piece


def _figures(equity: np.ndarray, days: pd.DatetimeIndex, window: Window, periods: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return total returns and annualised Sharpe ratios in a window, NaN where there is none."""
    values = equity[window.slice(days)]
    nothing = np.full(equity.shape[1], np.nan)
    if len(values) < 2:
        return nothing, nothing
    returns = values[1:] / values[:-1] - 1.0
    spread = returns.std(axis=0, ddof=1) if len(returns) >= FEWEST_OBSERVATIONS else np.zeros(equity.shape[1])
    varies = spread > 1e-12 * np.abs(returns).max(axis=0)
    ratio = returns.mean(axis=0) / np.where(varies, spread, 1.0) * np.sqrt(periods.to_numpy())
    return values[-1] / values[0] - 1.0, np.where(varies, ratio, np.nan)


def _benchmark_returns(part: pd.DataFrame, settings: Settings, evaluator: Evaluator, days: pd.DatetimeIndex) -> np.ndarray:
    """Return the returns of the benchmarks of each row of a chunk, shape (sessions, rows)."""
    kind, kinds = pd.factorize(pd.MultiIndex.from_arrays([settings.scope[part["number"]], part["book"]]))
    specs = [settings[settings.scopes[scope]][1] for scope, _ in kinds]
    known = np.stack([evaluator.benchmark(spec, book).reindex(days) for spec, (_, book) in zip(specs, kinds, strict=True)])
    return np.asarray((known[:, 1:] / known[:, :-1] - 1.0)[kind].T)


def _curve(chunks: Sequence[Chunk], number: int, book: str, days: pd.DatetimeIndex) -> np.ndarray:
    """Return one curve on the shared days."""
    curves = read(next(chunk for chunk in chunks if number in chunk.numbers))
    names = zip(curves.column("number").to_pylist(), curves.column("book").to_pylist(), strict=True)
    return _on(curves, days.to_numpy().astype("datetime64[D]").astype(np.int32))[:, list(names).index((number, book))]
