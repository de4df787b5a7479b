"""What a run says of its signal in sentences: whether it did anything, and what waiting for its first value cost.

The rules, fixed before any result was read; returns are those of the whole run, points are percentage points of return:
    what it did     how often it switched, when, and how much of the time after its first value it was on
    whether that    "did nothing" where book and twin differ by less than 0.05 points, as whole lots make them; "no difference
    mattered        that can be told from chance" where zero is in the 95% interval of their difference; else "added" or "cost"
    what waiting    the basket from the first session less the twin: both hold it on all sessions on which the signal has a
    cost            value, so that what is between them is what happened before, or later while it had none
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backtest.formatting import number, percent, points
from backtest.result import ControlWindow
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import OUT_OF_SAMPLE, WHOLE

NO_SIGNAL = "The strategy reads no signal, so there is no control to compare it with."
ROUNDS_TO_NOTHING = 0.0005  # of a return: less than 0.05 points


@dataclass(frozen=True)
class Activity:
    """What a signal did in a run: see `result.Control`; `gaps` says whether it had no value again after its first."""

    switches: int
    time_on: float | None
    first_value: str | None
    first_change: str | None
    last_change: str | None
    gaps: bool = False


@dataclass(frozen=True)
class Wording:
    """How a kind of weighting speaks of its signal: a share of time or of the book ("{}"), its twin, and a switch."""

    on: str
    twin: str = "with the signal on wherever it has a value"
    switched: str = "switched"


GATE = Wording("it was on {} of the time")
EXPOSURE = Wording("it asked for {} of the book on average", switched="changed its share")
ROTATION = Wording("it held some theme {} of the time", "over all themes in equal parts", "changed its themes")


def control_sentence(
    acted: Activity | None,
    earned: Mapping[str, float | None],
    twin: Mapping[str, ControlWindow] | Refused,
    from_start: Mapping[str, ControlWindow],
    wording: Wording = GATE,
) -> str:
    """Return what a book's signal did, whether it mattered and what waiting for it cost; `earned` is the book's by window."""
    if acted is None or isinstance(twin, Refused):
        reason = twin.reason if isinstance(twin, Refused) else "no activity"
        basket = percent(from_start[WHOLE].total_return)
        return (
            f"Whether the signal mattered is not known: {reason}. The book earned {percent(earned[WHOLE])}, the basket held from "
            f"the first session {basket}."
        )
    parts = [
        activity_sentence(acted, wording),
        _mattered(earned[WHOLE], twin[WHOLE], wording),
        _waiting(acted, twin[WHOLE], from_start[WHOLE]),
    ]
    return " ".join([*parts, *_out_of_sample(earned, twin, from_start, wording)])


def activity_sentence(acted: Activity, wording: Wording) -> str:
    """Return how often a signal switched, when, and how much of the time after its first value it was on."""
    if acted.first_value is None:
        return "The signal never had a value."
    on = wording.on.format(percent(acted.time_on, 0, sign=False))
    if acted.switches == 0 and acted.gaps:
        return f"The signal never {wording.switched} while it had a value; {on} since its first ({acted.first_value})."
    if acted.switches == 0:
        state = {0.0: "off", 1.0: "on"}.get(acted.time_on or 0.0, f"at {percent(acted.time_on, 0, sign=False)}")
        return f"The signal never {wording.switched}: it was {state} from its first value ({acted.first_value}) to the end."
    when = f"once ({acted.first_change}) and never again"
    if acted.switches > 1:
        when = f"{number(acted.switches, 0)} times ({acted.first_change} to {acted.last_change})"
    return f"The signal {wording.switched} {when}; {on} since its first value ({acted.first_value})."


def _mattered(earned: float | None, twin: ControlWindow, wording: Wording) -> str:
    if earned is None or twin.difference is None:
        return "There are no two sessions to compare."
    both = f"the book earned {percent(earned)}, the same book {wording.twin} {percent(twin.total_return)}"
    if abs(twin.difference) < ROUNDS_TO_NOTHING:
        return f"It did nothing: {both}."
    if twin.interval is None or isinstance(twin.interval, Refused):
        reason = twin.interval.reason if isinstance(twin.interval, Refused) else "no interval"
        return f"Whether it mattered cannot be told ({reason}): {both}."
    lower, upper = twin.interval
    bounds = f"95% from {points(lower)} to {points(upper)} points"
    if lower <= 0.0 <= upper:
        return f"It made no difference that can be told from chance: {both} ({points(twin.difference)} points, {bounds})."
    verb = "added" if twin.difference > 0 else "cost"
    return f"It {verb} {_size(twin.difference)} points: {both} ({bounds})."


def _waiting(acted: Activity, twin: ControlWindow, from_start: ControlWindow) -> str:
    if twin.total_return is None or from_start.total_return is None:
        return ""
    cost = from_start.total_return - twin.total_return
    basket = f"the basket held from the first session earned {percent(from_start.total_return)}"
    what = "waiting for its first value"
    if acted.first_value is None or acted.gaps:
        what = "having no value" if acted.first_value is None else "having no value at first or later"
    if abs(cost) < ROUNDS_TO_NOTHING:
        return f"{what.capitalize()} cost nothing: {basket}."
    return f"{what.capitalize()} {'cost' if cost > 0 else 'gained'} {_size(cost)} points: {basket}."


def _out_of_sample(
    earned: Mapping[str, float | None],
    twin: Mapping[str, ControlWindow],
    from_start: Mapping[str, ControlWindow],
    wording: Wording,
) -> Iterator[str]:
    if earned.get(OUT_OF_SAMPLE) is not None:
        returns = (earned[OUT_OF_SAMPLE], twin[OUT_OF_SAMPLE].total_return, from_start[OUT_OF_SAMPLE].total_return)
        book, always, basket = map(percent, returns)
        yield f"Out of sample: {book}, {always} {wording.twin}, {basket} the basket."


def _size(value: float) -> str:
    return percent(abs(value), sign=False).removesuffix("%")
