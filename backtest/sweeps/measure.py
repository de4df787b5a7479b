"""What came of every setting, and what the search is worth: chunk by chunk, so that memory does not grow with their curves."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, reduce
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from backtest.errors import DataError
from backtest.panel import Archive
from backtest.statistics.overfitting import deflated_sharpe, minimum_length, overfitting_of
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Refused
from backtest.statistics.spa import Best, Draws, superior_of
from backtest.sweeps.chunks import Chunk, read
from backtest.sweeps.evaluate import Evaluator
from backtest.sweeps.settings import Settings
from backtest.sweeps.workers import Crew
from backtest.thesis.windows import Window, windows
from backtest.universe import load_universe

SEED = 20250723
BLOCKS = 16
HELD = {"weekly": 5, "monthly": 25, "quarterly": 65}  # sessions that a position is held


@dataclass(frozen=True)
class Findings:
    """What came of a sweep.

    `table` has a row per setting and book: number, spec_id, book, setting, the chunk that its curve is in, total return and
    Sharpe ratio per window. `best` is the row with the highest Sharpe ratio over the whole run; the statistics are given or say
    why they are not.
    """

    table: pd.DataFrame
    windows: tuple[Window, ...]
    best: dict[str, Any]
    statistics: dict[str, Any]


@dataclass(frozen=True)
class _Basis:
    """What every chunk is measured on: days that all curves share, windows, blocks, and sessions a position is held.

    `compared` says of each return between two of those days whether every book has a benchmark on both.
    """

    days: pd.DatetimeIndex
    compared: np.ndarray
    spans: tuple[Window, ...]
    blocks: int
    held: int

    @property
    def n(self) -> int:
        return len(self.days) - 1

    @property
    def span(self) -> dict[str, str]:
        """The base and the last day of the returns that have a benchmark, none where none has."""
        base, last = self.days[:-1][self.compared], self.days[1:][self.compared]
        return {"first": f"{base[0]:%Y-%m-%d}", "last": f"{last[-1]:%Y-%m-%d}"} if len(last) else {}


class _Part(NamedTuple):
    """What a chunk adds: rows of the table, sums of returns and of their squares (2 × block × row), and its share of the SPA."""

    table: pd.DataFrame
    blocks: np.ndarray
    best: Best


def load() -> None:
    """Load what `measure` wants in this process, compiled code too, before it is wanted."""
    import_module("scipy.stats")
    overfitting_of([np.ones((2, 2, 1))], 1)


def measure(chunks: Sequence[Chunk], settings: Settings, archive: Archive, crew: Crew, trials: int) -> Findings:
    """Return the figures of every setting; `trials` from the ledger is the N of every statistic that has one."""
    basis = _basis(settings, archive)
    n, days = basis.n, basis.days
    found = dict(crew.each(_measured, chunks, basis))
    tables, blocks, bests = map(list, zip(*[found.pop(chunk) for chunk in chunks], strict=True))
    table = pd.concat(tables)
    del tables
    table = table.sort_values(["number", "book"], ignore_index=True)
    spa = superior_of(bests, int(basis.compared.sum()))
    whole = table["sharpe whole"]
    if whole.notna().sum() < 2:
        raise DataError(f"{len(table)} settings, {whole.notna().sum()} with a Sharpe ratio; want at least two, over 30 returns")
    best: dict[str, Any] = {str(name): value for name, value in table.iloc[int(np.nanargmax(whole))].items()}
    curve = _curve(chunks, int(best["number"]), str(best["book"]), days)
    ratios = (whole / np.sqrt(table["periods"])).dropna().to_numpy(float)
    deflated = deflated_sharpe(pd.Series(curve[1:] / curve[:-1] - 1.0), ratios, trials)
    pbo = overfitting_of(blocks, n // basis.blocks) if basis.blocks >= 2 else Refused(f"{n} sessions, held for {basis.held}", n)
    return Findings(
        table,
        basis.spans,
        best,
        {
            "deflated_sharpe": asdict(deflated),
            "pbo": asdict(pbo),
            "spa": asdict(spa) | basis.span,
            "minimum_length": {
                "years": minimum_length(trials, best["sharpe whole"]) if best["sharpe whole"] > 0 else None,
                "had": n / best["periods"],
            },
        },
    )


def _basis(settings: Settings, archive: Archive) -> _Basis:
    evaluator, specs = Evaluator(archive, load_universe()), [settings[number][1] for number in settings.scenes]
    days = reduce(pd.DatetimeIndex.intersection, (evaluator.sessions(spec, book) for spec in specs for book in spec.books))
    if len(days) < 2:
        raise DataError(f"the settings share {len(days)} sessions; want at least two")
    held = max(HELD[spec.rebalance] for spec in specs)
    spans = tuple(windows(pd.Timestamp(settings[0][1].start), days[-1]))
    compared = [evaluator.benchmark(spec, book).reindex(days).notna() for spec in specs for book in spec.books]
    priced = np.logical_and.reduce(compared)
    return _Basis(days, priced[1:] & priced[:-1], spans, min(BLOCKS, (len(days) - 1) // held // 2 * 2), held)


@lru_cache(maxsize=1)
def _draws(n: int, held: int) -> Draws:
    """Return the draws of a process: the same in every one."""
    return Draws(n, held, SEED)


def _measured(chunk: Chunk, settings: Settings, evaluator: Evaluator, basis: _Basis) -> _Part:
    """Return what a chunk adds."""
    found, n = read(chunk), basis.n
    part = found.select(["number", "spec_id", "book", "setting", "periods"]).to_pandas()
    part["chunk"] = chunk.path.name
    equity = _on(found, basis.days.to_numpy().astype("datetime64[D]").astype(np.int32))
    returns = equity[1:] / equity[:-1] - 1.0
    for span in basis.spans:
        part[f"total_return {span.name}"], part[f"sharpe {span.name}"] = _figures(equity, basis.days, span, part["periods"])
    blocks = max(basis.blocks, 1)
    cut = returns[n - n // blocks * blocks :].reshape(blocks, n // blocks, -1)
    excess = (returns - _against(part, settings, evaluator, basis.days))[basis.compared]
    both = len(excess)
    best = _draws(both, basis.held).best_of(excess) if both >= FEWEST_OBSERVATIONS else Best(0, 0.0, np.zeros((3, 1)))
    return _Part(part, np.stack([cut.sum(axis=1), (cut**2).sum(axis=1)]), best)


def _arrays(found: Any, column: str) -> Iterator[np.ndarray]:
    """Return the lists of a column."""
    for part in found.column(column).chunks:
        ends, flat = part.offsets.to_numpy(), part.values.to_numpy()
        yield from (flat[first:last] for first, last in pairwise(ends))


def _on(found: Any, shared: np.ndarray) -> np.ndarray:
    """Return the curves of a chunk on shared days, shape (days, rows)."""
    rows, at = [], np.empty(0, dtype=np.int64)
    for days, values in zip(_arrays(found, "days"), _arrays(found, "equity"), strict=True):
        if len(days):
            at = np.searchsorted(days, shared)
        rows.append(values if len(values) == len(shared) else values[at])
    return np.stack(rows).T  # a curve lies in one piece


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


def _against(part: pd.DataFrame, settings: Settings, evaluator: Evaluator, days: pd.DatetimeIndex) -> np.ndarray:
    """Return the benchmarks' returns beside those of each row of a chunk, shape (sessions, rows)."""
    kind, kinds = pd.factorize(pd.MultiIndex.from_arrays([settings.scene[part["number"]], part["book"]]))
    specs = [settings[settings.scenes[scene]][1] for scene, _ in kinds]
    known = np.stack([evaluator.benchmark(spec, book).reindex(days) for spec, (_, book) in zip(specs, kinds, strict=True)])
    return np.asarray((known[:, 1:] / known[:, :-1] - 1.0)[kind].T)


def _curve(chunks: Sequence[Chunk], number: int, book: str, days: pd.DatetimeIndex) -> np.ndarray:
    """Return one curve on the shared days."""
    found = read(next(chunk for chunk in chunks if number in chunk.numbers))
    names = zip(found.column("number").to_pylist(), found.column("book").to_pylist(), strict=True)
    return _on(found, days.to_numpy().astype("datetime64[D]").astype(np.int32))[:, list(names).index((number, book))]
