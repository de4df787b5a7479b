"""What each book holds at its last close, what its rule asks for then, and what the next rebalance would trade and when."""

from backtest.analysis.holdings_now import HoldingsNow, NameNow, Rebalance, dated
from backtest.formatting import DASH, number, percent
from backtest.report.components import Block, Cell, Column, Rows, Table, Text
from backtest.report.formatting import Names, name_of, name_zh, plain
from backtest.result import Book, RunResult


def overview(result: RunResult) -> tuple[Block, ...]:
    """Return, of several books, a row each with what is held, asked for and traded next, and when; nothing of one."""
    books = {number_: book for number_, book in enumerate(result.books.values(), start=1) if book.holdings_now}
    if len(books) < 2:
        return ()
    texts = ("Held", "Asked for", "To trade", "Orders")
    columns = (
        Column("Book"),
        Column("Last close"),
        *(Column(text, True) for text in texts),
        Column("Due"),
        Column("Waiting", True),
    )
    rows = tuple(_row(f"#holdings-{number_}", book) for number_, book in books.items())
    caption = "Holdings now: each book at its last close, and what the decision of that close asks for, in parts of its value"
    return (Table(caption, columns, (Rows(rows),)),)


def _row(href: str, book: Book) -> tuple[Cell, ...]:
    now = book.holdings_now
    assert now is not None
    return (
        Cell(plain(book.basket), href=href),
        Cell(now.session, note="a decision day" if now.next.now else ""),
        *(Cell(percent(part, sign=False)) for part in (now.invested, now.target, now.traded)),
        Cell(number(sum(name.value != 0.0 for name in now.names.values()), 0)),
        Cell(due_text(now.next)),
        Cell(number(len(now.waiting), 0)),
    )


def due_text(following: Rebalance) -> str:
    """Return the sessions at which the next orders are due, each once; a dash where no calendar reaches them."""
    days = dict.fromkeys(dated(day) for day in following.due.values() if day)
    return " / ".join(days) or DASH


def sentence(book: Book) -> tuple[Block, ...]:
    """Return what a book holds, what its rule asks for and when it trades next, in a sentence; nothing of one without it."""
    return () if book.holdings_now is None else (Text(book.holdings_now.sentence, "lead"),)


def table(book: Book, names: Names) -> tuple[Block, ...]:
    """Return a row for each name that a book holds or asks for; nothing where there is none."""
    now = book.holdings_now
    if now is None or not now.names:
        return ()
    columns = (
        Column("Name"), Column("Ticker"), Column("Weight", True), Column("Target", True),
        Column("Difference", True, term="Difference of weight"),
        Column(f"To trade ({book.currency})", True, term="Value to trade"), Column("Shares", True, term="Shares to trade"),
    )  # fmt: skip
    rows = tuple(_name(ticker, row, names) for ticker, row in now.names.items())
    return (Table(f"{book.title}: now, and what the next orders would be", columns, (Rows(rows),), about=_about(now)),)


def _name(ticker: str, row: NameNow, names: Names) -> tuple[Cell, ...]:
    lots = abs(row.shares) / row.lot if row.shares and row.lot and row.lot > 1 else None
    return (
        Cell(name_of(names, ticker), zh=name_zh(names, ticker), note=f"last traded {row.halted}" if row.halted else ""),
        Cell(ticker),
        Cell(percent(row.weight, sign=False)),
        Cell(percent(row.target, sign=False)),
        Cell(percent(row.difference)),
        Cell(signed(row.value)),
        Cell(DASH if row.shares is None else signed(row.shares), note=f"{number(lots, 0)} lots" if lots else ""),
    )


def signed(value: float) -> str:
    """Return a whole number with its sign, 0 without."""
    return f"{'+' if value > 0 else ''}{number(value, 0)}"


def _about(now: HoldingsNow) -> str:
    return f"At the prices of {now.session}, by the rules and costs of every order; known at that session's close."
