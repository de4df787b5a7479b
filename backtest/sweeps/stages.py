"""The stages of a sweep: settings are checked, prices read, chunks evaluated and noted in the ledger, figures measured."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread
from time import process_time

import numpy as np
import pandas as pd

from backtest.decisions import REPEATED, decide_at, decision_sessions, last_session, require_repeatable, run_sessions
from backtest.errors import DataError
from backtest.guard import blaming
from backtest.panel import Archive
from backtest.runs import needed_tickers
from backtest.strategy import StrategySpec
from backtest.sweeps import chunks
from backtest.sweeps.allocator import keep_freed_memory, return_freed_memory
from backtest.sweeps.chunks import Chunk
from backtest.sweeps.expectations import require_answers
from backtest.sweeps.finished import Sweep
from backtest.sweeps.forecast import Work
from backtest.sweeps.fork_server import FEW, cores
from backtest.sweeps.gate import outcomes
from backtest.sweeps.grid import Grid, load_grid
from backtest.sweeps.identity import identities
from backtest.sweeps.measurement import Measured, compile_statistics, measure
from backtest.sweeps.notes import open_notes
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.progress import Stopwatch, evaluation
from backtest.sweeps.results import SweepCost, SweepResult, SweepSummary
from backtest.sweeps.settings import Settings
from backtest.sweeps.trials import Trials, open_trials
from backtest.sweeps.workers import WorkerPool
from backtest.thesis import Thesis

MEGABYTES = (260.0, 200.0, 0.2)  # of a sweep, of each worker, and of a thousand settings, whose numbers and hashes are held


@dataclass(frozen=True)
class _Plan:
    """What is settled before the first chunk: all chunks of the sweep, and those that are evaluated here."""

    settings: Settings
    archive: Archive
    identities: dict[str, str]
    chunks: list[Chunk]
    ours: list[Chunk]
    workers: int

    @property
    def numbers(self) -> np.ndarray:
        numbers = [chunk.numbers for chunk in self.ours]
        return np.sort(np.concatenate(numbers)) if numbers else np.empty(0, dtype=np.int32)


def run_sweep(
    spec: StrategySpec, thesis: Thesis, load_archive: Callable[[Sequence[str]], Archive], options: SweepOptions
) -> Sweep | None:
    """Evaluate a sweep of a strategy on a thesis, or a shard of it; None for a shard, which has no result of its own.

    `load_archive` is called with every ticker that a setting can hold.
    """
    keep_freed_memory()
    watch = Stopwatch()
    plan = _plan(spec, thesis, load_archive, options, watch)
    ledger = open_trials()
    for path in options.trials:
        ledger.merge(path)
    work, reading = _work(plan, options), watch.parts["reading"]
    if not options.shard:
        print(f"about {work.evaluating(reading) + work.later(reading):,.0f} s until its page is there", file=sys.stderr)
    count, done = len(plan.numbers), len(plan.numbers) - work.missing
    if options.engine == "dask" and not options.merge:
        with evaluation(count, done, plan.workers, work.later(reading)) as on_progress:
            _evaluate_on_dask(plan, options, on_progress)
    watch.lap("evaluating")
    with WorkerPool(work.workers, options.strategy, plan.settings, plan.archive) as pool:
        watch.lap("workers")
        if options.engine == "local" and not options.merge:
            with evaluation(count, done, plan.workers, work.later(reading)) as on_progress:
                chunks.evaluate(plan.ours, options.resume, lambda missing: pool.each(chunks.encoded, missing), on_progress)
        watch.lap("evaluating")
        ledger.note(spec.name, plan.archive.data_id, map(plan.settings.spec_id, plan.numbers))
        if options.shard:
            folder = options.folder(spec.name) / "chunks"
            print(f"{folder}: shard {options.shard}, {len(plan.ours)} of {len(plan.chunks)} chunks", file=sys.stderr)
            return None
        chunks.require(plan.chunks)
        trials = ledger.count(spec.name, plan.archive.data_id)
        measured = measure(plan.chunks, plan.settings, plan.archive, pool, trials)
    if identities(plan.archive, spec) != plan.identities:
        raise DataError(f"{spec.name}: read other files than when it began; expected a strategy that reads the same, run again")
    watch.lap("measuring")
    count = len(plan.settings)
    memory = pool.peak_memory / 2**20
    cost = SweepCost(watch.seconds, process_time() + pool.cpu_seconds, watch.parts, count / watch.seconds, memory)
    return Sweep(plan.settings, plan.archive, _result(spec, plan, measured, ledger, options), options, cost)


def _plan(
    spec: StrategySpec,
    thesis: Thesis,
    load_archive: Callable[[Sequence[str]], Archive],
    options: SweepOptions,
    watch: Stopwatch,
) -> _Plan:
    workers = options.workers or cores()
    grid, source = (options.grid, "grid") if isinstance(options.grid, Grid) else (load_grid(options.grid), options.grid)
    require_answers(grid.expect, source, spec, thesis)
    settings = Settings(spec, grid)
    return_freed_memory()
    megabytes = MEGABYTES[0] + MEGABYTES[1] * workers + MEGABYTES[2] * len(settings) / 1000.0
    print(f"{len(settings):,} settings, about {megabytes:,.0f} MB", file=sys.stderr)
    tickers = {ticker for number in settings.scopes for ticker in needed_tickers(settings[number][1], thesis)}
    watch.lap("settings")
    if not options.shard and (workers == 1 or len(settings) <= FEW):
        Thread(target=compile_statistics, daemon=True).start()  # while prices are read and workers load their libraries
    archive = load_archive(sorted(tickers))
    watch.lap("reading")
    _require_repeatable(settings, archive)
    origin = identities(archive, spec)
    planned = chunks.plan(settings, list(origin.values()), options.folder(spec.name) / "chunks")
    ours = chunks.shard_of(planned, options.shard) if options.shard else planned
    return _Plan(settings, archive, origin, planned, ours, workers)


def _require_repeatable(settings: Settings, archive: Archive) -> None:
    """Take the first decisions of the first setting and of the last again; NotRepeatableError when one is not the same."""
    universe = archive.thesis.universe
    for number in dict.fromkeys((0, len(settings) - 1)):
        spec = settings[number][1]
        with blaming(f"strategy {spec.name}"):
            for book in spec.books:
                tickers, base = spec.tickers(book, universe), spec.currency(book, universe)
                last = last_session(archive.prices, tickers, spec.end, spec.fill, base)
                sessions = run_sessions(archive.prices, tickers, pd.Timestamp(spec.start), last, base)
                decided = decision_sessions(spec.rebalance, sessions)
                chosen = [*decided[:REPEATED], decided[-1]]
                decisions = [decide_at(spec, book, archive, universe, session) for session in chosen]
                require_repeatable(spec, book, archive, universe, decisions)


def _work(plan: _Plan, options: SweepOptions) -> Work:
    """Return what is left to do."""
    done = sum(len(chunk.numbers) for chunk in plan.ours if options.resume and chunk.path.exists())
    fields = sum(len(values) > 1 for values in plan.settings.grid.fields.values())
    return Work(
        settings=len(plan.settings),
        missing=0 if options.merge else len(plan.numbers) - done,
        fields=fields,
        books=len(plan.settings.spec.books),
        workers=plan.workers if len(plan.numbers) > FEW else 1,
        reports=min(options.reports, len(plan.settings)),
    )


def _evaluate_on_dask(plan: _Plan, options: SweepOptions, on_progress: Callable[[int], None]) -> None:
    from backtest.sweeps.dask_cluster import encoded_on

    def encode(missing: Sequence[Chunk]) -> chunks.Encoded:
        return encoded_on(options.scheduler, missing, plan.settings, plan.archive)

    chunks.evaluate(plan.ours, options.resume, encode, on_progress)


def _result(spec: StrategySpec, plan: _Plan, measured: Measured, ledger: Trials, options: SweepOptions) -> SweepResult:
    summary = SweepSummary(
        strategy=spec.name,
        settings=len(plan.settings),
        best=measured.best,
        statistics=measured.statistics,
        trials=ledger.count(spec.name, plan.archive.data_id),
        trials_on_any_data=ledger.count(spec.name),
        identities=plan.identities,
        command=options.command,
        expectations=outcomes(plan.settings.grid.expect, measured.table, measured.best, measured.statistics),
        notes=open_notes(plan.settings, plan.archive.prices, plan.archive.thesis.universe, measured.windows[-1]),
        compared=measured.compared,
    )
    return SweepResult(summary, measured.table, tuple(plan.settings.grid.fields), measured.windows)
