"""The trial ledger: every setting ever evaluated, by strategy and data, whoever evaluated it.

One SQLite file under BACKTEST_HOME, in WAL mode, so that many sweeps can write at once. Settings are noted before
their figures are read from the chunks, those of other machines too: none is seen that is not counted.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backtest.data.store import open_store
from backtest.errors import DataError

WAIT_FOR_WRITERS = 60.0  # seconds
TABLE = (
    "CREATE TABLE IF NOT EXISTS trials (strategy TEXT, data TEXT, spec TEXT, PRIMARY KEY (strategy, data, spec)) WITHOUT ROWID"
)


@dataclass(frozen=True)
class Trials:
    """A ledger of trials in a file."""

    path: Path

    def note(self, strategy: str, data_id: str, spec_ids: Iterable[str]) -> None:
        """Count some settings, each once however often it is noted."""
        with self._opened() as held:
            rows = ((strategy, data_id, spec_id) for spec_id in spec_ids)
            held.executemany("INSERT OR IGNORE INTO trials VALUES (?, ?, ?)", rows)

    def count(self, strategy: str, data_id: str | None = None) -> int:
        """Return how many distinct settings of a strategy were ever evaluated, on some data or on any."""
        with self._opened() as held:
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
        with self._opened() as held:
            held.executemany("INSERT OR IGNORE INTO trials VALUES (?, ?, ?)", rows)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held = sqlite3.connect(self.path, timeout=WAIT_FOR_WRITERS)
            try:
                held.execute("PRAGMA journal_mode = WAL")
                with held:
                    held.execute(TABLE)
                    yield held
            finally:
                held.close()
        except (sqlite3.Error, OSError) as error:
            raise DataError(
                f"{self.path}: not a usable ledger of trials ({error}); set BACKTEST_HOME to a folder of yours"
            ) from None


def open_trials() -> Trials:
    """Return the ledger under BACKTEST_HOME; it need not exist yet."""
    return Trials(open_store().home / "trials.sqlite")
