"""The chunks of a sweep on Dask Distributed. Workers send a chunk's bytes back; the one that asked writes them."""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from backtest.errors import ConfigurationError, DataError
from backtest.panel import Archive
from backtest.sweep.chunks import Chunk, encoded
from backtest.sweep.evaluate import Evaluator
from backtest.sweep.settings import Settings
from backtest.universe import load_universe

DEATHS_ALLOWED = 10  # of workers with the same chunk in hand
CONNECT_SECONDS = 30
_one_at_a_time = Lock()


def encoded_on(
    scheduler: str | None, chunks: Sequence[Chunk], settings: Settings, archive: Archive
) -> Iterator[tuple[Chunk, bytes]]:
    """Yield each chunk with its bytes, as they come; from a cluster of this machine's cores where no scheduler is named.

    Raises ConfigurationError without the extra `cluster`, DataError where no scheduler answers. A worker that dies costs the
    chunk in its hand, which another one takes; what workers share is made again from the request that went to the scheduler.
    """
    try:
        import distributed
    except ImportError:
        raise ConfigurationError("--engine dask wants Dask Distributed: pip install 'capex-backtest[cluster]'") from None
    library: Any = distributed
    try:
        cluster: Any = scheduler or library.LocalCluster(threads_per_worker=1, dashboard_address=None)
        client: Any = library.Client(cluster, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise DataError(f"{scheduler}: no Dask scheduler answers there ({error})") from None
    try:
        shared = client.submit(_shared, settings, archive, pure=False, retries=DEATHS_ALLOWED)
        asked = {client.submit(_encoded, chunk, shared, pure=False, retries=DEATHS_ALLOWED): chunk for chunk in chunks}
        for future in library.as_completed(list(asked)):
            chunk, body = asked.pop(future), future.result()
            future.release()
            yield chunk, body
    finally:
        client.close()
        if scheduler is None:
            cluster.close()


def _shared(settings: Settings, archive: Archive) -> tuple[Settings, Evaluator]:
    return settings, Evaluator(archive, load_universe())


def _encoded(chunk: Chunk, shared: tuple[Settings, Evaluator]) -> bytes:
    with _one_at_a_time:  # the evaluator keeps what it computed, and a worker may have threads
        return encoded(chunk, *shared)
