"""Quarterly figures of US companies from the SEC: company facts for the values, submissions for when they were public.

When a value became known:
- each value counts from the *earliest* filing that states it; a later filing that repeats it is no news, one that changes
  it is a new row;
- a filing counts from its acceptance. The SEC writes that stamp with a Z, but for about a fifth of companies it is New
  York's clock, so the later of the two readings is taken, and at the latest the midnight UTC that ends the filing date;
- where the company's release holds the cash-flow statement (`with_cash_flow`), the last 8-K with Item 2.02 between the
  period's end and the 10-Q or 10-K publishes the figure.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, Field

from backtest.data.client import Client
from backtest.data.store import Answer
from backtest.errors import ConfigurationError, DataError
from backtest.inputs import STRICT, Day, of_known_shape, parsed_row, read_tables

AGENT_VARIABLE = "BACKTEST_SEC_USER_AGENT"
FORMS = ("10-Q", "10-K", "10-Q/A", "10-K/A")
QUARTER = (80, 100)  # days in a fiscal quarter of 12 to 14 weeks
SPANS = (QUARTER, (170, 195), (260, 290), (350, 380))
RESULTS_ITEM = "2.02"
COLUMNS = ("accn", "start", "end", "filed", "form", "val")
NEW_YORK = "America/New_York"
TAG_MAP = Path(__file__).with_suffix(".toml")


class Series(BaseModel):
    """One series of one company: its tag and the first period's end from which the tag holds it.

    `restated_otherwise` says why later filings restate it by another measure: then only first statements are taken.
    """

    model_config = STRICT

    entity: str
    cik: int
    metric: str
    tag: str
    since: Day
    until: Day | None = None
    fiscal_year_ends: int = Field(ge=1, le=12)
    with_cash_flow: bool
    restated_otherwise: str = ""
    source: str = Field(min_length=1)


@dataclass(frozen=True)
class Value:
    """A figure in USD million of a span of days as one filing stated it."""

    start: pd.Timestamp
    end: pd.Timestamp
    value: float
    known_at: pd.Timestamp
    accession: str
    form: str


@lru_cache
def load_series(path: Path = TAG_MAP) -> tuple[Series, ...]:
    """Return the tag map in file order; ConfigurationError for the first bad row."""
    rows = read_tables(path, "series")["series"]
    return tuple(parsed_row(Series, row, f"{path.name} row {number}") for number, row in enumerate(rows, start=1))


@of_known_shape("sec")
def fetch(client: Client, cik: int, entity: str, since: date) -> tuple[Answer, list[Answer]]:
    """Return the company facts, and the submissions with every older page that reaches past `since`."""
    agent = {"User-Agent": user_agent()}
    facts = client.get_json(entity, f"/api/xbrl/companyfacts/CIK{cik:010d}.json", {}, agent)
    recent = client.get_json(entity, f"/submissions/CIK{cik:010d}.json", {}, agent)
    older = [page["name"] for page in _pages(recent.body, entity) if str(page["filingTo"]) >= since.isoformat()]
    return facts, [recent, *(client.get_json(entity, f"/submissions/{name}", {}, agent) for name in older)]


def user_agent() -> str:
    """Return who asks; the SEC refuses those who do not say."""
    stated = os.environ.get(AGENT_VARIABLE, "").strip()
    if "@" not in stated:
        raise ConfigurationError(f"sec: {AGENT_VARIABLE} is not set; the SEC wants a name and a mail address in it")
    return stated


@of_known_shape("sec")
def parse(facts: bytes, submissions: Sequence[bytes], series: Sequence[Series]) -> tuple[pd.DataFrame, list[str]]:
    """Return the quarterly rows of a company's series, oldest publication first, and a line for each figure refused.

    A row has entity, metric, period, period_end, known_at, value (USD million), unit, evidence, source, note.
    """
    filings = parse_submissions(submissions, series[0].entity)
    rows: list[dict[str, Any]] = []
    refused: list[str] = []
    for one in series:
        spans = _vintages(parse_values(facts, one, filings))
        spans = {span: held[:1] for span, held in spans.items()} if one.restated_otherwise else spans
        found, faults = derive(spans)
        quarters = {end: held for end, held in found.items() if end.date() >= one.since}
        rows += [_row(one, end, held, note) for end, vintages in sorted(quarters.items()) for held, note in vintages]
        refused += [f"sec {one.entity} {one.metric}: {fault}" for fault in [*faults, *_gaps(quarters)]]
    return pd.DataFrame(rows), refused


def parse_submissions(pages: Sequence[bytes], entity: str) -> pd.DataFrame:
    """Return accession, form, filed, accepted (text), items and report date of each filing of some pages."""
    names = {
        "accessionNumber": "accession", "form": "form", "filingDate": "filed", "acceptanceDateTime": "accepted",
        "items": "items", "reportDate": "reported",
    }  # fmt: skip
    tables = []
    for body in pages:
        try:
            document = json.loads(body)
            recent = document["filings"]["recent"] if "filings" in document else document
            tables.append(pd.DataFrame({ours: pd.Series(recent[theirs], dtype=str) for theirs, ours in names.items()}))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"sec {entity}: submissions are not what we know (no {error}); want filings.recent") from None
    return pd.concat(tables, ignore_index=True).drop_duplicates("accession")


def parse_values(body: bytes, series: Series, filings: pd.DataFrame) -> list[Value]:
    """Return every figure of a series that a 10-Q or 10-K states, with when it was public; DataError when there is none."""
    where = f"sec {series.entity}"
    try:
        document = json.loads(body)
        if int(document["cik"]) != series.cik:
            raise DataError(f"{where}: came company {document['cik']}; want {series.cik}")
        held = document["facts"]["us-gaap"]
        rows = held[series.tag]["units"]["USD"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where}: no {error} in the company facts; want facts.us-gaap.{series.tag}.units.USD") from None
    if strays := [name for name in COLUMNS if rows and name not in rows[0]]:
        raise DataError(f"{where}: {series.tag} rows have no '{strays[0]}'; want {', '.join(COLUMNS)}")
    known = _publications(filings)
    until = series.until.isoformat() if series.until else "9999"
    return [
        _value(row, known, series.with_cash_flow)
        for row in rows
        if row["form"] in FORMS and row["start"] >= f"{series.since.year - 1}" and row["end"] < until
    ]


def derive(spans: Mapping[tuple[pd.Timestamp, pd.Timestamp], list[Value]]) -> tuple[dict[pd.Timestamp, list[Any]], list[str]]:
    """Return each quarter's vintages by its end, as (value, note), and a line for each quarter refused.

    A quarter is stated as such, or is a span less the one of the same start that ends a quarter before; both operands are
    named in the note. Where one operand was restated and the other was not, the difference mixes two bases: refused.
    """
    quarters: dict[pd.Timestamp, list[Any]] = {}
    faults: list[str] = []
    for (start, end), vintages in sorted(spans.items()):
        if _lasts(start, end, QUARTER):
            quarters.setdefault(end, [(one, _stated(one)) for one in vintages])
    for (start, end), vintages in sorted(spans.items()):
        if end in quarters or not any(_lasts(start, end, span) for span in SPANS[1:]):
            continue
        before = [key for key in spans if key[0] == start and _lasts(key[1], end, QUARTER)]
        if not before:
            faults.append(f"{(end - start).days + 1} days to {end:%Y-%m-%d} have no span to subtract")
            continue
        quarters[end], mixed = _differences(vintages, spans[before[0]])
        faults += mixed
    return quarters, [fault for fault in faults if not any(f"{end:%Y-%m-%d}" in fault for end in _plain(quarters))]


def fiscal_period(end: pd.Timestamp, fiscal_year_ends: int) -> str:
    """Return FY2025Q1 for 2024-09-30 of a year that ends in June; a period may end a few days into the next month."""
    month = end - pd.Timedelta(days=10)
    since = (month.month - fiscal_year_ends - 1) % 12
    year = month.year + (1 if month.month > fiscal_year_ends else 0)
    return f"FY{year}Q{since // 3 + 1}"


def accepted_at(stamp: str, filed: str) -> pd.Timestamp:
    """Return the moment from which a filing counts: the later reading of its stamp, at most the end of its filing date."""
    ended = pd.Timestamp(filed, tz="UTC") + pd.Timedelta(days=1)
    moment = pd.to_datetime(stamp, errors="coerce", utc=True)
    if pd.isna(moment):
        return ended
    clock = moment.tz_localize(None).tz_localize(NEW_YORK, nonexistent="shift_forward", ambiguous=False).tz_convert("UTC")
    return min(ended, max(moment, clock)).ceil("min")


def _pages(body: bytes, entity: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(body)["filings"]["files"]
    except (KeyError, TypeError) as error:
        raise DataError(f"sec {entity}: submissions are not what we know (no {error}); want filings.files") from None
    return found


def _publications(filings: pd.DataFrame) -> dict[str, tuple[pd.Timestamp, list[tuple[str, pd.Timestamp]]]]:
    """Return, per accession, when it counts, and every 8-K with results as (day filed, when it counts)."""
    moments = [accepted_at(stamp, filed) for stamp, filed in zip(filings["accepted"], filings["filed"], strict=True)]
    results = [
        (filed, moment)
        for form, items, filed, moment in zip(filings["form"], filings["items"], filings["filed"], moments, strict=True)
        if form == "8-K" and RESULTS_ITEM in str(items).split(",")
    ]
    return {one: (moment, results) for one, moment in zip(filings["accession"], moments, strict=True)}


def _value(row: Mapping[str, Any], known: Mapping[str, Any], with_cash_flow: bool) -> Value:
    moment, results = known.get(row["accn"], (pd.Timestamp(row["filed"], tz="UTC") + pd.Timedelta(days=1), []))
    if with_cash_flow:
        releases = [counts for filed, counts in results if row["end"] < filed and counts <= moment]
        own = [counts for counts in releases if moment - counts < pd.Timedelta(days=30)]
        moment = max(own, default=moment)
    start, end = pd.Timestamp(row["start"]), pd.Timestamp(row["end"])
    return Value(start, end, float(row["val"]) / 1e6, moment, row["accn"], row["form"])


def _vintages(values: Iterable[Value]) -> dict[tuple[pd.Timestamp, pd.Timestamp], list[Value]]:
    """Return the changes of each span's value in the order they were filed: repetitions are dropped."""
    found: dict[tuple[pd.Timestamp, pd.Timestamp], list[Value]] = {}
    for one in sorted(values, key=lambda value: value.known_at):
        held = found.setdefault((one.start, one.end), [])
        if not held or held[-1].value != one.value:
            held.append(one)
    return found


def _differences(longer: list[Value], shorter: list[Value]) -> tuple[list[Any], list[str]]:
    pairs = list(zip(longer, shorter, strict=False))
    found = [(_less(a, b), f"derived: {_named(a)} less {_named(b)}") for a, b in pairs]
    faults = [
        f"{one.start:%Y-%m-%d} to {one.end:%Y-%m-%d} is restated as {one.value:g} in {one.accession}, its other operand is not"
        for one in [*longer[len(pairs) :], *shorter[len(pairs) :]]
    ]
    return found, faults


def _less(longer: Value, shorter: Value) -> Value:
    known = max(longer.known_at, shorter.known_at)
    value = round(longer.value - shorter.value, 6)
    return Value(shorter.end + pd.Timedelta(days=1), longer.end, value, known, longer.accession, longer.form)


def _plain(quarters: Mapping[pd.Timestamp, list[Any]]) -> list[pd.Timestamp]:
    """Return the ends of quarters stated as such: they need no difference."""
    return [end for end, vintages in quarters.items() if vintages and vintages[0][1].startswith("stated")]


def _stated(one: Value) -> str:
    return f"stated for the quarter in {one.accession}"


def _named(one: Value) -> str:
    return f"{one.start:%Y-%m-%d} to {one.end:%Y-%m-%d} {one.value:g} ({one.accession})"


def _lasts(start: pd.Timestamp, end: pd.Timestamp, span: tuple[int, int]) -> bool:
    return span[0] <= (end - start).days + 1 <= span[1]


def _gaps(quarters: Mapping[pd.Timestamp, list[Any]]) -> list[str]:
    apart = [(a, b) for a, b in pairwise(sorted(quarters)) if (b - a).days > QUARTER[1] + 10]
    return [f"no quarter between {a:%Y-%m-%d} and {b:%Y-%m-%d}" for a, b in apart]


def _row(series: Series, end: pd.Timestamp, held: Value, note: str) -> dict[str, Any]:
    return {
        "entity": series.entity,
        "metric": series.metric,
        "period": fiscal_period(end, series.fiscal_year_ends),
        "period_end": end,
        "known_at": held.known_at,
        "value": held.value,
        "unit": "USD_m",
        "evidence": "derived" if note.startswith("derived") else "reported",
        "source": f"SEC company facts, {held.form} {held.accession}",
        "note": f"us-gaap:{series.tag}; {note}",
    }
