"""What the books put their holders through: the worst falls, time under water, how returns are spread, and how risk moved."""

from backtest.formatting import number, percent
from backtest.report.charts import risk_charts
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import plain
from backtest.report.sections import tear_sheet
from backtest.report.sections.tear_sheet import Shown
from backtest.result import Book, RunResult
from backtest.statistics.drawdowns import Drawdown
from backtest.statistics.refusal import Refused
from backtest.statistics.tear_sheet import TearSheet


def _sessions(value: float) -> str:
    return number(value, 0)


COLUMNS: dict[str, tuple[str, Shown]] = {
    "longest_under_water": ("Longest under water", _sessions),
    "under_water": ("Under water", tear_sheet.plain_share),
    "skewness": ("Skewness", number),
    "excess_kurtosis": ("Excess kurtosis", number),
}


def section(result: RunResult) -> Section | None:
    """Return the risk of every book, None where none has a return."""
    books = {name: book for name, book in result.books.items() if book.tear_sheet is not None}
    sheets = {name: book.tear_sheet for name, book in books.items() if book.tear_sheet is not None}
    if not books:
        return None
    spread = {name: sheet.distribution for name, sheet in sheets.items() if not isinstance(sheet.distribution, Refused)}
    drawn = risk_charts.distributions("risk-distribution", spread)
    rolling = risk_charts.rolling("risk-rolling", {name: sheet.rolling for name, sheet in sheets.items()}, result.windows)
    folded: tuple[Block, ...] = (
        _falls(books),
        _spread(books),
        *([drawn] if drawn else []),
        rolling or Text("No rolling figure: the run is shorter than a year.", "small"),
    )
    words = "Worst drawdowns, time under water, distribution of returns, rolling volatility, Sharpe ratio and beta"
    return Section("risk", "Risk", (Text(_outcome(sheets), "lead"), Fold(words, folded)))


def _outcome(sheets: dict[str, TearSheet]) -> str:
    """Return the deepest fall of all books with its days, and how it ended."""
    falls = [(name, sheet.drawdowns[0]) for name, sheet in sheets.items() if sheet.drawdowns]
    if not falls:
        return "No book fell below its highest value."
    name, fall = min(falls, key=lambda pair: pair[1].depth)
    whose = f"The deepest fall of {len(sheets)} books, {plain(name)}'s," if len(sheets) > 1 else "The deepest fall"
    end = f"was made good by {fall.recovered}" if fall.recovered else "had not been made good by the end of the run"
    text = f"{whose} was {percent(fall.depth)} from {fall.peak} to {fall.trough}; it {end}."
    still = [row for own, row in _not_made_good(sheets) if own == name] if fall.recovered else []
    return f"{text} Another, {percent(still[0].depth)} since {still[0].peak}, was not made good by the end." if still else text


def _not_made_good(sheets: dict[str, TearSheet]) -> list[tuple[str, Drawdown]]:
    """Return the falls among each book's worst that were not made good by the end of the run."""
    return [(name, fall) for name, sheet in sheets.items() for fall in sheet.drawdowns if not fall.recovered]


def _falls(books: dict[str, Book]) -> Table:
    groups = tuple(
        Rows(tuple(_fall(fall) for fall in book.tear_sheet.drawdowns), book.title if len(books) > 1 else "")
        for book in books.values()
        if book.tear_sheet and book.tear_sheet.drawdowns
    )
    columns = (
        Column("Peak"),
        Column("Depth", True),
        Column("Trough"),
        Column("Recovered"),
        Column("Falling", True),
        Column("Recovering", True),
        Column("Closes below", True),
    )
    caption = (
        "The five worst drawdowns, deepest first. A recovery is known on its day alone. This is the path that was; where the "
        "deepest fall of another path of the same law would lie stands below the max drawdown of each window."
    )
    return Table(caption, columns, groups)


def _fall(fall: Drawdown) -> tuple[Cell, ...]:
    return (
        Cell(fall.peak),
        Cell(percent(fall.depth)),
        Cell(fall.trough),
        Cell(fall.recovered or "not recovered"),
        Cell(number(fall.falling, 0)),
        Cell(number(fall.recovering, 0)),
        Cell(number(fall.below, 0)),
    )


def _spread(books: dict[str, Book]) -> Table:
    caption = (
        "Time under water and the shape of the returns, each above its 95% interval or the reason why there is none. "
        "That of skewness and kurtosis is too narrow where the tails are fat."
    )
    return tear_sheet.windows(list(books.values()), COLUMNS, caption)
