"""What came of every setting, and what the search is worth: chunk by chunk, so that memory does not grow with their curves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from hashlib import sha256
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow

from backtest.errors import DataError
from backtest.files import atomic
from backtest.panel import Archive
from backtest.statistics.overfitting import Deflated, Overfit, deflated_sharpe, minimum_length, overfitting_of
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Floats, Refused
from backtest.statistics.spa import ROUNDING, Best, Draws, joined, superior_of
from backtest.strategy import StrategySpec
from backtest.sweeps.chunks import Chunk, read
from backtest.sweeps.columns import ACTS, DIFFERENCE, SHARPE, TOTAL_RETURN, TWIN_RETURN, TWIN_SHARPE
from backtest.sweeps.compared import compared_rows
from backtest.sweeps.evaluator import Evaluator
from backtest.sweeps.figures import Curves, ratios_of, window_figures
from backtest.sweeps.results import BestSetting, Compared, MinimumLength, SearchStatistics, Span, TwinStatistics, WindowFigures
from backtest.sweeps.settings import Settings
from backtest.sweeps.table import BOOK, CHUNK, NUMBER, FileColumns, SettingsTable, TableWriter, table_of
from backtest.sweeps.workers import WorkerPool
from backtest.text.bar import counted
from backtest.thesis.windows import WHOLE, Window, windows
from backtest.universe import Universe

SEED = 20250723
BLOCKS = 16
CURVE, EXCESS, EXCESS_RATIO = "curve", "excess", "excess_ratio"  # of a row while it is measured: two hashes, a ratio per period
HOLDING = {"weekly": 5, "monthly": 25, "quarterly": 65}  # sessions that a position is held


class Measured(NamedTuple):
    """The table of a sweep (see `results.SweepResult`), its windows, its best setting, rows beside it, and what it is worth."""

    table: SettingsTable
    windows: tuple[Window, ...]
    best: BestSetting
    statistics: SearchStatistics
    compared: tuple[Compared, ...]


@dataclass(frozen=True)
class _Basis:
    """What every chunk is measured on: days that all curves share, windows, blocks, and sessions a position is held.

    `compared` says of each return between two of those days whether every book has a benchmark on both, `without_benchmark` why
    where none does.
    """

    days: pd.DatetimeIndex
    compared: np.ndarray
    without_benchmark: str
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
    """What a chunk adds: rows of the table, the file of the sums of returns and of their squares, and its share of both SPAs.

    The sums (2 × block × row) are read by the PBO and by nothing else: no process holds those of all chunks.

    The columns have a hash of each row's returns too, and with twins one of its excess over the twin and the ratio of that.
    """

    columns: dict[str, np.ndarray]
    blocks: Path
    best: Best
    best_against_twins: Best | None


class _Joined(NamedTuple):
    """What all chunks come to: the table of a sweep, columns of its rows that are no part of it, sums, and both SPAs."""

    table: SettingsTable
    measured: FileColumns
    blocks: list[Path]
    best: Best
    best_against_twins: Best | None


class _Files(Sequence[Floats]):
    """Arrays in files, each mapped into memory for as long as it is used."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: Any) -> Any:
        return np.asarray(np.load(self._files[number], mmap_mode="r"))


def compile_statistics() -> None:
    """Load the libraries and the compiled code of `measure` into this process."""
    import_module("scipy.special")
    overfitting_of([np.ones((2, 2, 1))], 1)
    Draws(FEWEST_OBSERVATIONS, 1, SEED, 1).best_of(np.arange(float(FEWEST_OBSERVATIONS))[:, np.newaxis])


def measure(chunks: Sequence[Chunk], settings: Settings, archive: Archive, pool: WorkerPool, trials: int) -> Measured:
    """Return the figures of every setting; `trials` from the ledger is the N of every statistic that has one."""
    at = chunks[0].path.parent
    with atomic.writing(at), TemporaryDirectory(prefix=".measuring-", dir=at) as folder:
        return _measure(chunks, settings, archive, pool, trials, Path(folder))


def _measure(
    chunks: Sequence[Chunk], settings: Settings, archive: Archive, pool: WorkerPool, trials: int, folder: Path
) -> Measured:
    basis = _basis(settings, archive)
    every = _collected(chunks, settings, pool, basis, folder)
    table, measured = every.table, every.measured
    spa = superior_of([every.best], int(basis.compared.sum())) if basis.compared.any() else Refused(basis.without_benchmark, 0)
    ratios = table[f"{SHARPE} {WHOLE}"]
    if ratios.notna().sum() < 2:
        raise DataError(
            f"{len(table)} settings, {ratios.notna().sum()} with a Sharpe ratio; expected at least two, over 30 returns"
        )
    best = _best(table, int(np.nanargmax(ratios)), settings, basis)
    short = Refused(f"{basis.n} sessions, held for {basis.holding}", basis.n)
    needed = minimum_length(trials, best.sharpe) if best.sharpe > 0 else None
    earlier, curve = trials - len(settings), measured.read(CURVE)
    curves = len(np.unique(curve))
    returns, _ = _returns(chunks, best.number, best.book, basis.days)
    per_period = (ratios / np.sqrt(table["periods"])).to_numpy()
    deflated, deflated_curves = _deflated(returns, per_period, curve, trials, curves + earlier)
    del ratios, per_period, curve
    statistics = SearchStatistics(
        deflated_sharpe=deflated,
        pbo=pool.call(_overfitting, every.blocks, basis.n // basis.blocks) if basis.blocks >= 2 else short,
        spa=spa,
        spa_span=basis.span,
        minimum_length=MinimumLength(needed, basis.n / best.periods),
        deflated_sharpe_curves=deflated_curves,
        curves=curves,
        twins=_against_twins(every, chunks, basis, (trials, earlier)),
    )
    return Measured(
        table, basis.windows, best, statistics, compared_rows(table, best, settings, archive, basis.days, basis.windows)
    )


def _collected(chunks: Sequence[Chunk], settings: Settings, pool: WorkerPool, basis: _Basis, folder: Path) -> _Joined:
    """Return what all chunks come to: their rows go to the disk as they come."""
    rows, blocks = TableWriter(chunks[0].path.parent), dict[int, Path]()
    numbers = {chunk: number for number, chunk in enumerate(chunks)}
    bests, against_twins = list[Best](), list[Best]()
    for chunk, part in counted(pool.each(_measured, chunks, basis, folder), "measuring", len(chunks)):
        rows.add(part.columns, numbers[chunk])
        blocks[numbers[chunk]] = part.blocks
        bests = [joined([*bests, part.best])]
        if part.best_against_twins is not None:
            against_twins = [joined([*against_twins, part.best_against_twins])]
    columns, books = rows.finish()
    figures = [name for name in columns.names if name not in (NUMBER, BOOK, CHUNK, "periods", ACTS, CURVE, EXCESS, EXCESS_RATIO)]
    table = table_of(columns, books, settings, [chunk.path.name for chunk in chunks], ["periods", ACTS, CHUNK, *figures])
    return _Joined(
        table, columns, [blocks[number] for number in range(len(chunks))], bests[0], against_twins[0] if against_twins else None
    )


def _deflated(
    returns: Floats, ratios: Floats, curve: np.ndarray, trials: int, distinct: int
) -> tuple[Deflated | Refused, Deflated | Refused]:
    """Return the Deflated Sharpe Ratio of the best returns, N the trials, and N the distinct curves, each of them once."""
    given, best = ~np.isnan(ratios), pd.Series(returns)
    every = ratios if given.all() else ratios[given]
    first = np.sort(np.unique(curve if given.all() else curve[given], return_index=True)[1])
    return deflated_sharpe(best, every, trials), deflated_sharpe(best, every[first], distinct)


def _against_twins(every: _Joined, chunks: Sequence[Chunk], basis: _Basis, tried: tuple[int, int]) -> TwinStatistics | Refused:
    """Return what the signals added; `tried` counts the trials of the ledger, and those of them before this sweep."""
    if every.best_against_twins is None:
        return Refused("the weighting reads no signal, or names no twin", 0)
    table, (trials, earlier) = every.table, tried
    ratios, excess = every.measured.read(EXCESS_RATIO), every.measured.read(EXCESS)
    none = Refused("no setting differs from its twin over 30 returns", basis.n)
    deflated: tuple[Deflated | Refused, Deflated | Refused] = none, none
    best = ""
    if not np.isnan(ratios).all():
        row = table.take(np.array([np.nanargmax(ratios)])).iloc[0]
        returns, of_twin = _returns(chunks, int(row["number"]), str(row["book"]), basis.days)
        distinct = len(np.unique(excess[~np.isnan(ratios)])) + earlier
        deflated = _deflated(returns - of_twin, ratios, excess, trials, distinct)
        best = str(row["spec_id"])
    return TwinStatistics(
        superior_of([every.best_against_twins], basis.n),
        *deflated,
        best,
        beating=float((table[f"{SHARPE} {WHOLE}"] > table[f"{TWIN_SHARPE} {WHOLE}"]).mean()),
        richer=float((table[f"{DIFFERENCE} {WHOLE}"] > 0.0).mean()),
        idle=float((~table[ACTS]).mean()),
    )


def _best(table: SettingsTable, row: int, settings: Settings, basis: _Basis) -> BestSetting:
    values = {str(name): value for name, value in table.take(np.array([row])).iloc[0].items()}
    names = [name for name in (TOTAL_RETURN, SHARPE, TWIN_RETURN, TWIN_SHARPE, DIFFERENCE) if f"{name} {WHOLE}" in values]
    figures = {
        window.name: WindowFigures(**{name: float(values[f"{name} {window.name}"]) for name in names}) for window in basis.windows
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
    without = without_benchmark(specs, archive.thesis.universe)
    return _Basis(days, priced[1:] & priced[:-1], without, spans, min(BLOCKS, (len(days) - 1) // holding // 2 * 2), holding)


def without_benchmark(specs: Sequence[StrategySpec], universe: Universe) -> str:
    """Return why no return can be compared: books without a declared benchmark, or days that they do not share."""
    books = sorted({book for spec in specs for book in spec.books if not universe.comparisons(spec.books[book])})
    return f"no benchmark is declared for {', '.join(books)}" if books else "no two sessions on which every book has a benchmark"


@lru_cache(maxsize=2)  # those with a benchmark, and all
def _draws(n: int, holding: int) -> Draws:
    """Return the draws of a process: the same in every one."""
    return Draws(n, holding, SEED)


def _overfitting(files: Sequence[Path], length: int) -> Overfit | Refused:
    """Return the probability of backtest overfitting from the files of all chunks."""
    return overfitting_of(_Files(files), length)


def _measured(chunk: Chunk, settings: Settings, evaluator: Evaluator, basis: _Basis, folder: Path) -> _Part:
    """Return what a chunk adds; its sums by block are written into a folder."""
    table, n = read(chunk), basis.n
    part = {name: table.column(name).to_numpy() for name in ("number", "book", "periods", ACTS)}
    curves = _on(table, _ordinals(basis.days))
    del table  # as large as the curves that were taken from it
    for window in basis.windows:
        figures = window_figures(curves, basis.days, window, part["periods"])
        part |= {f"{name} {window.name}": figure for name, figure in figures.items()}
    returns, part[CURVE] = curves.returns, _hashes(curves.returns)
    np.save(file := folder / f"{chunk.path.stem}.npy", _block_sums(returns, n, max(basis.blocks, 1)))
    scope, book = settings.scope[part["number"]], pd.Series(part["book"], dtype="str")
    kind, benchmarks = _benchmark_returns(scope, book, settings, evaluator, basis.days)
    excess = returns.T - (benchmarks if len(benchmarks) == 1 else benchmarks[kind])
    excess = excess if basis.compared.all() else excess[:, basis.compared]
    best, against_twins = _best_of(excess, part[CURVE] + kind.astype(np.uint64), basis.holding), None
    if curves.twins is not None:
        over_twin = returns - curves.twin_returns[:, curves.twin]
        part[EXCESS], part[EXCESS_RATIO] = _hashes(over_twin), ratios_of(over_twin, ROUNDING)
        against_twins = _best_of(over_twin.T, part[EXCESS], basis.holding)
    return _Part(part, file, best, against_twins)


def _block_sums(returns: Floats, n: int, blocks: int) -> Floats:
    """Return the sums of n returns (day × row) and of their squares by block (2 × block × row), the oldest few left out."""
    cut = returns[n - n // blocks * blocks :].reshape(blocks, n // blocks, -1)
    return np.stack([cut.sum(axis=1), (cut**2).sum(axis=1)])


def _best_of(excess: Floats, hashes: np.ndarray, holding: int) -> Best:
    """Return the best of some rows' excess (row × session) over the draws; rows with equal hashes are resampled once."""
    sessions = excess.shape[1]
    if sessions < FEWEST_OBSERVATIONS:
        return Best(0, 0.0, np.zeros((3, 1)))
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    distinct = excess if len(first) == len(excess) else excess[first]
    return _draws(sessions, holding).best_of(distinct.T, counts)


def _hashes(columns: Floats) -> np.ndarray:
    """Return a hash of each column, the same for columns that are equal to the last bit."""
    rows = np.ascontiguousarray(columns.T)
    return np.array([int.from_bytes(sha256(row).digest()[:8], "little") for row in rows], dtype=np.uint64)


def _ordinals(days: pd.DatetimeIndex) -> np.ndarray:
    return days.to_numpy().astype("datetime64[D]").astype(np.int32)


def _days(chunk: pyarrow.Table) -> Iterator[np.ndarray]:
    """Yield the days of each row."""
    for part in chunk.column("days").chunks:
        ends, flat = part.offsets.to_numpy(), part.values.to_numpy()
        yield from (flat[first:last] for first, last in pairwise(ends))


def _values(chunk: pyarrow.Table, column: str) -> Iterator[Floats]:
    """Yield the values of each row of a column of binaries."""
    for part in chunk.column(column).chunks:
        _, offsets, content = part.buffers()
        ends = np.frombuffer(offsets, np.int64)[part.offset : part.offset + len(part) + 1]
        yield from (np.frombuffer(content, np.float64, (last - first) // 8, first) for first, last in pairwise(ends.tolist()))


def _on(chunk: pyarrow.Table, shared: np.ndarray) -> Curves:
    """Return the curves of a chunk and of its twins on shared days."""
    rows, twins, index, positions = list[Floats](), list[Floats](), dict[int, int](), np.empty(0, dtype=np.int64)
    columns = _days(chunk), _values(chunk, "equity"), _values(chunk, "twin")
    for row, (days, values, twin) in enumerate(zip(*columns, strict=True)):
        if len(days):
            positions = np.searchsorted(days, shared)
        rows.append(values if len(values) == len(shared) else values[positions])
        if len(twin):
            index[row] = len(twins)
            twins.append(twin if len(twin) == len(shared) else twin[positions])
    of_rows = np.array([index.get(row, -1) for row in chunk.column("twin_row").to_pylist()])
    return Curves(np.stack(rows).T, np.stack(twins).T if twins else None, of_rows)  # a curve lies in one piece


def _benchmark_returns(
    scope: np.ndarray, book: pd.Series, settings: Settings, evaluator: Evaluator, days: pd.DatetimeIndex
) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the benchmark of each row of a chunk, and the returns of each benchmark (benchmarks × sessions)."""
    numbers, names = pd.factorize(book)
    kinds, kind = np.unique(scope * len(names) + numbers, return_inverse=True)
    books = [(settings[settings.scopes[kind // len(names)]][1], names[kind % len(names)]) for kind in kinds.tolist()]
    known = np.stack([evaluator.benchmark(spec, name).reindex(days) for spec, name in books])
    return kind, np.asarray(known[:, 1:] / known[:, :-1] - 1.0)


def _returns(chunks: Sequence[Chunk], number: int, book: str, days: pd.DatetimeIndex) -> tuple[Floats, Floats]:
    """Return the returns of one curve on the shared days, and those of its twin, NaN where it has none."""
    chunk = read(next(chunk for chunk in chunks if number in chunk.numbers))
    names = zip(chunk.column("number").to_pylist(), chunk.column("book").to_pylist(), strict=True)
    row, curves = list(names).index((number, book)), _on(chunk, _ordinals(days))
    values = curves.equity[:, row]
    twin = np.full(len(values), np.nan) if curves.twins is None else curves.twins[:, curves.twin[row]]
    return values[1:] / values[:-1] - 1.0, twin[1:] / twin[:-1] - 1.0
