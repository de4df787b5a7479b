"""The chunks of a sweep on Dask Distributed. Workers send a chunk's bytes back; the one that asked writes them."""

import pickle
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from backtest.errors import ConfigurationError, DataError
from backtest.panel import Archive
from backtest.spec import StrategySpec
from backtest.sweep.chunks import Chunk, encoded, put
from backtest.sweep.evaluate import Evaluator
from backtest.sweep.grid import Setting
from backtest.universe import load_universe

RETRIES = 10  # of a chunk that fails; deaths of workers are counted by the scheduler (allowed-failures, 3 by default)
CONNECT_SECONDS = 30
_one_at_a_time = Lock()


def evaluate_on(
    scheduler: str | None,
    chunks: Sequence[Chunk],
    settings: Sequence[tuple[Setting, StrategySpec]],
    archive: Archive,
    resume: bool,
    told: Callable[[int], None],
) -> None:
    """Write every chunk; on a cluster of this machine's cores where no scheduler is named.

    Raises ConfigurationError without the extra `cluster`, DataError where no scheduler answers or it goes, or where too many
    workers die with one chunk. A worker that dies costs the chunk in its hand, which another one takes; what workers share is
    made again from the request that went to the scheduler.
    """
    try:
        import distributed
    except ImportError:
        raise ConfigurationError("--engine dask wants Dask Distributed: pip install 'capex-backtest[cluster]'") from None
    library: Any = distributed
    wanted = [chunk for chunk in chunks if not (resume and chunk.path.exists())]
    for chunk in chunks:
        if chunk not in wanted:
            told(len(chunk.numbers))
    try:
        cluster: Any = scheduler or library.LocalCluster(threads_per_worker=1, dashboard_address=None)
        client: Any = library.Client(cluster, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise DataError(f"{scheduler}: no Dask scheduler answers there ({error})") from None
    try:
        shared = client.submit(Shared, pickle.dumps(archive), pure=False, retries=RETRIES)
        asked = {
            client.submit(
                _encoded, chunk.numbers, [settings[n] for n in chunk.numbers], shared, pure=False, retries=RETRIES
            ): chunk
            for chunk in wanted
        }
        for future in library.as_completed(list(asked)):
            chunk, body = asked[future], future.result()
            future.release()
            told(len(chunk.numbers))
            put(chunk.path, body)
    except library.KilledWorker as error:
        deaths = error.allowed_failures + 1
        raise DataError(f"{deaths} workers died with the same chunk; want room for them, then --resume") from None
    except (library.CancelledError, library.comm.CommClosedError):
        raise DataError(f"{scheduler or 'own cluster'}: the Dask scheduler is gone; want one that stays, then --resume") from None
    finally:
        client.close()
        if scheduler is None:
            cluster.close()


class Shared:
    """What workers share: an archive as bytes, which one may send to another at any time, and the evaluator that stays."""

    def __init__(self, archive: bytes) -> None:
        self._archive = archive
        self._evaluator: Evaluator | None = None

    def __reduce__(self) -> tuple[type["Shared"], tuple[bytes]]:
        return Shared, (self._archive,)  # an evaluator in use changes while it is written

    def evaluator(self) -> Evaluator:
        """Return the evaluator of this process, made when first asked for."""
        if self._evaluator is None:
            self._evaluator = Evaluator(pickle.loads(self._archive), load_universe())
        return self._evaluator


def _encoded(numbers: Sequence[int], settings: Sequence[tuple[Setting, StrategySpec]], shared: Shared) -> bytes:
    with _one_at_a_time:  # the evaluator keeps what it computed, and a worker may have threads
        return encoded(numbers, settings, shared.evaluator())
