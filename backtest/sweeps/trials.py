"""The ledger of trials: every setting ever evaluated, by strategy and data, on this machine or another.

One SQLite file under BACKTEST_HOME, in WAL mode, so that many sweeps can write at once. Settings are noted before
their figures are read from the chunks, so that no figure is seen of a setting that is not counted. The settings of a
strategy on some data carry a hash, which is checked whenever they are read.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backtest.data.store.append_only import open_store
from backtest.errors import DataError

WAIT_FOR_WRITERS = 60.0  # seconds
TABLE = (
    "CREATE TABLE IF NOT EXISTS trials (strategy TEXT, data TEXT, spec TEXT, PRIMARY KEY (strategy, data, spec)) WITHOUT ROWID"
)
HASHES = "CREATE TABLE IF NOT EXISTS hashes (strategy TEXT, data TEXT, hash TEXT, PRIMARY KEY (strategy, data)) WITHOUT ROWID"
HASHED = 1  # user_version of a ledger with hashes, that of 0.1.0 too; one without gets them when it is opened


@dataclass(frozen=True)
class Trials:
    """A ledger of trials in a file."""

    path: Path

    def note(self, strategy: str, data_id: str, spec_ids: Iterable[str]) -> None:
        """Count some settings, each once however often it is noted."""
        with self._opened() as connection:
            self._add(connection, strategy, data_id, spec_ids)

    def count(self, strategy: str, data_id: str | None = None) -> int:
        """Return how many distinct settings of a strategy were ever evaluated, on some data or on any."""
        with self._opened() as connection:
            self._check(connection, strategy)
            if data_id is None:
                row = connection.execute("SELECT COUNT(DISTINCT spec) FROM trials WHERE strategy = ?", (strategy,))
            else:
                row = connection.execute("SELECT COUNT(*) FROM trials WHERE strategy = ? AND data = ?", (strategy, data_id))
            return int(row.fetchone()[0])

    def merge(self, other: Path) -> None:
        """Take in another ledger's settings; DataError for a file that is no ledger."""
        if not other.is_file():
            raise DataError(f"{other}: no such ledger of trials; expected the trials.sqlite of another BACKTEST_HOME")
        with Trials(other)._opened() as there:
            there.execute("BEGIN")  # what is checked is what is taken in
            groups = there.execute("SELECT DISTINCT strategy, data FROM trials").fetchall()
            for strategy in {strategy for strategy, _ in groups}:
                Trials(other)._check(there, strategy)
            self._take_in(groups, there, other)

    def _take_in(self, groups: Iterable[tuple[str, str]], there: sqlite3.Connection, other: Path) -> None:
        """Put all settings of some strategies on some data into the ledger, as they are read from another."""
        with self._opened() as connection:
            for group in groups:
                self._add(connection, *group, _specs(there, other, *group))

    def _add(self, connection: sqlite3.Connection, strategy: str, data: str, specs: Iterable[str]) -> None:
        """Put settings into the ledger, one after another; their hash is checked before and made anew."""
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        self._check(connection, strategy, data)
        connection.executemany("INSERT OR IGNORE INTO trials VALUES (?, ?, ?)", ((strategy, data, spec) for spec in specs))
        if connection.execute("SELECT 1 FROM trials WHERE strategy = ? AND data = ? LIMIT 1", (strategy, data)).fetchone():
            hashed = _hash(connection, strategy, data)
            connection.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)", (strategy, data, hashed))

    def _check(self, connection: sqlite3.Connection, strategy: str, data: str | None = None) -> None:
        """Raise DataError where the settings of a strategy, on some data or on any, are not those that were noted."""
        chosen = "WHERE strategy = ?" + ("" if data is None else " AND data = ?")
        values = (strategy,) if data is None else (strategy, data)
        hashes = dict(connection.execute(f"SELECT data, hash FROM hashes {chosen}", values).fetchall())
        groups = {data for (data,) in connection.execute(f"SELECT DISTINCT data FROM trials {chosen}", values)}
        if any(hashes.get(data) != _hash(connection, strategy, data) for data in groups | set(hashes)):
            raise DataError(
                f"{self.path}: the settings of {strategy} are not those that were noted; expected the ledger as it was "
                "written: restore it from a copy, or delete it and count anew"
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with _naming(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=WAIT_FOR_WRITERS)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                with connection:
                    if connection.execute("PRAGMA user_version").fetchone()[0] != HASHED:
                        _begin(connection)
                    yield connection
            finally:
                connection.close()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise DataError(f"{path}: not a usable ledger of trials ({error}); set BACKTEST_HOME to a folder of yours") from None


def _specs(connection: sqlite3.Connection, path: Path, strategy: str, data: str) -> Iterator[str]:
    """Yield the settings of a strategy on some data from the ledger at a path."""
    with _naming(path):
        for (spec,) in connection.execute("SELECT spec FROM trials WHERE strategy = ? AND data = ?", (strategy, data)):
            yield spec


def _begin(connection: sqlite3.Connection) -> None:
    """Make the tables of a ledger, and the hashes of one that has none yet."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(TABLE)
    connection.execute(HASHES)
    for strategy, data in connection.execute("SELECT DISTINCT strategy, data FROM trials").fetchall():
        connection.execute("INSERT OR IGNORE INTO hashes VALUES (?, ?, ?)", (strategy, data, _hash(connection, strategy, data)))
    connection.execute(f"PRAGMA user_version = {HASHED}")
    connection.commit()


def _hash(connection: sqlite3.Connection, strategy: str, data: str) -> str:
    """Return the hash of a strategy's settings on some data."""
    rows = connection.execute("SELECT spec FROM trials WHERE strategy = ? AND data = ? ORDER BY spec", (strategy, data))
    digest, between = hashlib.sha256(), b""
    for (spec,) in rows:
        digest.update(between + str(spec).encode())
        between = b"\n"
    return digest.hexdigest()


def open_trials() -> Trials:
    """Return the ledger under BACKTEST_HOME; it need not exist yet."""
    return Trials(open_store().home / "trials.sqlite")
