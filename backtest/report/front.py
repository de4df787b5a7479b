"""The front page: the strategies ranked, their lines on one axis, then each with what came out, read back from result.json."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from urllib.parse import quote

import pandas as pd

from backtest.execution.window_statistics import WindowStatistics
from backtest.formatting import DASH, counted, known, number, percent, points
from backtest.report import cells
from backtest.report.charts import overlay_charts
from backtest.report.charts.sparklines import sparkline
from backtest.report.components import Block, Cell, Code, Column, Fold, Part, Rows, Section, Span, Table, Text
from backtest.report.documents import BookPart, StrategyDocument
from backtest.report.formatting import listed, plain
from backtest.report.ranking import NO_SESSION, Standing, line_of, ranked
from backtest.report.sweep.checks import KINDS, checks, verdict
from backtest.runs.control_sentence import NO_SIGNAL
from backtest.statistics.refusal import Refused
from backtest.sweeps.results import SweepSummary
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE, Window

SAMPLES = (("out", OUT_OF_SAMPLE), ("in", IN_SAMPLE))
CAPTION = "The strategies, best first; of several books the median return, below it the lowest and the highest"
MEANING = (
    "To its control: less the same book with its signal on wherever it has a value; to its benchmark: less the one that its "
    "basket declares; both in percentage points, of several books the middle one, which is named. Each is in its own currency."
)
NOT_AUDITED = "how much of it is luck is not known"


def address(document: StrategyDocument) -> str:
    """Return where a report's page is, from the front page."""
    return f"{quote(document.folder or document.strategy, safe='')}/index.html"


def title(document: StrategyDocument) -> str:
    """Return the title of a report: its strategy's, and the tag that tells it from others of that strategy."""
    return f"{document.spec.title} ({document.tag})" if document.tag else document.spec.title


def section(documents: Sequence[StrategyDocument]) -> Section:
    """Return the strategies, the best first: those with a signal by what it added, those without apart."""
    month, audited = month_in_full(documents) if len(documents) > 1 else "", any(document.audit for document in documents)
    columns = (
        Column("Strategy"), Column("To its control", True, "out"), Column("To its benchmark", True, "out"),
        Column("Out of sample", True, "out"), *([Column(f"To {month}", True, "out", term="To a month")] if month else []),
        Column("Sharpe ± error", True, "out"), Column("In sample", True), Column("What 1 became"),
        *([Column("Verdict", prose=True)] if audited else []),
    )  # fmt: skip
    titles = "With a signal, by the difference it made out of sample", "Without a signal, by the excess over the benchmark"
    groups = tuple(
        Rows(tuple(_row(row, month, audited) for row in rows), title)
        for title, rows in zip(titles, ranked(documents), strict=True)
        if rows
    )
    notes = MEANING, _hindsight(documents), "" if audited else f"No strategy here was audited, so {NOT_AUDITED} (run --audit)."
    return Section("strategies", "Ranking", (Table(CAPTION, columns, groups), *(Text(note, "small") for note in notes if note)))


def _hindsight(documents: Sequence[StrategyDocument]) -> str:
    """Return once which returns are hindsight, and of which strategies some are not."""
    rows = [
        (title(document), name, figures.hindsight)
        for document in documents
        for book in document.books.values()
        for _, name in SAMPLES
        if (figures := book.windows.get(name, NO_SESSION)).n
    ]
    late = {name for _, name, hindsight in rows if hindsight}
    if not late:
        return "No return is hindsight: every basket was chosen before the window began."
    honest = dict.fromkeys(f"{name} in {strategy}" for strategy, name, hindsight in rows if not hindsight)
    but = f", but for some books {listed(list(honest))}" if honest else ""
    too = ", out of sample too" if OUT_OF_SAMPLE in late else ""
    return f"Every return is hindsight{too}{but}: baskets were chosen after the windows began."


def comparison(documents: Sequence[StrategyDocument]) -> Iterator[Block]:
    """Yield how any two results are compared; nothing of one."""
    if len(documents) > 1:
        names = [document.folder or document.strategy for document in documents[:2]]
        text = "What changed between any two results, in spec, data, code and figures, from this page's folder:"
        yield Text(text, "small")
        yield Code(shlex.join(["capex-backtest", "compare", *names]))


def overlay(documents: Sequence[StrategyDocument]) -> Section | None:
    """Return the strategies' lines on one axis, out of sample and over the whole run; None where none has two months."""
    rows = [row for part in ranked(documents) for row in part]
    blocks: list[Block] = []
    for anchor, whole, since in (("overlay-out", False, "the thesis's date"), ("overlay-whole", True, "the start of the run")):
        lines = {title(row.document): line for row in rows if len(line := line_of(row, whole)) > 1}
        if lines:
            caption = (
                f"What 1 became since {since}, at the end of every month; of several books the middle one of the ranking; each "
                "in its own currency, after costs."
            )
            measure = "value of 1, whole run" if whole else "value of 1, out of sample"
            blocks.append(overlay_charts.overlay(anchor, measure, lines, _regimes(documents, not whole), caption))
    return Section("overlay", "All strategies on one axis", (*blocks, *comparison(documents))) if blocks else None


def _regimes(documents: Sequence[StrategyDocument], late: bool) -> list[Window]:
    """Return the windows of the first result as charts shade them; only the run where the results are of several theses."""
    first = documents[0]
    written = pd.Timestamp(first.thesis.date)
    same = len({document.thesis.id for document in documents}) == 1 and not late
    rows = [row for row in first.windows if same or row.name == WHOLE]
    return [Window(row.name, pd.Timestamp(row.start), pd.Timestamp(row.end), written) for row in rows]


def theses(documents: Sequence[StrategyDocument]) -> str:
    """Return which theses the strategies act on, each with its date."""
    named = dict.fromkeys(f"{document.thesis.title} ({document.thesis.date})" for document in documents)
    return f"{'Thesis' if len(named) == 1 else 'Theses'}: {'; '.join(named)}." if named else ""


def parts(documents: Sequence[StrategyDocument]) -> Iterator[tuple[str, Part]]:
    """Yield, per strategy, the address of its page and what the front page says of it."""
    for document in (row.document for part in ranked(documents) for row in part):
        ids = f"Prices: {document.prices.source}. spec {document.spec_id} · data {document.data_id} · code {document.code_id}"
        small = (Text(text, "small") for text in (*_common(document), _benchmarks(document), ids))
        folded: tuple[Block, ...] = (*_controls(document), _table(document), *small)
        shown = [Text(document.spec.question, "small"), *([Text(document.lead)] if document.lead else [])]
        fold = Fold(f"{counted(len(document.books), 'book')}, benchmarks and ids", folded)
        yield address(document), Part(f"strategy-{_anchor(document)}", title(document), (*shown, fold))


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
    """Return what some books returned out of sample to the end of a month, the median of several; a dash where one did not."""
    values = []
    for book in books.values():
        figures, path = book.windows.get(OUT_OF_SAMPLE, NO_SESSION), book.path
        then, now = path.get(month), next(reversed(path.values()), None)
        if not (known(figures.total_return) and known(then) and known(now)) or str(figures.base)[:7] > month:
            return DASH
        values.append((1.0 + figures.total_return) * then / now - 1.0)
    return percent(median(values)) if values else DASH


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


def _row(row: Standing, month: str, audited: bool) -> tuple[Cell, ...]:
    document, books = row.document, row.document.books
    drawn = sparkline(f"spark-{_anchor(document)}", {name: book.path for name, book in books.items()}, document.thesis.date)
    several = f"{len(books)} books, by {plain(row.book)}" if len(books) > 1 else ""
    return (
        Cell(title(document), note=several, href=address(document), about=_span(document)),
        _difference(row),
        Cell(f"{points(row.excess)} points" if row.excess is not None else DASH),
        _together(books, OUT_OF_SAMPLE),
        *([Cell(until_month(books, month))] if month else []),
        _ratio(books),
        replace(_together(books, IN_SAMPLE), last=""),
        Cell("", picture=drawn) if drawn else Cell("no month"),
        *([Cell(document.audit.verdict if document.audit else f"not audited: {NOT_AUDITED}")] if audited else []),
    )


def _anchor(document: StrategyDocument) -> str:
    return quote(document.folder or document.strategy, safe="")


def _difference(row: Standing) -> Cell:
    """Return what a signal added out of sample with its interval, or why there is no figure."""
    if row.difference is None:
        return Cell(DASH, note=row.interval.reason if isinstance(row.interval, Refused) else "fewer than two sessions")
    if isinstance(row.interval, Refused) or row.interval is None:
        return Cell(f"{points(row.difference)} points", note=f"no interval: {row.interval.reason}" if row.interval else "")
    low, high = map(points, row.interval)
    return Cell(f"{points(row.difference)} points", note=f"95% {low} to {high}")


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
    title = f"{counted(len(rows), 'book')} in both samples"
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
