"""Audits that were made before, by what they were made from: the same spec, data and code have the same audit."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from backtest.data.store.append_only import open_store
from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.hashes import is_sealed, sealed_json
from backtest.runs import RunResult


def path_of(result: RunResult) -> Path:
    """Return where the audit of a run is kept, under the store's home."""
    return open_store().home / "audits" / f"{result.spec_id}-{result.data_id}-{result.code_id}.json"


def load(result: RunResult) -> dict[str, Any] | None:
    """Return the audit of a run made before, or None; a file that cannot be read or was changed counts as none."""
    try:
        body = path_of(result).read_bytes()
        found: dict[str, Any] = json.loads(body)
    except (OSError, ValueError):
        return None
    return {name: part for name, part in found.items() if name != "content"} if is_sealed(body) and "verdict" in found else None


def save(result: RunResult, found: dict[str, Any]) -> None:
    """Keep an audit that left no question out for want of time; where there is no room for it, nothing is lost but time."""
    if any("did not fit" in reason for reason in found["not_run"].values()):
        return
    with suppress(DataError):
        atomic.write(path_of(result), sealed_json(found))
