"""The commands about reports that are there: what differs between two, and whether one is what its data give."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from backtest.errors import DataError

Report = Annotated[Path, typer.Argument(metavar="REPORT", help="A report's folder, its index.html or its result.json.")]


def compare(
    a: Report,
    b: Report,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output and nothing else.")] = False,
) -> None:
    """Show what changed between two runs: spec, data, code and results."""
    from backtest.comparison import compare as compare_documents
    from backtest.comparison import lines
    from backtest.documents import to_json

    found = compare_documents(read_result(a), read_result(b))
    sys.stdout.write(to_json(found) if as_json else lines(found))


def read_result(report: Path) -> dict[str, Any]:
    """Return the result.json of a report; DataError for one that is not there or cannot be read."""
    path = folder_of(report) / "result.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not {"strategy", "spec", "baskets", "claims", "audit", "prices"} <= set(document):
            raise ValueError("fields are missing")
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path}: not a readable result ({error}); want a report's folder, see 'python -m backtest run'"
        ) from None
    return document


def folder_of(report: Path) -> Path:
    """Return the folder of a report named by its folder or a file in it."""
    return report.parent if report.suffix in (".html", ".json") else report
