"""Published figures: one row per figure, each with the moment it became known.

Columns of a facts table (CSV, UTF-8):

    entity      ticker, or the name a figure is published under
    metric      what is measured: a row of data/metrics.toml, or another name that it has (`also`)
    period      the period as its publisher names it (FY2025Q1, 2024-05)
    period_end  last day of that period
    known_at    when it was published: a UTC minute, a day or a month (see calendars.publication_moment)
    value, unit a finite number and its unit; money is in millions of the entity's own currency (USD_m, CNY_m, KRW_m)
    evidence    reported, derived, estimated or guidance
    confidence  high, medium or low
    source      where the figure was read
    note        what a reader must know before using it

A correction is a new row of the same entity, metric and period with a later `known_at`; nothing is ever overwritten.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from backtest.errors import ConfigurationError, near_miss

SeriesKey = tuple[str, str]  # (entity, metric)

EVIDENCE = ("reported", "derived", "estimated", "guidance")
CONFIDENCE = ("high", "medium", "low")
MONEY = re.compile(r"([A-Z]{3})_m")  # a unit: millions of a currency
PER_USD = re.compile(r"([A-Z]{3})_per_USD")  # a unit: an exchange rate
UNITS = {
    "USD_m": "a number in USD million",
    "CNY_m": "a number in CNY million",
    "fraction": "a number between 0 and 1",
    "trillion_tokens": "a number of trillion tokens",
    "thousand_chips": "a number of thousand chips",
    "CNY_per_USD": "a number of CNY per USD",
    "KRW_m": "a number in KRW million",
    "KRW_per_USD": "a number of KRW per USD",
}
COLUMNS = (
    "entity", "metric", "period", "period_end", "known_at", "value", "unit", "evidence", "confidence", "source", "note",
)  # fmt: skip

ACCELERATOR_COLUMNS = (
    "chip", "vendor", "kind", "flagship", "first_shipped", "known_at", "scale_up_gb_per_s", "scale_out_gbit_per_s",
    "scale_up_domain", "peak_dense_tflops", "hbm_gb", "hbm_tb_per_s", "confidence", "source",
)  # fmt: skip
EVENT_COLUMNS = ("date", "known_at", "event", "category", "sign", "confidence", "source")
RANGE_COLUMNS = (
    "item", "subject", "metric", "period", "low", "high", "unit", "known_at", "evidence", "confidence", "source", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One published figure as it was known: what a signal cites as its input."""

    entity: str
    metric: str
    period: str
    period_end: pd.Timestamp
    quarter: int
    value: float
    unit: str
    published: str
    known_at: pd.Timestamp
    evidence: str
    confidence: str
    source: str

    def __hash__(self) -> int:
        """Return a hash of what tells one figure from another, which is counted very often."""
        return hash((self.entity, self.metric, self.period, self.published))

    def as_dict(self) -> dict[str, object]:
        """Return the fact for JSON: the publication date as its source states it."""
        names = ("entity", "metric", "period", "value", "unit", "evidence", "confidence", "source")
        return {name: getattr(self, name) for name in names} | {"known_at": self.published}


@dataclass(frozen=True)
class Chip:
    """An accelerator as announced: bandwidth per chip, both directions added up, and the quarter it first shipped.

    `shipped` is None while only planned, or where the quarter is not known. `flagship` marks the part a vendor sold as
    its main one, our reading of the table's notes.
    """

    chip: str
    vendor: str
    kind: str
    flagship: bool
    first_shipped: str
    shipped: int | None
    scale_up_gb_per_s: float
    scale_out_gbit_per_s: float
    scale_up_domain: float
    hbm_gb: float
    published: str
    known_at: pd.Timestamp
    confidence: str
    source: str

    @property
    def bandwidth_gb_per_s(self) -> float:
        """Scale-up GB/s plus scale-out Gb/s ÷ 4 (÷ 8 to bytes, × 2 for both directions); NaN unless both are known."""
        return self.scale_up_gb_per_s + self.scale_out_gbit_per_s / 4.0

    def fact(self, metric: str) -> Fact:
        """Return one of the chip's figures as a fact of the quarter it first shipped."""
        unit = {"scale_up_gb_per_s": "GB_per_s", "scale_out_gbit_per_s": "Gb_per_s", "scale_up_domain": "chips", "hbm_gb": "GB"}[
            metric
        ]
        quarter = self.shipped if self.shipped is not None else 0
        return Fact(
            entity=self.chip,
            metric=metric,
            period=self.first_shipped,
            period_end=self.known_at.tz_localize(None),
            quarter=quarter,
            value=getattr(self, metric),
            unit=unit,
            published=self.published,
            known_at=self.known_at,
            evidence="reported",
            confidence=self.confidence,
            source=self.source,
        )


@dataclass(frozen=True)
class Range:
    """What a source put between a low and a high figure; NaN at both ends where it published no amount."""

    item: str
    subject: str
    metric: str
    period: str
    low: float
    high: float
    unit: str
    published: str
    known_at: pd.Timestamp
    evidence: str
    confidence: str
    source: str

    @property
    def middle(self) -> float:
        """The mean of both ends; NaN where no amount was published."""
        return (self.low + self.high) / 2.0

    def fact(self, quarter: int) -> Fact:
        """Return the middle of the range as a fact of a quarter."""
        return Fact(
            entity=self.subject,
            metric=self.metric,
            period=self.period or "any",
            period_end=self.known_at.tz_localize(None),
            quarter=quarter,
            value=self.middle,
            unit=self.unit,
            published=self.published,
            known_at=self.known_at,
            evidence=self.evidence,
            confidence=self.confidence,
            source=self.source,
        )


@dataclass(frozen=True)
class Names:
    """Every name a data set has, whenever it became known: no value and no date, so that a panel may know them all.

    `units` is the unit of each entity and metric, `vendors` the vendor of each chip, `others` the metric of each other name
    under which tables may have it.
    """

    units: Mapping[SeriesKey, str] = field(default_factory=dict)
    vendors: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)

    def check_series(self, series: SeriesKey) -> None:
        """Raise ConfigurationError with a near miss for an entity and metric that no figure has."""
        if series in self.units:
            return
        entity, metric = series
        if (entity, self.others.get(metric, "")) in self.units:
            raise ConfigurationError(other_name(metric, self.others[metric]))
        metrics = [other for name, other in self.units if name == entity]
        if metrics:
            raise ConfigurationError(near_miss(f"metric of {entity}", metric, metrics))
        raise ConfigurationError(near_miss("entity", entity, sorted({name for name, _ in self.units})))

    def check_metric(self, metric: str) -> None:
        """Raise ConfigurationError with a near miss for a metric that no figure has."""
        metrics = sorted({name for _, name in self.units})
        if metric in self.others:
            raise ConfigurationError(other_name(metric, self.others[metric]))
        if metric not in metrics:
            raise ConfigurationError(near_miss("metric", metric, metrics))

    def check_chip(self, chip: str) -> None:
        """Raise ConfigurationError with a near miss for a chip that no row has."""
        if chip not in self.vendors:
            raise ConfigurationError(near_miss("chip", chip, list(self.vendors)))

    def check_vendor(self, vendor: str) -> None:
        """Raise ConfigurationError with a near miss for a vendor that no chip has."""
        vendors = sorted(set(self.vendors.values()))
        if vendor not in vendors:
            raise ConfigurationError(near_miss("vendor", vendor, vendors))


@dataclass(frozen=True)
class Facts:
    """Every published figure of a data set, oldest publication first.

    `rows` has the columns of COLUMNS plus `quarter` (calendar quarter as an integer), `published` (known_at as its
    source states it) and `origin` (file and row). `accelerators` and `events` are tables of their own, each with
    `known_at`, as are `ranges`: what sources put between a low and a high figure (both missing where only a direction was
    published). `data_id` is a hash of the bytes all of them were read from. `names` are those of every row that was read, kept
    by a copy with fewer; without them no name is refused.
    """

    rows: pd.DataFrame
    accelerators: pd.DataFrame
    events: pd.DataFrame
    data_id: str
    names: Names | None = None
    ranges: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*RANGE_COLUMNS, "published"]))


def currency_of(unit: str) -> str:
    """Return the currency of a unit of money ("CNY" for "CNY_m"), the unit itself where it is none."""
    return unit.removesuffix("_m")


def assemble(
    tables: Iterable[pd.DataFrame],
    accelerators: pd.DataFrame,
    events: pd.DataFrame,
    data_id: str,
    names: Names | None = None,
    ranges: pd.DataFrame | None = None,
) -> Facts:
    """Return checked tables as Facts, figures and ranges by the moment they became known."""
    rows = pd.concat(list(tables), ignore_index=True).sort_values("known_at", kind="stable", ignore_index=True)
    facts = Facts(rows, accelerators, events, data_id, names)
    return facts if ranges is None else replace(facts, ranges=ranges.sort_values("known_at", kind="stable", ignore_index=True))


def names_of(rows: pd.DataFrame, accelerators: pd.DataFrame, others: Mapping[str, str] | None = None) -> Names:
    """Return every name of some tables, and the metric of each other name under which tables may have it."""
    units = {(entity, metric): unit for entity, metric, unit in zip(rows["entity"], rows["metric"], rows["unit"], strict=True)}
    return Names(units, dict(zip(accelerators["chip"], accelerators["vendor"], strict=True)), others or {})


def currency_in(unit: str) -> str:
    """Return the currency that a unit of money or of a rate is of ("KRW" for "KRW_m" and "KRW_per_USD"), nothing for others."""
    form = MONEY.fullmatch(unit) or PER_USD.fullmatch(unit)
    return form[1] if form else ""


def is_unit(unit: str) -> bool:
    """Return whether a figure may have a unit: one of UNITS, or money or a rate of any currency."""
    return unit in UNITS or bool(currency_in(unit))


def other_name(metric: str, name: str) -> str:
    """Return the refusal of a metric by a name that only tables may use."""
    return f"no metric '{metric}'; tables may call '{name}' so, code reads '{name}'"
