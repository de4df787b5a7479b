"""The command `run`: strategies to reports."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
    from backtest.panel import Archive
    from backtest.result import Audit, RunResult
    from backtest.strategy import StrategySpec
    from backtest.thesis import Thesis


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
    from backtest.files.documents import to_json
    from backtest.output.document import to_document
    from backtest.output.summary import markdown, terminal
    from backtest.strategy import load_strategy
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
    specs = [spec.replaced(**changes) if changes else spec for spec in (load_strategy(path, chosen) for path in paths)]
    repeated = changes if thesis is None else changes | {"thesis": thesis}
    commands = [command_text("run", path, chosen, prices, facts, repeated) for path in paths]
    results = _run_all(specs, commands, RunOptions(chosen, prices, facts, out, audit_seconds if audit else None, tag))
    documents = [to_document(result) for result in results]
    if as_json or form == "json":
        by_name = {"strategies": {document["strategy"]: document for document in documents}}
        sys.stdout.write(to_json(by_name if name == "all" else documents[0]))
    elif form == "md":
        sys.stdout.write("\n".join(map(markdown, documents)))
    else:
        for document in documents:
            typer.echo(terminal(document))
        typer.echo(f"\nreports: {out / 'index.html'}")


def _run_all(specs: Sequence["StrategySpec"], commands: Sequence[str], options: RunOptions) -> list["RunResult"]:
    """Run every spec, then publish every report: a run that fails does so before anything is written."""
    from backtest.output.publish import other_settings, publish, publish_index, remove_kept, require_replaceable
    from backtest.report import render, render_index

    if len({spec.name for spec in specs}) < len(specs):
        raise ConfigurationError(
            "two strategies have one name, and one would replace the report of the other; expected two names"
        )
    names = [report_name(spec.name, options.tag) for spec in specs]
    for spec, name in zip(specs, names, strict=True):
        require_replaceable(options.out / name, spec.name)
    results = [_run(spec, command, options) for spec, command in zip(specs, commands, strict=True)]
    pages = [render(result) for result in results]
    for result, page, name in zip(results, pages, names, strict=True):
        if former := other_settings(options.out / name, result):
            typer.echo(f"{former}: what {options.out / name} was, of other settings; --tag names the next", err=True)
        publish(result, page, options.out, name, former)
        if options.tag is None:
            remove_kept(options.out, result)
    publish_index(options.out, render_index)
    return results


def _run(spec: "StrategySpec", command: str, options: RunOptions) -> "RunResult":
    """Return a run with its command and, where one is wanted, its audit."""
    from backtest.runs import needed_tickers, run

    typer.echo(f"running {spec.name} on {options.prices}", err=True)
    archive = load_archive(needed_tickers(spec, options.thesis), options.prices, options.facts, options.thesis)
    result = replace(run(spec, archive), command=command)
    if options.audit_seconds is None:
        return result
    return replace(result, audit=_audited(spec, result, archive, options.audit_seconds))


def _audited(spec: "StrategySpec", result: "RunResult", archive: "Archive", seconds: float) -> "Audit":
    """Return the audit of a run: the cached one where spec, data and code are the same, else a new one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from backtest import clock
    from backtest.audits import STEPS, audit
    from backtest.audits.cache import load, save

    if (before := load(result)) is not None:
        typer.echo(f"audit of {spec.name}: the cached one is used, as spec, data and code are unchanged", err=True)
        return before
    console = Console(stderr=True)
    columns = TextColumn("auditing {task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(spec.name, total=STEPS)
        made = audit(
            spec, result, archive, archive.thesis.universe, seconds,
            lambda step: bar.update(task, advance=1, description=f"{spec.name}: {step}"), clock.SYSTEM,
        )  # fmt: skip
    save(result, made)
    return made
