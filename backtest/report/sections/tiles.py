"""The six figures of a page's first screen: return, against control, against benchmark, Sharpe ratio, worst fall, luck."""

from collections.abc import Callable, Sequence
from statistics import median

from backtest.execution.window_statistics import WindowStatistics
from backtest.formatting import DASH, counted, known, number, percent, points
from backtest.report.cells import between, refused, sharpe_text
from backtest.report.components import Tile, Tiles
from backtest.report.formatting import day, name_of
from backtest.result import Book, RunResult
from backtest.runs.lead_sentence import luck_figures
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import OUT_OF_SAMPLE, WHOLE

CONTROL = "Against the signal always on"
BENCHMARK = "Against the benchmark"


def tiles(result: RunResult) -> Tiles:
    """Return the figures out of sample, or of the whole run; of several books the median and what lies around it."""
    books = list(result.books.values())
    window = OUT_OF_SAMPLE if any(known(book.window(OUT_OF_SAMPLE).total_return) for book in books) else WHOLE
    shown = [book for book in books if known(book.window(window).total_return)]
    when = window if window == OUT_OF_SAMPLE else "whole run"
    five = _single(result, shown[0], window, when) if len(shown) == 1 else _several(shown, window, when)
    return Tiles((*five, _luck(result)))


def _single(result: RunResult, book: Book, window: str, when: str) -> tuple[Tile, ...]:
    figures = book.window(window)
    bounds = between(figures.return_interval, lambda bound: percent(bound, 0))
    later = f"; hindsight: basket chosen {day(book.chosen)}" if figures.hindsight else ""
    sharpe = DASH if refused(figures) else sharpe_text(figures)
    return (
        Tile(f"Return, {when}", percent(figures.total_return), f"to {figures.last}{_with(bounds)}{later}"),
        _against_control(result, book, window),
        _against_benchmark(result, book, window),
        Tile("Sharpe ± error", sharpe, sharpe_text(figures) if refused(figures) else f"n = {number(figures.n, 0)} sessions"),
        Tile("Deepest fall", percent(figures.max_drawdown, sign=False), f"{when}{_with(_fall(figures))}"),
    )


def _fall(figures: WindowStatistics) -> str:
    return between(figures.drawdown_interval, lambda bound: percent(bound, 0, sign=False))


def _with(bounds: str) -> str:
    return f"; 95% {bounds}" if bounds else ""


def _against_control(result: RunResult, book: Book, window: str) -> Tile:
    title = f"{CONTROL}, points"
    if not result.spec.signals or book.control is None:
        return Tile(title, DASH, "no signal, no control")
    if isinstance(book.control.twin, Refused):
        return Tile(title, DASH, "the weighting does not say it")
    twin = book.control.twin[window]
    if not known(twin.difference):
        return Tile(title, DASH, "fewer than two sessions")
    bounds = None if isinstance(twin.interval, Refused) else twin.interval
    reason = twin.interval.reason if isinstance(twin.interval, Refused) else f"95% {between(bounds, points)}"
    return Tile(title, points(twin.difference), reason)


def _against_benchmark(result: RunResult, book: Book, window: str) -> Tile:
    span = book.benchmark_windows.get(book.declared or "", {}).get(window)
    if span is None or not known(span.total_return):
        return Tile(f"{BENCHMARK}, points", DASH, "none is priced here")
    text = f"{name_of(result.names, str(book.declared))} {percent(span.total_return)}"
    text += f" to {span.last}" if span.last != book.window(window).last else ""
    if isinstance(span.excess, Refused):
        return Tile(f"{BENCHMARK}, points", DASH, f"{text}; {span.excess.reason}")
    matched = "" if span.matched else "; another board or sector"
    return Tile(f"{BENCHMARK}, points", points(span.excess), f"{text}{matched}")


def _several(books: Sequence[Book], window: str, when: str) -> tuple[Tile, ...]:
    figures = [book.window(window) for book in books]
    later = sum(bool(row.hindsight) for row in figures)
    hindsight = f"; {later} in hindsight" if later else ""
    return (
        Tile(f"Return, {when}", *_middle([row.total_return for row in figures], percent, hindsight)),
        _controls(books, window),
        _benchmarks(books, window),
        Tile("Sharpe ratio", *_middle([row.sharpe for row in figures], number)),
        Tile("Deepest fall", *_middle([row.max_drawdown for row in figures], lambda value: percent(value, sign=False))),
    )


def _middle(values: Sequence[float | None], shown: Callable[[float], str], more: str = "") -> tuple[str, str]:
    """Return the median of what is known, and below it the ends and how many there are."""
    seen = [value for value in values if value is not None and known(value)]
    if not seen:
        return DASH, "no book has one"
    return shown(median(seen)), f"median of {counted(len(seen), 'book')}: {shown(min(seen))} to {shown(max(seen))}{more}"


def _controls(books: Sequence[Book], window: str) -> Tile:
    title = CONTROL
    twins = [book.control.twin[window] for book in books if book.control and not isinstance(book.control.twin, Refused)]
    bounds = [twin.interval for twin in twins if isinstance(twin.interval, tuple)]
    if not bounds:
        return Tile(title, DASH, "no signal, no control" if not any(book.control for book in books) else "not known")
    return Tile(title, f"{sum(not low <= 0.0 <= high for low, high in bounds)} of {len(bounds)}", "books differ beyond chance")


def _benchmarks(books: Sequence[Book], window: str) -> Tile:
    spans = [book.benchmark_windows.get(book.declared or "", {}).get(window) for book in books]
    excess = [span.excess for span in spans if span and isinstance(span.excess, float)]
    if not excess:
        return Tile(BENCHMARK, DASH, "no book has an excess")
    beat = sum(value > 0 for value in excess)
    return Tile(BENCHMARK, f"{beat} of {len(excess)} beat it", f"median {points(median(excess))} points")


def _luck(result: RunResult) -> Tile:
    luck = luck_figures(result)
    if luck is None:
        return Tile("Luck", "not judged", "run --audit")
    beyond = f"{luck.beyond_luck} of {luck.regimes}"
    if not luck.nulls:
        return Tile("Luck", beyond, "regimes beyond luck; no null was run")
    return Tile("Luck", f"{luck.beaten} of {luck.nulls}", f"nulls beaten; {beyond} regimes beyond luck")
