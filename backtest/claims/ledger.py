"""The ledger: each claim of a thesis with its figure, ours, and a verdict.

A claim is a row of the thesis's claims.toml; each of its readings is measured by a function of `measures`. It is
*confirmed* when every testable reading holds, *confirmed under one reading* when some do, *contradicted* when none does,
*not testable* when none can be measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from inspect import signature
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from backtest.claims import measures, role_measures
from backtest.claims.measurement import Measurement
from backtest.errors import ConfigurationError, near_miss
from backtest.facts import CONFIDENCE, EVIDENCE, Fact
from backtest.files.rows import Many, Row, fault, read_rows
from backtest.panel import Panel
from backtest.thesis import Thesis

MEASURES = {
    measure.__name__: measure
    for measure in (
        measures.ratio,
        measures.rising,
        measures.excess_sets,
        measures.token_multiple,
        measures.chip,
        measures.trend,
        measures.positive,
        measures.excess_return,
        role_measures.undisclosed,
        role_measures.stated_ratio,
        role_measures.share_of,
        role_measures.share_multiple,
        role_measures.outgrown,
        role_measures.published_range,
    )
}
NOT_ARGUMENTS = ("name", "measure", "judged")
Test = Literal["within", "at least", "all", "positive", "mostly"]
ReadingRow = dict[str, Any]  # a TOML row: name, measure, perhaps judged, and the arguments of that measure
Verdict = Literal["confirmed", "confirmed under one reading", "contradicted", "not testable"]


class Claim(Row):
    """A sentence of the thesis, its figure, and the readings that test it."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    sentence: str = Field(min_length=1)
    reported: float | None = None
    tolerance: float = Field(default=0.0, ge=0)
    unit: str
    test: Test
    readings: tuple[ReadingRow, ...] = Many

    @model_validator(mode="after")
    def _measurable(self) -> "Claim":
        if self.test in ("within", "at least") and self.reported is None:
            raise ValueError(f"claim '{self.id}' is tested {self.test} a figure; expected `reported`")
        for reading in self.readings:
            _check_reading(self.id, reading)
        return self

    def holds(self, value: float) -> bool:
        """Return whether a measured value bears the claim out."""
        if self.test == "within":
            return abs(value - (self.reported or 0.0)) <= self.tolerance
        if self.test == "at least":
            return value >= (self.reported or 0.0)
        if self.test == "mostly":
            return value > 0.5
        return value == 1.0 if self.test == "all" else value > 0.0


@dataclass(frozen=True)
class ReadingResult:
    """What came of one reading of a claim: its measurement, and whether it holds, None where it cannot be measured.

    One that is not judged decides nothing.
    """

    name: str
    measurement: Measurement
    holds: bool | None
    judged: bool = True


@dataclass(frozen=True)
class ClaimOutcome:
    """A claim's verdict and our figure under its main reading, as known at some moment."""

    verdict: Verdict
    measured: float | None


@dataclass(frozen=True)
class Finding:
    """What came of a claim on a panel: a measurement per reading, the first of them the main one.

    `when_written` is what came of it as known on the thesis's date, where that was asked.
    """

    claim: Claim
    measured: tuple[Measurement, ...]
    when_written: ClaimOutcome | None = None

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
        judged = [reading.get("judged", True) for reading in self.claim.readings]
        testable = [outcome for outcome, counts in zip(self.outcomes, judged, strict=True) if counts and outcome is not None]
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
        rows = [(str(row["name"]), bool(row.get("judged", True))) for row in self.claim.readings]
        measured = zip(rows, self.measured, self.outcomes, strict=True)
        return tuple(ReadingResult(name, result, holds, judged) for (name, judged), result, holds in measured)

    @property
    def outcome(self) -> ClaimOutcome:
        """The verdict and our figure."""
        return ClaimOutcome(self.verdict, self.main.value)


def load_claims(thesis: Thesis) -> tuple[Claim, ...]:
    """Return a thesis's claims in file order, none where it has no file; ConfigurationError by file, row and field."""
    path = thesis.folder / "claims.toml"
    claims = _read_claims(path, path.read_bytes() if path.is_file() else b"") if path.exists() else ()
    for number, claim in enumerate(claims, start=1):
        for reading in claim.readings:
            _check_names(thesis, reading, f"claims.toml row {number}: claim '{claim.id}', reading '{reading['name']}'")
    _check_drawn(thesis, [claim.id for claim in claims])
    return claims


def _check_drawn(thesis: Thesis, known: Sequence[str]) -> None:
    """Refuse a claim that pages.toml names and the thesis lacks."""
    figures = thesis.pages.figures
    for name in (*figures.reported, figures.falls) if figures else ():
        if name and name not in known:
            raise ConfigurationError(f"pages.toml: {near_miss('claim', name, list(known))}")


@lru_cache(maxsize=16)
def _read_claims(path: Path, _body: bytes) -> tuple[Claim, ...]:
    return read_rows(path, "claim", Claim, key="id")


def _check_names(thesis: Thesis, reading: ReadingRow, where: str) -> None:
    """Refuse a role, a signal or a theme that a reading names and the thesis lacks."""
    try:
        for argument in ("series", "capex", "of", "by"):
            if argument in reading:
                thesis.role(reading[argument])
        if "signal" in reading:
            measures.quarterly(thesis, reading["signal"])
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def tickers_needed(thesis: Thesis) -> set[str]:
    """Return the tickers whose prices some claim needs."""
    universe = thesis.universe
    readings = [reading for claim in load_claims(thesis) for reading in claim.readings]
    named = {reading[key] for reading in readings for key in ("basket", "benchmark") if key in reading}
    single = universe.market_and_currency()
    return {ticker for name in named for ticker in ((name,) if name in single else universe.basket(name).members)}


def ledger(panel: Panel, claims: Sequence[Claim] | None = None) -> list[Finding]:
    """Return a finding per claim as known on a panel."""
    judged = load_claims(panel.thesis) if claims is None else claims
    return [Finding(claim, tuple(_measure(panel, reading) for reading in claim.readings)) for claim in judged]


def with_outcome_of(written: Sequence[Finding], findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with what came of each claim in an earlier ledger, that of the thesis's date, as `when_written`."""
    outcomes = {finding.claim.id: finding.outcome for finding in written}
    return [replace(finding, when_written=outcomes[finding.claim.id]) for finding in findings]


def changed_since(then: Sequence[Finding], now: Sequence[Finding]) -> dict[str, str]:
    """Return the claims whose verdict differs between two ledgers: id to "contradicted -> confirmed"."""
    before = {finding.claim.id: finding.verdict for finding in then}
    return {
        finding.claim.id: f"{before[finding.claim.id]} -> {finding.verdict}"
        for finding in now
        if before[finding.claim.id] != finding.verdict
    }


def _check_reading(claim: str, reading: ReadingRow) -> None:
    """Raise ValueError for a reading without a name, of no measure, or with arguments its measure does not take."""
    where = f"claim '{claim}', reading '{reading.get('name', '')}'"
    if not reading.get("name"):
        raise ValueError(f"{where}: want a name")
    if reading.get("measure") not in MEASURES:
        raise ValueError(f"{where}: {near_miss('measure', str(reading.get('measure')), list(MEASURES))}")
    arguments = {name: value for name, value in reading.items() if name not in NOT_ARGUMENTS}
    try:
        _arguments(reading["measure"])(**arguments)
    except ValidationError as error:
        raise ValueError(f"{where}: {fault(error)}") from None


@lru_cache
def _arguments(measure: str) -> type[BaseModel]:
    """Return the arguments a measure takes beside the panel, as a model that takes no others."""
    taken = {name: parameter for name, parameter in signature(MEASURES[measure]).parameters.items() if name != "panel"}
    fields = {
        name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in taken.items()
    }
    return create_model(measure, __config__=ConfigDict(extra="forbid"), **fields)  # type: ignore[call-overload,no-any-return]


def _measure(panel: Panel, reading: ReadingRow) -> Measurement:
    arguments = {name: value for name, value in reading.items() if name not in NOT_ARGUMENTS}
    return MEASURES[reading["measure"]](panel, **arguments)
