"""What the strategy read: each signal by quarter, when it became known, from which figures, and what was decided on it."""

from collections.abc import Iterator

import pandas as pd

from backtest.analysis.staleness import sentence
from backtest.formatting import counted, known, number, percent
from backtest.report.charts import decision_charts
from backtest.report.components import Block, Cell, Column, Fold, Part, Rows, Section, Table, Text
from backtest.report.formatting import cited, day, origin, plain, unverified
from backtest.result import Book, RunResult, SignalReadings
from backtest.signals import Reading

NOT_SCORES = ("moment", "invested")
UNCERTAIN = {"low": "low confidence", "estimated": "estimated"}


def section(result: RunResult) -> Section:
    """Return each signal through time, then the scores each book decided on."""
    if not any(_scores(book) for book in result.books.values()) and not result.signals:
        return Section(
            "signals", "Signals", (Text("This strategy reads no signal: what it holds does not depend on any figure."),)
        )
    waiting = tuple(Text(text, "lead") for text in held_back(result))
    parts = [_signal(result, f"signal-{n}", name, quarters) for n, (name, quarters) in enumerate(result.signals.items(), start=1)]
    parts += [_decided(result, f"decisions-{n}", book) for n, book in enumerate(result.books.values(), start=1)]
    more = Fold("Each signal by quarter, and every decision on it", tuple(parts))
    return Section("signals", "Signals, and when they were known", (*waiting, *_first(result), more))


def _first(result: RunResult) -> Iterator[Block]:
    """Yield the newest value of each signal, and the decisions of the first book in a picture."""
    if result.signals:
        newest = (f"{plain(name).capitalize()}: {_newest(quarters)}" for name, quarters in result.signals.items())
        yield Text(" ".join(newest), "lead")
    decided = next(((n, book) for n, book in enumerate(result.books.values(), start=1) if len(book.decisions)), None)
    if decided is not None:
        n, book = decided
        yield decision_charts.decisions(f"decisions-{n}-chart", book, _scores(book), result.windows)


def _newest(quarters: SignalReadings) -> str:
    if not quarters:
        return "no quarter was complete by the end of the run."
    last, newest = list(quarters.items())[-1]
    return f"the newest is {last}, {number(newest.value, 3)}, known {newest.known_at}."


def held_back(result: RunResult) -> list[str]:
    """Return of each signal that decisions rest on and a late figure holds back who, since when, and a nowcast."""
    return [
        sentence(plain(name).capitalize(), result.staleness[name]) for name in result.signals_read if name in result.staleness
    ]


def _signal(result: RunResult, anchor: str, name: str, quarters: SignalReadings) -> Part:
    if not quarters:
        return Part(anchor, plain(name).capitalize(), (Text("No quarter of this signal was complete by the end of the run."),))
    weak = [quarter for quarter, reading in quarters.items() if reading.confidence == "low"]
    text = f"{counted(len(weak), 'quarter')} of {len(quarters)} of low confidence{': ' + ', '.join(weak) if weak else ''}."
    drawn = decision_charts.readings(
        f"{anchor}-chart", name, result.thesis.unit_of(name), quarters, result.seen.get(name, {}), result.windows
    )
    return Part(anchor, plain(name).capitalize(), (Text(text), drawn, _table(name, quarters)))


def _table(name: str, quarters: SignalReadings) -> Table:
    """Return a row per quarter, newest first, with every figure behind it."""
    columns = (
        Column("Quarter"), Column("Value", True), Column("Known at"), Column("Weakest evidence"), Column("Confidence"),
        Column("Figures behind it"),
    )  # fmt: skip
    rows = tuple(_quarter(quarter, reading) for quarter, reading in reversed(list(quarters.items())))
    return Table(f"{plain(name).capitalize()} by calendar quarter, as known at the end of the run", columns, (Rows(rows),))


def _quarter(quarter: str, reading: Reading) -> tuple[Cell, ...]:
    inputs = tuple(cited(fact) for fact in reading.inputs)
    doubtful = sum(unverified(fact.source) for fact in reading.inputs)
    return (
        Cell(quarter, about=origin(reading.inputs)),
        Cell(number(reading.value, 3)),
        Cell(reading.known_at),
        Cell("" if reading.evidence in UNCERTAIN else reading.evidence, mark=UNCERTAIN.get(reading.evidence, "")),
        Cell("" if reading.confidence in UNCERTAIN else reading.confidence, mark=UNCERTAIN.get(reading.confidence, "")),
        Cell("", mark=f"{doubtful} unverified" if doubtful else "", more_title=counted(len(inputs), "figure"), more=inputs),
    )


def _scores(book: Book) -> list[str]:
    """Return the names of the scores a book's decisions were taken on."""
    return [str(name) for name in book.decisions if name not in NOT_SCORES]


def _decided(result: RunResult, anchor: str, book: Book) -> Part:
    """Return a book's decisions; the chart of the first stands above the fold."""
    if not len(book.decisions):
        return Part(anchor, f"Decisions: {book.title}", (Text("No decision was taken."),), book.basket)
    table = _decisions(book)
    first = next(other for other in result.books.values() if len(other.decisions))
    drawn = () if book is first else (decision_charts.decisions(f"{anchor}-chart", book, _scores(book), result.windows),)
    return Part(anchor, f"Decisions: {book.title}", (*drawn, table), book.basket)


def _decisions(book: Book) -> Table:
    """Return a row per decision, newest first."""
    names = _scores(book)
    columns = (
        Column("Session"),
        Column("Decided at (UTC)"),
        *(Column(f"Score of {plain(name)}", True, term="Score") for name in names),
    )
    rows = tuple(_decisions_newest_first(book.decisions, names))
    return Table(f"{book.title}: every decision", (*columns, Column("To be invested", True)), (Rows(rows),))


def _decisions_newest_first(decisions: pd.DataFrame, names: list[str]) -> Iterator[tuple[Cell, ...]]:
    for row in decisions.iloc[::-1].reset_index(names="session").to_dict("records"):
        scores = (Cell(number(row[name], 3), note="" if known(row[name]) else "no opinion") for name in names)
        yield (
            Cell(day(row["session"])),
            Cell(f"{row['moment']:%Y-%m-%d %H:%M}"),
            *scores,
            Cell(percent(row["invested"], sign=False)),
        )
