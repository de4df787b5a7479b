"""The commands about reports that are there: what differs between two, and whether one is what its data give."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtest.cli.inputs import load_archive, thesis_of
from backtest.cli.options import FactsOption, JsonOption, PricesOption, ReportArgument, ThesisOption
from backtest.errors import ConfigurationError, DriftError
from backtest.files.messages import unreadable
from backtest.output import read

if TYPE_CHECKING:
    from backtest.thesis import Thesis

LINES = 10  # differences that `verify` prints


def compare(
    a: ReportArgument,
    b: ReportArgument,
    as_json: JsonOption = False,
    html: Annotated[
        bool, typer.Option("--html", help="Write a page with both lines, their difference and what changed.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its file; default compare.html beside the first report.")
    ] = None,
) -> None:
    """Show what changed between two runs: spec, data, code and results."""
    from backtest.files.documents import to_json
    from backtest.output.compare import compare as compare_documents
    from backtest.output.compare import lines

    first, second = read_result(a), read_result(b)
    differences = compare_documents(first, second)
    if html:
        from backtest.files import atomic
        from backtest.report import render_comparison

        path = out or folder_of(a).parent / "compare.html"
        atomic.write(path, render_comparison(first, second, differences).encode())
        typer.echo(f"comparison: {path}", err=True)
    sys.stdout.write(to_json(differences) if as_json else lines(differences))


def verify(
    report: ReportArgument,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    thesis: ThesisOption = None,
    strategy: Annotated[Path | None, typer.Option(metavar="FILE", help="Its strategy, where it is not in strategies/.")] = None,
) -> None:
    """Make a report again from its own spec and the data: say identical, or what differs first and exit 5."""
    from backtest.output.verify import restated
    from backtest.output.verify import verify as made_again
    from backtest.runs import needed_tickers
    from backtest.strategy import load_strategy
    from backtest.thesis.strategies import strategies

    document = read_result(report)
    page = read_page(report)
    chosen = _thesis_of_report(document, thesis, str(strategy or ""))
    spec = load_strategy(strategy or strategies(document["strategy"], chosen)[0], chosen)
    archive = load_archive(needed_tickers(restated(document, spec), chosen), prices, facts, chosen)
    verdict = made_again(document, page, spec, archive)
    figures = [*verdict.figures, *verdict.page]
    for line in figures[1:LINES]:
        typer.echo(line, err=True)
    if not verdict.identical:
        counted = f" ({len(figures)} figures differ)" if figures else ""
        raise DriftError(f"{folder_of(report)}: {'; '.join([*verdict.changed_ids, *figures[:1]])}{counted}")
    for remark in verdict.remarks:
        typer.echo(f"remark: {remark}", err=True)
    typer.echo(f"{folder_of(report)}: identical, {len(page):,} characters of page and every figure of result.json")


def _thesis_of_report(document: Mapping[str, Any], named: str | None, strategy: str) -> "Thesis":
    """Return the thesis of a report: the one that is named or near, or the shipped one of its name; ConfigurationError else."""
    from backtest.thesis import load_thesis, shipped_theses

    wanted = document["thesis"]["id"]
    near = thesis_of(named, strategy)
    if near.id == wanted:
        return near
    if named is None and wanted in shipped_theses():
        return load_thesis(wanted)
    raise ConfigurationError(f"the report is of thesis '{wanted}', here is '{near.id}'; expected --thesis with the folder of it")


def read_result(report: Path) -> dict[str, Any]:  # a document of any report, whose every leaf is compared
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
