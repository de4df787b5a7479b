"""How long a sweep takes from its first evaluation to its page, from how long this machine took to read.

A part's cost is in units of the reading, so that a slow or busy machine is allowed for; measured in benchmarks/speed.md.
"""

from dataclasses import dataclass

FIRST, SETTING = 0.6, 0.00045  # decisions and compiled code; a setting on one of its workers
WORKERS = 0.16  # until more than one is ready
MEASURING, MEASURED = 0.55, 0.00015  # once; a setting
PAGE, MAP = 0.35, 0.08  # once; a pair of fields that vary
REPORT, BOOK, DRAWING = 1.4, 0.6, 1.0  # a full report of one book; each further book; before the first report


@dataclass(frozen=True)
class Work:
    """What a sweep still has to do: settings in all and those not evaluated yet, fields that vary, books, workers, reports."""

    settings: int
    missing: int
    fields: int
    books: int
    workers: int
    reports: int

    def evaluating(self, reading: float) -> float:
        """Return the seconds until all settings are evaluated."""
        starting = WORKERS if self.workers > 1 else 0.0
        each = SETTING * self.missing * self.books / self.workers
        return reading * (starting + (FIRST * self.books + each if self.missing else 0.0))

    def later(self, reading: float) -> float:
        """Return the seconds from then until the page and its full reports are there."""
        measuring = MEASURING + MEASURED * self.settings * self.books / self.workers
        page = PAGE + MAP * self.fields * (self.fields - 1) / 2
        reports = self.reports * (REPORT + BOOK * (self.books - 1)) + (DRAWING if self.reports else 0.0)
        return reading * (measuring + page + reports)
