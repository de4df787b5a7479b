"""How large a book's orders are beside what was traded: capacity is not modelled, so this is what a reader has to judge it by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from backtest.formatting import percent
from backtest.prices import Prices

NOT_MODELLED = "Capacity is not modelled: an order moves no price, however large it is."


@dataclass(frozen=True)
class LargestOrder:
    """The filled order that was the largest `share` of its session's volume in its ticker (a fraction of the shares traded).

    `with_volume` of the `of` filled orders lie on a session whose volume is known; where none does all else is None.
    """

    share: float | None
    ticker: str | None
    session: str | None
    side: str | None
    with_volume: int
    of: int


NO_ORDER = LargestOrder(None, None, None, None, 0, 0)


def largest_order(orders: pd.DataFrame, prices: Prices) -> LargestOrder:
    """Return the largest of a book's filled orders beside its session's volume.

    Where a source carries splits back through its closes, early orders count more shares than were traded for, so that their
    share is too high rather than too low.
    """
    nothing = replace(NO_ORDER, of=len(orders))
    if prices.volume is None or not len(orders):
        return nothing
    volume = prices.volume.reindex(index=pd.DatetimeIndex(orders["session"]), columns=pd.Index(orders["ticker"].unique()))
    traded = volume.to_numpy()[np.arange(len(orders)), volume.columns.get_indexer(pd.Index(orders["ticker"]))]
    shares = orders["shares"].to_numpy(float) / traded
    known = np.isfinite(shares)
    if not known.any():
        return nothing
    row = orders.iloc[int(np.nanargmax(np.where(known, shares, np.nan)))]
    share = float(np.nanmax(shares[known]))
    return LargestOrder(share, str(row["ticker"]), f"{row['session']:%Y-%m-%d}", str(row["side"]), int(known.sum()), len(orders))


def capacity_sentence(books: Mapping[str, LargestOrder]) -> str:
    """Return that capacity is not modelled, and the largest order of some books beside its session's volume."""
    counted = f"{sum(row.with_volume for row in books.values()):,} of {sum(row.of for row in books.values()):,} orders"
    known = {name: row for name, row in books.items() if row.share is not None}
    if not known:
        return f"{NOT_MODELLED} No volume is known for the sessions of its orders."
    name, largest = max(known.items(), key=lambda item: item[1].share or 0.0)
    book = f"{name}, " if len(books) > 1 else ""
    return (
        f"{NOT_MODELLED} The largest order was {share_text(largest.share)} of its session's volume ({book}{largest.side} of "
        f"{largest.ticker} on {largest.session}; the volume is known for {counted})."
    )


def share_text(share: float | None) -> str:
    """Return a share of a volume in percent, with enough digits to be told from nothing."""
    if share is not None and 0.0 < share < 0.0001:
        return "less than 0.01%"
    return percent(share, 2 if share is not None and share < 0.1 else 0, sign=False)
