"""Where each book's profit came from: by name, theme, market and currency."""

from collections.abc import Mapping

import pandas as pd

from backtest.execution.attribution import PARTS
from backtest.formatting import percent, points
from backtest.report.components import Block, Cell, Column, Fold, Part, Rows, Section, Table, Text
from backtest.report.formatting import Names, day, name_of, name_zh, plain
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
    return Section("attribution", "Attribution", (Text(_largest(result), "lead"), Fold("By name", (meaning, *parts))))


def _largest(result: RunResult) -> str:
    """Return which name added most to each book's return, and how much."""
    added = []
    for book in result.books.values():
        by_name = book.attribution["name"]["total"]
        if len(by_name) and (by_name != 0).any():
            ticker = str(by_name.idxmax())
            whose = f"{plain(book.basket)}: " if len(result.books) > 1 else ""
            share = f"{points(float(by_name[ticker]))} of {points(float(by_name.sum()))} points"
            added.append(f"{whose}{name_of(result.names, ticker)} {share}")
    return f"What added most to the return: {'; '.join(added)}." if added else "Nothing was traded."


def _blocks(book: Book, names: Names, places: Mapping[str, str]) -> tuple[Block, ...]:
    """Return a table by name, and one by each group that has more than one part."""
    tables = [_table(book, "Name", book.attribution["name"], names, places)]
    several = {group: title for group, title in GROUPS.items() if (book.attribution[group] != 0).any(axis=1).sum() > 1}
    tables += [_table(book, title, book.attribution[group], {}, places) for group, title in several.items()]
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
