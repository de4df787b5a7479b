"""Whether the market itself fell into two states, and how they lie on the thesis's regimes."""

from collections.abc import Sequence

import pandas as pd

from backtest.prices import Prices
from backtest.result import BasketStates, Book
from backtest.statistics import performance
from backtest.statistics.markov_switching import two_states
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import Window


def basket_states(book: Book, prices: Prices, windows: Sequence[Window]) -> BasketStates | Refused:
    """Return the two states of a basket's excess return, the probability of the better by month's end and in each window.

    The probability is smoothed: it reads every session, later ones too. It describes; nothing may be decided on it.
    """
    fitted = two_states(basket_excess(book, prices))
    if isinstance(fitted, Refused):
        return fitted
    probability = fitted.probability
    months = probability.groupby(pd.DatetimeIndex(probability.index).to_period("M")).last()
    inside = {
        window.name: probability[(probability.index >= window.start) & (probability.index <= window.end)] for window in windows
    }
    return BasketStates(
        high=fitted.high,
        low=fitted.low,
        bic_gain=fitted.bic_gain,
        warnings=tuple(fitted.warnings),
        probability={str(month): float(value) for month, value in months.items()},
        windows={name: float(part.mean()) if len(part) else None for name, part in inside.items()},
        n=fitted.n,
    )


def basket_excess(book: Book, prices: Prices) -> pd.Series:
    """Return the mean return of a basket's members less the declared benchmark's, on the sessions both have, whatever it held.

    A book that is in cash has no variance there: two states of its own return would be its own decisions.
    """
    values = prices.priced(book.members, book.currency, pd.DatetimeIndex(book.equity.index))
    return (performance.mean_returns(values) - book.benchmark_returns()).dropna()
