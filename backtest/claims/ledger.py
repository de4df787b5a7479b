"""The ledger: each claim of a thesis with its figure, ours, and a verdict.

A claim is a row of the thesis's claims.toml; each of its readings is measured by a function of this folder. It is
*confirmed* when every testable reading holds, *confirmed under one reading* when some do, *contradicted* when none does,
*not testable* when none can be measured. It is judged twice: *when written*, on what was known on its date, and, where it speaks
of the future, *since*, on what came after that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import pandas as pd

from backtest.calendars import as_of_moment, parse_quarter, quarter_label
from backtest.claims.measurement import Measurement
from backtest.claims.rows import SINCE_AFTER, Claim, ReadingRow, load_claims, measure, tickers_needed
from backtest.facts import CONFIDENCE, EVIDENCE, Fact
from backtest.panel import Archive, Panel, once

__all__ = ["Claim", "Finding", "judged", "ledger", "load_claims", "tickers_needed"]

Verdict = Literal["confirmed", "confirmed under one reading", "contradicted", "not testable"]


@dataclass(frozen=True)
class ReadingResult:
    """What came of one reading of a claim: its measurement, and whether it holds, None where it cannot be measured.

    One that is not judged decides nothing. `margin` is by how much it holds (`Claim.margin`).
    """

    name: str
    measurement: Measurement
    holds: bool | None
    judged: bool = True
    margin: float | None = None


@dataclass(frozen=True)
class ClaimOutcome:
    """A claim's verdict and our figure under its main reading, as known at some moment."""

    verdict: Verdict
    measured: float | None


@dataclass(frozen=True)
class Judgement:
    """What came of a claim over one span: the verdict of its readings, and figure, span and margin of the main one.

    `date` is the day as known on which; `holds` names the judged readings that hold.
    """

    verdict: Verdict
    measured: float | None
    date: str
    span: str | None
    margin: float | None
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What came of a claim on a panel: a measurement per reading, the first of them the main one."""

    claim: Claim
    measured: tuple[Measurement, ...]

    @property
    def main(self) -> Measurement:
        """The main reading's measurement."""
        return self.measured[0]

    @property
    def outcomes(self) -> tuple[bool | None, ...]:
        """Whether each reading holds; None where it cannot be measured."""
        return tuple(None if measurement.value is None else self.claim.holds(measurement.value) for measurement in self.measured)

    @property
    def verdict(self) -> Verdict:
        """The verdict over every testable reading that is judged."""
        testable = [reading.holds for reading in self.readings if reading.judged and reading.holds is not None]
        if not testable:
            return "not testable"
        if all(testable):
            return "confirmed"
        return "confirmed under one reading" if any(testable) else "contradicted"

    @cached_property
    def inputs(self) -> tuple[Fact, ...]:
        """Every figure any reading used, once."""
        return tuple(dict.fromkeys(fact for measurement in self.measured for fact in measurement.inputs))

    @property
    def evidence(self) -> str:
        """The weakest evidence among the figures, "none" without any."""
        return max((fact.evidence for fact in self.inputs), key=EVIDENCE.index, default="none")

    @property
    def confidence(self) -> str:
        """The lowest confidence among the figures, "none" without any."""
        return max((fact.confidence for fact in self.inputs), key=CONFIDENCE.index, default="none")

    @property
    def readings(self) -> tuple[ReadingResult, ...]:
        """What came of each reading, the main one first."""
        results = zip(self.claim.readings, self.measured, self.outcomes, strict=True)
        return tuple(
            ReadingResult(str(row["name"]), result, holds, bool(row.get("judged", True)), self.claim.margin(result))
            for row, result, holds in results
        )

    @property
    def outcome(self) -> ClaimOutcome:
        """The verdict and our figure."""
        return ClaimOutcome(self.verdict, self.main.value)

    def judgement(self, day: str) -> Judgement:
        """Return the verdict with figure, span and margin of the main reading, as known on a day."""
        holds = tuple(reading.name for reading in self.readings if reading.judged and reading.holds)
        return Judgement(self.verdict, self.main.value, day, self.main.span, self.claim.margin(self.main), holds)


@dataclass(frozen=True, repr=False)
class Finding(Judged):
    """What came of a claim over all that is known on a panel, and, where that was asked, over each of its two spans.

    `when_written` is as known on the day `written_on`, `since` what came after that day by the day `known_on`; `since` is None
    for a claim that does not speak of the future.
    """

    when_written: Judged | None = None
    since: Judged | None = None
    written_on: str = ""
    known_on: str = ""

    def __repr__(self) -> str:
        return f"<claim {self.claim.id}: {self.verdict}, {len(self.measured)} readings>"

    @property
    def judgement_when_written(self) -> Judgement | None:
        """The verdict when it was written."""
        return self.when_written.judgement(self.written_on) if self.when_written else None

    @property
    def judgement_since(self) -> Judgement | None:
        """The verdict on what came since."""
        return self.since.judgement(self.known_on) if self.since else None


def ledger(panel: Panel, claims: Sequence[Claim] | None = None) -> list[Finding]:
    """Return a finding per claim over all that is known on a panel."""
    rows = load_claims(panel.thesis) if claims is None else claims
    return [Finding(claim, tuple(measure(panel, claim, reading) for reading in claim.readings)) for claim in rows]


def known_at(archive: Archive, moment: pd.Timestamp) -> list[Finding]:
    """Return the ledger as known at a moment, measured once for an archive."""
    rows = once(archive, "claims", None, lambda: load_claims(archive.thesis))
    return once(archive, "ledger", moment, lambda: ledger(archive.as_of(moment), rows))


def judged(archive: Archive, moment: pd.Timestamp) -> list[Finding]:
    """Return the ledger as known at a moment, each claim also as it was when written and, of the future, since.

    Nothing that became known after the moment is used, whatever a claim's date: as of an earlier day it is judged as of that day.
    """
    findings, panel = known_at(archive, moment), archive.as_of(moment)
    days = {finding.claim.id: finding.claim.written(archive.thesis) for finding in findings}
    written: dict[str, Finding] = {}
    for day in dict.fromkeys(days.values()):
        own, then = [finding for finding in findings if days[finding.claim.id] == day], as_of_moment(f"{day:%Y-%m-%d}")
        earlier = own if moment <= then else ledger(archive.as_of(then), [finding.claim for finding in own])
        written |= {finding.claim.id: replace(finding, written_on=f"{min(then, moment):%Y-%m-%d}") for finding in earlier}
    return [_over_both_spans(panel, finding, written[finding.claim.id], days[finding.claim.id]) for finding in findings]


def _over_both_spans(panel: Panel, finding: Finding, written: Finding, day: pd.Timestamp) -> Finding:
    claim, since = finding.claim, None
    if claim.speaks_of_future:
        rows = zip(claim.readings, written.measured, strict=True)
        since = Judged(claim, tuple(_measured_since(panel, claim, reading, then, day) for reading, then in rows))
    then, known_on = Judged(claim, written.measured), f"{panel.moment:%Y-%m-%d}"
    return replace(finding, when_written=then, since=since, written_on=written.written_on, known_on=known_on)


def _measured_since(panel: Panel, claim: Claim, reading: ReadingRow, then: Measurement, day: pd.Timestamp) -> Measurement:
    """Return what a reading measures after the newest quarter known when its claim was written, which its figures then name.

    Where none was known, after the last quarter that was over.
    """
    after = SINCE_AFTER.get(reading["measure"])
    if after is None:
        return measure(panel, claim, reading)
    last = parse_quarter(then.known.quarter) if then.known else day.year * 4 + day.quarter - 2
    measured = measure(panel, claim, reading, {"since": max(quarter_label(last + after), reading.get("since", ""))})
    behind = then.known.inputs if then.known else ()
    return replace(measured, inputs=tuple(dict.fromkeys((*measured.inputs, *behind))))
