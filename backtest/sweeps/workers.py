"""A sweep's work on the cores of this machine: processes that make chunks and read what is in them.

They are forked from the server of `backtest.sweeps.server`, and end with the process they work for, however that ends.
"""

import gc
import os
import pickle
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Self, TypeVar

from backtest.errors import BacktestError, ConfigurationError
from backtest.panel import Archive
from backtest.strategy import load_strategy
from backtest.sweeps.chunks import Chunk
from backtest.sweeps.evaluate import Evaluator
from backtest.sweeps.memory import keep_freed_memory
from backtest.sweeps.server import METHOD
from backtest.sweeps.settings import Settings
from backtest.universe import load_universe

Made = TypeVar("Made")
Task = Callable[..., Made]  # (chunk, settings, evaluator, *further) -> what is made of the chunk
Memory = tuple[int, int]  # bytes a process holds for itself, and shares
GROWN = 1 << 24  # bytes
QUEUED = 2  # chunks given to a worker at a time, so that it never waits
_mine: tuple[Settings, Evaluator] | BacktestError | None = None  # what a worker works with, or why it cannot


class Crew:
    """So many workers, or this process itself where one is asked for; use it as a context."""

    def __init__(self, count: int, strategy: Path | None, settings: Settings, archive: Archive) -> None:
        self._settings, self._peaks = settings, dict[int, Memory]()
        self._own = Evaluator(archive, load_universe())
        self._pools: list[ProcessPoolExecutor] = []
        self._processes: list[int] = []
        if count > 1:
            given = strategy, _packed(settings, archive)
            self._pools = [ProcessPoolExecutor(1, get_context(METHOD), _begin, given) for _ in range(count)]

    def __enter__(self) -> Self:
        """Wait until every worker is there: it has loaded its libraries and knows settings and archive."""
        try:
            with _said_when_killed():
                self._processes = [started.result() for started in [pool.submit(_ready) for pool in self._pools]]
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, failed: type[BaseException] | None = None, *_: object) -> None:
        for process in self._processes if failed else ():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)  # a chunk in hand can take a minute, and nobody wants it
        for pool in self._pools:
            pool.shutdown(wait=failed is not None, cancel_futures=True)

    @property
    def peak_memory(self) -> int:
        """The most that every worker held for itself, and what they share once, in bytes."""
        held = self._peaks.values()
        return sum(own for own, _ in held) + max((shared for _, shared in held), default=0)

    def each(self, task: Task[Made], chunks: Sequence[Chunk], *further: Any) -> Iterator[tuple[Chunk, Made]]:
        """Yield what a task makes of each chunk, as it is made. A worker that dies ends it with BacktestError.

        A worker stays with a tile, whose decisions it knows, until nothing is left of it.
        """
        if not self._pools:
            for chunk in chunks:
                yield chunk, task(chunk, self._settings, self._own, *further)
            return
        left, running = _Tiles(chunks), dict[Future[tuple[Made, int, Memory]], tuple[int, Chunk]]()
        ready = [worker for worker in range(len(self._pools)) for _ in range(QUEUED)]
        with _said_when_killed():
            while True:
                for worker in ready:
                    if (one := left.take(worker)) is not None:
                        running[self._pools[worker].submit(_done, task, one, further)] = worker, one
                if not running:
                    return
                ended = wait(running, return_when=FIRST_COMPLETED).done
                ready = [running[future][0] for future in ended]
                for future in ended:
                    made, process, self._peaks[process] = future.result()
                    yield running.pop(future)[1], made


@contextmanager
def _said_when_killed() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        said = "a worker of the sweep was killed, for want of memory perhaps; want --resume, or fewer --workers"
        raise BacktestError(said) from None


class _Tiles:
    """What is left to do, by tile."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._left: dict[int, deque[Chunk]] = {}
        for chunk in chunks:
            self._left.setdefault(chunk.tile, deque()).append(chunk)
        self._of: dict[int, int] = {}

    def take(self, worker: int) -> Chunk | None:
        """Return a worker's next chunk: of its own tile, else of one that nobody works on, else of the one with most left."""
        if not self._left:
            return None
        if self._of.get(worker) not in self._left:
            free = [tile for tile in self._left if tile not in self._of.values()]
            self._of[worker] = free[0] if free else max(self._left, key=lambda tile: len(self._left[tile]))
        tile = self._of[worker]
        chunk = self._left[tile].popleft()
        if not self._left[tile]:
            del self._left[tile]
        return chunk


def _begin(strategy: Path | None, body: bytes) -> None:
    """Make a worker ready: it ends with its parent, knows the strategy's own classes and holds settings and archive."""
    global _mine
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person's Ctrl-C is the parent's to answer
    Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    gc.enable()
    try:
        if strategy is not None:
            load_strategy(strategy)
        settings, archive = pickle.loads(body)
        _mine = settings, Evaluator(archive, load_universe())
    except Exception as error:  # told when asked: a pool would only say that it is broken
        _mine = BacktestError(f"a worker could not begin: {type(error).__name__}: {error}")


def _ready() -> int:
    if isinstance(_mine, BacktestError):
        raise _mine
    return os.getpid()


def _packed(settings: Settings, archive: Archive) -> bytes:
    try:
        return pickle.dumps((settings, archive))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"workers cannot be sent this strategy ({error}); want its classes at the top of its file, or --workers 1"
        ) from None


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _done(task: Task[Made], chunk: Chunk, further: Sequence[Any]) -> tuple[Made, int, Memory]:
    assert isinstance(_mine, tuple)
    made = task(chunk, *_mine, *further)
    return made, os.getpid(), _memory(most_held() // GROWN)


def most_held() -> int:
    """Return the most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@lru_cache(maxsize=1)
def _memory(_most: int) -> Memory:
    """Return what this process holds for itself and shares; looked up when the most it held has grown, which takes a while."""
    rollup = Path("/proc/self/smaps_rollup")
    if not rollup.exists():
        return most_held(), 0
    held = {words[0]: int(words[1]) * 1024 for words in map(str.split, rollup.read_text().splitlines()[1:])}
    own = held["Private_Clean:"] + held["Private_Dirty:"]
    return own, held["Rss:"] - own
