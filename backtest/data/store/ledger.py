"""The ledger of a store: a line per answer and per table written, chained so that none can change or go missing unseen.

A line ends in `chain`, a hash of its text and of the chain of the line before in its file. A line cut short by a kill is skipped.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict, cast, final

import pandas as pd

from backtest.files import atomic

LAST_BYTES = 1 << 16  # of a file of the ledger, in which its last whole line is
ANSWER_KEYS = {"at", "answer", "source", "key", "url", "status"}  # of a line before lines had a chain
TABLE_KEYS = {"at", "table", "file", "rows"}


@final
class AnswerLine(TypedDict):
    """An answer: the moment it came, its hash, source, key, address and status, and the hash of its file."""

    at: str
    answer: str
    source: str
    key: str
    url: str
    status: int
    file: NotRequired[str]
    chain: NotRequired[str]


@final
class TableLine(TypedDict):
    """A table written: the moment, its name, its file and its number of rows."""

    at: str
    table: str
    file: str
    rows: int
    chain: NotRequired[str]


Line = AnswerLine | TableLine


class Entry(NamedTuple):
    """Where a line stands, the line (None where it cannot be read) and what is wrong with it ("" for nothing)."""

    where: str
    line: Line | None
    fault: str


@dataclass(frozen=True)
class Ledger:
    """The files of a ledger, one a month."""

    folder: Path

    def append(self, at: pd.Timestamp, line: Mapping[str, object]) -> None:
        """Write a line to the disk."""
        path = self.folder / f"{at:%Y-%m}.jsonl"
        fresh = not path.exists()
        text = json.dumps({"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **line}, ensure_ascii=False)
        text = f'{text[:-1]}, "chain": "{chain(_last_chain(path), text)}"}}'
        with path.open("ab+") as file:
            whole = file.tell() == 0 or (file.seek(-1, os.SEEK_END), file.read(1))[1] == b"\n"
            file.write((b"" if whole else b"\n") + text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            atomic.sync_folder(path.parent)

    def entries(self) -> Iterator[Entry]:
        """Yield every line, oldest first; nothing is wrong with one that a kill cut short."""
        for path in sorted(self.folder.glob("*.jsonl")):
            before = ""
            texts = path.read_bytes().decode(errors="replace").split("\n")
            for number, text in enumerate(texts[: -1 if texts[-1] == "" else None], start=1):
                line, fault = _parsed(text), ""
                if line is None:
                    ended = number < len(texts) and number == len(texts) - 1
                    fault = "is not readable" if ended or text.endswith("}") or '"chain"' in text else ""
                elif isinstance(stated := line.get("chain"), str):
                    wrong = stated != chain(before, text[: -len(f', "chain": "{stated}"}}')] + "}")
                    fault = "or the one before it has changed, or one is missing between them" if wrong else ""
                    before = stated
                elif before or set(line) not in (ANSWER_KEYS, TABLE_KEYS):
                    line, fault = None, "has no chain"
                yield Entry(f"ledger/{path.name} line {number}", cast(Line | None, line), fault)

    def answers(self) -> set[str]:
        """Return the hashes of the answers that stand in a good line."""
        return {line["answer"] for _, line, fault in self.entries() if line and not fault and "answer" in line}

    def table_files(self) -> set[str]:
        """Return the names of the files of tables that stand in a good line."""
        return {line["file"] for _, line, fault in self.entries() if line and not fault and "table" in line}


def chain(before: str, text: str) -> str:
    """Return the chain of a line: a hash of the chain of the line before and of its own text."""
    return hashlib.sha256(f"{before} {text}".encode()).hexdigest()[:16]


def _last_chain(path: Path) -> str:
    """Return the chain of the last whole line of a file; empty where there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
        lines = file.read().split(b"\n")
    for text in reversed(lines):
        if (line := _parsed(text.decode(errors="replace"))) is not None and isinstance(line.get("chain"), str):
            return str(line["chain"])
    return ""


def _parsed(text: str) -> dict[str, object] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None
