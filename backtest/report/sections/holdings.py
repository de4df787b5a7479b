"""What each book holds now, and its realised weights through time."""

from backtest.report.charts import decision_charts
from backtest.report.components import Block, Part, Section, Text
from backtest.report.sections import holdings_now
from backtest.result import Book, RunResult


def section(result: RunResult) -> Section:
    """Return the holdings of each book, those of the last close first; of several books, each folded."""
    folded = len(result.books) > 1
    parts = (
        Part(f"holdings-{number}", f"Holdings: {book.title}", _blocks(result, f"holdings-{number}", book), book.basket, folded)
        for number, book in enumerate(result.books.values(), start=1)
    )
    return Section("holdings", "Holdings", (*holdings_now.overview(result), *parts))


def _blocks(result: RunResult, anchor: str, book: Book) -> tuple[Block, ...]:
    now = holdings_now.blocks(book, result.names)
    if book.realised.empty:
        return (*now, Text("Nothing was ever ordered: the book is cash."))
    return (*now, decision_charts.holdings(f"{anchor}-chart", book, result.names, result.windows))
