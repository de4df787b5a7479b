"""Prints, as Markdown, what Dask adds to a chunk of a sweep, in seconds of CPU, with 1, 2 and 4 workers of this machine.

Run: python benchmarks/dask_overhead.py [rounds]. What a further chunk costs is a difference: a sweep of some chunks three times
over less one of them once, so that libraries, archives and decisions, which are made once, are in neither. CPU is that of the
workers and of this process, which has the scheduler and the client. The work itself is the same chunks in as many processes of
the sweep's own pool, since processes that share cores and caches take longer, whoever gives them their work.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import process_time

from dask.distributed import Client

from backtest.data.sources import folder, reference
from backtest.panel import Archive
from backtest.runs import needed_tickers
from backtest.strategy import load_strategy
from backtest.sweeps.allocator import keep_freed_memory
from backtest.sweeps.chunks import SETTINGS_PER_CHUNK, Chunk, encoded, plan
from backtest.sweeps.dask_cluster import encoded_on, local_cluster
from backtest.sweeps.grid import load_grid
from backtest.sweeps.settings import Settings
from backtest.sweeps.workers import WorkerPool
from backtest.thesis import load_thesis
from sweeps import STRATEGY, draw_prices, grid_of

COUNT = 6000  # settings: one tile, whose decisions are in neither term of the difference
TIMES = 3  # that the chunks are evaluated in the larger sweep


def main(rounds: int) -> None:
    """Print the table."""
    thesis, spec = load_thesis(), load_strategy(STRATEGY)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        draw_prices(home / "prices", needed_tickers(spec, thesis))
        archive = Archive(reference.load_facts(), folder.load_prices(needed_tickers(spec, thesis), home / "prices"))
        settings = Settings(spec, load_grid(grid_of(home, COUNT)))
        chunks = [chunk for chunk in plan(settings, [], home) if len(chunk.numbers) == SETTINGS_PER_CHUNK]
        keep_freed_memory()
        print(f"{len(chunks)} chunks of {SETTINGS_PER_CHUNK} settings, ms of CPU a further chunk; median of {rounds}\n")
        print("| workers | processes alone | Dask | Dask adds |\n|---:|---:|---:|---:|")
        for workers in (1, 2, 4):
            alone = of_processes(workers, settings, archive, chunks, rounds)
            each = on_dask(workers, settings, archive, chunks, rounds)
            print(f"| {workers} | {1e3 * alone:,.0f} | {1e3 * each:,.0f} | {each / alone - 1.0:+.1%} |", flush=True)


def of_processes(workers: int, settings: Settings, archive: Archive, chunks: Sequence[Chunk], rounds: int) -> float:
    """Return the CPU seconds of a further chunk in the pool of a sweep; with one worker that is this process."""
    with WorkerPool(workers, STRATEGY, settings, archive) as pool:

        def spent(some: Sequence[Chunk]) -> float:
            began = process_time() + pool.cpu_seconds
            for _ in pool.each(encoded, some):
                pass
            return process_time() + pool.cpu_seconds - began

        return further(spent, chunks, rounds)


def on_dask(workers: int, settings: Settings, archive: Archive, chunks: Sequence[Chunk], rounds: int) -> float:
    """Return the CPU seconds of a further chunk on a cluster of this machine."""
    with local_cluster(workers) as cluster, Client(cluster) as client:

        def spent(some: Sequence[Chunk]) -> float:
            began = cpu(client)
            for _ in encoded_on(cluster, some, settings, archive):
                pass
            return cpu(client) - began

        return further(spent, chunks, rounds)


def further(spent: Callable[[Sequence[Chunk]], float], chunks: Sequence[Chunk], rounds: int) -> float:
    """Return the median CPU seconds of a further chunk, after a round that loads and compiles."""
    spent(chunks)
    more = (TIMES - 1) * len(chunks)
    return median((spent([*chunks] * TIMES) - spent(chunks)) / more for _ in range(rounds))


def cpu(client: Client) -> float:
    """Return the CPU seconds so far of all workers and of this process."""
    return process_time() + sum(client.run(process_time).values())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
