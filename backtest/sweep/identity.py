"""What a sweep's figures come from, each part with a hash of its own, so that a drift can be blamed on the one that changed."""

import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from backtest.facts import content_id
from backtest.panel import Archive

ROOT = Path(__file__).parent.parent.parent
LIBRARIES = ("arch", "exchange_calendars", "numba", "numpy", "pandas", "pyarrow", "scipy", "vectorbt")


def identities(archive: Archive, strategy: Path) -> dict[str, str]:
    """Return the hashes of code (Python files, the strategy's among them), rules (TOML rows), data and dependencies."""
    code = content_id([_files(".py").encode(), strategy.read_bytes()])
    return {"code": code, "rules": _files(".toml"), "data": archive.data_id, "dependencies": _dependencies()}


@lru_cache
def _files(suffix: str) -> str:
    paths = sorted(path for top in ("backtest", "strategies") for path in (ROOT / top).rglob(f"*{suffix}"))
    return content_id(part for path in paths for part in (path.relative_to(ROOT).as_posix().encode(), path.read_bytes()))


def _dependencies() -> str:
    python = f"python {sys.version_info.major}.{sys.version_info.minor}"
    return content_id(part.encode() for part in (python, *(f"{name} {metadata.version(name)}" for name in LIBRARIES)))
