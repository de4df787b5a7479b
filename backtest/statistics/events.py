"""Whether portfolios move when CapEx is announced: an event study on standardised market-adjusted abnormal returns.

J. Kolari & S. Pynnönen, Review of Financial Studies 23 (2010), for portfolios that share their event dates, and pseudo-dates
drawn at random, which need no model of the returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.statistics.nulls import Chance, chance
from backtest.statistics.refusal import Floats, Refused, refusal

ESTIMATION = 120  # sessions before an event from which its ordinary deviation is measured
FEWEST_EVENTS = 3


@dataclass(frozen=True)
class EventStudy:
    """Abnormal returns around events, mean over events and portfolios, and how unusual they are.

    `abnormal` is the mean cumulative abnormal return (a fraction over the window), `standardised` that in ordinary
    deviations; `t` is Kolari & Pynnönen's statistic with `degrees` (events - 1), `unadjusted_t` that of Boehmer, Musumeci &
    Poulsen, which takes portfolios as independent, `correlation` the average between portfolios outside the events. `random`
    is from as many random sessions. `by_event` gives each used event's mean abnormal return; `dropped` events fell in an
    earlier one's window, too early or outside the sessions.
    """

    abnormal: float
    standardised: float
    t: float
    p: float
    unadjusted_t: float
    degrees: int
    correlation: float
    random: Chance
    by_event: pd.Series
    dropped: tuple[pd.Timestamp, ...]
    sessions: int


def event_study(
    returns: pd.DataFrame, market: pd.Series, events: Sequence[pd.Timestamp], seed: int, sessions: int = 1, draws: int = 2000
) -> EventStudy | Refused:
    """Return the study of portfolio returns (session × portfolio) over `sessions` sessions from each event's session on.

    `events` are the first sessions that could react: mapping announcements to them is the caller's part. Abnormal is the
    portfolio's return less the market's; a window's sum is divided by √sessions times the deviation over the 120 sessions
    before it. Refused on missing returns, below 30 sessions beyond those 120, or with fewer than 3 separate events.
    """
    abnormal = returns.sub(market, axis=0).to_numpy(float)
    if refused := refusal(abnormal, ESTIMATION + 30):
        return refused
    sums, scaled = windows(abnormal, sessions)
    placed = pd.DatetimeIndex(returns.index).get_indexer(pd.DatetimeIndex(sorted(set(events)))).tolist()
    used = separate(placed, sessions, len(scaled))
    if len(used) < FEWEST_EVENTS:
        return Refused(
            f"{len(used)} separate events with {ESTIMATION} sessions before; expected at least {FEWEST_EVENTS}", len(used)
        )
    correlation = mean_correlation(abnormal, used, sessions)
    plain, adjusted, p = kolari_pynnonen(scaled[used], correlation)
    index = pd.DatetimeIndex(returns.index)
    return EventStudy(
        abnormal=float(sums[used].mean()),
        standardised=float(scaled[used].mean()),
        t=adjusted,
        p=p,
        unadjusted_t=plain,
        degrees=len(used) - 1,
        correlation=correlation,
        random=_random_dates(scaled.mean(axis=1), used, sessions, draws, seed),
        by_event=pd.Series(sums[used].mean(axis=1), index[used], name="abnormal"),
        dropped=tuple(day for day in map(pd.Timestamp, sorted(set(events))) if day not in set(index[used])),
        sessions=sessions,
    )


def windows(abnormal: Floats, sessions: int) -> tuple[Floats, Floats]:
    """Return the sum of abnormal returns over the window from each session, and it in ordinary deviations; NaN before 120."""
    summed = np.vstack([np.zeros(abnormal.shape[1]), np.cumsum(abnormal, axis=0)])
    sums = summed[sessions:] - summed[:-sessions]
    past = np.lib.stride_tricks.sliding_window_view(abnormal, ESTIMATION, axis=0).std(axis=-1, ddof=1)
    spread = np.vstack([np.full((ESTIMATION, abnormal.shape[1]), np.nan), past])[: len(sums)]
    return sums, sums / (spread * np.sqrt(sessions))


def separate(placed: Sequence[int], sessions: int, stop: int) -> list[int]:
    """Return the event positions that can be used: history before, a whole window after, none in an earlier one's window."""
    used: list[int] = []
    for position in placed:
        if ESTIMATION <= position < stop and (not used or position >= used[-1] + sessions):
            used.append(int(position))
    return used


def kolari_pynnonen(scaled: Floats, correlation: float) -> tuple[float, float, float]:
    """Return the statistics of Boehmer et al. and Kolari & Pynnönen for events × portfolios, and the latter's two-sided p.

    With N values, mean A and deviation s: A √N / s, times √((1 - r) / (1 + (N - 1) r)), r the average correlation of all pairs
    of values: `correlation` for portfolios of one event, 0 between events. p from Student's t on events - 1.
    """
    from scipy.special import stdtr

    events, portfolios = scaled.shape
    count = events * portfolios
    plain = float(scaled.mean() * np.sqrt(count) / scaled.std(ddof=1))
    average = max(correlation, 0.0) * (portfolios - 1) / (count - 1)
    adjusted = plain * float(np.sqrt((1.0 - average) / (1.0 + (count - 1) * average)))
    return plain, adjusted, float(2.0 * stdtr(events - 1, -abs(adjusted)))


def mean_correlation(abnormal: Floats, used: Sequence[int], sessions: int) -> float:
    """Return the average correlation between portfolios' abnormal returns outside the event windows, 0 for one portfolio."""
    count = abnormal.shape[1]
    if count < 2:
        return 0.0
    outside = np.ones(len(abnormal), dtype=bool)
    for position in used:
        outside[position : position + sessions] = False
    matrix = np.corrcoef(abnormal[outside].T)
    return float((matrix.sum() - count) / (count * (count - 1)))


def random_dates(count: int, sessions: int, first: int, stop: int, draws: int, seed: int) -> npt.NDArray[np.int64]:
    """Return draws × count positions in first..stop-1, windows apart, every such set equally likely."""
    generator, free = np.random.default_rng(seed), stop - first - (count - 1) * (sessions - 1)
    drawn = generator.random((draws, free)).argpartition(count - 1, axis=1)[:, :count]
    return np.asarray(np.sort(drawn, axis=1) + first + np.arange(count) * (sessions - 1))


def _random_dates(portfolio: Floats, used: Sequence[int], sessions: int, draws: int, seed: int) -> Chance:
    """Return how often random sessions' mean is as far from the usual one as the events': two-sided, drift allowed for."""
    drawn = portfolio[random_dates(len(used), sessions, ESTIMATION, len(portfolio), draws, seed)].mean(axis=1)
    observed = float(portfolio[list(used)].mean())
    usual = (float(drawn.sum()) + observed) / (len(drawn) + 1)
    share = chance(abs(observed - usual), np.abs(drawn - usual))
    assert isinstance(share, Chance)  # drawn is neither empty nor missing: `refusal` has seen the returns
    return share
