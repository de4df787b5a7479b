"""Asks every source for what the store lacks, stores what succeeds, and says what is missing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from backtest.clock import SYSTEM, Clock
from backtest.data.adjustment import adjusted
from backtest.data.answer import Answer
from backtest.data.figure_checks import Fault, faults, rules_of
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.price_checks import Sheet, checked_rate, checked_rows
from backtest.data.sources.http import Client, UnreachableError
from backtest.data.sources.protocol import (
    FigureSource,
    Instrument,
    PriceSource,
    Source,
    instrument_of,
)
from backtest.data.sources.reference import load_facts
from backtest.data.store.append_only import FIGURES, FigureCoverage, PriceCoverage, Store
from backtest.data.store.live import missing_sessions
from backtest.data.store.reading import answered, bars_of, figures_of
from backtest.data.store.vintages import Count, append_figures, append_prices, newest, rescaled
from backtest.errors import BacktestError, ConfigurationError, DataError, near_miss
from backtest.markets import Market
from backtest.universe import Universe

SINCE = pd.Timestamp("2021-01-01")
OVERLAP = pd.Timedelta(days=30)  # asked again, to see whether the past has changed


@dataclass(frozen=True)
class Item:
    """One thing to ask a source for."""

    source: Source
    key: str

    @property
    def name(self) -> str:
        """Its source and key, as messages name it."""
        return f"{self.source.name} {self.key}"


@dataclass(frozen=True)
class Summary:
    """What a pull did: rows by source, items that were fresh, figures refused, and the fault of each item missing."""

    counts: dict[str, Count] = field(default_factory=dict)
    fresh: int = 0
    refused: tuple[str, ...] = ()
    missing: tuple[tuple[Item, str], ...] = ()

    def with_count(self, source: str, count: Count, refused: Iterable[str]) -> "Summary":
        """Return the summary with an item's rows added."""
        counts = self.counts | {source: self.counts.get(source, Count()) + count}
        return replace(self, counts=counts, refused=(*self.refused, *refused))


Report = Callable[[Item, str], None]


def items(sources: Sequence[Source], universe: Universe, keys: Sequence[str] = ()) -> list[Item]:
    """Return what some sources can be asked for, of all or of some tickers and companies; ConfigurationError with a near miss."""
    known = {source.name: answered(source, "keys", partial(source.keys, universe)) for source in sources}
    everything = sorted({key for names in known.values() for key in names})
    for key in keys:
        if key not in everything:
            raise ConfigurationError(near_miss(f"ticker of {', '.join(known)}", key, everything))
    return [Item(source, key) for source in sources for key in known[source.name] if not keys or key in keys]


def pull(
    store: Store,
    wanted: Sequence[Item],
    report: Report,
    universe: Universe,
    since: pd.Timestamp = SINCE,
    again: bool = False,
    clock: Clock = SYSTEM,
) -> Summary:
    """Ask for each item that is not fresh and store what comes, item by item; a source out of reach is asked no more.

    `report(item, outcome)` is called when an item is safely stored or given up.
    """
    summary = Summary()
    lost: dict[str, str] = {}
    sources = {item.source.name: item.source for item in wanted}
    for source in sources.values():
        source.origin.check_agent()
    with store.writing():
        task = _Task(store, universe, since, load_decisions(store.home, universe, store.keys()))
        clients = {name: Client(source.origin, store.keep, clock) for name, source in sources.items()}
        for item in wanted:
            name = item.source.name
            if name in lost:
                summary = _without(summary, item, lost[name], report)
                continue
            try:
                if not again and fresh(store, item, universe, clock.now()):
                    _require_calendar(item, universe, clock.now())
                    summary = replace(summary, fresh=summary.fresh + 1)
                    report(item, "fresh")
                    continue
                count, refused = task.safely(clients[name], item)
            except UnreachableError as error:
                lost[name] = str(error)
                summary = _without(summary, item, str(error), report)
            except BacktestError as error:
                summary = _without(summary, item, str(error), report)
            else:
                summary = summary.with_count(name, count, refused)
                report(item, f"stored: {count.new} new, {count.changed} changed, {count.unchanged} unchanged")
    return summary


def fresh(store: Store, item: Item, universe: Universe, now: pd.Timestamp) -> bool:
    """Return whether the store has everything an item could give at a moment."""
    source = item.source
    if isinstance(source, FigureSource):
        figures = store.figure_coverage(source.table)
        seen = figures["seen"].get(item.key) if figures else None
        return seen is not None and now - pd.Timestamp(seen) < source.fresh_for
    if not isinstance(source, PriceSource):
        return False
    prices = store.price_coverage(source.table(item.key))
    return (
        prices is not None
        and not prices["gaps"]
        and pd.Timestamp(prices["last"]) >= last_final_session(source, item.key, universe, now)
    )


def last_final_session(source: PriceSource, ticker: str, universe: Universe, now: pd.Timestamp) -> pd.Timestamp:
    """Return the last session of a ticker's market whose prices were final at a moment; of a rate, the last weekday.

    Where the calendar of the market ends before, it is the last that is known.
    """
    return final_session(source, instrument_of(universe, ticker).traded_on, now)


def final_session(source: PriceSource, market: Market | None, now: pd.Timestamp) -> pd.Timestamp:
    """Return the same of a market, None for what is no share but a rate."""
    if market is None:
        day = now.tz_localize(None).normalize() - pd.Timedelta(days=1)
        return day - pd.Timedelta(days=max(0, day.weekday() - 4))
    today = min(now.tz_localize(None).normalize(), market.last_day)
    ends = market.closes(today - pd.Timedelta(days=30), today)
    return pd.Timestamp(ends.index[(ends + source.settled_after <= now).to_numpy()][-1])


def _require_calendar(item: Item, universe: Universe, now: pd.Timestamp) -> None:
    """Raise DataError where nothing newer can be asked for because the calendar of an item's market has ended."""
    if isinstance(item.source, PriceSource) and (market := instrument_of(universe, item.key).traded_on):
        today = now.tz_localize(None).normalize()
        market.closes(today, today)


def _without(summary: Summary, item: Item, fault: str, report: Report) -> Summary:
    report(item, f"missing: {fault}")
    return replace(summary, missing=(*summary.missing, (item, fault)))


@dataclass(frozen=True)
class _Task:
    """What a pull does for every item."""

    store: Store
    universe: Universe
    since: pd.Timestamp
    decisions: Decisions

    def safely(self, client: Client, item: Item) -> tuple[Count, list[str]]:
        """Pull an item; DataError for whatever its source's own code raises."""
        return answered(item.source, item.key, lambda: self.pull(client, item))

    def pull(self, client: Client, item: Item) -> tuple[Count, list[str]]:
        """Ask for an item and store what comes; return its rows and a line for each figure refused."""
        source = item.source
        if isinstance(source, PriceSource):
            return self._pull_prices(client, source, instrument_of(self.universe, item.key)), []
        if not isinstance(source, FigureSource):
            raise ConfigurationError(f"{source.name}: neither a source of prices nor one of figures")
        answers = source.fetch(client, item.key)
        if not answers:
            raise DataError(f"{item.name}: fetch gives no answer; expected at least one")
        rows, refused = figures_of(source, item.key, [answer.body for answer in answers])
        count, wrong = _store_figures(self.store, item, rows, answers[0], self.decisions)
        return count, [*refused, *wrong]

    def _pull_prices(self, client: Client, source: PriceSource, instrument: Instrument) -> Count:
        table, name = source.table(instrument.ticker), f"{source.name} {instrument.ticker}"
        stored = self.store.read(table)
        begin = _begin(self.store, table, self.since, stored)
        answer = source.fetch(client, instrument, begin)
        prices = bars_of(source, instrument, answer)
        if stored is not None and begin > self.since and rescaled(stored, prices):
            answer = source.fetch(client, instrument, self.since)
            prices = bars_of(source, instrument, answer)
        rows, count = append_prices(stored, prices, instrument.traded_on, answer.at, answer.sha)
        current = newest(rows)
        self._check(current, name, instrument)
        gaps = _gaps(current, instrument.ticker, instrument.traded_on, self.decisions)
        coverage: PriceCoverage = {
            "first": f"{current['session'].iloc[0]:%Y-%m-%d}", "last": f"{current['session'].iloc[-1]:%Y-%m-%d}",
            "sessions": len(current), "gaps": gaps, "seen": _stamp(answer.at),
        }  # fmt: skip
        self.store.write(table, rows, coverage, answer.at)
        if gaps:
            raise DataError(
                f"{name}: no row for {gaps[0]}, a session of {instrument.market} ({len(gaps)} missing); not "
                "used until they come, or a [[suspended]] row in decisions.toml covers them"
            )
        return count

    def _check(self, rows: pd.DataFrame, name: str, instrument: Instrument) -> None:
        """Pass what the store would hold through the gate; gaps are named when all is stored."""
        market = instrument.traded_on
        if market is None:
            closes = rows.set_index("session")[["close"]].assign(adj_close=rows["close"].to_numpy())
            checked_rate(closes, self.universe.currencies[instrument.currency], name, self.decisions)
            return
        opened = market.sessions(self.since, self.since + pd.Timedelta(days=30))[0]
        checked_rows(Sheet(adjusted(rows, name), instrument.ticker, market, name, self.decisions), opened)


def _store_figures(
    store: Store, item: Item, figures: pd.DataFrame, answer: Answer, decisions: Decisions
) -> tuple[Count, list[str]]:
    """Store the figures that pass the gate together with the embedded ones of their entity; return a line for each other."""
    wrong = _unfit(store, item, figures, decisions)
    dropped = {label for fault in wrong for label in fault.rows}
    fit, lines = figures.drop(index=[label for label in figures.index if label in dropped]), [fault.message for fault in wrong]
    if fit.empty:
        reason = f" ({lines[0].removeprefix(f'{item.name}: ')})" if lines else ""
        raise DataError(f"{item.name}: no quarter can be read{reason}; expected at least one")
    name = f"{FIGURES}/{item.source.name}"
    rows, count = append_figures(store.read(name), fit, answer.at, answer.sha)
    coverage = store.figure_coverage(name) or FigureCoverage(seen={})
    store.write(name, rows, {"seen": coverage["seen"] | {item.key: _stamp(answer.at)}}, answer.at)
    return count, lines


def _unfit(store: Store, item: Item, figures: pd.DataFrame, decisions: Decisions) -> list[Fault]:
    """Return the faults of an answer's figures, checked together with the embedded ones of the same entity."""
    if figures.empty:
        return []
    embedded = load_facts().rows
    own = embedded[embedded["entity"].isin(figures["entity"])]
    named = figures.assign(origin=f"{item.name}", published=figures["known_at"].dt.strftime("%Y-%m-%dT%H:%MZ"))
    rows = pd.concat([named, own.set_index(-1 - np.arange(len(own)))])  # labels below 0 are embedded
    differ = named.merge(own, on=["entity", "metric", "period", "known_at"])["known_at"]  # settled when they are reconciled
    rows = rows[(rows.index >= 0) | ~rows["known_at"].isin(differ)]
    return [fault for fault in faults(rows, rules_of(store.home, decisions)) if any(label >= 0 for label in fault.rows)]


def _begin(store: Store, table: str, since: pd.Timestamp, stored: pd.DataFrame | None) -> pd.Timestamp:
    """Return the day to ask from: a month before the last session stored, or the start where there is nothing or a gap."""
    coverage = store.price_coverage(table)
    if stored is None or coverage is None or coverage["gaps"] or pd.Timestamp(coverage["first"]) > since + pd.Timedelta(days=10):
        return since
    return max(since, pd.Timestamp(coverage["last"]) - OVERLAP)


def _gaps(rows: pd.DataFrame, ticker: str, market: Market | None, decisions: Decisions) -> list[str]:
    """Return the sessions without a row that no decision explains; where no share is suspended, those without a price too."""
    if market is None:
        return []
    gone = missing_sessions(pd.DatetimeIndex(rows["session"]), market)
    empty = pd.DatetimeIndex(rows["session"][rows["close"].isna()]) if market.suspension == "none" else gone[:0]
    every = gone.union(empty)
    return [f"{day:%Y-%m-%d}" for day in every.difference(decisions.suspended(ticker, every))]


def _stamp(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
