"""What each book holds now, and its realised weights through time."""

from backtest.report.charts import decision_charts
from backtest.report.components import Block, Fold, Part, Section, Text
from backtest.report.sections import holdings_now
from backtest.result import Book, RunResult


def section(result: RunResult) -> Section:
    """Return the holdings of each book, those of the last close first; of several books, each folded."""
    books = list(enumerate(result.books.values(), start=1))
    if len(books) == 1:
        ((number, book),) = books
        named = (*holdings_now.table(book, result.names), *_drawn(result, f"holdings-{number}", book))
        return Section("holdings", "Holdings", (*holdings_now.sentence(book), Fold("Name by name, now and through time", named)))
    parts = tuple(
        Part(
            f"holdings-{number}", f"Holdings: {book.title}", _blocks(result, f"holdings-{number}", book), book.basket, folded=True
        )
        for number, book in books
    )
    return Section("holdings", "Holdings", (*holdings_now.overview(result), Fold("Book by book", parts)))


def _blocks(result: RunResult, anchor: str, book: Book) -> tuple[Block, ...]:
    return (*holdings_now.sentence(book), *holdings_now.table(book, result.names), *_drawn(result, anchor, book))


def _drawn(result: RunResult, anchor: str, book: Book) -> tuple[Block, ...]:
    if book.realised.empty:
        return (Text("Nothing was ever ordered: the book is cash."),)
    return (decision_charts.holdings(f"{anchor}-chart", book, result.names, result.windows),)
