"""The sentence that a report leads with: what came out against what, whether the signal mattered, and luck, by rules.

The rules, fixed before a sentence of it was read; of one book about forty words:
    what came out   the return out of sample, or of the whole run where there is none, and that of the declared benchmark; where
                    the benchmark ends first, both returns to its end too; "unmatched" where the benchmark is of another board
                    or sector, "in hindsight" where the basket was chosen after the window began; of several books how many beat
                    their benchmark, and the median difference
    the signal      of the whole run: "did nothing" below 0.05 points, "no difference beyond chance" where zero is in the 95%
                    interval of the difference to the twin, else "added" or "cost"; then what the basket held from the first
                    session earned beyond the twin, where that is 0.05 points or more: the cost of waiting for the first value
    luck            not judged without an audit; "not ruled out" where no registered null is beaten after correction and no
                    regime can be told from luck; else what was beaten
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from backtest.formatting import percent, points
from backtest.result import Book, RunResult
from backtest.runs.control_sentence import ROUNDS_TO_NOTHING
from backtest.statistics.refusal import Refused
from backtest.statistics.window_rank import TOLD
from backtest.thesis.windows import OUT_OF_SAMPLE, WHOLE


@dataclass(frozen=True)
class Earned:
    """What a book and its declared benchmark returned over the sessions that both have in a window.

    `benchmark` is the name, empty where there is none: then `earned` is over the whole window. `alone` is why there is no excess.
    `own_last` and `own_earned` are the book's own end and return, where that end is not `last`. `hindsight` says that the basket
    was chosen after the window began.
    """

    window: str
    last: str
    earned: float
    benchmark: str = ""
    benchmark_earned: float | None = None
    matched: bool = False
    alone: str = ""
    own_last: str = ""
    own_earned: float | None = None
    hindsight: bool = False


@dataclass(frozen=True)
class SignalEffect:
    """The book's return less its twin's with the 95% interval, and what waiting for a first value cost; None is not known."""

    difference: float | None
    interval: tuple[float, float] | None
    waiting: float | None


@dataclass(frozen=True)
class LuckFigures:
    """How many registered nulls were beaten after correction, of `nulls`; how many of the `regimes` can be told from luck."""

    beaten: int
    nulls: int
    beyond_luck: int
    regimes: int


def lead_of(result: RunResult) -> str:
    """Return the lead sentence of a run."""
    books = [book for book in result.books.values() if book.window(WHOLE).total_return is not None]
    window = OUT_OF_SAMPLE if any(book.window(OUT_OF_SAMPLE).total_return is not None for book in books) else WHOLE
    names = {ticker: row.name for ticker, row in result.names.items()}
    earned = [_earned(book, window, names) for book in books if book.window(window).total_return is not None]
    effects = [effect for book in books if (effect := _effect(book)) is not None]
    return lead_sentence(earned, effects if result.spec.signals else None, luck_figures(result))


def lead_sentence(earned: Sequence[Earned], effects: Sequence[SignalEffect] | None, luck: LuckFigures | None) -> str:
    """Return the sentence from its figures; `effects` are None without a signal, `luck` without an audit."""
    return f"{'; '.join([_came_out(earned), _mattered(effects), _of_luck(luck)])}."


def _came_out(earned: Sequence[Earned]) -> str:
    if not earned:
        return "There are no two sessions, so nothing came out"
    if len(earned) > 1:
        return _several(earned)
    (book,) = earned
    hindsight = " in hindsight" if book.hindsight else ""
    if not book.benchmark:
        return f"{_when(book.window)} (to {book.last}) it earned {percent(book.earned)}{hindsight}; it has no benchmark"
    benchmark = f"its {'' if book.matched else 'unmatched '}benchmark {book.benchmark}"
    if book.own_last:
        text = f"{_when(book.window)} it earned {percent(book.earned)} to {book.last} ({benchmark} "
        text += f"{percent(book.benchmark_earned)}) and {percent(book.own_earned)} to {book.own_last}{hindsight}"
    else:
        text = f"{_when(book.window)} (to {book.last}) it earned {percent(book.earned)}{hindsight}, "
        text += f"{benchmark} {percent(book.benchmark_earned)}"
    return f"{text}: no excess, as it {book.alone}" if book.alone else text


def _several(earned: Sequence[Earned]) -> str:
    compared = [book for book in earned if book.benchmark_earned is not None and not book.alone]
    differences = [book.earned - (book.benchmark_earned or 0.0) for book in compared]
    window, later = _when(earned[0].window), sum(book.hindsight for book in earned)
    hindsight = " in hindsight" if later == len(earned) else f" ({later} in hindsight)" if later else ""
    if not differences:
        text = f"{window} none of {len(earned)} books has an excess over its benchmark"
        return f"{text}; the median earned {_median(earned)}{hindsight}"
    beat = sum(difference > 0 for difference in differences)
    matched = sum(book.matched for book in compared)
    return (
        f"{window} {beat} of {len(differences)} books beat their benchmark ({matched} of these are matched), by "
        f"{points(median(differences))} points in the median; the median book earned {_median(earned)}{hindsight}"
    )


def _when(window: str) -> str:
    return "Over the whole run" if window == WHOLE else window.capitalize()


def _median(earned: Sequence[Earned]) -> str:
    return percent(median(book.earned if book.own_earned is None else book.own_earned for book in earned))


def _mattered(effects: Sequence[SignalEffect] | None) -> str:
    if effects is None:
        return "it reads no signal"
    known = [effect for effect in effects if effect.difference is not None]
    if not known:
        return "whether the signal mattered is not known"
    if len(known) > 1:
        clear = sum(_clear(effect) for effect in known)
        return f"over the whole run the signal made a difference beyond chance in {clear} of {len(known)} books"
    (effect,) = known
    return f"over the whole run the signal {_verb(effect)}{_size_and_waiting(effect)}"


def _clear(effect: SignalEffect) -> bool:
    """Return whether a difference is more than rounding and its interval leaves zero out."""
    return not _nothing(effect) and effect.interval is not None and not effect.interval[0] <= 0.0 <= effect.interval[1]


def _nothing(effect: SignalEffect) -> bool:
    return effect.difference is None or abs(effect.difference) < ROUNDS_TO_NOTHING


def _verb(effect: SignalEffect) -> str:
    difference = effect.difference or 0.0
    if _nothing(effect):
        return "did nothing"
    if effect.interval is None:
        return "made a difference of unknown error"
    if not _clear(effect):
        return "made no difference beyond chance"
    return f"{'added' if difference > 0 else 'cost'} {_size(difference)} points, beyond chance"


def _size_and_waiting(effect: SignalEffect) -> str:
    """Return the difference, where the verb does not say it, and what the basket from the first session had beyond the twin."""
    parts = [f"{points(effect.difference)} points"] if not (_nothing(effect) or _clear(effect)) else []
    if effect.waiting is not None and abs(effect.waiting) >= ROUNDS_TO_NOTHING:
        parts.append(f"the basket from the start: {points(effect.waiting)}")
    return f" ({'; '.join(parts)})" if parts else ""


def _of_luck(luck: LuckFigures | None) -> str:
    if luck is None:
        return "luck was not judged (run --audit)"
    if not luck.beaten and not luck.beyond_luck:
        return "luck is not ruled out"
    beyond = f"{luck.beyond_luck} of {luck.regimes} regimes can be told from luck"
    return f"it beats {luck.beaten} of {luck.nulls} nulls, and {beyond}" if luck.nulls else f"{beyond}, no null was run"


def _size(value: float) -> str:
    return percent(abs(value), sign=False).removesuffix("%")


def _earned(book: Book, window: str, names: dict[str, str]) -> Earned:
    figures = book.window(window)
    span = book.benchmark_windows.get(book.declared or "", {}).get(window)
    later = bool(figures.hindsight)
    if span is None or span.total_return is None or span.book_return is None:
        return Earned(window, str(figures.last), figures.total_return or 0.0, hindsight=later)
    alone = span.excess.reason if isinstance(span.excess, Refused) else ""
    name = names.get(str(book.declared), str(book.declared))
    both = Earned(window, str(span.last), span.book_return, name, span.total_return, span.matched, alone, hindsight=later)
    return both if span.last == figures.last else replace(both, own_last=str(figures.last), own_earned=figures.total_return)


def _effect(book: Book) -> SignalEffect | None:
    control = book.control
    if control is None:
        return None
    if isinstance(control.twin, Refused):
        return SignalEffect(None, None, None)
    twin, from_start = control.twin[WHOLE], control.from_start[WHOLE]
    interval = None if isinstance(twin.interval, Refused) else twin.interval
    both = twin.total_return is not None and from_start.total_return is not None
    return SignalEffect(
        twin.difference, interval, (from_start.total_return or 0.0) - (twin.total_return or 0.0) if both else None
    )


def luck_figures(result: RunResult) -> LuckFigures | None:
    """Return what an audit found of luck; None where it was not run, or judged nothing."""
    audit = result.audit
    if audit is None or (audit.window_ranks is None and audit.nulls is None):
        return None
    ranks = [rank for book in (audit.window_ranks or {}).values() for rank in book.values() if not isinstance(rank, Refused)]
    tests = audit.nulls.tests.values() if audit.nulls else ()
    registered = [test for test in tests if not isinstance(test, Refused) and test.stands is not None]
    return LuckFigures(
        beaten=sum(bool(test.stands) for test in registered),
        nulls=len(registered),
        beyond_luck=sum(rank.luck == TOLD for rank in ranks),
        regimes=len(ranks),
    )
