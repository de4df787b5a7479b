"""Reports are read back and compared."""

import json
from pathlib import Path

from backtest.files.documents import Json, to_json
from backtest.files.messages import unreadable
from backtest.output import read
from backtest.output.compare import Comparison
from backtest.output.compare import compare as compare_documents
from backtest.output.document import to_document
from backtest.result import RunResult


def compare(a: RunResult | str | Path, b: RunResult | str | Path) -> Comparison:
    """Return what changed from one result to another: spec, data, code, figures of every window, orders, claims.

    a, b: of `run`, or reports by their folder or a file in it. Raises DataError for a report that cannot be read.
    """
    return Comparison(compare_documents(_document(a), _document(b)))


def _document(result: RunResult | str | Path) -> Json:
    if isinstance(result, RunResult):
        document: Json = json.loads(to_json(to_document(result)))
        return document
    return read_result(Path(result))


def read_result(report: Path) -> Json:
    """Return the result.json of a report; DataError for one that is not there or cannot be read."""
    return read.read_result(folder_of(report) / "result.json")


def read_page(report: Path) -> str:
    """Return the page of a report; DataError for one that is not there or cannot be read."""
    path = folder_of(report) / "index.html"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise unreadable(path, error, "page", "the whole folder of a report") from None


def folder_of(report: Path) -> Path:
    """Return the folder of a report named by its folder or a file in it."""
    return report.parent if report.suffix in (".html", ".json") else report
