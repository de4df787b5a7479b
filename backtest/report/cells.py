"""A window's figures as table cells: the number, or a dash and the reason why there is none."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from backtest.report.components import Cell
from backtest.report.formatting import DASH, day, known, number, percent
from backtest.statistics.uncertainty import FEWEST_OBSERVATIONS

Statistics = Mapping[str, Any]


def total_return(found: Statistics) -> Cell:
    """Return the total return, marked where the basket was chosen after the window began, or the reason for none."""
    value = found.get("total_return")
    if known(value):
        notes = [
            between(found, "return_interval", lambda bound: percent(bound, 0)),
            "hindsight" if found.get("hindsight") else "",
        ]
        return Cell(percent(value), note="; ".join(note for note in notes if note))
    return Cell(DASH, note="no number" if found.get("n") else "fewer than two sessions")


def sharpe(found: Statistics) -> Cell:
    """Return the Sharpe ratio with one standard error, or why it is refused."""
    text = sharpe_text(found)
    return Cell(DASH, note=text) if refused(found) else Cell(text, note=between(found, "sharpe_interval", number))


def drawdown(found: Statistics) -> Cell:
    """Return the deepest fall, and where that of another such path would lie."""
    value = found.get("max_drawdown")
    bounds = between(found, "drawdown_interval", lambda bound: percent(bound, 0, sign=False))
    return Cell(percent(value, sign=False), note=bounds if known(value) else "")


def between(found: Statistics, name: str, said: Callable[[float], str]) -> str:
    """Return "a to b" for an interval, or nothing where it is refused."""
    bounds = found.get(name)
    return f"{said(bounds[0])} to {said(bounds[1])}" if bounds and all(known(bound) for bound in bounds) else ""


def refused(found: Statistics) -> bool:
    """Return whether a window has no Sharpe ratio."""
    return not (known(found.get("sharpe")) and known(found.get("sharpe_error")))


def sharpe_text(found: Statistics) -> str:
    """Return "2.41 ± 0.90", or the reason for none."""
    if not refused(found):
        return f"{number(found['sharpe'])} ± {number(found['sharpe_error'])}"
    n = found.get("n") or 0
    return f"n = {n} < {FEWEST_OBSERVATIONS}" if n < FEWEST_OBSERVATIONS else "returns do not vary"


def share(found: Statistics, name: str, digits: int = 1) -> Cell:
    """Return a figure that is a fraction, in percent without a plus sign."""
    return Cell(percent(found.get(name), digits, sign=False))


def multiple(found: Statistics, name: str) -> Cell:
    """Return a figure that is a multiple of the book, as ×."""
    value = found.get(name)
    return Cell(f"{number(value)}×" if known(value) else DASH)


def count(found: Statistics, name: str) -> Cell:
    """Return a whole number."""
    return Cell(number(found.get(name), 0))


def window(name: str, found: Statistics) -> Cell:
    """Return a window's name with its first and last session; the first return starts from the first."""
    if "first" not in found:
        return Cell(name)
    span = f"{found['first']} to {found['last']}"
    return Cell(name, note=span, about=f"From {found['n']} returns, {span}; known at the close of {found['last']}.")


def shorter(span: Statistics, found: Statistics) -> bool:
    """Return whether the sessions that a benchmark shares with a book are not all that the book has in the window."""
    return (span["first"], span["last"]) != (found.get("first"), found.get("last"))


def benchmark(value: float | None, priced: pd.Series, found: Statistics, span: Statistics | None = None) -> Cell:
    """Return a benchmark's return over a window, or which of its prices is missing there.

    `span` has the sessions that both have and what the book returned there: said where they are not all of the window's.
    """
    held = priced.dropna()
    if known(value) and span and shorter(span, found):
        return Cell(percent(value), note=f"{span['first']} to {span['last']}, the book {percent(span['book'])} there")
    if known(value) or held.empty:
        return Cell(percent(value), note="" if known(value) else "no prices")
    late = day(held.index[0]) > found.get("first", "")
    return Cell(DASH, note=f"first price {day(held.index[0])}" if late else f"last price {day(held.index[-1])}")
