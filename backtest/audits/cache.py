"""Audits made before, by what they were made from: the same spec, data and code have the same audit."""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from backtest.data.store.append_only import open_store
from backtest.errors import DataError
from backtest.files import atomic
from backtest.files.hashes import is_sealed, sealed_json
from backtest.result import Audit, RunResult

OUT_OF_TIME = "did not fit into"  # how the reason of a question begins that the budget of seconds cut off


def path_of(result: RunResult) -> Path:
    """Return where the audit of a run is cached, under the store's home."""
    return open_store().home / "audits" / f"{result.identity}.json"


def parse_audit(document: object) -> Audit:
    """Return an audit from its JSON object; ValueError where it is none of this version."""
    return TypeAdapter(Audit).validate_python(document)


def load(result: RunResult) -> Audit | None:
    """Return the audit of a run made before, or None; a file that cannot be read or was changed counts as none."""
    try:
        body = path_of(result).read_bytes()
        return parse_audit(json.loads(body)) if is_sealed(body) else None
    except (OSError, ValueError):
        return None


def save(result: RunResult, audit: Audit) -> None:
    """Cache a complete audit; one that ran out of time is not cached, and a failed write is ignored."""
    if any(reason.startswith(OUT_OF_TIME) for reason in audit.not_run.values()):
        return
    with suppress(DataError):
        atomic.write(path_of(result), sealed_json(asdict(audit)))
