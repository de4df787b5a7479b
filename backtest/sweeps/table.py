"""The table of a sweep on the disk, read a column or a few rows at a time: memory does not grow with all of its columns."""

import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

import numpy as np
import pandas as pd

from backtest.files import atomic
from backtest.sweeps.settings import Settings

NUMBER, BOOK, CHUNK = "number", "book", "chunk"
ALIGNED = 64  # bytes: where a column begins in its file
Rows = slice | np.ndarray  # positions of rows
Read = Callable[[Rows], pd.Series | np.ndarray]


class SettingsTable(Protocol):
    """What is read of a table: a column by its name, and some rows of all columns. A pandas DataFrame is one, too."""

    def __getitem__(self, name: str, /) -> pd.Series: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def take(self, indices: Any, /) -> pd.DataFrame:
        """Return the rows at some positions."""
        ...


class TableOnDisk:
    """A table whose columns are read where they are asked for, and not kept."""

    def __init__(self, columns: Mapping[str, Read], length: int) -> None:
        self._columns, self._length = dict(columns), length

    def __getitem__(self, name: str) -> pd.Series:
        return pd.Series(self._columns[name](slice(None)), copy=False)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return self._length

    def take(self, indices: Any) -> pd.DataFrame:
        """Return the rows at some positions, which are their index."""
        table = pd.DataFrame({name: read(indices) for name, read in self._columns.items()}, copy=False)
        table.index = pd.RangeIndex(self._length)[indices]
        return table


class FileColumns:
    """Columns of numbers in one file without a name, which ends with this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = _temporary(folder)
        self._extents: dict[str, tuple[np.dtype[Any], int, int]] = {}  # type, number of values, first byte
        weakref.finalize(self, self._file.close)

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns, in the order in which they came."""
        return [*self._extents]

    def write(self, name: str, values: np.ndarray) -> None:
        """Write a column."""
        first = -(-self._file.seek(0, os.SEEK_END) // ALIGNED) * ALIGNED
        self._file.seek(first)
        _write(self._file, values, self._folder)
        self._extents[name] = values.dtype, len(values), first

    def read(self, name: str) -> np.ndarray:
        """Return a column, mapped into memory for as long as it is used."""
        kind, length, first = self._extents[name]
        return np.asarray(np.memmap(self._file, kind, "r", first, (length,)))

    def reader(self, name: str) -> Callable[[Rows], np.ndarray]:
        """Return what reads some rows of a column."""
        return lambda rows: self.read(name)[rows]


class TableWriter:
    """The rows of a sweep as its chunks come, in any order; `finish` puts them in that of numbers and books.

    Each part is a column by name: the number and the book of each row, and whatever else. A column is a file until then.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._books = folder, dict[str, int]()
        self._files: dict[str, tuple[IO[bytes], np.dtype[Any]]] = {}
        weakref.finalize(self, _close, self._files)

    def add(self, part: Mapping[str, np.ndarray], chunk: int) -> None:
        """Write the rows of a chunk of some number."""
        books = [self._books.setdefault(book, len(self._books)) for book in part[BOOK].tolist()]
        numbered = {BOOK: np.array(books, dtype=np.int32), CHUNK: np.full(len(books), chunk, dtype=np.int32)}
        for name, values in {**part, **numbered}.items():
            if name not in self._files:
                self._files[name] = _temporary(self._folder), values.dtype
            file, kind = self._files[name]
            _write(file, values.astype(kind, copy=False), self._folder)

    def finish(self) -> tuple[FileColumns, Sequence[str]]:
        """Return the columns in order, and the names of the books that the column of books has the numbers of."""
        names = np.array([*self._books], dtype=object)
        rank = np.argsort(np.argsort(names)).astype(np.int32)
        order = np.lexsort((rank[self._read(BOOK)], self._read(NUMBER)))
        columns = FileColumns(self._folder)
        for name in [*self._files]:
            columns.write(name, self._read(name)[order])
            self._files.pop(name)[0].close()
        return columns, names.tolist()

    def _read(self, name: str) -> np.ndarray:
        return np.asarray(np.memmap(*self._files[name], "r"))


def _temporary(folder: Path) -> IO[bytes]:
    """Return a file without a name in a folder."""
    with atomic.writing(folder):
        return TemporaryFile(dir=folder)


def _write(file: IO[bytes], values: np.ndarray, folder: Path) -> None:
    with atomic.writing(folder):
        file.write(np.ascontiguousarray(values).data)
        file.flush()


def _close(files: Mapping[str, tuple[IO[bytes], np.dtype[Any]]]) -> None:
    for file, _ in files.values():
        file.close()


def table_of(
    columns: FileColumns, books: Sequence[str], settings: Settings, chunks: Sequence[str], names: Sequence[str]
) -> TableOnDisk:
    """Return the table of a sweep: number, identity, book and fields of each row, then columns by name; `chunks` by number."""
    number, length = columns.reader(NUMBER), len(columns.read(NUMBER))

    def named(name: str, values: Sequence[str]) -> Read:
        texts = pd.Series(values, dtype="str")
        return lambda rows: texts.take(columns.read(name)[rows]).reset_index(drop=True)

    def field(name: str) -> Read:
        return lambda rows: settings.column(name, number(rows))

    given: dict[str, Read] = {
        NUMBER: number,
        "spec_id": lambda rows: settings.spec_ids(number(rows)),
        BOOK: named(BOOK, books),
        **{name: field(name) for name in settings.grid.fields},
    }
    return TableOnDisk(given | {name: named(CHUNK, chunks) if name == CHUNK else columns.reader(name) for name in names}, length)
