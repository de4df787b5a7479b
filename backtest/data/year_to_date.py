"""Quarters from figures of longer spans: a version of a quarter is stated, or is the difference of two year-to-date figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd

QUARTER = (80, 100)  # days in a fiscal quarter of 12 to 14 weeks
SPANS = (QUARTER, (170, 195), (260, 290), (350, 380))


@dataclass(frozen=True)
class Value:
    """A figure of a span of days as one filing stated it; `released` is when a release had it before."""

    start: pd.Timestamp
    end: pd.Timestamp
    value: float
    known_at: pd.Timestamp
    accession: str
    form: str
    released: pd.Timestamp | None = None

    @property
    def amends(self) -> bool:
        """Whether an amendment states it."""
        return self.form.endswith("/A")

    @property
    def stated(self) -> str:
        """The span, the value and the filing, for a note."""
        return f"{self.start:%Y-%m-%d} to {self.end:%Y-%m-%d} {self.value:g} ({self.accession})"


@dataclass(frozen=True)
class Quarter:
    """A version of a quarter and a note of how it was read."""

    value: Value
    note: str


Spans = dict[tuple[pd.Timestamp, pd.Timestamp], list[Value]]
Quarters = dict[pd.Timestamp, list[Quarter]]


def versions_by_span(values: Iterable[Value]) -> tuple[Spans, list[str]]:
    """Return the changes of each span's value in the order they were filed, without repetitions, and a line for each conflict.

    A release publishes one value of a span: what a later filing changes counts from that filing. Of two filings that count from
    one moment the amendment is right; without one neither is.
    """
    spans: Spans = {}
    faults = []
    for stated in sorted(values, key=lambda value: (value.known_at, value.amends, value.accession)):
        versions = spans.setdefault((stated.start, stated.end), [])
        if versions and versions[-1].value == stated.value:
            continue
        value = stated
        if value.released and not value.amends and (not versions or versions[-1].known_at < value.released):
            value = replace(value, known_at=value.released)
        if versions and versions[-1].known_at >= value.known_at:
            before = versions.pop()
            if not value.amends:
                both = f"both known {value.known_at:%Y-%m-%dT%H:%MZ}"
                faults.append(f"{before.stated} is also {value.stated}, {both}; neither is used")
                continue
        versions.append(value)
    return {span: versions for span, versions in spans.items() if versions}, faults


def quarters_of(spans: Spans) -> tuple[Quarters, list[str]]:
    """Return the versions of each quarter by its end, and a line for each quarter refused.

    A quarter is stated as such, or is a span less the one of the same start that ends a quarter before; both operands are
    named in the note. Where one operand was restated and the other was not, the difference mixes two bases: refused.
    """
    quarters: Quarters = {}
    faults: list[str] = []
    stated = {end for start, end in spans if _lasts(start, end, QUARTER)}
    for (start, end), versions in sorted(spans.items()):
        if _lasts(start, end, QUARTER):
            own = [Quarter(value, f"stated for the quarter in {value.accession}") for value in versions]
            quarters[end], wrong = _positive(own)
            faults += wrong
        elif not any(_lasts(start, end, span) for span in SPANS[1:]):
            days = f"{(end - start).days + 1} days from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
            faults.append(f"{days} are no quarter nor a sum of them")
    for (start, end), versions in sorted(spans.items()):
        if end in stated or not any(_lasts(start, end, span) for span in SPANS[1:]):
            continue
        before = [span for span in spans if span[0] == start and _lasts(span[1], end, QUARTER)]
        if not before:
            faults.append(f"{(end - start).days + 1} days to {end:%Y-%m-%d} have no span to subtract")
            continue
        differences, mixed = _differences(versions, spans[before[0]])
        quarters[end], wrong = _positive(differences)
        faults += [*mixed, *wrong]
    return {end: versions for end, versions in quarters.items() if versions}, faults


def gaps(quarters: Mapping[pd.Timestamp, Sequence[Quarter]]) -> list[str]:
    """Return a line for each pair of neighbouring quarters that lie more than a quarter apart."""
    apart = [(a, b) for a, b in pairwise(sorted(quarters)) if (b - a).days > QUARTER[1] + 10]
    return [f"no quarter between {a:%Y-%m-%d} and {b:%Y-%m-%d}" for a, b in apart]


def _differences(longer: list[Value], shorter: list[Value]) -> tuple[list[Quarter], list[str]]:
    """Return each version of a span less the shorter one's then in force, and a line for each mixture refused."""
    quarters: list[Quarter] = []
    faults: list[str] = []
    used: Value | None = None
    for value in longer:
        in_force = [other for other in shorter if other.known_at <= value.known_at] or shorter[:1]
        if in_force[-1] is used:
            faults.append(_one_sided(value))
            continue
        used = in_force[-1]
        quarters.append(Quarter(_less(value, used), f"derived: {value.stated} less {used.stated}"))
    last = shorter.index(used) if used is not None else -1
    return quarters, faults + [_one_sided(value) for value in shorter[last + 1 :]]


def _one_sided(value: Value) -> str:
    span = f"{value.start:%Y-%m-%d} to {value.end:%Y-%m-%d}"
    return f"{span} is restated as {value.value:g} in {value.accession}, its other operand is not"


def _positive(versions: list[Quarter]) -> tuple[list[Quarter], list[str]]:
    """Return the versions of a quarter above 0, and a line for each other."""
    wrong = [version for version in versions if version.value.value <= 0]
    faults = [
        f"the quarter to {version.value.end:%Y-%m-%d} is {version.value.value:g} ({version.note}); expected more than 0"
        for version in wrong
    ]
    return [version for version in versions if version not in wrong], faults


def _less(longer: Value, shorter: Value) -> Value:
    known = max(longer.known_at, shorter.known_at)
    difference = round(longer.value - shorter.value, 6)
    return Value(shorter.end + pd.Timedelta(days=1), longer.end, difference, known, longer.accession, longer.form)


def _lasts(start: pd.Timestamp, end: pd.Timestamp, days: tuple[int, int]) -> bool:
    return days[0] <= (end - start).days + 1 <= days[1]
