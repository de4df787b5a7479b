"""Hashes of content, and files that carry the hash of their own."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import BinaryIO, NamedTuple

from backtest.files.documents import to_json

MARK = b"sha256:"
UNSEALED = (MARK + b"0" * 64).decode()  # where a file's hash will stand; it counts as zeros when the file is hashed

PART = 1 << 22  # bytes of a file that are read at a time


class Pieces(NamedTuple):
    """A part in pieces, `size` bytes together: of a table that is too large to be copied."""

    size: int
    bodies: Iterable[bytes]


def content_id(parts: Iterable[bytes | Pieces]) -> str:
    """Return the first 16 hex digits of the SHA-256 of some parts, each prefixed by its length."""
    digest = hashlib.sha256()
    for part in parts:
        size, bodies = part if isinstance(part, Pieces) else (len(part), [part])
        digest.update(size.to_bytes(8, "big"))
        for body in bodies:
            digest.update(body)
    return digest.hexdigest()[:16]


def sealed(body: bytes) -> bytes:
    """Return the bytes of a file, in which UNSEALED stands, with the hash of its content there."""
    start = body.rindex(UNSEALED.encode()) + len(MARK)
    content = memoryview(body)
    return b"".join((content[:start], hashlib.sha256(body).hexdigest().encode(), content[start + 64 :]))


def seal(file: BinaryIO) -> None:
    """Put the hash of its content into a file, in whose last part UNSEALED stands, as `sealed` does."""
    size, digest = file.seek(0, os.SEEK_END), hashlib.sha256()
    file.seek(0)
    while part := file.read(PART):
        digest.update(part)
    start = max(size - PART, 0)
    file.seek(start)
    file.seek(start + file.read().rindex(UNSEALED.encode()) + len(MARK))
    file.write(digest.hexdigest().encode())


def is_sealed(body: bytes) -> bool | None:
    """Return whether a file has the content that its hash says, None where it carries none."""
    start = body.rfind(MARK) + len(MARK)
    if start < len(MARK):
        return None
    written = body[start : start + 64]
    digest, content = hashlib.sha256(), memoryview(body)
    for part in (content[:start], b"0" * 64, content[start + 64 :]):
        digest.update(part)
    return digest.hexdigest().encode() == written


def sealed_json(document: Mapping[str, object]) -> bytes:
    """Return a document as JSON with the hash of its content in it, under `content`."""
    return sealed(to_json({**document, "content": UNSEALED}).encode())
