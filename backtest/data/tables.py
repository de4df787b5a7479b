"""Tables of figures, chips, events and ranges as CSV: read as text, then typed; the first bad row is refused by row and field."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from pandas.api.typing import NaTType

from backtest import calendars
from backtest.errors import DataError
from backtest.facts import COLUMNS, CONFIDENCE, EVIDENCE, RANGE_COLUMNS, UNITS, is_unit
from backtest.files.messages import reason

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
        "unit": pandera.Column(str, pandera.Check(is_unit, element_wise=True, name="a unit")),
        "value": pandera.Column(float, pandera.Check(np.isfinite, name="a finite number")),
        "evidence": pandera.Column(str, pandera.Check.isin(list(EVIDENCE))),
        "confidence": pandera.Column(str, pandera.Check.isin(list(CONFIDENCE))),
        "source": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "note": pandera.Column(str),
    }
)

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
        raise DataError(f"{file} row {row}: value is '{_text(table, row, 'value')}'; expected {UNITS['fraction']}")
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
            raise DataError(f"{file} row {row}: {name} is '{_text(table, row, name)}'; expected a number or nothing")
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
    if _plainly_keeps(schema, typed):
        return
    try:
        schema.validate(typed, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        first = cases.dropna(subset=["index"]).sort_values("index", kind="stable")
        if first.empty:
            raise DataError(f"{file}: {cases.iloc[0]['column']} fails {cases.iloc[0]['check']}") from None
        row, field, check = int(first.iloc[0]["index"]), str(first.iloc[0]["column"]), str(first.iloc[0]["check"])
        expected = UNITS.get(str(raw.at[row, "unit"]), "a finite number") if field == "value" else EXPECTED.get(field, check)
        raise DataError(f"{file} row {row}: {field} is '{_text(raw, row, field)}'; expected {expected}") from None


def _plainly_keeps(schema: pandera.DataFrameSchema, typed: pd.DataFrame) -> bool:
    """Return whether a table keeps a schema, by the few checks that ours are made of; False where pandera has to say.

    To load what pandera checks with takes longer than to check every table that the package carries.
    """
    if schema.checks or schema.unique or schema.strict or schema.coerce or schema.index:
        return False
    return all(name in typed and _column_keeps(column, typed[name]) for name, column in schema.columns.items())


def _column_keeps(column: pandera.Column, values: pd.Series) -> bool:
    known = values.dropna()
    is_text = isinstance(values.dtype, pd.StringDtype) and str(column.dtype).startswith("string")
    if not is_text and str(values.dtype) != str(column.dtype):
        return False
    if column.unique or (len(known) < len(values) and not column.nullable):
        return False
    return all(_check_holds(check, known) for check in column.checks)


def _check_holds(check: pandera.Check, values: pd.Series) -> bool:
    """Return whether every value passes a check that is known here."""
    stated = check.statistics or {}
    match check.name:
        case "a unit":
            return all(map(is_unit, values.unique()))
        case "a finite number":
            return bool(np.isfinite(values.to_numpy()).all())
        case "isin":
            return bool(values.isin(list(stated["allowed_values"])).all())
        case "str_matches":
            return all(re.match(stated["pattern"], value) for value in values.unique())
        case "in_range":
            least, most = stated["min_value"], stated["max_value"]
            bounds = {**stated, "include_min": False, "include_max": True}
            return stated == bounds and bool(((values > least) & (values <= most)).all())
        case "str_length" if stated == {"min_value": 1, "max_value": None, "exact_value": None}:
            return bool((values != "").all())
    return False


def first_row(faulty: pd.Series) -> int:
    """Return the row of the file at which a column of faults is first true."""
    return int(faulty.index[int(np.argmax(faulty.to_numpy()))])


def _text(table: pd.DataFrame, row: int, field: str) -> str:
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
