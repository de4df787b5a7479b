"""Chunks of a sweep: each a Parquet file named by what it was made from, written whole or not at all.

A chunk's name is the hash of its settings, the data and the code; after a change of any of them the old files are not read.
Its file carries the hash of its content, which every reading checks.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow

from backtest.errors import DataError
from backtest.execution.settings import Fill
from backtest.files import atomic
from backtest.files.hashes import content_id
from backtest.guard import blaming
from backtest.sweeps import sealed_parquet
from backtest.sweeps.evaluator import BookDecisions, Curve, Evaluator
from backtest.sweeps.grid import stated
from backtest.sweeps.options import parse_shard
from backtest.sweeps.settings import Settings

SETTINGS_PER_CHUNK = 512
SCHEMA = pyarrow.schema(
    [
        ("number", pyarrow.int64()),
        ("spec_id", pyarrow.string()),
        ("book", pyarrow.string()),
        ("periods", pyarrow.int64()),
        ("days", pyarrow.list_(pyarrow.int32())),  # since 1970, of each value; empty: those of the row before
        ("equity", pyarrow.large_binary()),  # float64, of each session: lists take four times as long to write and to read
        ("acts", pyarrow.bool_()),
        ("twin_row", pyarrow.int32()),  # the row of this chunk that has the values of the twin; -1: no twin
        ("twin", pyarrow.large_binary()),  # the same; empty: those of another row
    ]
)


@dataclass(frozen=True)
class Chunk:
    """The numbers of some settings of the grid, the file of their curves, and the tile that the first of them is in."""

    numbers: np.ndarray = field(compare=False)  # a part of the settings' order, not a copy
    path: Path
    tile: int


Encoded = Iterator[tuple[Chunk, bytes]]
Decisions = Mapping[tuple[int, Fill], Sequence[BookDecisions]]  # by number of `Settings.deciding`, and fill


def plan(settings: Settings, identity: Sequence[str], folder: Path) -> list[Chunk]:
    """Return the chunks of a sweep, the same whatever the shard: a large tile is cut, small tiles share a chunk."""
    ends = [0]  # of the chunks, in the order of the settings
    tiles = np.flatnonzero(np.diff(settings.tile[settings.order], append=-1)) + 1
    for end in tiles.tolist():
        if len(ends) > 1 and end - ends[-2] <= SETTINGS_PER_CHUNK:
            ends[-1] = end
        else:
            ends += [*range(ends[-1] + SETTINGS_PER_CHUNK, end, SETTINGS_PER_CHUNK), end]
    parts = [settings.order[first:end] for first, end in pairwise(ends)]
    return [Chunk(part, folder / f"{_name(settings, part, identity)}.parquet", int(settings.tile[part[0]])) for part in parts]


def shard_of(chunks: Sequence[Chunk], shard: str) -> list[Chunk]:
    """Return the chunks of shard "I/N", I from 1 to N; ConfigurationError for anything else."""
    part, count = parse_shard(shard)
    return [chunk for number, chunk in enumerate(chunks) if number % count == part - 1]


def evaluate(
    chunks: Iterable[Chunk], resume: bool, encode: Callable[[Sequence[Chunk]], Encoded], on_progress: Callable[[int], None]
) -> None:
    """Write every chunk as `encode` yields its bytes, in any order; with `resume` whole files on disk are left.

    `on_progress` is called with the number of a chunk's settings before its file is there. A damaged chunk is named on standard
    error and made again.
    """
    missing = []
    for chunk in chunks:
        if resume and sealed_parquet.is_whole(chunk.path):
            on_progress(len(chunk.numbers))
            continue
        if resume and chunk.path.exists():
            print(f"{chunk.path}: its content is not what its hash says; made again", file=sys.stderr)
        missing.append(chunk)
    for chunk, body in encode(missing):
        on_progress(len(chunk.numbers))
        atomic.write(chunk.path, body)


def require(chunks: Sequence[Chunk]) -> None:
    """Raise DataError with how many chunks are missing."""
    if missing := [chunk for chunk in chunks if not chunk.path.exists()]:
        raise DataError(
            f"{missing[0].path.parent}: {len(missing)} of {len(chunks)} chunks are missing; expected every shard, "
            "of this code and these data: run what is missing with --resume"
        )


def read(chunk: Chunk) -> pyarrow.Table:
    """Return a chunk's rows; DataError when its file cannot be read, is damaged or is of another version."""
    table = sealed_parquet.read(chunk.path, "chunk", "delete it and --resume")
    if not table.schema.equals(SCHEMA):
        raise DataError(f"{chunk.path}: a chunk of another version; delete it and --resume")
    return table


def decided(numbers: Sequence[int], settings: Settings, evaluator: Evaluator) -> Decisions:
    """Return what some settings decide; StrategyError for a strategy that fails or changes what it was given."""
    strategy = f"strategy {settings.spec.name}"
    with blaming(strategy):
        specs, executions = zip(*map(settings.parts, numbers), strict=True)
        decisions = evaluator.decisions(specs, executions)
    evaluator.require_unchanged(strategy)
    return dict(zip(_deciders(numbers, settings), decisions, strict=True))


def _deciders(numbers: Iterable[int], settings: Settings) -> Iterator[tuple[int, Fill]]:
    """Yield what each setting shares with those that decide alike."""
    return ((int(settings.deciding[number]), settings.parts(number)[1].fill) for number in numbers)


def encoded(chunk: Chunk, settings: Settings, evaluator: Evaluator, decisions: Decisions | None = None) -> bytes:
    """Return the Parquet file of a chunk; StrategyError for a strategy that fails or changes what it was given.

    `decisions` are those of `decided`, where they were taken elsewhere.
    """
    numbers, strategy = chunk.numbers, f"strategy {settings.spec.name}"
    with blaming(strategy):
        specs, executions = zip(*map(settings.parts, numbers), strict=True)
        ours = None if decisions is None else [decisions[key] for key in _deciders(numbers, settings)]
        curves = [*evaluator.curves(specs, executions, ours)]
    evaluator.require_unchanged(strategy)
    curves.sort(key=lambda curve: (numbers[curve.number], curve.book))
    rows = [numbers[curve.number] for curve in curves]
    twin_rows, twins = _twins(curves)
    columns = {
        "number": rows,
        "spec_id": [settings.spec_id(number) for number in rows],
        "book": [curve.book for curve in curves],
        "periods": [curve.periods for curve in curves],
        "days": [*_days(curves)],
        "equity": _binary([curve.values for curve in curves]),
        "acts": [curve.acts for curve in curves],
        "twin_row": twin_rows,
        "twin": _binary(twins),
    }
    table = pyarrow.table(columns, schema=SCHEMA)  # not compressed: a quarter smaller, for as long as it takes to measure a chunk
    return sealed_parquet.encoded(table, compression="none", use_dictionary=["book"], write_statistics=False)


def _days(curves: Sequence[Curve]) -> Iterator[np.ndarray]:
    """Yield the days of each curve; none where they are those of the curve before, as they are in a sweep of one book."""
    before, nothing = None, np.empty(0, dtype=np.int32)
    for curve in curves:
        same = curve.sessions is before or curve.sessions.equals(before)  # equal ones may have come from another process
        before = curve.sessions
        yield nothing if same else curve.sessions.to_numpy().astype("datetime64[D]").astype(np.int32)


def _twins(curves: Sequence[Curve]) -> tuple[list[int], list[np.ndarray]]:
    """Return the row that has the values of each curve's twin, -1 without a twin, and these values where they come first."""
    nothing, first, rows, values = np.empty(0), dict[tuple[bytes, bytes], int](), list[int](), list[np.ndarray]()
    for row, curve in enumerate(curves):
        if curve.twin is None:
            rows.append(-1)
            values.append(nothing)
            continue
        rows.append(first.setdefault((curve.sessions.to_numpy().tobytes(), curve.twin.tobytes()), row))
        values.append(curve.twin if rows[-1] == row else nothing)
    return rows, values


def _binary(arrays: Sequence[np.ndarray]) -> pyarrow.LargeBinaryArray:
    offsets, values = np.cumsum([0, *(array.nbytes for array in arrays)], dtype=np.int64), np.concatenate(arrays)
    buffers = [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(values)]
    return pyarrow.Array.from_buffers(pyarrow.large_binary(), len(arrays), buffers)


def _name(settings: Settings, part: Iterable[int], identity: Sequence[str]) -> str:
    members = [f"{number} {settings.spec_id(number)} {stated(settings.setting(number))}" for number in part]
    return content_id(text.encode() for text in (*identity, *members))
