"""Where numba keeps compiled code: beside the source or in the user's folder, else in one of this process only.

Numba refuses to import a function it cannot cache, ours and vectorbt's alike.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import platformdirs

VARIABLE = "NUMBA_CACHE_DIR"
CACHING = ("backtest/execution", "backtest/statistics", "vectorbt")  # folders with functions that are cached


def ensure_cache() -> None:
    """Give numba a folder that goes with this process where it could write neither of its own; before it is imported."""
    if os.environ.get(VARIABLE) or _writable(platformdirs.user_cache_path("numba")):
        return
    if not all(_writable(_folder(name) / "__pycache__") for name in CACHING):
        with suppress(OSError):
            os.environ[VARIABLE] = tempfile.mkdtemp(prefix="numba-")
            atexit.register(shutil.rmtree, os.environ[VARIABLE], ignore_errors=True)


def _folder(name: str) -> Path:
    package, _, part = name.partition("/")
    spec = find_spec(package)
    return Path(spec.origin or "").parent / part if spec else Path(part)


def _writable(folder: Path) -> bool:
    if not folder.is_absolute():
        return False  # of a system that knows no home
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
