"""Figures against what their own past let expect, and how baskets moved on the first session after: no consensus is invented."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pandas as pd

from backtest.analysis.abnormal import MarketReturns, complete
from backtest.analysis.catalysts import EventTest, first_sessions, preview_moments, tested
from backtest.calendars import quarter_label
from backtest.facts import Fact, Facts, SeriesKey
from backtest.known_rows import facts_of
from backtest.prices import Prices
from backtest.statistics.events import event_study
from backtest.statistics.nulls import holm
from backtest.statistics.refusal import Refused
from backtest.statistics.seasonal_walk import MOST_CHANGES, YEAR, deviation, surprises
from backtest.thesis import Thesis

LARGEST = 3  # of each side that are shown
PAST = MOST_CHANGES + YEAR  # quarters that an expectation and its deviation look back over
DRAWS = 999  # of random sessions
PREVIEWS = "previews of profit"
ABOVE, BELOW, ALL = "above", "below", "all"


@dataclass(frozen=True)
class Surprise:
    """A figure when it was first published, beside its expectation from what was known just before.

    `log` is ln(value / expected), `deviations` that over the deviation of the changes over a year known then.
    """

    entity: str
    metric: str
    quarter: str
    published: str
    known_at: pd.Timestamp
    value: float
    expected: float
    log: float
    deviations: float


@dataclass(frozen=True)
class ShownSurprise:
    """One of the largest: as `Surprise`, with the baskets' mean abnormal log return on each market's first session after it."""

    entity: str
    metric: str
    quarter: str
    published: str
    value: float
    expected: float
    log: float
    deviations: float
    abnormal: dict[str, float]


@dataclass(frozen=True)
class Reaction:
    """How baskets moved on the sessions of one side; `adjusted` is p after Holm over every reaction of the run."""

    test: EventTest | Refused
    adjusted: float | None = None


@dataclass(frozen=True)
class Surprises:
    """A kind of figure: how many had an expectation and how many lay above it; the largest; reactions by market and side."""

    figures: int
    above: int
    largest: tuple[ShownSurprise, ...]
    reactions: dict[str, dict[str, Reaction]]


def surprise_studies(
    facts: Facts, prices: Prices, thesis: Thesis, returns: Mapping[str, MarketReturns | None], last: pd.Timestamp
) -> dict[str, Surprises]:
    """Return the study of every kind of figure that a role names (`surprises`), and of previews, up to a session.

    returns: those of the baskets by market, as `abnormal.returns_by_market` gives them.
    """
    kinds = {role.surprises: role.keys for role in thesis.roles if role.surprises}
    figures = {kind: list(known_surprises(facts.rows, series, last)) for kind, series in kinds.items()}
    moments = {kind: _by_side(own) for kind, own in figures.items()}
    previews = preview_moments(facts.ranges, thesis.universe, last)
    if len(previews):
        moments[PREVIEWS] = {ALL: previews}
    abnormal = {market: _abnormal(table, last) for market, table in returns.items()}
    studies = {
        kind: Surprises(
            figures=len(figures.get(kind, previews)),
            above=sum(row.log > 0 for row in figures.get(kind, ())),
            largest=tuple(_shown(row, prices, abnormal) for row in _largest(figures.get(kind, ()))),
            reactions={market: _reactions(kind, sides, prices, market, table) for market, table in abnormal.items()},
        )
        for kind, sides in moments.items()
    }
    return _adjusted(studies)


def known_surprises(rows: pd.DataFrame, series: Sequence[SeriesKey], last: pd.Timestamp) -> Iterator[Surprise]:
    """Yield every first publication by the end of a day that had an expectation, series by series, oldest first.

    Expected is a seasonal random walk with drift on the newest figures known before that moment (`statistics.seasonal_walk`);
    a correction is no surprise, but counts in later expectations.
    """
    wanted = pd.MultiIndex.from_frame(rows[["entity", "metric"]]).isin(list(series))
    until = pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1)
    own = [fact for fact in facts_of(rows[wanted]) if fact.known_at <= until and fact.evidence != "guidance"]
    for key in series:
        past: dict[int, float] = {}
        published = sorted((fact for fact in own if (fact.entity, fact.metric) == key), key=lambda fact: fact.known_at)
        for _, group in groupby(published, key=lambda fact: fact.known_at):
            together = list(group)
            yield from (row for fact in together if fact.quarter not in past and (row := _surprise(fact, past)) is not None)
            past.update({fact.quarter: fact.value for fact in together})


def _surprise(fact: Fact, past: Mapping[int, float]) -> Surprise | None:
    figures = np.array([past.get(quarter, np.nan) for quarter in range(fact.quarter - PAST, fact.quarter)] + [fact.value])
    logs = np.log(np.where(figures > 0, figures, np.nan))
    unexpected, ordinary = float(surprises(logs)[-1]), deviation(logs[:-1])
    if not np.isfinite(unexpected) or not ordinary > 0:
        return None
    return Surprise(
        entity=fact.entity,
        metric=fact.metric,
        quarter=quarter_label(fact.quarter),
        published=fact.published,
        known_at=fact.known_at,
        value=fact.value,
        expected=fact.value / float(np.exp(unexpected)),
        log=unexpected,
        deviations=unexpected / ordinary,
    )


def _by_side(figures: Sequence[Surprise]) -> dict[str, pd.Series]:
    """Return the moments above and below the expectation; figures of one moment count by the mean of their deviations."""
    by_moment: dict[pd.Timestamp, list[Surprise]] = {}
    for row in figures:
        by_moment.setdefault(row.known_at, []).append(row)
    sides: dict[str, list[pd.Timestamp]] = {ABOVE: [], BELOW: []}
    for moment, rows in by_moment.items():
        sides[ABOVE if np.mean([row.deviations for row in rows]) > 0 else BELOW].append(moment)
    return {side: pd.Series(pd.DatetimeIndex(moments, tz="UTC"), [side] * len(moments)) for side, moments in sides.items()}


def _abnormal(returns: MarketReturns | None, last: pd.Timestamp) -> pd.DataFrame:
    """Return the abnormal returns of the baskets on a market, those of them that have one on every session there is."""
    if returns is None:
        return pd.DataFrame()
    return complete(returns.abnormal, pd.Timestamp(returns.abnormal.index[0]), last)[0]


def _reactions(
    kind: str, sides: Mapping[str, pd.Series], prices: Prices, market: str, abnormal: pd.DataFrame
) -> dict[str, Reaction]:
    if abnormal.empty:
        return {side: Reaction(Refused("no fund of the market to compare with is priced", 0)) for side in sides}
    market_free = pd.Series(0.0, abnormal.index)
    reactions = {}
    for side, moments in sides.items():
        seed = int.from_bytes(hashlib.sha256(f"{kind}/{side}/{market}".encode()).digest()[:8], "big")
        study = event_study(abnormal, market_free, list(first_sessions(moments, prices, market)), seed, draws=DRAWS)
        reactions[side] = Reaction(tested(study))
    return reactions


def _largest(figures: Sequence[Surprise]) -> list[Surprise]:
    """Return the largest above their expectation, then the largest below."""
    ordered = sorted(figures, key=lambda row: row.deviations)
    above, below = [row for row in ordered if row.log > 0], [row for row in ordered if row.log <= 0]
    return [*above[::-1][:LARGEST], *below[:LARGEST]]


def _shown(row: Surprise, prices: Prices, abnormal: Mapping[str, pd.DataFrame]) -> ShownSurprise:
    moved = {}
    for market, table in abnormal.items():
        (session, *_) = first_sessions(pd.Series([row.known_at], ["figure"]), prices, market) or (None,)
        if session is not None and session in table.index:
            moved[market] = float(table.mean(axis=1)[session])
    figures = {name: getattr(row, name) for name in ShownSurprise.__dataclass_fields__ if name != "abnormal"}
    return ShownSurprise(**figures, abnormal=moved)


def _adjusted(studies: Mapping[str, Surprises]) -> dict[str, Surprises]:
    """Return the studies with every p corrected for all that were asked."""
    p_values = {
        f"{kind}/{market}/{side}": reaction.test.p
        for kind, study in studies.items()
        for market, sides in study.reactions.items()
        for side, reaction in sides.items()
        if isinstance(reaction.test, EventTest)
    }
    adjusted = holm(p_values).adjusted
    return {
        kind: replace(
            study,
            reactions={
                market: {side: replace(own, adjusted=adjusted.get(f"{kind}/{market}/{side}")) for side, own in sides.items()}
                for market, sides in study.reactions.items()
            },
        )
        for kind, study in studies.items()
    }
