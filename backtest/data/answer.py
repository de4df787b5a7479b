"""One raw answer of a source, which the store keeps as it came, and how one that has another shape than expected is refused."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypedDict, TypeVar

import pandas as pd

from backtest.errors import DataError
from backtest.files.messages import UNKNOWN_SHAPE, reason

Arguments = ParamSpec("Arguments")
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Answer:
    """One answer of a source: its address without secrets, the UTC moment it came, its status and its bytes."""

    source: str
    key: str
    url: str
    at: pd.Timestamp
    status: int
    body: bytes

    @property
    def sha(self) -> str:
        """The SHA-256 of the bytes."""
        return hashlib.sha256(self.body).hexdigest()


class FigureRow(TypedDict):
    """A figure read from an answer, as the store keeps it; `value` is in millions of `unit`'s currency."""

    entity: str
    metric: str
    period: str
    period_end: pd.Timestamp
    known_at: pd.Timestamp
    value: float
    unit: str
    evidence: str
    source: str
    note: str


def of_known_shape(source: str) -> Callable[[Callable[Arguments, Parsed]], Callable[Arguments, Parsed]]:
    """Return a decorator of a function that reads a source's answers: an answer of another shape is one line, a DataError."""

    def guard(read: Callable[Arguments, Parsed]) -> Callable[Arguments, Parsed]:
        @wraps(read)
        def guarded(*arguments: Arguments.args, **options: Arguments.kwargs) -> Parsed:
            try:
                return read(*arguments, **options)
            except UNKNOWN_SHAPE as error:
                what = f"{type(error).__name__}: {reason(error)}"
                raise DataError(f"{source}: an answer is not what we know ({what}); expected its usual fields") from None

        return guarded

    return guard
