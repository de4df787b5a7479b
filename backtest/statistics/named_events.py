"""Which events moved portfolios in a span: the span's event study, and the rank of each event among ordinary sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.statistics.events import ESTIMATION, EventStudy, event_study, windows
from backtest.statistics.nulls import Chance, chance, holm
from backtest.statistics.refusal import Refused, refusal

LEVEL = 0.05  # of the family of a span's events, after Holm
FEWEST_ORDINARY = 100


@dataclass(frozen=True)
class NamedEvent:
    """One session of events: the mean abnormal return of the portfolios (a fraction), it in their ordinary deviations, its rank.

    `p` is two-sided, from the ordinary sessions, at least 1 / (1 + their number); `adjusted` is after Holm over the span's.
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
    """The event study of a span's events together, and each of them, the most unusual first; `ordinary` sessions to compare."""

    together: EventStudy | Refused
    events: tuple[NamedEvent, ...]
    ordinary: int


def span_study(
    abnormal: pd.DataFrame, events: Sequence[pd.Timestamp], first: pd.Timestamp, last: pd.Timestamp, seed: int
) -> SpanStudy | Refused:
    """Return the study of the events between two days, both included, on abnormal returns (session × portfolio).

    An event counts as unusual where the mean of the portfolios' abnormal returns, each over its deviation in the 120 sessions
    before, lies farther from the ordinary mean than that of ordinary sessions: those of the whole table, 120 sessions after its
    start, on which no event falls. `events` are all that are known, in the span and outside. For the events together pseudo-dates
    are drawn from the span, so that the drift of a good span is not taken for their work. Refused below 100 ordinary sessions.
    """
    index = pd.DatetimeIndex(abnormal.index)
    values = abnormal.to_numpy(float)
    if refused := refusal(values, ESTIMATION + FEWEST_ORDINARY):
        return refused
    scaled = windows(values, 1)[1].mean(axis=1)
    rows = index.get_indexer(pd.DatetimeIndex(sorted(set(events))))
    ordinary = np.setdiff1d(np.arange(ESTIMATION, len(index)), rows)
    if len(ordinary) < FEWEST_ORDINARY:
        return Refused(f"{len(ordinary)} sessions without an event; expected at least {FEWEST_ORDINARY}", len(ordinary))
    start, stop = index.searchsorted(first), index.searchsorted(last, side="right")
    own = [int(row) for row in rows if max(start, ESTIMATION) <= row < stop]
    sample = abnormal.iloc[max(start - ESTIMATION, 0) : stop]
    together = event_study(sample, pd.Series(0.0, sample.index), [index[row] for row in own], seed)
    return SpanStudy(together, _ranked(values, scaled, own, ordinary, index), len(ordinary))


def _ranked(
    values: np.ndarray, scaled: np.ndarray, own: Sequence[int], ordinary: np.ndarray, index: pd.DatetimeIndex
) -> tuple[NamedEvent, ...]:
    """Return the events by their distance from the ordinary mean, the farthest first."""
    usual = float(scaled[ordinary].mean())
    apart = np.abs(scaled[ordinary] - usual)
    by_row = {row: chance(abs(float(scaled[row]) - usual), apart) for row in own}
    p_values = {str(row): share.p for row, share in by_row.items() if isinstance(share, Chance)}
    adjusted = holm(p_values).adjusted
    order = sorted(own, key=lambda row: -abs(float(scaled[row]) - usual))
    return tuple(
        NamedEvent(
            session=index[row],
            abnormal=float(values[row].mean()),
            deviations=float(scaled[row]),
            p=p_values[str(row)],
            adjusted=adjusted[str(row)],
        )
        for row in order
    )
