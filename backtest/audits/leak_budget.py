"""What each shortcut with publication dates would have bought: the same strategy with earlier and later figures.

Prices are the same in every way; only when a published figure or chip may be read changes.
"""

from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from backtest.calendars import moment_of
from backtest.decisions import decide, run_sessions, targets_of
from backtest.execution.trading import trade
from backtest.panel import Archive, Panel
from backtest.result import LeakResult
from backtest.statistics import performance, uncertainty
from backtest.strategy import StrategySpec
from backtest.universe import Universe

DELAYS = (5, 20)  # calendar days, fixed before any result was read
OURS, PERIOD_END = "as published", "at its period's end"


class PeriodEnd(Archive):
    """Shows a figure as soon as its period has ended, published or not, in its last revision."""

    def as_of(self, moment: pd.Timestamp | date | str) -> Panel:
        """Return what a join on the period's end would show."""
        moment, rows = moment_of(moment), self.facts.rows
        ended = rows[rows["period_end"] <= moment.tz_localize(None)]
        newest = ended.drop_duplicates(["entity", "metric", "period"], keep="last")
        return replace(super().as_of(moment), rows=newest)


@dataclass(frozen=True)
class Delayed(Archive):
    """Shows every figure and chip some days after it was published; prices as they come."""

    days: int = 0

    def as_of(self, moment: pd.Timestamp | date | str) -> Panel:
        """Return what a reader that many days late would know."""
        before = super().as_of(moment_of(moment) - pd.Timedelta(days=self.days))
        return replace(super().as_of(moment), rows=before.rows, accelerators=before.accelerators)


def measure_leaks(
    spec: StrategySpec, archive: Archive, universe: Universe, last: pd.Timestamp
) -> dict[str, dict[str, LeakResult]]:
    """Return per book and way of joining figures: total return and Sharpe ratio, and each less that of our join (fractions)."""
    ways: dict[str, Archive] = {OURS: archive, PERIOD_END: PeriodEnd(archive.facts, archive.prices, archive.thesis)}
    ways |= {f"{days} days later": Delayed(archive.facts, archive.prices, archive.thesis, days) for days in DELAYS}
    budget = {}
    for book in spec.books:
        figures = {way: _figures(spec, book, shown, universe, last) for way, shown in ways.items()}
        total, ratio = figures[OURS]
        budget[book] = {way: LeakResult(*own, _less(own[0], total), _less(own[1], ratio)) for way, own in figures.items()}
    return budget


def _figures(
    spec: StrategySpec, book: str, archive: Archive, universe: Universe, last: pd.Timestamp
) -> tuple[float | None, float | None]:
    """Return the total return and the Sharpe ratio of a book on an archive."""
    prices, tickers = archive.prices, spec.tickers(book, universe)
    base = spec.currency(book, universe)
    sessions = run_sessions(prices, tickers, pd.Timestamp(spec.start), last, spec.currency(book, universe))
    decisions = decide(spec, book, archive, universe, sessions)
    equity = trade(targets_of(decisions, tickers), prices, base, sessions, spec.execution).equity
    ratio = uncertainty.sharpe(performance.returns(equity), prices.periods_per_year(prices.markets_of(tickers)))
    return performance.total_return(equity), ratio[0] if ratio else None


def _less(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference
