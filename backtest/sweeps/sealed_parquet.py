"""Parquet files that carry the hash of their own content, which every reading checks."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet

from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.hashes import UNSEALED, is_sealed, seal, sealed


def encoded(table: pyarrow.Table, **options: Any) -> bytes:
    """Return the Parquet file of a table, with the hash of its content in the metadata."""
    metadata = {**(table.schema.metadata or {}), b"content": UNSEALED.encode()}
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table.replace_schema_metadata(metadata), sink, **options)
    return sealed(sink.getvalue().to_pybytes())


def write(parts: Iterable[pyarrow.Table], path: Path, **options: Any) -> None:
    """Write the Parquet file of a table that comes in parts, each a group of rows, with the hash of its content in the metadata.

    At least one part. No more than one of them is held, and a file of one part is that of `encoded`.
    """
    rows = iter(parts)
    first = next(rows)
    schema = first.schema.with_metadata({**(first.schema.metadata or {}), b"content": UNSEALED.encode()})
    with atomic.unfinished(path) as file:
        with parquet.ParquetWriter(file, schema, **options) as writer:
            for part in chain([first], rows):
                writer.write_table(part.replace_schema_metadata(schema.metadata))
        seal(file)


def read(path: Path, kind: str, remedy: str) -> pyarrow.Table:
    """Return the table of a file; DataError where it cannot be read or is not what was written."""
    try:
        body = path.read_bytes()
        if not is_sealed(body):
            raise ValueError("its content is not what its hash says")
        return parquet.ParquetFile(pyarrow.BufferReader(body)).read(use_threads=False)  # the cores are taken
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable {kind} ({str(error).splitlines()[0]}); {remedy}") from None


def is_whole(path: Path) -> bool:
    """Return whether a file is there and has the content that its hash says."""
    try:
        return bool(is_sealed(path.read_bytes()))
    except OSError:
        return False
