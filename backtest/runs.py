"""One run of a strategy: a RunResult, which is all that a report reads."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from backtest import provenance
from backtest.calendars import as_of_moment
from backtest.claims.ledger import Finding, ledger, tickers_needed
from backtest.decisions import decide, last_session, require_repeatable, run_sessions, signal_names, targets_of
from backtest.execution import attribution
from backtest.execution.accounting import FIRST_KIND
from backtest.execution.shortfall import RUN_ENDED
from backtest.execution.trading import trade
from backtest.guard import attempt, blaming
from backtest.panel import Archive, Panel, unchanged
from backtest.prices import Prices
from backtest.signals import QuarterlySignal, Reading, latest, load_signals, readings
from backtest.statistics import performance
from backtest.strategy import StrategySpec
from backtest.thesis.windows import REPORT_DATE, Window, window_statistics, windows
from backtest.universe import Benchmark, Supplier, Universe, load_universe

FACTORS = {"NVDA"}  # what the audit explains returns by, beside the benchmarks


@dataclass(frozen=True)
class Book:
    """One portfolio: a basket under the strategy's rule, in one currency.

    `equity` is session → value; `benchmarks` session × ticker, in the book's currency, scaled to the capital, NaN before
    a benchmark's first price and after its last. `decisions` has, by session, the moment, the score of each signal and what was
    to be invested. `targets` and `realised` are order session × ticker weights. `orders`, `unfilled`, `late`, `exits` and
    `differences` are a Simulation's. `profits` has session × ticker tables by part, `attribution` their sums as fractions of the
    capital, by name, theme, market and currency. `windows` has a row of statistics per window, `benchmark_windows` the total
    return of each benchmark per window.
    Book and benchmark are compared on the sessions of a window that they share: `benchmark_spans` has the first and
    last of them and what the book returned there. `coverage` counts the tickers that are priced to the end, of how many, and
    says of the others when and why they ended.
    """

    basket: str
    title: str
    members: tuple[str, ...]
    chosen: pd.Timestamp
    currency: str
    periods_per_year: int
    equity: pd.Series
    benchmarks: pd.DataFrame
    decisions: pd.DataFrame
    targets: pd.DataFrame
    realised: pd.DataFrame
    orders: pd.DataFrame
    unfilled: pd.DataFrame
    late: pd.DataFrame
    exits: pd.DataFrame
    differences: pd.DataFrame
    profits: dict[str, pd.DataFrame]
    attribution: dict[str, pd.DataFrame]
    windows: dict[str, dict[str, Any]]
    benchmark_windows: dict[str, dict[str, float | None]]
    benchmark_spans: dict[str, dict[str, dict[str, Any]]]
    coverage: dict[str, Any]


@dataclass(frozen=True)
class RunResult:
    """A strategy's run: the spec that asked for it, what identifies its inputs, and what came out, book by book.

    `signals` has the readings, by quarter, of the spec's own quarterly signals; `trends` those of every other, both as known at
    the end of the run; `seen` is each one's newest value as a reader had it at the end of every month and of the run, `known`
    each claim's verdict and figure. `claims` is the ledger (claims.Finding.as_dict) as known at the end of the run, with its
    verdict and figure as known on the report's date. `command` makes the run again; it says where figures and prices lay, so it
    identifies nothing. `audit` is that of `backtest.audits`, or None where it was not asked for.
    """

    spec: dict[str, Any]
    spec_id: str
    data_id: str
    code_id: str
    prices: dict[str, str]
    windows: tuple[Window, ...]
    books: dict[str, Book]
    signals: dict[str, dict[str, Any]]
    trends: dict[str, dict[str, Any]]
    seen: dict[str, dict[str, float]]
    known: dict[str, dict[str, dict[str, Any]]]
    claims: tuple[dict[str, Any], ...]
    names: dict[str, dict[str, str]]
    notes: tuple[str, ...]
    command: str
    audit: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return ids, spec, statistics and readings for JSON; series are in the Parquet files beside it."""
        return {
            "strategy": self.spec["name"],
            "spec_id": self.spec_id,
            "data_id": self.data_id,
            "code_id": self.code_id,
            "spec": self.spec,
            "prices": self.prices,
            "windows": [
                {"name": w.name, "start": f"{w.start:%Y-%m-%d}", "end": f"{w.end:%Y-%m-%d}", "sample": w.sample}
                for w in self.windows
            ],
            "baskets": {name: _book_as_dict(book) for name, book in self.books.items()},
            "signals": self.signals,
            "trends": self.trends,
            "seen": self.seen,
            "known": self.known,
            "claims": list(self.claims),
            "notes": list(self.notes),
            "command": self.command,
            "audit": self.audit,
        }


def tickers_of(spec: StrategySpec, universe: Universe) -> list[str]:
    """Return every ticker a run needs prices for: what its books hold and are compared with, what claims and the audit need."""
    held = {ticker for book in spec.books for ticker in spec.tickers(book, universe)}
    return sorted(held | {row.ticker for row in universe.benchmarks} | tickers_needed() | FACTORS)


def run(spec: StrategySpec, archive: Archive, universe: Universe | None = None) -> RunResult:
    """Return the run of a spec on an archive; StrategyError for a strategy that fails or changes the archive.

    The first decisions of every book are taken again: NotRepeatableError when one is not the same.
    """
    with blaming(f"strategy {spec.name}"), unchanged(archive, f"strategy {spec.name}"):
        result = _run(spec, archive, universe or load_universe())
    return replace(result, code_id=provenance.code_id(spec.files))


def _run(spec: StrategySpec, archive: Archive, universe: Universe) -> RunResult:
    held = sorted({ticker for book in spec.books for ticker in spec.tickers(book, universe)})
    archive.prices.require(held)
    last = max(last_session(archive.prices, spec.tickers(book, universe), spec.end, spec.fill) for book in spec.books)
    spans = windows(pd.Timestamp(spec.start), last)
    books = {book: _book(spec, book, archive, universe, spans) for book in spec.books}
    notes = [] if spec.end else _ends(spec, books, archive.prices, universe)
    notes += [note for book in books.values() for note in _notes(book)]
    panel = archive.as_of(as_of_moment(f"{last:%Y-%m-%d}"))
    quarterly = {name: one for name, one in (load_signals() | named_signals(spec)).items() if isinstance(one, QuarterlySignal)}
    read = {name: {q: one.as_dict() for q, one in _readings(signal, panel).items()} for name, signal in quarterly.items()}
    rows: list[Supplier | Benchmark] = [*universe.suppliers, *universe.benchmarks]
    return RunResult(
        spec=spec.as_dict(),
        spec_id=spec.spec_id,
        data_id=archive.data_id,
        code_id="",  # known when all of it has run
        prices={
            "source": archive.prices.source,
            "adjustment": archive.prices.adjustment,
            "bars": "none" if archive.prices.bars is None else "daily open, high, low, close",
        },
        windows=tuple(spans),
        books=books,
        signals={name: one for name, one in read.items() if name in named_signals(spec)},
        trends={name: one for name, one in read.items() if name not in named_signals(spec)},
        seen=_seen(quarterly, archive, pd.Timestamp(spec.start), last),
        known=_known(archive, pd.Timestamp(spec.start), last),
        claims=_claims(archive, panel),
        names={row.ticker: {"name": row.name, "name_zh": row.name_zh} for row in rows},
        notes=tuple(notes),
        command=shlex.join(["python", "-m", "backtest", "run", spec.name, "--prices", archive.prices.source]),
    )


def _readings(signal: QuarterlySignal, panel: Panel) -> dict[str, Reading]:
    return attempt(f"readings of signal {type(signal).__name__}", lambda: readings(signal, panel.copy()))


def _seen(
    signals: dict[str, QuarterlySignal], archive: Archive, first: pd.Timestamp, last: pd.Timestamp
) -> dict[str, dict[str, float]]:
    """Return each signal's value for its latest complete quarter, as known at the end of every month and of the run."""
    found: dict[str, dict[str, float]] = {name: {} for name in signals}
    for day in _reading_days(first, last):
        panel = archive.as_of(as_of_moment(day))
        for name, signal in signals.items():
            values = _values(signal, panel)
            position = latest(values)
            if position is not None:
                found[name][day] = float(values[position])
    return found


def _values(signal: QuarterlySignal, panel: Panel) -> np.ndarray:
    return attempt(f"values of signal {type(signal).__name__}", lambda: signal.values(panel.copy()))


def _known(archive: Archive, first: pd.Timestamp, last: pd.Timestamp) -> dict[str, dict[str, dict[str, Any]]]:
    """Return each claim's verdict and figure as known at the end of every month and of the run."""
    ledgers = {day: _ledger(archive, as_of_moment(day)) for day in _reading_days(first, last)}
    return {
        day: {one.claim.id: {"verdict": one.verdict, "measured": one.main.value} for one in found}
        for day, found in ledgers.items()
    }


def _ledger(archive: Archive, moment: pd.Timestamp) -> list[Finding]:
    """Return the claims as known at a moment: the same for every run on an archive."""
    found: dict[pd.Timestamp, list[Finding]] = archive.__dict__.setdefault("_ledgers", {})
    if moment not in found:
        found[moment] = ledger(archive.as_of(moment))
    return found[moment]


def _reading_days(first: pd.Timestamp, last: pd.Timestamp) -> list[str]:
    """Return the last day of every month of a run, and of the run: what is read last there is what the page says first."""
    days = [*pd.date_range(first, last, freq="ME"), last]
    return list(dict.fromkeys(f"{day:%Y-%m-%d}" for day in days))


def _claims(archive: Archive, panel: Panel) -> tuple[dict[str, Any], ...]:
    """Return the ledger as known on a panel, each claim with its verdict and figure as known on the report's date."""
    then = {one.claim.id: one for one in _ledger(archive, as_of_moment(f"{REPORT_DATE:%Y-%m-%d}"))}
    return tuple(
        one.as_dict() | {"then": {"verdict": then[one.claim.id].verdict, "measured": then[one.claim.id].main.value}}
        for one in _ledger(archive, panel.moment)
    )


def named_signals(spec: StrategySpec) -> dict[str, Any]:
    """Return the spec's signals by module name, or by class where they have no module of their own."""
    return dict(zip(signal_names(spec), spec.signals, strict=True))


def _book(spec: StrategySpec, name: str, archive: Archive, universe: Universe, spans: list[Window]) -> Book:
    rows, prices = [universe.basket(basket) for basket in spec.books[name]], archive.prices
    tickers = spec.tickers(name, universe)
    base = rows[0].currency if spec.base == "local" else spec.base
    markets = prices.markets_of(tickers)
    sessions = run_sessions(prices, tickers, pd.Timestamp(spec.start), spans[-1].end, spec.fill)
    decisions = decide(spec, name, archive, universe, sessions)
    require_repeatable(spec, name, archive, universe, decisions)
    outcome = trade(targets_of(decisions, tickers), prices, base, sessions, spec.execution)
    compared = [one.ticker for one in universe.benchmarks if one.market in markets]
    benchmarks = _benchmarks(prices, compared, base, sessions, spec.capital)
    periods = prices.periods_per_year(markets)
    chosen = pd.Timestamp(max(row.chosen for row in rows))
    return Book(
        basket=name,
        title=spec.title if spec.together else rows[0].title,
        members=tuple(dict.fromkeys(ticker for row in rows for ticker in row.members)),
        chosen=chosen,
        currency=base,
        periods_per_year=periods,
        equity=outcome.equity,
        benchmarks=benchmarks,
        decisions=pd.DataFrame(
            {
                "moment": [one.moment for one in decisions],
                **{name: [_single(one.scores[number]) for one in decisions] for number, name in enumerate(named_signals(spec))},
                "invested": [sum(one.targets.values()) for one in decisions],
            },
            index=pd.DatetimeIndex([one.session for one in decisions], name="session"),
        ),
        targets=outcome.targets,
        realised=outcome.realised,
        orders=outcome.orders,
        unfilled=outcome.unfilled,
        late=outcome.late,
        exits=outcome.exits,
        differences=outcome.differences,
        profits=outcome.profits,
        attribution=_attribution(outcome.profits, spec.capital, universe, prices),
        windows={window.name: window_statistics(outcome.equity, outcome.orders, window, periods, chosen) for window in spans},
        benchmark_windows={
            ticker: {window.name: performance.total_return(_shared(benchmarks[ticker], window)) for window in spans}
            for ticker in compared
        },
        benchmark_spans={
            ticker: {window.name: span for window in spans if (span := _span(benchmarks[ticker], outcome.equity, window))}
            for ticker in compared
        },
        coverage=_coverage(prices, tickers),
    )


def _attribution(profits: dict[str, pd.DataFrame], capital: float, universe: Universe, prices: Prices) -> dict[str, pd.DataFrame]:
    """Return what each name, theme, market and currency added to the total return; each table adds up to it."""
    by_name = attribution.contributions(profits, capital)
    theme = {ticker: universe.supplier(ticker).chain for ticker in by_name.index}
    groups = {"theme": theme, "market": prices.market, "currency": prices.currency}
    return {"name": by_name} | {name: attribution.grouped(by_name, group) for name, group in groups.items()}


def _benchmarks(prices: Prices, tickers: list[str], base: str, sessions: pd.DatetimeIndex, capital: float) -> pd.DataFrame:
    """Return each benchmark as if bought at its first price in the run, NaN before it and after its prices end."""
    prices.require(tickers)
    values = prices.priced(tickers, base, sessions)
    return values / values.bfill().iloc[0] * capital


def _shared(benchmark: pd.Series, window: Window) -> pd.Series:
    """Return a benchmark's values in a window, from its first price there to its last: the sessions it shares with the book."""
    return benchmark.iloc[window.slice(pd.DatetimeIndex(benchmark.index))].dropna()


def _span(benchmark: pd.Series, equity: pd.Series, window: Window) -> dict[str, Any] | None:
    """Return the first and last session that a benchmark and a book share in a window, and the book's return between them."""
    shared = _shared(benchmark, window)
    if len(shared) < 2:
        return None
    first, last = shared.index[0], shared.index[-1]
    return {"first": f"{first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}", "book": performance.total_return(equity.loc[first:last])}


def _coverage(prices: Prices, tickers: Sequence[str]) -> dict[str, Any]:
    """Return how many of some tickers are priced to the end, of how many, and when and why the others ended."""
    ended = [
        {"ticker": ticker, "session": f"{prices.sold_at(ticker):%Y-%m-%d}", "reason": prices.ended[ticker]}
        for ticker in tickers
        if ticker in prices.ended
    ]
    return {"priced": len(tickers) - len(ended), "of": len(tickers), "ended": ended}


def _ends(spec: StrategySpec, books: dict[str, Book], prices: Prices, universe: Universe) -> list[str]:
    """Return where the books end that nobody gave an end, each with who has no later price."""
    ends: dict[tuple[str, str], list[str]] = {}
    for name, book in books.items():
        tickers = spec.tickers(name, universe)
        first_to_end, last = prices.common_end(tickers, spec.fill)
        price = "open" if spec.fill == "open" else "price"
        later = any(prices.traded(ticker, spec.fill)[-1] > last for ticker in tickers)
        because = f"{first_to_end} has no later {price}" if later else f"none of its tickers has a later {price}"
        ends.setdefault((f"{book.equity.index[-1]:%Y-%m-%d}", because), []).append(name)
    if len(ends) == 1 and len(books) > 1:
        (day, because), _ = ends.popitem()
        return [f"every book ends on {day}: {because}"]
    return [f"{', '.join(names)}: ends on {day}: {because}" for (day, because), names in ends.items()]


def _single(scores: pd.Series) -> float:
    """Return the score when it is one of the whole supply chain, else the mean over those with an opinion."""
    return float(scores.mean())


def _notes(book: Book) -> list[str]:
    if not len(book.orders):
        notes = [f"{book.basket}: never traded; see the orders that were not filled, each with its reason"]
    else:
        notes = [f"{book.basket}: {row.ticker} sold on {row.session:%Y-%m-%d}, its last price" for row in book.exits.itertuples()]
    if ended := book.coverage["ended"]:
        said = "; ".join(f"{one['ticker']} ended on {one['session']}: {one['reason']}" for one in ended)
        notes.append(f"{book.basket}: {book.coverage['priced']} of {book.coverage['of']} tickers are priced to its end ({said})")
    counted = book.unfilled[book.unfilled["reason"] != RUN_ENDED]
    if len(counted):
        notes.append(f"{book.basket}: {len(counted)} order(s) never filled, each listed with its reason")
    for ticker, column in book.benchmarks.items():
        if column.notna().any() and (last := pd.Timestamp(column.dropna().index[-1])) < book.equity.index[-1]:
            notes.append(f"{book.basket}: benchmark {ticker} ends on {last:%Y-%m-%d}; both are compared up to then")
    return notes


def _book_as_dict(book: Book) -> dict[str, Any]:
    return {
        "title": book.title,
        "members": list(book.members),
        "chosen": f"{book.chosen:%Y-%m-%d}",
        "currency": book.currency,
        "periods_per_year": book.periods_per_year,
        "path": {f"{month:%Y-%m}": value for month, value in _path(book.equity).items()},
        "regimes": book.windows,
        "benchmarks": book.benchmark_windows,
        "benchmark_spans": book.benchmark_spans,
        "coverage": book.coverage,
        "orders": _records(book.orders),
        "unfilled": _records(book.unfilled),
        "late": _records(book.late),
        "exits": _records(book.exits),
        "differences": _records(book.differences),
        "costs": {kind: float(book.orders[kind].sum()) for kind in book.orders.columns[FIRST_KIND:]},
        "attribution": {name: table.to_dict("index") for name, table in book.attribution.items()},
    }


def _path(equity: pd.Series) -> pd.Series:
    """Return the last value of every month over the first value of the run."""
    path: pd.Series = equity.groupby(pd.DatetimeIndex(equity.index).to_period("M")).last() / equity.iloc[0]
    return path


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
