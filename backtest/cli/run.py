"""The command `run`: strategies to reports."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from backtest.cli.inputs import command_text, load_archive, span, thesis_of
from backtest.cli.options import (
    NAME_HELP,
    EndOption,
    FactsOption,
    JsonOption,
    PricesOption,
    StartOption,
    TagOption,
    ThesisOption,
)
from backtest.errors import ConfigurationError
from backtest.files.options import report_name

if TYPE_CHECKING:
    from backtest.cli.run_pool import Job
    from backtest.output.publish import Report
    from backtest.panel import Archive
    from backtest.result import Audit, RunResult
    from backtest.strategy import StrategySpec
    from backtest.thesis import Thesis


Archives: TypeAlias = dict[tuple[str, ...], "Archive"]  # by their tickers
FEW_ARCHIVES = 4


@dataclass(frozen=True)
class RunOptions:
    """What `run` takes beside the strategies: thesis, sources, folder of reports, seconds of an audit (None: none).

    With a tag a report goes to STRATEGY--TAG.
    """

    thesis: "Thesis"
    prices: str
    facts: str
    out: Path
    audit_seconds: float | None
    tag: str | None = None


def run(
    name: Annotated[str, typer.Argument(metavar="NAME|all", help=NAME_HELP)],
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    thesis: ThesisOption = None,
    start: StartOption = None,
    end: EndOption = None,
    basket: Annotated[list[str] | None, typer.Option(help="Run these baskets or single tickers instead.")] = None,
    cost_bps: Annotated[
        float | None, typer.Option(help="One flat cost in basis points, fractions of shares, no market rules.")
    ] = None,
    fill: Annotated[Literal["close", "open"] | None, typer.Option(help="Price at which orders are filled.")] = None,
    slippage_bps: Annotated[float | None, typer.Option(help="How much worse than that price, in basis points.")] = None,
    capital: Annotated[float | None, typer.Option(help="Money at the start, in the currency of the books.")] = None,
    base: Annotated[
        str | None, typer.Option(metavar="CURRENCY|local", help="Currency of the books; local: each basket's own.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("reports"),
    tag: TagOption = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Ask how much is luck; exit 4 when anything was read too early.")
    ] = False,
    audit_seconds: Annotated[float, typer.Option(min=0.0, help="No further question of the audit is begun after this.")] = 60.0,
    as_json: JsonOption = False,
    form: Annotated[
        Literal["text", "md", "json"], typer.Option("--format", help="What to print: text, Markdown for a pull request, or JSON.")
    ] = "text",
) -> None:
    """Run one strategy or all of them and write their reports."""
    from backtest.thesis.strategies import strategies

    typed = {
        **span(start, end),
        "baskets": tuple(basket) if basket else None,
        "cost_bps": cost_bps,
        "fill": fill,
        "slippage_bps": slippage_bps,
        "capital": capital,
        "base": base,
    }
    changes = {field: value for field, value in typed.items() if value is not None}
    chosen = thesis_of(thesis, name)
    paths = strategies(name, chosen)
    processes = _start_server(prices) if len(paths) > 1 and not audit else 1
    from backtest.cli.run_pool import Job
    from backtest.strategy import load_strategy

    repeated = changes if thesis is None else changes | {"thesis": thesis}
    jobs = [
        Job(path, spec.replaced(**changes), changes, command_text("run", path, chosen, prices, facts, repeated))
        for path, spec in [(path, load_strategy(path, chosen)) for path in paths]
    ]
    reports = _run_all(jobs, RunOptions(chosen, prices, facts, out, audit_seconds if audit else None, tag), processes)
    _print(reports, "json" if as_json else form, name == "all")
    if not as_json and form == "text":
        typer.echo(f"\nreports: {out / 'index.html'}")


def _print(reports: Sequence["Report"], form: str, several: bool) -> None:
    """Print what came out as text, Markdown or JSON; the JSON of several strategies is by their names."""
    from backtest.files.documents import to_json
    from backtest.output.comment import markdown
    from backtest.output.summary import terminal
    from backtest.text.screen import screen_of

    documents = [report.document for report in reports]
    if form == "json":
        by_name = {"strategies": {document["strategy"]: document for document in documents}}
        sys.stdout.write(to_json(by_name if several else documents[0]))
    elif form == "md":
        sys.stdout.write("\n".join(map(markdown, documents)))
    else:
        screen = screen_of()
        for document in documents:
            sys.stdout.write(f"{terminal(document, screen)}\n")


def _start_server(prices: str) -> int:
    """Start the server of processes that run strategies, which loads what they need while this one does; return how many may run.

    Prices of a source are pulled, by one process.
    """
    from backtest.sweeps import fork_server

    pulled = not (prices == "reference" or prices.startswith("store") or Path(prices).is_dir())
    if pulled or fork_server.cores() == 1 or fork_server.METHOD != "forkserver":
        return 1
    fork_server.start("backtest.cli.run_preload")
    return fork_server.cores()


def _run_all(jobs: Sequence["Job"], options: RunOptions, processes: int) -> list["Report"]:
    """Run every strategy, then publish every report: a run that fails does so before anything is written."""
    from backtest.cli.run_pool import run_each
    from backtest.output.publish import publish_index, publish_run, require_replaceable
    from backtest.report import render_index
    from backtest.text.bar import counted

    if len({job.spec.name for job in jobs}) < len(jobs):
        raise ConfigurationError(
            "two strategies have one name, and one would replace the report of the other; expected two names"
        )
    names = [report_name(job.spec.name, options.tag) for job in jobs]
    for job, name in zip(jobs, names, strict=True):
        require_replaceable(options.out / name, job.spec.name)
    make, announce = partial(_run, options=options, archives={}), partial(_announce, options.prices)
    each = run_each(jobs, options.thesis, make, announce, processes)
    reports = [*(counted(each, "strategies", len(jobs)) if len(jobs) > 1 else each)]
    for report, name in zip(reports, names, strict=True):
        if former := publish_run(report, options.out, options.tag):
            typer.echo(f"{former}: what {options.out / name} was, of other settings; --tag names the next", err=True)
    publish_index(options.out, render_index)
    return reports


def _announce(prices: str, job: "Job") -> None:
    typer.echo(f"running {job.spec.name} on {prices}", err=True)


def _run(spec: "StrategySpec", command: str, options: RunOptions, archives: Archives) -> "Report":
    """Return the report of a run with its command and, where one is wanted, its audit."""
    from backtest.output.publish import report_of
    from backtest.report import render
    from backtest.runs import needed_tickers, run

    archive = _archive(tuple(needed_tickers(spec, options.thesis)), options, archives)
    result = replace(run(spec, archive), command=command)
    if options.audit_seconds is not None:
        result = result.with_audit(_audited(spec, result, archive, options.audit_seconds))
    return report_of(result, render(result))


def _archive(tickers: tuple[str, ...], options: RunOptions, archives: Archives) -> "Archive":
    """Return the archive of some tickers: of a few the same for every strategy, with the claims that were measured on it.

    An audit hides rows of its archive while it lasts, so it has its own.
    """
    if tickers not in archives or options.audit_seconds is not None:
        archives[tickers] = load_archive(tickers, options.prices, options.facts, options.thesis)
        if len(archives) > FEW_ARCHIVES:
            del archives[next(iter(archives))]
    return archives[tickers]


def _audited(spec: "StrategySpec", result: "RunResult", archive: "Archive", seconds: float) -> "Audit":
    """Return the audit of a run: the cached one where spec, data and code are the same, else a new one."""
    from backtest.api.audits import audit
    from backtest.audits import STEPS
    from backtest.audits.cache import load
    from backtest.text.bar import Bar

    if (before := load(result)) is not None:
        typer.echo(f"audit of {spec.name}: the cached one is used, as spec, data and code are unchanged", err=True)
        return before
    with Bar(f"auditing {spec.name}", STEPS) as bar:
        return audit(result, archive, seconds, progress=lambda step: bar.advance(1, f"auditing {spec.name}: {step}"))
