"""Strategies of the memory thesis: books in won, dollar and yuan over three markets, on embedded prices."""

import pytest

from backtest.data.archive import load_archive
from backtest.runs import run
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis
from backtest.thesis.strategies import grid_path, strategies


@pytest.fixture(scope="module")
def memory():
    return load_thesis("memory")


@pytest.fixture(scope="module")
def archive(memory):
    return load_archive(list(memory.universe.market_and_currency()), thesis=memory)


def spec(memory, name, **changes):
    (path,) = strategies(name, memory)
    return load_strategy(path).replaced(**changes)


def test_all_three_strategies_are_found(memory):
    assert [path.stem for path in strategies("all", memory)] == ["memory_baskets", "memory_capex_ratio", "memory_excess"]


@pytest.mark.slow
def test_a_basket_is_a_book_in_its_own_currency_over_its_markets(archive, memory):
    result = run(spec(memory, "memory_baskets", start="2026-01-02"), archive)
    assert {name: book.currency for name, book in result.books.items()} == {
        "report_names": "KRW", "memory_us": "USD", "flash": "KRW", "hard_drives": "USD", "memory_cn": "CNY", "all_makers": "USD",
    }  # fmt: skip
    traded = result.books["all_makers"].orders["ticker"]
    assert {memory.universe.supplier(ticker).market for ticker in traded} == {"XNYS", "XKRX", "XSHG"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["memory_capex_ratio", "memory_excess"])
def test_a_book_acts_on_what_was_known_of_its_signal(archive, memory, name):
    result = run(spec(memory, name, start="2025-10-01"), archive)
    assert {name: book.currency for name, book in result.books.items()} == {"report_names": "KRW", "all_makers": "USD"}
    assert {"maker_share", "maker_excess"} <= set(result.readings)


def test_the_grid_is_found_by_its_name(memory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert grid_path(tmp_path.relative_to(tmp_path) / "memory_excess.toml", memory).is_file()
