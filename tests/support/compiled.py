"""Compiled code for copies of the package: numba keeps it by the folder of the source, and by the source's size and time."""

import os
import shutil
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path

from backtest.files.numba_cache import ensure_cache

ROOT = Path(__file__).parents[2]
COMPILED = {"execution": "kernel.py", "statistics": "cscv_kernel.py"}


@contextmanager
def compiled_as_here(*copies):
    """Give each folder with a copy of the package what is compiled of the package itself, and take it back at the end."""
    kept = []
    for copy in copies:
        for name, file in COMPILED.items():
            shutil.copystat(ROOT / "backtest" / name / file, copy / "backtest" / name / file)
            original, target = compiled(ROOT / "backtest" / name), compiled(copy / "backtest" / name)
            if original.is_dir():
                kept.append(shutil.copytree(original, target, dirs_exist_ok=True))
    yield
    for folder in kept:
        shutil.rmtree(folder, ignore_errors=True)


def compiled(folder):
    """Return where numba keeps what it compiles of the files of a folder."""
    ensure_cache()
    return Path(os.environ["NUMBA_CACHE_DIR"]) / f"{folder.name}_{sha1(str(folder).encode()).hexdigest()}"
