"""The front page: every strategy side by side, then each with its question and what came out, read back from result.json."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from urllib.parse import quote

import pandas as pd

from backtest.execution.window_statistics import WindowStatistics
from backtest.formatting import known, number, percent
from backtest.report import cells
from backtest.report.charts.sparklines import sparkline
from backtest.report.components import Block, Cell, Code, Column, Part, Rows, Section, Span, Table, Text
from backtest.report.documents import BookPart, StrategyDocument
from backtest.report.formatting import counted, listed, plain
from backtest.report.sweep.checks import KINDS, checks, verdict
from backtest.runs.control_sentence import NO_SIGNAL
from backtest.sweeps.results import SweepSummary
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE

SAMPLES = (("out", OUT_OF_SAMPLE), ("in", IN_SAMPLE))
NOT_AUDITED = "not audited: how much of it is luck is not known"
NO_SESSION = WindowStatistics("both")


def address(document: StrategyDocument) -> str:
    """Return where a report's page is, from the front page."""
    return f"{quote(document.folder or document.strategy, safe='')}/index.html"


def title(document: StrategyDocument) -> str:
    """Return the title of a report: its strategy's, and the tag that tells it from others of that strategy."""
    return f"{document.spec.title} ({document.tag})" if document.tag else document.spec.title


def section(documents: Sequence[StrategyDocument]) -> Section:
    """Return every strategy in a row, and how two of them are compared."""
    columns = (
        Column("Strategy"), Column("What 1 became"), Column("Out of sample", True, "out"), Column("Sharpe ± error", True, "out"),
        Column("In sample", True), Column("Claims of the thesis", prose=True), Column("Verdict", prose=True),
        Column("Newest data"),
    )  # fmt: skip
    month = month_in_full(documents) if len(documents) > 1 else ""
    rows = tuple(_row(number, document, month) for number, document in enumerate(documents, start=1))
    caption = (
        "Every strategy side by side. Several books: the median of their returns and, below it, the lowest and the highest; each "
        "book is in its own currency. Where last days differ, the return to the end of a month that all have stands there too. "
        "The dashed line is the thesis's date, where the in-sample returns end"
    )
    blocks: list[Block] = [Table(caption, columns, (Rows(rows),))]
    if len(documents) > 1:
        names = [document.folder or document.strategy for document in documents[:2]]
        text = "What changed between any two results, in spec, data, code and figures, from this page's folder:"
        blocks += [Text(text, "small"), Code(shlex.join(["capex-backtest", "compare", *names]))]
    return Section("strategies", "All strategies", tuple(blocks))


def theses(documents: Sequence[StrategyDocument]) -> str:
    """Return which theses the strategies act on, each with its date."""
    named = dict.fromkeys(f"{document.thesis.title} ({document.thesis.date})" for document in documents)
    return f"{'Thesis' if len(named) == 1 else 'Theses'}: {'; '.join(named)}." if named else ""


def parts(documents: Sequence[StrategyDocument]) -> Iterator[tuple[str, Part]]:
    """Yield, per strategy, the address of its page and what the front page says of it."""
    for row, document in enumerate(documents, start=1):
        ids = f"Prices: {document.prices.source}. spec {document.spec_id} · data {document.data_id} · code {document.code_id}"
        small = (Text(text, "small") for text in (*_common(document), _benchmarks(document), ids))
        blocks: tuple[Block, ...] = (Text(document.spec.question), *_controls(document), _table(document), *small)
        yield address(document), Part(f"strategy-{row}", title(document), blocks)


def _controls(document: StrategyDocument) -> Iterator[Text]:
    """Yield what each book's signal did, whether it mattered and what waiting for it cost, or that there is no signal."""
    sentences = {name: book.control.sentence for name, book in document.books.items() if book.control}
    for name, sentence in sentences.items():
        yield Text(sentence if len(document.books) == 1 else f"{plain(name).capitalize()}: {sentence}")
    if not sentences:
        yield Text(NO_SIGNAL, "small")


def _common(document: StrategyDocument) -> Iterator[str]:
    """Yield what the books of a strategy returned out of sample over the span that all of them have."""
    if span := document.common_spans.get(OUT_OF_SAMPLE):
        returns = listed([f"{plain(name)} {percent(value)}" for name, value in span.returns.items()])
        yield f"Out of sample over the span that all its books have, {span.base} to {span.last}: {returns}."


def month_in_full(documents: Sequence[StrategyDocument]) -> str:
    """Return the newest month that every book of some results has to its last working day, or nothing."""
    lasts = [pd.Timestamp(str(window.last)) for window in _out_of_sample(documents) if window.last]
    if not lasts:
        return ""
    first_to_end = min(lasts)
    whole = first_to_end + pd.offsets.BDay(1) > first_to_end + pd.offsets.MonthEnd(0)
    return f"{(first_to_end if whole else first_to_end - pd.offsets.MonthEnd(1)):%Y-%m}"


def _out_of_sample(documents: Sequence[StrategyDocument]) -> Iterator[WindowStatistics]:
    for document in documents:
        yield from (book.windows.get(OUT_OF_SAMPLE, NO_SESSION) for book in document.books.values())


def until_month(books: Mapping[str, BookPart], month: str) -> str:
    """Return what some books returned out of sample to the end of a month, the median of several; empty where one did not."""
    values = []
    for book in books.values():
        figures, path = book.windows.get(OUT_OF_SAMPLE, NO_SESSION), book.path
        then, now = path.get(month), next(reversed(path.values()), None)
        if not (known(figures.total_return) and known(then) and known(now)) or str(figures.base)[:7] > month:
            return ""
        values.append((1.0 + figures.total_return) * then / now - 1.0)
    return f"{percent(median(values))} to the end of {month}, which all have" if values else ""


def sweeps(summaries: Sequence[SweepSummary]) -> Section:
    """Return every sweep in a row: its best Sharpe ratio never without what the search for it is worth."""
    columns = (
        Column("Strategy"), Column("Settings", True, term="Settings of a sweep"), Column("Best Sharpe", True, term="Sharpe"),
        *(Column(kind.title, True, term="Check of the search") for kind in KINDS), Column("The best is", prose=True),
    )  # fmt: skip
    rows = tuple(map(_sweep, summaries))
    caption = "Sweeps: the best of many settings of a strategy over the whole run, and what the search for it is worth"
    return Section("sweeps", "Sweeps", (Table(caption, columns, (Rows(rows),)),))


def _sweep(summary: SweepSummary) -> tuple[Cell, ...]:
    word, because = verdict(summary)
    name, tag = summary.strategy, summary.folder.removeprefix(summary.strategy).removeprefix("--")
    return (
        Cell(plain(name), note=tag, href=f"sweeps/{quote(summary.folder or name, safe='')}/index.html"),
        Cell(f"{summary.settings:,}"),
        Cell(number(summary.best.sharpe), note=f"of {counted(summary.trials, 'trial')}"),
        *(Cell(check.figure, note=check.outcome) for check in checks(summary)),
        Cell(word, note=because),
    )


def _row(row: int, document: StrategyDocument, month: str) -> tuple[Cell, ...]:
    books = document.books
    drawn = sparkline(f"spark-{row}", {name: book.path for name, book in books.items()}, document.thesis.date)
    newest = document.newest_figure
    return (
        Cell(title(document), note=counted(len(books), "book"), href=address(document), about=_span(document)),
        Cell("", picture=drawn) if drawn else Cell("no month"),
        _with_note(_together(books, OUT_OF_SAMPLE), until_month(books, month)),
        _ratio(books),
        replace(_together(books, IN_SAMPLE), last=""),
        _tally(document),
        Cell(document.audit.verdict if document.audit else NOT_AUDITED),
        Cell(document.last, note=f"figures {newest}" if newest else "no figure"),
    )


def _with_note(cell: Cell, note: str) -> Cell:
    return replace(cell, note="; ".join(text for text in (cell.note, note) if text))


def _tally(document: StrategyDocument) -> Cell:
    """Return how many claims were confirmed when written, and since, to the run's last day, with the other verdicts below."""
    written = Counter(claim.when_written.verdict for claim in document.claims if claim.when_written)
    since = Counter(claim.since.verdict for claim in document.claims if claim.since)
    shown = f"{written['confirmed']} of {written.total()} confirmed when written"
    later = f"{since['confirmed']} of {since.total()} since, to {document.last}" if since else ""
    return Cell(f"{shown}; {later}".rstrip("; "), note=_others(since or written))


def _others(verdicts: Mapping[str, int]) -> str:
    """Return the verdicts beside "confirmed", the most frequent first."""
    return "; ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).most_common() if verdict != "confirmed")


def _together(books: Mapping[str, BookPart], window: str) -> Cell:
    """Return the return of one book, or the median of several with the ends."""
    figures = [book.windows.get(window, NO_SESSION) for book in books.values()]
    ends = sorted({window.last for window in figures if window.last})
    last = ends[-1] if ends else ""
    if len(figures) == 1:
        return replace(cells.total_return(figures[0]), last=last)
    values = sorted(window.total_return for window in figures if known(window.total_return))
    if not values:
        return cells.total_return(NO_SESSION)
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    first = f"; the first ends {ends[0]}" if len(ends) > 1 else ""
    return Cell(percent(middle), note=f"{percent(values[0])} to {percent(values[-1])}{first}", last=last)


def _ratio(books: Mapping[str, BookPart]) -> Cell:
    figures = [book.windows.get(OUT_OF_SAMPLE, NO_SESSION) for book in books.values()]
    if len(figures) == 1:
        return cells.sharpe(figures[0])
    values = sorted(window.sharpe for window in figures if known(window.sharpe) and not cells.refused(window))
    if not values:
        return cells.sharpe(NO_SESSION)
    return Cell(f"{number(values[0])} to {number(values[-1])}", note="lowest to highest")


def _span(document: StrategyDocument) -> str:
    span = f"{document.first} to {document.last}"
    return f"{document.prices.source} prices, {span}; known at the close of the last session."


def _table(document: StrategyDocument) -> Table:
    """Return a row per book: out of sample first, in sample apart."""
    texts = ("Return", "Sharpe ± error", "Max drawdown", "n")
    columns = tuple(Column(text, True, sample) for sample, _ in SAMPLES for text in texts)
    rows = tuple(
        (
            Cell(plain(name), note=book.currency),
            *(cell for _, window in SAMPLES for cell in _cells(book.windows.get(window, NO_SESSION))),
        )
        for name, book in document.books.items()
    )
    title = f"{counted(len(rows), 'book')}; hindsight: the basket was chosen after the window began"
    spans = (Span("", 1), *(Span(window.capitalize(), len(texts), sample) for sample, window in SAMPLES))
    return Table(title, (Column("Book"), *columns), (Rows(rows),), spans, about=_span(document))


def _cells(figures: WindowStatistics) -> tuple[Cell, ...]:
    return cells.total_return(figures), cells.sharpe(figures), cells.drawdown(figures), cells.count(figures.n)


def _benchmarks(document: StrategyDocument) -> str:
    """Return what each benchmark earned out of sample, once per currency."""
    texts: dict[str, dict[str, str]] = {}
    several = len(document.books) > 1
    books = document.books.values()
    for book in sorted(books, key=lambda book: str(book.windows.get(OUT_OF_SAMPLE, NO_SESSION).last), reverse=True):
        for ticker, spans in book.benchmarks.items():
            span = spans.get(OUT_OF_SAMPLE)
            if span and known(span.total_return):
                shorter = span.base and (several or cells.shorter(span, book.windows.get(OUT_OF_SAMPLE, NO_SESSION)))
                text = f"{ticker} {percent(span.total_return)}" + (f" ({span.base} to {span.last})" if shorter else "")
                texts.setdefault(book.currency, {}).setdefault(ticker, text)
    every = "; ".join(f"in {currency}: {listed(list(returns.values()))}" for currency, returns in texts.items())
    return f"Benchmarks out of sample {every}." if every else "No benchmark has prices on two of the days out of sample."
