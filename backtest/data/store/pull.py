"""Asks every source for what the store lacks, stores what succeeds, and says what is missing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from backtest import calendars
from backtest.clock import SYSTEM, Clock
from backtest.data.adjustment import adjusted
from backtest.data.answer import Answer
from backtest.data.figure_checks import Fault, faults, rules_of
from backtest.data.overrides import Decisions, load_decisions
from backtest.data.price_checks import Sheet, checked_rate, checked_rows
from backtest.data.sources import eastmoney, sec, yahoo
from backtest.data.sources.folder import RATE
from backtest.data.sources.http import ORIGINS, Client, UnreachableError
from backtest.data.sources.reference import load_facts
from backtest.data.store.append_only import FigureCoverage, PriceCoverage, Store
from backtest.data.store.live import missing_sessions
from backtest.data.store.vintages import Count, append_figures, append_prices, newest, rescaled
from backtest.errors import BacktestError, ConfigurationError, DataError, near_miss
from backtest.files.messages import UNKNOWN_SHAPE
from backtest.universe import load_universe

SINCE = pd.Timestamp("2021-01-01")
OVERLAP = pd.Timedelta(days=30)  # asked again, to see whether the past has changed
FRESH_FOR = pd.Timedelta(hours=12)  # figures are asked for twice a day at most


@dataclass(frozen=True)
class Item:
    """One thing to ask a source for."""

    source: str
    key: str


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


def items(sources: Sequence[str], keys: Sequence[str] = ()) -> list[Item]:
    """Return what some sources can be asked for, of all or of some tickers and companies; ConfigurationError with a near miss."""
    universe = load_universe()
    known = {
        "yahoo": [*universe.market_and_currency(), RATE],
        "sec": list(dict.fromkeys(tag.entity for tag in sec.load_series())),
        "eastmoney": [row.ticker for row in universe.suppliers if row.market == "XSHG" and row.chain != "fund"],
    }
    for source in sources:
        if source not in known:
            raise ConfigurationError(near_miss("source", source, list(known)))
    everything = sorted({key for source in sources for key in known[source]})
    for key in keys:
        if key not in everything:
            raise ConfigurationError(near_miss(f"ticker of {', '.join(sources)}", key, everything))
    return [Item(source, key) for source in sources for key in known[source] if not keys or key in keys]


def pull(
    store: Store,
    wanted: Sequence[Item],
    report: Report,
    since: pd.Timestamp = SINCE,
    again: bool = False,
    clock: Clock = SYSTEM,
) -> Summary:
    """Ask for each item that is not fresh and store what comes, item by item; a source out of reach is asked no more.

    `report(item, outcome)` is called when an item is safely stored or given up.
    """
    summary = Summary()
    lost: dict[str, str] = {}
    if any(item.source == "sec" for item in wanted):
        sec.check_agent()
    with store.writing():
        decisions = load_decisions(store.home)
        clients = {name: Client(origin, store.keep, clock) for name, origin in ORIGINS.items()}
        for item in wanted:
            if item.source in lost:
                summary = _without(summary, item, lost[item.source], report)
                continue
            try:
                if not again and fresh(store, item, clock.now()):
                    _require_calendar(item, clock.now())
                    summary = replace(summary, fresh=summary.fresh + 1)
                    report(item, "fresh")
                    continue
                count, refused = _pull_item(store, clients[item.source], item, since, decisions)
            except UnreachableError as error:
                lost[item.source] = str(error)
                summary = _without(summary, item, str(error), report)
            except BacktestError as error:
                summary = _without(summary, item, str(error), report)
            else:
                summary = summary.with_count(item.source, count, refused)
                report(item, f"stored: {count.new} new, {count.changed} changed, {count.unchanged} unchanged")
    return summary


def fresh(store: Store, item: Item, now: pd.Timestamp) -> bool:
    """Return whether the store has everything an item could give at a moment."""
    if item.source != "yahoo":
        figures = store.figure_coverage(item.source)
        seen = figures["seen"].get(item.key) if figures else None
        return seen is not None and now - pd.Timestamp(seen) < FRESH_FOR
    prices = store.price_coverage(item.key)
    return prices is not None and not prices["gaps"] and pd.Timestamp(prices["last"]) >= last_final_session(item.key, now)


def last_final_session(ticker: str, now: pd.Timestamp) -> pd.Timestamp:
    """Return the last session of a ticker's market whose prices were final at a moment; of the rate, the last weekday.

    Where the calendar of the market ends before, it is the last that is known.
    """
    if ticker == RATE:
        day = now.tz_localize(None).normalize() - pd.Timedelta(days=1)
        return day - pd.Timedelta(days=max(0, day.weekday() - 4))
    market = load_universe().traits([ticker])[ticker][0]
    today = min(now.tz_localize(None).normalize(), calendars.last_day(market))
    ends = calendars.closes(market, today - pd.Timedelta(days=30), today)
    return pd.Timestamp(ends.index[(ends + yahoo.SETTLED_AFTER <= now).to_numpy()][-1])


def _require_calendar(item: Item, now: pd.Timestamp) -> None:
    """Raise DataError where nothing newer can be asked for because the calendar of an item's market has ended."""
    if item.source == "yahoo" and item.key != RATE:
        today = now.tz_localize(None).normalize()
        calendars.closes(load_universe().traits([item.key])[item.key][0], today, today)


def _without(summary: Summary, item: Item, fault: str, report: Report) -> Summary:
    report(item, f"missing: {fault}")
    return replace(summary, missing=(*summary.missing, (item, fault)))


def _pull_item(store: Store, client: Client, item: Item, since: pd.Timestamp, decisions: Decisions) -> tuple[Count, list[str]]:
    try:
        return _pulled(store, client, item, since, decisions)
    except UNKNOWN_SHAPE as error:
        fault = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(f"{item.source} {item.key}: not the answer we know ({fault}); expected its usual shape") from None


def _pulled(store: Store, client: Client, item: Item, since: pd.Timestamp, decisions: Decisions) -> tuple[Count, list[str]]:
    if item.source == "yahoo":
        return _pull_prices(store, client, item.key, since, decisions)
    read = _pull_sec if item.source == "sec" else _pull_eastmoney
    answers, rows, refused = read(client, item.key)
    count, wrong = _store_figures(store, item, rows, answers[0], decisions)
    return count, [*refused, *wrong]


def _pull_prices(store: Store, client: Client, ticker: str, since: pd.Timestamp, decisions: Decisions) -> tuple[Count, list[str]]:
    market, currency = ("", "CNY") if ticker == RATE else load_universe().traits([ticker])[ticker]
    stored = store.read(f"prices/{ticker}")
    begin = _begin(store, ticker, since, stored)
    answer = yahoo.fetch(client, ticker, market, begin)
    prices = yahoo.parse(answer, ticker, market, currency)
    if stored is not None and begin > since and rescaled(stored, prices):
        answer = yahoo.fetch(client, ticker, market, since)
        prices = yahoo.parse(answer, ticker, market, currency)
    rows, count = append_prices(stored, prices, market, answer.at, answer.sha)
    current = newest(rows)
    _check(current, ticker, market, since, decisions)
    gaps = _gaps(current, ticker, market, decisions)
    coverage: PriceCoverage = {
        "first": f"{current['session'].iloc[0]:%Y-%m-%d}", "last": f"{current['session'].iloc[-1]:%Y-%m-%d}",
        "sessions": len(current), "gaps": gaps, "seen": _stamp(answer.at),
    }  # fmt: skip
    store.write(f"prices/{ticker}", rows, coverage, answer.at)
    if gaps:
        raise DataError(
            f"yahoo {ticker}: no row for {gaps[0]}, a session of {market} ({len(gaps)} missing); not used until they come, "
            "or a [[suspended]] row in decisions.toml covers them"
        )
    return count, []


def _pull_sec(client: Client, entity: str) -> tuple[list[Answer], pd.DataFrame, list[str]]:
    series = [tag for tag in sec.load_series() if tag.entity == entity]
    facts, pages = sec.fetch(client, series[0].cik, entity, min(tag.since for tag in series))
    return [facts, *pages], *sec.parse(facts.body, [page.body for page in pages], series)


def _pull_eastmoney(client: Client, ticker: str) -> tuple[list[Answer], pd.DataFrame, list[str]]:
    pages = eastmoney.fetch(client, ticker)
    return pages, *eastmoney.parse([page.body for page in pages], ticker)


def _store_figures(
    store: Store, item: Item, figures: pd.DataFrame, answer: Answer, decisions: Decisions
) -> tuple[Count, list[str]]:
    """Store the figures that pass the gate together with the embedded ones of their entity; return a line for each other."""
    wrong = _unfit(store, item, figures, decisions)
    dropped = {label for fault in wrong for label in fault.rows}
    fit, lines = figures.drop(index=[label for label in figures.index if label in dropped]), [fault.message for fault in wrong]
    if fit.empty:
        reason = f" ({lines[0].removeprefix(f'{item.source} {item.key}: ')})" if lines else ""
        raise DataError(f"{item.source} {item.key}: no quarter can be read{reason}; expected at least one")
    name = f"facts/{item.source}"
    rows, count = append_figures(store.read(name), fit, answer.at, answer.sha)
    coverage = store.figure_coverage(item.source) or FigureCoverage(seen={})
    store.write(name, rows, {"seen": coverage["seen"] | {item.key: _stamp(answer.at)}}, answer.at)
    return count, lines


def _unfit(store: Store, item: Item, figures: pd.DataFrame, decisions: Decisions) -> list[Fault]:
    """Return the faults of an answer's figures, checked together with the embedded ones of the same entity."""
    if figures.empty:
        return []
    embedded = load_facts().rows
    own = embedded[embedded["entity"].eq(item.key)]
    named = figures.assign(origin=f"{item.source} {item.key}", published=figures["known_at"].dt.strftime("%Y-%m-%dT%H:%MZ"))
    rows = pd.concat([named, own.set_index(-1 - np.arange(len(own)))])  # labels below 0 are embedded
    differ = named.merge(own, on=["entity", "metric", "period", "known_at"])["known_at"]  # settled when they are reconciled
    rows = rows[(rows.index >= 0) | ~rows["known_at"].isin(differ)]
    return [fault for fault in faults(rows, rules_of(store.home, decisions)) if any(label >= 0 for label in fault.rows)]


def _begin(store: Store, ticker: str, since: pd.Timestamp, stored: pd.DataFrame | None) -> pd.Timestamp:
    """Return the day to ask from: a month before the last session stored, or the start where there is nothing or a gap."""
    coverage = store.price_coverage(ticker)
    if stored is None or coverage is None or coverage["gaps"] or pd.Timestamp(coverage["first"]) > since + pd.Timedelta(days=10):
        return since
    return max(since, pd.Timestamp(coverage["last"]) - OVERLAP)


def _check(rows: pd.DataFrame, ticker: str, market: str, since: pd.Timestamp, decisions: Decisions) -> None:
    """Pass what the store would hold through the gate; gaps are named when all is stored."""
    name = f"yahoo {ticker}"
    if not market:
        checked_rate(rows.set_index("session")[["close"]].assign(adj_close=rows["close"].to_numpy()), ticker, name, decisions)
        return
    opened = calendars.closes(market, since, since + pd.Timedelta(days=30)).index[0]
    checked_rows(Sheet(adjusted(rows, name), ticker, market, name, decisions), opened)


def _gaps(rows: pd.DataFrame, ticker: str, market: str, decisions: Decisions) -> list[str]:
    """Return the sessions without a row, and in New York those without a price, that no decision explains."""
    if not market:
        return []
    gone = missing_sessions(pd.DatetimeIndex(rows["session"]), market)
    empty = pd.DatetimeIndex(rows["session"][rows["close"].isna()]) if market == "XNYS" else gone[:0]
    every = gone.union(empty)
    return [f"{day:%Y-%m-%d}" for day in every.difference(decisions.suspended(ticker, every))]


def _stamp(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
