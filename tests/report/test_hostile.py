"""Whatever names and figures a run brings, the page shows them as text."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.execution.shortfall import UNFILLED
from backtest.execution.window_statistics import WindowStatistics
from backtest.report import render, render_index
from backtest.result import BenchmarkSpan, TickerName

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> --> ]]> $x$ &amp; {{ 7 * 7 }}"
RTL = "\u202eevil\u200f \u0645\u0631\u062d\u0628\u0627 科创 \U0001f600"


@pytest.fixture
def result(results):
    return results["supply_chain_excess"]


def with_book(result, **changes):
    (name,) = result.books
    return replace(result, books={name: replace(result.books[name], **changes)})


def assert_harmless(html, read):
    page = read(html)
    assert not {tag for tag, _ in page.elements} & {"img", "iframe", "object"}
    assert [tag for tag, _ in page.elements].count("script") == 1, "the page's own, allowed by its hash"
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert len(page.ids) == len(set(page.ids))
    return page


def test_markup_in_any_text_stays_text(result, read):
    (book,) = result.books.values()
    quarters = {
        quarter: replace(reading, inputs=tuple(replace(one, source=EVIL, entity=RTL) for one in reading.inputs))
        for quarter, reading in result.signals["supply_chain_excess"].items()
    }
    unfilled = pd.DataFrame([(book.equity.index[3], EVIL, 0.5, EVIL, 3, 1.0)], columns=UNFILLED)
    hostile = replace(
        with_book(result, title=EVIL, basket=EVIL, currency=RTL, unfilled=unfilled),
        spec=result.spec.model_copy(update={"title": EVIL, "question": RTL, "name": EVIL}),
        prices=replace(result.prices, source=EVIL, adjustment=RTL),
        names=dict.fromkeys(result.names, TickerName(EVIL, RTL)),
        signals={EVIL: quarters},
        notes=(EVIL, RTL),
    )
    page = assert_harmless(render(hostile), read)
    assert EVIL in page.text
    assert any(RTL in text for text in page.text)
    assert not any("49" in text for text in page.text if "7 * 7" in text and "{{" not in text)


def test_names_that_turn_the_reading_order_are_isolated(result, read):
    html = render(replace(result, names=dict.fromkeys(result.names, TickerName(RTL, RTL))))
    assert f"<bdi>{RTL}</bdi>" in html
    assert f'<bdi lang="zh">{RTL}</bdi>' in html


def test_a_figure_that_is_no_number_is_a_dash(result, read):
    (book,) = result.books.values()
    broken = {"total_return": np.nan, "sharpe": np.inf, "sharpe_error": np.nan, "max_drawdown": np.nan, "costs": np.nan}
    windows = {name: replace(found, **broken, turnover=None) for name, found in book.windows.items()}
    returns = {ticker: dict.fromkeys(found, BenchmarkSpan(np.nan)) for ticker, found in book.benchmark_windows.items()}
    decisions = book.decisions.assign(supply_chain_excess=np.nan, invested=np.nan)
    html = render(with_book(result, windows=windows, benchmark_windows=returns, decisions=decisions))
    said = " ".join(assert_harmless(html, read).text).lower()
    assert "nan%" not in said
    assert " nan" not in said
    assert "inf%" not in said
    row = read(html).table(f"{book.title}: figures per window")["in sample"]
    assert row[2] == "— no number"
    assert row[-4:-1] == ["—", "—", "—"]


@pytest.mark.parametrize("hole", [slice(0, 1), slice(10, 60), slice(None)])
def test_a_book_without_some_of_its_values_still_has_a_page(hole, result, read):
    (book,) = result.books.values()
    equity, benchmarks = book.equity.copy(), book.benchmarks.copy()
    equity.iloc[hole] = np.nan
    benchmarks.iloc[hole] = np.nan
    assert_harmless(render(with_book(result, equity=equity, benchmarks=benchmarks)), read)


def test_a_run_that_never_ordered_has_a_page_that_says_so(result, read):
    (book,) = result.books.values()
    tables = ("decisions", "targets", "realised", "orders", "unfilled", "late", "exits", "differences")
    empty = with_book(result, **{name: getattr(book, name).iloc[:0] for name in tables})
    said = assert_harmless(render(replace(empty, signals={"supply_chain_excess": {}}, notes=())), read).text
    assert "No order was filled." in said
    assert "No decision was taken." in said
    assert "Nothing was ever ordered: the book is cash." in said
    assert "The run has nothing to note." in said


def test_windows_of_a_single_session_say_why_they_are_empty(result, read):
    (book,) = result.books.values()
    windows = {name: WindowStatistics(found.sample) for name, found in book.windows.items()}
    page = assert_harmless(render(with_book(result, windows=windows)), read)
    assert page.table(f"{book.title}: figures per window")["in sample"][2] == "— fewer than two sessions"
    assert any(text.startswith("There is no result out of sample") for text in page.text)


def test_a_run_that_ends_before_the_report_has_nothing_out_of_sample(result, read):
    (book,) = result.books.values()
    whole = next(window for window in result.windows if window.name == "whole")
    shorter = replace(whole, end=pd.Timestamp("2025-07-22"))
    early = (*(window for window in result.windows if window.sample == "in"), shorter)
    windows = {window.name: book.windows[window.name] for window in early}
    returns = {ticker: {window.name: found[window.name] for window in early} for ticker, found in book.benchmark_windows.items()}
    cut = with_book(result, equity=book.equity[:"2025-07"], windows=windows, benchmark_windows=returns)
    page = assert_harmless(render(replace(cut, windows=early)), read)
    assert any(text.startswith("There is no result out of sample") for text in page.text)
    assert not any(text.startswith("Out of sample: after") for text in page.text)


def test_a_sharpe_ratio_of_too_few_returns_is_refused_in_the_outcome(result, read):
    (book,) = result.books.values()
    short = replace(book.windows["out of sample"], n=13, sharpe=None, sharpe_error=None)
    page = read(render(with_book(result, windows={**book.windows, "out of sample": short})))
    lead = next(text for text in page.text if text.startswith("After the report"))
    assert "No Sharpe ratio is given: n = 13 < 30 sessions." in lead


def test_a_basket_chosen_before_the_returns_is_not_called_hindsight(result, read):
    html = render(with_book(result, chosen=pd.Timestamp("2020-01-01")))
    lead = next(text for text in read(html).text if text.startswith("After the report"))
    assert "Hindsight" not in lead


def test_a_hostile_result_cannot_leave_its_folder_or_its_cell_on_the_front_page(documents, read):
    evil = {**documents[0], "strategy": "../../etc/<b>", "spec": {**documents[0]["spec"], "title": EVIL, "question": RTL}}
    page = assert_harmless(render_index([evil]), read)
    assert EVIL in page.text
    assert ("a", {"href": "..%2F..%2Fetc%2F%3Cb%3E/index.html"}) in page.elements
