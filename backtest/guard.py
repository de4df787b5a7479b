"""Calls a strategy's own code, which is not trusted: whatever it raises is an error of the strategy, in one line.

What it reads meanwhile is noted by `backtest.provenance`. A process that it ends by itself (`os._exit`) cannot be caught.
"""

import dis
import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from backtest import provenance
from backtest.errors import BacktestError, StrategyError
from backtest.files.moved import moved

Result = TypeVar("Result")
LONGEST_MESSAGE = 160
RAISE = dis.opmap["RAISE_VARARGS"]


def attempt(what: str, call: Callable[[], Result]) -> Result:
    """Return what a strategy's code returns; StrategyError with file, line and reason for whatever it raises.

    Refusals of this project (BacktestError) pass as they are, and so does a person's Ctrl-C.
    """
    try:
        return provenance.watched(call)
    except BacktestError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not _raised_by_code(error):
            raise
        raise _blamed(error, what) from None


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Turn an exception that comes out of a strategy's own file into StrategyError; others pass as they are."""
    try:
        yield
    except BacktestError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not _raised_by_code(error):
            raise
        if isinstance(error, GeneratorExit) or _own_frame(error) is None:
            raise
        raise _blamed(error, what) from None


def _blamed(error: BaseException, what: str) -> StrategyError:
    message = _first_line(error)[:LONGEST_MESSAGE]
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{Path(error.filename).name} line {error.lineno}"
        message = str(error.msg)
    elif (frame := _own_frame(error) or _last_frame(error)) is not None:
        file = Path(frame.tb_frame.f_code.co_filename)
        where = f"{file.name if file.exists() else f'cell of {frame.tb_frame.f_code.co_name}'} line {frame.tb_lineno}"
    else:
        where = what
    if advice := moved(error):
        return StrategyError(f"{where}: {advice}")
    return StrategyError(f"{where}: {type(error).__name__}: {message} (an error of the strategy, in {what})")


def _first_line(error: BaseException) -> str:
    """Return what an exception says in one line; its own code makes the text, and may fail."""
    try:
        return next(iter(str(error).strip().splitlines()), "no message")
    except BaseException:
        return "no message that can be read"


def _frames(error: BaseException) -> Iterator[TracebackType]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next


def _own_frame(error: BaseException) -> TracebackType | None:
    """Return the innermost frame of a file that is neither installed nor part of this package."""
    own = [frame for frame in _frames(error) if provenance.is_users(frame.tb_frame.f_code.co_filename)]
    return own[-1] if own else None


def _last_frame(error: BaseException) -> TracebackType | None:
    """Return the innermost frame of a file that can be read, but for those of this module."""
    frames = [
        frame for frame in _frames(error) if Path(frame.tb_frame.f_code.co_filename).name not in ("guard.py", "provenance.py")
    ]
    readable = [frame for frame in frames if linecache.getline(frame.tb_frame.f_code.co_filename, frame.tb_lineno)]
    return readable[-1] if readable else None


def _raised_by_code(error: BaseException) -> bool:
    """Return whether a statement raised an exception: one that a person's signal raises stands at another instruction."""
    *_, last = _frames(error)
    return last.tb_frame.f_code.co_code[last.tb_lasti] == RAISE
