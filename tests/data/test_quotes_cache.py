"""Checked prices of the store that are cached: the same as those that are made, and made again whenever anything differs."""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import provenance
from backtest.data.archive import load_archive
from backtest.data.store import live, quotes_cache
from backtest.errors import DataError
from backtest.panel import content

TICKERS = ["300308.SZ", "NVDA"]
MOMENTS = ["2026-03-31", "2026-06-10T13:00Z", "2026-06-10T20:00Z", "2026-06-12", "2026-11-19"]
PRICE = '[[price]]\nticker = "NVDA"\nsession = 2026-06-10\nreason = "looked up"\n'


@pytest.fixture
def pulled(command, store):
    assert command("data", "pull", *TICKERS, "CNY=X", "--source", "yahoo", "--since", "2026-03-02")[0] == 0
    return store


@pytest.fixture
def made(monkeypatch):
    """A list that grows by the tickers of each time prices are made, not read from the cache."""
    calls, make = [], live.price_tables
    monkeypatch.setattr(live, "price_tables", lambda *given: (calls.append(tuple(given[1])), make(*given))[1])
    return calls


def entries(store):
    return sorted((store.home / "cache" / "prices").iterdir())


def put(path, body):
    """Let other bytes take the place of a file, which an archive may still have in memory."""
    other = path.with_name("other")
    other.write_bytes(body)
    os.replace(other, path)


def uncached(monkeypatch):
    """Return the archive as it is made where nothing can be cached."""

    def refuse(*_):
        raise DataError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(quotes_cache, "load", lambda _: None)
        patch.setattr(quotes_cache, "save", refuse)
        return load_archive(TICKERS, "store")


def assert_same(cached, other):
    ours, theirs = cached.prices, other.prices
    assert (ours.data_id, ours.source, ours.market, ours.ended) == (theirs.data_id, theirs.source, theirs.market, theirs.ended)
    assert content(cached) == content(other)
    tables = [(ours.wealth, theirs.wealth), (ours.volume, theirs.volume), (ours.rates, theirs.rates)]
    tables += [(getattr(ours.bars, name), getattr(theirs.bars, name)) for name in ("open", "high", "low", "close")]
    for one, another in tables:
        pd.testing.assert_frame_equal(one, another, check_exact=True, check_freq=True)


def test_prices_from_the_cache_are_those_that_are_made(pulled, made, monkeypatch):
    plain = uncached(monkeypatch)
    first, second = load_archive(TICKERS, "store"), load_archive(TICKERS, "store")
    assert len(made) == 2
    assert_same(first, plain)
    assert_same(second, plain)
    assert not plain.prices.rates.empty


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_panel_of_cached_prices_shows_what_was_known_and_nothing_later(moment, pulled, monkeypatch):
    plain, (_, cached) = uncached(monkeypatch), (load_archive(TICKERS, "store"), load_archive(TICKERS, "store"))
    ours, theirs = cached.as_of(moment), plain.as_of(moment)
    pd.testing.assert_frame_equal(ours.prices, theirs.prices, check_exact=True)
    for ticker in TICKERS:
        pd.testing.assert_series_equal(ours.turnover(ticker), theirs.turnover(ticker), check_exact=True)


def test_the_memory_of_cached_prices_cannot_be_written(pulled):
    for _ in range(2):
        prices = load_archive(TICKERS, "store").prices
        for table in (prices.wealth, prices.bars.close, prices.volume):
            with pytest.raises(ValueError, match="WRITEABLE"):
                table.to_numpy().flags.writeable = True
            with pytest.raises(ValueError, match="read-only"):
                table._mgr.blocks[0].values[0, 0] = 1.0


@pytest.mark.parametrize("offset", [0, 40, 200, 5000, -1])
def test_a_changed_entry_is_made_again(offset, pulled, made):
    whole = load_archive(TICKERS, "store")
    (path,) = entries(pulled)
    body = path.read_bytes()
    put(path, body[:offset] + bytes([body[offset] ^ 1]) + (body[offset + 1 :] if offset + 1 else b""))
    assert_same(load_archive(TICKERS, "store"), whole)
    assert (len(made), entries(pulled), path.read_bytes()) == (2, [path], body)


@pytest.mark.parametrize("size", [0, 1, 32, 33, 1000, -1])
def test_a_truncated_entry_is_made_again(size, pulled, made):
    whole = load_archive(TICKERS, "store")
    (path,) = entries(pulled)
    body = path.read_bytes()
    put(path, body[:size])
    assert_same(load_archive(TICKERS, "store"), whole)
    assert (len(made), path.read_bytes()) == (2, body)


def decide(store, monkeypatch):
    (store.home / "decisions.toml").write_text(PRICE, encoding="utf-8")


def touch(store, monkeypatch):
    os.utime(store.newest("prices/NVDA"), ns=(1, 1))


def change_code(store, monkeypatch):
    monkeypatch.setattr(quotes_cache, "code_id", lambda _: "other code")


def change_library(store, monkeypatch):
    monkeypatch.setattr(quotes_cache, "version", lambda name: "0.0")


@pytest.mark.parametrize("change", [decide, touch, change_code, change_library])
def test_prices_are_made_again_when_what_they_depend_on_has_changed(change, pulled, made, monkeypatch):
    before = load_archive(TICKERS, "store")
    change(pulled, monkeypatch)
    assert_same(load_archive(TICKERS, "store"), before)
    assert (len(made), len(entries(pulled))) == (2, 2)


def test_other_tickers_have_an_entry_of_their_own(pulled, made):
    assert [*load_archive(TICKERS[:1], "store").prices.wealth.columns] == TICKERS[:1]
    assert [*load_archive(TICKERS, "store").prices.wealth.columns] == TICKERS
    assert made == [("300308.SZ",), ("300308.SZ", "NVDA")]


def test_a_table_that_was_damaged_after_its_prices_were_cached_is_refused(pulled):
    load_archive(TICKERS, "store")
    path = pulled.newest("prices/NVDA")
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(DataError, match="holds other bytes than its name says"):
        load_archive(TICKERS, "store")


def test_prices_that_are_refused_are_not_cached(command, store, source_server):
    source_server.prices["NVDA"] = lambda table: table.assign(
        **{name: table[name].where(table.index >= "2026-06-10", table[name] * 7) for name in ("open", "high", "low", "close")}
    )
    store.home.mkdir(exist_ok=True)
    decide(store, None)
    assert command("data", "pull", "NVDA", "--source", "yahoo", "--since", "2026-03-02")[0] == 0
    load_archive(["NVDA"], "store")
    (store.home / "decisions.toml").unlink()
    for _ in range(2):
        with pytest.raises(DataError, match=r"yahoo NVDA \(2026-06-10\): close moves by -8\d\.\d%"):
            load_archive(["NVDA"], "store")
    assert len(entries(store)) == 1


def test_a_home_that_cannot_be_written_still_gives_prices(pulled, made, monkeypatch):
    (pulled.home / "cache").write_text("a file where a folder would be", encoding="utf-8")
    plain = uncached(monkeypatch)
    for _ in range(2):
        assert_same(load_archive(TICKERS, "store"), plain)
    assert len(made) == 3


def test_prices_that_a_pull_changed_while_they_were_made_are_not_cached(pulled, monkeypatch):
    keys = iter(["before", "after"])
    monkeypatch.setattr(quotes_cache.Request, "key", lambda _: next(keys))
    load_archive(TICKERS, "store")
    assert not (pulled.home / "cache" / "prices").exists()


@pytest.mark.process
def test_two_processes_that_write_one_entry_at_once_leave_it_whole(pulled, tmp_path):
    load_archive(TICKERS, "store")
    quotes, path = quotes_cache.load(entries(pulled)[0]), tmp_path / "entry"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=lambda: [quotes_cache.save(path, quotes) for _ in range(50)]) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert not path.exists() or quotes_cache.load(path).data_id == quotes.data_id
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["entry"]


def test_the_entries_that_were_read_longest_ago_go_when_there_is_no_room(pulled, monkeypatch):
    load_archive(TICKERS, "store")
    (both,) = entries(pulled)
    os.utime(both, ns=(1, 1))
    monkeypatch.setattr(quotes_cache, "ROOM", both.stat().st_size)
    load_archive(TICKERS[:1], "store")
    (alone,) = entries(pulled)
    assert alone != both


def test_an_entry_that_another_process_removed_is_no_fault(pulled, monkeypatch):
    save = quotes_cache.save
    monkeypatch.setattr(quotes_cache, "save", lambda path, quotes: (save(path, quotes), path.unlink()))
    assert [*load_archive(TICKERS, "store").prices.wealth.columns] == TICKERS


def test_an_entry_without_rates_and_with_gaps_comes_back_as_it_was(pulled, tmp_path):
    days = pd.DatetimeIndex(["2026-01-02", "2026-01-05"]).as_unit("ns").rename("session")
    table = pd.DataFrame({"A": [1.0, np.nan], "B": [np.nan, 2.0], "C": [3.0, 3.5]}, days)
    rates = pd.DataFrame(index=pd.DatetimeIndex([]), columns=[], dtype=float)
    quotes = quotes_cache.Quotes({name: table * number for number, name in enumerate(quotes_cache.COLUMNS)}, rates, "id")
    quotes_cache.save(tmp_path / "entry", quotes)
    read = quotes_cache.load(tmp_path / "entry")
    assert (read.data_id, list(read.columns)) == ("id", list(quotes_cache.COLUMNS))
    for name, column in quotes.columns.items():
        pd.testing.assert_frame_equal(read.columns[name], column, check_exact=True)
    pd.testing.assert_frame_equal(read.rates, rates, check_column_type=False)


def test_a_strategy_that_opens_the_store_rests_on_the_same_files_the_first_time_and_again(pulled):
    def files():
        provenance._opened.pop(__file__, None)
        provenance.watched(lambda: load_archive(TICKERS, "store"))
        return provenance.files_of([Path(__file__)])

    first = files()
    assert entries(pulled)
    assert files() == first
    assert [path for path in first if (pulled.home / "cache") in path.parents] == []
