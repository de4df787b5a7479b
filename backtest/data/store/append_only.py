"""The live store: every answer as it came, and the rows read from it; append-only, safe to kill at any instant.

    answers/ab/<sha256>.gz              one raw answer, named by the hash of its bytes
    tables/<name>/<number>-<hash>.parquet   the rows of one table, named by the hash of the file; the highest number counts
    ledger/<year>-<month>.jsonl         a line per answer (source, address, moment, status, hash) and per table written

A line ends in `chain`, a hash of its text and of the chain of the line before in its file: none can change or go unseen.

An answer is on disk before its line, a table before its own, and the table before it is deleted last: whatever the
instant of a kill, the newest whole table stands and every row in it has its answer. A line cut short by a kill is skipped.
"""

import gzip
import hashlib
import io
import json
import os
import zlib
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

from backtest.data.answer import Answer
from backtest.errors import ConfigurationError, DataError
from backtest.files import atomic

ABOUT = b"about"
HOME_VARIABLE = "BACKTEST_HOME"
WAIT_FOR_WRITER = 5.0  # seconds
LAST_BYTES = 1 << 16  # of a file of the ledger, in which its last whole line is
ANSWER_KEYS = {"at", "answer", "source", "key", "url", "status"}  # of a line before lines had a chain
TABLE_KEYS = {"at", "table", "file", "rows"}


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
            raise DataError(
                f"{self.home}: another pull is writing there; expected one at a time, try again when it ends"
            ) from None
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
        atomic.write(path, body)
        self._log(at, {"table": name, "file": path.name, "rows": len(rows)})
        for former in held:
            former.unlink()

    def read(self, name: str, columns: list[str] | None = None) -> pd.DataFrame | None:
        """Return the rows of a table, or None when there is none; DataError when its file cannot be read."""
        found = self._opened(name, lambda body: parquet.ParquetFile(body).read(columns, use_threads=False))
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

    def ledger(self) -> Iterator[tuple[str, dict[str, Any] | None, str]]:
        """Yield where a line stands, the line and what is wrong with it ("" for nothing), oldest first.

        The line is None where it cannot be read; nothing is wrong with one that a kill cut short.
        """
        for path in sorted((self.home / "ledger").glob("*.jsonl")):
            before = ""
            texts = path.read_bytes().decode(errors="replace").split("\n")
            for number, text in enumerate(texts[: -1 if texts[-1] == "" else None], start=1):
                line, fault = _parsed(text), ""
                if line is None:
                    ended = number < len(texts) and number == len(texts) - 1
                    fault = "is not readable" if ended or text.endswith("}") or '"chain"' in text else ""
                elif isinstance(line.get("chain"), str):
                    wrong = line["chain"] != chain(before, text[: -len(f', "chain": "{line["chain"]}"}}')] + "}")
                    fault = "or the one before it has changed, or one is missing between them" if wrong else ""
                    before = line["chain"]
                elif before or set(line) not in (ANSWER_KEYS, TABLE_KEYS):
                    line, fault = None, "has no chain"
                yield f"ledger/{path.name} line {number}", line, fault

    def _broken(self, sha: str) -> bool:
        try:
            self.answer(sha)
        except DataError:
            return True
        return False

    def _opened(self, name: str, read: Any) -> Any:
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

    def _versions(self, name: str) -> list[Path]:
        folder = self.home / "tables" / name
        held = os.listdir(folder) if folder.is_dir() else []
        return [folder / file for file in sorted(held) if file.endswith(".parquet") and file[0].isdigit()]

    def _log(self, at: pd.Timestamp, line: Mapping[str, Any]) -> None:
        path = self.home / "ledger" / f"{at:%Y-%m}.jsonl"
        fresh = not path.exists()
        _folder(path.parent)
        text = json.dumps({"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **line}, ensure_ascii=False)
        text = f'{text[:-1]}, "chain": "{chain(_last_chain(path), text)}"}}'
        with path.open("ab+") as file:
            whole = file.tell() == 0 or (file.seek(-1, os.SEEK_END), file.read(1))[1] == b"\n"
            file.write((b"" if whole else b"\n") + text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            atomic.sync_folder(path.parent)

    def unlogged(self) -> list[Path]:
        """Return the newest file of each table that stands in no line of the ledger: a kill leaves one at most."""
        names = {name for kind in ("prices", "facts") for name in self.tables(kind)}
        newest = [self._versions(name)[-1] for name in sorted(names)]
        logged = {line["file"] for _, line, fault in self.ledger() if line and not fault and "table" in line}
        return [path for path in newest if path.name not in logged]

    def _complete(self) -> None:
        """Write the line that a killed writer could not, of a table that was in place."""
        lost = self.unlogged()
        if len(lost) != 1 or not (self.home / "ledger").is_dir():
            return
        name = f"{lost[0].parent.parent.name}/{lost[0].parent.name}"
        rows = self.read(name, ["answer"])
        logged = {line["answer"] for _, line, fault in self.ledger() if line and not fault and "answer" in line}
        if rows is not None and set(rows["answer"]) <= logged:
            self._log(pd.Timestamp.now(tz="UTC"), {"table": name, "file": lost[0].name, "rows": len(rows)})

    def _sweep(self) -> None:
        """Delete what a killed writer left half-written: only files of this store's own temporary name."""
        for leftover in [path for kind in ("answers/*", "tables/**") for path in self.home.glob(f"{kind}/{atomic.UNFINISHED}*")]:
            leftover.unlink(missing_ok=True)


def chain(before: str, text: str) -> str:
    """Return the chain of a line of the ledger: a hash of the chain of the line before and of its own text."""
    return hashlib.sha256(f"{before} {text}".encode()).hexdigest()[:16]


def _last_chain(path: Path) -> str:
    """Return the chain of the last whole line of a file of the ledger; empty where there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
        lines = file.read().split(b"\n")
    for line in reversed(lines):
        if (found := _parsed(line.decode(errors="replace"))) is not None and isinstance(found.get("chain"), str):
            return str(found["chain"])
    return ""


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


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot write there ({error.strerror}); set {HOME_VARIABLE} to a folder of yours") from None


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
