"""The windows that every result is shown over: those the thesis names, then in sample, out of sample and the whole run."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from backtest.thesis import Thesis

IN_SAMPLE, OUT_OF_SAMPLE, WHOLE = SAMPLES = ("in sample", "out of sample", "whole")  # windows of every run


@dataclass(frozen=True)
class Window:
    """A span of days, both ends included; `written` is the thesis's date, up to which its authors had seen what happened."""

    name: str
    start: pd.Timestamp
    end: pd.Timestamp
    written: pd.Timestamp

    @property
    def sample(self) -> str:
        """Return "in" for a span up to the thesis's date, "out" for one after it, "both" for one across it."""
        if self.end <= self.written:
            return "in"
        return "out" if self.start > self.written else "both"

    def slice(self, index: pd.DatetimeIndex) -> slice:
        """Return the positions whose returns fall in the window: the base is the last session before it."""
        first = int(index.searchsorted(self.start, side="left"))
        last = int(index.searchsorted(self.end, side="right"))
        return slice(max(first - 1, 0), last)


def whole_run(windows: Sequence[Window]) -> Window:
    """Return the window of the whole run among its windows: a named one may begin before it and end after it."""
    return next(window for window in windows if window.name == WHOLE)


def windows(thesis: Thesis, first: pd.Timestamp, last: pd.Timestamp) -> list[Window]:
    """Return the named windows, then in sample, out of sample and whole, for a run from first to last."""
    named = []
    for row in thesis.windows:
        start = pd.Timestamp(row.start)
        end = pd.Timestamp(row.end) if row.end else last
        if start <= end:
            named.append(Window(row.name, start, end, thesis.date))
    spans = [
        (IN_SAMPLE, first, min(last, thesis.date)),
        (OUT_OF_SAMPLE, thesis.date + pd.Timedelta(days=1), last),
        (WHOLE, first, last),
    ]
    return named + [Window(name, start, end, thesis.date) for name, start, end in spans if start <= end]
