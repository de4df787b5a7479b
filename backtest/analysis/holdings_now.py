"""A book at its last close: what is in it, what its rule asks for, what that would trade, when, and all this in a sentence."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from backtest.execution.reasons import RUN_ENDED
from backtest.formatting import counted, percent

if TYPE_CHECKING:
    from backtest.execution.accounting import LastClose  # loads the kernel

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_NAMED = 4  # waiting orders in the sentence


@dataclass(frozen=True)
class NameNow:
    """A name of a book at the last close: its weight, the weight asked for then, and the order that would bring it there.

    `holding` and `shares` are in shares, None where a source has no share prices; `shares` and `value`, in the book's currency,
    are bought, below 0 sold. `lot` is in shares, None where any amount will do. `halted` is the last session on which it was
    traded, None where that is its market's last.
    """

    weight: float
    target: float
    difference: float
    holding: float | None
    shares: float | None
    lot: float | None
    value: float
    halted: str | None


@dataclass(frozen=True)
class WaitingOrder:
    """An order that was decided and not filled: the weight it aims at, why it waits, and the session it is due at.

    `due` is None where the calendar of its market ends before.
    """

    ticker: str
    decided: str
    due: str | None
    target: float
    reason: str


@dataclass(frozen=True)
class Rebalance:
    """The next decision by a strategy's schedule, and the session of each market at whose `fill` its orders are due.

    `now` is whether that decision is the one of the last close. `decided` and `due` are None where a calendar ends before them;
    `ends` has the last day of those calendars, by market.
    """

    now: bool
    decided: str | None
    fill: str
    due: dict[str, str | None]
    ends: dict[str, str]


@dataclass(frozen=True)
class HoldingsNow:
    """A book at the close of its last session, `value` in its currency.

    `invested` is the part of it that is no cash, `target` the part that its rule asks for then, `traded` the sum of the orders
    that would bring it there over the value. `names` are those held or asked for, the heaviest first; `waiting` are orders
    decided before that are not filled.
    """

    session: str
    value: float
    invested: float
    target: float
    traded: float
    names: dict[str, NameNow]
    waiting: tuple[WaitingOrder, ...]
    next: Rebalance
    sentence: str


def holdings_now(
    book: "LastClose", wanted: Mapping[str, float], value: float, day: str, waiting: Sequence[WaitingOrder],
    following: Rebalance, locations: Mapping[str, str],
) -> HoldingsNow:  # fmt: skip
    """Return a book worth `value` at the close of a day beside the weights wanted then; `locations` of its markets, for prose."""
    names = _names(book, wanted)
    invested, target = (float(sum(weights)) for weights in ([row.weight for row in names.values()], wanted.values()))
    traded = float(book.orders["value"].sum()) / value
    parts = (
        f"At the close of {dated(day)} {_state(invested, sum(row.weight != 0.0 for row in names.values()))}.",
        _proposal(following.now, target, sum(row.target != 0.0 for row in names.values()), len(book.orders), traded),
        _when(following, locations),
        *_waits(waiting),
    )
    return HoldingsNow(day, value, invested, target, traded, names, tuple(waiting), following, " ".join(parts))


def waiting_orders(
    table: pd.DataFrame, ended: Sequence[str], due: Mapping[tuple[str, str], str | None]
) -> tuple[WaitingOrder, ...]:
    """Return the orders of a table that can still be filled; `due` is by ticker and the day of the decision."""
    return tuple(
        WaitingOrder(row["ticker"], day, due[row["ticker"], day], row["target"], row["reason"])
        for row in table.to_dict("records")
        if row["ticker"] not in ended
        for day in [f"{row['decided']:%Y-%m-%d}"]
    )


def dated(day: str) -> str:
    """Return a day with its weekday: Mon 2026-08-03."""
    return f"{WEEKDAYS[pd.Timestamp(day).weekday()]} {day}"


def _names(book: "LastClose", wanted: Mapping[str, float]) -> dict[str, NameNow]:
    """Return the names held or wanted, the heaviest first."""
    rows = book.positions.assign(target=[wanted.get(ticker, 0.0) for ticker in book.positions.index])
    rows = rows[(rows["weight"] != 0.0) | (rows["target"] != 0.0)]
    rows = rows.iloc[np.lexsort((rows.index, -rows["target"], -rows["weight"]))]
    sign = np.where(book.orders["side"] == "buy", 1.0, -1.0)
    ordered = book.orders[["shares", "value"]].mul(sign, axis=0).set_axis(book.orders["ticker"]).reindex(rows.index).fillna(0.0)
    pairs = zip(rows.to_dict("index").items(), ordered.to_dict("records"), strict=True)
    return {str(ticker): _name(row, order) for (ticker, row), order in pairs}


def _name(row: Mapping[Hashable, Any], order: Mapping[Hashable, Any]) -> NameNow:  # of the tables of a LastClose
    priced = bool(np.isfinite(row["shares"]))
    return NameNow(
        weight=row["weight"],
        target=row["target"],
        difference=row["target"] - row["weight"],
        holding=row["shares"] if priced else None,
        shares=order["shares"] if priced else None,
        lot=row["lot"] if row["lot"] > 0 else None,
        value=order["value"],
        halted=f"{row['priced']:%Y-%m-%d}" if row["halted"] else None,
    )


def _state(invested: float, names: int) -> str:
    return f"the book held {counted(names, 'name')}, {percent(invested, sign=False)} of its value" if names else "all was cash"


def _proposal(now: bool, target: float, names: int, orders: int, traded: float) -> str:
    """Return what is asked for at the last close, and what it would trade."""
    wanted = f"{counted(names, 'name')} at {percent(target, sign=False)}" if names else "cash"
    trades = f"{counted(orders, 'order')} worth {percent(traded, sign=False)} of the book" if orders else "nothing to trade"
    return f"{'The decision of that close' if now else 'Decided then, the rule'} asks for {wanted}: {trades}."


def _when(following: Rebalance, locations: Mapping[str, str]) -> str:
    """Return when the next orders are due, or where the calendar ends before."""
    if following.decided is None:
        ends = ", ".join(f"that of {locations[market]} ends on {day}" for market, day in following.ends.items())
        return f"The calendar does not reach the next decision: {ends}."
    days: dict[str, list[str]] = {}
    for market, day in following.due.items():
        text = dated(day) if day else f"a session later than {following.ends[market]}, the last that the calendar knows"
        days.setdefault(text, []).append(locations[market])
    when = "; ".join(days if len(days) == 1 else (f"{day} in {', '.join(places)}" for day, places in days.items()))
    if following.now:
        return f"It is a decision day, so none of it is filled: the orders wait for the {following.fill} of {when}."
    return (
        f"The next decision is due at the close of {dated(following.decided)}, its orders at the {following.fill} of {when}; "
        "figures and prices until then can change them."
    )


def _waits(waiting: Sequence[WaitingOrder]) -> Iterator[str]:
    """Yield who waits of the orders decided before, and for what."""
    if not waiting:
        return
    named = [f"{row.ticker} ({row.reason if row.reason != RUN_ENDED else f'due {row.due}'})" for row in waiting[:MOST_NAMED]]
    more = f" and {len(waiting) - MOST_NAMED} more" if len(waiting) > MOST_NAMED else ""
    days = " and ".join(dict.fromkeys(row.decided for row in waiting))
    yield f"Not filled yet of the decision of {days}: {', '.join(named)}{more}."
