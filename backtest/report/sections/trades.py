"""What was ordered, what it cost, and every order that was not filled, late, forced or short of its target."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from backtest.analysis.capacity import share_text
from backtest.formatting import DASH, counted, number, percent
from backtest.report.components import Block, Cell, Column, Fold, Part, Rows, Section, Table, Text
from backtest.report.formatting import Names, day, name_of, name_zh, plain
from backtest.result import FIRST_KIND, Book, RunResult

SHOWN = 50


def section(result: RunResult) -> Section:
    """Return the totals of each book, then its orders; of several books, each folded."""
    folded = len(result.books) > 1
    parts = (
        Part(f"orders-{n}", f"Orders: {book.title}", tuple(_blocks(book, result.names)), book.basket, folded)
        for n, book in enumerate(result.books.values(), start=1)
    )
    fold = Fold("What was paid, and every order that was not as decided", (_costs(result), *parts))
    return Section("orders", "Orders and costs", (_totals(result), fold))


def _totals(result: RunResult) -> Table:
    """Return a row per book: what was ordered, traded, paid, and what did not go as decided."""
    counts = ("Not filled", "Late", "Exits", "Missed targets")
    texts = ("Orders", "Buys", "Sells", "Traded value", "Cost", "Cost of value", *counts, "Largest of volume")
    rows = tuple(_total(number, book) for number, book in enumerate(result.books.values(), start=1))
    return Table(
        "Orders of each book over the whole run", (Column("Book"), *(Column(text, True) for text in texts)), (Rows(rows),)
    )


def _total(number_: int, book: Book) -> tuple[Cell, ...]:
    traded, paid = float(book.orders["value"].sum()), float(book.orders["cost"].sum())
    counts = [len(book.orders), *(int((book.orders["side"] == side).sum()) for side in ("buy", "sell"))]
    apart = [len(table) for table in (book.unfilled, book.late, book.exits, book.differences)]
    return (
        Cell(plain(book.basket), href=f"#orders-{number_}"),
        *(Cell(number(count, 0)) for count in counts),
        Cell(f"{number(traded, 0)} {book.currency}"),
        Cell(f"{number(paid, 0)} {book.currency}"),
        Cell(f"{number(paid / traded * 1e4, 1)} bps" if traded > 0 else DASH),
        *(Cell(number(count, 0)) for count in apart),
        Cell(share_text(book.largest_order.share)),
    )


def _costs(result: RunResult) -> Table:
    """Return a row per book: what was paid by kind, and what waiting cost."""
    kinds = list(dict.fromkeys(str(kind) for book in result.books.values() for kind in book.orders.columns[FIRST_KIND:]))
    rows = tuple(
        (
            Cell(plain(book.basket)),
            *(Cell(number(float(book.orders[kind].sum()), 0)) for kind in kinds),
            *(Cell(number(float(table["cost"].sum()), 0)) for table in (book.late, book.unfilled)),
            Cell(book.currency),
        )
        for book in result.books.values()
    )
    texts = (*(kind.capitalize() for kind in kinds), "Late orders", "Unfilled orders")
    caption = (
        "What was paid, by kind, and what waiting cost: the move of the price while an order could not be filled "
        "(negative: waiting gained)"
    )
    return Table(caption, (Column("Book"), *(Column(text, True) for text in texts), Column("In")), (Rows(rows),))


def _blocks(book: Book, names: Names) -> Iterator[Block]:
    """Yield what did not go as decided, then the newest orders."""
    kinds: list[tuple[str, pd.DataFrame]] = [
        ("Orders never filled", book.unfilled),
        ("Orders filled late (sessions waited in the ticker's own market)", book.late),
        ("Sold because prices end: the one order no decision asked for", book.exits),
        ("Targets missed by more than half a lot", book.differences),
    ]
    for caption, table in kinds:
        if len(table):
            yield _listed(f"{book.title}: {_shown(caption, table)}", table, names, book.currency)
    absent = [caption.split(" (")[0].split(":")[0].lower() for caption, table in kinds if table.empty]
    if absent:
        yield Text(f"None of: {'; '.join(absent)}.", "small")
    if len(book.orders):
        yield _listed(f"{book.title}: {_shown('Orders', book.orders)}", book.orders, names, book.currency)
    else:
        yield Text("No order was filled.")


def _shown(caption: str, table: pd.DataFrame) -> str:
    """Return a caption that says how many rows there are and how many are shown."""
    if len(table) <= SHOWN:
        return f"{caption}, all {len(table)}" if len(table) > 1 else f"{caption}, the only one"
    return (
        f"{caption}, the last {SHOWN} of {counted(len(table), 'row')}; all filled orders are in orders.parquet beside this page"
    )


def _listed(caption: str, table: pd.DataFrame, names: Names, currency: str) -> Table:
    """Return the last rows of a table of orders, newest first, its ticker spelled out."""
    fields = [str(name) for name in table][: FIRST_KIND if "side" in table else None]
    columns = tuple(Column(_header(field, currency), field in FORMATS, term=TERMS.get(field, "")) for field in fields)
    records = table.tail(SHOWN).iloc[::-1].to_dict("records")
    rows = tuple(tuple(_cell(field, record[field], names) for field in fields) for record in records)
    return Table(caption, columns, (Rows(rows),))


def _header(field: str, currency: str) -> str:
    unit = f" ({currency})" if field in ("value", "cost") else " (local)" if field == "price" else ""
    return f"{plain(field).capitalize()}{unit}"


def _cell(field: str, value: Any, names: Names) -> Cell:
    if field == "ticker":
        return Cell(f"{name_of(names, value)} · {value}" if value in names else str(value), zh=name_zh(names, value))
    if field in FORMATS:
        return Cell(FORMATS[field](value))
    return Cell(day(value) if isinstance(value, pd.Timestamp) else str(value))


TERMS = {"value": "Value of the order", "cost": "Cost of the order"}
FORMATS: Mapping[str, Callable[[Any], str]] = {
    "shares": lambda value: number(value, 2),
    "price": lambda value: number(value, 3),
    "value": lambda value: number(value, 0),
    "cost": lambda value: number(value, 2),
    "target": lambda value: percent(value, sign=False),
    "realised": lambda value: percent(value, 2, sign=False),
    "lots": lambda value: number(value, 1),
    "waited": lambda value: number(value, 0),
}
