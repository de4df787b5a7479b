"""Where numba keeps compiled code: in the user's cache folder, else in a folder of this process, never beside the code.

Numba itself would write beside the source first, into site-packages, and refuses to import a function that it cannot cache.
It reads where to when it is imported, so compiled functions take `njit` from here.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs

VARIABLE = "NUMBA_CACHE_DIR"


def ensure_cache() -> None:
    """Give numba its folder, unless the user has named one; before numba is imported."""
    if os.environ.get(VARIABLE):
        return
    folder = platformdirs.user_cache_path("capex-backtest") / "numba"
    if _writable(folder):
        os.environ[VARIABLE] = str(folder)
        return
    with suppress(OSError):
        os.environ[VARIABLE] = tempfile.mkdtemp(prefix="numba-")
        atexit.register(shutil.rmtree, os.environ[VARIABLE], ignore_errors=True)


def _writable(folder: Path) -> bool:
    if not folder.is_absolute():
        return False  # of a system that knows no home
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


ensure_cache()
from numba import njit as njit  # noqa: E402
