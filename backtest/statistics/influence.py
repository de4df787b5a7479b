"""What a result rests on: one name, one quarter, three days, or factors that could be had more cheaply.

`contributions` is session × name: each name's profit over the session divided by the equity before it. Their sum is the
session's return; costs are a column of their own.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from backtest.statistics.hac import Coefficient, Regression, regress
from backtest.statistics.refusal import FEWEST_OBSERVATIONS, Floats, Refused

BEST_DAYS = 3


@dataclass(frozen=True)
class Influence:
    """A book's whole return (a fraction) and what is left of it without its largest parts.

    `without_name` and `without_quarter` are whole returns with one name's profit, or one calendar quarter's returns, set to
    nothing, least left first; `without_best_days` leaves out the three best sessions, `best_days`. `profit_share` is each
    name's part of the profit in money, largest first; None where the book made none.
    """

    total_return: float
    without_name: pd.Series
    without_quarter: pd.Series
    without_best_days: float
    best_days: tuple[pd.Timestamp, ...]
    profit_share: pd.Series | None
    n: int


@dataclass(frozen=True)
class Alpha:
    """What factors leave unexplained: the intercept, annualised, and the loadings with t_ν intervals; see `hac`."""

    annual: Coefficient
    loadings: dict[str, Coefficient]
    r_squared: float
    degrees: int
    n: int
    indicative: bool


def influence(contributions: pd.DataFrame) -> Influence | Refused:
    """Return what a book's return rests on; Refused on missing contributions or below two sessions."""
    values = contributions.to_numpy(float)
    if np.isnan(values).any() or len(values) < 2:
        return Refused("contributions are missing" if len(values) > 1 else "fewer than two sessions", len(values))
    returns = pd.Series(values.sum(axis=1), contributions.index)
    best = returns.nlargest(BEST_DAYS).index
    return Influence(
        total_return=compounded(returns.to_numpy()),
        without_name=without_each_name(contributions),
        without_quarter=without_each_quarter(returns),
        without_best_days=compounded(returns.drop(best).to_numpy()),
        best_days=tuple(pd.Timestamp(day) for day in best.sort_values()),
        profit_share=profit_share(contributions),
        n=len(returns),
    )


def compounded(returns: Floats) -> float:
    """Return the whole return of simple returns one after another."""
    return float(np.prod(1.0 + returns) - 1.0)


def without_each_name(contributions: pd.DataFrame) -> pd.Series:
    """Return the whole return had each name earned nothing, its weight in cash, least first."""
    returns = contributions.sum(axis=1)
    left = {str(name): compounded((returns - contributions[name]).to_numpy()) for name in contributions}
    return pd.Series(left, name="total_return", dtype=float).sort_values()


def without_each_quarter(returns: pd.Series) -> pd.Series:
    """Return the whole return with each calendar quarter's sessions left out, least first, named like 2025Q2."""
    quarters = pd.DatetimeIndex(returns.index).to_period("Q").astype(str)
    left = {quarter: compounded(returns[quarters != quarter].to_numpy()) for quarter in dict.fromkeys(quarters)}
    return pd.Series(left, name="total_return", dtype=float).sort_values()


def profit_share(contributions: pd.DataFrame) -> pd.Series | None:
    """Return each name's share of the profit in money, largest first; they add up to 1. None where there was no profit."""
    before = np.cumprod(np.r_[1.0, 1.0 + contributions.sum(axis=1).to_numpy()[:-1]])
    money = contributions.mul(before, axis=0).sum()
    return None if money.sum() <= 0.0 else (money / money.sum()).sort_values(ascending=False).rename("share")


def alpha(returns: pd.Series, factors: pd.DataFrame, periods_per_year: int, level: float = 0.95) -> Alpha | Refused:
    """Return the return that factor returns (market, sector, currency, a leader) leave unexplained, a year.

    Least squares with EWC standard errors, sessions matched by label; Refused below 30 of them, on missing returns and on
    factors that are combinations of one another. Annual: intercept × periods.
    """
    regression = regress(returns, factors, level)
    if isinstance(regression, Refused):
        return regression
    if regression.n < FEWEST_OBSERVATIONS:
        return Refused(f"{regression.n} observations; expected at least {FEWEST_OBSERVATIONS}", regression.n)
    return _alpha(regression, float(periods_per_year))


def _alpha(regression: Regression, periods: float) -> Alpha:
    daily = regression.coefficients["intercept"]
    return Alpha(
        annual=replace(
            daily,
            value=daily.value * periods,
            error=daily.error * periods,
            lower=daily.lower * periods,
            upper=daily.upper * periods,
        ),
        loadings={name: loading for name, loading in regression.coefficients.items() if name != "intercept"},
        r_squared=regression.r_squared,
        degrees=regression.degrees,
        n=regression.n,
        indicative=regression.indicative,
    )
