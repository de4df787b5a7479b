"""glibc keeps freed memory: it would return it between blocks of books, which costs as much as the work."""

import ctypes
import sys
from typing import Any

import pyarrow

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3)
KEEP = 1 << 28  # bytes


def keep_freed_memory() -> None:
    """Ask glibc to keep up to KEEP free bytes; without glibc nothing is asked. pyarrow takes from it what numpy has freed."""
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEEP)
        mallopt(M_MMAP_THRESHOLD, KEEP)


def return_freed_memory() -> None:
    """Give what was freed until now back to the system, once: what follows may not want as much."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
