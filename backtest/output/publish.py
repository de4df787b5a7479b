"""Puts finished runs where people read them: whole or not at all."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar

import pandas as pd

from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.documents import Json, read_json, to_json
from backtest.files.hashes import MARK, is_sealed
from backtest.files.messages import reason, shown
from backtest.files.options import APART, report_name
from backtest.output.document import to_document
from backtest.output.read import read_result
from backtest.result import RunResult
from backtest.sweeps.document import read_summary
from backtest.sweeps.results import SweepSummary

Shown = TypeVar("Shown", Json, SweepSummary)
SCHEMA = Path(__file__).parent / "result.schema.json"


class Report(NamedTuple):
    """What is written of a run: its strategy and spec_id, its document, and the bytes of its files by name."""

    strategy: str
    spec_id: str
    document: Json
    files: dict[str, bytes]


def report_of(result: RunResult, page: str) -> Report:
    """Return the report of a run: its page, result.json and Parquet tables.

    `equity.parquet` is session × column per book and benchmark, `weights.parquet` and `orders.parquet` are long tables with a
    book column.
    """
    document = to_document(result)
    tables = {"equity": _equity(result), "weights": _weights(result), "orders": _orders(result)}
    files = {"index.html": page.encode(), "result.json": to_json(document).encode()}
    files |= {f"{name}.parquet": _parquet(table) for name, table in tables.items()}
    return Report(result.spec.name, result.spec_id, document, files)


def publish(report: Report, out: Path, name: str = "", keep: Path | None = None) -> Path:
    """Write a report to `out/<strategy>/`, or another name; return the page's path.

    The folder appears complete or stays as it was; what it was becomes `keep`, or is removed.
    """
    name = name or report.strategy
    with _refusing(out / name), _replacing(out / name, report.strategy, keep) as folder:
        for file, content in report.files.items():
            (folder / file).write_bytes(content)
    return out / name / "index.html"


def publish_run(report: Report, out: Path, tag: str | None) -> Path | None:
    """Write a run's report to STRATEGY or STRATEGY--TAG; return where one of other settings that was there went, if anywhere."""
    name = report_name(report.strategy, tag)
    former = other_settings(out / name, report)
    publish(report, out, name, former)
    if tag is None:
        remove_kept(out, report)
    return former


def other_settings(folder: Path, report: Report) -> Path | None:
    """Return where a report goes that is in a run's folder with other settings: a folder named by its spec_id."""
    try:
        other = read_result(folder / "result.json")["spec_id"]
    except DataError:
        return None  # none, or of another version: nothing that can be read
    if other == report.spec_id or not re.fullmatch(r"[0-9a-f]{6,64}", other):
        return None
    require_replaceable(former := folder.with_name(f"{report.strategy}{APART}{other}"), report.strategy)
    return former


def remove_kept(out: Path, report: Report) -> None:
    """Remove the report that other settings had moved, now that the strategy's folder has those settings again."""
    folder = out / f"{report.strategy}{APART}{report.spec_id}"
    if (folder / "result.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)


def publish_index(out: Path, render: Callable[[Sequence[Json], Sequence[SweepSummary]], str]) -> Path:
    """Write the front page over every result and sweep in a folder of reports, and the schema of results; return its path.

    What the page cannot draw, whatever is wrong with it, is left out with a line.
    """
    finished = (path for path in sorted(out.glob("sweeps/*/result.json")) if path.with_name("index.html").exists())
    runs, searches = _readable(sorted(out.glob("*/result.json")), lambda document: document), _readable(finished, _summary)
    try:
        page = render([*runs.values()], [*searches.values()])
    except Exception:  # of one of them: each is drawn alone to know which
        drawable = _drawable(runs, lambda run: render([run], []))
        page = render(drawable, _drawable(searches, lambda search: render([], [search])))
    for name, text in (("index.html", page), (SCHEMA.name, SCHEMA.read_text(encoding="utf-8"))):
        atomic.write(out / name, text.encode())
    return out / "index.html"


def _summary(document: Json) -> SweepSummary:
    return replace(read_summary(document), folder=document["folder"])


def _readable(paths: Iterable[Path], read: Callable[[Json], Shown]) -> dict[Path, Shown]:
    """Return what the documents of the strategies in whose folders they are hold, by path."""
    contents = {}
    for path in paths:
        with _skipping(path):
            document = read_document(path) | {"folder": path.parent.name}
            if document["strategy"] != path.parent.name.partition(APART)[0]:
                raise ValueError(f"its strategy is '{shown(document['strategy'])}'")
            contents[path] = read(document)
    return contents


def _drawable(contents: Mapping[Path, Shown], draw: Callable[[Shown], object]) -> list[Shown]:
    """Return what can be drawn alone."""
    drawable = []
    for path, content in contents.items():
        with _skipping(path):
            draw(content)
            drawable.append(content)
    return drawable


@contextmanager
def _skipping(path: Path) -> Iterator[None]:
    """Turn anything wrong with a document into a line that says that it is left out."""
    try:
        yield
    except Exception as error:
        fault = f"no {error}" if isinstance(error, KeyError) else reason(error)
        print(f"skipped on the front page: {path}: not a result of this version ({fault})", file=sys.stderr)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what the system refuses while a report is written, a full disk above all, into one line."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({reason(error)}), and is as it was; expected a disk with room") from None


@contextmanager
def _replacing(folder: Path, strategy: str, keep: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder that takes the place of another when the block ends well, and vanishes when it does not.

    DataError where what is there is no report of the same strategy: nothing else is replaced.
    """
    require_replaceable(folder, strategy)
    with atomic.folder(folder, replace=True, keep=keep) as fresh:
        yield fresh


def require_replaceable(folder: Path, strategy: str) -> None:
    """Raise DataError unless a folder can be made or is empty, or has the result of the same strategy in it."""
    above = next(parent for parent in folder.absolute().parents if parent.exists() or parent.is_symlink())
    if not above.is_dir() or not os.access(above, os.W_OK):
        why = "no folder" if not above.is_dir() else "not writable"
        raise DataError(f"{folder.parent}: cannot write there ({above}: {why}); expected a folder for reports")
    if not (folder.exists() or folder.is_symlink()) or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        other = read_json(folder / "result.json").get("strategy")
    except (OSError, ValueError):
        other = None
    if other != strategy:
        what = f"a report of '{other}'" if other else "something that is no report"
        raise DataError(f"{folder}: holds {what}; expected nothing, or a report of '{strategy}': move it, or name another --out")


def read_document(path: Path) -> Json:
    """Return a result.json; DataError where it cannot be read or is not what its hash says."""
    try:
        document = read_json(path)
        carries = "content" in document or (document and str(document[next(reversed(document))]).startswith(MARK.decode()))
        if carries and not is_sealed(path.read_bytes()):
            raise ValueError("its content is not what its hash says")
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise DataError(f"{path}: not a readable result ({reason(error)})") from None
    return document


def _equity(result: RunResult) -> pd.DataFrame:
    columns = {}
    for name, book in result.books.items():
        columns[name] = book.equity
        columns |= {f"{name} vs {ticker}": column for ticker, column in book.benchmarks.items()}
    return pd.DataFrame(columns).rename_axis("session")


def _weights(result: RunResult) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"realised": book.realised.stack(), "target": book.targets.stack(), "book": name})
        for name, book in result.books.items()
    ]
    return pd.concat(tables).rename_axis(["session", "ticker"]).reset_index()


def _orders(result: RunResult) -> pd.DataFrame:
    return pd.concat([book.orders.assign(book=name) for name, book in result.books.items()], ignore_index=True)


def _parquet(table: pd.DataFrame) -> bytes:
    file = BytesIO()
    table.to_parquet(file)
    return file.getvalue()
