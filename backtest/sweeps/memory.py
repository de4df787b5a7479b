"""What one block of books frees is kept for the next: giving it back to the system costs as much as the orders of the block."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3)
KEPT = 1 << 28  # bytes


def keep_freed_memory() -> None:
    """Ask glibc to keep up to KEPT bytes that are free; nothing where there is no glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, KEPT)
