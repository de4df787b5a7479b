"""What came out, in sentences made by rule from the figures, and what keeps them from meaning more."""

import shlex
from collections.abc import Iterator

from backtest.analysis.capacity import capacity_sentence
from backtest.execution.window_statistics import WindowStatistics
from backtest.formatting import counted, known, number, percent
from backtest.report.cells import between, refused, sharpe_text, shorter
from backtest.report.charts import book_charts, many_books
from backtest.report.components import Block, Bullets, Chart, Fold, Section, Text
from backtest.report.formatting import day, ended, listed, name_of
from backtest.report.sections import controls
from backtest.report.sections.books import has_chart
from backtest.report.sections.catalysts import events
from backtest.report.sections.signals import held_back
from backtest.report.sections.tiles import tiles
from backtest.result import Book, RunResult
from backtest.runs.lead_sentence import lead_of
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE

MOST_NAMED = 8  # members of a basket on the first screen


def section(result: RunResult) -> Section:
    """Return the first screen: the verdict, six figures and what the books were worth; then, folded, all that qualifies them."""
    sentences = [_sentence(result, OUT_OF_SAMPLE), _sentence(result, IN_SAMPLE)]
    more: tuple[Block, ...] = (
        *controls.sentences(result),
        *([Text(result.audit.verdict)] if result.audit else []),
        Text(sentences[0], last=_last(result, OUT_OF_SAMPLE)),
        Text(sentences[1]),
        Bullets(tuple(_caveats(result))),
    )
    first: tuple[Block, ...] = (Text(lead_of(result), "verdict"), tiles(result), *_drawn(result), _made_from(result))
    return Section(
        "outcome", "Outcome", (*first, Fold("What the signal did, against what, and what to know before believing it", more))
    )


def _drawn(result: RunResult) -> Iterator[Chart]:
    """Yield what the book was worth through time, or all books, where there are two values."""
    books = {name: book for name, book in result.books.items() if has_chart(book)}
    if len(books) == 1:
        (book,) = books.values()
        yield book_charts.performance("outcome-value", book, result.windows, result.names, events(result, book))
    elif books:
        yield many_books.together("outcome-value", books, result.windows)


def _made_from(result: RunResult) -> Text:
    """Return the thesis, the prices and how old they are."""
    newest = max((last for book in result.books.values() if (last := book.window(WHOLE).last)), default="")
    written = f"Thesis: {result.thesis.title}, {day(result.thesis.date)}. {_basket(result)}Prices: {result.prices.source}."
    return Text(written, "small", newest)


def _basket(result: RunResult) -> str:
    """Return the members of the only book and when they were chosen; those of several books stand with each."""
    if len(result.books) != 1:
        return ""
    (book,) = result.books.values()
    few = [name_of(result.names, ticker) for ticker in book.members[:MOST_NAMED]]
    more = [f"{len(book.members) - MOST_NAMED} more"] if len(book.members) > MOST_NAMED else []
    return f"Basket: {listed([*few, *more])}, chosen {day(book.chosen)}. "


def _last(result: RunResult, window: str) -> str:
    """Return the last day on which a book has a return in a window, or nothing where none has."""
    return max((last for book in result.books.values() if (last := book.window(window).last)), default="")


def audit_command(result: RunResult) -> str:
    """Return the command that audits this run, or nothing for a run from Python or a setting of a sweep, which have none."""
    return f"{result.command} --audit" if shlex.split(result.command)[:2] == ["capex-backtest", "run"] else ""


def _sentence(result: RunResult, window: str) -> str:
    """Return what the books earned in a window, against what, how uncertain that is, and with what hindsight."""
    books = [book for book in result.books.values() if known(book.window(window).total_return)]
    if not books:
        return f"There is no result {window}: the run has no two sessions there."
    ends = sorted({str(book.windows[window].last) for book in books})
    last = ends[0] if len(ends) == 1 else f"days from {ends[0]} to {ends[-1]}, each book its own"
    when = "After the report" if window == OUT_OF_SAMPLE else "Up to the report"
    earned = _single(books[0], window) if len(books) == 1 else _several(books, window)
    span = f"{when} ({window}, {books[0].windows[window].base} to {last})"
    return f"{span} {earned} {_benchmarks(result, books, window)} {_choice(books, window)}"


def _single(book: Book, window: str) -> str:
    """Return what a single book earned."""
    figures = book.windows[window]
    earned = f"“{book.title}” returned {percent(figures.total_return)} in {book.currency}{_ends(book, figures)}."
    return f"{earned} {_ratio(figures)}"


def _ends(book: Book, figures: WindowStatistics) -> str:
    """Return how that moves with the last day, and how many of the tickers are priced to it."""
    coverage = f", with {book.coverage.priced} of {counted(book.coverage.of, 'ticker')} priced to the end"
    ends = figures.ends
    if ends is None or not (known(ends.low) and known(ends.high)):
        return coverage
    return (
        f"{coverage}; over its last {counted(ends.sessions, 'session')} that stood between {percent(ends.low)} ({ends.low_on}) "
        f"and {percent(ends.high)} ({ends.high_on})"
    )


def _several(books: list[Book], window: str) -> str:
    """Return what several books earned: how many rose, the median and the ends."""
    ordered = sorted(books, key=lambda book: book.windows[window].total_return or 0.0)
    returns = [book.windows[window].total_return or 0.0 for book in ordered]
    middle = (returns[(len(returns) - 1) // 2] + returns[len(returns) // 2]) / 2
    rose = sum(value > 0 for value in returns)
    low, high = (f"{percent(book.windows[window].total_return)} ({book.title})" for book in (ordered[0], ordered[-1]))
    return (
        f"{rose} of {len(books)} books rose, each in its own currency: lowest {low}, median {percent(middle)}, highest {high}. "
        f"Of the highest, picked here because it is the highest: {_ratio(ordered[-1].windows[window])}"
    )


def _benchmarks(result: RunResult, books: list[Book], window: str) -> str:
    """Return each benchmark's return over the window, once per currency it is compared in."""
    texts: dict[str, dict[str, str]] = {}
    for book in sorted(books, key=lambda book: str(book.windows[window].last), reverse=True):  # the longest span of each
        for ticker, spans in book.benchmark_windows.items():
            span = spans.get(window)
            if span and known(span.total_return):
                there = f", the book {percent(span.book_return)} there" if len(books) == 1 else ""
                all_of_it = len(books) == 1 and not shorter(span, book.windows[window])
                where = "" if all_of_it else f" ({span.base} to {span.last}{there})"
                text = f"{name_of(result.names, ticker)} {percent(span.total_return)}{where}"
                texts.setdefault(book.currency, {}).setdefault(ticker, text)
    if not texts:
        return "No benchmark is priced on two of these sessions."
    return f"Benchmarks {'; '.join(f'in {currency}: {listed(list(each.values()))}' for currency, each in texts.items())}."


def _choice(books: list[Book], window: str) -> str:
    """Return how many of the baskets were chosen after the window's returns were known."""
    late = [book for book in books if day(book.chosen) >= str(book.windows[window].last)]
    if len(books) == 1:
        return f"Hindsight: the basket was chosen on {day(books[0].chosen)}, after these returns." if late else ""
    return f"Hindsight: {len(late)} of {len(books)} baskets were chosen after these returns." if late else ""


def _ratio(figures: WindowStatistics) -> str:
    """Return the Sharpe ratio with its error and n, or that it is refused."""
    if refused(figures):
        return f"No Sharpe ratio is given: {sharpe_text(figures)} sessions."
    bounds = between(figures.sharpe_interval, number)
    wider = f"; with autocorrelation allowed for, 95% from {bounds}" if bounds else ""
    return f"Sharpe {sharpe_text(figures)} (one standard error) over n = {figures.n} sessions{wider}."


def _caveats(result: RunResult) -> Iterator[str]:
    """Yield what a reader must know before believing any figure of the page."""
    for chosen, titles in _by_choice(result).items():
        yield _hindsight(result, chosen, titles)
    yield (
        f"Prices are “{result.prices.source}”, daily ({result.prices.adjustment}): nothing within a session is "
        "seen but its open, high and low, and the first return after a date reaches back to the session before it."
    )
    yield _costs(result)
    yield from held_back(result)
    yield " ".join(dict.fromkeys(book.cash.sentence for book in result.books.values()))
    yield capacity_sentence({book.title: book.largest_order for book in result.books.values()})
    yield from _ended(result)
    short = sum(refused(window) for book in result.books.values() for window in book.windows.values())
    if short:
        yield f"The Sharpe ratio is refused where it would mean little: in {counted(short, 'row')}, each with its reason."
    text = "The ± is one standard error for independent returns; autocorrelation widens it."
    if result.audit is None or result.audit.nulls is None:
        text += " Nothing here says how often a basket drawn at random, or a random signal, would have done as well."
    yield text


def _costs(result: RunResult) -> str:
    """Return what trading was taken to cost, and which market rules these prices cannot carry."""
    spec = result.spec
    if spec.cost_bps is not None:
        flat = number(spec.cost_bps, 0)
        return f"Every trade costs {flat} basis points of its value; no market rule counts, shares are divisible."
    text = (
        f"Orders are filled at the {spec.fill} under each market's dated rules: commission, stamp duty and fees, and "
        f"{number(spec.slippage_bps, 0)} basis points of slippage"
    )
    if result.prices.bars == "none":
        return f"{text}. These prices have no share price: lots, price limits and fees per share are not seen."
    return f"{text}; in whole lots, never at a sealed price limit."


def _ended(result: RunResult) -> Iterator[str]:
    """Yield how many names were sold because their prices end, and what that left in cash."""
    books = []
    for book in result.books.values():
        if len(book.exits):
            cash = 1.0 - float(book.realised.iloc[-1].sum())
            books.append(f"{book.title} ({counted(len(book.exits), 'name')}, {percent(cash, sign=False)} cash)")
    if books:
        yield f"Names whose prices end before the run does are sold at their last price. After the last orders: {listed(books)}."


def _by_choice(result: RunResult) -> dict[str, list[str]]:
    """Return the titles of the books by the day their basket was chosen."""
    titles: dict[str, list[str]] = {}
    for book in result.books.values():
        titles.setdefault(day(book.chosen), []).append(book.title)
    return titles


def _hindsight(result: RunResult, chosen: str, titles: list[str]) -> str:
    """Return what choosing a basket on that day means for the results."""
    last = ended(result.windows)
    who = f"The basket “{titles[0]}” was" if len(titles) == 1 else f"{len(titles)} baskets ({'; '.join(titles)}) were"
    if chosen > last:
        return f"{who} chosen on {chosen}, after every return shown: all of it is hindsight, out of sample too."
    same = ", the thesis's date" if chosen == day(result.thesis.date) else ""
    return f"{who} chosen on {chosen}{same}: results before that are hindsight."
