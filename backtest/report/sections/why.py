"""Growth or re-rating: each book's return in the thesis's windows as growth along the chain, currency, margin and re-rating."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp

from backtest.analysis.return_split import ReturnSplit, Terms
from backtest.analysis.split_rows import NOTE, grown, level_labels, unlike, unlike_name
from backtest.formatting import log_points, number, percent
from backtest.report.charts import chain_charts
from backtest.report.components import Block, Bullets, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import ended, listed, name_of, regimes
from backtest.result import Book, RunResult

LAST = "Wealth over profit"
MOST_ROWS = 15  # of a table of names: a page of many books lists them in sentences


def section(result: RunResult) -> Section | None:
    """Return the splits of every book and window, and of each name in the newest window; None for a thesis without windows."""
    windows = [window.name for window in regimes(result.windows)]
    splits = {
        book.title: {name: book.return_split[name] for name in windows if name in book.return_split} for book in _books(result)
    }
    if not any(splits.values()):
        return None
    blocks: list[Block] = [Text(NOTE, "small"), _windows(result, splits)]
    if bare := [title for title, own in splits.items() if not _split_at_all(own)]:
        blocks.append(Text(f"Not split in any window, for want of figures or of two sessions: {listed(bare)}.", "small"))
    newest = [(book, next(reversed(own.values()))) for book, own in zip(_books(result), splits.values(), strict=True) if own]
    few = sum(len(split.names) for _, split in newest) <= MOST_ROWS
    names: Block = _names(result, newest) if few else _sentences(result, newest)
    more = Fold(f"Every term of every window, and each name, {windows[-1]}", (*blocks, names))
    return Section("why", "Growth or re-rating", (*_first(result), more))


def _first(result: RunResult) -> Iterator[Block]:
    """Yield what carried the return of the windows that are split, in a sentence and a picture."""
    windows = [window.name for window in regimes(result.windows)]
    splits = {book.basket: {name: book.return_split[name] for name in windows if _known(book, name)} for book in _books(result)}
    split_books = {name: own for name, own in splits.items() if own}
    if len(split_books) == 1:
        ((own),) = split_books.values()
        yield Bullets(tuple(_sentence(name, own.get(name)) for name in windows))
        yield chain_charts.waterfalls("why-chart", {name: _bars(result, split) for name, split in own.items()})
    elif split_books:
        yield Bullets(
            tuple(_mostly_paid(split_books, name) for name in windows if any(name in own for own in split_books.values()))
        )
        yield chain_charts.growth_or_rating("why-chart", split_books, windows)


def _known(book: Book, window: str) -> bool:
    split = book.return_split.get(window)
    return split is not None and split.terms.rerating is not None


def _sentence(window: str, split: ReturnSplit | None) -> str:
    """Return the growth of wealth as that of what was earned times what the market pays for it, or that it is not split."""
    if split is None:
        return f"{window[:1].upper()}{window[1:]}: not split, for want of four quarters of figures, or of names held."
    growth, last = grown(split) or 0.0, split.terms.rerating or 0.0
    paid = "re-rating" if split.parts is None else "what is paid for it"
    earned = "revenue" if split.terms.basis == "revenue" else "profit"
    product = f"{earned} ×{number(exp(growth))} × {paid} ×{number(exp(last))}"
    return f"{window[:1].upper()}{window[1:]}: wealth ×{number(exp(growth + last))} = {product}."


def _mostly_paid(split_books: Mapping[str, Mapping[str, ReturnSplit]], window: str) -> str:
    """Return in how many books of a window the last term did more than growth."""
    known = [own[window] for own in split_books.values() if window in own]
    more = sum((split.terms.rerating or 0.0) > (grown(split) or 0.0) for split in known)
    did_more = f"what is paid for profit or revenue did more than their growth in {more} of {len(known)} books"
    return f"{window[:1].upper()}{window[1:]}: {did_more}."


def _bars(result: RunResult, split: ReturnSplit) -> list[tuple[str, float | None]]:
    """Return the terms of a split in the order of the chain, and their sum, by words that hold whatever is known in a window."""
    terms = split.terms
    return [
        *((level.label, terms.levels.get(level.key)) for level in result.thesis.levels),
        ("names' revenue", terms.revenue if terms.share is None else terms.share),
        ("exchange rate", terms.currency),
        ("names' profit", terms.margin if terms.profit is None else terms.profit),
        ("what is paid", terms.rerating),
        ("return", terms.wealth),
    ]


def _books(result: RunResult) -> list[Book]:
    return list(result.books.values())


def _windows(result: RunResult, splits: dict[str, dict[str, ReturnSplit]]) -> Table:
    """Return a row per book and window: the terms as known on its days, and growth and the last term with hindsight."""
    levels = {level.key: level.label for level in result.thesis.levels}
    columns = (
        Column("Window"),
        Column("Wealth", True),
        *(Column(label, True, term="Level") for label in levels.values()),
        Column("Names over it", True),
        Column("Exchange rate", True),
        Column("Profit over revenue", True),
        Column(LAST, True),
        Column("Names' own", True),
        Column("Last term, hindsight", True),
        Column("Summed", True),
    )
    groups = [
        Rows(tuple((Cell(name), *_figures(split, list(levels))) for name, split in own.items()), title)
        for title, own in splits.items()
        if _split_at_all(own)
    ]
    caption = "What carried each book's return, in log points; each level over the level before it that is known"
    return Table(
        caption, columns, tuple(groups), about=f"As known at the close of each window's days; run to {ended(result.windows)}."
    )


def _split_at_all(splits: Mapping[str, ReturnSplit]) -> bool:
    """Return whether a book's return is split in some window, as known then or with hindsight."""
    return any(view.terms.added for split in splits.values() for view in (split, split.hindsight) if view is not None)


def _figures(split: ReturnSplit, levels: Sequence[str]) -> tuple[Cell, ...]:
    terms, after = split.terms, split.hindsight
    above = level_labels(split.levels)[1]
    revenue = terms.share if above else terms.revenue
    growth = [terms.levels.get(key) for key in levels]
    last = terms.rerating
    return (
        *(_cell(value) for value in (terms.wealth, *growth, revenue, terms.currency)),
        _cell(terms.margin if terms.basis != "profit alone" else terms.profit),
        _cell(last, "over revenue" if terms.basis == "revenue" else ""),
        _cell(last if split.parts is None else split.parts.names),
        _cell(None, reason)
        if (reason := unlike(split).get("rerating"))
        else _cell(None if after is None else after.terms.rerating),
        Cell(f"{len(split.summed)} of {len(split.names)}"),
    )


def _names(result: RunResult, newest: Sequence[tuple[Book, ReturnSplit]]) -> Table:
    """Return a row per book and name of its newest window."""
    heads = ("Share", "Wealth", "Revenue in USD", "Exchange rate", "Profit over revenue", LAST, "Last term, hindsight")
    columns = (Column("Name"), *(Column(head, True) for head in heads))
    groups = tuple(Rows(tuple(_name_row(result, split, ticker) for ticker in split.names), book.title) for book, split in newest)
    caption = "Each name's own split, in log points, and its mean share of the book"
    return Table(caption, columns, groups, about="As known at the close of the window's days.")


def _sentences(result: RunResult, newest: Sequence[tuple[Book, ReturnSplit]]) -> Bullets:
    """Return a sentence per book: each split name's wealth as growth of its profit or revenue and its last term."""
    items = ["Wealth = growth of profit (of revenue where marked) + the last term; names without either are left out."]
    for book, split in newest:
        terms = {ticker: name.terms for ticker, name in split.names.items() if name.terms.rerating is not None}
        if terms:
            sums = "; ".join(f"{name_of(result.names, ticker)} {_sum_of(own)}" for ticker, own in terms.items())
            items.append(f"{book.title}: {sums}.")
    return Bullets(tuple(items))


def _sum_of(terms: Terms) -> str:
    """Return a name's wealth as the sum of what it is compared with and the last term."""
    grown = None if terms.rerating is None else terms.wealth - terms.rerating
    basis = " (revenue)" if terms.basis == "revenue" else ""
    return f"{log_points(terms.wealth)} = {log_points(grown)}{basis} {log_points(terms.rerating)}"


def _name_row(result: RunResult, split: ReturnSplit, ticker: str) -> tuple[Cell, ...]:
    name = split.names[ticker]
    after = split.hindsight.names[ticker].terms if split.hindsight else None
    terms = name.terms
    mark = {"revenue": "over revenue", "profit alone": "profit alone"}.get(terms.basis, "")
    one_off = "; ".join(["one-off"] * bool(name.one_offs) + ["profit near zero"] * bool(name.thin))
    values = (terms.wealth, terms.revenue, terms.currency, terms.margin if terms.profit is None else terms.profit)
    return (
        Cell(name_of(result.names, ticker)),
        Cell(percent(name.weight, 0, sign=False)),
        *(_cell(value) for value in values),
        _cell(terms.rerating, "; ".join(note for note in (mark, one_off) if note)),
        _cell(None, reason) if (reason := unlike_name(split, ticker)) else _cell(None if after is None else after.rerating),
    )


def _cell(value: float | None, note: str = "") -> Cell:
    """Return log points with their sign, or a dash."""
    return Cell(log_points(value), note=note)
