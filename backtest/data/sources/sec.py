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

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import AfterValidator, BaseModel, Field, StrictFloat, StrictInt, ValidationError

from backtest.data.answer import Answer, FigureRow, of_known_shape
from backtest.data.sources.http import Client, read_json
from backtest.data.sources.protocol import Figures, FigureSource
from backtest.data.year_to_date import Quarter, Value, gaps, quarters_of, versions_by_span
from backtest.errors import DataError
from backtest.files.rows import STRICT, Day, read_rows
from backtest.universe import Universe

FORMS = ("10-Q", "10-K", "10-Q/A", "10-K/A")
RESULTS_ITEM = "2.02"
COLUMNS = ("accn", "start", "end", "filed", "form", "val")
RELEASED_WITHIN = pd.Timedelta(days=30)  # of a release, its 10-Q or 10-K
NEW_YORK = "America/New_York"
TAG_MAP = Path(__file__).with_suffix(".toml")


class TaggedSeries(BaseModel):
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


Publications = dict[str, tuple[pd.Timestamp, list[tuple[str, pd.Timestamp]]]]  # by accession; see _publications
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


@lru_cache
def load_series(path: Path = TAG_MAP) -> tuple[TaggedSeries, ...]:
    """Return the tag map in file order; ConfigurationError for the first bad row."""
    return read_rows(path, "series", TaggedSeries)


@of_known_shape("sec")
def fetch(client: Client, cik: int, entity: str, since: date) -> tuple[Answer, list[Answer]]:
    """Return the company facts, and the submissions with every older page that reaches past `since`."""
    facts = client.get_json(entity, f"/api/xbrl/companyfacts/CIK{cik:010d}.json", {})
    recent = client.get_json(entity, f"/submissions/CIK{cik:010d}.json", {})
    older = [name for name, last in _pages(recent.body, entity) if last >= since.isoformat()]
    return facts, [recent, *(client.get_json(entity, f"/submissions/{name}", {}) for name in older)]


@of_known_shape("sec")
def parse(facts: bytes, submissions: Sequence[bytes], series: Sequence[TaggedSeries]) -> tuple[pd.DataFrame, list[str]]:
    """Return the quarterly rows of a company's series, oldest publication first, and a line for each figure refused.

    A row has entity, metric, period, period_end, known_at, value (USD million), unit, evidence, source, note.
    """
    filings = parse_submissions(submissions, series[0].entity)
    rows: list[FigureRow] = []
    refused: list[str] = []
    for tag in series:
        values, unread = parse_values(facts, tag, filings)
        spans, twice = versions_by_span(values)
        spans = {span: versions[:1] for span, versions in spans.items()} if tag.restated_otherwise else spans
        every, faults = quarters_of(spans)
        quarters = {end: versions for end, versions in every.items() if end.date() >= tag.since}
        rows += [_row(tag, end, version) for end, versions in sorted(quarters.items()) for version in versions]
        refused += [f"sec {tag.entity} {tag.metric}: {fault}" for fault in [*unread, *twice, *faults, *gaps(quarters)]]
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
            columns = {ours: [str(value) for value in recent[theirs]] for theirs, ours in names.items()}
            tables.append(pd.DataFrame(columns, dtype=str))  # ValueError for columns of unequal length
            for day in columns["filed"]:
                date.fromisoformat(day)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"sec {entity}: submissions are not what we know (no {error}); expected filings.recent") from None
    return pd.concat(tables, ignore_index=True).drop_duplicates("accession")


def parse_values(body: bytes, series: TaggedSeries, filings: pd.DataFrame) -> tuple[list[Value], list[str]]:
    """Return every figure of a series that a 10-Q or 10-K states, with when it was public, and a line for each that is none.

    Raises DataError for another company's answer, and where the series' tag has no rows.
    """
    where = f"sec {series.entity}"
    try:
        document = read_json(body, where)
        if int(document["cik"]) != series.cik:
            raise DataError(f"{where}: the company is {document['cik']}; expected {series.cik}")
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
            stated = Statement.model_validate(row)
        except ValidationError as error:
            refused.append(f"{series.tag} row {number}: {_unread(error)}")
            continue
        if stated.start < f"{series.since.year - 1}" or stated.end >= until:
            continue
        if stated.start > stated.end or stated.filed <= stated.end:
            days = f"{stated.start} to {stated.end}, filed {stated.filed}"
            refused.append(f"{series.tag} row {number}: {days}; expected a span, and a filing after its end")
            continue
        values.append(_value(stated, known, series.with_cash_flow))
    return values, refused


def _unread(error: ValidationError) -> str:
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else "it"
    return f"{field} is {first['input']!r}" if first["type"] != "missing" else f"no {field}"


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


def _publications(filings: pd.DataFrame) -> Publications:
    """Return, per accession, when it counts, and every 8-K with results as (day filed, when it counts)."""
    moments = [accepted_at(stamp, filed) for stamp, filed in zip(filings["accepted"], filings["filed"], strict=True)]
    results = [
        (filed, moment)
        for form, items, filed, moment in zip(filings["form"], filings["items"], filings["filed"], moments, strict=True)
        if form == "8-K" and RESULTS_ITEM in str(items).split(",")
    ]
    return {accession: (moment, results) for accession, moment in zip(filings["accession"], moments, strict=True)}


def _value(row: Statement, known: Publications, with_cash_flow: bool) -> Value:
    moment, results = known.get(row.accn, (pd.Timestamp(row.filed, tz="UTC") + pd.Timedelta(days=1), []))
    released: pd.Timestamp | None = None
    if with_cash_flow:
        releases = [counts for filed, counts in results if row.end < filed and counts <= moment]
        released = max((counts for counts in releases if moment - counts < RELEASED_WITHIN), default=None)
    start, end = pd.Timestamp(row.start), pd.Timestamp(row.end)
    return Value(start, end, float(row.val) / 1e6, moment, row.accn, row.form, released)


def _row(series: TaggedSeries, end: pd.Timestamp, quarter: Quarter) -> FigureRow:
    return {
        "entity": series.entity,
        "metric": series.metric,
        "period": fiscal_period(end, series.fiscal_year_ends),
        "period_end": end,
        "known_at": quarter.value.known_at,
        "value": quarter.value.value,
        "unit": "USD_m",
        "evidence": "derived" if quarter.note.startswith("derived") else "reported",
        "source": f"SEC company facts, {quarter.value.form} {quarter.value.accession}",
        "note": f"us-gaap:{series.tag}; {quarter.note}",
    }


class Sec(FigureSource):
    """CapEx of the companies that sec.toml names."""

    name = "sec"
    address = "https://data.sec.gov"
    interval = 0.2
    needs_agent = True
    confidence = "high"

    def keys(self, universe: Universe) -> Sequence[str]:
        """Return the companies of the tag map."""
        return list(dict.fromkeys(tag.entity for tag in load_series()))

    def fetch(self, client: Client, key: str) -> Sequence[Answer]:
        """Return the company facts, then the pages of submissions."""
        series = _series_of(key)
        facts, pages = fetch(client, series[0].cik, key, min(tag.since for tag in series))
        return [facts, *pages]

    def parse(self, bodies: Sequence[bytes], key: str) -> Figures:
        """Return the quarterly rows of a company's series."""
        return parse(bodies[0], bodies[1:], _series_of(key))


def _series_of(entity: str) -> list[TaggedSeries]:
    return [tag for tag in load_series() if tag.entity == entity]


SOURCE = Sec()
