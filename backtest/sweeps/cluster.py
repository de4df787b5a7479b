"""The chunks of a sweep on Dask Distributed. Workers send a chunk's bytes back; the one that asked writes them."""

import pickle
import sys
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from backtest.errors import ConfigurationError, DataError
from backtest.panel import Archive
from backtest.strategy import STRATEGY
from backtest.sweeps.chunks import Chunk, encoded
from backtest.sweeps.evaluate import Evaluator
from backtest.sweeps.settings import Settings
from backtest.universe import load_universe

RETRIES = 10  # of a chunk that fails; deaths of workers are counted by the scheduler (allowed-failures, 3 by default)
CONNECT_SECONDS = 30
_one_at_a_time = Lock()


def encoded_on(
    scheduler: str | None, chunks: Sequence[Chunk], settings: Settings, archive: Archive
) -> Iterator[tuple[Chunk, bytes]]:
    """Yield each chunk with its bytes, as they come; from a cluster of this machine's cores where no scheduler is named.

    Raises ConfigurationError without the extra `cluster`, DataError where no scheduler answers or it goes, or where too many
    workers die with one chunk. A worker that dies costs the chunk in its hand, which another one takes; what workers share is
    made again from the request that went to the scheduler.
    """
    try:
        import cloudpickle
        import distributed
    except ImportError:
        raise ConfigurationError("--engine dask wants Dask Distributed: pip install 'capex-backtest[cluster]'") from None
    library: Any = distributed
    try:
        cluster: Any = scheduler or library.LocalCluster(threads_per_worker=1, dashboard_address=None)
        client: Any = library.Client(cluster, **({"timeout": CONNECT_SECONDS} if scheduler else {}))
    except (OSError, TimeoutError, ValueError) as error:
        raise DataError(f"{scheduler}: no Dask scheduler answers there ({error})") from None
    for name, module in list(sys.modules.items()):
        if name.startswith(STRATEGY):
            cloudpickle.register_pickle_by_value(module)  # a strategy's own classes: workers lack its file
    try:
        shared = client.submit(Shared, cloudpickle.dumps((settings, archive)), pure=False, retries=RETRIES)
        asked = {client.submit(_encoded, chunk, shared, pure=False, retries=RETRIES): chunk for chunk in chunks}
        for future in library.as_completed(list(asked)):
            chunk, body = asked.pop(future), future.result()
            future.release()
            yield chunk, body
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
    """What workers share: settings and archive as bytes, which one may send to another at any time, and what was made of them."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._made: tuple[Settings, Evaluator] | None = None

    def __reduce__(self) -> tuple[type["Shared"], tuple[bytes]]:
        return Shared, (self._body,)  # an evaluator in use changes while it is written

    def made(self) -> tuple[Settings, Evaluator]:
        """Return the settings and the evaluator of this process, made when first asked for."""
        if self._made is None:
            settings, archive = pickle.loads(self._body)
            self._made = settings, Evaluator(archive, load_universe())
        return self._made


def _encoded(chunk: Chunk, shared: Shared) -> bytes:
    with _one_at_a_time:  # the evaluator keeps what it computed, and a worker may have threads
        return encoded(chunk, *shared.made())
