"""Chunks of a sweep: each a Parquet file named by what it came from, written whole or not at all.

A chunk's name is the hash of the settings in it, the data and the code; a change of any leaves the old files unread.
"""

import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as parquet

from backtest.errors import ConfigurationError, DataError
from backtest.facts import content_id
from backtest.spec import StrategySpec
from backtest.sweep.evaluate import Evaluator
from backtest.sweep.grid import Setting

SETTINGS_PER_CHUNK = 256
SCHEMA = pyarrow.schema(
    [
        ("number", pyarrow.int64()),
        ("spec_id", pyarrow.string()),
        ("book", pyarrow.string()),
        ("setting", pyarrow.string()),
        ("periods", pyarrow.int64()),
        ("days", pyarrow.list_(pyarrow.int32())),  # since 1970, of each value
        ("equity", pyarrow.list_(pyarrow.float64())),
    ]
)


@dataclass(frozen=True)
class Chunk:
    """The numbers of some settings of the grid, and the file that their curves belong in."""

    numbers: tuple[int, ...]
    path: Path


def plan(
    settings: Sequence[tuple[Setting, StrategySpec]], evaluator: Evaluator, identity: Sequence[str], folder: Path
) -> list[Chunk]:
    """Return the chunks of a sweep, the same whatever the shard: settings that are walked together stay together."""
    groups: dict[Any, list[int]] = {}
    for number, (_, spec) in enumerate(settings):
        groups.setdefault(evaluator.group(spec, next(iter(spec.books))), []).append(number)
    packed: list[list[int]] = [[]]
    for members in _by_terms(groups):
        if packed[-1] and len(packed[-1]) + len(members) > SETTINGS_PER_CHUNK:
            packed.append([])
        packed[-1] += members
    return [Chunk(tuple(part), folder / f"{_name(settings, part, identity)}.parquet") for part in packed]


def shard_of(chunks: Sequence[Chunk], stated: str) -> list[Chunk]:
    """Return the chunks of shard "I/N", I from 1 to N; ConfigurationError for anything else."""
    one, _, of = stated.partition("/")
    if not (one.isdigit() and of.isdigit() and 1 <= int(one) <= int(of)):
        raise ConfigurationError(f"--shard is '{stated}'; want I/N with I from 1 to N, like 1/3")
    return [chunk for number, chunk in enumerate(chunks) if number % int(of) == int(one) - 1]


def evaluate(
    chunks: Iterable[Chunk],
    settings: Sequence[tuple[Setting, StrategySpec]],
    evaluator: Evaluator,
    resume: bool,
    told: Callable[[int], None],
) -> int:
    """Write every chunk, one in memory at a time, and return the settings evaluated; with `resume` those on disk are left.

    `told` hears of a chunk's settings before its file is there.
    """
    done = 0
    for chunk in chunks:
        there = resume and chunk.path.exists()
        body = b"" if there else encoded(chunk.numbers, [settings[number] for number in chunk.numbers], evaluator)
        told(len(chunk.numbers))
        if not there:
            put(chunk.path, body)
            done += len(chunk.numbers)
    return done


def merged(chunks: Sequence[Chunk], path: Path) -> None:
    """Write the rows of every chunk into one file, in the plan's order; DataError names how many chunks are missing."""
    if lost := [chunk for chunk in chunks if not chunk.path.exists()]:
        raise DataError(f"{lost[0].path.parent}: {len(lost)} of {len(chunks)} chunks are missing; want every shard, see --resume")
    fresh = path.with_name(f".new-{os.getpid()}-{path.name}")
    with parquet.ParquetWriter(fresh, SCHEMA, compression="zstd") as writer:
        for chunk in chunks:
            writer.write_table(read(chunk))
    os.replace(fresh, path)


def read(chunk: Chunk) -> pyarrow.Table:
    """Return a chunk's rows; DataError when its file cannot be read."""
    try:
        return parquet.read_table(chunk.path, schema=SCHEMA)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{chunk.path}: not a readable chunk ({str(error).splitlines()[0]}); delete it and --resume") from None


def encoded(numbers: Sequence[int], settings: Sequence[tuple[Setting, StrategySpec]], evaluator: Evaluator) -> bytes:
    """Return the Parquet file of a chunk: its settings, and their numbers in the grid."""
    rows = []
    for curve in evaluator.curves([spec for _, spec in settings]):
        setting, spec = settings[curve.number]
        days = pd.DatetimeIndex(curve.equity.index).to_numpy().astype("datetime64[D]").astype(np.int32)
        said = json.dumps(setting, sort_keys=True, ensure_ascii=False)
        rows.append((numbers[curve.number], spec.spec_id, curve.book, said, curve.periods, days, curve.equity.to_numpy()))
    rows.sort(key=lambda row: (row[0], row[2]))
    columns = dict(zip(SCHEMA.names, map(list, zip(*rows, strict=True)), strict=True))
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, schema=SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def put(path: Path, body: bytes) -> None:
    """Write a file whole or not at all; DataError where it cannot be written."""
    fresh = path.with_name(f".new-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise DataError(f"{path}: cannot write there ({error.strerror}); want a folder with room") from None


def _by_terms(groups: dict[Any, list[int]]) -> list[list[int]]:
    """Return the groups with those of the same terms side by side, which are then computed once."""
    order: dict[Any, int] = {}
    placed = {group: order.setdefault(group[0], len(order)) for group in groups}
    return [groups[group] for group in sorted(groups, key=lambda group: placed[group])]


def _name(settings: Sequence[tuple[Setting, StrategySpec]], part: Sequence[int], identity: Sequence[str]) -> str:
    held = [f"{number} {settings[number][1].spec_id} {json.dumps(settings[number][0], sort_keys=True)}" for number in part]
    return content_id(text.encode() for text in (*identity, *held))
