"""What moved prices: what of each named window's return fell on sessions of events, and the most unusual of them."""

from collections.abc import Iterator, Sequence

import pandas as pd

from backtest.analysis.catalysts import Catalyst, Catalysts, WindowCatalysts
from backtest.formatting import DASH, counted, number, percent
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import listed, plain, regimes
from backtest.report.sections import surprises
from backtest.result import Book, RunResult
from backtest.statistics.named_events import LEVEL
from backtest.statistics.refusal import Refused

HOW = (
    "Dated events of the thesis, each on a market's first session to close after it; abnormal is a basket's log return less that "
    "of the first fund of the market that it declares. Whether a session is unusual is judged among all others, after Holm's "
    "correction for the window's events; an event without an hour may lie a session off, "
    "and a preview of profit that has a date alone counts one session late."
)


def section(result: RunResult) -> Section | None:
    """Return the study of the named windows; None where no event is known."""
    if not result.catalysts:
        return None
    return Section("catalysts", "Catalysts", tuple(_blocks(result)))


def events(result: RunResult, book: Book) -> tuple[tuple[pd.Timestamp, str], ...]:
    """Return the most unusual sessions of events of the markets that a book trades on, each once, with what they are."""
    market = {ticker: where for ticker, (where, _) in result.thesis.universe.market_and_currency().items()}
    markets = {market[ticker] for ticker in book.members if ticker in market}
    sessions: dict[str, str] = {}
    for by_market in result.catalysts.values():
        for name, study in by_market.items():
            if name in markets and isinstance(study, Catalysts):
                sessions |= {catalyst.session: "; ".join(catalyst.events) for catalyst in study.largest}
    days = [(pd.Timestamp(session), text) for session, text in sorted(sessions.items())]
    return tuple(row for row in days if book.equity.index[0] <= row[0] <= book.equity.index[-1])


def _blocks(result: RunResult) -> Iterator[Block]:
    studies = [study for by_market in result.catalysts.values() for study in by_market.values()]
    done = [study for study in studies if isinstance(study, Catalysts)]
    counts = [study.distinguishable for study in done]
    where = f"in {sum(count > 0 for count in counts)} of {len(counts)} windows and markets"
    yield Text(
        f"{counted(sum(counts), 'session')} of events {'stands' if sum(counts) == 1 else 'stand'} out from all other sessions, "
        f"{where}, after a correction for how many were looked at.{_untold(done)}",
        "lead",
    )
    yield _summary(result, result.catalysts)
    reactions = surprises.part(result)
    tables = (_shares(result, result.catalysts), _largest(result, result.catalysts))
    more: tuple[Block, ...] = (Text(HOW, "small"), *tables, *(() if reactions is None else (reactions,)))
    yield Fold("Every window's test, its three largest sessions, and reactions to figures", more)


def _summary(result: RunResult, studies: WindowCatalysts) -> Table:
    """Return a row per window and market: its return, what of it fell on event sessions, and the most unusual of them."""
    columns = (
        Column("Window and market"), Column("Largest event", prose=True, term="Events of a session"),
        Column("Abnormal return", True, term="Mean abnormal return"), Column("Log return", True), Column("Share of return", True),
        Column("Share of sessions", True),
    )  # fmt: skip
    rows = [_summary_row(f"{name}, {market}", study) for name, _, market, study in _rows(result, studies)]
    caption = "What of each window's return fell on sessions of events, and the most unusual of them"
    return Table(caption, columns, (Rows(tuple(rows)),))


def _summary_row(name: str, study: Catalysts | Refused) -> tuple[Cell, ...]:
    if isinstance(study, Refused):
        return (Cell(name, note=study.reason), *(Cell(DASH) for _ in range(5)))
    largest = next(iter(study.largest), None)
    return (
        Cell(name),
        Cell(DASH) if largest is None else Cell(_events(largest), mark=_mark(largest, study)),
        Cell(DASH if largest is None else percent(largest.abnormal)),
        Cell(number(study.total)),
        Cell(percent(study.share, 0, sign=False)),
        Cell(percent(study.event_sessions / study.sessions, 0, sign=False)),
    )


def _untold(studies: Sequence[Catalysts]) -> str:
    """Return in how many windows and markets no event could be told, as they are too many for so few sessions."""
    untold = [study for study in studies if study.least > LEVEL]
    named = listed([f"{study.event_sessions} sessions (least possible p {number(study.least, 3)})" for study in untold])
    return f" In {len(untold)} of {len(studies)} none could, as events fell on too many: {named}." if untold else ""


def _rows(result: RunResult, studies: WindowCatalysts) -> Iterator[tuple[str, str, str, Catalysts | Refused]]:
    """Yield name, title, market and study of each named window that has one."""
    titles = {row.name: row.title for row in result.thesis.windows}
    for window in regimes(result.windows):
        for market, study in studies.get(window.name, {}).items():
            yield window.name, titles.get(window.name, ""), market, study


def _shares(result: RunResult, studies: WindowCatalysts) -> Table:
    columns = (
        Column("Window and market"), Column("Log return", True), Column("On events", True), Column("Share of return", True),
        Column("Share of sessions", True), Column("Mean abnormal return", True), Column("t", True),
        Column("p, two-sided, Kolari–Pynnönen", True), Column("p, two-sided, sessions of the window", True),
    )  # fmt: skip
    rows = tuple(_share(f"{name}, {market}", study) for name, _, market, study in _rows(result, studies))
    return Table("What of a window's return fell on sessions of events", columns, (Rows(rows),))


def _share(name: str, study: Catalysts | Refused) -> tuple[Cell, ...]:
    if isinstance(study, Refused):
        return (Cell(name, note=study.reason), *(Cell(DASH) for _ in range(8)))
    without = f"; without {listed([plain(basket) for basket in study.left_out])}" if study.left_out else ""
    return (
        Cell(name, note=f"to {study.last}{without}"),
        Cell(number(study.total)),
        Cell(number(study.on_events)),
        Cell(percent(study.share, 0, sign=False), note="" if study.share is not None else "the return is near zero"),
        Cell(
            percent(study.event_sessions / study.sessions, 0, sign=False),
            note=f"{study.event_sessions} of {study.sessions}; p at least {number(study.least, 3)}",
        ),
        *_together(study),
    )


def _together(study: Catalysts) -> tuple[Cell, ...]:
    test = study.together
    if isinstance(test, Refused):
        return (Cell(DASH, note=test.reason), *(Cell(DASH) for _ in range(3)))
    return (
        Cell(percent(test.abnormal, 2), note=f"n = {test.n}"),
        Cell(number(test.t)),
        Cell(number(test.p, 3)),
        Cell(number(test.p_random, 3), note=f"at least {number(test.least, 4)}"),
    )


def _largest(result: RunResult, studies: WindowCatalysts) -> Table:
    columns = (
        Column("Session"), Column("Market"), Column("Events", prose=True, term="Events of a session"),
        Column("Abnormal return", True, term="Mean abnormal return"), Column("Ordinary deviations", True),
        Column("p, two-sided, Holm", True, term="p among sessions"),
    )  # fmt: skip
    groups: dict[str, list[tuple[Cell, ...]]] = {}
    for name, title, market, study in _rows(result, studies):
        rows = groups.setdefault(f"{name}: {title}", [])
        if isinstance(study, Catalysts):
            rows += [_catalyst(market, event, study) for event in study.largest]
    filled = tuple(Rows(tuple(rows), title) for title, rows in groups.items() if rows)
    return Table("The three most unusual sessions of events in each window and market", columns, filled)


def _events(event: Catalyst) -> str:
    return f"{event.session}: {'; '.join(event.events[:2])}"


def _mark(event: Catalyst, study: Catalysts) -> str:
    """Return whether a session can be told from the others, or that none could be."""
    return "" if event.distinguishable else "cannot be told" if study.least > LEVEL else "not distinguishable"


def _catalyst(market: str, event: Catalyst, study: Catalysts) -> tuple[Cell, ...]:
    return (
        Cell(event.session),
        Cell(market),
        Cell("; ".join(event.events)),
        Cell(percent(event.abnormal)),
        Cell(number(event.deviations, 1)),
        Cell(number(event.adjusted, 3), mark=_mark(event, study)),
    )
