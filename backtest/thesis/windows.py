"""The windows that every result is shown over: those the thesis names, then in sample, out of sample and the whole run."""

from dataclasses import dataclass

import pandas as pd

from backtest.thesis import load_windows

REPORT_DATE = pd.Timestamp("2025-07-23")
IN_SAMPLE, OUT_OF_SAMPLE, WHOLE = SAMPLES = ("in sample", "out of sample", "whole")  # windows of every run


@dataclass(frozen=True)
class Window:
    """A span of days, both ends included; `sample` says whether the report's authors had seen it."""

    name: str
    start: pd.Timestamp
    end: pd.Timestamp
    sample: str  # "in", "out" or "both"

    def slice(self, index: pd.DatetimeIndex) -> slice:
        """Return the positions whose returns fall in the window: the base is the last session before it."""
        first = int(index.searchsorted(self.start, side="left"))
        last = int(index.searchsorted(self.end, side="right"))
        return slice(max(first - 1, 0), last)


def sample_of(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """Return "in" for a span up to the report's date, "out" for one after it, "both" for one across it."""
    if end <= REPORT_DATE:
        return "in"
    return "out" if start > REPORT_DATE else "both"


def windows(first: pd.Timestamp, last: pd.Timestamp) -> list[Window]:
    """Return the named windows, then in sample, out of sample and whole, for a run from first to last."""
    named = []
    for row in load_windows():
        start = pd.Timestamp(row.start)
        end = pd.Timestamp(row.end) if row.end else last
        if start <= end:
            named.append(Window(row.name, start, end, sample_of(start, end)))
    spans = [
        (IN_SAMPLE, first, min(last, REPORT_DATE)),
        (OUT_OF_SAMPLE, REPORT_DATE + pd.Timedelta(days=1), last),
        (WHOLE, first, last),
    ]
    return named + [Window(name, start, end, sample_of(start, end)) for name, start, end in spans if start <= end]
