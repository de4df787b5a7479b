"""What is kept with the tables of a store, without reading again those that nobody touched."""

import os

import pytest

from backtest.data.store.append_only import Store
from backtest.data.store.coverage import price_coverages
from backtest.errors import DataError

TABLES = ["prices/300308.SZ", "prices/NVDA"]


@pytest.fixture
def pulled(command, store):
    assert command("data", "pull", "300308.SZ", "NVDA", "--source", "yahoo", "--since", "2026-03-02")[0] == 0
    return store


@pytest.fixture
def read(monkeypatch):
    """A list that grows by the name of each table that is read."""
    names, of = [], Store.price_coverage
    monkeypatch.setattr(Store, "price_coverage", lambda store, name: (names.append(name), of(store, name))[1])
    return names


def page(store):
    return store.home / "cache" / "coverage.json"


def test_a_table_is_read_once_and_says_the_same_after(pulled, read):
    first, second = price_coverages(pulled, TABLES), price_coverages(pulled, TABLES)
    assert read == TABLES
    assert first == second == {name: pulled.price_coverage(name) for name in TABLES}


def test_what_is_asked_for_alone_leaves_the_rest_known(pulled, read):
    price_coverages(pulled, TABLES[:1])
    price_coverages(pulled, TABLES[1:])
    price_coverages(pulled, TABLES)
    assert read == TABLES


def test_a_table_that_was_written_again_is_read_again(command, pulled, read, source_server):
    price_coverages(pulled, TABLES)
    read.clear()
    path = pulled.newest(TABLES[1])
    os.utime(path, ns=(1, 1))
    assert price_coverages(pulled, TABLES)[TABLES[1]] == pulled.price_coverage(TABLES[1])
    assert read[:1] == TABLES[1:]


def test_a_table_that_was_damaged_since_is_refused(pulled):
    price_coverages(pulled, TABLES)
    path = pulled.newest(TABLES[1])
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(DataError, match="holds other bytes than its name says"):
        price_coverages(pulled, TABLES)


def test_a_table_that_is_gone_has_none(pulled):
    price_coverages(pulled, TABLES)
    pulled.newest(TABLES[1]).unlink()
    assert price_coverages(pulled, TABLES)[TABLES[1]] is None


@pytest.mark.parametrize("spoil", [lambda body: body[:-9], lambda body: body.replace(b"2026-03", b"2016-03"), lambda body: b""])
def test_a_page_that_was_changed_counts_as_none(spoil, pulled, read):
    true = price_coverages(pulled, TABLES)
    whole = page(pulled).read_bytes()
    page(pulled).write_bytes(spoil(whole))
    assert price_coverages(pulled, TABLES) == true
    assert read == TABLES * 2
    assert page(pulled).read_bytes() == whole


def test_a_home_that_cannot_be_written_is_read_each_time(pulled, read):
    (pulled.home / "cache").write_text("a file where a folder would be", encoding="utf-8")
    assert price_coverages(pulled, TABLES) == price_coverages(pulled, TABLES)
    assert read == TABLES * 2
