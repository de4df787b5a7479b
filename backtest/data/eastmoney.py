"""Quarterly revenue of A-share companies from Eastmoney's report table RPT_LICO_FN_CPD.

The table has one row per report: revenue since the start of the year, the notice date, and the date of the last update.
Only the newest value is shown, so a row updated after its notice counts from the update: what stood there before is not
known, unless the store saw it.
"""

import json
from typing import Any

import pandas as pd

from backtest.data.client import Client
from backtest.data.store import Answer
from backtest.errors import DataError
from backtest.inputs import of_known_shape

REPORT = "RPT_LICO_FN_CPD"
FIELDS = ("SECURITY_CODE", "REPORTDATE", "NOTICE_DATE", "UPDATE_DATE", "TOTAL_OPERATE_INCOME")
PATH = "/api/data/v1/get"
PAGE = 50
FIRST_YEAR = 2021
QUARTER_ENDS = ("03-31", "06-30", "09-30", "12-31")


@of_known_shape("eastmoney")
def fetch(client: Client, ticker: str) -> list[Answer]:
    """Return every page of a company's reports, newest report first."""
    answers = [_ask(client, ticker, 1)]
    pages = int(_result(answers[0].body, f"eastmoney {ticker}").get("pages") or 1)
    return answers + [_ask(client, ticker, number) for number in range(2, pages + 1)]


@of_known_shape("eastmoney")
def parse(pages: list[bytes], ticker: str) -> tuple[pd.DataFrame, list[str]]:
    """Return quarterly revenue in CNY million by report, and a line for each quarter refused.

    The first quarter is stated; each later one is its report less the report before of the same year, or is refused.
    """
    where = f"eastmoney {ticker}"
    reports = _reports(pages, where, ticker[:6])
    rows, refused = [], []
    for end, (total, known) in sorted(reports.items()):
        if end.quarter == 1:
            rows.append(_row(ticker, end, total, known, "reported", "stated for the quarter"))
            continue
        before = reports.get(pd.Timestamp(f"{end.year}-{QUARTER_ENDS[end.quarter - 2]}"))
        if before is None:
            refused.append(f"{where}: {end:%Y-%m-%d} has no report a quarter before to subtract")
            continue
        value, note = total - before[0], f"derived: {total:.2f} less {before[0]:.2f} since the start of {end.year}"
        if value <= 0:
            refused.append(f"{where}: revenue since the start of {end.year} falls by {-value:.2f} to {end:%Y-%m-%d}")
            continue
        rows.append(_row(ticker, end, value, max(known, before[1]), "derived", note))
    if not rows:
        raise DataError(f"{where}: no quarter can be read; want reports since {FIRST_YEAR}")
    return pd.DataFrame(rows), refused


def _ask(client: Client, ticker: str, page: int) -> Answer:
    query = {
        "reportName": REPORT, "columns": ",".join(FIELDS), "filter": f'(SECURITY_CODE="{ticker[:6]}")',
        "sortColumns": "REPORTDATE", "sortTypes": "-1", "pageSize": str(PAGE), "pageNumber": str(page),
        "source": "WEB", "client": "WEB",
    }  # fmt: skip
    return client.get_json(ticker, PATH, query)


def _result(body: bytes, where: str) -> dict[str, Any]:
    document = json.loads(body)
    found = document.get("result") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("data"), list):
        said = document.get("message") if isinstance(document, dict) else None
        raise DataError(f"{where}: no reports (it says '{said}'); want result.data with rows")
    return found


def _reports(pages: list[bytes], where: str, code: str) -> dict[pd.Timestamp, tuple[float, pd.Timestamp]]:
    """Return revenue since the start of the year in CNY million and when it was known, by the end of the report."""
    found: dict[pd.Timestamp, tuple[float, pd.Timestamp]] = {}
    for row in [row for body in pages for row in _result(body, where)["data"]]:
        if lost := [name for name in FIELDS if name not in row]:
            raise DataError(f"{where}: a report has no '{lost[0]}'; want {', '.join(FIELDS)}")
        if str(row["SECURITY_CODE"]) != code:
            raise DataError(f"{where}: came a report of {row['SECURITY_CODE']}; want {code}")
        end = pd.Timestamp(str(row["REPORTDATE"])[:10])
        if end.year < FIRST_YEAR or row["TOTAL_OPERATE_INCOME"] is None or not row["NOTICE_DATE"]:
            continue
        held = float(row["TOTAL_OPERATE_INCOME"]) / 1e6, _known(row, end, where)
        if found.setdefault(end, held) != held:
            raise DataError(f"{where}: the report of {end:%Y-%m-%d} stands twice with other figures; want one")
    return found


def _known(row: dict[str, Any], end: pd.Timestamp, where: str) -> pd.Timestamp:
    """Return the midnight UTC that ends the later of the notice and the update."""
    last = max(pd.Timestamp(str(row[name])[:10]) for name in ("NOTICE_DATE", "UPDATE_DATE") if row[name])
    if last <= end:
        raise DataError(f"{where}: the report of {end:%Y-%m-%d} has its notice on {last:%Y-%m-%d}; want a day after its end")
    return last.tz_localize("UTC") + pd.Timedelta(days=1)


def _row(ticker: str, end: pd.Timestamp, value: float, known: pd.Timestamp, evidence: str, note: str) -> dict[str, Any]:
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
