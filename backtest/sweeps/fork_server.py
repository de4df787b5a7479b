"""The server that a sweep's workers are forked from, started before this process loads its libraries: both load at once.

It is `multiprocessing`'s fork server, which has no threads and no data of the sweep; where there is none, workers are spawned.
"""

import os
from multiprocessing import forkserver, get_all_start_methods

METHOD = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
PRELOAD = "backtest.sweeps.preload"
FEW = 512  # settings: one process has done them before a second is ready


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_server(settings: int, workers: int | None) -> None:
    """Start the server where that many settings need workers (None: one a core)."""
    if METHOD == "forkserver" and (workers or cores()) > 1 and settings > FEW:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the server and what it forks: one core each
        forkserver.set_forkserver_preload([PRELOAD])
        forkserver.ensure_running()
