"""The identities of a sweep: a hash of each thing its figures come from, so that a drift can be blamed on what changed."""

import sys
from importlib import metadata

from backtest import provenance
from backtest.files.hashes import content_id
from backtest.panel import Archive
from backtest.strategy import StrategySpec

LIBRARIES = ("exchange_calendars", "numba", "numpy", "pandas", "pyarrow", "scipy", "vectorbt")


def identities(archive: Archive, spec: StrategySpec) -> dict[str, str]:
    """Return the hashes of code (Python files, strategy and thesis included), rules (other files), data and dependencies."""
    files = [*spec.files, *archive.thesis.files, *archive.files]
    code = content_id([*provenance.package_parts(".py"), *provenance.strategy_parts(files, python=True), *spec.texts])
    rules = content_id([*provenance.package_parts(".toml"), *provenance.strategy_parts(files, python=False)])
    return {"code": code, "rules": rules, "data": archive.data_id, "dependencies": _dependencies()}


def _dependencies() -> str:
    python = f"python {sys.version_info.major}.{sys.version_info.minor}"
    return content_id(part.encode() for part in (python, *(f"{name} {metadata.version(name)}" for name in LIBRARIES)))
