"""JSON documents, written for other tools and read with one-line errors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtest.files.messages import DEEPEST

Json = dict[str, Any]  # a JSON object, written or read: texts, numbers, truths, lists and objects
SCHEMA_VERSION = 2  # of the result.json of a run and of a sweep


def to_json(document: Any) -> str:
    """Return a document as JSON in the order given; NaN and infinities are null, days are ISO."""
    return json.dumps(_finite(document), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def read_json(path: Path) -> Json:  # its reader checks what is in it
    """Return the object in a JSON file; ValueError or OSError in one line for anything else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST} levels") from None
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    if _too_deep(document):
        raise ValueError(f"nested deeper than {DEEPEST} levels")
    return document


NESTED = dict, list


def _too_deep(document: Json) -> bool:
    """Return whether a document is nested deeper than anything this project writes or reads."""
    level: list[Any] = [document]
    for _ in range(DEEPEST):
        parts = [parent.values() if isinstance(parent, dict) else parent for parent in level]
        level = [part for each in parts for part in each if isinstance(part, NESTED)]
        if not level:
            return False
    return True


def require_schema(document: Mapping[str, object]) -> None:
    """Raise ValueError for the result.json of a run that another version of this package wrote."""
    version = document.get("schema", 1)
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema {version}, expected {SCHEMA_VERSION}: run its strategy again")
