"""Files and folders put in place whole or not at all: whatever the instant of a kill, a path has its old content or its new.

What a killed process was writing stays in its folder, under a name that begins with a dot.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from backtest.errors import DataError
from backtest.files.messages import reason

UNFINISHED = ".new-"  # how the name of an unfinished file begins


def write(path: Path, *bodies: bytes | memoryview) -> None:
    """Write a file of one body after another, and its name in the folder, to the disk; DataError where it cannot be written."""
    with unfinished(path) as file:
        for body in bodies:
            file.write(body)


@contextmanager
def unfinished(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write and to read that becomes `path` when the block ends well, and is removed when it does not.

    It and its name in the folder are then on the disk; DataError where it cannot be written.
    """
    new = path.with_name(f"{UNFINISHED}{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _refused(path, error) from None
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system refuses while something is written to a file or a folder into one line: DataError."""
    try:
        yield
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: OSError) -> DataError:
    return DataError(f"{path}: cannot write there ({reason(error)}); expected a folder with room")


@contextmanager
def folder(path: Path, replace: bool = False, keep: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` when the block ends well, and is removed when it does not.

    With `replace` it takes the place of a folder that is there, which becomes `keep` or is removed. OSError where the
    system refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    unfinished.chmod(0o755)
    former = keep or unfinished.with_name(f"{unfinished.name}-former")
    try:
        yield unfinished
        if replace and path.exists():
            shutil.rmtree(former, ignore_errors=True)
            path.rename(former)
        unfinished.rename(path)
    finally:
        if former.exists() and not path.exists():
            former.rename(path)
        for leftover in (unfinished,) if keep else (unfinished, former):
            shutil.rmtree(leftover, ignore_errors=True)


def sync_folder(path: Path) -> None:
    """Write the names in a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
