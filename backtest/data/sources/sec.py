"""Quarterly figures of US companies from the SEC: company facts for the values, submissions for when they were public.

When a value became known:
- each value counts from the *earliest* filing that states it; a later filing that repeats it is no news, one that changes
  it is a new row;
- an amendment (10-K/A, 10-Q/A), and any later filing of the same results, counts from its own acceptance;
- a filing counts from its acceptance. The SEC writes that stamp with a Z, but for about a fifth of companies it is New
  York's clock, so the later of the two readings is taken, and at the latest the midnight UTC that ends the filing date;
- where the company's release holds the cash-flow statement (`with_cash_flow`), the last 8-K with Item 2.02 between the
  period's end and the 10-Q or 10-K publishes the figure.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import AfterValidator, BaseModel, Field, StrictFloat, StrictInt, ValidationError

from backtest.data.answer import Answer, of_known_shape
from backtest.data.sources.http import Client, read_json
from backtest.errors import ConfigurationError, DataError
from backtest.files.rows import STRICT, Day, read_rows

AGENT_VARIABLE = "BACKTEST_SEC_USER_AGENT"
FORMS = ("10-Q", "10-K", "10-Q/A", "10-K/A")
QUARTER = (80, 100)  # days in a fiscal quarter of 12 to 14 weeks
SPANS = (QUARTER, (170, 195), (260, 290), (350, 380))
RESULTS_ITEM = "2.02"
COLUMNS = ("accn", "start", "end", "filed", "form", "val")
RELEASED_WITHIN = pd.Timedelta(days=30)  # of a release, its 10-Q or 10-K
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


def _a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


DayText = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_a_day)]
Number = Annotated[StrictInt | StrictFloat, Field(allow_inf_nan=False)]


class Statement(BaseModel):
    """A row of the company facts: a value in USD of a span of days in one filing."""

    accn: str = Field(min_length=1)
    start: DayText
    end: DayText
    filed: DayText
    form: str
    val: Number


@dataclass(frozen=True)
class Value:
    """A figure in USD million of a span of days as one filing stated it; `released` is when a release had it before."""

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


Spans = dict[tuple[pd.Timestamp, pd.Timestamp], list[Value]]


@lru_cache
def load_series(path: Path = TAG_MAP) -> tuple[Series, ...]:
    """Return the tag map in file order; ConfigurationError for the first bad row."""
    return read_rows(path, "series", Series)


@of_known_shape("sec")
def fetch(client: Client, cik: int, entity: str, since: date) -> tuple[Answer, list[Answer]]:
    """Return the company facts, and the submissions with every older page that reaches past `since`."""
    agent = {"User-Agent": user_agent()}
    facts = client.get_json(entity, f"/api/xbrl/companyfacts/CIK{cik:010d}.json", {}, agent)
    recent = client.get_json(entity, f"/submissions/CIK{cik:010d}.json", {}, agent)
    older = [name for name, last in _pages(recent.body, entity) if last >= since.isoformat()]
    return facts, [recent, *(client.get_json(entity, f"/submissions/{name}", {}, agent) for name in older)]


def user_agent() -> str:
    """Return who asks; the SEC refuses those who do not say. ConfigurationError where it cannot be sent."""
    stated = check_agent()
    if "@" not in stated:
        raise ConfigurationError(f"sec: {AGENT_VARIABLE} is not set; the SEC wants a name and a mail address in it")
    return stated


def check_agent() -> str:
    """Return who is said to ask, nothing where it is not said; ConfigurationError for letters that cannot be sent."""
    stated = os.environ.get(AGENT_VARIABLE, "").strip()
    if not (stated.isascii() and stated.isprintable()):
        expected = "a name and a mail address in Latin letters (ASCII)"
        raise ConfigurationError(f"sec: {AGENT_VARIABLE} is {stated!r}; expected {expected}")
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
        values, unread = parse_values(facts, one, filings)
        spans, twice = _vintages(values)
        spans = {span: held[:1] for span, held in spans.items()} if one.restated_otherwise else spans
        found, faults = derive(spans)
        quarters = {end: held for end, held in found.items() if end.date() >= one.since}
        rows += [_row(one, end, held, note) for end, vintages in sorted(quarters.items()) for held, note in vintages]
        refused += [f"sec {one.entity} {one.metric}: {fault}" for fault in [*unread, *twice, *faults, *_gaps(quarters)]]
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
            document = read_json(body, f"sec {entity}")
            recent = document["filings"]["recent"] if "filings" in document else document
            columns = {ours: [str(one) for one in recent[theirs]] for theirs, ours in names.items()}
            tables.append(pd.DataFrame(columns, dtype=str))  # ValueError for columns of unequal length
            for day in columns["filed"]:
                date.fromisoformat(day)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"sec {entity}: submissions are not what we know (no {error}); expected filings.recent") from None
    return pd.concat(tables, ignore_index=True).drop_duplicates("accession")


def parse_values(body: bytes, series: Series, filings: pd.DataFrame) -> tuple[list[Value], list[str]]:
    """Return every figure of a series that a 10-Q or 10-K states, with when it was public, and a line for each that is none.

    Raises DataError for another company's answer, and where the series' tag has no rows.
    """
    where = f"sec {series.entity}"
    try:
        document = read_json(body, where)
        if int(document["cik"]) != series.cik:
            raise DataError(f"{where}: came company {document['cik']}; expected {series.cik}")
        rows = list(document["facts"]["us-gaap"][series.tag]["units"]["USD"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where}: no {error} in the company facts; expected facts.us-gaap.{series.tag}.units.USD") from None
    if strays := [name for name in COLUMNS if rows and (not isinstance(rows[0], dict) or name not in rows[0])]:
        raise DataError(f"{where}: {series.tag} rows have no '{strays[0]}'; expected {', '.join(COLUMNS)}")
    known = _publications(filings)
    until = series.until.isoformat() if series.until else "9999"
    values, refused = [], []
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict) and row.get("form") not in FORMS:
            continue
        try:
            one = Statement.model_validate(row)
        except ValidationError as error:
            refused.append(f"{series.tag} row {number}: {_unread(error)}")
            continue
        if one.start < f"{series.since.year - 1}" or one.end >= until:
            continue
        if one.start > one.end or one.filed <= one.end:
            days = f"{one.start} to {one.end}, filed {one.filed}"
            refused.append(f"{series.tag} row {number}: {days}; expected a span, and a filing after its end")
            continue
        values.append(_value(one, known, series.with_cash_flow))
    return values, refused


def _unread(error: ValidationError) -> str:
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else "it"
    return f"{field} is {first['input']!r}" if first["type"] != "missing" else f"no {field}"


def derive(spans: Mapping[tuple[pd.Timestamp, pd.Timestamp], list[Value]]) -> tuple[dict[pd.Timestamp, list[Any]], list[str]]:
    """Return each quarter's vintages by its end, as (value, note), and a line for each quarter refused.

    A quarter is stated as such, or is a span less the one of the same start that ends a quarter before; both operands are
    named in the note. Where one operand was restated and the other was not, the difference mixes two bases: refused.
    """
    quarters: dict[pd.Timestamp, list[Any]] = {}
    faults: list[str] = []
    stated = {end for start, end in spans if _lasts(start, end, QUARTER)}
    for (start, end), vintages in sorted(spans.items()):
        if _lasts(start, end, QUARTER):
            quarters[end], wrong = _positive([(one, _stated(one)) for one in vintages])
            faults += wrong
        elif not any(_lasts(start, end, span) for span in SPANS[1:]):
            faults.append(
                f"{(end - start).days + 1} days from {start:%Y-%m-%d} to {end:%Y-%m-%d} are no quarter nor a sum of them"
            )
    for (start, end), vintages in sorted(spans.items()):
        if end in stated or not any(_lasts(start, end, span) for span in SPANS[1:]):
            continue
        before = [key for key in spans if key[0] == start and _lasts(key[1], end, QUARTER)]
        if not before:
            faults.append(f"{(end - start).days + 1} days to {end:%Y-%m-%d} have no span to subtract")
            continue
        found, mixed = _differences(vintages, spans[before[0]])
        quarters[end], wrong = _positive(found)
        faults += [*mixed, *wrong]
    return {end: held for end, held in quarters.items() if held}, faults


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


def _pages(body: bytes, entity: str) -> list[tuple[str, str]]:
    """Return the name and last day of each older page of submissions."""
    try:
        return [(str(page["name"]), str(page["filingTo"])) for page in read_json(body, f"sec {entity}")["filings"]["files"]]
    except (KeyError, TypeError) as error:
        raise DataError(f"sec {entity}: submissions are not what we know (no {error}); expected filings.files") from None


def _publications(filings: pd.DataFrame) -> dict[str, tuple[pd.Timestamp, list[tuple[str, pd.Timestamp]]]]:
    """Return, per accession, when it counts, and every 8-K with results as (day filed, when it counts)."""
    moments = [accepted_at(stamp, filed) for stamp, filed in zip(filings["accepted"], filings["filed"], strict=True)]
    results = [
        (filed, moment)
        for form, items, filed, moment in zip(filings["form"], filings["items"], filings["filed"], moments, strict=True)
        if form == "8-K" and RESULTS_ITEM in str(items).split(",")
    ]
    return {one: (moment, results) for one, moment in zip(filings["accession"], moments, strict=True)}


def _value(row: Statement, known: Mapping[str, Any], with_cash_flow: bool) -> Value:
    moment, results = known.get(row.accn, (pd.Timestamp(row.filed, tz="UTC") + pd.Timedelta(days=1), []))
    released = None
    if with_cash_flow:
        releases = [counts for filed, counts in results if row.end < filed and counts <= moment]
        released = max((counts for counts in releases if moment - counts < RELEASED_WITHIN), default=None)
    start, end = pd.Timestamp(row.start), pd.Timestamp(row.end)
    return Value(start, end, float(row.val) / 1e6, moment, row.accn, row.form, released)


def _vintages(values: Iterable[Value]) -> tuple[Spans, list[str]]:
    """Return the changes of each span's value in the order they were filed, without repetitions, and a line for each conflict.

    A release publishes one value of a span: what a later filing changes counts from that filing. Of two filings that count from
    one moment the amendment is right; without one neither is.
    """
    found: Spans = {}
    faults = []
    for one in sorted(values, key=lambda value: (value.known_at, value.amends, value.accession)):
        held = found.setdefault((one.start, one.end), [])
        if held and held[-1].value == one.value:
            continue
        if one.released and not one.amends and (not held or held[-1].known_at < one.released):
            one = replace(one, known_at=one.released)
        if held and held[-1].known_at >= one.known_at:
            before = held.pop()
            if not one.amends:
                faults.append(
                    f"{_named(before)} is also {_named(one)}, both known {one.known_at:%Y-%m-%dT%H:%MZ}; neither is used"
                )
                continue
        held.append(one)
    return {span: held for span, held in found.items() if held}, faults


def _differences(longer: list[Value], shorter: list[Value]) -> tuple[list[Any], list[str]]:
    """Return each version of a span less the shorter one's then in force, and a line for each mixture refused."""
    found: list[Any] = []
    faults: list[str] = []
    used: Value | None = None
    for one in longer:
        before = [other for other in shorter if other.known_at <= one.known_at] or shorter[:1]
        if before[-1] is used:
            faults.append(_one_sided(one))
            continue
        used = before[-1]
        found.append((_less(one, used), f"derived: {_named(one)} less {_named(used)}"))
    last = shorter.index(used) if used is not None else -1
    return found, faults + [_one_sided(one) for one in shorter[last + 1 :]]


def _one_sided(one: Value) -> str:
    return f"{one.start:%Y-%m-%d} to {one.end:%Y-%m-%d} is restated as {one.value:g} in {one.accession}, its other operand is not"


def _positive(vintages: list[Any]) -> tuple[list[Any], list[str]]:
    """Return the versions of a quarter above 0, as every series of the tag map is, and a line for each other."""
    wrong = [(one, note) for one, note in vintages if one.value <= 0]
    lines = [f"the quarter to {one.end:%Y-%m-%d} is {one.value:g} ({note}); expected more than 0" for one, note in wrong]
    return [pair for pair in vintages if pair not in wrong], lines


def _less(longer: Value, shorter: Value) -> Value:
    known = max(longer.known_at, shorter.known_at)
    value = round(longer.value - shorter.value, 6)
    return Value(shorter.end + pd.Timedelta(days=1), longer.end, value, known, longer.accession, longer.form)


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
