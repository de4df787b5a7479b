"""A book's tear sheet, from its value, its declared benchmark and its control."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from backtest.prices import Prices
from backtest.result import Book
from backtest.statistics import performance
from backtest.statistics.calendar_returns import PeriodReturn, period_returns
from backtest.statistics.distribution import distribution
from backtest.statistics.drawdowns import WORST, drawdowns
from backtest.statistics.intervals import difference_interval, return_interval
from backtest.statistics.rolling import rolling_figures
from backtest.statistics.tear_sheet import TearSheet, YearReturn, span_figures
from backtest.thesis.windows import SAMPLES, Window

DRAWS_OF_A_YEAR = 500  # there are many years, and few of their intervals are read


def with_tear_sheet(book: Book, spans: Sequence[Window], prices: Prices) -> Book:
    """Return a book with its tear sheet; one without a return has none."""
    if len(book.equity) < 2:
        return book
    complete = ends_month(prices, prices.markets_of(list(book.shares.columns)), book.equity.index[-1])
    return replace(book, tear_sheet=tear_sheet(book, spans, complete))


def tear_sheet(book: Book, spans: Sequence[Window], complete: bool) -> TearSheet:
    """Return the tear sheet of a book that has a return; `complete`: its last session ends a month."""
    equity, year, benchmark = book.equity, book.periods_per_year, book.benchmark_returns()
    index, returns = pd.DatetimeIndex(equity.index), performance.returns(equity)
    return TearSheet(
        spans={
            window.name: span_figures(equity, window.slice(index), benchmark, year, complete)
            for window in spans
            if window.name in SAMPLES
        },
        months=period_returns(equity, "M", complete),
        years=tuple(_year(book, own) for own in period_returns(equity, "Y", complete)),
        drawdowns=tuple(drawdowns(equity)[:WORST]),
        distribution=distribution(returns),
        rolling=rolling_figures(returns, benchmark, year),
    )


def ends_month(prices: Prices, markets: Sequence[str], session: pd.Timestamp) -> bool:
    """Return whether none of some markets has a session later in the month of one."""
    after, last = session + pd.Timedelta(days=1), session + pd.offsets.MonthEnd(0)
    rows = [prices.markets[market] for market in markets]
    return after > last or all(last <= row.last_day and row.closes(after, last).empty for row in rows)


def _year(book: Book, own: PeriodReturn) -> YearReturn:
    """Return a year beside the benchmark's and the control's, over the sessions of the book's own return."""
    span = slice(own.base, own.last)
    values = book.equity.loc[span]
    fall = performance.max_drawdown(values)
    year = YearReturn(own, return_interval(performance.returns(values), DRAWS_OF_A_YEAR), fall if fall is not None else 0.0)
    if book.declared is not None:
        priced = book.benchmarks[book.declared].loc[span].dropna()
        year = replace(year, benchmark=performance.total_return(priced), benchmark_part=len(priced) < len(values))
    twin = book.control.equity.get("twin") if book.control is not None else None
    without = performance.total_return(twin.loc[span]) if twin is not None else None
    if twin is None or without is None:
        return year
    apart = difference_interval(performance.returns(values), performance.returns(twin.loc[span]), DRAWS_OF_A_YEAR)
    return replace(year, control=without, difference=own.value - without, difference_interval=apart)
