"""The live store: every answer as it came, and the rows read from it; append-only, safe to kill at any instant.

    answers/ab/<sha256>.gz              one raw answer, named by the hash of its bytes
    tables/<name>/<number>-<hash>.parquet   the rows of one table, named by the hash of the file; the highest number counts
    ledger/<year>-<month>.jsonl         a line per answer (source, address, moment, status, hash) and per table written

An answer is on disk before its line, a table before its own, and the table before it is deleted last: whatever the
instant of a kill, the newest whole table stands and every row in it has its answer. A line cut short by a kill is skipped.
"""

import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
import pyarrow
import pyarrow.parquet as parquet
from filelock import FileLock, Timeout

from backtest.errors import ConfigurationError, DataError

ABOUT = b"about"
HOME_VARIABLE = "BACKTEST_HOME"
WAIT_FOR_WRITER = 5.0  # seconds


@dataclass(frozen=True)
class Answer:
    """One answer of a source: its address without secrets, the UTC moment it came, its status and its bytes."""

    source: str
    key: str
    url: str
    at: pd.Timestamp
    status: int
    body: bytes

    @property
    def sha(self) -> str:
        """The SHA-256 of the bytes."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True)
class Store:
    """A folder of answers and tables."""

    home: Path

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one right to write; raise DataError when another process has it."""
        _folder(self.home)
        lock = FileLock(self.home / "lock", timeout=WAIT_FOR_WRITER)
        try:
            lock.acquire()
        except Timeout:
            raise DataError(f"{self.home}: another pull is writing there; want one at a time, try again when it ends") from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def keep(self, answer: Answer) -> None:
        """Put an answer on disk as it came, then its line in the ledger."""
        path = self.answer_path(answer.sha)
        if not path.exists():
            _replace(path, gzip.compress(answer.body, 6, mtime=0))
        self._log(
            answer.at,
            {"answer": answer.sha, "source": answer.source, "key": answer.key, "url": answer.url, "status": answer.status},
        )

    def write(self, name: str, rows: pd.DataFrame, about: Mapping[str, Any], at: pd.Timestamp) -> None:
        """Let rows take the place of a table; `about` is a small document that `about()` returns without reading the rows."""
        table = pyarrow.Table.from_pandas(rows, preserve_index=False)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), ABOUT: json.dumps(dict(about)).encode()})
        sink = io.BytesIO()
        parquet.write_table(table, sink, compression="lz4", use_dictionary=["answer"])  # read in half the time
        held = self._versions(name)
        number = int(held[-1].name.split("-")[0]) + 1 if held else 1
        body = sink.getvalue()
        path = self.home / "tables" / name / f"{number:06d}-{hashlib.sha256(body).hexdigest()[:16]}.parquet"
        _replace(path, body)
        self._log(at, {"table": name, "file": path.name, "rows": len(rows)})
        for former in held:
            former.unlink()

    def read(self, name: str, columns: list[str] | None = None) -> pd.DataFrame | None:
        """Return the rows of a table, or None when there is none; DataError when its file cannot be read."""
        found = self._opened(name, lambda path: parquet.ParquetFile(path).read(columns, use_threads=False))
        return None if found is None else found.to_pandas()

    def about(self, name: str) -> dict[str, Any] | None:
        """Return the document kept with a table, or None when there is no table."""
        found = self._opened(name, parquet.read_schema)
        return None if found is None else json.loads((found.metadata or {}).get(ABOUT, b"{}"))

    def tables(self, kind: str) -> list[str]:
        """Return the names of the tables of a kind ("prices", "facts"), sorted."""
        folder = self.home / "tables" / kind
        names = sorted(f"{kind}/{path.name}" for path in folder.iterdir()) if folder.is_dir() else []
        return [name for name in names if self._versions(name)]

    def answer(self, sha: str) -> bytes:
        """Return an answer's bytes by its hash."""
        try:
            return gzip.decompress(self.answer_path(sha).read_bytes())
        except FileNotFoundError:
            raise DataError(f"{self.answer_path(sha)}: the answer is not in the store; want a copy that has it") from None
        except (OSError, EOFError) as error:
            raise DataError(f"{self.answer_path(sha)}: not a readable answer ({error})") from None

    def answer_path(self, sha: str) -> Path:
        """Return where an answer is kept."""
        return self.home / "answers" / sha[:2] / f"{sha}.gz"

    def ledger(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """Yield where a line stands and the line, oldest first; None for one that a kill cut short."""
        for path in sorted((self.home / "ledger").glob("*.jsonl")):
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
                yield f"ledger/{path.name} line {number}", _parsed(line)

    def _opened(self, name: str, read: Any) -> Any:
        for _ in range(3):  # a writer may replace the file between the listing and the reading
            versions = self._versions(name)
            if not versions:
                return None
            try:
                return read(versions[-1])
            except FileNotFoundError:
                continue
            except (pyarrow.ArrowException, OSError) as error:
                raise DataError(f"{versions[-1]}: not a readable table ({str(error).splitlines()[0]}); see data verify") from None
        raise DataError(f"{self.home}: table {name} changes faster than it can be read; try again when the pull has ended")

    def _versions(self, name: str) -> list[Path]:
        folder = self.home / "tables" / name
        held = os.listdir(folder) if folder.is_dir() else []
        return [folder / file for file in sorted(held) if file.endswith(".parquet") and file[0].isdigit()]

    def _log(self, at: pd.Timestamp, line: Mapping[str, Any]) -> None:
        path = self.home / "ledger" / f"{at:%Y-%m}.jsonl"
        fresh = not path.exists()
        _folder(path.parent)
        with path.open("ab+") as file:
            whole = file.tell() == 0 or (file.seek(-1, os.SEEK_END), file.read(1))[1] == b"\n"
            text = json.dumps({"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **line}, ensure_ascii=False)
            file.write((b"" if whole else b"\n") + text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            _sync(path.parent)

    def _sweep(self) -> None:
        """Delete what a killed writer left half-written: only files of this store's own temporary name."""
        for leftover in [*self.home.glob("answers/*/.new-*"), *self.home.glob("tables/**/.new-*")]:
            leftover.unlink(missing_ok=True)


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


def _replace(path: Path, body: bytes) -> None:
    _folder(path.parent)
    fresh = path.with_name(f".new-{os.getpid()}-{path.name}")
    try:
        with fresh.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise DataError(f"{path}: cannot write there ({error.strerror}); want a folder with room for the store") from None
    _sync(path.parent)


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot write there ({error.strerror}); set {HOME_VARIABLE} to a folder of yours") from None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
