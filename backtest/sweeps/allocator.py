"""glibc keeps freed memory: it would return it between blocks of books, which costs as much as the work."""

import ctypes
import sys

import pyarrow

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3)
KEEP = 1 << 28  # bytes


def keep_freed_memory() -> None:
    """Ask glibc to keep up to KEEP free bytes; without glibc nothing is asked. pyarrow takes from it what numpy has freed."""
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEEP)
        mallopt(M_MMAP_THRESHOLD, KEEP)
