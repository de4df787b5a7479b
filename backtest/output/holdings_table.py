"""What each book holds now and when its next orders are due, a row for each book, for a terminal."""

from collections.abc import Mapping
from typing import Any

from backtest.formatting import percent
from backtest.text.screen import Column, Screen, plain, table

COLUMNS = (
    Column("at the close of"), *(Column(title, right=True) for title in ("held", "asked", "to trade")),
    Column("decided"), Column("orders due"), Column("waiting", right=True),
)  # fmt: skip


def holdings_table(document: Mapping[str, Any], screen: Screen) -> str:
    """Return each book's last close, what is held, asked for and would be traded, and when its next orders are due."""
    now = {name: book["holdings_now"] for name, book in document["books"].items() if book["holdings_now"]}
    several = len(now) > 1
    columns = [*([Column("book")] if several else []), *COLUMNS]
    rows = [[*([plain(name)[:24]] if several else []), *_cells(row)] for name, row in now.items()]
    return table(columns, rows, screen) if rows else ""


def _cells(row: Mapping[str, Any]) -> list[str]:
    parts = (percent(row[field], sign=False) for field in ("invested", "target", "traded"))
    following = row["next"]
    decided = following["decided"] or "not in the calendar"
    return [row["session"], *parts, "that close" if following["now"] else decided, _due(following), str(len(row["waiting"]))]


def _due(following: Mapping[str, Any]) -> str:
    """Return the first session that orders are due at and, where markets differ, the last."""
    days = sorted(day or "not in the calendar" for day in following["due"].values())
    if days[0] == days[-1]:
        return days[0]
    return f"{days[0]}/{days[-1][5:]}" if days[-1][:1].isdigit() else days[0]
