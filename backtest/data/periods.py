"""The labels of periods: what they look like, what kind of period they name, and when it may end.

2025Q1, 2025H1      a calendar quarter or half: ends on its last day
2024-05             a month: a figure may be of a day in it
FY2025Q1, FY2025H1, FY2025, FY2025 (Jul24-Jun25)    a fiscal period, by the company's own calendar
"""

import re
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["month", "quarter", "half", "year"]
LABELS = "2025Q1, FY2025Q1, 2024-05, 2025H1 or FY2025"
FISCAL_SHIFT = (-372, 280)  # days by which a fiscal period may end after the calendar period of the same label
LABEL = re.compile(
    r"(?P<fiscal>FY)?(?P<year>(?:19|20|21)\d\d)(?:Q(?P<quarter>[1-4])|H(?P<half>[12])|-(?P<month>0[1-9]|1[0-2]))?"
    r"(?: \([A-Z][a-z]{2}\d\d-(?P<last>[A-Z][a-z]{2}\d\d)\))?"
)


@dataclass(frozen=True)
class Period:
    """What a label names: `last` is the last day of the calendar period of that label, `ends` the month a label spells out."""

    kind: Kind
    fiscal: bool
    last: pd.Timestamp
    ends: str = ""

    def shift(self, end: pd.Timestamp) -> int:
        """Return how many days after the calendar period of the same label a period ends."""
        return (end - self.last).days

    def allows(self, end: pd.Timestamp) -> bool:
        """Return whether a period of this label may end on a day."""
        if self.ends and self.ends != f"{end:%b%y}":
            return False
        if self.fiscal:
            return FISCAL_SHIFT[0] <= self.shift(end) <= FISCAL_SHIFT[1]
        return end == self.last or (self.kind == "month" and (end.year, end.month) == (self.last.year, self.last.month))

    @property
    def span(self) -> str:
        """What a label allows as its end, in words."""
        if self.ends:
            return f"a day in {self.ends}"
        if self.fiscal:
            first, last = (self.last + pd.Timedelta(days=days) for days in FISCAL_SHIFT)
            return f"a day from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        return f"a day in {self.last:%Y-%m}" if self.kind == "month" else f"{self.last:%Y-%m-%d}"


def parse_period(label: str) -> Period | None:
    """Return the period a label names, None for no label of a known form."""
    parts = LABEL.fullmatch(label)
    if parts is None:
        return None
    fiscal, year, ends = bool(parts["fiscal"]), int(parts["year"]), parts["last"] or ""
    kinds: list[tuple[Kind, int]] = [("quarter", 3), ("half", 6), ("month", 1)]
    for kind, months in kinds:
        if parts[kind]:
            if ends or (kind == "month" and fiscal):
                return None
            return Period(kind, fiscal, _last_day(year, int(parts[kind]) * months))
    return Period("year", True, _last_day(year, 12), ends) if fiscal else None


def _last_day(year: int, month: int) -> pd.Timestamp:
    return pd.Timestamp(year, month, 1) + pd.offsets.MonthEnd(0)
