"""Where each book's profit came from: by name, theme, market and currency."""

from collections.abc import Mapping

import pandas as pd

from backtest.execution.attribution import PARTS
from backtest.formatting import percent
from backtest.report.components import Block, Cell, Column, Part, Rows, Section, Table, Text
from backtest.report.formatting import Names, day, name_of, name_zh
from backtest.result import Book, RunResult

GROUPS = {"theme": "Theme", "market": "Market", "currency": "Currency"}


def section(result: RunResult) -> Section:
    """Return what each part of each book added to its total return; of several books, each folded."""
    folded = len(result.books) > 1
    meaning = Text(
        "Each figure is profit over the money at the start, so every table adds up to the book's total return. "
        "Price: what local prices did, and the interest on cash. Currency: what the exchange rate did to what was held. "
        "Costs: fees and slippage.",
        "small",
    )
    places = {code: market.location for code, market in result.thesis.universe.markets.items()}
    parts = (
        Part(f"attribution-{n}", f"Attribution: {book.title}", _blocks(book, result.names, places), book.basket, folded)
        for n, book in enumerate(result.books.values(), start=1)
    )
    return Section("attribution", "Attribution", (meaning, *parts))


def _blocks(book: Book, names: Names, places: Mapping[str, str]) -> tuple[Block, ...]:
    tables = [_table(book, "Name", book.attribution["name"], names, places)]
    tables += [_table(book, title, book.attribution[group], {}, places) for group, title in GROUPS.items()]
    return tuple(tables)


def _table(book: Book, title: str, contributions: pd.DataFrame, names: Names, places: Mapping[str, str]) -> Table:
    """Return a group's rows, largest first, and their sum; what never traded has no row."""
    traded = contributions[(contributions != 0).any(axis=1)]
    ordered = traded.sort_values("total", ascending=False, kind="stable")
    rows = tuple(_row(str(name), line, names, places) for name, line in ordered.iterrows())
    total = _row("Total", contributions.sum(), {}, {})
    columns = (Column(title), *(Column(part.capitalize(), True) for part in ("total", *PARTS)))
    span = f"{day(book.equity.index[0])} to {day(book.equity.index[-1])}" if len(book.equity) else "no session"
    about = f"From holdings, prices and orders of every session, {span}; known at the last close."
    caption = f"{book.title}: total return by {title.lower()}, {book.currency} book"
    return Table(caption, columns, (Rows((*rows, total)),), about=about)


def _row(name: str, line: pd.Series, names: Names, places: Mapping[str, str]) -> tuple[Cell, ...]:
    shown = name_of(names, name) if name in names else places.get(name, name)
    return Cell(shown, zh=name_zh(names, name) if name in names else ""), *(
        Cell(percent(line[part])) for part in ("total", *PARTS)
    )
