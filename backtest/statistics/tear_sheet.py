"""What readers of a tear sheet look for, each figure with its 95% interval or the reason why there is none.

Conventions: no risk-free rate is taken off; returns are simple, one a session; a year is the `periods_per_year` sessions of the
book's market; standard deviations divide by n - 1. Growth and what rests on it is refused below one year of returns, which would
have to be stretched to one; figures of moments below 30 returns; intervals of months below 12 whole months.
"""

from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd

from backtest.statistics import performance
from backtest.statistics.block_length import block_length
from backtest.statistics.calendar_returns import PeriodReturn, period_ends, whole_periods
from backtest.statistics.distribution import Distribution
from backtest.statistics.drawdowns import Drawdown, under_water
from backtest.statistics.intervals import SEED, intervals
from backtest.statistics.refusal import Floats, Refused, refusal
from backtest.statistics.resampled import Bounds, Months, moment_bounds, path_bounds

FEWEST_MONTHS = 12
NO_MONTH = "no whole month"


@dataclass(frozen=True)
class Figure:
    """A figure and its 95% interval, or why there is none."""

    value: float
    interval: Bounds | Refused


@dataclass(frozen=True)
class SpanFigures:
    """The figures of a span of `n` returns from the close of `base` to that of `last`; fractions unless it says otherwise.

    `cagr`: growth a year, (last / first value) ^ (sessions a year / n) - 1. `volatility`: standard deviation a year.
    `sortino` (a ratio, a year): mean return over the root of the mean square of the returns below 0, taken over all n, target 0.
    `calmar` (a ratio): CAGR over the deepest drawdown. `beta`, `correlation`: to the declared benchmark, on the sessions they
    share. `best_month`, `worst_month`, `positive_months` (a share): of the whole calendar months. `longest_under_water` (in
    sessions): most closes in a row below the highest so far; `under_water`: the share of closes below it. `skewness`,
    `excess_kurtosis`: central moments over n, 0 for a normal distribution.
    """

    n: int
    base: str | None
    last: str | None
    months: int
    cagr: Figure | Refused
    volatility: Figure | Refused
    sortino: Figure | Refused
    calmar: Figure | Refused
    beta: Figure | Refused
    correlation: Figure | Refused
    best_month: Figure | Refused
    worst_month: Figure | Refused
    positive_months: Figure | Refused
    longest_under_water: Figure | Refused
    under_water: Figure | Refused
    skewness: Figure | Refused
    excess_kurtosis: Figure | Refused


FIGURES = tuple(row.name for row in fields(SpanFigures))[4:]


@dataclass(frozen=True)
class YearReturn:
    """A year of a book beside its declared benchmark and its control (the twin), None without one.

    `interval` is that of the return (`intervals.return_interval`). `benchmark` is over the sessions that it is priced on within
    those of the book, which are fewer where `benchmark_part`. `difference` is the book's return less the control's.
    """

    own: PeriodReturn
    interval: Bounds | Refused
    max_drawdown: float
    benchmark: float | None = None
    benchmark_part: bool = False
    control: float | None = None
    difference: float | None = None
    difference_interval: Bounds | Refused | None = None


@dataclass(frozen=True)
class TearSheet:
    """A book's tear sheet: figures by window (in sample, out of sample, whole), and tables and series of the whole run.

    `drawdowns` are the worst, deepest first; `rolling` has `rolling.COLUMNS` by session.
    """

    spans: dict[str, SpanFigures]
    months: tuple[PeriodReturn, ...]
    years: tuple[YearReturn, ...]
    drawdowns: tuple[Drawdown, ...]
    distribution: Distribution | Refused
    rolling: pd.DataFrame = field(compare=False, repr=False)


def span_figures(equity: pd.Series, part: slice, benchmark: pd.Series, periods_per_year: int, complete: bool) -> SpanFigures:
    """Return the figures of a part of a run.

    `equity` is session → value of the whole run, `part` the places of the span's values, the base of the first return first.
    `benchmark` is session → return, on the sessions it is priced on and the one before was. `complete`: the run's last session is
    the last of its month.
    """
    values = equity.iloc[part]
    returns = performance.returns(values)
    if not len(returns) or not np.isfinite(values.to_numpy()).all():
        none = dict.fromkeys(FIGURES, Refused("fewer than two sessions" if not len(returns) else "a value is missing", 0))
        return SpanFigures(len(returns), None, None, 0, **none)
    months = _whole_months(equity, part, complete)
    other = benchmark.reindex(returns.index).to_numpy(float)
    every = _values(values, returns, months, periods_per_year) | _pair(returns.to_numpy(float), other)
    known = _intervals(returns, other, months, periods_per_year)
    figures = {name: _figure(name, every[name], known, len(returns), len(months.last)) for name in FIGURES}
    base, last = (f"{pd.Timestamp(values.index[row]):%Y-%m-%d}" for row in (0, -1))
    return SpanFigures(len(returns), base, last, len(months.last), **figures)


def _figure(name: str, value: float | Refused, known: dict[str, Bounds | Refused], n: int, months: int) -> Figure | Refused:
    """Return a value with its interval; the reason for none is of the months, of the span or of the draw."""
    if isinstance(value, Refused):
        return value
    if name.endswith(("_month", "_months")) and months < FEWEST_MONTHS:
        return Figure(value, Refused(f"{months} whole months; expected at least {FEWEST_MONTHS}", months))
    return Figure(value, known.get(name) or Refused("no number on any resampled path", n))


def _whole_months(equity: pd.Series, part: slice, complete: bool) -> Months:
    """Return the whole months of a part of a run; one that the part cuts is not, though the run may go on through it."""
    index = pd.DatetimeIndex(equity.index)[part]
    after = pd.DatetimeIndex(equity.index)[part.stop :][:1]
    ended = complete if not len(after) else (after[0].year, after[0].month) != (index[-1].year, index[-1].month)
    ends, whole = period_ends(index, "M"), whole_periods(index, "M", bool(ended))
    before = np.append(0, ends)[:-1]
    return Months(before[whole] - 1, ends[whole] - 1)


def _values(values: pd.Series, returns: pd.Series, months: Months, periods_per_year: int) -> dict[str, float | Refused]:
    """Return every figure of a span that needs no benchmark, or why there is none."""
    n, wealth = len(returns), values.to_numpy(float)
    longest, share = under_water(values)
    grown = wealth[months.last + 1] / wealth[months.before + 1] - 1.0
    no_month = Refused(NO_MONTH, 0)
    every: dict[str, float | Refused] = {
        "best_month": float(grown.max()) if len(grown) else no_month,
        "worst_month": float(grown.min()) if len(grown) else no_month,
        "positive_months": float((grown > 0.0).mean()) if len(grown) else no_month,
        "longest_under_water": float(longest),
        "under_water": share,
    }
    return every | _moments(returns.to_numpy(float), periods_per_year) | _growth(wealth, n, periods_per_year)


def _growth(wealth: Floats, n: int, periods_per_year: int) -> dict[str, float | Refused]:
    if n < periods_per_year:
        short = Refused(f"{n} returns; expected at least the {periods_per_year} of a year", n)
        return {"cagr": short, "calmar": short}
    cagr = float((wealth[-1] / wealth[0]) ** (periods_per_year / n) - 1.0)
    fall = performance.max_drawdown(pd.Series(wealth))
    return {"cagr": cagr, "calmar": cagr / -fall if fall else Refused("the value never fell", n)}


def _moments(values: Floats, periods_per_year: int) -> dict[str, float | Refused]:
    if refused := refusal(values):
        return dict.fromkeys(("volatility", "sortino", "skewness", "excess_kurtosis"), refused)
    apart = values - values.mean()
    variance, down = float((apart**2).mean()), float((np.minimum(values, 0.0) ** 2).mean())
    return {
        "volatility": float(values.std(ddof=1) * np.sqrt(periods_per_year)),
        "sortino": float(values.mean() / np.sqrt(down) * np.sqrt(periods_per_year))
        if down
        else Refused("no return below zero", len(values)),
        "skewness": float((apart**3).mean() / variance**1.5),
        "excess_kurtosis": float((apart**4).mean() / variance**2 - 3.0),
    }


def _pair(own: Floats, other: Floats) -> dict[str, float | Refused]:
    """Return beta to another series and the correlation with it, on the sessions that both have; `other` is NaN elsewhere."""
    pairs = np.column_stack([own, other])[np.isfinite(other)]
    if refused := refusal(pairs) if len(pairs) else Refused("no return of a declared benchmark", 0):
        return {"beta": refused, "correlation": refused}
    (variance, covariance), (_, variance_of_other) = np.cov(pairs.T, ddof=1)
    return {
        "beta": float(covariance / variance_of_other),
        "correlation": float(covariance / np.sqrt(variance * variance_of_other)),
    }


def _intervals(returns: pd.Series, other: Floats, months: Months, periods_per_year: int) -> dict[str, Bounds | Refused]:
    """Return the interval of every figure, or why there is none; that of CAGR is that of the mean log return."""
    values, years = returns.to_numpy(float), len(returns) / periods_per_year
    if refused := refusal(values):
        return dict.fromkeys(FIGURES, refused)
    block = block_length(values)
    known = moment_bounds(values, other, block, SEED, periods_per_year) | path_bounds(values, block, SEED, months, years)
    whole = intervals(returns, periods_per_year)["return_interval"]
    known["cagr"] = (_a_year(whole[0], years), _a_year(whole[1], years)) if whole else None
    return {name: interval for name, interval in known.items() if interval}


def _a_year(whole: float, years: float) -> float:
    return float((1.0 + whole) ** (1.0 / years) - 1.0)
