"""What many target weights would have earned at once: the path on which a strategy and every draw of a null are compared.

Not the desk: weights are bought at the close of the `lag`-th next session of the book's own, of all its tickers at once and in
fractions, at no cost, and held until the next. Without costs (`cost_bps=0`), one market and no session without a price this is
the engine's own result; a test holds it to that. A ticker without a price keeps its last. Costs are left out because to trade
less than a draw is cheaper, but says nothing of what was known.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest import engine
from backtest.prices import Prices
from backtest.statistics.refusal import Floats
from backtest.strategy import StrategySpec


@dataclass(frozen=True)
class Course:
    """When a book's decisions are filled and what each ticker was worth: `growth` is session × ticker, `rows` the fills."""

    tickers: tuple[str, ...]
    growth: Floats
    rows: tuple[int, ...]
    years: float


def course(spec: StrategySpec, prices: Prices, tickers: tuple[str, ...], sessions: pd.DatetimeIndex, base: str) -> Course:
    """Return the course of a book over its sessions, in its base currency; the last decisions may have no fill."""
    decided = engine.decision_sessions(spec, sessions)
    places = sessions.get_indexer(decided) + spec.lag
    markets = prices.markets_of(tickers)
    values = prices.valued(tickers, base, sessions).bfill().fillna(1.0).to_numpy()
    years = (len(sessions) - 1) / prices.periods_per_year(markets)
    return Course(tickers, values, tuple(int(place) for place in places if place < len(sessions)), years)


def log_growth(taken: Course, targets: Floats) -> Floats:
    """Return the log growth of each draw from each fill to the next (draws × decisions), the last one to the end.

    `targets` is draws × decisions × tickers, each at least 0, sum at most 1; what they leave is cash.
    """
    stops = np.r_[taken.rows[1:], len(taken.growth) - 1].astype(int)
    gained = taken.growth[stops] / taken.growth[list(taken.rows)] - 1.0
    return np.asarray(np.log1p(np.einsum("dkt,kt->dk", targets, gained)))
