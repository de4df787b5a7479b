"""Which events moved portfolios in a span: the span's event study, and the rank of each event among all sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.events import ESTIMATION, EventStudy, event_study, windows
from backtest.statistics.nulls import Chance, chance, holm
from backtest.statistics.refusal import Floats, Refused, refusal

LEVEL = 0.05  # of the family of a span's events, after Holm
FEWEST_SESSIONS = 100


@dataclass(frozen=True)
class NamedEvent:
    """One session of events: the mean abnormal return of the portfolios (a fraction), it in their ordinary deviations, its rank.

    `p` is two-sided, from all other sessions, at least 1 / (1 + their number); `adjusted` is after Holm over the span's.
    """

    session: pd.Timestamp
    abnormal: float
    deviations: float
    p: float
    adjusted: float

    @property
    def distinguishable(self) -> bool:
        """Whether such a session would be unusual although the span's other events were looked at too."""
        return self.adjusted <= LEVEL


@dataclass(frozen=True)
class SpanStudy:
    """The event study of a span's events together, and each of them, the most unusual first, and `sessions` to compare."""

    together: EventStudy | Refused
    events: tuple[NamedEvent, ...]
    sessions: int


def least_adjusted(events: int, sessions: int) -> float:
    """Return the least p after Holm that any of some events can have, ranked among so many sessions: 57 among 985 have 0.058."""
    return min(1.0, events / sessions)


def span_study(
    abnormal: pd.DataFrame, events: Sequence[pd.Timestamp], first: pd.Timestamp, last: pd.Timestamp, seed: int
) -> SpanStudy | Refused:
    """Return the study of those events that fall between two days, both included, on abnormal returns (session × portfolio).

    An event counts as unusual where the mean of the portfolios' abnormal returns, each over its deviation in the 120 sessions
    before, lies farther from the mean of all sessions than that of other sessions: those of the whole table, 120 sessions after
    its start, other events among them, so that no event's p depends on which others are known. For the events together
    pseudo-dates are drawn from the span: the drift of a good span is not taken for their work. Refused below 100 sessions.
    """
    index = pd.DatetimeIndex(abnormal.index)
    values = abnormal.to_numpy(float)
    if refused := refusal(values, ESTIMATION + FEWEST_SESSIONS):
        return refused
    scaled = windows(values, 1)[1].mean(axis=1)
    start, stop = int(index.searchsorted(first)), int(index.searchsorted(last, side="right"))
    rows = index.get_indexer(pd.DatetimeIndex(sorted(set(events))))
    own = [int(row) for row in rows if max(start, ESTIMATION) <= row < stop]
    sample = abnormal.iloc[max(start - ESTIMATION, 0) : stop]
    together = event_study(sample, pd.Series(0.0, sample.index), [index[row] for row in own], seed)
    return SpanStudy(together, _ranked(values, scaled, own, index), len(index) - ESTIMATION)


def _ranked(values: Floats, scaled: Floats, own: Sequence[int], index: pd.DatetimeIndex) -> tuple[NamedEvent, ...]:
    """Return the events by their distance from the mean of all sessions, the farthest first."""
    apart = np.abs(scaled[ESTIMATION:] - scaled[ESTIMATION:].mean())
    shares = {row: chance(float(apart[row - ESTIMATION]), np.delete(apart, row - ESTIMATION)) for row in own}
    p_values = {str(row): share.p for row, share in shares.items() if isinstance(share, Chance)}
    adjusted = holm(p_values).adjusted
    return tuple(
        NamedEvent(
            session=index[row],
            abnormal=float(values[row].mean()),
            deviations=float(scaled[row]),
            p=p_values[str(row)],
            adjusted=adjusted[str(row)],
        )
        for row in sorted(own, key=lambda row: -apart[row - ESTIMATION])
    )
