"""The server that a sweep's workers are forked from: started before anything heavy is loaded, it loads what they need meanwhile.

It is `multiprocessing`'s fork server, which has no threads and no data of the sweep; where there is none workers start anew.
"""

import os
from multiprocessing import forkserver, get_all_start_methods

METHOD = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
LOADED = "backtest.sweeps.loaded"
FEW = 512  # settings that one process does before a second is ready


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_server(settings: int, workers: int | None) -> None:
    """Start the server where so many settings want workers; by default there is one worker a core."""
    if METHOD == "forkserver" and (workers or cores()) > 1 and settings > FEW:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the server and what it forks: one core each
        forkserver.set_forkserver_preload([LOADED])
        forkserver.ensure_running()
