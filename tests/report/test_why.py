"""What carried a return, in a sentence and a picture: words that hold in every window, and bars that add up."""

import pytest

from backtest.report.sections import why
from backtest.report.sections.why import _bars


def split_windows(results):
    return [
        (result, split)
        for result in results.values()
        for book in result.books.values()
        for split in book.return_split.values()
        if split.terms.rerating is not None
    ]


def test_the_bars_of_every_window_have_the_same_words_whatever_is_known_there(results):
    words = {tuple(word for word, _ in _bars(result, split)) for result, split in split_windows(results)}
    assert len(words) == 1
    assert {split.terms.basis for _, split in split_windows(results)} >= {"profit", "revenue"}  # so that a word could be wrong


def test_the_bars_add_up_to_the_return(results):
    for result, split in split_windows(results):
        *terms, (_, whole) = _bars(result, split)
        assert sum(value for _, value in terms if value is not None) == pytest.approx(whole, abs=1e-12)


def test_the_sentence_of_a_window_says_whether_it_is_over_profit_or_over_revenue(results):
    result = results["trend_rotation"]
    (book,) = result.books.values()
    first, *_ = why.section(result).blocks
    said = dict(item.split(": ", 1) for item in first.items)
    for name, split in book.return_split.items():
        line = said.get(f"{name[:1].upper()}{name[1:]}")
        if line and split.terms.rerating is not None:
            assert f"= {'revenue' if split.terms.basis == 'revenue' else 'profit'} ×" in line
