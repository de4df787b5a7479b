"""Whether a strategy earned more than its thesis's factors and the currency explain: the one null that asks of its whole return.

The other nulls ask whether its timing or its names did better than others; a strategy that holds one basket nearly all the
time has little timing, and placebo baskets share its names. A basket that was chosen in hindsight passes this one by its choice.
"""

from collections.abc import Sequence

import pandas as pd

from backtest.audits.factors import factor_returns
from backtest.prices import Prices
from backtest.result import NullTest, RunResult
from backtest.statistics import performance
from backtest.statistics.hac import mean_intercept
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Refused


def alpha_test(result: RunResult, prices: Prices) -> NullTest | Refused:
    """Return the one-sided test that the mean alpha of a run's books is not above zero, or why there is none."""
    books = [book for book in result.books.values() if len(book.orders)]
    if not books:
        return Refused("nothing was ever held", 0)
    earned = [performance.returns(book.equity) for book in books]
    return mean_alpha_test(
        earned, [factor_returns(book, prices, result.thesis) for book in books], [book.periods_per_year for book in books]
    )


def mean_alpha_test(earned: Sequence[pd.Series], factors: Sequence[pd.DataFrame], periods: Sequence[int]) -> NullTest | Refused:
    """Return the same from each book's returns, its own factors by session and its sessions a year.

    t with equal-weighted cosines' errors against Student's t of their degrees of freedom: the alphas are averaged, and what
    each session adds to them has one error, as books move together.
    """
    fitted = mean_intercept(earned, factors, periods)
    if isinstance(fitted, Refused):
        return fitted
    alpha, sessions = fitted
    if sessions < FEWEST_OBSERVATIONS:
        return Refused(f"{sessions} observations; expected at least {FEWEST_OBSERVATIONS}", sessions)
    p = alpha.p / 2.0 if alpha.t > 0.0 else 1.0 - alpha.p / 2.0
    return NullTest(p, alpha.value, n=sessions)
