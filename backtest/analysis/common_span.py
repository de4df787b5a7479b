"""What books earned over the span that all of them have: from the latest of their first days to the earliest of their last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from backtest.thesis.windows import SAMPLES, Window


@dataclass(frozen=True)
class CommonSpan:
    """A span that all books have in a window, and what each returned from its last value by `base` to its last by `last`."""

    base: str
    last: str
    returns: dict[str, float]


def common_spans(equity: Mapping[str, pd.Series], spans: Sequence[Window]) -> dict[str, CommonSpan]:
    """Return the common span of several books in sample, out of sample and whole; none of one book, or where they share none.

    `equity` is session → value by book. A book whose market was closed on one of the two days counts its value before it.
    """
    shared = {}
    for window in spans:
        parts = [values.iloc[window.slice(pd.DatetimeIndex(values.index))] for values in equity.values()]
        if window.name not in SAMPLES or len(parts) < 2 or any(len(part) < 2 for part in parts):
            continue
        base, last = max(part.index[0] for part in parts), min(part.index[-1] for part in parts)
        if base < last:
            returns = {name: _value(values, last) / _value(values, base) - 1.0 for name, values in equity.items()}
            shared[window.name] = CommonSpan(f"{base:%Y-%m-%d}", f"{last:%Y-%m-%d}", returns)
    return shared


def _value(values: pd.Series, day: pd.Timestamp) -> float:
    return float(values.loc[:day].iloc[-1])
