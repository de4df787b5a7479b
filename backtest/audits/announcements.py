"""Whether the books move when CapEx or NVIDIA's revenue is announced: each market on its own first session that could react."""

import hashlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from backtest.facts import Facts
from backtest.prices import Prices
from backtest.runs import Book, RunResult
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.statistics import performance
from backtest.statistics.events import event_study
from backtest.statistics.refusal import Refused

NVIDIA = (("NVDA", "data_center_revenue"),)


def announcement_studies(result: RunResult, facts: Facts, prices: Prices) -> dict[str, Any]:
    """Return an event study per kind of announcement and group of books with the same sessions, or why there is none.

    Abnormal is the return less the mean of the benchmarks, on the sessions that have one, as fractions.
    """
    kinds = {"CapEx": [(cloud, "purchases_ppe") for cloud in SupplyChainExcess().clouds], "NVIDIA's revenue": list(NVIDIA)}
    last = pd.Timestamp(max(window.end for window in result.windows), tz="UTC") + pd.Timedelta(days=1)
    found = {}
    for kind, series in kinds.items():
        told = moments(facts, series, last)
        for group in _groups(result, prices):
            markets = prices.markets_of([str(ticker) for book in group for ticker in book.realised])
            placed = first_sessions(told, prices, markets, pd.DatetimeIndex(group[0].equity.index))
            found[f"{kind}, {' and '.join(markets)}"] = _study(group, placed, kind)
    return found


def moments(facts: Facts, series: Sequence[tuple[str, str]], last: pd.Timestamp) -> list[pd.Timestamp]:
    """Return when each period of some entities and metrics was first published, up to a moment, oldest first."""
    rows = facts.rows[facts.rows["known_at"] <= last]
    wanted = rows[pd.MultiIndex.from_frame(rows[["entity", "metric"]]).isin(series)]
    return sorted(set(wanted.groupby(["entity", "metric", "period"])["known_at"].min()))


def first_sessions(
    told: Sequence[pd.Timestamp], prices: Prices, markets: Sequence[str], sessions: pd.DatetimeIndex
) -> list[pd.Timestamp]:
    """Return the first of some sessions that closed on every market after each announcement was known."""
    own = pd.concat([prices.closes[market] for market in markets], axis=1).ffill().min(axis=1)
    closes = own.reindex(sessions, method="ffill")
    after = [int(closes.searchsorted(moment, side="right")) for moment in told]
    return [sessions[place] for place in after if place < len(sessions)]


def _groups(result: RunResult, prices: Prices) -> list[list[Book]]:
    """Return the books that ever held something, those with the same sessions and benchmarks together."""
    found: dict[Any, list[Book]] = {}
    for book in result.books.values():
        if len(book.orders):
            key = (
                prices.markets_of([str(ticker) for ticker in book.realised]),
                book.currency,
                len(book.equity),
                tuple(book.benchmarks),
            )
            found.setdefault(key, []).append(book)
    return list(found.values())


def _study(group: Sequence[Book], placed: Sequence[pd.Timestamp], kind: str) -> dict[str, Any]:
    market = performance.mean_returns(group[0].benchmarks)
    if not len(market):
        return {"because": "no benchmark is priced on two sessions"}
    returns = pd.DataFrame({book.basket: performance.returns(book.equity) for book in group}).loc[market.index]
    seed = int.from_bytes(hashlib.sha256(f"{kind}/{[book.basket for book in group]}".encode()).digest()[:8], "big")
    found = event_study(returns, market, list(placed), seed)
    if isinstance(found, Refused):
        return {"because": found.reason}
    return {
        "books": [book.basket for book in group],
        "events": [f"{day:%Y-%m-%d}" for day in found.by_event.index],
        "dropped": len(found.dropped),
        "abnormal": found.abnormal,
        "t": found.t,
        "p": found.p,
        "p_random": found.random.p,
        "floor": found.random.least,
        "correlation": found.correlation,
    }
