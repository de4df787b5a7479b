"""Figures that no pull may believe: through the real client stack, then what a run would see."""

import gzip
import json

import pandas as pd
import pytest
from source_server import statement

from backtest.data.sources import http
from backtest.data.store import live

TAG = "PaymentsToAcquirePropertyPlantAndEquipment"
DEEP = b'{"result": ' + b"[" * 200_000, {}
PACKED = gzip.compress(b'{"result": "' + b" " * 4_000_000 + b'"}'), {"Content-Encoding": "gzip"}
TWO = {
    "sec": ("MSFT", "AMZN", "1018724"),
    "eastmoney": ("300308.SZ", "300502.SZ", "300308"),
    "yahoo": ("NVDA", "AMD", "chart/NVDA"),
}


@pytest.fixture(autouse=True)
def patient(store, monkeypatch):
    """No answer is late because the machine is busy."""
    monkeypatch.setenv("BACKTEST_TIMEOUT", "60")


def pull(command, source, *keys):
    return command("data", "pull", *keys, "--source", source, "--since", "2026-08-03", "--again")


def quarter(million, accn, filed, form):
    row = statement(pd.Timestamp("2026-07-01"), pd.Timestamp("2026-09-30"), million, accn, filed, 1)
    return row | {"form": form}


def with_rows(*rows):
    def change(document):
        document["facts"]["us-gaap"][TAG]["units"]["USD"] += rows
        return document

    return change


def with_filings(*rows):
    """Add filings (accession, form, day, items), each accepted at noon in New York on its day."""
    names = ("accessionNumber", "form", "filingDate", "items")

    def change(document):
        columns = document["filings"]["recent"]
        for row in rows:
            given = dict(zip(names, row, strict=True))
            given |= {"acceptanceDateTime": f"{row[2]}T12:00:00.000Z", "reportDate": "2026-09-30"}
            for name, column in columns.items():
                column.append(given[name])
        return document

    return change


FILED = [("r", "8-K", "2026-10-29", "2.02"), ("a", "10-Q", "2026-10-30", ""), ("b", "10-Q/A", "2026-11-18", "")]
STATED = [quarter(60_000, "a", "2026-10-30", "10-Q"), quarter(70_000, "b", "2026-11-18", "10-Q/A")]


def newest_quarter(store):
    rows = live.load_figures(store).rows
    own = rows[(rows["entity"] == "MSFT") & rows["metric"].eq("purchases_ppe") & rows["period"].eq("FY2027Q1")]
    return list(zip(own["value"], own["known_at"], strict=True))


def test_an_amendment_counts_from_its_own_acceptance_and_a_second_pull_changes_nothing(command, store, source_server):
    source_server.filings["MSFT"], source_server.facts["MSFT"] = with_filings(*FILED), with_rows(*STATED)
    assert pull(command, "sec", "MSFT")[0] == 0
    expected = [(60_000, pd.Timestamp("2026-10-29T16:00Z")), (70_000, pd.Timestamp("2026-11-18T17:00Z"))]
    assert newest_quarter(store) == expected
    before = store.read("facts/sec")
    code, out, _ = pull(command, "sec", "MSFT")
    assert (code, "0 new, 0 changed" in out) == (0, True)
    pd.testing.assert_frame_equal(store.read("facts/sec"), before)
    assert newest_quarter(store) == expected


def test_an_amendment_seen_at_a_later_pull_is_a_row_beside_the_first(command, store, source_server):
    source_server.filings["MSFT"], source_server.facts["MSFT"] = with_filings(*FILED[:2]), with_rows(*STATED[:1])
    pull(command, "sec", "MSFT")
    source_server.filings["MSFT"], source_server.facts["MSFT"] = with_filings(*FILED), with_rows(*STATED)
    code, out, _ = pull(command, "sec", "MSFT")
    assert (code, "1 new, 0 changed" in out) == (0, True)
    assert [value for value, _ in newest_quarter(store)] == [60_000, 70_000]


@pytest.mark.parametrize("million", [6_000_000, 600, 60_000_000])
def test_a_quarter_in_another_unit_is_refused_and_the_others_are_stored(million, command, store, source_server):
    source_server.filings["MSFT"] = with_filings(*FILED[:2])
    source_server.facts["MSFT"] = with_rows(quarter(million, "a", "2026-10-30", "10-Q"))
    code, out, errors = pull(command, "sec", "MSFT")
    assert (code, errors) == (0, [])
    assert "refused: sec MSFT: " in out
    assert str(million) in out
    assert newest_quarter(store) == []


def test_values_that_are_no_numbers_are_named_and_the_pull_goes_on(command, store, source_server):
    def blank(document):
        document["facts"]["us-gaap"][TAG]["units"]["USD"][3]["val"] = None
        return document

    source_server.facts["MSFT"] = blank
    code, out, errors = pull(command, "sec", "MSFT", "AMZN")
    assert (code, errors) == (0, [])
    assert f"refused: sec MSFT purchases_ppe: {TAG} row 4: val is None" in out
    assert set(store.read("facts/sec")["entity"]) == {"MSFT", "AMZN"}


@pytest.mark.parametrize("source", TWO)
@pytest.mark.parametrize(
    ("body", "words"), [(DEEP, "JSON nested too deeply"), (PACKED, "more than 1 MB once unpacked; expected a smaller answer")]
)
def test_an_answer_without_end_is_refused_by_item_and_the_pull_goes_on(
    body, words, source, command, store, source_server, monkeypatch
):
    monkeypatch.setattr(http, "LARGEST_ANSWER", 2**20)
    first, second, part = TWO[source]
    source_server.faults += [(part, body)] * 3
    if source == "sec":
        first, second = second, first
    code, _, errors = pull(command, source, first, second)
    assert code == 3
    assert len(errors) == 1
    assert f"missing {first} ({words}" in errors[0]
    if source == "yahoo":
        assert store.tables("prices") == [f"prices/{second}"]
    else:
        assert set(store.read(f"facts/{source}")["entity"]) == {second}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda document: [document],
        lambda document: document | {"cik": None},
        lambda document: document | {"facts": []},
        lambda document: document | {"facts": {"us-gaap": {TAG: {"units": {"USD": [[1], [2]]}}}}},
        lambda document: document | {"facts": {"us-gaap": {TAG: {"units": {"USD": {"a": 1}}}}}},
    ],
)
def test_company_facts_of_another_shape_are_refused_in_one_line(wrong, command, store, source_server):
    source_server.facts["MSFT"] = wrong
    code, _, errors = pull(command, "sec", "MSFT", "AMZN")
    assert code == 3
    assert len(errors) == 1
    assert "missing MSFT (" in errors[0]
    assert set(store.read("facts/sec")["entity"]) == {"AMZN"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda document: document | {"filings": None},
        lambda document: {"filings": document["filings"] | {"files": [{}]}},
        lambda document: {"filings": document["filings"] | {"files": ["x"]}},
        lambda document: {"filings": document["filings"] | {"recent": document["filings"]["recent"] | {"form": ["10-Q"]}}},
        lambda document: {"filings": document["filings"] | {"recent": {name: [None] for name in document["filings"]["recent"]}}},
    ],
)
def test_submissions_of_another_shape_are_refused_in_one_line(wrong, command, store, source_server):
    source_server.filings["MSFT"] = wrong
    code, _, errors = pull(command, "sec", "MSFT", "AMZN")
    assert code == 3
    assert len(errors) == 1
    assert "missing MSFT (submissions are not what we know" in errors[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"TOTAL_OPERATE_INCOME": None}, "TOTAL_OPERATE_INCOME None; expected a number of CNY above 0"),
        ({"TOTAL_OPERATE_INCOME": "much"}, "TOTAL_OPERATE_INCOME 'much'"),
        ({"TOTAL_OPERATE_INCOME": True}, "TOTAL_OPERATE_INCOME True"),
        ({"TOTAL_OPERATE_INCOME": -4.8e9}, "TOTAL_OPERATE_INCOME -4800000000.0"),
        ({"NOTICE_DATE": "soon"}, "NOTICE_DATE 'soon'"),
        ({"REPORTDATE": "2023-02-28 00:00:00"}, "REPORTDATE is '2023-02-28 00:00:00'; expected the last day of a quarter"),
        ({"REPORTDATE": 7}, "REPORTDATE is 7; expected the last day of a quarter"),
    ],
)
def test_a_report_that_cannot_be_read_is_named_and_the_others_are_stored(change, words, command, store, source_server):
    def changed(rows):
        return [row | change if row["REPORTDATE"].startswith("2023-03-31") else row for row in rows]

    source_server.reports["300308"] = changed
    code, out, errors = pull(command, "eastmoney", "300308.SZ")
    assert (code, errors) == (0, [])
    assert words in out
    assert "2023Q1" not in set(store.read("facts/eastmoney")["period"])


@pytest.mark.parametrize("agent", ["张三 zhang@example.org", "A\nB a@example.org"])
def test_a_name_that_cannot_be_sent_ends_the_pull_before_it_begins(agent, command, store, source_server, monkeypatch):
    monkeypatch.setenv("BACKTEST_SEC_USER_AGENT", agent)
    code, _, errors = command("data", "pull", "MSFT", "--source", "sec")
    assert code == 2
    assert len(errors) == 1
    assert "BACKTEST_SEC_USER_AGENT is" in errors[0]
    assert source_server.requests == []


@pytest.mark.parametrize("address", ["http://例子", "ftp://127.0.0.1", "127.0.0.1"])
def test_an_address_that_cannot_be_asked_is_refused_by_its_variable(address, command, store, monkeypatch):
    monkeypatch.setenv("BACKTEST_SEC_URL", address)
    code, _, errors = pull(command, "sec", "MSFT")
    assert code in (2, 3)
    assert f"BACKTEST_SEC_URL is {address!r}; expected an address like https://data.sec.gov" in errors[0]


def test_two_changes_within_one_minute_are_one_figure_to_a_run(command, store, source_server):
    for more in (5e6, 6e6):
        source_server.reports["300308"] = lambda rows, more=more: json.loads(json.dumps([
            row | {"TOTAL_OPERATE_INCOME": row["TOTAL_OPERATE_INCOME"] + (more if "2023-03-31" in row["REPORTDATE"] else 0)}
            for row in rows
        ]))  # fmt: skip
        assert pull(command, "eastmoney", "300308.SZ")[0] == 0
    assert len(live.load_figures(store).rows)
