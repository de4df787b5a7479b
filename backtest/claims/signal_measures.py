"""Measures of a quarterly signal: how its value changed, and in how many quarters it, or its parts, lay above zero."""

from collections.abc import Iterable, Sequence

import numpy as np

from backtest.calendars import parse_quarter, quarter_label
from backtest.claims.measurement import Change, Known, Measurement, Signs
from backtest.claims.spans import Quarter, held_back
from backtest.errors import ConfigurationError, near_miss
from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals import QuarterlySignal, Reading, load_signals, readings
from backtest.thesis import Thesis

SignalName = str  # looked up in the thesis when its claims are loaded


def trend(
    panel: Panel,
    signal: SignalName,
    since: Quarter | None = None,
    over: int | None = None,
    part: str | None = None,
) -> Measurement:
    """Change of a signal's value (or one of its parts) from `since`, or over some quarters, to its latest quarter.

    From the later of the two where both are given.
    """
    known = panel.cached(_readings, signal)
    if not known:
        return Measurement(None, since, missing=(f"any quarter of {signal}",))
    _check_parts(known, signal, [part] if part else [])
    last = list(known)[-1]
    newest = Known(last, known[last].inputs)
    ago = quarter_label(parse_quarter(last) - (over or 0)) if over or not since else ""
    first = max(since or "", ago)
    if first not in known or first >= last:
        return Measurement(None, first, missing=(f"{signal} {first} and a later quarter",), known=newest)
    ends = [known[quarter].parts.get(part, np.nan) if part else known[quarter].value for quarter in (first, last)]
    if not np.isfinite(ends).all():
        return Measurement(None, last, missing=(f"{part} of {signal} in {first} and {last}",), known=newest)
    return Measurement(
        float(ends[1] - ends[0]),
        last,
        known[first].inputs + known[last].inputs,
        details=Change(float(ends[0]), float(ends[1])),
        first=first,
        held_back=_held_back(panel, known[last].inputs, last),
        known=newest,
    )


def positive(panel: Panel, signal: SignalName, since: Quarter, parts: Sequence[str] = ()) -> Measurement:
    """Share of a signal's quarters from `since` in which its value (or every one of some parts) is above zero.

    By how much: the smallest value (or part) of any quarter.
    """
    every = panel.cached(_readings, signal)
    newest = Known(list(every)[-1], list(every.values())[-1].inputs) if every else None
    known = {quarter: reading for quarter, reading in every.items() if quarter >= since}
    if not known:
        return Measurement(None, since, missing=(f"any quarter of {signal} since {since}",), known=newest)
    _check_parts(known, signal, parts)

    def lowest(reading: Reading) -> float:
        return min([reading.parts[part] for part in parts], default=reading.value)

    failing = [quarter for quarter, reading in known.items() if not lowest(reading) > 0]
    inputs = dict.fromkeys(fact for reading in known.values() for fact in reading.inputs)
    shares = {part: float(np.mean([reading.parts[part] > 0 for reading in known.values()])) for part in parts}
    last = list(known)[-1]
    return Measurement(
        1.0 - len(failing) / len(known),
        last,
        tuple(inputs),
        details=Signs(tuple(failing), shares),
        first=next(iter(known)),
        held_back=_held_back(panel, known[last].inputs, last),
        margin=float(min(lowest(reading) for reading in known.values())),
        known=newest,
    )


def _readings(panel: Panel, signal: SignalName) -> dict[str, Reading]:
    return readings(_named(panel.cached(_quarterly), signal), panel)


def _quarterly(panel: Panel) -> dict[str, QuarterlySignal]:
    return _of(panel.thesis)


def quarterly(thesis: Thesis, name: str) -> QuarterlySignal:
    """Return a quarterly signal of a thesis by name; ConfigurationError with a near miss for none."""
    return _named(_of(thesis), name)


def _of(thesis: Thesis) -> dict[str, QuarterlySignal]:
    """Return the quarterly signals of a thesis by name."""
    return {own: signal for own, signal in load_signals(thesis).items() if isinstance(signal, QuarterlySignal)}


def _named(known: dict[str, QuarterlySignal], name: str) -> QuarterlySignal:
    if name not in known:
        raise ConfigurationError(near_miss("quarterly signal", name, list(known)))
    return known[name]


def _check_parts(known: dict[str, Reading], signal: str, parts: Sequence[str]) -> None:
    """Raise ConfigurationError with a near miss for a part that no reading of a signal has; without a reading none is known."""
    names = sorted({name for reading in known.values() for name in reading.parts})
    for part in parts:
        if names and part not in names:
            raise ConfigurationError(near_miss(f"part of {signal}", part, names))


def _held_back(panel: Panel, inputs: Iterable[Fact], last: str) -> tuple[str, ...]:
    """Return the series behind a quarter's value that end with it while others go on; chips have no quarters of their own."""
    series = [(fact.entity, fact.metric) for fact in inputs]
    return held_back(panel, [each for each in series if panel.last_quarter(each) is not None], parse_quarter(last))
