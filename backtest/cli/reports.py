"""The commands about reports that are there: what differs between two, and whether one is what its data give."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from backtest.cli.inputs import load_archive
from backtest.cli.options import FactsOption, JsonOption, PricesOption, ReportArgument, ThesisOption
from backtest.errors import DriftError

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
    from backtest.api.comparisons import compare as compare_reports
    from backtest.api.comparisons import folder_of, read_result
    from backtest.files.documents import to_json
    from backtest.output.compare import lines

    differences = compare_reports(a, b).document
    if html:
        from backtest.files import atomic
        from backtest.report import render_comparison

        path = out or folder_of(a).parent / "compare.html"
        atomic.write(path, render_comparison(read_result(a), read_result(b), differences).encode())
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
    from backtest.api.comparisons import folder_of
    from backtest.api.verdicts import made_again

    verdict = made_again(report, strategy, thesis, lambda tickers, of: load_archive(tickers, prices, facts, of))
    figures = [*verdict.figures, *verdict.page]
    for line in figures[1:LINES]:
        typer.echo(line, err=True)
    if not verdict.identical:
        counted = f" ({len(figures)} figures differ)" if figures else ""
        raise DriftError(f"{folder_of(report)}: {'; '.join([*verdict.changed_ids, *figures[:1]])}{counted}")
    for remark in verdict.remarks:
        typer.echo(f"remark: {remark}", err=True)
    typer.echo(f"{folder_of(report)}: identical, {verdict.characters:,} characters of page and every figure of result.json")
