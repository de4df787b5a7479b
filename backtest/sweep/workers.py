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
    """So many workers, or this process itself where one is asked for; use it as a context.

    `peak_memory` is the sum of the most that each worker held, in bytes.
    """

    def __init__(self, count: int, strategy: Path | None, settings: Settings, archive: Archive) -> None:
        self._settings, self._peaks = settings, dict[int, int]()
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
        return sum(self._peaks.values())

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
            raise BacktestError("a worker of the sweep was killed, for want of memory perhaps; want --resume, or fewer --workers") from None


def _begin(strategy: Path | None, body: bytes) -> None:
    """Make a worker ready: it ends with its parent, knows the strategy's own classes and holds settings and archive."""
    global _mine  # noqa: PLW0603 - a pool's initialiser has no other place to leave something
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


def _done(task: Task[Made], chunk: Chunk, further: Sequence[Any]) -> tuple[Made, int, int]:
    assert _mine is not None
    made = task(chunk, *_mine, *further)
    return made, os.getpid(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
