"""The command `sweep`: a strategy over a grid."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from backtest.sweeps.options import Engine, SweepOptions

if TYPE_CHECKING:
    from backtest.sweeps.finished import Sweep


def sweep(
    name: Annotated[str, typer.Argument(metavar="STRATEGY", help=NAME_HELP)],
    grid: Annotated[
        Path | None,
        typer.Option(help="A TOML file of settings, or the name of one that is shipped; default: rhythms, lags and slippages."),
    ] = None,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    thesis: ThesisOption = None,
    start: StartOption = None,
    end: EndOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports; the sweep is in sweeps/STRATEGY there.")] = Path("reports"),
    tag: TagOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave the chunks that are there.")] = False,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="Only this part of the chunks, and no result.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Evaluate nothing: put the chunks of all shards together.")] = False,
    engine: Annotated[Engine, typer.Option(help="Where the chunks are evaluated.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDR", help="A Dask scheduler; default: a cluster of this machine's cores.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1024, help="Processes on this machine; default: one a core.")] = None,
    trials: Annotated[list[Path] | None, typer.Option(help="Ledgers of trials from elsewhere to take in first.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="The settings.parquet of an earlier sweep: exit 5 on drift.")] = None,
    tolerance: Annotated[float, typer.Option(min=0.0, help="How far a figure may be from the baseline's.")] = 1e-9,
    junit: Annotated[Path | None, typer.Option(help="Write strategy × window × check as JUnit XML.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write a summary in Markdown.")] = None,
    reports: Annotated[int, typer.Option(min=0, max=1000, help="Write the full reports of this many of the best settings.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Evaluate every setting of a grid under full rules, and what the search for the best of them is worth."""
    if name == "all":
        raise ConfigurationError("sweep all; expected one strategy, whose grid it is")
    from backtest.sweeps.fork_server import start_server
    from backtest.sweeps.grid import DEFAULT_GRID, load_grid
    from backtest.thesis.strategies import grid_path, strategies

    chosen = thesis_of(thesis, name)
    grid = grid_path(grid, chosen) if grid else None
    start_server(load_grid(grid or DEFAULT_GRID).size, workers)  # loads what its workers need while this process does
    from backtest.strategy import load_strategy
    from backtest.sweeps.stages import run_sweep

    (path,) = strategies(name, chosen)
    spec, days = load_strategy(path, chosen), span(start, end)
    spec = spec.replaced(**days) if days else spec
    repeated = days | ({"grid": grid} if grid else {}) | ({"thesis": thesis} if thesis else {})
    command = command_text("sweep", path, chosen, prices, facts, repeated)
    options = SweepOptions(
        path, grid or DEFAULT_GRID, out, command, resume=resume, merge=merge, shard=shard, engine=engine, scheduler=scheduler,
        workers=workers, trials=tuple(trials or ()), baseline=baseline, tolerance=tolerance, junit=junit, summary=summary,
        reports=reports, tag=tag,
    )  # fmt: skip
    finished = run_sweep(spec, chosen, lambda tickers: load_archive(tickers, prices, facts, chosen), options)
    if finished is not None:
        _finish(finished, options, as_json)


def _finish(finished: "Sweep", options: SweepOptions, as_json: bool) -> None:
    """Write the files of a sweep and print what came out of it."""
    from backtest.files.documents import to_json
    from backtest.output.sweep_report import publish_sweep
    from backtest.sweeps.document import sweep_document
    from backtest.sweeps.summary import answer_ci
    from backtest.sweeps.terminal import terminal
    from backtest.text.screen import screen_of

    page = publish_sweep(finished, options)
    changed = answer_ci(finished.result, options)
    if not as_json:
        sys.stdout.write(terminal(finished.result.summary, page, screen_of()))
        return
    document = sweep_document(finished.result.summary) | asdict(finished.cost)
    sys.stdout.write(to_json(document if changed is None else document | {"changed_without_drift": changed}))
