"""Whether the books move when a role's figures are announced: each market on its own first session that could react."""

import hashlib
from collections.abc import Sequence

import pandas as pd

from backtest.facts import Facts
from backtest.prices import Prices
from backtest.result import AnnouncementStudy, Book, RunResult
from backtest.statistics import performance
from backtest.statistics.events import event_study
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import whole_run


def announcement_studies(result: RunResult, facts: Facts, prices: Prices) -> dict[str, AnnouncementStudy | Refused]:
    """Return an event study per kind of announcement and group of books with the same sessions, or why there is none.

    Abnormal is the return less that of the declared benchmark, on the sessions that have one, as fractions.
    """
    kinds = {role.announced: role.keys for role in result.thesis.roles if role.announced}
    last = pd.Timestamp(whole_run(result.windows).end, tz="UTC") + pd.Timedelta(days=1)
    studies = {}
    for kind, series in kinds.items():
        published = moments(facts, series, last)
        for group in _groups(result, prices):
            markets = prices.markets_of([str(ticker) for book in group for ticker in book.realised])
            events = first_sessions(published, prices, markets, pd.DatetimeIndex(group[0].equity.index))
            studies[f"{kind}, {' and '.join(markets)}"] = _study(group, events, kind)
    return studies


def moments(facts: Facts, series: Sequence[tuple[str, str]], last: pd.Timestamp) -> list[pd.Timestamp]:
    """Return when each period of some entities and metrics was first published, up to a moment, oldest first."""
    rows = facts.rows[facts.rows["known_at"] <= last]
    wanted = rows[pd.MultiIndex.from_frame(rows[["entity", "metric"]]).isin(series)]
    return sorted(set(wanted.groupby(["entity", "metric", "period"])["known_at"].min()))


def first_sessions(
    published: Sequence[pd.Timestamp], prices: Prices, markets: Sequence[str], sessions: pd.DatetimeIndex
) -> list[pd.Timestamp]:
    """Return the first of some sessions that closed on every market after each announcement was known."""
    own = pd.concat([prices.closes[market] for market in markets], axis=1).ffill().min(axis=1)
    closes = own.reindex(sessions, method="ffill")
    after = [int(closes.searchsorted(moment, side="right")) for moment in published]
    return [sessions[row] for row in after if row < len(sessions)]


def _groups(result: RunResult, prices: Prices) -> list[list[Book]]:
    """Return the books that ever held something, those with the same sessions and declared benchmark together."""
    groups: dict[tuple[object, ...], list[Book]] = {}
    for book in result.books.values():
        if len(book.orders):
            markets = prices.markets_of([str(ticker) for ticker in book.realised])
            groups.setdefault((markets, book.currency, len(book.equity), book.declared), []).append(book)
    return list(groups.values())


def _study(group: Sequence[Book], events: Sequence[pd.Timestamp], kind: str) -> AnnouncementStudy | Refused:
    market = group[0].benchmark_returns()
    if not len(market):
        return Refused("no declared benchmark is priced on two sessions", 0)
    returns = pd.DataFrame({book.basket: performance.returns(book.equity) for book in group}).loc[market.index]
    seed = int.from_bytes(hashlib.sha256(f"{kind}/{[book.basket for book in group]}".encode()).digest()[:8], "big")
    study = event_study(returns, market, list(events), seed)
    if isinstance(study, Refused):
        return study
    return AnnouncementStudy(
        books=tuple(book.basket for book in group),
        events=tuple(f"{day:%Y-%m-%d}" for day in study.by_event.index),
        dropped=len(study.dropped),
        abnormal=study.abnormal,
        t=study.t,
        p=study.p,
        p_random=study.random.p,
        least=study.random.least,
        correlation=study.correlation,
    )
