"""One run of a strategy: decides, trades and reads, and puts what came out into a RunResult."""

import shlex
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from itertools import product

import pandas as pd

from backtest import provenance
from backtest.analysis.abnormal import returns_by_market
from backtest.analysis.capacity import largest_order
from backtest.analysis.catalysts import WindowCatalysts, catalysts
from backtest.analysis.common_span import common_spans
from backtest.analysis.demand import Demand, demand
from backtest.analysis.holdings_now import HoldingsNow
from backtest.analysis.staleness import signals_read, staleness
from backtest.analysis.surprises import Surprises, surprise_studies
from backtest.calendars import as_of_moment
from backtest.claims.ledger import ClaimOutcome, judged, known_at, tickers_needed
from backtest.decisions import (
    Decision,
    decide,
    decide_at,
    last_session,
    require_repeatable,
    require_values,
    run_sessions,
    signal_names,
    targets_of,
)
from backtest.execution import attribution
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade
from backtest.execution.window_statistics import window_statistics
from backtest.guard import attempt, blaming
from backtest.panel import Archive, Panel, once, unchanged
from backtest.prices import Prices
from backtest.result import Book, Coverage, EndedTicker, Origin, PriceSource, RunResult, SignalReadings, TickerName
from backtest.runs.benchmarks import benchmark_values, benchmark_windows, charted
from backtest.runs.cash import cash_interest
from backtest.runs.controls import RunBook, control_of
from backtest.runs.holdings_now import now_of
from backtest.runs.notes import run_notes
from backtest.runs.return_splits import book_splits
from backtest.runs.tear_sheets import with_tear_sheet
from backtest.signals import QuarterlySignal, Signal, latest, load_signals, readings
from backtest.strategy import StrategySpec
from backtest.thesis import Thesis
from backtest.thesis.windows import Window, whole_run, windows
from backtest.universe import Basket, Benchmark, Supplier, Universe


def needed_tickers(spec: StrategySpec, thesis: Thesis) -> list[str]:
    """Return every ticker a run needs prices for: what its books hold and are compared with, what claims and the audit need."""
    spec.require_names(thesis.universe)
    own = {ticker for book in spec.books for ticker in spec.tickers(book, thesis.universe)}
    compared = {row.ticker for row in thesis.universe.benchmarks} | {row.ticker for row in thesis.factors}
    return sorted(own | compared | tickers_needed(thesis))


def run(spec: StrategySpec, archive: Archive) -> RunResult:
    """Return the run of a spec on an archive and its thesis; StrategyError for a strategy that fails or changes the archive.

    The first decisions of every book are taken again: NotRepeatableError when one is not the same.
    """
    with blaming(f"strategy {spec.name}"), unchanged(archive, f"strategy {spec.name}"):
        result = _run(spec, archive)
    return replace(result, code_id=provenance.code_id([*spec.files, *archive.thesis.files, *archive.files], spec.texts))


def _run(spec: StrategySpec, archive: Archive) -> RunResult:
    universe, last = archive.thesis.universe, _last(spec, archive)
    spans = tuple(windows(archive.thesis, pd.Timestamp(spec.start), last))
    books = _books(spec, archive, universe, spans)
    panel = archive.as_of(as_of_moment(f"{last:%Y-%m-%d}"))
    own = named_signals(spec, archive.thesis)
    quarterly = {
        name: signal for name, signal in (load_signals(archive.thesis) | own).items() if isinstance(signal, QuarterlySignal)
    }
    read = {name: _readings(signal, panel) for name, signal in quarterly.items()}
    studies = once(archive, "studies", (_baskets(spec, universe), spans), lambda: _studies(spec, archive, spans))
    moved_by, surprised_by = deepcopy(studies)  # a result is its user's own
    return RunResult(
        spec=spec,
        thesis=archive.thesis,
        spec_id=spec.spec_id,
        data_id=archive.data_id,
        code_id="",  # known when all of it has run
        prices=_price_source(archive.prices),
        windows=spans,
        books=books,
        signals={name: by_quarter for name, by_quarter in read.items() if name in own},
        trends={name: by_quarter for name, by_quarter in read.items() if name not in own},
        when_written=_when_written(quarterly, archive, panel),
        seen=_seen(quarterly, archive, pd.Timestamp(spec.start), last),
        known=_known(archive, pd.Timestamp(spec.start), last),
        claims=tuple(judged(archive, panel.moment)),
        names=_names(universe),
        notes=run_notes(spec, books, archive.prices, universe),
        command=shlex.join(["capex-backtest", "run", spec.name, "--prices", archive.prices.source]),
        catalysts=moved_by,
        surprises=surprised_by,
        demand=_demand(archive, panel),
        staleness={name: row for name, signal in quarterly.items() if (row := staleness(signal, panel))},
        common_spans=common_spans({name: book.equity for name, book in books.items()}, spans),
        signals_read=signals_read(spec.signals, signal_names(spec, archive.thesis), archive.thesis),
    )


def _last(spec: StrategySpec, archive: Archive) -> pd.Timestamp:
    """Return the last session of the book that ends last; an error where the thesis or the prices lack a name of the strategy."""
    universe, prices = archive.thesis.universe, archive.prices
    spec.require_names(universe)
    tickers = {book: spec.tickers(book, universe) for book in spec.books}
    prices.require(sorted({ticker for own in tickers.values() for ticker in own}))
    return max(last_session(prices, tickers[book], spec.end, spec.fill, spec.currency(book, universe)) for book in spec.books)


def _names(universe: Universe) -> dict[str, TickerName]:
    rows: list[Supplier | Benchmark] = [*universe.suppliers, *universe.benchmarks]
    return {row.ticker: TickerName(row.name, row.name_zh) for row in rows}


def _demand(archive: Archive, now: Panel) -> dict[str, Demand]:
    """Return the demand from chips shipped as known on the thesis's date and at the run's end; nothing without rows."""
    known = {"then": demand(_then(archive, now)), "now": demand(now)}
    return {name: row for name, row in known.items() if row is not None}


def _baskets(spec: StrategySpec, universe: Universe) -> tuple[Basket, ...]:
    """Return the baskets of every book, each once."""
    return tuple(universe.basket(name) for name in dict.fromkeys(name for names in spec.books.values() for name in names))


def _studies(spec: StrategySpec, archive: Archive, spans: Sequence[Window]) -> tuple[WindowCatalysts, dict[str, Surprises]]:
    """Return how the prices of a strategy's baskets met events and surprises, whatever it does with them."""
    facts, prices, thesis, last = archive.facts, archive.prices, archive.thesis, whole_run(spans).end
    returns = returns_by_market(prices, thesis.universe, _baskets(spec, thesis.universe), last)
    return catalysts(facts, prices, thesis.universe, returns, spans), surprise_studies(facts, prices, thesis, returns, last)


def _price_source(prices: Prices) -> PriceSource:
    return PriceSource(prices.source, prices.adjustment, "none" if prices.bars is None else "daily open, high, low, close")


def _readings(signal: QuarterlySignal, panel: Panel) -> SignalReadings:
    def read() -> SignalReadings:
        by_quarter = readings(signal, panel.copy())
        for reading in by_quarter.values():
            reading.as_dict()  # a reading without figures fails here, where its signal is named
        return by_quarter

    return attempt(f"readings of signal {type(signal).__name__}", read)


def _then(archive: Archive, now: Panel) -> Panel:
    """Return what was known on the thesis's date, or at the run's end where that is earlier."""
    written = as_of_moment(f"{archive.thesis.date:%Y-%m-%d}")
    return archive.as_of(written) if written < now.moment else now


def _when_written(signals: dict[str, QuarterlySignal], archive: Archive, now: Panel) -> dict[str, SignalReadings]:
    """Return each signal's newest reading as known on the thesis's date, by its quarter; nothing where it had none."""
    panel = _then(archive, now)
    every = {name: _readings(signal, panel) for name, signal in signals.items()}
    return {name: dict(list(by_quarter.items())[-1:]) for name, by_quarter in every.items()}


def _seen(
    signals: dict[str, QuarterlySignal], archive: Archive, first: pd.Timestamp, last: pd.Timestamp
) -> dict[str, dict[str, float]]:
    """Return each signal's value for its latest complete quarter, as known at the end of every month and of the run."""
    seen: dict[str, dict[str, float]] = {name: {} for name in signals}
    shipped = {name for name, signal in signals.items() if not provenance.module_files([signal])}  # others may read more
    for day, (name, signal) in product(_reading_days(first, last), signals.items()):
        newest = partial(_newest_value, signal, archive, day)
        value = once(archive, "newest value", (signal, day), newest) if name in shipped else newest()
        if value is not None:
            seen[name][day] = value
    return seen


def _newest_value(signal: QuarterlySignal, archive: Archive, day: str) -> float | None:
    """Return a signal's value for its latest complete quarter, as known at the end of a day."""
    panel = once(archive, "panel", day, lambda: archive.as_of(as_of_moment(day)), most=1)
    values = attempt(f"values of signal {type(signal).__name__}", lambda: signal.values(panel.copy()))
    position = latest(values)
    return None if position is None else float(values[position])


def _known(archive: Archive, first: pd.Timestamp, last: pd.Timestamp) -> dict[str, dict[str, ClaimOutcome]]:
    """Return each claim's verdict and figure as known at the end of every month and of the run."""
    days = _reading_days(first, last)
    return {day: {finding.claim.id: finding.outcome for finding in known_at(archive, as_of_moment(day))} for day in days}


def _reading_days(first: pd.Timestamp, last: pd.Timestamp) -> list[str]:
    """Return the last day of every month of a run, and of the run: what is read last there is what the page says first."""
    days = [*pd.date_range(first, last, freq="ME"), last]
    return list(dict.fromkeys(f"{day:%Y-%m-%d}" for day in days))


def named_signals(spec: StrategySpec, thesis: Thesis) -> dict[str, Signal]:
    """Return the spec's signals by module name, or by class where they have no module of their own."""
    return dict(zip(signal_names(spec, thesis), spec.signals, strict=True))


def _books(spec: StrategySpec, archive: Archive, universe: Universe, spans: Sequence[Window]) -> dict[str, Book]:
    """Return every book, made market by market: books over the same sessions share the draws of their intervals."""
    prices, made = archive.prices, {}
    for name in sorted(spec.books, key=lambda name: sorted(prices.markets_of(spec.tickers(name, universe)))):
        made[name] = with_tear_sheet(_book(spec, name, archive, universe, spans), spans, prices)
    return {name: made[name] for name in spec.books}


def _book(spec: StrategySpec, name: str, archive: Archive, universe: Universe, spans: Sequence[Window]) -> Book:
    rows, prices = [universe.basket(basket) for basket in spec.books[name]], archive.prices
    tickers, base, compared = spec.tickers(name, universe), spec.currency(name, universe), universe.comparisons(spec.books[name])
    sessions = run_sessions(prices, tickers, pd.Timestamp(spec.start), spans[-1].end, base)
    decisions = _decided(spec, name, archive, universe, sessions)
    outcome, now = _traded(spec, name, archive, universe, sessions, decisions)
    benchmarks = benchmark_values(prices, compared, base, sessions, spec.capital)
    periods, chosen = prices.periods_per_year(prices.markets_of(tickers)), pd.Timestamp(max(row.chosen for row in rows))
    return Book(
        basket=name,
        title=spec.title if spec.together else rows[0].title,
        members=tuple(dict.fromkeys(ticker for row in rows for ticker in row.members)),
        chosen=chosen,
        currency=base,
        periods_per_year=periods,
        equity=outcome.equity,
        benchmarks=benchmarks,
        comparisons=compared,
        charted=charted(universe, compared),
        decisions=_decision_table(signal_names(spec, archive.thesis), decisions),
        targets=outcome.targets,
        realised=outcome.realised,
        orders=outcome.orders,
        unfilled=outcome.unfilled,
        late=outcome.late,
        exits=outcome.exits,
        differences=outcome.differences,
        profits=outcome.profits,
        attribution=_attribution(outcome.profits, spec.capital, universe, prices, base),
        windows={window.name: window_statistics(outcome.equity, outcome.orders, window, periods, chosen) for window in spans},
        benchmark_windows=benchmark_windows(benchmarks, compared, outcome.equity, outcome.realised, spans),
        coverage=_coverage(prices, tickers),
        cash=cash_interest(prices, base, sessions, outcome.profits),
        origin=Origin(archive.data_id, tuple(prices.wealth.columns)),
        largest_order=largest_order(outcome.orders, prices),
        shares=outcome.shares,
        return_split=book_splits(outcome, base, archive, spans),
        control=control_of(RunBook(name, spec, prices, tickers, base, tuple(decisions), outcome.equity), spans),
        holdings_now=now,
        fills=outcome.fills,
    )


def _decided(spec: StrategySpec, name: str, archive: Archive, universe: Universe, sessions: pd.DatetimeIndex) -> list[Decision]:
    """Return a book's decisions, the same twice (NotRepeatableError) and not without any value (StrategyError)."""
    decisions = decide(spec, name, archive, universe, sessions)
    require_repeatable(spec, name, archive, universe, decisions)
    require_values(spec, name, decisions)
    return decisions


def _traded(
    spec: StrategySpec, name: str, archive: Archive, universe: Universe, sessions: pd.DatetimeIndex, decisions: list[Decision]
) -> tuple[Simulation, HoldingsNow | None]:
    """Return what came of a book's decisions, and what it holds at its last close beside the decision of that close."""
    tickers, prices, last = spec.tickers(name, universe), archive.prices, decide_at(spec, name, archive, universe, sessions[-1])
    base = spec.currency(name, universe)
    outcome = trade(targets_of(decisions, tickers), prices, base, sessions, spec.execution, last.targets)
    return outcome, now_of(spec, prices, tickers, last, outcome)


def _decision_table(names: Sequence[str], decisions: Sequence[Decision]) -> pd.DataFrame:
    """Return session × moment, score of each signal (the mean where it scores names) and the share to be invested."""
    scores = {name: [float(decision.scores[number].mean()) for decision in decisions] for number, name in enumerate(names)}
    invested = [sum(decision.targets.values()) for decision in decisions]
    index = pd.DatetimeIndex([decision.session for decision in decisions], name="session")
    return pd.DataFrame({"moment": [decision.moment for decision in decisions], **scores, "invested": invested}, index=index)


def _attribution(
    profits: dict[str, pd.DataFrame], capital: float, universe: Universe, prices: Prices, base: str
) -> dict[str, pd.DataFrame]:
    """Return what each name, theme, market and currency added to the total return; each table adds up to it."""
    by_name = attribution.contributions(profits, capital)
    cash = attribution.CASH
    theme = {ticker: cash if ticker == cash else universe.supplier(ticker).theme for ticker in by_name.index}
    groups = {"theme": theme, "market": {**prices.market, cash: cash}, "currency": {**prices.currency, cash: base}}
    return {"name": by_name} | {name: attribution.grouped(by_name, group) for name, group in groups.items()}


def _coverage(prices: Prices, tickers: Sequence[str]) -> Coverage:
    """Return how many of some tickers are priced to the end, of how many, and when and why the others ended."""
    ended = tuple(
        EndedTicker(ticker, f"{prices.sold_at(ticker):%Y-%m-%d}", prices.ended[ticker])
        for ticker in tickers
        if ticker in prices.ended
    )
    return Coverage(len(tickers) - len(ended), len(tickers), ended)
