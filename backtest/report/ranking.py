"""Which strategy comes first on the front page: by the difference to the same book without its signal, out of sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from backtest.execution.window_statistics import WindowStatistics
from backtest.formatting import known
from backtest.report.documents import BookPart, StrategyDocument
from backtest.result import BenchmarkSpan, ControlWindow
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import OUT_OF_SAMPLE, WHOLE

NO_SESSION = WindowStatistics("both")


@dataclass(frozen=True)
class Standing:
    """A strategy by its middle book: of several, the lower of the middle ones by what it is ranked by.

    `signal` is whether it reads one; `difference` out of sample is to the twin then, and `excess` over the declared benchmark.
    """

    document: StrategyDocument
    book: str
    signal: bool
    difference: float | None
    interval: tuple[float, float] | Refused | None
    excess: float | None

    @property
    def by(self) -> float | None:
        """What it is ranked by."""
        return self.difference if self.signal else self.excess


def ranked(documents: Sequence[StrategyDocument]) -> tuple[list[Standing], list[Standing]]:
    """Return the strategies with a signal and those without, each the best first; those without a figure last."""
    standings = [standing(document) for document in documents]
    parts = ([row for row in standings if row.signal is signal] for signal in (True, False))
    with_signal, without = (sorted(part, key=lambda row: (row.by is None, -(row.by or 0.0))) for part in parts)
    return with_signal, without


def standing(document: StrategyDocument) -> Standing:
    """Return a strategy by its middle book."""
    signal = any(book.control for book in document.books.values())
    rows = [_of_book(document, name, book, signal) for name, book in document.books.items()]
    valued = sorted((row for row in rows if row.by is not None), key=lambda row: row.by or 0.0)
    return valued[(len(valued) - 1) // 2] if valued else rows[0]


def _of_book(document: StrategyDocument, name: str, book: BookPart, signal: bool) -> Standing:
    twin = book.control.twin if book.control else Refused("no signal", 0)
    row = twin.get(OUT_OF_SAMPLE, ControlWindow()) if isinstance(twin, dict) else ControlWindow(interval=twin)
    span = book.benchmarks.get(book.declared_benchmark or "", {}).get(OUT_OF_SAMPLE, BenchmarkSpan())
    excess = span.excess if isinstance(span.excess, float) and known(span.excess) else None
    return Standing(document, name, signal, row.difference if known(row.difference) else None, row.interval, excess)


def line_of(row: Standing, whole: bool) -> pd.Series:
    """Return what 1 became in a strategy's middle book at the end of every month: of the run, or from the out-of-sample base."""
    book = row.document.books[row.book]
    last = pd.Timestamp(book.windows.get(WHOLE, NO_SESSION).last or row.document.last)
    values = {pd.Period(month, freq="M").end_time.normalize(): value for month, value in book.path.items() if known(value)}
    line = pd.Series({min(day, last): value for day, value in values.items()}, dtype=float)
    if whole:
        return pd.concat([pd.Series({pd.Timestamp(row.document.first): 1.0}), line]) if len(line) else line
    window = book.windows.get(OUT_OF_SAMPLE, NO_SESSION)
    if window.base is None or not known(window.total_return) or line.empty:
        return line.iloc[:0]
    base = pd.Timestamp(window.base)
    start = line.iloc[-1] / (1.0 + window.total_return)
    return pd.concat([pd.Series({base: 1.0}), line[line.index > base] / start])
