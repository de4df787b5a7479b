"""What many target weights would have earned at once: the path on which a strategy and every draw of a null are compared.

Not the desk: weights are bought at the close of the `lag`-th next session of the book's own, of all its tickers at once and in
fractions, and held until the next; a flat cost is paid on what changes hands. Without market rules (`cost_bps=0`), one
market and no session without a price this is the engine's own result; a test holds it to that. A ticker without a price
keeps its last.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest import engine
from backtest.prices import Prices
from backtest.spec import StrategySpec
from backtest.statistics.refusal import Floats

FLAT_BPS = 10.0  # on the value of every trade, where the spec has no flat cost of its own


@dataclass(frozen=True)
class Course:
    """When a book's decisions are filled and what each ticker was worth: `growth` is session × ticker, `rows` the fills."""

    tickers: tuple[str, ...]
    growth: Floats
    rows: tuple[int, ...]
    cost: float
    years: float


def course(spec: StrategySpec, prices: Prices, tickers: tuple[str, ...], sessions: pd.DatetimeIndex, base: str) -> Course:
    """Return the course of a book over its sessions, in its base currency; the last decisions may have no fill."""
    decided = engine.decision_sessions(spec, sessions)
    places = sessions.get_indexer(decided) + spec.lag
    markets = prices.markets_of(tickers)
    values = prices.valued(tickers, base, sessions).bfill().fillna(1.0).to_numpy()
    cost = FLAT_BPS if spec.cost_bps is None else spec.cost_bps
    years = (len(sessions) - 1) / prices.periods_per_year(markets)
    return Course(tickers, values, tuple(int(place) for place in places if place < len(sessions)), cost / 1e4, years)


def log_growth(taken: Course, targets: Floats) -> Floats:
    """Return the log growth a year of each draw: `targets` is draws × decisions × tickers, each at least 0, sum at most 1.

    Between fills a draw's value is its weights times what their tickers became, plus its cash. The cost of a fill is its
    rate times the sum of what changes hands, the weights after it being those of the value before.
    """
    total = np.zeros(len(targets))
    held = np.zeros((len(targets), len(taken.tickers)))
    stops = (*taken.rows[1:], len(taken.growth) - 1)
    for number, (start, stop) in enumerate(zip(taken.rows, stops, strict=True)):
        wanted = targets[:, number]
        total += np.log1p(-taken.cost * np.abs(wanted - held).sum(axis=1))
        became = wanted * (taken.growth[stop] / taken.growth[start])
        value = became.sum(axis=1) + (1.0 - wanted.sum(axis=1))
        total += np.log(value)
        held = became / value[:, None]
    return np.asarray(total / taken.years)
