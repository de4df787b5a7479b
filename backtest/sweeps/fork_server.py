"""The server that worker processes are forked from, started before this process loads its libraries: both load at once.

It is `multiprocessing`'s fork server, which has no threads and no data of the work; where there is none, workers are spawned.
"""

import os
from multiprocessing import forkserver, get_all_start_methods, parent_process

METHOD = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
PRELOAD = "backtest.sweeps.preload"
FEW = 512  # settings: one process has done them before a second is ready


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_server(settings: int, workers: int | None) -> None:
    """Start the server where that many settings need workers (None: one a core)."""
    if METHOD == "forkserver" and (workers or cores()) > 1 and settings > FEW:
        start(PRELOAD)


def start(preload: str) -> None:
    """Start the server, with a module that loads what its processes need."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of the server and what it forks: one core each
    forkserver.set_forkserver_preload([preload])
    forkserver.ensure_running()


def end_with_parent() -> None:
    """End this process when its parent has ended, however it ended: the target of a thread."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
