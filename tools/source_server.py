"""A server on this machine that answers as Yahoo, the SEC and Eastmoney do, rightly or with a fault, for the real client."""

import json
import threading
import zlib
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pandas as pd

from backtest.clock import SYSTEM, Clock
from backtest.data.sources import reference, sec
from backtest.thesis import load_thesis

RATES = {"CNY=X": 7.1, "KRW=X": 1380.0}
NEVER, SOON = 600.0, 0.05  # seconds: a timeout that no answer may reach, and that of an answer which never comes
LIMITS = {"429": "0", "429 for a while": "7", "429 for long": "3600"}  # seconds to wait
SPAN = {1: 90, 2: 181, 3: 273, 4: 365}


class SourceServer:
    """Serves every source under one address; `faults` is a list of (part of the path, fault) used up one by one.

    No fault takes time of its own. A "slow" answer never comes: it is used up by the sleep before the client's next try.
    """

    def __init__(self, now=SYSTEM.now):
        self.faults, self.requests, self.naps, self.now = [], [], [], now
        self.prices, self.facts, self.filings, self.reports = {}, {}, {}, {}
        self.pages = {}  # by path: a function from the query to the bytes of an answer, for sources of a test's own
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with suppress(ConnectionError):  # who asked has gone
                    owner.answer(self)

            def log_message(self, *_):
                """Write no line per request: standard error is that of the tests."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client killed in the middle of its question is what some tests want
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def environment(self, home):
        """Return the variables that send the product here and to a store."""
        return {
            "BACKTEST_HOME": str(home), "BACKTEST_YAHOO_URL": self.address, "BACKTEST_SEC_URL": self.address,
            "BACKTEST_EASTMONEY_URL": self.address, "BACKTEST_SEC_USER_AGENT": "Test suite test@example.org",
            "BACKTEST_PACE": "0", "BACKTEST_TRIES": "3", "BACKTEST_TIMEOUT": str(NEVER), "NO_PROXY": "127.0.0.1",
        }  # fmt: skip

    def clock(self):
        """Return a clock that goes on by a second whenever the time is read, stands still between, and keeps its naps."""
        seconds = count()
        begin = self.now()
        return Clock(lambda: begin + pd.Timedelta(seconds=next(seconds)), lambda: 0.0, self._nap, self._timeout)

    def _nap(self, seconds):
        self.naps.append(seconds)
        slow = next((pair for pair in self.faults if pair[1] == "slow"), None)
        if slow is not None:
            self.faults.remove(slow)

    def _timeout(self, url, seconds):
        return SOON if self._next(url) == "slow" else seconds

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler):
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.requests.append((parts.path, query, dict(handler.headers)))
        fault = self._fault(handler.path)
        if fault == "slow":
            handler.rfile.read(1)  # comes back when the client has gone
            handler.close_connection = True
            return
        status, body = (200, b"crumb") if "getcrumb" in parts.path else self._content(parts.path, query)
        headers = {}
        if isinstance(fault, str) and fault in LIMITS:
            status, body, headers = 429, b"Too Many Requests", {"Retry-After": LIMITS[fault]}
        elif fault == "500":
            status, body = 500, b"oops"
        elif fault == "html":
            status, body = 200, b"<!DOCTYPE html><html><body>Maintenance</body></html>"
        elif fault == "truncated":
            body = body[: len(body) // 2]
        elif fault == "schema":
            body = b'{"message": "moved", "data": []}'
        elif fault == "empty":
            body = b""
        elif isinstance(fault, tuple):
            body, headers = fault
        elif callable(fault):
            body = json.dumps(fault(json.loads(body))).encode()
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if fault == "cut":
            handler.wfile.write(body[: len(body) // 2])
            handler.close_connection = True
            return
        handler.wfile.write(body)

    def _next(self, url):
        return next((fault for part, fault in self.faults if part in url), None)

    def _fault(self, path):
        fault = self._next(path)
        if fault not in (None, "slow"):
            self.faults.remove(next(pair for pair in self.faults if pair[0] in path))
        return fault

    def _content(self, path, query):
        if path.startswith("/v8/finance/chart/"):
            return 200, json.dumps(self._chart(path.split("/")[-1].replace("%3D", "="), query)).encode()
        if path.startswith("/api/xbrl/companyfacts/"):
            return 200, json.dumps(self._company_facts(int(path[-15:-5]))).encode()
        if path.startswith("/submissions/"):
            return 200, json.dumps(self._submissions(int(path[-15:-5]))).encode()
        if path.startswith("/api/data/v1/get"):
            return 200, json.dumps(self._reports(query["filter"].split('"')[1])).encode()
        return (200, self.pages[path](query)) if path in self.pages else (404, b"{}")

    def _chart(self, ticker, query):
        """Return a chart of made-up prices by session from period1 on; `prices[ticker]` may change the table."""
        since = pd.Timestamp(int(query["period1"]), unit="s").normalize()
        table = made_up_prices(ticker, since, self.now().tz_localize(None).normalize())
        table = self.prices.get(ticker, lambda content: content)(table)
        return chart(table, ticker)

    def _company_facts(self, cik):
        entity = next(tag.entity for tag in sec.load_series() if tag.cik == cik)
        document = company_facts(entity)
        return self.facts.get(entity, lambda content: content)(document)

    def _submissions(self, cik):
        entity = next(tag.entity for tag in sec.load_series() if tag.cik == cik)
        return self.filings.get(entity, lambda content: content)(submissions(entity))

    def _reports(self, code):
        rows = self.reports.get(code, lambda content: content)(reports(code))
        if not rows:
            return {"success": False, "message": "返回数据为空", "code": 9201, "result": None}
        return {"success": True, "message": "ok", "code": 0, "result": {"pages": 1, "count": len(rows), "data": rows}}


def made_up_prices(ticker, since, until):
    """Return open, high, low, close, volume, dividend and split by session, the same for every call."""
    if ticker in RATES:
        days = pd.bdate_range(since, until)
        close = [round(RATES[ticker] * (1 + 0.002 / 7.1 * (day.toordinal() % 17)), 4) for day in days]
    else:
        market = load_thesis().universe.traits([ticker])[ticker][0]
        days = load_thesis().universe.markets[market].sessions(since, until)
        own = zlib.crc32(ticker.encode())
        close = [round(50 + own % 9973 / 100 + 4 * ((day.toordinal() * (own % 97 + 3)) % 23) / 23, 4) for day in days]
    table = pd.DataFrame({"open": close, "high": close, "low": close, "close": close}, index=pd.DatetimeIndex(days))
    table["high"] += 0.5
    table["low"] -= 0.5
    return table.assign(volume=1_000_000.0, dividend=0.0, split=1.0)


def chart(table, ticker):
    """Return a table in the shape of Yahoo's chart answer, opening times in seconds."""
    market, currency = load_thesis().universe.quoted(ticker)
    zone = load_thesis().universe.markets[market].timezone if market else "Europe/London"
    stamps = [int((day + pd.Timedelta(hours=9, minutes=30)).tz_localize(zone).timestamp()) for day in table.index]
    numbers = table.astype(object).where(table.notna(), None)
    paid = {
        str(stamp): {"amount": amount, "date": stamp} for stamp, amount in zip(stamps, table["dividend"], strict=True) if amount
    }
    split = {
        str(stamp): {"date": stamp, "numerator": ratio, "denominator": 1.0, "splitRatio": f"{ratio:g}:1"}
        for stamp, ratio in zip(stamps, table["split"], strict=True)
        if ratio != 1
    }
    quote = {name: numbers[name].tolist() for name in ("open", "high", "low", "close", "volume")}
    meta = {
        "currency": currency, "symbol": ticker, "exchangeTimezoneName": zone, "instrumentType": "EQUITY",
        "regularMarketTime": stamps[-1] if stamps else 0, "priceHint": 2, "validRanges": ["1d", "max"], "gmtoffset": 0,
        "timezone": "X", "dataGranularity": "1d", "range": "",
    }  # fmt: skip
    result = {
        "meta": meta, "timestamp": stamps, "events": {"dividends": paid, "splits": split},
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
    }  # fmt: skip
    return {"chart": {"result": [result], "error": None}}


def company_facts(entity):
    """Return the embedded CapEx of a company as year-to-date cash flows, in the shape of the SEC's company facts."""
    series = next(tag for tag in sec.load_series() if tag.entity == entity)
    rows = []
    for (year, quarter), (end, _, _) in quarters(entity).items():
        total = year_to_date(entity, year, quarter)
        if total is not None:
            start = (end - pd.DateOffset(months=3 * quarter) + pd.offsets.MonthEnd(0) + pd.Timedelta(days=1)).normalize()
            rows.append(statement(start, end, total, accession(entity, year, quarter), filed(entity, year, quarter), quarter))
            if quarter == 4 and year_to_date(entity, year, 3) is not None:  # the year's report repeats it a year later
                later = accession(entity, year + 1, 4)
                rows.append(statement(start, end, total, later, f"{end.year + 1}-{filed(entity, year, 4)[5:]}", 4))
    return {"cik": series.cik, "entityName": entity, "facts": {"us-gaap": {series.tag: {"units": {"USD": rows}}}}}


def statement(start, end, value, accn, day, quarter):
    return {
        "start": f"{start:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}", "val": round(value * 1_000_000), "accn": accn,
        "fy": end.year, "fp": "FY" if quarter == 4 else f"Q{quarter}", "form": "10-K" if quarter == 4 else "10-Q", "filed": day,
    }  # fmt: skip


@cache
def quarters(entity):
    rows = reference.load_facts().rows
    own = rows[(rows["entity"] == entity) & (rows["metric"] == "purchases_ppe")].drop_duplicates("period")
    return {(int(p[2:6]), int(p[7])): (end, value, known) for p, end, value, known in own[["period", "period_end", "value", "known_at"]].itertuples(index=False)}  # fmt: skip # noqa: E501


def year_to_date(entity, year, quarter):
    known = quarters(entity)
    parts = [known.get((year, number)) for number in range(1, quarter + 1)]
    return None if None in parts else sum(part[1] for part in parts)


def accession(entity, year, quarter):
    return f"{zlib.crc32(entity.encode()):010d}-{year % 100:02d}-{quarter:06d}"


def filed(entity, year, quarter):
    """Return the day of the 10-Q or 10-K: the day after the release, which the embedded table dates."""
    return f"{quarters(entity)[year, quarter][2]:%Y-%m-%d}"


def submissions(entity):
    """Return a 10-Q or 10-K per quarter and the 8-K of the evening before, with New York's evening in UTC."""
    columns = {name: [] for name in ("accessionNumber", "form", "filingDate", "acceptanceDateTime", "items", "reportDate")}
    for (year, quarter), (end, _, known) in quarters(entity).items():
        release = known - pd.Timedelta(days=1)
        for form, day, items in (("8-K", release, "2.02,9.01"), ("10-K" if quarter == 4 else "10-Q", known, "")):
            values = (
                accession(entity, year, quarter) if form != "8-K" else f"8-{year}-{quarter}", form, f"{day:%Y-%m-%d}",
                f"{day:%Y-%m-%d}T20:05:11.000Z", items, f"{end:%Y-%m-%d}",
            )  # fmt: skip
            for name, value in zip(columns, values, strict=True):
                columns[name].append(value)
    return {"cik": "1", "filings": {"recent": columns, "files": []}}


def reports(code):
    """Return the embedded revenue of a company since the start of each year, newest first, in the shape of Eastmoney's rows."""
    figures = reference.load_facts().rows
    own = figures[figures["entity"].str.startswith(code) & figures["metric"].eq("revenue")].drop_duplicates(
        "period", keep="first"
    )
    values = own.set_index("period")
    rows = []
    for period, row in values.iterrows():
        year, quarter = period[:4], int(period[5])
        parts = [values["value"].get(f"{year}Q{number}") for number in range(1, quarter + 1)]
        if all(part is not None for part in parts):
            stated = row["published"]
            in_china = pd.Timestamp(stated) + pd.Timedelta(hours=8) if "T" in stated else pd.Timestamp(stated)
            day = f"{in_china:%Y-%m-%d} 00:00:00"
            rows.append({
                "SECURITY_CODE": code, "REPORTDATE": f"{row['period_end']:%Y-%m-%d} 00:00:00", "NOTICE_DATE": day,
                "UPDATE_DATE": day, "TOTAL_OPERATE_INCOME": round(sum(parts) * 1e6, 2),
            })  # fmt: skip
    return sorted(rows, key=lambda row: row["REPORTDATE"], reverse=True)
