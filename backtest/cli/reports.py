"""The commands about reports that are there: what differs between two, and whether one is what its data give."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from backtest.errors import DataError
from backtest.files.messages import unreadable
from backtest.output import read

Report = Annotated[Path, typer.Argument(metavar="REPORT", help="A report's folder, its index.html or its result.json.")]


def compare(
    a: Report,
    b: Report,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output and nothing else.")] = False,
) -> None:
    """Show what changed between two runs: spec, data, code and results."""
    from backtest.files.documents import to_json
    from backtest.output.compare import compare as compare_documents
    from backtest.output.compare import lines

    found = compare_documents(read_result(a), read_result(b))
    sys.stdout.write(to_json(found) if as_json else lines(found))


def read_result(report: Path) -> dict[str, Any]:
    """Return the result.json of a report; DataError for one that is not there or cannot be read."""
    return read.read_result(folder_of(report) / "result.json")


def read_page(report: Path) -> str:
    """Return the page of a report; DataError for one that is not there or cannot be read."""
    path = folder_of(report) / "index.html"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise unreadable(path, error, "page", "the whole folder of a report") from None


def other_settings(folder: Path, spec_id: str) -> str:
    """Return the spec_id of the report in a folder where that is another than this one, else nothing."""
    try:
        before = read_result(folder).get("spec_id")
    except DataError:
        return ""
    return str(before) if before != spec_id else ""


def folder_of(report: Path) -> Path:
    """Return the folder of a report named by its folder or a file in it."""
    return report.parent if report.suffix in (".html", ".json") else report
