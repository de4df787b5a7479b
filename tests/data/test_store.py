"""The store: whole after anything, and verify that sees every kind of damage."""

import gzip
import shutil

import pandas as pd
import pytest

from backtest.data.answer import Answer
from backtest.data.store.append_only import Store, open_store
from backtest.data.store.status import verify
from backtest.data.store.vintages import append_prices, newest
from backtest.errors import DataError
from backtest.markets import load_markets

AT = pd.Timestamp("2026-08-03T12:00Z")


@pytest.fixture
def filled(tmp_path):
    """A store with one answer and one table of one row."""
    store = Store(tmp_path / "home")
    answer = Answer("yahoo", "NVDA", "https://example.org/x", AT, 200, b'{"a": 1}')
    with store.writing():
        store.keep(answer)
        store.write("prices/NVDA", rows(answer.sha), {"first": "2026-07-31", "last": "2026-07-31"}, AT)
    return store


def rows(sha, close=1.0):
    return pd.DataFrame({"session": [pd.Timestamp("2026-07-31")], "close": [close], "known_at": [AT], "answer": [sha]})


def only(store, pattern):
    return next(store.home.glob(pattern))


def test_an_answer_comes_back_as_it_came_with_its_address_time_and_status(filled):
    line = next(line for _, line, _ in filled.ledger.entries())
    assert filled.answer(line["answer"]) == b'{"a": 1}'
    assert {name: line[name] for name in ("at", "source", "key", "url", "status")} == {
        "at": "2026-08-03T12:00:00Z", "source": "yahoo", "key": "NVDA", "url": "https://example.org/x", "status": 200,
    }  # fmt: skip


def test_a_whole_store_is_accepted(filled):
    counts, faults = verify(filled)
    assert faults == []
    assert counts == {"answers": 1, "tables": 1, "lines": 2, "lines cut short": 0}


def damage_answer(store):
    only(store, "answers/*/*.gz").write_bytes(gzip.compress(b"other"))


def damage_table(store):
    path = only(store, "tables/*/*/*.parquet")
    body = bytearray(path.read_bytes())
    body[20] ^= 1
    path.write_bytes(body)


def flip(path, offset):
    body = bytearray(path.read_bytes())
    body[offset] ^= 1
    path.write_bytes(body)


def drop_line(path, number):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_answer, "holds other bytes than its name says"),
        (lambda store: only(store, "answers/*/*.gz").write_bytes(b"x"), "not readable"),
        (lambda store: only(store, "answers/*/*.gz").unlink(), "is gone"),
        (damage_table, "holds other bytes than its name says"),
        (lambda store: only(store, "tables/*/*/*.parquet").unlink(), "is gone, and nothing newer is there"),
        (lambda store: flip(only(store, "answers/*/*.gz"), 5), "its compressed bytes are not those that were written"),
        (lambda store: flip(only(store, "answers/*/*.gz"), 14), "answers/"),
        (lambda store: only(store, "ledger/*.jsonl").unlink(), "stands in no line of the ledger"),
        (lambda store: shutil.rmtree(store.home / "ledger"), "stands in no line of the ledger"),
        (lambda store: flip(only(store, "ledger/*.jsonl"), 6), "ledger/2026-08.jsonl line 1 "),
        (lambda store: flip(only(store, "ledger/*.jsonl"), -2), "ledger/2026-08.jsonl line 2 is not readable"),
        (lambda store: drop_line(only(store, "ledger/*.jsonl"), 0), "ledger/2026-08.jsonl line 1 "),
    ],
    ids=[
        "changed answer",
        "garbled answer",
        "lost answer",
        "changed table",
        "lost table",
        "time of compression",
        "answer's bytes",
        "lost ledger",
        "lost folder of ledgers",
        "changed line",
        "end of the last line",
        "lost line",
    ],
)
def test_damage_is_found(damage, words, filled):
    damage(filled)
    faults = verify(filled)[1]
    assert faults
    assert any(words in fault for fault in faults)


def test_a_damaged_table_is_not_read(filled):
    damage_table(filled)
    for read in (lambda name: filled.read(name), lambda name: filled.price_coverage(name)):
        with pytest.raises(DataError, match=r"NVDA/000001-[0-9a-f]{16}\.parquet: holds other bytes than its name says"):
            read("prices/NVDA")


@pytest.mark.parametrize("offset", [3, 14, -6])
def test_a_damaged_answer_is_not_read_and_is_kept_anew_when_it_comes_again(offset, filled):
    sha = next(line for _, line, _ in filled.ledger.entries())["answer"]
    flip(filled.answer_path(sha), offset)
    if offset != 3:
        with pytest.raises(DataError, match=rf"{sha}\.gz: "):
            filled.answer(sha)
    with filled.writing():
        filled.keep(Answer("yahoo", "NVDA", "https://example.org/x", AT, 200, b'{"a": 1}'))
    assert filled.answer(sha) == b'{"a": 1}'


def test_a_table_whose_line_a_kill_prevented_is_no_fault_and_gets_its_line_from_the_next_writer(filled):
    drop_line(only(filled, "ledger/*.jsonl"), 1)
    assert verify(filled) == ({"answers": 1, "tables": 1, "lines": 1, "lines cut short": 0}, [])
    with filled.writing():
        pass
    assert verify(filled) == ({"answers": 1, "tables": 1, "lines": 2, "lines cut short": 0}, [])


def test_rows_that_the_answers_do_not_give_are_found(command, store, monkeypatch):
    monkeypatch.setenv("BACKTEST_TIMEOUT", "30")
    assert command("data", "pull", "NVDA", "--source", "yahoo", "--since", "2026-08-03")[0] == 0
    rows, about = store.read("prices/NVDA"), store.price_coverage("prices/NVDA")
    changed = rows.assign(close=rows["close"].where(rows.index != 2, rows["close"] + 0.01))
    with store.writing():
        store.write("prices/NVDA", changed, about, AT)
    code, _, errors = command("data", "verify")
    assert code == 3
    assert f"tables/prices/NVDA: 1 of {len(rows)} rows are not what the answers give" in errors[0]


def test_rows_known_before_their_day_are_found(filled):
    sha = next(line for _, line, _ in filled.ledger.entries())["answer"]
    with filled.writing():
        filled.write("prices/NVDA", rows(sha).assign(known_at=pd.Timestamp("2026-07-30T20:00Z")), {}, AT)
    assert "1 rows are known before the day they are of" in verify(filled)[1][0]


def test_a_line_cut_short_is_skipped_counted_and_ended_by_the_next(filled):
    path = only(filled, "ledger/*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"at": "2026-08')
    assert verify(filled) == ({"answers": 1, "tables": 1, "lines": 2, "lines cut short": 1}, [])
    with filled.writing():
        filled.keep(Answer("sec", "MSFT", "u", AT, 200, b"{}"))
    assert verify(filled)[0]["lines"] == 3


def test_a_table_left_beside_its_successor_by_a_kill_does_no_harm(filled):
    former = only(filled, "tables/*/*/*.parquet")
    body = former.read_bytes()
    sha = next(line for _, line, _ in filled.ledger.entries())["answer"]
    with filled.writing():
        filled.write("prices/NVDA", rows(sha, 2.0), {}, AT)
    former.write_bytes(body)
    assert filled.read("prices/NVDA")["close"].tolist() == [2.0]
    assert verify(filled)[1] == []
    with filled.writing():
        filled.write("prices/NVDA", rows(sha, 3.0), {}, AT)
    assert len(list(filled.home.glob("tables/prices/NVDA/*.parquet"))) == 1


def test_what_a_killed_writer_left_half_written_is_swept_away(filled):
    leftover = filled.home / "tables" / "prices" / "NVDA" / ".new-1-000009-x.parquet"
    leftover.write_bytes(b"half")
    assert verify(filled)[1] == []
    with filled.writing():
        assert not leftover.exists()


def test_a_home_that_cannot_be_written_is_refused_with_what_would_do(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(DataError, match=r"cannot write there .*; set BACKTEST_HOME to a folder of yours"), Store(tmp_path / "file" / "home").writing():  # fmt: skip # noqa: E501
        pass


def test_the_home_is_the_one_stated_or_the_platform_s_own(monkeypatch, tmp_path):
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path / "mine"))
    assert open_store().home == tmp_path / "mine"
    monkeypatch.delenv("BACKTEST_HOME")
    assert open_store().home.name == "capex-backtest"


def test_reading_a_store_creates_nothing(tmp_path):
    store = Store(tmp_path / "home")
    assert store.read("prices/NVDA") is None
    assert store.tables("prices") == []
    assert verify(store) == ({"answers": 0, "tables": 0, "lines": 0, "lines cut short": 0}, [])
    assert not (tmp_path / "home").exists()


def test_a_trembling_seventh_digit_is_no_change_and_a_fifth_is():
    prices = pd.DataFrame({"session": pd.to_datetime(["2026-07-30", "2026-07-31"]), "open": 10.0, "high": 10.0, "low": 10.0,
                         "close": [10.0, 11.0], "volume": 5.0, "dividend": 0.0, "split": 1.0})  # fmt: skip
    stored, _ = append_prices(None, prices, load_markets()["XNYS"], AT, "a")
    same, count = append_prices(stored, prices.assign(close=prices["close"] * 1.0000003), load_markets()["XNYS"], AT, "b")
    assert (count.changed, len(same)) == (0, 2)
    moved, count = append_prices(stored, prices.assign(close=prices["close"] * 1.00003), load_markets()["XNYS"], AT, "b")
    assert (count.changed, len(moved), len(newest(moved))) == (2, 4, 2)
