"""Four quarters in a row of a figure, added up as known at one end of a window, in USD and in another currency."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.calendars import MIDPOINT, quarter_label
from backtest.errors import ConfigurationError
from backtest.facts import Fact, SeriesKey, currency_in
from backtest.markets.currencies import DOLLAR, rate_ticker
from backtest.panel import Panel

YEAR = 4  # quarters
OLDEST = 3  # quarters from the last of a year to the quarter of the day that it is read on: a third quarter, in April


@dataclass(frozen=True)
class End:
    """One end of a window: its day, and the panel that is read there.

    With `hindsight` the panel is a later one, and what counts are the quarters at least half over on the day, published or not.
    """

    day: pd.Timestamp
    panel: Panel
    hindsight: bool = False


@dataclass(frozen=True)
class Amount:
    """A quarter's figure of money in USD and in another currency, at that quarter's mean rates, with every figure behind it."""

    usd: float
    money: float
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Year:
    """Four quarters in a row of one series, up to `last`: their sums in USD and in another currency, and their figures."""

    series: SeriesKey
    last: int
    usd: float
    money: float
    facts: tuple[Fact, ...]

    @property
    def span(self) -> str:
        """The first and the last of the quarters."""
        return f"{quarter_label(self.last - YEAR + 1)} to {quarter_label(self.last)}"


def trailing_years(end: End, series: Sequence[SeriesKey], currency: str) -> tuple[Year, ...] | str:
    """Return the latest four quarters in a row that all of some series share, or what is missing, in words."""
    return end.panel.cached(_trailing_years, end.day, end.hindsight, tuple(series), currency)


def _trailing_years(
    panel: Panel, day: pd.Timestamp, hindsight: bool, series: tuple[SeriesKey, ...], currency: str
) -> tuple[Year, ...] | str:
    every = [panel.cached(_amounts, key, currency) for key in series]
    known = [_counted(amounts, day, hindsight) for amounts in every]
    for key, amounts in zip(series, known, strict=True):
        if not amounts:
            return f"{' '.join(key)}: no figure{f' by {day:%Y-%m-%d}' if panel.has(key) else ''}"
    shared = sorted(set.intersection(*(set(amounts) for amounts in known)))
    whole = [quarter for quarter in shared if all(quarter - back in shared for back in range(YEAR))]
    names = f"{series[0][0]} {' and '.join(metric for _, metric in series)}"
    if not whole:
        known_to = f" ({len(shared)} known, to {quarter_label(shared[-1])})" if shared else ""
        return f"{names}: no four quarters in a row by {day:%Y-%m-%d}{known_to}"
    last = whole[-1]
    if _quarter(day) - last > OLDEST:
        return f"{names}: the last year known by {day:%Y-%m-%d} ends with {quarter_label(last)}; expected a later one"
    if hindsight and _next_end(every, last) - MIDPOINT <= day:
        return f"{names}: the quarter after {quarter_label(last)}, half over on {day:%Y-%m-%d}, is not known"
    return tuple(_year(key, amounts, last) for key, amounts in zip(series, known, strict=True))


def _counted(amounts: dict[int, Amount], day: pd.Timestamp, hindsight: bool) -> dict[int, Amount]:
    """Return the quarters that count on a day: all that are known, with hindsight those at least half over."""
    if not hindsight:
        return amounts
    return {quarter: amount for quarter, amount in amounts.items() if amount.facts[0].period_end - MIDPOINT <= day}


def _next_end(every: Sequence[dict[int, Amount]], last: int) -> pd.Timestamp:
    """Return when the quarter after one ends: by a figure of it, published of another metric, else three months later."""
    if ends := [amounts[last + 1].facts[0].period_end for amounts in every if last + 1 in amounts]:
        return max(ends)
    ended = max(amounts[last].facts[0].period_end for amounts in every)
    return ended + (pd.offsets.MonthEnd(3) if ended.is_month_end else pd.DateOffset(months=3))


def _year(key: SeriesKey, amounts: dict[int, Amount], last: int) -> Year:
    four = [amounts[quarter] for quarter in range(last - YEAR + 1, last + 1)]
    facts = tuple(dict.fromkeys(fact for amount in four for fact in amount.facts))
    return Year(key, last, sum(amount.usd for amount in four), sum(amount.money for amount in four), facts)


def _amounts(panel: Panel, series: SeriesKey, currency: str) -> dict[int, Amount]:
    """Return every quarter of a series whose figure and rates a panel knows; none of a series that no figure has."""
    if not panel.has(series):
        return {}
    known = panel.quarters[np.isfinite(panel.matrix((series,))[:, 0])]
    amounts = {quarter: _amount(panel, series, quarter, currency) for quarter in known.tolist()}
    return {quarter: amount for quarter, amount in amounts.items() if amount is not None}


def _amount(panel: Panel, series: SeriesKey, quarter: int, currency: str) -> Amount | None:
    fact = panel.fact(series, quarter)
    assert fact is not None  # the matrix has it
    own = currency_in(fact.unit)
    if not own:
        raise ConfigurationError(f"{' '.join(series)} is in {fact.unit}; expected money, to be added up over quarters")
    rates = {code: _rate(panel, code, quarter) for code in dict.fromkeys((own, currency)) if code != DOLLAR}
    facts = [rate for rate in rates.values() if rate is not None]
    if len(facts) < len(rates):
        return None
    per_usd = {DOLLAR: 1.0} | {code: rate.value for code, rate in rates.items() if rate is not None}
    usd = fact.value / per_usd[own]
    return Amount(usd, fact.value if own == currency else usd * per_usd[currency], (fact, *facts))


def _rate(panel: Panel, currency: str, quarter: int) -> Fact | None:
    key = (rate_ticker(currency), "per_usd")
    return panel.fact(key, quarter) if panel.has(key) else None


def _quarter(day: pd.Timestamp) -> int:
    return day.year * 4 + day.quarter - 1
