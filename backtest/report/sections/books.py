"""What each book earned: value against benchmarks through time, and a row of figures per window."""

from collections.abc import Iterator, Mapping

from backtest.formatting import DASH, known, percent
from backtest.report import cells
from backtest.report.charts import book_charts
from backtest.report.components import Block, Cell, Column, Fold, Part, Rows, Section, Span, Table, Text
from backtest.report.formatting import GROUPS, day, full_name, listed, name_of, name_zh, plain, regimes, spans
from backtest.report.sections import catalysts, controls, tear_sheet
from backtest.result import BenchmarkSpan, Book, RunResult
from backtest.thesis.windows import SAMPLES
from backtest.universe.benchmarks import Comparison


def section(result: RunResult) -> Section:
    """Return an overview when there are several books, then each book."""
    books = list(result.books.values())
    parts = tuple(_part(result, number, book) for number, book in enumerate(books, start=1))
    curves = any(len(book.equity) > 1 for book in books) and regimes(result.windows)
    regimes_drawn = (book_charts.multiples("multiples", result.books, result.windows),) if curves else ()
    if len(books) == 1:
        words = "Figures of a year, months and years; each window against control and benchmarks"
        fold = Fold(words, (*regimes_drawn, *parts[0].blocks))
        return Section("books", "Returns by window", (_windows(result, books[0]), fold))
    more = (*regimes_drawn, _overview(result), *_common(result), *parts)
    first = (book_charts.overview("overview", result.books),) if books else ()
    return Section("books", "Returns by window", (*first, Fold("Each window, book by book", more)))


def _part(result: RunResult, number: int, book: Book) -> Part:
    about = (
        f"Members: {listed([full_name(result.names, ticker) for ticker in book.members])}. Chosen {day(book.chosen)}; traded in "
        f"{listed(_places(result, book)) or DASH}; valued in {book.currency}; {book.periods_per_year} sessions a year."
    )
    anchor = f"book-{number}"
    tables = (
        *([_windows(result, book)] if len(result.books) > 1 else []),
        *controls.table(result, book),
        *([_against(result, book)] if book.benchmark_windows else []),
        *tear_sheet.blocks(result, book),
    )
    return Part(anchor, book.title, (Text(about, "small"), *_drawn(result, anchor, book), *tables), book.basket)


def _places(result: RunResult, book: Book) -> list[str]:
    """Return where a book's members are traded."""
    universe = result.thesis.universe
    markets = universe.market_and_currency()
    return list(dict.fromkeys(universe.markets[markets[ticker][0]].location for ticker in book.members if ticker in markets))


def has_chart(book: Book) -> bool:
    """Return whether a book has two values to draw a line through, from one above zero."""
    return len(book.equity) > 1 and bool(book.equity.notna().any()) and bool(book.equity.iloc[0] > 0)


def _drawn(result: RunResult, anchor: str, book: Book) -> Iterator[Block]:
    """Yield the book's charts, or the reason for none."""
    if not has_chart(book):
        yield Text("No chart: the book has no two values.", "small")
        return
    if len(result.books) > 1:
        yield book_charts.performance(f"{anchor}-value", book, result.windows, result.names, catalysts.events(result, book))


def _windows(result: RunResult, book: Book) -> Table:
    """Return a row of figures per window, in sample and out of sample apart."""
    columns = ["Last 60 ends", "Sharpe ± standard error", "Max drawdown", "Turnover", "Costs", "Orders"]
    header = [Column("Window"), Column("n", True), Column("Total return", True)]
    groups = [
        Rows(
            tuple(_row(book, name, window.name) for name, window in spans(result.windows) if window.sample == sample),
            title,
            sample,
        )
        for sample, title in GROUPS.items()
    ]
    caption = (
        f"{book.title}: figures per window. Returns in {book.currency}; n counts returns; turnover 1.00× replaces the book once; "
        f"costs are shares of the book; below a figure stands its 95% interval, from 30 returns on. {_later(book)}The "
        "first return of a window starts from the session before it, the first one listed."
    )
    every = (*header, *(Column(text, True) for text in columns))
    return Table(caption, every, tuple(group for group in groups if group.rows))


def _later(book: Book) -> str:
    """Return of which windows the return is hindsight, as the basket was chosen after they began."""
    earned = {name: figures for name, figures in book.windows.items() if known(figures.total_return)}
    later = [name for name, figures in earned.items() if figures.hindsight]
    if not later:
        return ""
    which = "Every return is" if len(later) == len(earned) else f"The returns of {listed(later)} are"
    return f"{which} hindsight: the basket was chosen on {day(book.chosen)}, after the window began. "


def _against(result: RunResult, book: Book) -> Table:
    """Return the benchmarks' returns in every window, each with its span where that is not all of the window."""
    keys, columns, over = _window_columns(result, "Benchmark")
    rows = tuple(
        (_benchmark(result, row.ticker, _declaration(book, row)), *_benchmark_cells(book, row.ticker, keys))
        for row in book.comparisons
    )
    caption = (
        f"{book.title}: total return of its benchmarks, in {book.currency}, the declared one first: excess, ranks and alpha are "
        "taken over it. Where a benchmark has prices for part of the window only, that part and what the book returned in it "
        "stand below"
    )
    return Table(caption, (Column("Benchmark"), *columns), (Rows(rows),), over)


def _window_columns(result: RunResult, term: str) -> tuple[list[str], tuple[Column, ...], tuple[Span, ...]]:
    """Return the windows' names, a column for each, in sample and out of sample apart, and what stands over them."""
    ordered = [(name, window) for sample in GROUPS for name, window in spans(result.windows) if window.sample == sample]
    widths = [(sample, sum(window.sample == sample for _, window in ordered)) for sample in GROUPS]
    titles = {"in": "In sample", "out": "Out of sample", "both": "Both"}
    columns = tuple(Column(name, True, window.sample, term=term) for name, window in ordered)
    over = (Span("", 1), *(Span(titles[sample], width, sample) for sample, width in widths if width))
    return [window.name for _, window in ordered], columns, over


def _declaration(book: Book, row: Comparison) -> str:
    """Return whether a benchmark is the declared one, whether it is matched, and why."""
    declared = "declared, " if row.ticker == book.declared else ""
    return f"{declared}{'matched' if row.matched else 'not matched'}: {row.reason}"


def _benchmark(result: RunResult, ticker: str, note: str = "") -> Cell:
    return Cell(name_of(result.names, ticker), zh=name_zh(result.names, ticker), note=note)


def _row(book: Book, name: str, window: str) -> tuple[Cell, ...]:
    figures = book.window(window)
    return (
        cells.window_name(name, figures),
        cells.count(figures.n),
        cells.total_return(figures),
        cells.ends(figures),
        cells.sharpe(figures),
        cells.drawdown(figures),
        cells.multiple(figures.turnover),
        cells.share(figures.costs, 2),
        cells.count(figures.orders),
    )


def _overview(result: RunResult) -> Table:
    """Return books × windows of total return, with the benchmarks below."""
    keys, columns, over = _window_columns(result, "Total return")
    return Table(
        "Total return of every book in every window, each in its own currency",
        (Column("Book"), *columns),
        (
            Rows(tuple(_book_row(number, book, keys) for number, book in enumerate(result.books.values(), start=1)), "Books"),
            Rows(tuple(_benchmark_rows(result, keys)), "Benchmarks"),
        ),
        over,
        about="Known at the close of the window's last session; sessions and returns are counted in each book's own table.",
    )


def _common(result: RunResult) -> Iterator[Table]:
    """Yield books × samples of total return over each book's own span and over the span that all of them have."""
    shared = [(name, result.common_spans[name]) for name in SAMPLES if name in result.common_spans]
    if not shared:
        return
    heads = [(text, _sample_of(result, name)) for name, span in shared for text in ("Own span", f"{span.base} to {span.last}")]
    columns = (Column("Book"), *(Column(text, True, sample, term="Total return") for text, sample in heads))
    over = (Span("", 1), *(Span(name.capitalize(), 2, _sample_of(result, name)) for name, _ in shared))
    rows = tuple(
        (Cell(plain(name), note=book.currency), *_own_and_shared(book, {window: span.returns[name] for window, span in shared}))
        for name, book in result.books.items()
    )
    caption = "Own and common span: total return of every book over its own span, and over the one that all books have"
    yield Table(caption, columns, (Rows(rows),), over)


def _sample_of(result: RunResult, name: str) -> str:
    """Return whether a window of a run is in sample, out of sample or both."""
    return next(window.sample for window in result.windows if window.name == name)


def _own_and_shared(book: Book, shared: Mapping[str, float]) -> Iterator[Cell]:
    for window, earned in shared.items():
        figures = book.window(window)
        yield Cell(percent(figures.total_return), note=f"{figures.base} to {figures.last}")
        yield Cell(percent(earned))


def _book_row(number: int, book: Book, keys: list[str]) -> tuple[Cell, ...]:
    header = Cell(plain(book.basket), note=book.currency, href=f"#book-{number}")
    return (header, *(cells.total_return(book.window(key)) for key in keys))


def _benchmark_rows(result: RunResult, keys: list[str]) -> Iterator[tuple[Cell, ...]]:
    """Yield a row per benchmark and currency, from the first book compared with it."""
    seen = set()
    for book in result.books.values():
        for ticker in book.benchmark_windows:
            if (ticker, book.currency) not in seen:
                seen.add((ticker, book.currency))
                yield _benchmark(result, ticker, book.currency), *_benchmark_cells(book, ticker, keys)


def _benchmark_cells(book: Book, ticker: str, keys: list[str]) -> Iterator[Cell]:
    for key in keys:
        span = book.benchmark_windows[ticker].get(key, BenchmarkSpan())
        yield cells.benchmark(span, book.benchmarks[ticker], book.window(key))
