"""Parquet files that carry the hash of their own content, which every reading checks."""

import io
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet

from backtest.errors import DataError
from backtest.files.hashes import UNSEALED, is_sealed, sealed


def encoded(table: pyarrow.Table, **options: Any) -> bytes:
    """Return the Parquet file of a table, with the hash of its content in the metadata."""
    metadata = {**(table.schema.metadata or {}), b"content": UNSEALED.encode()}
    sink = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata(metadata), sink, **options)
    return sealed(sink.getvalue())


def read(path: Path, kind: str, remedy: str) -> pyarrow.Table:
    """Return the table of a file; DataError where it cannot be read or is not what was written."""
    try:
        body = path.read_bytes()
        if not is_sealed(body):
            raise ValueError("its content is not what its hash says")
        return parquet.ParquetFile(io.BytesIO(body)).read(use_threads=False)  # what is read is small, and the cores are taken
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable {kind} ({str(error).splitlines()[0]}); {remedy}") from None


def is_whole(path: Path) -> bool:
    """Return whether a file is there and has the content that its hash says."""
    try:
        return bool(is_sealed(path.read_bytes()))
    except OSError:
        return False
