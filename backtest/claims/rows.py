"""The claims of a thesis as rows of its claims.toml, each reading checked against the measure that it names."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from backtest.claims import lead_measures, measures, price_measures, role_measures, signal_measures
from backtest.claims.measurement import Measurement
from backtest.errors import ConfigurationError, near_miss
from backtest.files.rows import Day, Many, Row, fault, read_rows
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
        signal_measures.trend,
        signal_measures.positive,
        price_measures.excess_return,
        price_measures.period_return,
        price_measures.best_month,
        price_measures.longest_rise,
        price_measures.profitable_holdings,
        price_measures.mean_turnover,
        role_measures.undisclosed,
        role_measures.stated_ratio,
        role_measures.share_of,
        role_measures.share_multiple,
        role_measures.outgrown,
        role_measures.outgrew_together,
        role_measures.published_range,
        lead_measures.leads,
    )
}
# What came since a claim was written: `since` is so many quarters after the newest that was known then. Others measure a span of
# their own, which lies after it where the claim speaks of the future.
SINCE_AFTER = {"rising": 1, "excess_sets": 1, "positive": 1, "outgrown": 1, "outgrew_together": 1, "trend": 0}
OF_THE_FUTURE = ("excess_return",)  # measures that begin where their claim was written
NOT_ARGUMENTS = ("name", "measure", "judged")
ROLES = ("series", "capex", "of", "by", "holding", "revenue")
Test = Literal["within", "at least", "all", "positive", "mostly"]
ReadingRow = dict[str, Any]  # a TOML row: name, measure, perhaps judged, and the arguments of that measure


class Claim(Row):
    """A sentence of the thesis, its figure, and the readings that test it.

    `future` says whether it speaks of what comes after it was written, by default where a reading can measure nothing else;
    `date` is the day on which it was written, where that is not the thesis's; `explained` is the definition that a difference
    between its figure and ours comes from.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    sentence: str = Field(min_length=1)
    reported: float | None = None
    tolerance: float = Field(default=0.0, ge=0)
    unit: str
    test: Test
    future: bool | None = None
    date: Day | None = None
    explained: str = ""
    readings: tuple[ReadingRow, ...] = Many

    @model_validator(mode="after")
    def _measurable(self) -> "Claim":
        if self.test in ("within", "at least") and self.reported is None:
            raise ValueError(f"claim '{self.id}' is tested {self.test} a figure; expected `reported`")
        for reading in self.readings:
            _check_reading(self.id, reading)
        return self

    @property
    def speaks_of_future(self) -> bool:
        """Whether the claim is also judged on what came after it was written."""
        return any(reading["measure"] in OF_THE_FUTURE for reading in self.readings) if self.future is None else self.future

    def written(self, thesis: Thesis) -> pd.Timestamp:
        """Return the day on which the claim was written."""
        return pd.Timestamp(self.date) if self.date else thesis.date

    def holds(self, value: float) -> bool:
        """Return whether a measured value bears the claim out."""
        if self.test == "within":
            return abs(value - (self.reported or 0.0)) <= self.tolerance
        if self.test == "at least":
            return value >= (self.reported or 0.0)
        if self.test == "mostly":
            return value > 0.5
        return value == 1.0 if self.test == "all" else value > 0.0

    def margin(self, measured: Measurement) -> float | None:
        """Return by how much a measurement bears the claim out, below 0 where it does not; None where there is no value.

        What is left of the tolerance, or the value less what it has to reach; for a share of quarters, holdings or sets, or a
        lead, what the measure says of the one that decides.
        """
        value = measured.value
        if value is None:
            return None
        if self.test == "within":
            return self.tolerance - abs(value - (self.reported or 0.0))
        if self.test in ("all", "positive") and measured.margin is not None:
            return measured.margin
        return value - {"at least": self.reported or 0.0, "mostly": 0.5, "all": 1.0, "positive": 0.0}[self.test]


def load_claims(thesis: Thesis) -> tuple[Claim, ...]:
    """Return a thesis's claims in file order, none where it has no file; ConfigurationError by file, row and field."""
    path = thesis.folder / "claims.toml"
    claims = _read_claims(path, path.read_bytes() if path.is_file() else b"") if path.exists() else ()
    for number, claim in enumerate(claims, start=1):
        for reading in claim.readings:
            _check_names(thesis, reading, f"claims.toml row {number}: claim '{claim.id}', reading '{reading['name']}'")
    _check_drawn(thesis, [claim.id for claim in claims])
    return claims


def tickers_needed(thesis: Thesis) -> set[str]:
    """Return the tickers whose prices some claim needs."""
    universe = thesis.universe
    readings = [reading for claim in load_claims(thesis) for reading in claim.readings]
    named = {reading[key] for reading in readings for key in ("basket", "benchmark", "ticker") if key in reading}
    single = universe.market_and_currency()
    return {ticker for name in named for ticker in ((name,) if name in single else universe.basket(name).members)}


def measure(panel: Panel, claim: Claim, reading: ReadingRow, replaced: Mapping[str, Any] | None = None) -> Measurement:
    """Return what a reading of a claim measures on a panel, with some of its arguments replaced."""
    arguments = {name: value for name, value in reading.items() if name not in NOT_ARGUMENTS} | dict(replaced or {})
    if claim.date and reading["measure"] in OF_THE_FUTURE:
        arguments.setdefault("written", f"{claim.date}")
    return MEASURES[reading["measure"]](panel, **arguments)


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
    """Refuse a role, a signal or a ticker that a reading names and the thesis lacks."""
    try:
        for argument in ROLES:
            if reading.get(argument):
                thesis.role(reading[argument])
        if "signal" in reading:
            signal_measures.quarterly(thesis, reading["signal"])
        tickers = list(thesis.universe.market_and_currency())
        if "ticker" in reading and reading["ticker"] not in tickers:
            raise ConfigurationError(near_miss("supplier or benchmark", reading["ticker"], tickers))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _check_reading(claim: str, reading: ReadingRow) -> None:
    """Raise ValueError for a reading without a name, of no measure, or with arguments its measure does not take."""
    where = f"claim '{claim}', reading '{reading.get('name', '')}'"
    if not reading.get("name"):
        raise ValueError(f"{where}: want a name")
    if reading.get("measure") not in MEASURES:
        raise ValueError(f"{where}: {near_miss('measure', str(reading.get('measure')), list(MEASURES))}")
    arguments = {name: value for name, value in reading.items() if name not in NOT_ARGUMENTS}
    try:
        arguments_of(reading["measure"])(**arguments)
    except ValidationError as error:
        raise ValueError(f"{where}: {fault(error)}") from None


@lru_cache
def arguments_of(measure: str) -> type[BaseModel]:
    """Return the arguments a measure takes beside the panel, as a model that takes no others."""
    taken = {name: parameter for name, parameter in signature(MEASURES[measure]).parameters.items() if name != "panel"}
    fields = {
        name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in taken.items()
    }
    return create_model(measure, __config__=ConfigDict(extra="forbid"), **fields)  # type: ignore[call-overload,no-any-return]
