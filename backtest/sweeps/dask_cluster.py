"""The chunks of a sweep on Dask Distributed: workers send back the bytes of a chunk, which the sweep's own process writes."""

import pickle
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from threading import Lock
from typing import Any

from backtest.errors import ConfigurationError, DataError
from backtest.panel import Archive
from backtest.strategy import STRATEGY
from backtest.sweeps.allocator import keep_freed_memory
from backtest.sweeps.chunks import Chunk, Decisions, Encoded, decided, encoded
from backtest.sweeps.evaluator import Evaluator
from backtest.sweeps.settings import Settings

RETRIES = 10  # of a chunk that fails; the scheduler counts the deaths of workers (allowed-failures, 3 by default)
CONNECT_SECONDS = 30
# What a cluster of our own does beside the work: a sampler stops every worker 100 times a second, and 50 times a second each
# process notes how busy it is, which is a quarter of a chunk's time with one worker. Nobody sees either without a dashboard.
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}
_lock = Lock()  # an evaluator has caches, and a worker may have threads


def encoded_on(scheduler: str | Any | None, chunks: Sequence[Chunk], settings: Settings, archive: Archive) -> Encoded:
    """Yield each chunk with its bytes as they come, from a scheduler's workers or from a cluster of this machine's cores.

    `scheduler` is an address, a `local_cluster`, or None for one of this machine's cores. What a tile decides is decided by one
    worker, which sends it to the others.

    Raises ConfigurationError without the extra `cluster`, DataError where no scheduler answers or it goes, or where too many
    workers die with one chunk. A chunk of a worker that dies is given to another; what workers share is made again from the
    request that went to the scheduler.
    """
    try:
        import cloudpickle
        import distributed
    except ImportError:
        raise ConfigurationError(
            "--engine dask without Dask Distributed; expected it installed: pip install 'capex-backtest[cluster]'"
        ) from None
    library: Any = distributed
    for name, module in list(sys.modules.items()):
        if name.startswith(STRATEGY):
            cloudpickle.register_pickle_by_value(module)  # a strategy's own classes: workers lack its file
    try:
        with _client(library, scheduler) as client:
            shared = client.submit(Shared, cloudpickle.dumps((settings, archive)), pure=False, retries=RETRIES)
            futures: dict[Any, Chunk] = {}
            for _, members in groupby(chunks, key=lambda chunk: chunk.tile):
                tile = [*members]
                numbers = [number for chunk in tile for number in chunk.numbers]
                decisions = client.submit(_decided, numbers, shared, pure=False, retries=RETRIES)
                submitted = [client.submit(_encoded, chunk, shared, decisions, pure=False, retries=RETRIES) for chunk in tile]
                futures |= dict(zip(submitted, tile, strict=True))
            for future in library.as_completed(list(futures)):
                chunk, body = futures.pop(future), future.result()
                future.release()
                yield chunk, body
    except library.KilledWorker as error:
        deaths = error.allowed_failures + 1
        raise DataError(f"{deaths} workers died with the same chunk; expected memory for them, then --resume") from None
    except (library.CancelledError, library.comm.CommClosedError):
        raise DataError(
            f"{scheduler or 'own cluster'}: the Dask scheduler is gone; expected one that stays, then --resume"
        ) from None


def local_cluster(workers: int | None = None) -> Any:
    """Return a Dask cluster of `workers` processes of this machine (None: one a core), each with one thread; close it."""
    import dask
    import distributed

    library: Any = distributed
    with dask.config.set(QUIET):  # for the scheduler; workers, and those in place of one that dies, are given it to keep
        return library.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, config=QUIET)


@contextmanager
def _client(library: Any, scheduler: str | None) -> Iterator[Any]:
    """Yield a client of a scheduler, or of a cluster of our own that ends with it."""
    try:
        cluster: Any = scheduler or local_cluster()
        reaching = {"timeout": CONNECT_SECONDS} if isinstance(scheduler, str) else {"direct_to_workers": True}
        client: Any = library.Client(cluster, **reaching)
    except (OSError, TimeoutError, ValueError) as error:
        raise DataError(f"{scheduler}: no Dask scheduler answers there ({error})") from None
    try:
        yield client
    finally:
        client.close()
        if scheduler is None:
            cluster.close()


class Shared:
    """What workers share: settings and archive as bytes, which they send each other, and the evaluator of each process."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._made: tuple[Settings, Evaluator] | None = None

    def __reduce__(self) -> tuple[type["Shared"], tuple[bytes]]:
        return Shared, (self._body,)  # an evaluator at work changes while it is pickled

    def made(self) -> tuple[Settings, Evaluator]:
        """Return the settings and the evaluator of this process."""
        if self._made is None:
            keep_freed_memory()
            settings, archive = pickle.loads(self._body)
            self._made = settings, Evaluator(archive, archive.thesis.universe)
        return self._made


def _decided(numbers: Sequence[int], shared: Shared) -> Decisions:
    with _lock:
        return decided(numbers, *shared.made())


def _encoded(chunk: Chunk, shared: Shared, decisions: Decisions) -> bytes:
    with _lock:
        return encoded(chunk, *shared.made(), decisions)
