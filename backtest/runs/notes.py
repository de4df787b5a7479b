"""What a run says of itself in sentences: where its books end, and what did not go as decided."""

import pandas as pd

from backtest.execution.reasons import NO_OPEN, RUN_ENDED
from backtest.prices import Prices
from backtest.result import Book
from backtest.strategy import StrategySpec
from backtest.universe import Universe
from backtest.weights import DatedWeights

WRITTEN = (
    "the weights are a table: they read no figure and no price, so a replay cannot tell what was known when they were written, "
    "and every result may rest on hindsight"
)


def run_notes(spec: StrategySpec, books: dict[str, Book], prices: Prices, universe: Universe) -> tuple[str, ...]:
    """Return what a run says of itself, book by book."""
    notes = [] if spec.end else end_notes(spec, books, prices, universe)
    notes += open_notes(spec, books, prices, universe)
    notes += [WRITTEN for signal in spec.signals if isinstance(signal, DatedWeights)]
    return tuple(notes + [note for book in books.values() for note in book_notes(book)])


def end_notes(spec: StrategySpec, books: dict[str, Book], prices: Prices, universe: Universe) -> list[str]:
    """Return where the books end that nobody gave an end, each with who has no later price."""
    ends: dict[tuple[str, str], list[str]] = {}
    for name, book in books.items():
        tickers = spec.tickers(name, universe)
        first_to_end, last = prices.common_end(tickers, book.currency)
        price = "price" if first_to_end in tickers else "rate"
        later = any(prices.traded(ticker)[-1] > last for ticker in tickers)
        because = f"{first_to_end} has no later {price}" if later else f"none of its tickers has a later {price}"
        ends.setdefault((f"{book.equity.index[-1]:%Y-%m-%d}", because), []).append(name)
    if len(ends) == 1 and len(books) > 1:
        (day, because), _ = ends.popitem()
        return [f"every book ends on {day}: {because}"]
    return [f"{', '.join(names)}: ends on {day}: {because}" for (day, because), names in ends.items()]


def open_notes(spec: StrategySpec, books: dict[str, Book], prices: Prices, universe: Universe) -> list[str]:
    """Return which tickers have closes and no opens, where orders fill at opens, and how many orders that kept waiting."""
    if spec.fill == "close":
        return []
    notes = []
    for name, book in books.items():
        sessions = pd.DatetimeIndex(book.equity.index)
        for ticker in spec.tickers(name, universe):
            if note := without_opens(prices, ticker, sessions):
                waited = [
                    int(((table["reason"] == NO_OPEN) & (table["ticker"] == ticker)).sum())
                    for table in (book.late, book.unfilled)
                ]
                notes.append(f"{name}: {note} ({waited[0]} filled late, {waited[1]} never)")
    return notes


def without_opens(prices: Prices, ticker: str, sessions: pd.DatetimeIndex) -> str:
    """Return on which of some sessions a ticker has a close and no open, and what that means; empty where on none."""
    missing = prices.unopened(ticker, sessions)
    if not len(missing):
        return ""
    return (
        f"{ticker} has a close and no open on {len(missing)} session(s), {missing[0]:%Y-%m-%d} to {missing[-1]:%Y-%m-%d}; "
        "an order that fills at the open waits there as in a halt"
    )


def book_notes(book: Book) -> list[str]:
    """Return what a reader of a book should know: names sold at their end, orders never filled, benchmarks that end early."""
    if not len(book.orders):
        notes = [f"{book.basket}: never traded; see the orders that were not filled, each with its reason"]
    else:
        notes = [f"{book.basket}: {row.ticker} sold on {row.session:%Y-%m-%d}, its last price" for row in book.exits.itertuples()]
    coverage = book.coverage
    if coverage.ended:
        reasons = "; ".join(f"{ticker.ticker} ended on {ticker.session}: {ticker.reason}" for ticker in coverage.ended)
        notes.append(f"{book.basket}: {coverage.priced} of {coverage.of} tickers are priced to its end ({reasons})")
    unfilled = book.unfilled[book.unfilled["reason"] != RUN_ENDED]
    if len(unfilled):
        notes.append(f"{book.basket}: {len(unfilled)} order(s) never filled, each listed with its reason")
    for ticker, column in book.benchmarks.items():
        if column.notna().any() and (last := pd.Timestamp(column.dropna().index[-1])) < book.equity.index[-1]:
            notes.append(f"{book.basket}: benchmark {ticker} ends on {last:%Y-%m-%d}; both are compared up to then")
    return notes
