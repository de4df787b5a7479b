"""A return is split into what carried it."""

from datetime import date

from backtest.analysis.return_split import ReturnSplit
from backtest.api.inputs import load_archive
from backtest.data.archive import data_of, narrowed
from backtest.errors import ConfigurationError, near_miss
from backtest.files.options import day
from backtest.panel import Archive
from backtest.result import Book
from backtest.runs.return_splits import basket_of, book_between
from backtest.runs.return_splits import explain as split_basket
from backtest.thesis import Thesis

Day = date | str | None


def explain(what: str | Book, archive: Archive | None = None, start: Day = None, end: Day = None) -> ReturnSplit:
    """Return how much of a return was growth, currency, margin and re-rating, in log points that add up to it.

    what: a ticker or basket of the thesis, bought at equal money; or a book of a result.
    archive: as in `run`; of a book, the one that it ran on.
    start: from the close on or before this day; None is the thesis's date.
    end: to the close on or before this day; None is the last on which everything is priced. A book is split to its own end.

    Raises ConfigurationError with a near miss for an unknown name, DataError for days that prices do not cover, and
    for a book of other figures or prices than the archive's.

    >>> import backtest as bt
    >>> round(bt.explain("optical").terms.residual, 12)
    0.0
    """
    known = archive or load_archive()
    first, last = _day("start", start) or known.thesis.date.date(), _day("end", end)
    if last is not None and last <= first:
        raise ConfigurationError(f"start is {first}, end {last}; expected a day after start")
    if isinstance(what, Book):
        if last is not None:
            raise ConfigurationError(f"end is {last} for a book; expected none, or a run of the strategy with that end")
        return book_between(what, data_of(what.basket, known, what.origin.tickers, what.origin.data_id), first)
    names = explainable(known.thesis)
    if what not in names:
        raise ConfigurationError(near_miss("ticker or basket", what, names))
    basket = basket_of(known.thesis.universe, what)
    return split_basket(basket, narrowed(known, basket.members), first, last)


def explainable(thesis: Thesis) -> list[str]:
    """Return the names that `explain` knows: baskets and tickers."""
    return [row.name for row in thesis.universe.baskets] + list(thesis.universe.market_and_currency())


def _day(name: str, stated: Day) -> date | None:
    return day(name, stated) if isinstance(stated, str) else stated
