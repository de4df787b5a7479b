"""An answer of a source that is spoiled in any way is read or refused in one line; a pull goes on with the next item."""

import json

import pandas as pd
import pytest
import source_server
from support.spoiling import refusal, spoiled_json

from backtest.data.answer import Answer
from backtest.data.sources import eastmoney, sec, yahoo
from backtest.markets import load_markets

AT = pd.Timestamp("2026-06-30T12:00Z")


def of_yahoo():
    table = source_server.made_up_prices("NVDA", pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-24"))
    body = json.dumps(source_server.chart(table, "NVDA")).encode()
    return body, lambda body: yahoo.parse(Answer("yahoo", "NVDA", "", AT, 200, body), "NVDA", load_markets()["XNYS"], "USD")


def of_company_facts():
    entity = sec.load_series()[0].entity
    series = [one for one in sec.load_series() if one.entity == entity]
    pages = [json.dumps(source_server.submissions(entity)).encode()]
    return json.dumps(source_server.company_facts(entity)).encode(), lambda body: sec.parse(body, pages, series)


def of_submissions():
    entity = sec.load_series()[0].entity
    series = [one for one in sec.load_series() if one.entity == entity]
    facts = json.dumps(source_server.company_facts(entity)).encode()
    return json.dumps(source_server.submissions(entity)).encode(), lambda body: sec.parse(facts, [body], series)


def of_eastmoney():
    rows = source_server.reports("300308")
    body = json.dumps({"success": True, "result": {"pages": 1, "count": len(rows), "data": rows}}).encode()
    return body, lambda body: eastmoney.parse([body], "300308.SZ")


@pytest.mark.parametrize("source", [of_yahoo, of_company_facts, of_submissions, of_eastmoney])
def test_a_spoiled_answer_is_read_or_refused_in_one_line(source):
    body, parse = source()
    assert refusal(lambda: parse(body)) == ""
    wrong = {number: refusal(lambda number=number: parse(spoiled_json(body, number))) for number in range(25)}
    assert {number: fault for number, fault in wrong.items() if fault} == {}
