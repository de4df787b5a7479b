"""The strategies of `run all` in processes of their own, one a core, each forked from a server that has loaded the libraries.

A process gives a run and its page. Where it gives none, this process runs the strategy, so errors are those of one process.
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

    from backtest.result import RunResult
    from backtest.strategy import StrategySpec
    from backtest.thesis import Thesis


class Job(NamedTuple):
    """A strategy to run: its file, its spec with the changes that a user makes to it, and the command that repeats the run."""

    file: Path
    spec: "StrategySpec"
    changes: Mapping[str, Any]
    command: str


Run = tuple["RunResult", str]  # a run and its page
Maker = Callable[["StrategySpec", str], Run]  # of a spec and its command


def run_each(jobs: Sequence[Job], thesis: "Thesis", make: Maker, on_begin: Callable[[Job], None], count: int) -> Iterator[Run]:
    """Yield run and page of each job, in order, by at most so many processes.

    What `make`, which is pickled, prints to standard error there is printed here.
    """
    if count == 1 or len(jobs) == 1:
        for job in jobs:
            on_begin(job)
            yield make(job.spec, job.command)
        return
    waiting = sorted(range(len(jobs)), key=lambda number: len(jobs[number].spec.books), reverse=True)  # the longest first
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    made: dict[int, tuple[Run, str] | None] = {}
    try:
        for number, job in enumerate(jobs):
            on_begin(job)
            while number not in made:
                while waiting and len(running) < count:
                    started = _start(jobs[waiting[0]], thesis, make)
                    running[started[0]] = waiting.pop(0), started[1]
                for reader in wait(list(running)):
                    assert isinstance(reader, Connection)
                    made[running[reader][0]] = _received(reader)
                    running.pop(reader)[1].join()
            given = made.pop(number)
            if given is not None:
                sys.stderr.write(given[1])
            yield given[0] if given is not None else make(job.spec, job.command)
    finally:
        for _, process in running.values():
            process.terminate()


def _start(job: Job, thesis: "Thesis", make: Maker) -> tuple[Connection, "BaseProcess"]:
    """Start the process of a job; return where its result is read, and the process."""
    context: Any = get_context(METHOD)
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(writer, job.file, job.changes, job.command, thesis, make), daemon=True)
    process.start()
    writer.close()  # so that reading ends when the process does
    return reader, process


def _received(reader: Connection) -> tuple[Run, str] | None:
    """Return what a process sent; None where it ended before, or sent nothing of use."""
    with reader, suppress(Exception):
        received: tuple[Run, str] | None = pickle.loads(reader.recv_bytes())
        return received
    return None


def _work(writer: Connection, file: Path, changes: Mapping[str, Any], command: str, thesis: "Thesis", make: Maker) -> None:
    """Make a run in a process of its own, and send it with what was printed; nothing where it fails or cannot be sent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    Thread(target=end_with_parent, daemon=True).start()
    gc.enable()
    from backtest.strategy import load_strategy

    printed = io.StringIO()
    with writer, suppress(Exception), redirect_stderr(printed):
        run = make(load_strategy(file, thesis).replaced(**changes), command)
        writer.send_bytes(pickle.dumps((run, printed.getvalue())))
