"""The trial ledger: every setting ever evaluated, by strategy and data, whoever evaluated it.

One SQLite file under BACKTEST_HOME, in WAL mode, so that many sweeps can write at once. Settings are noted before
their figures are read from the chunks, those of other machines too: none is seen that is not counted. The settings of a
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
HASHED = 1  # user_version of a ledger whose settings carry hashes


@dataclass(frozen=True)
class Trials:
    """A ledger of trials in a file."""

    path: Path

    def note(self, strategy: str, data_id: str, spec_ids: Iterable[str]) -> None:
        """Count some settings, each once however often it is noted."""
        with self._opened() as held:
            self._add(held, ((strategy, data_id, spec_id) for spec_id in spec_ids))

    def count(self, strategy: str, data_id: str | None = None) -> int:
        """Return how many distinct settings of a strategy were ever evaluated, on some data or on any."""
        with self._opened() as held:
            self._check(held, strategy)
            if data_id is None:
                asked = held.execute("SELECT COUNT(DISTINCT spec) FROM trials WHERE strategy = ?", (strategy,))
            else:
                asked = held.execute("SELECT COUNT(*) FROM trials WHERE strategy = ? AND data = ?", (strategy, data_id))
            return int(asked.fetchone()[0])

    def merge(self, other: Path) -> None:
        """Take in another ledger's settings; DataError when it is none."""
        if not other.is_file():
            raise DataError(f"{other}: no such ledger of trials")
        with Trials(other)._opened() as there:
            rows = there.execute("SELECT strategy, data, spec FROM trials").fetchall()
            for strategy in {strategy for strategy, _, _ in rows}:
                Trials(other)._check(there, strategy)
        with self._opened() as held:
            self._add(held, rows)

    def _add(self, held: sqlite3.Connection, rows: Iterable[tuple[str, str, str]]) -> None:
        """Put settings into the ledger; the hashes of what they belong to are checked before and made anew."""
        held.execute("BEGIN IMMEDIATE")
        rows = list(rows)
        for group in {(strategy, data) for strategy, data, _ in rows}:
            self._check(held, *group)
        held.executemany("INSERT OR IGNORE INTO trials VALUES (?, ?, ?)", rows)
        for strategy, data in {(strategy, data) for strategy, data, _ in rows}:
            held.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)", (strategy, data, _hash(held, strategy, data)))

    def _check(self, held: sqlite3.Connection, strategy: str, data: str | None = None) -> None:
        """Raise DataError where the settings of a strategy, on some data or on any, are not those that were noted."""
        chosen = "WHERE strategy = ?" + ("" if data is None else " AND data = ?")
        values = (strategy,) if data is None else (strategy, data)
        hashes = dict(held.execute(f"SELECT data, hash FROM hashes {chosen}", values).fetchall())
        groups = {data for (data,) in held.execute(f"SELECT DISTINCT data FROM trials {chosen}", values)}
        if any(hashes.get(data) != _hash(held, strategy, data) for data in groups | set(hashes)):
            raise DataError(
                f"{self.path}: the settings of {strategy} are not those that were noted; expected the ledger as it was "
                "written: restore it from a copy, or delete it and count anew"
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held = sqlite3.connect(self.path, timeout=WAIT_FOR_WRITERS)
            try:
                held.execute("PRAGMA journal_mode = WAL")
                with held:
                    if held.execute("PRAGMA user_version").fetchone()[0] != HASHED:
                        _begin(held)
                    yield held
            finally:
                held.close()
        except (sqlite3.Error, OSError) as error:
            raise DataError(
                f"{self.path}: not a usable ledger of trials ({error}); set BACKTEST_HOME to a folder of yours"
            ) from None


def _begin(held: sqlite3.Connection) -> None:
    """Make the tables of a ledger, and the hashes of one that has none yet."""
    held.execute("BEGIN IMMEDIATE")
    held.execute(TABLE)
    held.execute(HASHES)
    for strategy, data in held.execute("SELECT DISTINCT strategy, data FROM trials").fetchall():
        held.execute("INSERT OR IGNORE INTO hashes VALUES (?, ?, ?)", (strategy, data, _hash(held, strategy, data)))
    held.execute(f"PRAGMA user_version = {HASHED}")
    held.commit()


def _hash(held: sqlite3.Connection, strategy: str, data: str) -> str:
    """Return the hash of a strategy's settings on some data."""
    rows = held.execute("SELECT spec FROM trials WHERE strategy = ? AND data = ? ORDER BY spec", (strategy, data))
    return hashlib.sha256("\n".join(str(spec) for (spec,) in rows).encode()).hexdigest()


def open_trials() -> Trials:
    """Return the ledger under BACKTEST_HOME; it need not exist yet."""
    return Trials(open_store().home / "trials.sqlite")
