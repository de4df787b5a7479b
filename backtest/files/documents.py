"""Results as JSON that other tools read, and files that carry the hash of their own content."""

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

MARK = b"sha256:"
UNSEALED = (MARK + b"0" * 64).decode()  # where a file's hash will stand; it counts as zeros when the file is hashed


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


def sealed(body: bytes) -> bytes:
    """Return the bytes of a file, in which UNSEALED stands, with the hash of its content there."""
    place = body.rindex(UNSEALED.encode()) + len(MARK)
    return body[:place] + hashlib.sha256(body).hexdigest().encode() + body[place + 64 :]


def is_sealed(body: bytes) -> bool | None:
    """Return whether a file has the content that its hash says, None where it carries none."""
    place = body.rfind(MARK) + len(MARK)
    if place < len(MARK):
        return None
    written = body[place : place + 64]
    return hashlib.sha256(body[:place] + b"0" * 64 + body[place + 64 :]).hexdigest().encode() == written


def sealed_json(document: dict[str, Any]) -> bytes:
    """Return a document as JSON with the hash of its content in it, under `content`."""
    return sealed(to_json(document | {"content": UNSEALED}).encode())
