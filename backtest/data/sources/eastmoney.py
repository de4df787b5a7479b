"""Quarterly revenue of A-share companies from Eastmoney's report table RPT_LICO_FN_CPD.

The table has one row per report: revenue since the start of the year, the notice date, and the date of the last update.
Only the newest value is shown, so a row updated after its notice counts from the update: what stood there before is not
known, unless the store saw it.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict, cast

import pandas as pd

from backtest.data.answer import Answer, FigureRow, of_known_shape
from backtest.data.sources.http import Client, read_json
from backtest.data.sources.protocol import Figures, FigureSource
from backtest.errors import DataError
from backtest.universe import Universe

REPORT = "RPT_LICO_FN_CPD"
FIELDS = ("SECURITY_CODE", "REPORTDATE", "NOTICE_DATE", "UPDATE_DATE", "TOTAL_OPERATE_INCOME")
PATH = "/api/data/v1/get"
PAGE = 50
MOST_PAGES = 20
LARGEST_INCOME = 1e13  # CNY
FIRST_YEAR = 2021
QUARTER_ENDS = ("03-31", "06-30", "09-30", "12-31")
Known = tuple[float, pd.Timestamp]


class Report(TypedDict):
    """A row of the table as it stands in an answer: nothing of it has been checked but that the fields are there."""

    SECURITY_CODE: object
    REPORTDATE: object
    NOTICE_DATE: object
    UPDATE_DATE: object
    TOTAL_OPERATE_INCOME: object


class Result(TypedDict):
    """The `result` of an answer: rows, and the number of pages."""

    pages: NotRequired[object]
    data: list[Report]


@of_known_shape("eastmoney")
def fetch(client: Client, ticker: str) -> list[Answer]:
    """Return every page of a company's reports, newest report first."""
    answers = [_ask(client, ticker, 1)]
    pages = _result(answers[0].body, f"eastmoney {ticker}").get("pages") or 1
    if not isinstance(pages, int) or pages > MOST_PAGES:
        raise DataError(f"eastmoney {ticker}: pages is {pages!r}; expected a whole number up to {MOST_PAGES}")
    return answers + [_ask(client, ticker, number) for number in range(2, pages + 1)]


@of_known_shape("eastmoney")
def parse(pages: Sequence[bytes], ticker: str) -> Figures:
    """Return quarterly revenue in CNY million by report, and a line for each report or quarter refused.

    The first quarter is stated; each later one is its report less the report before of the same year, or is refused.
    """
    where = f"eastmoney {ticker}"
    reports, refused = _reports(pages, where, ticker[:6])
    rows: list[FigureRow] = []
    for end, (total, known) in sorted(reports.items()):
        if end.quarter == 1:
            rows.append(_row(ticker, end, total, known, "reported", "stated for the quarter"))
            continue
        before = reports.get(pd.Timestamp(f"{end.year}-{QUARTER_ENDS[end.quarter - 2]}"))
        if before is None:
            refused.append(f"{where}: {end:%Y-%m-%d} has no report a quarter before to subtract")
            continue
        value, operands = total - before[0], f"{total:.2f} less {before[0]:.2f} since the start of {end.year}"
        if value <= 0:
            refused.append(f"{where}: revenue to {end:%Y-%m-%d} is {operands}, or {value:.2f}; expected more than 0")
            continue
        rows.append(_row(ticker, end, value, max(known, before[1]), "derived", f"derived: {operands}"))
    if not rows:
        raise DataError(
            f"{where}: no quarter can be read{f' ({refused[0]})' if refused else ''}; expected reports since {FIRST_YEAR}"
        )
    return pd.DataFrame(rows), refused


def _ask(client: Client, ticker: str, page: int) -> Answer:
    query = {
        "reportName": REPORT, "columns": ",".join(FIELDS), "filter": f'(SECURITY_CODE="{ticker[:6]}")',
        "sortColumns": "REPORTDATE", "sortTypes": "-1", "pageSize": str(PAGE), "pageNumber": str(page),
        "source": "WEB", "client": "WEB",
    }  # fmt: skip
    return client.get_json(ticker, PATH, query)


def _result(body: bytes, where: str) -> Result:
    document = read_json(body, where)
    result = document.get("result") if isinstance(document, dict) else None
    if not isinstance(result, dict) or not isinstance(result.get("data"), list):
        message = document.get("message") if isinstance(document, dict) else None
        raise DataError(f"{where}: no reports (it says '{message}'); expected result.data with rows")
    return cast(Result, result)


def _reports(pages: Sequence[bytes], where: str, code: str) -> tuple[dict[pd.Timestamp, Known], list[str]]:
    """Return revenue since the start of the year in CNY million and when it was known, by report, and a line for each refused."""
    reports: dict[pd.Timestamp, Known] = {}
    refused = []
    for row in [row for body in pages for row in _result(body, where)["data"]]:
        if lost := [name for name in FIELDS if not isinstance(row, dict) or name not in row]:
            raise DataError(f"{where}: a report has no '{lost[0]}'; expected {', '.join(FIELDS)}")
        if str(row["SECURITY_CODE"]) != code:
            raise DataError(f"{where}: a report is of {row['SECURITY_CODE']}; expected {code}")
        end = _day(row["REPORTDATE"])
        if end is not None and end.year < FIRST_YEAR:
            continue
        if end is None or f"{end:%m-%d}" not in QUARTER_ENDS:
            refused.append(f"{where}: REPORTDATE is {row['REPORTDATE']!r}; expected the last day of a quarter")
            continue
        income = row["TOTAL_OPERATE_INCOME"]
        if fault := _fault(row, end):
            refused.append(f"{where}: the report of {end:%Y-%m-%d} has {fault}")
        elif isinstance(income, int | float) and reports.setdefault(end, stated := (income / 1e6, _known(row))) != stated:
            raise DataError(f"{where}: the report of {end:%Y-%m-%d} stands twice with other figures; expected one")
    return reports, refused


def _fault(row: Report, end: pd.Timestamp) -> str:
    """Return what is wrong with a report's revenue or dates, nothing where they can be read."""
    income, notice, update = row["TOTAL_OPERATE_INCOME"], row["NOTICE_DATE"], row["UPDATE_DATE"]
    if isinstance(income, bool) or not isinstance(income, int | float) or not 0 < income < LARGEST_INCOME:
        return f"TOTAL_OPERATE_INCOME {income!r}; expected a number of CNY above 0"
    if (first := _day(notice)) is None or (update and _day(update) is None):
        return f"NOTICE_DATE {notice!r} and UPDATE_DATE {update!r}; expected days"
    if max(first, _day(update) or first) <= end:
        return f"its notice on {first:%Y-%m-%d}; expected a day after its end"
    return ""


def _known(row: Report) -> pd.Timestamp:
    """Return the midnight UTC that ends the later of the notice and the update."""
    days = [day for day in (_day(row["NOTICE_DATE"]), _day(row["UPDATE_DATE"])) if day is not None]
    return max(days).tz_localize("UTC") + pd.Timedelta(days=1)


def _day(stated: object) -> pd.Timestamp | None:
    """Return the day a stamp like "2024-03-31 00:00:00" begins with, None for anything else."""
    day = pd.to_datetime(str(stated)[:10], format="%Y-%m-%d", errors="coerce")
    return day if isinstance(day, pd.Timestamp) and not pd.isna(day) else None


def _row(ticker: str, end: pd.Timestamp, value: float, known: pd.Timestamp, evidence: str, note: str) -> FigureRow:
    return {
        "entity": ticker,
        "metric": "revenue",
        "period": f"{end.year}Q{end.quarter}",
        "period_end": end,
        "known_at": known,
        "value": round(value, 6),
        "unit": "CNY_m",
        "evidence": evidence,
        "source": f"Eastmoney {REPORT}",
        "note": f"TOTAL_OPERATE_INCOME; {note}",
    }


class Eastmoney(FigureSource):
    """Revenue of the suppliers listed in Shanghai and Shenzhen."""

    name = "eastmoney"
    address = "https://datacenter-web.eastmoney.com"

    def keys(self, universe: Universe) -> Sequence[str]:
        """Return the A shares of the universe."""
        return [row.ticker for row in universe.suppliers if row.market == "XSHG" and row.theme != "fund"]

    def fetch(self, client: Client, key: str) -> Sequence[Answer]:
        """Return every page of a company's reports."""
        return fetch(client, key)

    def parse(self, bodies: Sequence[bytes], key: str) -> Figures:
        """Return quarterly revenue by report."""
        return parse(bodies, key)


SOURCE = Eastmoney()
