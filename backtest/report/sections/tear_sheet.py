"""The part of a tear sheet that is about returns: figures of a year, months as a heat map, years beside benchmark and control."""

from collections.abc import Callable, Iterator, Sequence

from backtest.formatting import DASH, number, percent
from backtest.report.components import Block, Cell, Column, Fold, Rows, Table
from backtest.report.formatting import full_name
from backtest.result import Book, RunResult
from backtest.statistics.calendar_returns import PeriodReturn
from backtest.statistics.refusal import Refused
from backtest.statistics.tear_sheet import Figure, SpanFigures, YearReturn

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TONES = (0.02, 0.05, 0.15)  # of a return, from which on a cell is coloured more
SHADES = ("", "1", "2", "3")

Shown = Callable[[float], str]


def shares(value: float) -> str:
    """Return a fraction in whole percent with its sign."""
    return percent(value, 0)


def plain_share(value: float) -> str:
    """Return a fraction in whole percent."""
    return percent(value, 0, sign=False)


COLUMNS: dict[str, tuple[str, Shown]] = {
    "cagr": ("CAGR", shares),
    "volatility": ("Volatility", plain_share),
    "sortino": ("Sortino", number),
    "calmar": ("Calmar", number),
    "beta": ("Beta", number),
    "correlation": ("Correlation with the benchmark", number),
    "best_month": ("Best month", shares),
    "worst_month": ("Worst month", shares),
    "positive_months": ("Positive months", plain_share),
}


def blocks(result: RunResult, book: Book) -> Iterator[Block]:
    """Yield the figures of a book's tear sheet; of several books they are folded."""
    if book.tear_sheet is None:
        return
    tables: tuple[Block, ...] = (_figures(result, book), heat_map(book), _years(result, book))
    if len(result.books) == 1:
        yield from tables
    else:
        yield Fold("Growth and volatility a year, months and years", tables)


def windows(books: Sequence[Book], names: dict[str, tuple[str, Shown]], caption: str) -> Table:
    """Return some figures of tear sheets, a row per window, books apart."""
    groups = tuple(
        Rows(
            tuple(
                (_window(name, figures), *(figure(getattr(figures, key), shown) for key, (_, shown) in names.items()))
                for name, figures in book.tear_sheet.spans.items()
            ),
            book.title if len(books) > 1 else "",
        )
        for book in books
        if book.tear_sheet
    )
    return Table(caption, (Column("Window"), *(Column(text, True) for text, _ in names.values())), groups)


def figure(estimate: Figure | Refused, shown: Shown) -> Cell:
    """Return a figure with its interval below it, or a dash and the reason for none."""
    if isinstance(estimate, Refused):
        return Cell(DASH, note=estimate.reason)
    interval = estimate.interval
    below = f"no interval: {interval.reason}" if isinstance(interval, Refused) else " to ".join(map(shown, interval))
    return Cell(shown(estimate.value), note=below)


def heat_map(book: Book) -> Table:
    """Return years × months of return, coloured by size and sign."""
    sheet = book.tear_sheet
    months = {month.period: month for month in sheet.months} if sheet else {}
    rows = tuple(
        (
            Cell(year.own.period),
            *(_month(months.get(f"{year.own.period}-{number:02d}")) for number in range(1, 13)),
            _month(year.own),
        )
        for year in (sheet.years if sheet else ())
    )
    columns = (Column("Year"), *(Column(name, True, term="Month") for name in MONTHS), Column("Year's return", True))
    caption = f"{book.title}: return of every month in %, from the last close before it; part: the run covers it in part."
    return Table(caption, columns, (Rows(rows),), look="heat")


def tone(value: float) -> str:
    """Return the class of a cell's colour: up or down and how far, nothing near zero."""
    shade = SHADES[sum(abs(value) >= least for least in TONES)]
    return f"{'up' if value > 0 else 'down'}{shade}" if shade else ""


def _month(month: PeriodReturn | None) -> Cell:
    if month is None:
        return Cell("")
    return Cell(percent(month.value).removesuffix("%"), note="part" if month.part else "", tone=tone(month.value))


def _window(name: str, figures: SpanFigures) -> Cell:
    span = f"{figures.base} to {figures.last}" if figures.base else ""
    return Cell(name, note=span, about=f"From {figures.n} returns, {span}; known at the close of {figures.last}." if span else "")


def _figures(result: RunResult, book: Book) -> Table:
    against = full_name(result.names, book.declared) if book.declared else "no benchmark"
    caption = (
        f"{book.title}: figures of a tear sheet, each above its 95% interval or the reason why there is none. No risk-free rate "
        f"is taken off; a year is {book.periods_per_year} sessions; beta and correlation are to {against}."
    )
    return windows([book], COLUMNS, caption)


def _years(result: RunResult, book: Book) -> Table:
    """Return a row per year beside benchmark and control."""
    years: Sequence[YearReturn] = book.tear_sheet.years if book.tear_sheet else ()
    controlled = any(year.control is not None for year in years)
    texts = ["Return of the year", "Deepest fall", "Declared benchmark", *(["Its return", "Difference"] if controlled else [])]
    against = f"the declared benchmark is {full_name(result.names, book.declared)}; " if book.declared else ""
    caption = (
        f"{book.title}: every calendar year, in {book.currency}; {against}"
        f"{'its return is that of the same book with the signal always on; ' if controlled else ''}"
        "part: the run, or the benchmark's prices, cover it in part."
    )
    rows = tuple(_year(year, controlled) for year in years)
    return Table(caption, (Column("Year"), *(Column(text, True) for text in texts)), (Rows(rows),))


def _year(year: YearReturn, controlled: bool) -> tuple[Cell, ...]:
    own = year.own
    header = Cell(own.period, note="part" if own.part else "", about=f"From {own.n} returns, {own.base} to {own.last}.")
    benchmark = Cell(percent(year.benchmark), note="part" if year.benchmark_part and year.benchmark is not None else "")
    cells = (
        header,
        figure(Figure(own.value, year.interval), _tenths_above_whole(own.value)),
        Cell(percent(year.max_drawdown, sign=False)),
        benchmark,
    )
    if not controlled:
        return cells
    apart = year.difference_interval
    difference = Cell(DASH) if year.difference is None or apart is None else figure(Figure(year.difference, apart), percent)
    return (*cells, Cell(percent(year.control)), difference)


def _tenths_above_whole(exact: float) -> Shown:
    """Return how a return is written: its own value to a tenth of a percent, bounds to whole ones."""
    return lambda value: percent(value, 1 if value == exact else 0)
