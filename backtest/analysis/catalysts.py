"""What carried a window's return: an event study of the thesis's dated events, on each market's own first session after each."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.analysis.abnormal import MarketReturns, complete
from backtest.facts import Facts
from backtest.formatting import number, percent
from backtest.prices import Prices
from backtest.statistics.events import EventStudy
from backtest.statistics.named_events import LEVEL, NamedEvent, least_adjusted, span_study
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import SAMPLES, Window, whole_run
from backtest.universe import Universe

LARGEST = 3  # named of each window and market
LEAST_RETURN = 0.05  # log points of a window's return below which a share of it means nothing
# The hour, in an event's own time zone, from which a session may react to it; a row without it counts from its known_at.
HOURS = {"in session or pre-market": 9.5, "after close": 16.0, "non-trading or overnight for US": 12.0}
PREVIEW = "preview"  # the item of a range that says how a period went before its figures do
EVENING = 20.0  # of a day in America that is over: what came overnight there


@dataclass(frozen=True)
class Catalyst:
    """A session on which events could first act: their names, and the baskets' mean abnormal log return.

    `deviations` is that in ordinary deviations, `p` its two-sided rank among all other sessions, `adjusted` after Holm over the
    window's events; `baskets` has the abnormal return of each.
    """

    session: str
    events: tuple[str, ...]
    abnormal: float
    deviations: float
    p: float
    adjusted: float
    distinguishable: bool
    baskets: dict[str, float]


@dataclass(frozen=True)
class EventTest:
    """A window's events together: mean abnormal log return, Kolari and Pynnönen's t and p, and p from pseudo-dates."""

    abnormal: float
    t: float
    p: float
    p_random: float
    least: float
    correlation: float
    n: int


@dataclass(frozen=True)
class Catalysts:
    """A window on one market: its return (mean log return of the baskets) and what of it fell on sessions of events.

    `last` is the last session on which every basket is priced; `left_out` are those without a return on every session needed.
    `share` is None where the return is below 0.05. `compared` sessions are those that events are ranked among.
    `distinguishable` counts the sessions of events that are unlike other sessions; `largest` are the most unusual three.
    `sentence` says all this by rules from these figures.
    """

    sentence: str
    baskets: tuple[str, ...]
    left_out: tuple[str, ...]
    last: str
    sessions: int
    event_sessions: int
    events: int
    total: float
    on_events: float
    share: float | None
    abnormal_total: float
    abnormal_on_events: float
    together: EventTest | Refused
    distinguishable: int
    largest: tuple[Catalyst, ...]
    compared: int

    @property
    def least(self) -> float:
        """The least p after Holm that an event could have: above 0.05 none can be told from other sessions."""
        return least_adjusted(self.event_sessions, self.compared)


WindowCatalysts = dict[str, dict[str, Catalysts | Refused]]  # by window and market


def catalysts(
    facts: Facts, prices: Prices, universe: Universe, returns: Mapping[str, MarketReturns | None], windows: Sequence[Window]
) -> WindowCatalysts:
    """Return the study of every named window on every market of some baskets, of events known by the end of the run.

    returns: those of the baskets by market, as `abnormal.returns_by_market` gives them.
    """
    if not windows:
        return {}
    last = whole_run(windows).end
    moments = pd.concat([reaction_moments(facts.events, last), preview_moments(facts.ranges, universe, last)])
    if moments.empty:
        return {}
    studies: WindowCatalysts = {window.name: {} for window in windows if window.name not in SAMPLES}
    for market, own in returns.items():
        sessions = first_sessions(moments, prices, market)
        for window in windows:
            if window.name in studies:
                nothing = Refused("no fund of the market to compare with is priced", 0)
                studies[window.name][market] = _window(own, sessions, window) if own else nothing
    return studies


def reaction_moments(events: pd.DataFrame, last: pd.Timestamp) -> pd.Series:
    """Return event → the moment after which a session's close could show it, for events known by the end of a day.

    An event whose day alone is known gets an hour by what its row says of the session; without a word of it, the moment at
    which it became known. This is for measuring what happened: no decision reads it.
    """
    known = events[events["known_at"] <= _end_of(last)]
    moments = [_moment(row) for row in known.to_dict("records")]
    return pd.Series(pd.DatetimeIndex(moments, tz="UTC"), [str(name) for name in known["event"]], name="moment")


def preview_moments(ranges: pd.DataFrame, universe: Universe, last: pd.Timestamp) -> pd.Series:
    """Return event → moment of what suppliers let be known of a period before its figures, by the end of a day."""
    names = {row.ticker: row.name for row in universe.suppliers}
    known = ranges[(ranges["known_at"] <= _end_of(last)) & (ranges["item"] == PREVIEW) & ranges["subject"].isin(names)]
    texts = [
        f"{names[str(row['subject'])]}: {PREVIEW} of {str(row['metric']).replace('_', ' ')}, {row['period']}"
        for row in known.to_dict("records")
    ]
    return pd.Series(pd.DatetimeIndex(known["known_at"]), texts, name="moment")


def _end_of(day: pd.Timestamp) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1)


def _moment(row: Mapping[object, object]) -> pd.Timestamp:
    known, session, zone = pd.Timestamp(row["known_at"]), str(row.get("session", "")), str(row.get("time_zone", ""))  # type: ignore[arg-type]
    if known != known.normalize() or session not in HOURS or not zone:
        return known
    day = (known - pd.Timedelta(1, unit="ns")).tz_localize(None).normalize()
    hour = EVENING if session.startswith("non-trading") and zone.startswith("America/") else HOURS[session]
    return (day + pd.Timedelta(hours=hour)).tz_localize(zone).tz_convert("UTC")


def first_sessions(moments: pd.Series, prices: Prices, market: str) -> dict[pd.Timestamp, list[str]]:
    """Return the sessions of a market that were the first to close after an event, each with its events, oldest first."""
    closes = prices.closes[market]
    sessions: dict[pd.Timestamp, list[str]] = {}
    for name, moment in moments.sort_values(kind="stable").items():
        row = int(closes.searchsorted(moment, side="right"))
        if row < len(closes):
            sessions.setdefault(closes.index[row], []).append(str(name))
    return sessions


def _window(returns: MarketReturns, events: Mapping[pd.Timestamp, Sequence[str]], window: Window) -> Catalysts | Refused:
    abnormal, last, left_out = complete(returns.abnormal, window.start, window.end)
    index = pd.DatetimeIndex(returns.baskets.index)
    inside = np.asarray((index >= window.start) & (index <= last))
    if not inside.any():
        return Refused("no session of the market in the window", 0)
    if abnormal.empty:
        return Refused("no basket has a return on every session from 120 before the window on", int(inside.sum()))
    name = f"{window.name}/{returns.market}/{list(abnormal.columns)}"
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    study = span_study(abnormal, list(events), window.start, last, seed)
    if isinstance(study, Refused):
        return study
    named = tuple(_catalyst(event, events[event.session], abnormal) for event in study.events)
    own, excess = returns.baskets[abnormal.columns].mean(axis=1)[inside], returns.abnormal[abnormal.columns].mean(axis=1)[inside]
    days = pd.DatetimeIndex([event.session for event in study.events])
    total, on_events = float(own.sum()), float(own.reindex(days).sum())
    share = on_events / total if abs(total) >= LEAST_RETURN else None
    sessions = int(inside.sum())
    return Catalysts(
        sentence=_sentence(share, total, sessions, study.sessions, named),
        baskets=tuple(abnormal.columns),
        left_out=left_out,
        last=f"{index[inside][-1]:%Y-%m-%d}",
        sessions=sessions,
        event_sessions=len(days),
        events=sum(len(events[day]) for day in days),
        total=total,
        on_events=on_events,
        share=share,
        abnormal_total=float(excess.sum()),
        abnormal_on_events=float(excess.reindex(days).sum()),
        together=tested(study.together),
        distinguishable=sum(event.distinguishable for event in study.events),
        largest=named[:LARGEST],
        compared=study.sessions,
    )


def _sentence(share: float | None, total: float, sessions: int, compared: int, named: Sequence[Catalyst]) -> str:
    """Return what of a window's return fell on sessions of events, and which are unlike others, or that this cannot be told."""
    if not named:
        return f"No event has its first session among the {sessions} of the window."
    days = f"{len(named)} of {sessions} sessions ({percent(len(named) / sessions, 0, sign=False)})"
    part = f"{percent(share, 0, sign=False)} of the return" if share is not None else "No share of the return (it is near zero)"
    text = f"{part} of {number(total)} log points fell on the {days} that were the first to close after an event."
    unusual = [event for event in named if event.distinguishable]
    least = least_adjusted(len(named), compared)
    floor = f"least possible p {number(least, 3)}"
    if least > LEVEL:
        return f"{text} Whether any is unlike other sessions cannot be told: {len(named)} event sessions, {floor}."
    if not unusual:
        return f"{text} None of them is distinguishable from other sessions ({floor})."
    shown = "; ".join(f"{event.session} ({event.events[0]}) {percent(event.abnormal)}" for event in unusual[:LARGEST])
    return f"{text} Distinguishable from other sessions: {len(unusual)}, {shown}."


def tested(study: EventStudy | Refused) -> EventTest | Refused:
    """Return what a result keeps of an event study."""
    if isinstance(study, Refused):
        return study
    return EventTest(
        abnormal=study.abnormal,
        t=study.t,
        p=study.p,
        p_random=study.random.p,
        least=study.random.least,
        correlation=study.correlation,
        n=study.degrees + 1,
    )


def _catalyst(event: NamedEvent, names: Sequence[str], abnormal: pd.DataFrame) -> Catalyst:
    return Catalyst(
        session=f"{event.session:%Y-%m-%d}",
        events=tuple(names),
        abnormal=event.abnormal,
        deviations=event.deviations,
        p=event.p,
        adjusted=event.adjusted,
        distinguishable=event.distinguishable,
        baskets={str(name): float(abnormal[name][event.session]) for name in abnormal.columns},
    )
