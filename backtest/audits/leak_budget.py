"""What each shortcut with publication dates would have bought: the same strategy with earlier and later figures.

Prices are the same in every way; only when a published figure or chip may be read changes.
"""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from backtest.decisions import decide, run_sessions, targets_of
from backtest.execution.trading import trade
from backtest.panel import Archive, Panel
from backtest.statistics import performance, uncertainty
from backtest.strategy import StrategySpec
from backtest.universe import Universe

DELAYS = (5, 20)  # calendar days, fixed before any result was read
OURS, PERIOD_END = "as published", "at its period's end"


class PeriodEnd(Archive):
    """Shows a figure as soon as its period has ended, published or not, in its last revision."""

    def as_of(self, moment: pd.Timestamp) -> Panel:
        """Return what a join on the period's end would show."""
        rows = self.facts.rows
        ended = rows[rows["period_end"] <= moment.tz_localize(None)]
        newest = ended.drop_duplicates(["entity", "metric", "period"], keep="last")
        return replace(super().as_of(moment), rows=newest, _cache={})


@dataclass(frozen=True)
class Delayed(Archive):
    """Shows every figure and chip some days after it was published; prices as they come."""

    days: int = 0

    def as_of(self, moment: pd.Timestamp) -> Panel:
        """Return what a reader that many days late would know."""
        before = super().as_of(moment - pd.Timedelta(days=self.days))
        return replace(super().as_of(moment), rows=before.rows, accelerators=before.accelerators, _cache={})


def measure_leaks(spec: StrategySpec, archive: Archive, universe: Universe, last: pd.Timestamp) -> dict[str, Any]:
    """Return per book and way of joining figures: total return and Sharpe ratio, and each less that of our join (fractions)."""
    ways: dict[str, Archive] = {OURS: archive, PERIOD_END: PeriodEnd(archive.facts, archive.prices)}
    ways |= {f"{days} days later": Delayed(archive.facts, archive.prices, days) for days in DELAYS}
    found = {}
    for book in spec.books:
        results = {way: _result(spec, book, held, universe, last) for way, held in ways.items()}
        found[book] = {way: one | _bought(one, results[OURS]) for way, one in results.items()}
    return found


def _result(spec: StrategySpec, book: str, archive: Archive, universe: Universe, last: pd.Timestamp) -> dict[str, float | None]:
    prices, tickers = archive.prices, spec.tickers(book, universe)
    base = universe.basket(spec.books[book][0]).currency if spec.base == "local" else spec.base
    sessions = run_sessions(prices, tickers, pd.Timestamp(spec.start), last, spec.fill)
    decisions = decide(spec, book, archive, universe, sessions)
    equity = trade(targets_of(decisions, tickers), prices, base, sessions, spec.execution).equity
    ratio = uncertainty.sharpe(performance.returns(equity), prices.periods_per_year(prices.markets_of(tickers)))
    return {"total_return": performance.total_return(equity), "sharpe": ratio[0] if ratio else None}


def _bought(one: dict[str, float | None], ours: dict[str, float | None]) -> dict[str, float | None]:
    """Return how much more a way earned than our join, None where either has no figure."""
    bought: dict[str, float | None] = {}
    for name, value in one.items():
        reference = ours[name]
        bought[f"{name}_bought"] = None if value is None or reference is None else value - reference
    return bought
