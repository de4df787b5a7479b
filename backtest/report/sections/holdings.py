"""What each book held: realised weights through time, and the last ones by name."""

from backtest.formatting import percent
from backtest.report.charts import decision_charts
from backtest.report.components import Block, Cell, Column, Part, Rows, Section, Table, Text
from backtest.report.formatting import Names, day, name_of, name_zh
from backtest.result import Book, RunResult


def section(result: RunResult) -> Section:
    """Return the holdings of each book; of several books, each folded."""
    folded = len(result.books) > 1
    parts = (
        Part(f"holdings-{number}", f"Holdings: {book.title}", _blocks(result, f"holdings-{number}", book), book.basket, folded)
        for number, book in enumerate(result.books.values(), start=1)
    )
    return Section("holdings", "Holdings", tuple(parts))


def _blocks(result: RunResult, anchor: str, book: Book) -> tuple[Block, ...]:
    if book.realised.empty:
        return (Text("Nothing was ever ordered: the book is cash."),)
    drawn = decision_charts.holdings(f"{anchor}-chart", book, result.names, result.windows)
    return drawn, _latest(book, result.names)


def _latest(book: Book, names: Names) -> Table:
    """Return the weights after the last order session, heaviest first."""
    last, wanted = book.realised.iloc[-1].fillna(0.0), book.targets.iloc[-1] if len(book.targets) else book.realised.iloc[-1]
    ordered = sorted((str(ticker) for ticker in last.index), key=lambda ticker: (-last[ticker], ticker))
    rows = tuple(
        (
            Cell(name_of(names, ticker), zh=name_zh(names, ticker)),
            Cell(ticker),
            Cell(percent(last[ticker], sign=False)),
            Cell(percent(wanted.get(ticker), sign=False)),
            Cell("in the basket" if ticker in book.members else "outside the basket"),
        )
        for ticker in ordered
    )
    columns = Column("Name"), Column("Ticker"), Column("Weight", True), Column("Target", True), Column("Place")
    caption = f"{book.title}: weights after the last order session, {day(book.realised.index[-1])}; — is a name without an order"
    about = f"From the order filled and the prices of {day(book.realised.index[-1])}; known at that session's close."
    return Table(caption, columns, (Rows(rows),), about=about)
