"""The command line: `python -m backtest --help`."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from backtest.cli.data import data, pull_prices
from backtest.cli.facts import facts
from backtest.cli.reports import Report, compare, folder_of, other_settings, read_page, read_result
from backtest.errors import BacktestError, ConfigurationError, DataError, DriftError
from backtest.files.messages import flat, reason
from backtest.files.options import day
from backtest.files.shipped import grid_path, strategies
from backtest.output.summary import WIDTH, claim_lines, markdown, terminal

if TYPE_CHECKING:
    from backtest.panel import Archive
    from backtest.runs import RunResult
    from backtest.strategy import StrategySpec

UsageError: type[Any] = typer.BadParameter.__base__ or Exception

app = typer.Typer(
    help="Backtests one thesis: AI-interconnect suppliers outgrow the CapEx of the clouds that buy from them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(data, name="data")
app.add_typer(facts, name="facts")
app.command()(compare)

NAME_HELP = "A strategy in strategies/ of the working folder, else one that is shipped; a path to one; 'all' runs every one."
PricesOption = Annotated[
    str, typer.Option(help="'reference' (embedded), 'yahoo' (pulled first), 'store' or a folder of daily CSVs.")
]
FactsOption = Annotated[str, typer.Option(help="'reference' (embedded), 'store' (with live figures) or a folder of tables.")]
StartOption = Annotated[str | None, typer.Option(metavar="DATE", help="First day of the run.")]
EndOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Last day; default: the last on which every ticker is priced.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output and nothing else.")]


@app.callback()
def _commands() -> None:
    """Keep the commands named, however many there are."""


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME|all", help=NAME_HELP)],
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    start: StartOption = None,
    end: EndOption = None,
    basket: Annotated[list[str] | None, typer.Option(help="Run these baskets or single tickers instead.")] = None,
    cost_bps: Annotated[
        float | None, typer.Option(help="One flat cost in basis points, fractions of shares, no market rules.")
    ] = None,
    fill: Annotated[Literal["close", "open"] | None, typer.Option(help="Price at which orders are filled.")] = None,
    slippage_bps: Annotated[float | None, typer.Option(help="How much worse than that price, in basis points.")] = None,
    capital: Annotated[float | None, typer.Option(help="Money at the start, in the currency of the books.")] = None,
    base: Annotated[Literal["CNY", "USD", "local"] | None, typer.Option(help="Currency of the books.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("reports"),
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
    changes = {
        **_span(start, end),
        "baskets": tuple(basket) if basket else None,
        "cost_bps": cost_bps,
        "fill": fill,
        "slippage_bps": slippage_bps,
        "capital": capital,
        "base": base,
    }
    asked = {field: value for field, value in changes.items() if value is not None}
    from backtest.strategy import load_strategy

    paths = strategies(name)
    specs = [spec.replaced(**asked) if asked else spec for spec in map(load_strategy, paths)]
    commands = [_command("run", path, prices, facts, asked) for path in paths]
    results = _run_all(specs, commands, prices, facts, out, audit_seconds if audit else None)
    documents = [result.as_dict() for result in results]
    if as_json or form == "json":
        from backtest.files.documents import to_json

        sys.stdout.write(to_json({"strategies": {d["strategy"]: d for d in documents}} if name == "all" else documents[0]))
        return
    if form == "md":
        sys.stdout.write("\n".join(markdown(document) for document in documents))
        return
    for document in documents:
        typer.echo(terminal(document))
    typer.echo(f"\nreports: {out / 'index.html'}")


@app.command()
def signals(
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="As known at the end of this day; default: now.")] = None,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    as_json: JsonOption = False,
) -> None:
    """Show each signal: its score, its quarters, and when each became known."""
    import pandas as pd

    from backtest.calendars import as_of_moment
    from backtest.signals import describe, load_signals
    from backtest.universe import load_universe

    moment = as_of_moment(as_of) if as_of is not None else pd.Timestamp.now(tz="UTC")
    archive = _archive([row.ticker for row in load_universe().suppliers], prices, facts, needed=())
    panel = archive.as_of(moment)
    described = {name: describe(signal, panel) for name, signal in load_signals().items()}
    document = {"as_of": as_of or f"{moment:%Y-%m-%dT%H:%MZ}", "signals": described}
    if as_json:
        from backtest.files.documents import to_json

        sys.stdout.write(to_json(document))
        return
    typer.echo(_signal_lines(document))


@app.command()
def claims(
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="As known at the end of this day; default: now.")] = None,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    as_json: JsonOption = False,
) -> None:
    """Hold each of the report's claims to its own figure: ours, the verdict, the evidence."""
    import pandas as pd

    from backtest.calendars import as_of_moment
    from backtest.claims.ledger import changed_since, ledger
    from backtest.files.documents import to_json
    from backtest.thesis.windows import REPORT_DATE
    from backtest.universe import load_universe

    moment = as_of_moment(as_of) if as_of is not None else pd.Timestamp.now(tz="UTC")
    archive = _archive(list(load_universe().market_and_currency()), prices, facts, needed=())
    findings = ledger(archive.as_of(moment))
    then = ledger(archive.as_of(as_of_moment(f"{REPORT_DATE:%Y-%m-%d}")))
    changed = {} if as_of else changed_since(then, findings)
    rows = [finding.as_dict() | {"changed_since_report": changed.get(finding.claim.id)} for finding in findings]
    width = max(WIDTH, shutil.get_terminal_size((WIDTH, 1)).columns)
    sys.stdout.write(to_json(rows) if as_json else claim_lines(rows, as_of or f"{moment:%Y-%m-%d}", width))


@app.command()
def verify(
    report: Report,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    strategy: Annotated[Path | None, typer.Option(metavar="FILE", help="Its strategy, where it is not in strategies/.")] = None,
) -> None:
    """Make a report again from its own spec and the data: say identical, or what differs first and exit 5."""
    from backtest.output.verify import restated
    from backtest.output.verify import verify as made_again
    from backtest.runs import tickers_of
    from backtest.strategy import load_strategy
    from backtest.universe import load_universe

    document = read_result(report)
    page = read_page(report)
    spec = load_strategy(strategy or strategies(document["strategy"])[0])
    archive = _archive(tickers_of(restated(document, spec), load_universe()), prices, facts)
    found = made_again(document, page, spec, archive)
    figures = [*found.figures, *found.page]
    for line in figures[1:10]:
        typer.echo(line, err=True)
    if not found.identical:
        counted = f" ({len(figures)} figures differ)" if figures else ""
        raise DriftError(f"{folder_of(report)}: {'; '.join([*found.changed_ids, *figures[:1]])}{counted}")
    for remark in found.remarks:
        typer.echo(f"remark: {remark}", err=True)
    typer.echo(f"{folder_of(report)}: identical, {len(page):,} characters of page and every figure of result.json")


@app.command()
def sweep(
    name: Annotated[str, typer.Argument(metavar="STRATEGY", help=NAME_HELP)],
    grid: Annotated[
        Path | None,
        typer.Option(help="A TOML file of settings, or the name of one that is shipped; default: rhythm and lag."),
    ] = None,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    start: StartOption = None,
    end: EndOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports; the sweep is in sweeps/STRATEGY there.")] = Path("reports"),
    resume: Annotated[bool, typer.Option("--resume", help="Leave the chunks that are there.")] = False,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="Only this part of the chunks, and no result.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Evaluate nothing: put the chunks of all shards together.")] = False,
    engine: Annotated[Literal["local", "dask"], typer.Option(help="Where the chunks are evaluated.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDR", help="A Dask scheduler; default: a cluster of this machine's cores.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1024, help="Processes on this machine; default: one a core.")] = None,
    trials: Annotated[list[Path] | None, typer.Option(help="Ledgers of trials from elsewhere to take in first.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="The settings.parquet of an earlier sweep: exit 5 on drift.")] = None,
    tolerance: Annotated[float, typer.Option(min=0.0, help="How far a figure may be from the baseline's.")] = 1e-9,
    junit: Annotated[Path | None, typer.Option(help="Write strategy × regime × check as JUnit XML.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write a summary in Markdown.")] = None,
    reports: Annotated[int, typer.Option(min=0, max=1000, help="Write the full reports of so many of the best settings.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Evaluate every setting of a grid under full rules, and what the search for the best of them is worth."""
    from backtest.sweeps.grid import TIMING, load_grid
    from backtest.sweeps.server import start_server

    grid = grid_path(grid) if grid else None
    settings = load_grid(grid or TIMING)
    start_server(settings.size, workers)  # loads what its workers need while this process does
    from backtest.files.documents import to_json
    from backtest.strategy import load_strategy

    if scheduler and engine != "dask":
        raise ConfigurationError("--scheduler without --engine dask; want both")
    if name == "all":
        raise ConfigurationError("sweep all; want one strategy, whose grid it is")
    (path,) = strategies(name)
    spec = load_strategy(path)
    span = {field: value for field, value in _span(start, end).items() if value is not None}
    spec = spec.replaced(**span) if span else spec
    from backtest.cli.sweep import Asked
    from backtest.cli.sweep import sweep as swept
    from backtest.sweeps.summary import terminal as sweep_terminal

    asked = Asked(
        path,
        grid or TIMING,
        _command("sweep", path, prices, facts, span | ({"grid": grid} if grid else {})),
        out,
        resume,
        merge,
        shard,
        engine,
        scheduler,
        workers,
        trials or (),
        baseline,
        tolerance,
        junit,
        summary,
        reports,
    )
    document = swept(spec, lambda tickers: _archive(tickers, prices, facts), asked)
    if document is not None:
        page = out / "sweeps" / spec.name / "index.html"
        sys.stdout.write(to_json(document) if as_json else sweep_terminal(document, page))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error a user can meet is one line on standard error and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # an output that is not UTF-8 gets every letter it knows
    code = 0
    try:
        try:
            code = app(args=list(arguments) if arguments is not None else None, standalone_mode=False) or 0
        finally:
            sys.stdout.flush()
    except UsageError as error:
        code = _show_usage(error)
    except BacktestError as error:
        typer.echo(f"error: {flat(str(error))}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        code = _give_up_output(1)  # whoever read it has read enough
    except OSError as error:
        where = f"{flat(str(error.filename))}: " if error.filename else ""
        typer.echo(f"error: {where}{reason(error)}; expected files that can be read and a disk with room", err=True)
        code = _give_up_output(DataError.exit_code)
    sys.exit(code)


def _span(start: str | None, end: str | None) -> dict[str, Any]:
    """Return the first and last day that a user gives, None for one left out."""
    return {
        "start": None if start is None else day("--start", start),
        "end": None if end is None else day("--end", end),
    }


def _show_usage(error: Any) -> int:
    """Print what is wrong with the options in one line; the whole help where there is no command."""
    if error.ctx is not None and error.message == error.ctx.get_help():
        typer.echo(error.message)
    else:
        command = f"; see {error.ctx.command_path} --help" if error.ctx is not None else ""
        typer.echo(f"error: {flat(error.format_message())}{command}", err=True)
    return ConfigurationError.exit_code


def _give_up_output(code: int) -> int:
    """Send what is left of standard output nowhere, so that the interpreter does not fail on it once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _archive(tickers: Sequence[str], prices: str, facts: str, needed: Sequence[str] | None = None) -> "Archive":
    """Return the archive a user names, after pulling what it lacks where the prices are Yahoo's."""
    from backtest.data.archive import load_archive

    if prices == "yahoo":
        pull_prices(tickers)
    archive = load_archive(tickers, prices, facts, needed)
    if lost := sorted(set(tickers) - set(archive.prices.wealth.columns)):
        typer.echo(f"left out, as there are no prices of them: {', '.join(lost)}", err=True)
    return archive


def _command(name: str, strategy: Path, prices: str, facts: str, options: Mapping[str, Any]) -> str:
    """Return the command that does this again: names and paths as they were typed, prices of a snapshot as its store's."""
    own = strategy in strategies("all")
    words = ["python", "-m", "backtest", name, strategy.stem if own else str(strategy), "--prices", _source(prices)]
    words += ["--facts", _source(facts)] if facts != "reference" else []
    for option, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        flag = "--basket" if option == "baskets" else f"--{option.replace('_', '-')}"
        words += [word for one in values for word in (flag, f"{one:.12g}" if isinstance(one, float) else str(one))]
    return shlex.join(words)


def _source(typed: str) -> str:
    """Return where figures or prices are had again: a store, and its snapshot, which is no other, by one name."""
    from backtest.data.sources.folder import SNAPSHOT

    return "store" if typed == "yahoo" or (Path(typed) / SNAPSHOT).is_file() else typed


def _run_all(
    specs: Sequence["StrategySpec"],
    commands: Sequence[str],
    prices: str,
    facts: str,
    out: Path,
    audit_seconds: float | None,
) -> list["RunResult"]:
    """Run every spec, then publish every report: what fails, fails before anything is written."""
    from backtest.output.publish import publish, publish_index, require_replaceable
    from backtest.report import render, render_index
    from backtest.runs import run, tickers_of
    from backtest.universe import load_universe

    results, pages = [], []
    if len({spec.name for spec in specs}) < len(specs):
        raise ConfigurationError(
            "two strategies have one name, and one would replace the report of the other; expected two names"
        )
    for spec in specs:
        require_replaceable(out / spec.name, spec.name)
    for spec, command in zip(specs, commands, strict=True):
        typer.echo(f"running {spec.name} on {prices}", err=True)
        archive = _archive(tickers_of(spec, load_universe()), prices, facts)
        result = replace(run(spec, archive), command=command)
        if audit_seconds is not None:
            result = replace(result, audit=_audited(spec, result, archive, audit_seconds))
        results.append(result)
        pages.append(render(results[-1]))
    for result, page in zip(results, pages, strict=True):
        if before := other_settings(out / str(result.spec["name"]), result.spec_id):
            typer.echo(f"{out / str(result.spec['name'])}: replaces a report of other settings (spec_id {before})", err=True)
        publish(result, page, out)
    publish_index(out, render_index)
    return results


def _audited(spec: "StrategySpec", result: "RunResult", archive: "Archive", seconds: float) -> dict[str, Any]:
    """Return the audit of a run: the one kept from before where spec, data and code are the same, else a new one."""
    import json

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from backtest import clock
    from backtest.audits import STEPS, audit
    from backtest.audits.cache import load, save
    from backtest.files.documents import to_json
    from backtest.universe import load_universe

    if (before := load(result)) is not None:
        typer.echo(f"audit of {spec.name}: kept from before, spec, data and code are the same", err=True)
        return before
    console = Console(stderr=True)
    columns = TextColumn("auditing {task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(spec.name, total=STEPS)
        found = audit(
            spec, result, archive, load_universe(), seconds,
            lambda said: bar.update(task, advance=1, description=f"{spec.name}: {said}"), clock.SYSTEM,
        )  # fmt: skip
    save(result, found)
    again: dict[str, Any] = json.loads(to_json(found))
    return again


def _signal_lines(document: dict[str, Any]) -> str:
    lines = [f"as of {document['as_of']}"]
    show: Callable[[Any], str] = lambda value: "no opinion" if value is None or value != value else f"{value:+.3f}"  # noqa: E731
    for name, signal in document["signals"].items():
        if isinstance(signal["score"], dict):
            lines.append(f"\n{name}")
            lines += [f"  {ticker:<12}{show(score):>12}" for ticker, score in signal["score"].items()]
            continue
        lines.append(f"\n{name}: {show(signal['score'])}")
        for quarter, reading in signal["quarters"].items():
            mark = f"{reading['evidence']}, {reading['confidence']} confidence"
            lines.append(f"  {quarter}  {reading['value']:+.3f}  known {reading['known_at']}  {mark}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
