"""Where a book's profit came from: by name, and from names by theme, market and currency.

A day's change of a book's value is, exactly, the sum over its names of
    price     units held at the last close × change of the local close × today's rate, and for what was traded today
              units × (close - fill)
    currency  units held at the last close × the last local close × change of the rate
    costs     fees and slippage, negative
and, where cash earns interest, of that, which is the price part of a column CASH.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from backtest.errors import BacktestError

PARTS = ("price", "currency", "costs")
CASH = "cash"
CONSERVED = 1e-9


def profits(
    equity: pd.Series,
    holdings: np.ndarray,
    wealth: np.ndarray,
    rate: np.ndarray,
    traded: np.ndarray,
    paid: np.ndarray,
    interest: np.ndarray | float = 0.0,
) -> dict[str, np.ndarray]:
    """Return each part of the profit, in the book's currency, by session and ticker: shape (sessions, tickers).

    `equity` is the value by session from the first on; `holdings` units after each session, `wealth` local closes, `rate` what a
    unit of each ticker's currency is worth, `traded` units × (close - fill), `paid` the costs and `interest` what cash earned up
    to each session. Raises BacktestError when the parts and the interest do not add up to the change of value to 1e-9 of it.
    """
    before = np.vstack([np.zeros(holdings.shape[1]), holdings[:-1]])
    step = np.diff(wealth, axis=0, prepend=wealth[:1])
    drift = np.diff(rate, axis=0, prepend=rate[:1])
    earlier = np.vstack([wealth[:1], wealth[:-1]])
    parts = {"price": before * step * rate + traded, "currency": before * earlier * drift, "costs": -paid}
    explained = np.cumsum(np.sum([part.sum(axis=1) for part in parts.values()], axis=0) + interest)
    change = equity.to_numpy() - equity.iloc[0] + explained[0]
    off = np.abs(explained - change) / equity.to_numpy()
    if (off > CONSERVED).any():
        day = equity.index[int(off.argmax())]
        raise BacktestError(f"{day:%Y-%m-%d}: profit by name is {off.max():.1e} of the book's value off its change")
    return parts


def contributions(parts: Mapping[str, pd.DataFrame], capital: float) -> pd.DataFrame:
    """Return ticker × part: what each name added to the total return, as fractions of the capital at the start."""
    table = pd.DataFrame({name: parts[name].sum() / capital for name in PARTS})
    return table.assign(total=table.sum(axis=1))


def grouped(by_name: pd.DataFrame, group: Mapping[str, str]) -> pd.DataFrame:
    """Return contributions added up by a group of each ticker: its theme, market or currency."""
    return by_name.groupby([group[ticker] for ticker in by_name.index]).sum()
