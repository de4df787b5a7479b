"""The live store: every answer as it came, and the rows read from it; append-only, safe to kill at any instant.

    answers/ab/<sha256>.gz              one raw answer, named by the hash of its bytes
    tables/<name>/<number>-<hash>.parquet   the rows of one table, named by the hash of the file; the highest number counts
    ledger/<year>-<month>.jsonl         a line per answer (source, address, moment, status, hash) and per table written
    cache/                              what can be made again from the rest (`quotes_cache`)

An answer is on disk before its line, a table before its own, and the table before it is deleted last: whatever the
instant of a kill, the newest whole table stands and every row in it has its answer.
"""

import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, TypeVar, cast

import pandas as pd
import platformdirs
import pyarrow
import pyarrow.parquet as parquet
from filelock import FileLock, Timeout

from backtest.data.answer import Answer
from backtest.data.store.ledger import Ledger
from backtest.errors import ConfigurationError, DataError
from backtest.files import atomic

ABOUT = b"about"
FIGURES = "facts"  # the folder of the tables of figures; every other folder is one of prices
HOME_VARIABLE = "BACKTEST_HOME"
WAIT_FOR_WRITER = 5.0  # seconds
Read = TypeVar("Read")


class PriceCoverage(TypedDict):
    """What is kept with a table of prices: first and last session, their number, gaps, and when it was last asked for."""

    first: str
    last: str
    sessions: int
    gaps: list[str]
    seen: str


class FigureCoverage(TypedDict):
    """What is kept with a table of figures: when each entity was last asked for."""

    seen: dict[str, str]


@dataclass(frozen=True)
class Store:
    """A folder of answers and tables."""

    home: Path

    @property
    def ledger(self) -> Ledger:
        """The lines of all answers and tables."""
        return Ledger(self.home / "ledger")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one right to write; raise DataError when another process has it."""
        _make_folder(self.home)
        lock = FileLock(self.home / "lock", timeout=WAIT_FOR_WRITER)
        try:
            lock.acquire()
        except Timeout:
            raise DataError(f"{self.home}: another pull is writing there; expected one at a time, try again later") from None
        try:
            self._sweep()
            self._complete()
            yield
        finally:
            lock.release()

    def keep(self, answer: Answer) -> None:
        """Put an answer on disk as it came, then its line in the ledger."""
        path = self.answer_path(answer.sha)
        if not path.exists() or self._broken(answer.sha):
            atomic.write(path, gzip.compress(answer.body, 6, mtime=0))
        line = {"answer": answer.sha, "source": answer.source, "key": answer.key, "url": answer.url, "status": answer.status}
        self._log(answer.at, line | {"file": hashlib.sha256(path.read_bytes()).hexdigest()})

    def write(self, name: str, rows: pd.DataFrame, about: Mapping[str, object], at: pd.Timestamp) -> None:
        """Let rows take the place of a table; `about` is a small document that can be read without the rows."""
        table = pyarrow.Table.from_pandas(rows, preserve_index=False)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), ABOUT: json.dumps(dict(about)).encode()})
        sink = io.BytesIO()
        parquet.write_table(table, sink, compression="lz4", use_dictionary=["answer"])  # read in half the time
        former = self._versions(name)
        number = int(former[-1].name.split("-")[0]) + 1 if former else 1
        body = sink.getvalue()
        path = self.home / "tables" / name / f"{number:06d}-{hashlib.sha256(body).hexdigest()[:16]}.parquet"
        atomic.write(path, body)
        self._log(at, {"table": name, "file": path.name, "rows": len(rows)})
        for version in former:
            version.unlink()

    def read(self, name: str, columns: list[str] | None = None) -> pd.DataFrame | None:
        """Return the rows of a table, or None when there is none; DataError when its file cannot be read."""

        def rows(body: io.BytesIO) -> pd.DataFrame:
            table: pd.DataFrame = parquet.ParquetFile(body).read(columns, use_threads=False).to_pandas()
            return table

        return self._opened(name, rows)

    def read_numbers(self, name: str, columns: list[str]) -> pd.DataFrame | None:
        """Return some columns of numbers and days as `read` does, in a third of its time: nothing is copied into one block."""

        def rows(body: io.BytesIO) -> pd.DataFrame:
            table = parquet.ParquetFile(body, pre_buffer=False).read(columns, use_threads=False)
            return pd.DataFrame({column: table[column].to_numpy() for column in columns}, copy=False)

        return self._opened(name, rows)

    def price_coverage(self, table: str) -> PriceCoverage | None:
        """Return what is kept with a table of prices, or None where there is none."""
        return cast(PriceCoverage | None, self._about(table))

    def figure_coverage(self, table: str) -> FigureCoverage | None:
        """Return what is kept with a table of figures, or None where there is none."""
        return cast(FigureCoverage | None, self._about(table))

    def tables(self, folder: str = "") -> list[str]:
        """Return the names of the tables of a folder ("facts", or one of prices), sorted, or of all, those of figures last."""
        if not folder:
            every = [path.name for path in sorted((self.home / "tables").glob("*")) if path.is_dir()]
            return [table for name in sorted(every, key=lambda name: name == FIGURES) for table in self.tables(name)]
        path = self.home / "tables" / folder
        names = sorted(f"{folder}/{table.name}" for table in path.iterdir()) if path.is_dir() else []
        return [name for name in names if self._versions(name)]

    def keys(self) -> list[str]:
        """Return what the tables are of: tickers, and names of sources for figures."""
        return [table.partition("/")[2] for table in self.tables()]

    def answer(self, sha: str) -> bytes:
        """Return an answer's bytes by its hash."""
        path = self.answer_path(sha)
        try:
            body = gzip.decompress(path.read_bytes())
        except FileNotFoundError:
            raise DataError(f"{path}: the answer is not in the store; expected a copy that has it") from None
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: not readable ({error}); expected the answer as it was written") from None
        if hashlib.sha256(body).hexdigest() != sha:
            raise DataError(f"{path}: holds other bytes than its name says; expected the answer as it was written")
        return body

    def answer_path(self, sha: str) -> Path:
        """Return where an answer is kept."""
        return self.home / "answers" / sha[:2] / f"{sha}.gz"

    def unlogged(self) -> list[Path]:
        """Return the newest file of each table that stands in no line of the ledger: a kill leaves one at most."""
        newest = [self._versions(name)[-1] for name in sorted(self.tables())]
        logged = self.ledger.table_files()
        return [path for path in newest if path.name not in logged]

    def _about(self, name: str) -> object:
        def document(body: io.BytesIO) -> object:
            return json.loads((parquet.read_schema(body).metadata or {}).get(ABOUT, b"{}"))

        return self._opened(name, document)

    def _broken(self, sha: str) -> bool:
        try:
            self.answer(sha)
        except DataError:
            return True
        return False

    def _opened(self, name: str, read: Callable[[io.BytesIO], Read]) -> Read | None:
        for _ in range(3):  # a writer may replace the file between the listing and the reading
            versions = self._versions(name)
            if not versions:
                return None
            try:
                return read(io.BytesIO(table_body(versions[-1])))
            except FileNotFoundError:
                continue
            except (pyarrow.ArrowException, OSError) as error:
                raise DataError(f"{versions[-1]}: not a readable table ({str(error).splitlines()[0]}); see data verify") from None
        raise DataError(f"{self.home}: table {name} changes faster than it can be read; try again when the pull has ended")

    def newest(self, name: str) -> Path | None:
        """Return the file of a table that counts, or None where there is none."""
        versions = self._versions(name)
        return versions[-1] if versions else None

    def state(self, name: str) -> tuple[str, int, int]:
        """Return name, size and time (ns) of the file of a table that counts: others show that it was touched."""
        path = self.newest(name)
        with suppress(OSError):
            if path is not None:
                state = path.stat()
                return path.name, state.st_size, state.st_mtime_ns
        return "", 0, 0

    def _versions(self, name: str) -> list[Path]:
        folder = self.home / "tables" / name
        files = os.listdir(folder) if folder.is_dir() else []
        return [folder / file for file in sorted(files) if file.endswith(".parquet") and file[0].isdigit()]

    def _log(self, at: pd.Timestamp, line: Mapping[str, object]) -> None:
        _make_folder(self.ledger.folder)
        self.ledger.append(at, line)

    def _complete(self) -> None:
        """Write the line that a killed writer could not, of a table that was in place."""
        unlogged = self.unlogged()
        if len(unlogged) != 1 or not self.ledger.folder.is_dir():
            return
        name = f"{unlogged[0].parent.parent.name}/{unlogged[0].parent.name}"
        rows = self.read(name, ["answer"])
        if rows is not None and set(rows["answer"]) <= self.ledger.answers():
            self._log(pd.Timestamp.now(tz="UTC"), {"table": name, "file": unlogged[0].name, "rows": len(rows)})

    def _sweep(self) -> None:
        """Delete what a killed writer left half-written: only files of this store's own temporary name."""
        for kind in ("answers/*", "tables/**"):
            for leftover in [*self.home.glob(f"{kind}/{atomic.UNFINISHED}*")]:
                leftover.unlink(missing_ok=True)


def table_body(path: Path) -> bytes:
    """Return the bytes of a table; DataError where they are not those that its name says."""
    body = path.read_bytes()
    if hashlib.sha256(body).hexdigest()[:16] != path.stem.split("-")[-1]:
        raise DataError(f"{path}: holds other bytes than its name says; see data verify")
    return body


def open_store() -> Store:
    """Return the store under BACKTEST_HOME, or under the platform's folder for user data; it need not exist yet."""
    stated = os.environ.get(HOME_VARIABLE)
    try:
        home = Path(stated).expanduser() if stated else platformdirs.user_data_path("capex-backtest")
    except RuntimeError:
        home = Path("~")
    if str(home).startswith("~"):  # what a system gives that knows no home
        raise ConfigurationError(f"no folder for the store: there is no home; expected {HOME_VARIABLE} to name a folder")
    return Store(home)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot write there ({error.strerror}); set {HOME_VARIABLE} to a folder of yours") from None
