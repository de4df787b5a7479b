"""How far a quarterly signal stays behind what is published: by whom, since when, and what the names that are known would say.

The rules, fixed before any result was read:
    held back    a quarter later than the signal's latest complete one would be complete but for some series, fewer than those
                 of the quarter that are known; of such quarters the newest counts
    by whom      the series without which it is not: each in turn is left empty while the others are given a figure
    since when   the publication of the last of those that are known: from then on these alone were missing
    nowcast      the signal's value of that quarter from the names that are known, the same in all quarters, where every role
                 keeps at least half of its names; beside it stands what the same names say of the quarter in use
No decision reads any of it: a signal is called with the whole panel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from backtest.calendars import quarter_label
from backtest.errors import BacktestError
from backtest.facts import SeriesKey
from backtest.guard import attempt
from backtest.panel import Panel
from backtest.signals import QuarterlySignal, Signal, latest
from backtest.thesis import Thesis


@dataclass(frozen=True)
class Staleness:
    """A signal that is held back: its `quarter` in use and that quarter's `value`, and the later quarter it waits for.

    `missing` are the series ("ENTITY metric") that hold it back, `known` how many of `of` series of the quarter it waits for are
    published, `since` when the last of those was. `nowcast` is the value of that quarter from the names that are known, and
    `matched` that of the quarter in use from the same names; both None where a role would keep less than half of its names.
    """

    quarter: str
    value: float
    waits_for: str
    missing: tuple[str, ...]
    known: int
    of: int
    since: str
    nowcast: float | None
    matched: float | None


@dataclass(frozen=True)
class _OtherPanel(Panel):
    """A panel that leaves some series out of every role, or gives some a figure of a quarter that they have none of.

    It notes which series are read, by role or entities and metric.
    """

    known: Panel = field(kw_only=True)
    left_out: frozenset[SeriesKey] = frozenset()
    filled: frozenset[SeriesKey] = frozenset()
    quarter: int = 0
    roles: dict[tuple[object, str], tuple[SeriesKey, ...]] = field(default_factory=dict)

    def series(self, group: str | tuple[str, ...], metric: str = "") -> tuple[SeriesKey, ...]:
        """Return the series of a role, or one metric's series of some entities, but those left out."""
        every = super().series(group, metric)
        self.roles[group, metric] = every
        return tuple(key for key in every if key not in self.left_out)

    def matrix(self, series: Sequence[SeriesKey]) -> np.ndarray:
        """Return quarters × series as known, with a figure where one is given: the series' last, for any number would do."""
        table = self.known.matrix(series)
        columns = [column for column, key in enumerate(series) if key in self.filled]
        if not columns:
            return table
        table = table.copy()
        for column in columns:
            own = table[np.isfinite(table[:, column]), column]
            table[self.quarter - int(self.quarters[0]), column] = own[-1] if len(own) else np.nan
        return table


def staleness(signal: QuarterlySignal, panel: Panel) -> Staleness | None:
    """Return who holds a signal back as known on a panel and what it would say, or None where nobody does."""
    whole = _other(panel)
    values = _values(signal, whole)
    position = latest(values)
    if position is None:
        return None
    series = tuple(dict.fromkeys(key for keys in whole.roles.values() for key in keys))
    for later in reversed(range(position + 1, len(values))):
        quarter = int(panel.quarters[later])
        known = [fact for key in series if (fact := panel.fact(key, quarter)) is not None]
        missing = _needed(signal, panel, quarter, [key for key in series if panel.fact(key, quarter) is None])
        if missing and len(missing) < len(known):
            nowcast, matched = _nowcast(signal, panel, whole.roles, missing, (later, position))
            return Staleness(
                quarter=quarter_label(int(panel.quarters[position])),
                value=float(values[position]),
                waits_for=quarter_label(quarter),
                missing=tuple(f"{entity} {metric}" for entity, metric in missing),
                known=len(known),
                of=len(known) + len(missing),
                since=max(known, key=lambda fact: fact.known_at).published,
                nowcast=nowcast,
                matched=matched,
            )
    return None


def sentence(name: str, row: Staleness) -> str:
    """Return what holds a signal back, since when, and what the names that are known would say."""
    single, missing = len(row.missing) == 1, " and ".join(row.missing)
    text = (
        f"{name} is held back: decisions use its value of {row.quarter} ({_signed(row.value)}), because {missing} of "
        f"{row.waits_for} {'is' if single else 'are'} missing, while the other "
        f"{row.known} of {row.of} series are public since {row.since}."
    )
    if row.nowcast is None:
        return f"{text} No nowcast: without {'it' if single else 'them'} a part of the signal has too few names left."
    same = "" if row.matched is None else f", where they gave {_signed(row.matched)} for {row.quarter}"
    return f"{text} Nowcast of {row.waits_for} from the names that are known: {_signed(row.nowcast)}{same}; no decision uses it."


def signals_read(signals: Sequence[Signal], names: Sequence[str], thesis: Thesis) -> tuple[str, ...]:
    """Return the quarterly signals that decisions rest on: a strategy's own, and every trend where one of them reads loadings."""
    trends = [row.trend for row in thesis.loadings] if any(getattr(signal, "loaded", False) for signal in signals) else []
    own = [name for name, signal in zip(names, signals, strict=True) if isinstance(signal, QuarterlySignal)]
    return tuple(dict.fromkeys([*own, *trends]))


def _needed(signal: QuarterlySignal, panel: Panel, quarter: int, missing: Sequence[SeriesKey]) -> tuple[SeriesKey, ...]:
    """Return the missing series without which a quarter has no value; none where it would have none with all of them."""

    def complete(filled: Iterable[SeriesKey]) -> bool:
        values = _tried(signal, _other(panel, filled=frozenset(filled), quarter=quarter))
        return bool(np.isfinite(values[quarter - int(panel.quarters[0])]))

    if not missing or not complete(missing):
        return ()
    return tuple(key for key in missing if not complete(other for other in missing if other != key))


def _nowcast(
    signal: QuarterlySignal,
    panel: Panel,
    roles: dict[tuple[object, str], tuple[SeriesKey, ...]],
    missing: tuple[SeriesKey, ...],
    positions: tuple[int, int],
) -> tuple[float | None, float | None]:
    """Return a signal's value of two quarters without some series; None where a role would lose too much."""
    for (group, _), keys in roles.items():
        lost = len(set(missing).intersection(keys))
        labelled = isinstance(group, str) and bool(panel.thesis.role(group).labels)  # which stand for the series one by one
        if lost and (labelled or 2 * lost > len(keys)):
            return None, None
    values = _tried(signal, _other(panel, frozenset(missing)))
    later, position = (float(values[at]) if np.isfinite(values[at]) else None for at in positions)
    return later, position


def _other(
    panel: Panel, left_out: frozenset[SeriesKey] = frozenset(), filled: frozenset[SeriesKey] = frozenset(), quarter: int = 0
) -> _OtherPanel:
    tables = {name: getattr(panel, name) for name in ("rows", "accelerators", "prices", "names", "thesis", "ranges")}
    other = _OtherPanel(panel.moment, **tables, known=panel, left_out=left_out, filled=filled, quarter=quarter)
    object.__setattr__(other, "_figures", panel._figures)
    return other


def _tried(signal: QuarterlySignal, panel: _OtherPanel) -> np.ndarray:
    """Return a signal's values on a panel that is not what was known; none where it cannot do with that."""
    try:
        return _values(signal, panel)
    except BacktestError:
        return np.full(len(panel.quarters), np.nan)


def _values(signal: QuarterlySignal, panel: Panel) -> np.ndarray:
    return attempt(f"values of signal {type(signal).__name__}", lambda: signal.values(panel.copy()))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
