"""The worker processes of a sweep on this machine, which make chunks and read them.

They are forked from the server of `backtest.sweeps.fork_server`, and end with the process that started them, however it ends.
"""

import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from backtest.errors import BacktestError, ConfigurationError, DataError
from backtest.files.messages import reason
from backtest.panel import Archive
from backtest.strategy import load_strategy
from backtest.sweeps.allocator import keep_freed_memory
from backtest.sweeps.chunks import Chunk
from backtest.sweeps.evaluator import Evaluator
from backtest.sweeps.fork_server import METHOD, end_with_parent
from backtest.sweeps.settings import Settings
from backtest.thesis import load_thesis

Made = TypeVar("Made")
Task = Callable[..., Made]  # (chunk, settings, evaluator, *further) -> what is made of the chunk
MEMORY_STEP = 1 << 24  # bytes by which the peak has to grow before memory is measured again
STATUS = Path("/proc/self/status")  # of Linux
ALIGNED = 64  # bytes: where an array begins in the file of the settings
QUEUED = 2  # chunks of a worker at a time, so that it never waits
_state: tuple[Settings, Evaluator] | BacktestError | None = None  # of a worker process, or why it could not begin


class Memory(NamedTuple):
    """Bytes of memory that a process has for itself, and that it shares with others."""

    own: int
    shared: int


class Cost(NamedTuple):
    """What a worker process has had so far: its memory, and seconds of processor time since it began."""

    memory: Memory
    seconds: float


class WorkerPool:
    """A pool of `count` worker processes, a context; with a count of 1 this process does the work.

    ConfigurationError for a strategy that cannot be sent to another process, BacktestError for a worker that cannot begin.
    """

    def __init__(self, count: int, strategy: Path | None, settings: Settings, archive: Archive) -> None:
        self._settings, self._costs = settings, dict[int, Cost]()
        self._own = Evaluator(archive, archive.thesis.universe)
        self._pools: list[ProcessPoolExecutor] = []
        self._processes: list[int] = []
        self._shared: TemporaryDirectory[str] | None = None
        if count > 1:
            self._shared = TemporaryDirectory(prefix="sweep-")
            try:
                body = _packed(settings, archive, Path(self._shared.name) / "settings")
            except BacktestError:
                self._forget()
                raise
            arguments = strategy, archive.thesis.folder, body
            self._pools = [ProcessPoolExecutor(1, get_context(METHOD), _begin, arguments) for _ in range(count)]

    def __enter__(self) -> Self:
        """Wait until every worker has loaded its libraries, the settings and the archive."""
        try:
            with _naming_the_killed():
                self._processes = [started.result() for started in [pool.submit(_ready) for pool in self._pools]]
        except BaseException as error:
            self.__exit__(type(error))
            raise
        self._forget()  # each worker has mapped the file
        return self

    def __exit__(self, failed: type[BaseException] | None = None, *_: object) -> None:
        for process in self._processes if failed else ():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)  # the chunk in work can take a minute, and is of no use
        for pool in self._pools:
            pool.shutdown(wait=failed is not None, cancel_futures=True)
        self._forget()

    def _forget(self) -> None:
        """Remove the file of the settings, where the system does so under a process that has mapped it."""
        if self._shared is not None:
            with suppress(OSError):
                self._shared.cleanup()

    @property
    def peak_memory(self) -> int:
        """The peak memory of this process and all workers in bytes: what each has for itself, and what they share once.

        They share the libraries, and workers what their server had loaded. Each one's peak counts, at whatever time it had it.
        """
        shared = _memory(0).shared
        peaks = [Memory(peak_memory() - shared, shared), *(cost.memory for cost in self._costs.values())]
        return sum(peak.own for peak in peaks) + max(peak.shared for peak in peaks)

    @property
    def cpu_seconds(self) -> float:
        """Seconds of processor time of all workers since each began."""
        return sum(cost.seconds for cost in self._costs.values())

    def call(self, function: Callable[..., Made], *arguments: Any) -> Made:
        """Return what a function returns, in a worker where there are some: this process need not load its compiled code."""
        if not self._pools:
            return function(*arguments)
        with _naming_the_killed():
            made, process, self._costs[process] = self._pools[0].submit(_called, function, arguments).result()
        return made

    def each(self, task: Task[Made], chunks: Sequence[Chunk], *further: Any) -> Iterator[tuple[Chunk, Made]]:
        """Yield each chunk with what a task makes of it, as it is made; BacktestError where a worker dies.

        A worker stays with a tile, whose decisions it has cached, until nothing is left of it.
        """
        if not self._pools:
            for chunk in chunks:
                yield chunk, task(chunk, self._settings, self._own, *further)
            return
        left, running = _Tiles(chunks), dict[Future[tuple[Made, int, Cost]], tuple[int, Chunk]]()
        ready = [*range(len(self._pools))] * QUEUED  # in turn, so that few chunks are spread over all workers
        with _naming_the_killed():
            while True:
                for worker in ready:
                    if (following := left.take(worker)) is not None:
                        running[self._pools[worker].submit(_done, task, following, further)] = worker, following
                if not running:
                    return
                ended = wait(running, return_when=FIRST_COMPLETED).done
                ready = [running[future][0] for future in ended]
                for future in ended:
                    made, process, self._costs[process] = future.result()
                    yield running.pop(future)[1], made


@contextmanager
def _naming_the_killed() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise BacktestError(
            "a worker of the sweep was killed, perhaps because memory ran out; expected room for it: --resume, or fewer --workers"
        ) from None


class _Tiles:
    """The chunks that are left, by tile."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._left: dict[int, deque[Chunk]] = {}
        for chunk in chunks:
            self._left.setdefault(chunk.tile, deque()).append(chunk)
        self._of: dict[int, int] = {}

    def take(self, worker: int) -> Chunk | None:
        """Return a worker's next chunk: of its own tile, else of a free tile, else of the tile with most chunks left."""
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


def _begin(strategy: Path | None, thesis: Path, body: bytes) -> None:
    """Set up a worker process: it ends with its parent, loads the strategy's own classes, the settings and the archive."""
    global _state
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    Thread(target=end_with_parent, daemon=True).start()
    keep_freed_memory()
    gc.enable()
    try:
        if strategy is not None:
            load_strategy(strategy, load_thesis(thesis))
        settings, archive = _unpacked(body)
        _state = settings, Evaluator(archive, archive.thesis.universe)
    except Exception as error:  # raised by `_ready`: a pool would only say that it is broken
        _state = BacktestError(f"a worker could not begin: {type(error).__name__}: {error}")


def _ready() -> int:
    if isinstance(_state, BacktestError):
        raise _state
    return os.getpid()


def _packed(settings: Settings, archive: Archive, path: Path) -> bytes:
    """Return settings and archive for workers; the arrays of the settings go to a file that all of them map into memory."""
    try:
        arrays = list[pickle.PickleBuffer]()
        settings_body = pickle.dumps(settings, protocol=5, buffer_callback=arrays.append)
        sizes = [len(array.raw()) for array in arrays]
        with path.open("wb") as file:
            for array in arrays:
                file.write(array.raw())
                file.write(bytes(-len(array.raw()) % ALIGNED))
        return pickle.dumps((settings_body, path, sizes, pickle.dumps(archive)))
    except OSError as error:
        raise DataError(f"{path}: cannot write there ({reason(error)}); expected a folder with room") from None
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"workers cannot be sent this strategy ({error}); expected its classes at the top of its file, or --workers 1"
        ) from None


def _unpacked(body: bytes) -> tuple[Settings, Archive]:
    """Return what `_packed` has packed."""
    settings_body, path, sizes, archive_body = pickle.loads(body)
    arrays, first = list[memoryview](), 0
    mapped = np.memmap(path, np.uint8, "r").data
    for size in sizes:
        arrays.append(mapped[first : first + size])
        first += size + -size % ALIGNED
    return pickle.loads(settings_body, buffers=arrays), pickle.loads(archive_body)


def _called(function: Callable[..., Made], arguments: Sequence[Any]) -> tuple[Made, int, Cost]:
    return function(*arguments), os.getpid(), _cost()


def _done(task: Task[Made], chunk: Chunk, further: Sequence[Any]) -> tuple[Made, int, Cost]:
    assert isinstance(_state, tuple)
    made = task(chunk, *_state, *further)
    return made, os.getpid(), _cost()


def _cost() -> Cost:
    return Cost(_memory(peak_memory() // MEMORY_STEP), time.process_time())


def peak_memory() -> int:
    """Return the most memory that this process ever had, in bytes.

    Linux gives a program the `ru_maxrss` of whatever started it, from which it was forked: its own is in /proc.
    """
    if STATUS.exists():
        lines = (line.split() for line in STATUS.read_text(encoding="utf-8").splitlines())
        return next(int(words[1]) * 1024 for words in lines if words and words[0] == "VmHWM:")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@lru_cache(maxsize=1)
def _memory(_peak: int) -> Memory:
    """Return the memory of this process; looking it up takes a while, so it is cached until the peak has grown."""
    rollup = Path("/proc/self/smaps_rollup")
    if not rollup.exists():
        return Memory(peak_memory(), 0)
    sizes = {words[0]: int(words[1]) * 1024 for words in map(str.split, rollup.read_text().splitlines()[1:])}
    own = sizes["Private_Clean:"] + sizes["Private_Dirty:"]
    return Memory(own, sizes["Rss:"] - own)
