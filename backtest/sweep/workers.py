"""A sweep's work on the cores of this machine: processes that make chunks and read what is in them.

They are forked from a server that has loaded the engine and nothing else, started while the sweep still reads its prices, and
end with the process they work for, however that ends.
"""

import os
import pickle
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import forkserver, get_all_start_methods, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Self, TypeVar

from backtest.errors import BacktestError
from backtest.panel import Archive
from backtest.spec import load_strategy
from backtest.sweep.chunks import Chunk
from backtest.sweep.evaluate import Evaluator
from backtest.sweep.memory import keep_freed_memory
from backtest.sweep.settings import Settings
from backtest.universe import load_universe

Made = TypeVar("Made")
Task = Callable[..., Made]  # (chunk, settings, evaluator, *further) -> what is made of the chunk
Memory = tuple[int, int]  # bytes a process holds for itself, and shares
GROWN = 16 * 1024  # kilobytes
METHOD = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
LOADED = ["backtest.sweep.measure", "vectorbt.portfolio.dispatch", "vectorbt.portfolio.enums"]
_mine: tuple[Settings, Evaluator] | None = None  # what a worker works with


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_early() -> None:
    """Let the server load the engine while this process does other things."""
    if METHOD == "forkserver":
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the server and what it forks: one core each
        forkserver.set_forkserver_preload(LOADED)
        forkserver.ensure_running()


class Crew:
    """So many workers, or this process itself where one is asked for; use it as a context."""

    def __init__(self, count: int, strategy: Path | None, settings: Settings, archive: Archive) -> None:
        self._settings, self._peaks = settings, dict[int, Memory]()
        self._pool: ProcessPoolExecutor | None = None
        self._own = Evaluator(archive, load_universe())
        if count > 1:
            body = pickle.dumps((settings, archive))
            self._pool = ProcessPoolExecutor(count, get_context(METHOD), _begin, (strategy, body))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @property
    def peak_memory(self) -> int:
        """The most that every worker held for itself, and what they share once, in bytes."""
        held = self._peaks.values()
        return sum(own for own, _ in held) + max((shared for _, shared in held), default=0)

    def each(self, task: Task[Made], chunks: Sequence[Chunk], *further: Any) -> Iterator[tuple[Chunk, Made]]:
        """Yield what a task makes of each chunk, as it is made. A worker that dies ends it with BacktestError."""
        if self._pool is None:
            for chunk in chunks:
                yield chunk, task(chunk, self._settings, self._own, *further)
            return
        asked = {self._pool.submit(_done, task, chunk, further): chunk for chunk in chunks}
        try:
            for future in as_completed(list(asked)):
                made, process, held = future.result()
                self._peaks[process] = held
                yield asked.pop(future), made
        except BrokenProcessPool:
            said = "a worker of the sweep was killed, for want of memory perhaps; want --resume, or fewer --workers"
            raise BacktestError(said) from None


def _begin(strategy: Path | None, body: bytes) -> None:
    """Make a worker ready: it ends with its parent, knows the strategy's own classes and holds settings and archive."""
    global _mine
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person's Ctrl-C is the parent's to answer
    Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    if strategy is not None:
        load_strategy(strategy)
    settings, archive = pickle.loads(body)
    _mine = settings, Evaluator(archive, load_universe())


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _done(task: Task[Made], chunk: Chunk, further: Sequence[Any]) -> tuple[Made, int, Memory]:
    assert _mine is not None
    made = task(chunk, *_mine, *further)
    return made, os.getpid(), _memory(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // GROWN)


@lru_cache(maxsize=1)
def _memory(_most: int) -> Memory:
    """Return what this process holds for itself and shares; looked up when the most it held has grown, which takes a while."""
    rollup = Path("/proc/self/smaps_rollup")
    if not rollup.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, 0
    held = {words[0]: int(words[1]) * 1024 for words in map(str.split, rollup.read_text().splitlines()[1:])}
    own = held["Private_Clean:"] + held["Private_Dirty:"]
    return own, held["Rss:"] - own
