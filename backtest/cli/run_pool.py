"""The strategies of `run all` in processes of their own, one a core, each forked from a server that has loaded the libraries.

A process gives a report. Where it gives none, this process runs the strategy, so errors are those of one process.
"""

import gc
import io
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from backtest.sweeps.fork_server import METHOD, end_with_parent

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from backtest.output.publish import Report
    from backtest.strategy import StrategySpec
    from backtest.thesis import Thesis


class Job(NamedTuple):
    """A strategy to run: its file, its spec with the changes that a user makes to it, and the command that repeats the run."""

    file: Path
    spec: "StrategySpec"
    changes: Mapping[str, Any]
    command: str


Maker = Callable[["StrategySpec", str], "Report"]  # of a spec and its command


def run_each(
    jobs: Sequence[Job], thesis: "Thesis", make: Maker, on_begin: Callable[[Job], None], count: int
) -> Iterator["Report"]:
    """Yield the report of each job, in order, by at most so many processes.

    Each process takes job after job with a `make` of its own, which is pickled once. What it prints to standard error there is
    printed here.
    """
    if count == 1 or len(jobs) == 1:
        for job in jobs:
            on_begin(job)
            yield make(job.spec, job.command)
        return
    waiting = sorted(range(len(jobs)), key=lambda number: len(jobs[number].spec.books), reverse=True)  # the longest first
    processes: dict[Connection, BaseProcess] = {}
    working: dict[Connection, int] = {}
    before: dict[Connection, int] = {}  # the last job of each process
    made: dict[int, tuple[Report, str] | None] = {}
    try:
        for number, job in enumerate(jobs):
            on_begin(job)
            while number not in made:
                while waiting and len(working) < count:
                    worker = next((each for each in processes if each not in working), None) or _start(processes, thesis, make)
                    working[worker] = before[worker] = next_job(waiting, jobs, before.get(worker))
                    waiting.remove(working[worker])
                    with suppress(OSError):  # of a process that has ended: it sends nothing
                        worker.send(jobs[working[worker]][:1] + jobs[working[worker]][2:])
                for ready in wait(list(working)):
                    assert isinstance(ready, Connection)
                    made[working.pop(ready)] = _received(ready, processes)
            given = made.pop(number)
            if given is not None:
                sys.stderr.write(given[1])
            yield given[0] if given is not None else make(job.spec, job.command)
    finally:
        for process in processes.values():
            process.terminate()


def next_job(waiting: Sequence[int], jobs: Sequence[Job], before: int | None) -> int:
    """Return the job that a process takes next: one of the same baskets as before, whose archive it has opened, or the first."""

    def baskets(number: int) -> list[str]:
        return sorted({basket for names in jobs[number].spec.books.values() for basket in names})

    alike = [] if before is None else [number for number in waiting if baskets(number) == baskets(before)]
    return (alike or waiting)[0]


def _start(processes: dict[Connection, "BaseProcess"], thesis: "Thesis", make: Maker) -> Connection:
    """Start a process that takes jobs; return where it is sent them."""
    context: Any = get_context(METHOD)
    ours: Connection
    ours, theirs = context.Pipe()
    processes[ours] = context.Process(target=_work, args=(theirs, thesis, make), daemon=True)
    processes[ours].start()
    theirs.close()  # so that reading ends when the process does
    return ours


def _received(worker: Connection, processes: dict[Connection, "BaseProcess"]) -> tuple["Report", str] | None:
    """Return what a process sent; None where it sent nothing of use, or ended before: then it is forgotten."""
    try:
        received: tuple[Report, str] | None = pickle.loads(worker.recv_bytes())
    except (EOFError, OSError):
        processes.pop(worker).join()
        return None
    except Exception:  # of classes that are not to be had here
        return None
    return received


def _work(parent: Connection, thesis: "Thesis", make: Maker) -> None:
    """Make report after report in a process of its own; send each with what was printed, or None where it fails."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    Thread(target=end_with_parent, daemon=True).start()
    gc.enable()
    from backtest.strategy import load_strategy

    with suppress(EOFError):
        while True:
            file, changes, command = parent.recv()
            printed, sent = io.StringIO(), pickle.dumps(None)
            with suppress(Exception), redirect_stderr(printed):
                sent = pickle.dumps((make(load_strategy(file, thesis).replaced(**changes), command), printed.getvalue()))
            parent.send_bytes(sent)
