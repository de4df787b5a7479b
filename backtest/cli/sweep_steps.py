"""A sweep from its options to its files."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

import pandas as pd
import typer

from backtest.decisions import REPEATED, decide_at, decision_sessions, last_session, require_repeatable, run_sessions
from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.hashes import sealed_json
from backtest.guard import blaming
from backtest.panel import Archive
from backtest.runs import tickers_of
from backtest.strategy import StrategySpec
from backtest.sweeps import baseline, chunks
from backtest.sweeps.grid import load_grid
from backtest.sweeps.identity import identities
from backtest.sweeps.measure import Findings, load, measure
from backtest.sweeps.memory import keep_freed_memory
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.server import FEW, cores
from backtest.sweeps.settings import Settings
from backtest.sweeps.summary import junit, markdown
from backtest.sweeps.trials import open_trials
from backtest.sweeps.workers import Crew, most_held
from backtest.universe import load_universe

MEGABYTES = (500.0, 350.0)  # whatever the sweep, and a worker


def run_sweep(spec: StrategySpec, archive_of: Callable[[Sequence[str]], Archive], asked: SweepOptions) -> dict[str, Any] | None:
    """Evaluate a sweep or a shard of it and return its document; None for a shard, which has no result of its own."""
    began, universe = time.monotonic(), load_universe()
    keep_freed_memory()
    count, settings = asked.workers or cores(), Settings(spec, load_grid(asked.grid))
    memory = MEGABYTES[0] + MEGABYTES[1] * count
    typer.echo(f"{len(settings):,} settings, about {memory:,.0f} MB", err=True)
    held = [settings[number][1] for number in settings.scenes]
    checked = time.monotonic()
    if not asked.shard:
        Thread(target=load, daemon=True).start()  # while prices are read and workers load what they want
    archive = archive_of(sorted({ticker for one in held for ticker in tickers_of(one, universe)}))
    read = time.monotonic()
    _require_repeatable(settings, archive)
    came_from = identities(archive, spec)
    folder = asked.out / "sweeps" / spec.name
    planned = chunks.plan(settings, list(came_from.values()), folder / "chunks")
    mine = chunks.shard_of(planned, asked.shard) if asked.shard else planned
    ledger = open_trials()
    for other in asked.trials:
        ledger.merge(other)
    noted = sorted(number for chunk in mine for number in chunk.numbers)
    there = sum(len(chunk.numbers) for chunk in mine if asked.resume and chunk.path.exists())
    told = _progress(len(noted), there, count)
    if asked.engine == "dask" and not asked.merge:
        from backtest.sweeps.cluster import encoded_on

        chunks.evaluate(mine, asked.resume, lambda wanted: encoded_on(asked.scheduler, wanted, settings, archive), told)
    elsewhere = time.monotonic()
    with Crew(count if len(noted) > FEW else 1, asked.strategy, settings, archive) as crew:
        ready = time.monotonic()
        if asked.engine == "local" and not asked.merge:
            chunks.evaluate(mine, asked.resume, lambda wanted: crew.each(chunks.encoded, wanted), told)
        evaluated = time.monotonic()
        ledger.note(spec.name, archive.data_id, map(settings.spec_id, noted))
        if asked.shard:
            typer.echo(f"{folder / 'chunks'}: shard {asked.shard}, {len(mine)} of {len(planned)} chunks", err=True)
            return None
        chunks.require(planned)
        found = measure(planned, settings, archive, crew, ledger.count(spec.name, archive.data_id))
    if identities(archive, spec) != came_from:
        raise DataError(f"{spec.name}: read other files than when it began; expected a strategy that reads the same, run again")
    baseline.write(found.table, came_from, folder / "settings.parquet")
    counted = (ledger.count(spec.name, archive.data_id), ledger.count(spec.name))
    document = _document(spec, found, came_from, counted) | {"command": asked.command}
    atomic.write(folder / "result.json", sealed_json(document))
    ended = time.monotonic()
    seconds = ended - began
    document |= {
        "seconds": seconds,
        "seconds_by_part": {
            "settings": checked - began,
            "reading": read - checked,
            "workers": ready - elsewhere,
            "evaluating": elsewhere - read + evaluated - ready,
            "measuring": ended - evaluated,
        },
        "settings_per_second": len(settings) / seconds,
        "peak_memory_mb": (most_held() + crew.peak_memory) / 2**20,
    }
    from backtest.output.sweep_report import publish_sweep  # draws: a shard does without

    publish_sweep(spec, archive, found, document, asked.grid, asked.out, asked.reports)
    _answer_ci(document, found, came_from, asked)
    return document


def _require_repeatable(settings: Settings, archive: Archive) -> None:
    """Take the first decisions of the first setting and of the last again; NotRepeatableError when one is not the same."""
    universe = load_universe()
    for number in dict.fromkeys((0, len(settings) - 1)):
        spec = settings[number][1]
        with blaming(f"strategy {spec.name}"):
            for book in spec.books:
                tickers = spec.tickers(book, universe)
                last = last_session(archive.prices, tickers, spec.end, spec.fill)
                sessions = run_sessions(archive.prices, tickers, pd.Timestamp(spec.start), last, spec.fill)
                decided = decision_sessions(spec.rebalance, sessions)
                chosen = [*decided[:REPEATED], decided[-1]]
                decisions = [decide_at(spec, book, archive, universe, session) for session in chosen]
                require_repeatable(spec, book, archive, universe, decisions)


def _answer_ci(document: dict[str, Any], found: Findings, came_from: dict[str, str], asked: SweepOptions) -> None:
    """Hold a sweep against its baseline, where there is one, and write summary and JUnit whatever comes of it."""
    drift: Exception | None = None
    try:
        if asked.baseline:
            document["changed_without_drift"] = baseline.check(found.table, came_from, asked.baseline, asked.tolerance)
    except Exception as error:
        drift = error
        raise
    finally:
        if asked.summary:
            atomic.write(asked.summary, markdown(document, found, drift).encode())
        if asked.junit:
            atomic.write(asked.junit, junit(document, found, drift, asked.baseline is not None).encode())


def _document(spec: StrategySpec, found: Findings, came_from: dict[str, str], counted: tuple[int, int]) -> dict[str, Any]:
    statistics, best = found.statistics, found.best
    return {
        "strategy": spec.name,
        "settings": int(found.table["number"].nunique()),
        "best": best,
        "deflated_sharpe": statistics["deflated_sharpe"].get("probability"),
        "pbo": statistics["pbo"].get("probability"),
        "spa_p": statistics["spa"].get("consistent"),
        "trials": counted[0],
        "trials_on_any_data": counted[1],
        "statistics": statistics,
        "identities": came_from,
    }


def _progress(total: int, there: int, workers: int) -> Callable[[int], None]:
    """Return what counts settings: a line that moves for a person at a terminal, one line of how long it takes elsewhere."""
    pace, begun = Pace(total, there, workers, time.monotonic), False
    moving = not os.environ.get("CI") and sys.stderr.isatty()

    def told(count: int) -> None:
        nonlocal begun
        left = pace.left(count)
        if left is None or (begun and not moving):
            return
        begun = True
        text = f"{pace.done:,} of {total:,} settings, {left:,.0f} s until all are evaluated"
        typer.echo(f"\r{text}  " if moving and pace.done < total else f"\r{text}" if moving else text, err=True, nl=not moving)
        if moving and pace.done == total:
            typer.echo(err=True)

    return told


class Pace:
    """How long the rest of a sweep's settings take, from those it has evaluated; not said before there is enough to go by.

    The settings `there` before it began, and the first chunk of every worker, which waits for compiled code and first decisions,
    say nothing of the pace; then a tenth of the settings has to be done.
    """

    def __init__(self, total: int, there: int, workers: int, clock: Callable[[], float]) -> None:
        self.done, self._total, self._there, self._workers, self._clock = 0, total, there, workers, clock
        self._chunks, self._first, self._since = 0, 0, 0.0

    def left(self, count: int) -> float | None:
        """Return the seconds until all are evaluated, after a chunk of so many settings; None where nobody can know yet."""
        self.done += count
        if self.done <= self._there:
            return None
        self._chunks += 1
        if self._chunks <= self._workers:
            self._first, self._since = self.done, self._clock()
            return None
        measured = self.done - self._first
        return (self._total - self.done) * (self._clock() - self._since) / measured if measured >= 0.1 * self._total else None
