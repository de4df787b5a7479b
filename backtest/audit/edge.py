"""Whether a strategy earned more than market, sector, currency and NVIDIA explain: the one null that asks of its whole return.

The other nulls ask whether its timing or its names did better than others; a strategy that holds one basket nearly all the
time has little timing, and placebo baskets share its names. A basket that was chosen in hindsight passes this one by its choice.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from backtest.audit.factors import factor_returns
from backtest.prices import Prices
from backtest.run import RunResult
from backtest.statistics import performance
from backtest.statistics.influence import alpha
from backtest.statistics.refusal import Refused


def edge(result: RunResult, prices: Prices) -> dict[str, Any]:
    """Return the one-sided p-value that the alpha of the mean of a run's books is not above zero, or why there is none."""
    books = [book for book in result.books.values() if len(book.orders)]
    if not books:
        return {"p": None, "because": "nothing was ever held"}
    periods = max(book.periods_per_year for book in books)
    earned = [performance.returns(book.equity) for book in books]
    return judged(earned, [factor_returns(book, prices) for book in books], periods)


def judged(earned: Sequence[pd.Series], factors: Sequence[pd.DataFrame], periods: int) -> dict[str, Any]:
    """Return the same from each book's returns and factors by session: both are averaged over the books, factors by name.

    t with equal-weighted cosines' errors against Student's t of their degrees of freedom.
    """
    together = pd.concat(factors).groupby(level=0).mean().dropna()
    found = alpha(pd.concat(earned, axis=1).dropna().mean(axis=1), together, periods)
    if isinstance(found, Refused):
        return {"p": None, "because": found.reason}
    one = found.annual
    p = one.p / 2.0 if one.t > 0.0 else 1.0 - one.p / 2.0
    return {"p": p, "floor": None, "draws": None, "observed": one.value, "median": None, "n": found.n}
