"""A window's figures as table cells: the number, or a dash and the reason why there is none."""

from collections.abc import Callable

import pandas as pd

from backtest.execution.window_statistics import WindowStatistics
from backtest.formatting import DASH, known, number, percent
from backtest.report.components import Cell
from backtest.report.formatting import day
from backtest.result import BenchmarkSpan
from backtest.statistics.refusal import Refused
from backtest.statistics.uncertainty import FEWEST_OBSERVATIONS


def total_return(window: WindowStatistics) -> Cell:
    """Return the total return with its interval, or the reason for none."""
    if known(window.total_return):
        return Cell(percent(window.total_return), note=between(window.return_interval, lambda bound: percent(bound, 0)))
    return Cell(DASH, note="no number" if window.n else "fewer than two sessions")


def ends(window: WindowStatistics) -> Cell:
    """Return the lowest and the highest total return over the window's last sessions, with their days."""
    if window.ends is None:
        return Cell(DASH)
    low, high = (percent(value, 0) for value in (window.ends.low, window.ends.high))
    return Cell(f"{low} to {high}", note=f"{window.ends.low_on}; {window.ends.high_on}")


def sharpe(window: WindowStatistics) -> Cell:
    """Return the Sharpe ratio with one standard error, or why it is refused."""
    text = sharpe_text(window)
    return Cell(DASH, note=text) if refused(window) else Cell(text, note=between(window.sharpe_interval, number))


def drawdown(window: WindowStatistics) -> Cell:
    """Return the deepest fall, and where that of another such path would lie."""
    bounds = between(window.drawdown_interval, lambda bound: percent(bound, 0, sign=False))
    return Cell(percent(window.max_drawdown, sign=False), note=bounds if known(window.max_drawdown) else "")


def between(interval: tuple[float, float] | None, shown: Callable[[float], str]) -> str:
    """Return "a to b" for an interval, or nothing where it is refused."""
    return f"{shown(interval[0])} to {shown(interval[1])}" if interval and all(map(known, interval)) else ""


def refused(window: WindowStatistics) -> bool:
    """Return whether a window has no Sharpe ratio."""
    return not (known(window.sharpe) and known(window.sharpe_error))


def sharpe_text(window: WindowStatistics) -> str:
    """Return "2.41 ± 0.90", or the reason for none."""
    if not refused(window):
        return f"{number(window.sharpe)} ± {number(window.sharpe_error)}"
    return f"n = {window.n} < {FEWEST_OBSERVATIONS}" if window.n < FEWEST_OBSERVATIONS else "returns do not vary"


def share(value: float | None, digits: int = 1) -> Cell:
    """Return a figure that is a fraction, in percent without a plus sign."""
    return Cell(percent(value, digits, sign=False))


def multiple(value: float | None) -> Cell:
    """Return a figure that is a multiple of the book, as ×."""
    return Cell(f"{number(value)}×" if known(value) else DASH)


def count(value: float | None) -> Cell:
    """Return a whole number."""
    return Cell(number(value, 0))


def window_name(name: str, window: WindowStatistics) -> Cell:
    """Return a window's name with its base and its last session; the first return starts from the base."""
    if window.base is None:
        return Cell(name)
    span = f"{window.base} to {window.last}"
    return Cell(name, note=span, about=f"From {window.n} returns, {span}; known at the close of {window.last}.")


def shorter(span: BenchmarkSpan, window: WindowStatistics) -> bool:
    """Return whether the sessions that a benchmark shares with a book are not all that the book has in the window."""
    return (span.base, span.last) != (window.base, window.last)


def benchmark(span: BenchmarkSpan, priced: pd.Series, window: WindowStatistics) -> Cell:
    """Return a benchmark's return over a window, or which of its prices is missing there.

    Where the sessions it shares with the book are not all of the window's, they and the book's return there stand below, and so
    does that the book held nothing but a benchmark itself.
    `priced` is session → the benchmark's value, NaN without a price.
    """
    if known(span.total_return):
        notes = []
        if span.base and shorter(span, window):
            notes.append(f"{span.base} to {span.last}, the book {percent(span.book_return)} there")
        if isinstance(span.excess, Refused):
            notes.append(f"no excess: {span.excess.reason}")
        return Cell(percent(span.total_return), note="; ".join(notes))
    prices = priced.dropna()
    if prices.empty:
        return Cell(DASH, note="no prices")
    late = day(prices.index[0]) > (window.base or "")
    return Cell(DASH, note=f"first price {day(prices.index[0])}" if late else f"last price {day(prices.index[-1])}")
