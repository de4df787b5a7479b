"""Chunks of a sweep: each a Parquet file named by what it came from, written whole or not at all.

A chunk's name is the hash of the settings in it, the data and the code; a change of any leaves the old files unread. Its
file carries the hash of its content, which is checked whenever it is read.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow

from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.hashes import content_id
from backtest.guard import blaming
from backtest.panel import require_content
from backtest.sweeps import seal
from backtest.sweeps.evaluate import Curve, Evaluator
from backtest.sweeps.grid import stated
from backtest.sweeps.options import parse_shard
from backtest.sweeps.settings import Settings

SETTINGS_PER_CHUNK = 256
SCHEMA = pyarrow.schema(
    [
        ("number", pyarrow.int64()),
        ("spec_id", pyarrow.string()),
        ("book", pyarrow.string()),
        ("setting", pyarrow.string()),
        ("periods", pyarrow.int64()),
        ("days", pyarrow.list_(pyarrow.int32())),  # since 1970, of each value; none: those of the row before
        ("equity", pyarrow.list_(pyarrow.float64())),
    ]
)


@dataclass(frozen=True)
class Chunk:
    """The numbers of some settings of the grid, the file that their curves belong in, and the tile they begin in."""

    numbers: tuple[int, ...]
    path: Path
    tile: int


def plan(settings: Settings, identity: Sequence[str], folder: Path) -> list[Chunk]:
    """Return the chunks of a sweep, the same whatever the shard: tiles too large for one are cut, small ones share one."""
    parts: list[tuple[int, ...]] = [()]
    for _, tile in groupby(settings.order.tolist(), key=lambda number: settings.tile[number]):
        members = tuple(tile)
        if len(parts[-1]) + len(members) <= SETTINGS_PER_CHUNK:
            parts[-1] += members
        else:
            parts += [members[first : first + SETTINGS_PER_CHUNK] for first in range(0, len(members), SETTINGS_PER_CHUNK)]
    parts = [part for part in parts if part]
    return [Chunk(part, folder / f"{_name(settings, part, identity)}.parquet", int(settings.tile[part[0]])) for part in parts]


def shard_of(chunks: Sequence[Chunk], shard: str) -> list[Chunk]:
    """Return the chunks of shard "I/N", I from 1 to N; ConfigurationError for anything else."""
    part, count = parse_shard(shard)
    return [chunk for number, chunk in enumerate(chunks) if number % count == part - 1]


def evaluate(
    chunks: Iterable[Chunk],
    resume: bool,
    encode: Callable[[Sequence[Chunk]], Iterator[tuple[Chunk, bytes]]],
    told: Callable[[int], None],
) -> None:
    """Write every chunk as `encode` hands its bytes on, in any order; with `resume` those on disk are left, if they are whole.

    `told` hears of a chunk's settings before its file is there. A damaged chunk is named on standard error and made again.
    """
    wanted = []
    for chunk in chunks:
        if resume and seal.is_whole(chunk.path):
            told(len(chunk.numbers))
            continue
        if resume and chunk.path.exists():
            print(f"{chunk.path}: its content is not what its hash says; made again", file=sys.stderr)
        wanted.append(chunk)
    for chunk, body in encode(wanted):
        told(len(chunk.numbers))
        atomic.write(chunk.path, body)


def require(chunks: Sequence[Chunk]) -> None:
    """Raise DataError with how many chunks are missing."""
    if lost := [chunk for chunk in chunks if not chunk.path.exists()]:
        raise DataError(f"{lost[0].path.parent}: {len(lost)} of {len(chunks)} chunks are missing; want every shard, see --resume")


def read(chunk: Chunk) -> pyarrow.Table:
    """Return a chunk's rows; DataError when its file cannot be read or its content is not what its hash says."""
    return seal.read(chunk.path, "chunk", "delete it and --resume")


def encoded(chunk: Chunk, settings: Settings, evaluator: Evaluator) -> bytes:
    """Return the Parquet file of a chunk; StrategyError for a strategy that fails or changes what it was given."""
    numbers, what = chunk.numbers, f"strategy {settings.spec.name}"
    with blaming(what):
        curves = [*evaluator.curves([settings[number][1] for number in numbers])]
    require_content(evaluator.archive, evaluator.content, what)
    curves.sort(key=lambda one: (numbers[one.number], one.book))
    placed = [numbers[one.number] for one in curves]
    said = [stated(settings.setting(number)) for number in placed]
    columns = {
        "number": placed,
        "spec_id": [settings.spec_id(number) for number in placed],
        "book": [one.book for one in curves],
        "setting": said,
        "periods": [one.periods for one in curves],
        "days": _lists([*_days(curves)]),
        "equity": _lists([one.values for one in curves]),
    }
    named = ["spec_id", "book", "setting"]
    split = {"equity.list.element": "BYTE_STREAM_SPLIT"}  # values alike in their leading bytes: a fifth smaller, and faster
    table = pyarrow.table(columns, schema=SCHEMA)
    return seal.written(table, compression="zstd", use_dictionary=named, column_encoding=split)


def _days(curves: Sequence[Curve]) -> Iterator[np.ndarray]:
    """Yield the days of each curve; none where they are those of the one before, as they are in a sweep of one book."""
    before, nothing = None, np.empty(0, dtype=np.int32)
    for one in curves:
        fresh, before = one.sessions is not before, one.sessions
        yield one.sessions.to_numpy().astype("datetime64[D]").astype(np.int32) if fresh else nothing


def _lists(arrays: Sequence[np.ndarray]) -> pyarrow.ListArray:
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    return pyarrow.ListArray.from_arrays(pyarrow.array(offsets), pyarrow.array(np.concatenate(arrays)))


def _name(settings: Settings, part: Sequence[int], identity: Sequence[str]) -> str:
    held = [f"{number} {settings.spec_id(number)} {stated(settings.setting(number))}" for number in part]
    return content_id(text.encode() for text in (*identity, *held))
