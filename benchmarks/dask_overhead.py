"""Prints, as Markdown, what Dask adds to a chunk of a sweep, in seconds of CPU, with 1, 2 and 4 workers of this machine.

Run: python benchmarks/dask_overhead.py [rounds]. What a further chunk costs is a difference: a sweep of all chunks less one of
the first few, so that libraries, archives and decisions, which every worker makes once, are in neither. CPU is that of the
workers and of this process, which has the scheduler and the client; the work itself is the same chunks made in this process.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import process_time

from dask.distributed import Client, LocalCluster

from backtest.data.sources import folder, reference
from backtest.panel import Archive
from backtest.runs import needed_tickers
from backtest.strategy import load_strategy
from backtest.sweeps.allocator import keep_freed_memory
from backtest.sweeps.chunks import SETTINGS_PER_CHUNK, Chunk, encoded, plan
from backtest.sweeps.dask_cluster import encoded_on
from backtest.sweeps.evaluator import Evaluator
from backtest.sweeps.grid import load_grid
from backtest.sweeps.settings import Settings
from backtest.thesis import load_thesis
from sweeps import STRATEGY, draw_prices, grid_of

COUNT, FEW = 6000, 4  # settings; chunks of the smaller sweep, one a worker at least


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
        alone = further(partial_work(settings, archive), chunks, rounds)
        print(f"{SETTINGS_PER_CHUNK} settings a chunk; a further chunk alone {1e3 * alone:,.0f} ms of CPU; median of {rounds}\n")
        print("| workers | ms of CPU a further chunk | Dask adds |\n|---:|---:|---:|")
        for workers in (1, 2, 4):
            with (
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
                Client(cluster) as client,
            ):

                def spent(some: Sequence[Chunk], client: Client = client, address: str = cluster.scheduler_address) -> float:
                    began = cpu(client)
                    for _ in encoded_on(address, some, settings, archive):
                        pass
                    return cpu(client) - began

                each = further(spent, chunks, rounds)
            print(f"| {workers} | {1e3 * each:,.0f} | {each / alone - 1.0:+.1%} |")


def partial_work(settings: Settings, archive: Archive) -> Callable[[Sequence[Chunk]], float]:
    """Return the CPU seconds of some chunks in this process."""

    def spent(chunks: Sequence[Chunk]) -> float:
        evaluator, began = Evaluator(archive, archive.thesis.universe), process_time()
        for chunk in chunks:
            encoded(chunk, settings, evaluator)
        return process_time() - began

    return spent


def further(spent: Callable[[Sequence[Chunk]], float], chunks: Sequence[Chunk], rounds: int) -> float:
    """Return the median CPU seconds of a further chunk, after one round that loads and compiles."""
    spent(chunks[:FEW])
    return median((spent(chunks) - spent(chunks[:FEW])) / (len(chunks) - FEW) for _ in range(rounds))


def cpu(client: Client) -> float:
    """Return the CPU seconds so far of all workers and of this process."""
    return process_time() + sum(client.run(process_time).values())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
