"""Decides again with everything later hidden: a decision that moves has read what was not yet known.

Every decision of every book is taken twice at its own moment: once on the whole archive, once with each figure, chip and price
that became known later hidden from whoever holds it. The two are equal in every score and weight, or the run ends with exit
code 4, naming the signal, the session and the first hidden row that makes the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from backtest.audits.held_tables import held_names, held_tables_cut
from backtest.audits.masking import MaskedRow, masked_after, masked_rows
from backtest.decisions import Decision, decide_at, decision_sessions, difference, run_sessions
from backtest.errors import BacktestError, DataError, LookAheadError
from backtest.panel import Archive, Panel
from backtest.signals import SUPPLY_CHAIN
from backtest.strategy import StrategySpec
from backtest.universe import Universe
from backtest.weights import Exposure

LISTED_WITHIN = pd.Timedelta(days=14)
OTHER_TABLE = "a table other than the run's own figures and prices"


@dataclass(frozen=True)
class Leak:
    """A decision that moved: by whose doing, at which session, and the hidden row that moved it."""

    who: str
    session: pd.Timestamp
    row: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.who} on {self.session:%Y-%m-%d} reads {self.row}, which was not known then"


@dataclass(frozen=True)
class TomorrowsClose:
    """The canary: a signal that keeps the Archive and reads the next price of a ticker after the panel's moment."""

    archive: Archive = field(hash=False, compare=False, repr=False)
    ticker: str

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the size of the next session's return, which nobody could know."""
        own = self.archive.prices.wealth[self.ticker].dropna()
        later = own[own.index > panel.moment.tz_localize(None).normalize()]
        ahead = abs(float(later.iloc[0] / own[own.index < later.index[0]].iloc[-1] - 1.0)) if len(later) else 0.0
        return pd.Series([ahead], index=[SUPPLY_CHAIN])


def replay_decisions(spec: StrategySpec, archive: Archive, universe: Universe, last: pd.Timestamp) -> int:
    """Return how many decisions were taken again without a difference; LookAheadError at the first that moved."""
    checked = 0
    for book in spec.books:
        members_were_listed(spec, book, archive, universe)
        tickers, base = spec.tickers(book, universe), spec.currency(book, universe)
        sessions = run_sessions(archive.prices, tickers, pd.Timestamp(spec.start), last, base)
        for session in decision_sessions(spec.rebalance, sessions):
            if leak := leak_at(spec, book, archive, universe, session):
                raise LookAheadError(f"{spec.name}: {book}: {leak}")
            checked += 1
    return checked


def leak_at(spec: StrategySpec, book: str, archive: Archive, universe: Universe, session: pd.Timestamp) -> Leak | None:
    """Return what moved a decision when everything later was hidden, or None."""
    whole = decide_at(spec, book, archive, universe, session)
    cut = _decided(spec, book, archive, universe, whole, frozenset())
    who = difference(spec, archive.thesis, whole, cut)
    if who is None:
        return None
    return Leak(who, session, first_row(spec, book, archive, universe, whole))


def first_row(spec: StrategySpec, book: str, archive: Archive, universe: Universe, whole: Decision) -> str:
    """Return the hidden row whose showing first changes a decision, found by halving the rows in the order of publication."""
    rows = masked_rows(archive, whole.moment)
    cut = _decided(spec, book, archive, universe, whole, frozenset())
    low, high = 0, len(rows)
    if difference(spec, archive.thesis, cut, _decided(spec, book, archive, universe, whole, _keys(rows))) is None:
        names = ", ".join(f"'{name}'" for name in held_names(spec, archive, whole.moment))
        return f"later rows of {names} (held beside its panel)" if names else OTHER_TABLE
    while high - low > 1:
        middle = (low + high) // 2
        moved = difference(spec, archive.thesis, cut, _decided(spec, book, archive, universe, whole, _keys(rows[:middle])))
        low, high = (low, middle) if moved else (middle, high)
    return rows[high - 1].text


def members_were_listed(spec: StrategySpec, book: str, archive: Archive, universe: Universe) -> None:
    """Raise LookAheadError for a member that holds from before its first price: nobody could have chosen it then."""
    starts = archive.prices.wealth.index[0]
    for basket in spec.books[book]:
        for ticker in universe.basket(basket).members:
            since, traded = pd.Timestamp(universe.supplier(ticker).since), archive.prices.traded(ticker)
            if len(traded) and traded[0] > max(since, starts) + LISTED_WITHIN:
                raise LookAheadError(
                    f"{spec.name}: basket '{basket}' on {since:%Y-%m-%d} reads suppliers.toml row '{ticker}': since is "
                    f"{since:%Y-%m-%d}, its first price {traded[0]:%Y-%m-%d}; it is there because it was listed later"
                )


def canary_is_caught(spec: StrategySpec, archive: Archive, universe: Universe, last: pd.Timestamp) -> str:
    """Return what the check says of a canary planted in a strategy's own book; BacktestError when it lets it pass."""
    book = next(iter(spec.books))
    tickers = spec.tickers(book, universe)
    planted = spec.replaced(signals=(TomorrowsClose(archive, tickers[0]),), weights=Exposure(full_at=1.0))
    own, base = planted.tickers(book, universe), spec.currency(book, universe)
    sessions = run_sessions(archive.prices, own, pd.Timestamp(spec.start), last, base)
    later = decision_sessions(planted.rebalance, sessions)[1:]
    if not len(later):
        raise DataError(
            f"{spec.name}: one decision from {sessions[0]:%Y-%m-%d} to {sessions[-1]:%Y-%m-%d}; expected two to audit"
        )
    for session in later:
        if leak := leak_at(planted, book, archive, universe, session):
            return str(leak)
    raise BacktestError(f"{spec.name}: a planted signal that reads tomorrow's close was not caught; the replay proves nothing")


def _decided(
    spec: StrategySpec, book: str, archive: Archive, universe: Universe, whole: Decision, shown: frozenset[tuple[object, ...]]
) -> Decision:
    with masked_after(whole.moment, shown), held_tables_cut(spec, archive, whole.moment):
        return decide_at(spec, book, archive, universe, whole.session)


def _keys(rows: Sequence[MaskedRow]) -> frozenset[tuple[object, ...]]:
    return frozenset(row.key for row in rows)
