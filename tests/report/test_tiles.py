"""The six figures of the first screen are those of result.json, whatever books and audit there are."""

from dataclasses import replace
from statistics import median

import pytest

from backtest.formatting import number, percent, points
from backtest.report.sections import tiles as module
from backtest.report.sections.tiles import tiles
from backtest.runs.lead_sentence import LuckFigures
from backtest.thesis.windows import OUT_OF_SAMPLE


def by_title(result):
    return {tile.title.split(",")[0]: tile for tile in tiles(result).tiles}


@pytest.fixture(scope="module")
def document_of(documents):
    return {document["strategy"]: document for document in documents}


def test_of_one_book_each_figure_is_that_of_the_document(results, document_of):
    for name, result in results.items():
        if len(result.books) > 1:
            continue
        shown = by_title(result)
        ((key, book),) = document_of[name]["books"].items()
        window = book["windows"][OUT_OF_SAMPLE]
        assert shown["Return"].value == percent(window["total_return"]), name
        assert str(window["last"]) in shown["Return"].note
        assert ("hindsight" in shown["Return"].note) == window["hindsight"]
        assert shown["Sharpe ± error"].value == f"{number(window['sharpe'])} ± {number(window['sharpe_error'])}"
        assert shown["Deepest fall"].value == percent(window["max_drawdown"], sign=False)
        twin = book["control"]["twin"][OUT_OF_SAMPLE]
        assert shown["Against the signal always on"].value == points(twin["difference"])
        declared = result.books[key].declared
        assert shown["Against the benchmark"].value == points(book["benchmarks"][declared][OUT_OF_SAMPLE]["excess"])
        assert shown["Luck"].value == "not judged"


def test_of_several_books_the_median_stands_with_the_ends(results, document_of):
    shown, books = by_title(results["theme_baskets"]), document_of["theme_baskets"]["books"].values()
    returns = [book["windows"][OUT_OF_SAMPLE]["total_return"] for book in books]
    assert shown["Return"].value == percent(median(returns))
    assert f"{percent(min(returns))} to {percent(max(returns))}" in shown["Return"].note
    assert shown["Against the signal always on"].value == "—"
    excess = [book["benchmarks"][next(iter(book["benchmarks"]))][OUT_OF_SAMPLE]["excess"] for book in books]
    assert shown["Against the benchmark"].value.endswith(f"of {len(excess)} beat it")


def test_a_run_without_sessions_out_of_sample_shows_the_whole_run(results):
    result = results["supply_chain_excess"]
    (book,) = result.books.values()
    none = replace(book.window(OUT_OF_SAMPLE), total_return=None)
    shown = by_title(replace(result, books={book.basket: replace(book, windows={**book.windows, OUT_OF_SAMPLE: none})}))
    assert shown["Return"].title == "Return, whole run"
    assert shown["Return"].value == percent(book.window("whole").total_return)


def test_luck_is_counted_from_what_the_audit_ran(results, monkeypatch):
    result = results["supply_chain_excess"]
    for found, value, note in (
        (LuckFigures(1, 5, 2, 4), "1 of 5", "nulls beaten; 2 of 4 regimes beyond luck"),
        (LuckFigures(0, 0, 2, 4), "2 of 4", "regimes beyond luck; no null was run"),
    ):
        monkeypatch.setattr(module, "luck_figures", lambda _, found=found: found)
        luck = by_title(result)["Luck"]
        assert (luck.value, luck.note) == (value, note)
