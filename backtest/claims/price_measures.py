"""Measures of prices: what a basket or a ticker returned over days, months and holdings, and how much of it was traded.

A close here is one with dividends (`adj_close`), so a return is what a holder earned. No figure stands behind these measures;
their details name the closes.
"""

from datetime import date, timedelta
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from backtest.claims.measurement import Closes, Measurement, Returns
from backtest.panel import Panel

LONGEST_HOLIDAY = timedelta(days=12)  # of a market: a name without a price for longer has none any more
MILLION = 1e6

Day = Annotated[str, AfterValidator(lambda stated: f"{date.fromisoformat(stated):%Y-%m-%d}")]
Months = Annotated[int, Field(ge=1)]


def excess_return(panel: Panel, basket: str, benchmark: str, written: Day | None = None) -> Measurement:
    """Return of a basket bought equally at the first price after a claim was written and held, minus that of a ticker or basket.

    Both over the sessions on which all names are priced: `quarter` says which, and whose prices end them. Without `written` the
    claim is as old as its thesis.
    """
    universe, day = panel.thesis.universe, pd.Timestamp(written or panel.thesis.date)
    bought = universe.basket(basket).members
    single = benchmark in universe.market_and_currency()
    against = (benchmark,) if single else universe.basket(benchmark).members
    lost = tuple(f"prices of {name}" for name in (*bought, *against) if name not in panel.prices.columns)
    names, index = list(dict.fromkeys([*bought, *against])), pd.DatetimeIndex(panel.prices.index)
    start = int(index.searchsorted(day, side="right"))
    if lost or len(index) - start < 2:
        return Measurement(None, missing=lost or (f"prices of two sessions after {day:%Y-%m-%d}",))
    later = panel.prices[names].to_numpy()[start:]
    priced = np.flatnonzero(np.isfinite(later).all(axis=1))
    if len(priced) < 2:
        return Measurement(None, missing=(f"prices of two sessions after {day:%Y-%m-%d}",))
    grown = pd.Series(later[priced[-1]] / later[priced[0]] - 1.0, names)
    value = float(grown[list(bought)].mean() - grown[list(against)].mean())
    first, last = index[start + priced[0]], index[start + priced[-1]]
    days = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    after = later[int(index.searchsorted(last + LONGEST_HOLIDAY)) - start :]
    ended = [name for name, column in zip(names, after.T, strict=True) if len(after) and np.isnan(column).all()]
    ends = f", where {', '.join(ended)} end{'s' if len(ended) == 1 else ''}" if ended else ""
    returns = {str(name): float(growth) for name, growth in grown.items()}
    return Measurement(value, f"{days}{ends}", details=Returns(days, returns, tuple(ended)))


def period_return(panel: Panel, ticker: str, first: Day, last: Day) -> Measurement:
    """Return of a ticker from the close of one session to that of another, as a fraction."""
    closes = _closes(panel, ticker, last)
    known = {day: float(closes[day]) for day in (first, last) if day in closes}
    if len(known) < 2:
        return Measurement(None, last, missing=tuple(f"{ticker}'s close of {day}" for day in (first, last) if day not in known))
    return Measurement(known[last] / known[first] - 1.0, last, details=Closes(known), first=first)


def best_month(panel: Panel, ticker: str, until: Day, with_first: bool = False) -> Measurement:
    """Return the largest return of a ticker in a calendar month that was over by a day, as a fraction.

    From the last close of the month before; `with_first` counts the month of its first close too, from that close.
    """
    ends = panel.cached(_month_ends, ticker, until, with_first)
    if len(ends) < 2:
        return Measurement(None, until, missing=(f"{ticker}'s closes of two months' ends by {until}",))
    grew = ends / ends.shift() - 1.0
    at = int(grew.to_numpy()[1:].argmax()) + 1
    return _over_months(ends, at - 1, at, int((grew > 0).sum()))


def longest_rise(panel: Panel, ticker: str, until: Day, with_first: bool = False) -> Measurement:
    """Return what a ticker earned over its longest run of rising calendar months that were over by a day, as a fraction.

    Of runs of equal length, the first. Months are those of `best_month`.
    """
    ends = panel.cached(_month_ends, ticker, until, with_first)
    rose = (ends / ends.shift() > 1.0).tolist()
    if True not in rose:
        return Measurement(None, until, missing=(f"a month by {until} in which {ticker} rose",))
    lengths = [0]
    for up in rose[1:]:
        lengths.append(lengths[-1] + 1 if up else 0)
    at = lengths.index(max(lengths))
    start = at - lengths[at]
    return _over_months(ends, start, at, lengths[at])


def profitable_holdings(panel: Panel, ticker: str, months: Months, until: Day) -> Measurement:
    """Share of a ticker's holdings of so many months that made a profit, one from each of its closes, sold by a day.

    Sold at the last close by the same day of the month so many months on, or its last day. By how much: the smallest return.
    """
    closes = _closes(panel, ticker, until)
    sold = pd.DatetimeIndex(closes.index.to_series() + pd.DateOffset(months=months))
    ended = int((sold <= pd.Timestamp(until)).sum())
    if not ended:
        return Measurement(None, until, missing=(f"a holding of {ticker} over {months} months that ended by {until}",))
    ends = closes.index.searchsorted(sold[:ended], side="right") - 1
    returns = closes.to_numpy()[ends] / closes.to_numpy()[:ended] - 1.0
    made, worst = int((returns > 0).sum()), int(returns.argmin())
    shown = {f"{closes.index[at]:%Y-%m-%d}": float(closes.iloc[at]) for at in (worst, ends[worst])}
    return Measurement(
        made / ended,
        f"{sold[ended - 1]:%Y-%m-%d}",
        details=Closes(shown, made, ended),
        first=f"{closes.index[0]:%Y-%m-%d}",
        margin=float(returns.min()),
    )


def mean_turnover(panel: Panel, ticker: str, first: Day, last: Day) -> Measurement:
    """Mean of a ticker's close times the shares traded, over the sessions of some days, in millions of its currency."""
    over = panel.moment >= pd.Timestamp(last, tz="UTC")
    traded = panel.turnover(ticker).loc[first:last].dropna() if over else pd.Series(dtype=float)
    if traded.empty or _ends_before(traded, last):
        return Measurement(None, last, missing=(f"volume of {ticker} from {first} to {last}",))
    days = [f"{day:%Y-%m-%d}" for day in (traded.index[0], traded.index[-1])]
    return Measurement(float(traded.mean()) / MILLION, days[1], details=Closes({}, of=len(traded)), first=days[0])


def _closes(panel: Panel, ticker: str, until: str) -> pd.Series:
    """Return a ticker's closes to a day, by session; none where they are not known, or end long before it."""
    if ticker not in panel.prices.columns or panel.moment < pd.Timestamp(until, tz="UTC"):
        return pd.Series(dtype=float, index=pd.DatetimeIndex([]))
    closes = panel.prices[ticker].loc[:until].dropna()
    return closes.iloc[:0] if _ends_before(closes, until) else closes


def _ends_before(values: pd.Series, day: str) -> bool:
    """Return whether values by session end more than a holiday before a day."""
    return values.empty or pd.Timestamp(day) - values.index[-1] > LONGEST_HOLIDAY


def _month_ends(panel: Panel, ticker: str, until: str, with_first: bool) -> pd.Series:
    """Return the last close of every month that was over by a day, by its session; before them the first close if wanted."""
    closes = _closes(panel, ticker, until)
    months = pd.DatetimeIndex(closes.index).to_period("M")
    over = months.end_time.normalize() <= pd.Timestamp(until)
    last: pd.Series = closes[over & ~months.duplicated(keep="last")]
    return pd.concat([closes.iloc[:1], last]) if with_first and len(closes) else last


def _over_months(ends: pd.Series, start: int, end: int, counted: int) -> Measurement:
    """Return what a ticker returned from one end of a month to another; `counted` is of the months between all its ends."""
    closes = {f"{ends.index[at]:%Y-%m-%d}": float(ends.iloc[at]) for at in (start, end)}
    first, last = closes
    return Measurement(closes[last] / closes[first] - 1.0, last, details=Closes(closes, counted, len(ends) - 1), first=first)
