"""Pulls through the real client stack against a server on this machine, good and at every fault."""

from dataclasses import replace
from itertools import count

import pandas as pd
import pytest

from backtest.data.sources.discovery import load_sources
from backtest.data.store import append_only as store_module
from backtest.data.store.pull import items
from backtest.data.store.pull import pull as pull_items
from backtest.data.store.status import verify
from backtest.data.store.vintages import newest
from backtest.thesis import load_thesis

SINCE = ("--since", "2026-08-03")
ITEMS = {"yahoo": ("NVDA", "/v8/finance/chart/"), "sec": ("MSFT", "/api/xbrl/"), "eastmoney": ("300308.SZ", "/api/data/")}
TRANSIENT = ["slow", "429", "500", "html", "truncated", "cut", "empty"]


def pull(command, source, *more):
    return command("data", "pull", ITEMS[source][0], "--source", source, *SINCE, *more)


def rows_of(store, source):
    return store.read("prices/NVDA" if source == "yahoo" else f"facts/{source}")


@pytest.mark.parametrize("source", ITEMS)
def test_a_good_pull_stores_rows_known_after_they_were_published_and_ends_well(source, command, store):
    code, out, errors = pull(command, source)
    assert (code, errors) == (0, [])
    assert f"{source}: " in out
    rows = rows_of(store, source)
    assert len(rows)
    ended = pd.DatetimeIndex(rows["session" if source == "yahoo" else "period_end"]).tz_localize("UTC")
    assert (rows["known_at"] > ended).all()
    assert (rows["first_seen"] >= rows["known_at"]).all()
    assert verify(store)[1] == []


@pytest.mark.parametrize("source", ITEMS)
@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_fault_that_passes_is_not_noticed(fault, source, command, store, source_server):
    source_server.faults.append((ITEMS[source][1], fault))
    assert pull(command, source)[0] == 0
    assert rows_of(store, source) is not None


@pytest.mark.parametrize("source", ITEMS)
@pytest.mark.parametrize("fault", [*TRANSIENT, "schema"])
def test_a_fault_that_stays_ends_in_one_line_an_intact_store_and_a_good_re_run(fault, source, command, store, source_server):
    source_server.faults += [(ITEMS[source][1], fault)] * 3
    code, _, errors = pull(command, source)
    assert code == 3
    assert len(errors) == 1, errors
    assert f"missing {ITEMS[source][0]} (" in errors[0]
    assert rows_of(store, source) is None
    assert verify(store)[1] == []
    source_server.faults.clear()
    assert pull(command, source)[0] == 0
    assert rows_of(store, source) is not None


@pytest.mark.parametrize("source", ITEMS)
def test_a_source_that_asks_to_wait_for_an_hour_is_left_alone_at_once(source, command, store, source_server):
    source_server.faults += [(ITEMS[source][1], "429 for long")] * 9
    code, _, errors = command("data", "pull", "--source", source, *SINCE)
    assert code == 3
    assert "429 (too many requests)" in errors[0]
    assert sum(ITEMS[source][1] in path for path, *_ in source_server.requests) == 1


@pytest.mark.parametrize("source", ITEMS)
def test_a_source_that_names_a_wait_is_asked_again_when_it_is_over(source, command, store, source_server):
    source_server.faults.append((ITEMS[source][1], "429 for a while"))
    assert pull(command, source)[0] == 0
    assert source_server.naps == [7.0]


def test_a_source_is_asked_no_sooner_than_its_interval(store, source_server, monkeypatch):
    monkeypatch.setenv("BACKTEST_PACE", "1")
    eastmoney, universe = load_sources()["eastmoney"], load_thesis().universe
    wanted = items([eastmoney], universe, ["300308.SZ", "300502.SZ"])
    summary = pull_items(store, wanted, lambda *_: None, universe, clock=source_server.clock())
    assert summary.missing == ()
    assert source_server.naps == [eastmoney.origin.interval] == [1.0]


def test_an_answer_that_goes_on_for_longer_than_four_timeouts_is_given_up(store, source_server, monkeypatch):
    monkeypatch.setenv("BACKTEST_TRIES", "1")
    hours = count(step=3600)
    hurried = replace(source_server.clock(), monotonic=lambda: float(next(hours)))
    universe = load_thesis().universe
    wanted = items([load_sources()["eastmoney"]], universe, ["300308.SZ"])
    (missing,) = pull_items(store, wanted, lambda *_: None, universe, clock=hurried).missing
    assert "no whole answer in time (TimeoutError)" in missing[1]


def test_a_source_out_of_reach_is_asked_twice_and_every_ticker_is_named_once(command, store, source_server, monkeypatch):
    monkeypatch.setenv("BACKTEST_YAHOO_URL", "http://127.0.0.1:9")
    code, out, errors = command("data", "pull", "--source", "yahoo", "--source", "sec")
    assert code == 3
    assert "127.0.0.1 cannot be reached" in errors[0]
    assert out.count("yahoo NVDA") == 1
    assert "sec: 87 new" in out


def test_what_succeeds_is_kept_when_another_item_fails(command, store, source_server):
    source_server.faults.append(("chart/AMD", "schema"))
    code, _, errors = command("data", "pull", "NVDA", "AMD", "AVGO", *SINCE)
    assert code == 3
    assert errors == ["error: missing AMD (not the answer we know (no 'chart'); expected chart.result[0] with meta and quotes); "
                      "what was received is stored; pull again for the rest"]  # fmt: skip
    assert store.tables("prices") == ["prices/AVGO", "prices/NVDA"]


def test_a_second_pull_asks_only_for_what_is_not_fresh(command, store, source_server):
    command("data", "pull", "NVDA", *SINCE)
    source_server.requests.clear()
    code, out, _ = command("data", "pull", "NVDA", "AMD", *SINCE)
    assert code == 0
    assert "fresh and not asked: 1" in out
    assert {path for path, *_ in source_server.requests if "chart" in path} == {"/v8/finance/chart/AMD"}


def test_the_same_answer_again_adds_no_row(command, store):
    pull(command, "yahoo")
    before = store.read("prices/NVDA")
    assert pull(command, "yahoo", "--again")[0] == 0
    pd.testing.assert_frame_equal(store.read("prices/NVDA"), before)


def test_a_changed_price_is_a_row_beside_the_old_one_known_from_when_it_was_seen(command, store, source_server):
    pull(command, "yahoo")
    before = store.read("prices/NVDA")
    day = before["session"].iloc[-5]
    source_server.prices["NVDA"] = lambda table: table.assign(
        close=table["close"].where(table.index != day, table["close"] * 1.003)
    )
    code, out, _ = pull(command, "yahoo", "--again")
    assert code == 0
    assert "0 new, 1 changed" in out
    after = store.read("prices/NVDA")
    assert len(after) == len(before) + 1
    own = after[after["session"] == day]
    assert own["close"].iloc[1] == pytest.approx(own["close"].iloc[0] * 1.003)
    assert own["known_at"].iloc[1] == own["first_seen"].iloc[1] > own["known_at"].iloc[0]


def test_a_split_since_the_last_pull_brings_the_whole_history_anew(command, store, source_server):
    command("data", "pull", "NVDA", "--since", "2026-03-02")
    first = newest(store.read("prices/NVDA"))
    day = first["session"].iloc[-3]

    def after_split(table):
        prices = ["open", "high", "low", "close"]
        split = table["split"].where(table.index != day, 10.0)
        return table.assign(**{name: table[name] / 10 for name in prices}, split=split)

    source_server.prices["NVDA"] = after_split
    code, out, _ = command("data", "pull", "NVDA", "--since", "2026-03-02", "--again")
    assert code == 0
    assert f"0 new, {len(first)} changed" in out
    second = newest(store.read("prices/NVDA"))
    assert (second["close"] * 10).to_numpy() == pytest.approx(first["close"].to_numpy())


def test_repeated_rows_that_agree_are_one_and_those_that_do_not_are_refused(command, store, source_server):
    def twice(factor):
        def fault(document):
            result = document["chart"]["result"][0]
            result["timestamp"].append(result["timestamp"][-1])
            for name, values in result["indicators"]["quote"][0].items():
                values.append(values[-1] * (factor if name != "volume" else 1))
            return document

        return fault

    source_server.prices["NVDA"] = lambda table: table.iloc[:-2]
    source_server.faults.append(("chart", twice(1.0)))
    assert pull(command, "yahoo")[0] == 0
    assert not newest(store.read("prices/NVDA"))["session"].duplicated().any()
    source_server.faults.append(("chart", twice(1.1)))
    code, _, errors = pull(command, "yahoo", "--again")
    assert code == 3
    assert "stands twice with other prices" in errors[0]


def test_a_session_that_has_not_closed_is_not_stored(command, store):
    pull(command, "yahoo")
    rows = store.read("prices/NVDA")
    assert (rows["known_at"] + pd.Timedelta(minutes=30) <= rows["first_seen"]).all()


def test_a_gap_is_named_until_it_is_filled(command, store, source_server):
    source_server.prices["NVDA"] = lambda table: table.drop(table.index[10])
    code, _, errors = pull(command, "yahoo")
    assert code == 3
    assert "no row for 2026-08-17, a session of XNYS (1 missing)" in errors[0]
    code, out, _ = command("data", "status")
    assert "1 gaps from 2026-08-17" in out
    source_server.prices.clear()
    assert pull(command, "yahoo")[0] == 0
    assert "gaps" not in command("data", "status")[1]


def test_a_suspended_session_is_empty_in_shanghai_and_a_gap_in_new_york(command, store, source_server):
    def suspended(table):
        prices = ["open", "high", "low", "close", "volume"]
        return table.assign(**{name: table[name].where(table.index != pd.Timestamp("2026-08-17")) for name in prices})

    source_server.prices |= {"300308.SZ": suspended, "NVDA": suspended}
    code, _, errors = command("data", "pull", "300308.SZ", "--source", "yahoo", *SINCE)
    assert errors == []
    held = store.read("prices/300308.SZ").set_index("session")
    assert held.loc["2026-08-17", ["open", "high", "low", "close"]].isna().all()
    code, _, errors = pull(command, "yahoo")
    assert code == 3
    assert "no row for 2026-08-17" in errors[0]


def test_a_changed_figure_without_a_later_date_is_known_from_when_it_was_seen(command, store, source_server):
    pull(command, "eastmoney")
    before = store.read("facts/eastmoney")

    def revised(rows):
        return [row | ({"TOTAL_OPERATE_INCOME": row["TOTAL_OPERATE_INCOME"] + 5e6} if "2023-03-31" in row["REPORTDATE"] else {}) for row in rows]  # fmt: skip # noqa: E501

    source_server.reports["300308"] = revised
    code, out, _ = pull(command, "eastmoney", "--again")
    assert (code, "0 new, 2 changed" in out) == (0, True)  # the first quarter, and the second that is its difference
    after = store.read("facts/eastmoney")
    assert len(after) == len(before) + 2
    assert (after["known_at"].iloc[-2:] == after["first_seen"].iloc[-2:]).all()
    pull(command, "eastmoney", "--again")
    assert len(store.read("facts/eastmoney")) == len(after)


def test_two_writers_do_not_meet(command, store, monkeypatch):
    monkeypatch.setattr(store_module, "WAIT_FOR_WRITER", 0)
    with store.writing():
        code, _, errors = pull(command, "yahoo")
    assert code == 3
    assert "another pull is writing there" in errors[0]
    assert pull(command, "yahoo")[0] == 0


def test_the_sec_is_told_who_asks_and_neither_store_nor_output_repeats_it(command, store, source_server):
    _, out, _ = pull(command, "sec")
    assert all(headers["User-Agent"] == "Test suite test@example.org" for _, _, headers in source_server.requests)
    held = b"".join(path.read_bytes() for path in store.home.rglob("*") if path.is_file())
    assert b"test@example.org" not in held
    assert "test@example.org" not in out


def test_without_a_name_for_the_sec_the_other_sources_are_still_pulled(command, store, monkeypatch):
    monkeypatch.delenv("BACKTEST_SEC_USER_AGENT")
    code, out, errors = command("data", "pull", "--source", "sec", "--source", "eastmoney", "MSFT", "AMZN", "300308.SZ")
    assert code == 3
    assert "BACKTEST_SEC_USER_AGENT is not set; expected a name and a mail address in it" in errors[0]
    assert "eastmoney: 18 new" in out


def test_yahoo_s_crumb_is_not_in_the_ledger(command, store):
    pull(command, "yahoo")
    lines = [line for _, line, _ in store.ledger.entries() if line and "answer" in line]
    assert lines
    assert all("crumb" not in line["url"] for line in lines)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["NVDIA"], "no ticker of yahoo, sec, eastmoney 'NVDIA'; did you mean 'NVDA'?"),
        (["--source", "yahu"], "no source 'yahu'; did you mean 'yahoo'?"),
        (["--since", "soon"], "--since is 'soon'; expected a day like 2024-06-30"),
    ],
)
def test_a_bad_question_ends_in_its_exit_code_and_a_hint(arguments, words, command, store):
    code, _, errors = command("data", "pull", *arguments)
    assert code == 2
    assert errors == [f"error: {words}"]


@pytest.mark.parametrize(("name", "value"), [("BACKTEST_TIMEOUT", "soon"), ("BACKTEST_TRIES", "0"), ("BACKTEST_PACE", "-1")])
def test_a_setting_that_is_no_number_is_refused_by_name(name, value, command, store, monkeypatch):
    monkeypatch.setenv(name, value)
    code, _, errors = pull(command, "eastmoney")
    assert code in (2, 3)
    assert f"{name} is '{value}'; expected a number from" in errors[0]
