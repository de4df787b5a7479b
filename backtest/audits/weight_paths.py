"""What many target weights would have earned at once: the path on which a strategy and every draw of a null are compared.

Weights are bought at the close of the `lag`-th next session of the book, not by its order simulation: all tickers at once, in
fractions, at no cost, and held until the next. Without costs (`cost_bps=0`), one market and no session without a price this is
the simulator's own result; a test holds it to that. A ticker without a price keeps its last. Costs are left out because to trade
less than a draw is cheaper, but says nothing of what was known.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.decisions import decision_sessions
from backtest.prices import Prices
from backtest.statistics.refusal import Floats
from backtest.strategy import StrategySpec


@dataclass(frozen=True)
class BookPath:
    """When a book's decisions are filled and what each ticker was worth.

    `wealth` is session × ticker; `fills` are the positions of the sessions on which decisions are filled.
    """

    tickers: tuple[str, ...]
    wealth: Floats
    fills: tuple[int, ...]
    years: float


def book_path(spec: StrategySpec, prices: Prices, tickers: tuple[str, ...], sessions: pd.DatetimeIndex, base: str) -> BookPath:
    """Return the path of a book over its sessions, in its base currency; the last decisions may have no fill."""
    decided = decision_sessions(spec.rebalance, sessions)
    rows = sessions.get_indexer(decided) + spec.lag
    markets = prices.markets_of(tickers)
    values = prices.valued(tickers, base, sessions).bfill().fillna(1.0).to_numpy()
    years = (len(sessions) - 1) / prices.periods_per_year(markets)
    return BookPath(tickers, values, tuple(int(row) for row in rows if row < len(sessions)), years)


def log_growth(taken: BookPath, targets: Floats) -> Floats:
    """Return the log growth of each draw from each fill to the next (draws × decisions), the last one to the end.

    `targets` is draws × decisions × tickers, each at least 0, sum at most 1; what they leave is cash.
    """
    stops = np.r_[taken.fills[1:], len(taken.wealth) - 1].astype(int)
    gained = taken.wealth[stops] / taken.wealth[list(taken.fills)] - 1.0
    return np.asarray(np.log1p(np.einsum("dkt,kt->dk", targets, gained)))
