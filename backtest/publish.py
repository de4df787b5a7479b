"""Puts finished runs where people read them: whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from backtest.documents import to_json
from backtest.errors import DataError
from backtest.run import RunResult

SCHEMA = Path(__file__).parent / "result.schema.json"


def publish(result: RunResult, page: str, out: Path, name: str = "") -> Path:
    """Write a run's page, result.json and Parquet tables to `out/<strategy>/`, or another name; return the page's path.

    The folder appears complete or stays as it was. `equity.parquet` is session × column per book and benchmark,
    `weights.parquet` and `orders.parquet` are long tables with a book column.
    """
    name = name or str(result.spec["name"])
    with _replacing(out / name) as folder:
        (folder / "index.html").write_text(page, encoding="utf-8")
        (folder / "result.json").write_text(to_json(result.as_dict()), encoding="utf-8")
        _equity(result).to_parquet(folder / "equity.parquet")
        _weights(result).to_parquet(folder / "weights.parquet")
        _orders(result).to_parquet(folder / "orders.parquet")
    return out / name / "index.html"


def publish_index(out: Path, render: Callable[[Sequence[dict[str, Any]], Sequence[dict[str, Any]]], str]) -> Path:
    """Write the front page over every result and sweep in a folder of reports, and the schema of results; return its path."""
    documents = [_read(path) for path in sorted(out.glob("*/result.json"))]
    sweeps = [_read(path) for path in sorted(out.glob("sweeps/*/result.json")) if path.with_name("index.html").exists()]
    for name, text in (("index.html", render(documents, sweeps)), (SCHEMA.name, SCHEMA.read_text(encoding="utf-8"))):
        written = out / f".{name}.new"
        try:
            written.write_text(text, encoding="utf-8")
            os.replace(written, out / name)
        finally:
            written.unlink(missing_ok=True)
    return out / "index.html"


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of another when the block ends well, and vanishes when it does not."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise DataError(f"{folder.parent}: cannot write there ({error.strerror}); want a folder for reports") from None
    fresh.chmod(0o755)
    former = fresh.with_name(f"{fresh.name}-former")
    try:
        yield fresh
        if folder.exists():
            folder.rename(former)
        fresh.rename(folder)
    finally:
        if former.exists() and not folder.exists():
            former.rename(folder)
        for leftover in (fresh, former):
            shutil.rmtree(leftover, ignore_errors=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable result ({error}); delete the folder or run its strategy again") from None
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
