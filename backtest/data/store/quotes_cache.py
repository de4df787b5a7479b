"""Prices of the store that passed every check, cached under its home by what they were made from.

    cache/prices/<key>      the SHA-256 of what follows, a page of JSON, then each table as it lies in memory

The key is a hash of the tickers in their order, the file of every table of prices (its name has the hash of its rows; its size
and time show that it was touched since), decisions, universe, this package's code and the versions of the libraries that take
part. An entry whose hash is not that of its content counts as none. It is read where it lies (memory-mapped), so that a panel
brings into memory what it shows, and no more.
"""

import hashlib
import json
import mmap
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from backtest.data.overrides import Decisions
from backtest.data.price_checks import VALUES
from backtest.data.sources.folder import Quotes
from backtest.data.sources.protocol import PriceSource
from backtest.data.store.append_only import Store
from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.hashes import content_id
from backtest.provenance import code_id
from backtest.universe import Universe

LIBRARIES = ("numpy", "pandas", "pyarrow", "exchange_calendars")
COLUMNS = (*VALUES, "volume")
ROOM = 1 << 30  # bytes of all entries; the one that was just written stays whatever its size
DIGEST = 32  # bytes
ALIGNED = 64  # bytes: where a table begins
CHUNK = 1 << 20  # bytes that are hashed at once, so that a check takes no memory


@dataclass(frozen=True)
class Request:
    """All that the prices of some tickers depend on: `stored` has the source of each ticker and rate that the store has."""

    store: Store
    tickers: tuple[str, ...]
    stored: Mapping[str, PriceSource]
    decisions: Decisions
    universe: Universe

    def key(self) -> str:
        """Return a hash of everything, the files as they are now."""
        tables = [(key, source.name, *self.store.state(source.table(key))) for key, source in self.stored.items()]
        known = (self.tickers, tables, self.decisions, self.universe.model_dump(), sys.byteorder, *map(version, LIBRARIES))
        return content_id([code_id([]).encode(), *(repr(part).encode() for part in known)])


def cached(request: Request, make: Callable[[], Quotes]) -> Quotes:
    """Return what was cached for a request, else make it and leave it in the cache; a failed write is ignored."""
    key = request.key()
    path = request.store.home / "cache" / "prices" / key
    quotes = load(path)
    if quotes is not None:
        return quotes
    quotes = make()
    if request.key() == key and quotes.columns["close"].size:  # no pull has written meanwhile
        with suppress(DataError):
            save(path, quotes)
            _prune(path)
            return load(path) or quotes
    return quotes


def save(path: Path, quotes: Quotes) -> None:
    """Write an entry whole or not at all; DataError where it cannot be written."""
    first = quotes.columns["close"]
    arrays = [_days(first.index), *(_matrix(quotes.columns[name]) for name in COLUMNS)]
    arrays += [_days(quotes.rates.index), _matrix(quotes.rates)]
    page = {
        "data_id": quotes.data_id,
        "tickers": list(first.columns),
        "currencies": list(quotes.rates.columns),
        "index": [first.index.name, quotes.rates.index.name],
        "rate_unit": pd.DatetimeIndex(quotes.rates.index).unit,
        "shapes": [array.shape for array in arrays],
    }
    text = json.dumps(page).encode()
    head = len(text).to_bytes(8, "little") + text
    bodies = [_padded(memoryview(head), DIGEST), *(_padded(array.reshape(-1).view(np.uint8).data, 0) for array in arrays)]
    pieces = [piece for body in bodies for piece in body]
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    atomic.write(path, digest.digest(), *pieces)


def load(path: Path) -> Quotes | None:
    """Return the entry of a file, over memory that cannot be written, or None where there is none or it is damaged."""
    try:
        with path.open("rb") as file:
            whole = _is_whole(file.fileno())
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if whole else None
    except (OSError, ValueError):
        return None
    if mapped is None:
        return None
    with suppress(OSError):
        os.utime(path)  # the entry that was read last is the last to go
    size = int.from_bytes(mapped[DIGEST : DIGEST + 8], "little")
    page = json.loads(bytes(mapped[DIGEST + 8 : DIGEST + 8 + size]))
    days, *matrices, rate_days, rates = _arrays(mapped, _next(DIGEST + 8 + size), page["shapes"])
    name, rate_name = page["index"]
    sessions = pd.DatetimeIndex(days.view("datetime64[ns]"), name=name)
    tables = (pd.DataFrame(matrix.T, sessions, page["tickers"], copy=False) for matrix in matrices)
    quoted = pd.DatetimeIndex(rate_days.view("datetime64[ns]"), name=rate_name).as_unit(page["rate_unit"])
    rate_table = pd.DataFrame(rates.T, quoted, page["currencies"], copy=False)
    return Quotes(dict(zip(COLUMNS, tables, strict=True)), rate_table, page["data_id"])


def _is_whole(handle: int) -> bool:
    """Return whether a file has the content that its first bytes say."""
    with open(handle, "rb", buffering=0, closefd=False) as file:
        stated, digest, chunk = file.read(DIGEST), hashlib.sha256(), memoryview(bytearray(CHUNK))
        while count := file.readinto(chunk):
            digest.update(chunk[:count])
    return stated == digest.digest()


def _arrays(mapped: memoryview, start: int, shapes: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
    for shape in shapes:
        dtype = "<f8" if len(shape) > 1 else "<i8"
        count = int(np.prod(shape))
        yield (np.frombuffer(mapped, dtype, count, start) if count else np.empty(0, dtype)).reshape(shape)
        start = _next(start + count * 8)


def _matrix(table: pd.DataFrame) -> np.ndarray:
    """Return a table as ticker × session, which is how it lies in memory."""
    return np.ascontiguousarray(table.to_numpy(dtype=float).T, dtype="<f8")


def _days(index: pd.Index) -> np.ndarray:
    return np.ascontiguousarray(pd.DatetimeIndex(index).as_unit("ns").asi8, dtype="<i8")


def _padded(body: memoryview, before: int) -> list[bytes | memoryview]:
    """Return a body and the bytes up to where the next begins; `before` is how many stand before it in the file."""
    end = before + body.nbytes
    return [body, bytes(_next(end) - end)]


def _next(end: int) -> int:
    return -(-end // ALIGNED) * ALIGNED


def _prune(latest: Path) -> None:
    """Remove the entries that were read longest ago until the rest have room; what killed writers left are such too."""
    with suppress(OSError, KeyError):  # of an entry that another process removes
        states = {path: path.stat() for path in latest.parent.iterdir()}
        room = ROOM - states.pop(latest).st_size
        for path, state in sorted(states.items(), key=lambda each: each[1].st_mtime, reverse=True):
            room -= state.st_size
            if room < 0:
                path.unlink(missing_ok=True)
