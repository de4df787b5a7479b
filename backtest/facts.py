"""Published figures: one row per figure, each with the moment it became known.

Columns of a facts table (CSV, UTF-8):

    entity      ticker, or the name a figure is published under
    metric      what is measured: a row of data/metrics.toml; one unit per entity and metric
    period      the period as its publisher names it (FY2025Q1, 2024-05)
    period_end  last day of that period
    known_at    when it was published: a UTC minute, a day or a month (see calendars.publication_moment)
    value, unit a finite number and its unit
    evidence    reported, derived, estimated or guidance
    confidence  high, medium or low
    source      where the figure was read
    note        what a reader must know before using it

A correction is a new row of the same entity, metric and period with a later `known_at`; nothing is ever overwritten.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from pandas.api.typing import NaTType

from backtest import calendars
from backtest.errors import ConfigurationError, DataError, near_miss
from backtest.files.messages import reason

Series = tuple[str, str]  # (entity, metric)

EVIDENCE = ("reported", "derived", "estimated", "guidance")
CONFIDENCE = ("high", "medium", "low")
UNITS = {
    "USD_m": "a number in USD million",
    "CNY_m": "a number in CNY million",
    "fraction": "a number between 0 and 1",
    "trillion_tokens": "a number of trillion tokens",
    "thousand_chips": "a number of thousand chips",
    "CNY_per_USD": "a number of CNY per USD",
    "KRW_m": "a number in KRW million",
}
COLUMNS = (
    "entity", "metric", "period", "period_end", "known_at", "value", "unit", "evidence", "confidence", "source", "note",
)  # fmt: skip
EXPECTED = {
    "period_end": "a day like 2024-03-31",
    "known_at": "a day like 2024-04-25, a month like 2024-04 or a UTC minute like 2024-04-25T20:05Z",
    "evidence": f"one of {', '.join(EVIDENCE)}",
    "confidence": f"one of {', '.join(CONFIDENCE)}",
    "unit": f"one of {', '.join(UNITS)}",
}

FACT_SCHEMA = pandera.DataFrameSchema(
    {
        "entity": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "metric": pandera.Column(str, pandera.Check.str_matches(r"^[a-z][a-z0-9_]*$")),
        "period": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "period_end": pandera.Column("datetime64[ns]"),
        "known_at": pandera.Column("datetime64[ns, UTC]"),
        "unit": pandera.Column(str, pandera.Check.isin(list(UNITS))),
        "value": pandera.Column(float, pandera.Check(np.isfinite, name="a finite number")),
        "evidence": pandera.Column(str, pandera.Check.isin(list(EVIDENCE))),
        "confidence": pandera.Column(str, pandera.Check.isin(list(CONFIDENCE))),
        "source": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "note": pandera.Column(str),
    }
)

ACCELERATOR_COLUMNS = (
    "chip", "vendor", "kind", "flagship", "first_shipped", "known_at", "scale_up_gb_per_s", "scale_out_gbit_per_s",
    "scale_up_domain", "peak_dense_tflops", "hbm_gb", "hbm_tb_per_s", "confidence", "source",
)  # fmt: skip
EVENT_COLUMNS = ("date", "known_at", "event", "category", "sign", "confidence", "source")
RANGE_COLUMNS = (
    "item", "subject", "metric", "period", "low", "high", "unit", "known_at", "evidence", "confidence", "source", "note",
)  # fmt: skip

RANGE_SCHEMA = pandera.DataFrameSchema(
    {
        **{name: pandera.Column(str, pandera.Check.str_length(min_value=1)) for name in ("item", "subject", "metric", "unit")},
        **{
            name: pandera.Column(float, pandera.Check(np.isfinite, name="a finite number"), nullable=True)
            for name in ("low", "high")
        },
        "known_at": pandera.Column("datetime64[ns, UTC]"),
        "evidence": pandera.Column(str, pandera.Check.isin(list(EVIDENCE))),
        "confidence": pandera.Column(str, pandera.Check.isin(list(CONFIDENCE))),
        "source": pandera.Column(str, pandera.Check.str_length(min_value=1)),
    }
)

ACCELERATOR_SCHEMA = pandera.DataFrameSchema(
    {
        "chip": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "vendor": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "kind": pandera.Column(str, pandera.Check.isin(["GPU", "ASIC"])),
        "flagship": pandera.Column(str, pandera.Check.isin(["yes", "no"])),
        "first_shipped": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "known_at": pandera.Column("datetime64[ns, UTC]"),
        **{
            name: pandera.Column(float, pandera.Check.in_range(0, 1e9, include_min=False), nullable=True)
            for name in (
                "scale_up_gb_per_s",
                "scale_out_gbit_per_s",
                "scale_up_domain",
                "peak_dense_tflops",
                "hbm_gb",
                "hbm_tb_per_s",
            )
        },
        "confidence": pandera.Column(str, pandera.Check.isin(list(CONFIDENCE))),
        "source": pandera.Column(str, pandera.Check.str_length(min_value=1)),
    }
)

EVENT_SCHEMA = pandera.DataFrameSchema(
    {
        "date": pandera.Column("datetime64[ns]"),
        "known_at": pandera.Column("datetime64[ns, UTC]"),
        "event": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "category": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "sign": pandera.Column(str, pandera.Check.isin(["+", "-", ""])),
        "confidence": pandera.Column(str, pandera.Check.isin(list(CONFIDENCE))),
        "source": pandera.Column(str, pandera.Check.str_length(min_value=1)),
    }
)


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
        unit = {"scale_up_gb_per_s": "GB_per_s", "scale_out_gbit_per_s": "Gb_per_s", "scale_up_domain": "chips"}[metric]
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
class Names:
    """Every name a data set has, whenever it became known: no value and no date, so that a panel may know them all.

    `units` is the unit of each entity and metric, `vendors` the vendor of each chip.
    """

    units: Mapping[Series, str] = field(default_factory=dict)
    vendors: Mapping[str, str] = field(default_factory=dict)

    def check_series(self, series: Series) -> None:
        """Raise ConfigurationError with a near miss for an entity and metric that no figure has."""
        if series in self.units:
            return
        entity, metric = series
        metrics = [other for name, other in self.units if name == entity]
        if metrics:
            raise ConfigurationError(near_miss(f"metric of {entity}", metric, metrics))
        raise ConfigurationError(near_miss("entity", entity, sorted({name for name, _ in self.units})))

    def check_metric(self, metric: str) -> None:
        """Raise ConfigurationError with a near miss for a metric that no figure has."""
        metrics = sorted({name for _, name in self.units})
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


def read_table(path: Path, columns: tuple[str, ...] | None = None, body: bytes | None = None) -> pd.DataFrame:
    """Return a CSV as text, indexed by its row in the file (the header is row 1); `body` stands in for the file's bytes.

    Raises DataError naming the file when it is missing, not UTF-8 or has other columns, and naming the row when that has
    fewer or more fields than the header, as the last one of a copy that was cut short.
    """
    content = read_body(path) if body is None else body
    _check_shape(content, path.name)
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8", skip_blank_lines=False)
    except ValueError as error:
        raise DataError(f"{path.name}: not a readable CSV ({reason(error)})") from None
    if columns and (lost := [name for name in columns if name not in table.columns]):
        raise DataError(f"{path.name}: no column '{lost[0]}'; expected {','.join(columns)}")
    table = table.fillna("")
    table.index = pd.RangeIndex(2, len(table) + 2)
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise DataError(f"{path.name}: no rows; expected at least one")
    return table


def read_body(path: Path) -> bytes:
    """Return a table's bytes; DataError naming the file when it is missing or cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path.name}: no such file in {path.parent}") from None
    except OSError as error:
        raise DataError(f"{path.name}: not a readable CSV ({reason(error)})") from None


def _check_shape(content: bytes, file: str) -> None:
    """Refuse a NUL byte, a header that names a column twice, and the first row with another number of fields; blank rows pass."""
    if b"\0" in content:
        raise DataError(f"{file}: not a readable CSV (byte {content.index(0) + 1} is NUL); expected text")
    try:
        text = content.decode("utf-8-sig")
        if '"' in text:
            rows = list(csv.reader(io.StringIO(text, newline="")))
            header, counts = (rows or [[]])[0], [len(row) for row in rows]
        else:  # ten times as fast
            lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
            header, counts = lines[0].split(","), [line.count(",") + 1 if line else 0 for line in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a readable CSV ({error})") from None
    if twice := [name for name in header if header.count(name) > 1]:
        raise DataError(f"{file}: its header names '{twice[0]}' twice; expected each column once")
    for row, count in enumerate(counts, start=1):
        if count not in (0, len(header)):
            raise DataError(f"{file} row {row}: {count} field(s); expected {len(header)}, as its header has")


def parse_facts(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Turn a facts table of text into typed rows; refuse the first bad one by file, row and field."""
    typed = table.loc[:, list(COLUMNS)].copy()
    typed["value"] = pd.to_numeric(table["value"], errors="coerce").astype(float)
    typed["period_end"] = _days(table["period_end"])
    typed["known_at"] = _moments(table["known_at"])
    validate(FACT_SCHEMA, typed, table, file)
    typed["quarter"] = [calendars.quarter_of(end) for end in typed["period_end"]]
    typed["published"] = table["known_at"]
    typed["origin"] = [f"{file} row {row}" for row in typed.index]
    over = typed["unit"].eq("fraction") & ~typed["value"].between(0, 1)
    if over.any():
        row = first_row(over)
        raise DataError(f"{file} row {row}: value is '{_said(table, row, 'value')}'; expected {UNITS['fraction']}")
    return typed


def parse_accelerators(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Turn the accelerator table of text into typed rows; refuse the first bad one by file, row and field."""
    return _with_numbers(ACCELERATOR_SCHEMA, table, file)


def parse_ranges(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Turn a table of ranges of text into typed rows; refuse the first bad one by file, row and field."""
    typed = _with_numbers(RANGE_SCHEMA, table.loc[:, list(RANGE_COLUMNS)], file)
    typed["origin"] = [f"{file} row {row}" for row in typed.index]
    return typed


def _with_numbers(schema: pandera.DataFrameSchema, table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Return a table with the numbers of its schema, missing where nothing is written, and its moments."""
    typed = table.copy()
    for name in [name for name, column in schema.columns.items() if column.nullable]:
        typed[name] = pd.to_numeric(table[name].replace("", "nan"), errors="coerce").astype(float)
        garbled = typed[name].isna() & ~table[name].isin(["", "nan"])
        if garbled.any():
            row = first_row(garbled)
            raise DataError(f"{file} row {row}: {name} is '{_said(table, row, name)}'; expected a number or nothing")
    typed["known_at"] = _moments(table["known_at"])
    validate(schema, typed, table, file)
    typed["published"] = table["known_at"]
    return typed


def parse_events(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """Turn the event table of text into typed rows; refuse the first bad one by file, row and field."""
    typed = table.copy()
    typed["date"] = _days(table["date"])
    typed["known_at"] = _moments(table["known_at"])
    validate(EVENT_SCHEMA, typed, table, file)
    return typed


def validate(schema: pandera.DataFrameSchema, typed: pd.DataFrame, raw: pd.DataFrame, file: str) -> None:
    """Raise DataError for the first row a schema refuses: file, row, field, what came, what would do."""
    try:
        schema.validate(typed, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        first = cases.dropna(subset=["index"]).sort_values("index", kind="stable")
        if first.empty:
            raise DataError(f"{file}: {cases.iloc[0]['column']} fails {cases.iloc[0]['check']}") from None
        row, field, check = int(first.iloc[0]["index"]), str(first.iloc[0]["column"]), str(first.iloc[0]["check"])
        expected = UNITS.get(str(raw.at[row, "unit"]), "a finite number") if field == "value" else EXPECTED.get(field, check)
        raise DataError(f"{file} row {row}: {field} is '{_said(raw, row, field)}'; expected {expected}") from None


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


def names_of(rows: pd.DataFrame, accelerators: pd.DataFrame) -> Names:
    """Return every name of some tables."""
    units = {(entity, metric): unit for entity, metric, unit in zip(rows["entity"], rows["metric"], rows["unit"], strict=True)}
    return Names(units, dict(zip(accelerators["chip"], accelerators["vendor"], strict=True)))


def first_row(faulty: pd.Series) -> int:
    """Return the row of the file at which a column of faults is first true."""
    return int(faulty.index[int(np.argmax(faulty.to_numpy()))])


def _said(table: pd.DataFrame, row: int, field: str) -> str:
    return str(table.at[row, field])


def _days(stated: pd.Series) -> pd.Series:
    days = pd.to_datetime(stated, format="%Y-%m-%d", errors="coerce")
    return days.where(days.dt.year.between(1900, 2199)).astype("datetime64[ns]")


def _moments(stated: pd.Series) -> pd.Series:
    return pd.Series([_or_nat(calendars.publication_moment, text) for text in stated], stated.index, "datetime64[ns, UTC]")


def _or_nat(parse: Callable[[str], pd.Timestamp], text: str) -> pd.Timestamp | NaTType:
    try:
        return parse(text)
    except ValueError:
        return pd.NaT
