"""One run of a strategy: a RunResult, which is all that a report reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtest import engine
from backtest.data import folder, reference
from backtest.facts import content_id
from backtest.panel import Archive
from backtest.prices import Prices
from backtest.regimes import Window, windows
from backtest.signals import QuarterlySignal, load_signals, readings
from backtest.spec import StrategySpec
from backtest.statistics import performance, uncertainty
from backtest.universe import Universe, load_universe

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Book:
    """One portfolio: a basket under the strategy's rule, in one currency.

    `equity` is session → value; `benchmarks` session × ticker, in the book's currency, scaled to the capital, NaN before
    a benchmark's first price and after its last. `targets` and `realised` are order session × ticker weights. `scores`
    is decision session × signal. `orders`, `unfilled`, `late`, `exits` and `differences` are engine tables. `windows` has
    a row of statistics per window, `benchmark_windows` the total return of each benchmark per window.
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
    windows: dict[str, dict[str, Any]]
    benchmark_windows: dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class RunResult:
    """A strategy's run: the spec that asked for it, what identifies its inputs, and what came out, book by book."""

    spec: dict[str, Any]
    spec_id: str
    data_id: str
    code_id: str
    prices: dict[str, str]
    windows: tuple[Window, ...]
    books: dict[str, Book]
    signals: dict[str, dict[str, Any]]
    names: dict[str, dict[str, str]]
    notes: tuple[str, ...]

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
            "notes": list(self.notes),
        }


def load_archive(tickers: Sequence[str], prices: str = "reference") -> Archive:
    """Return the embedded figures with prices of some tickers: "reference", or a folder of daily CSVs."""
    chosen = sorted(set(tickers))
    held = reference.load_prices(chosen) if prices == "reference" else folder.load_prices(chosen, Path(prices))
    return Archive(reference.load_facts(), held)


def tickers_of(spec: StrategySpec, universe: Universe) -> list[str]:
    """Return every ticker a run needs prices for: what its books can hold and what they are compared with."""
    held = {ticker for basket in spec.baskets for ticker in spec.tickers(basket, universe)}
    return sorted(held | {row.ticker for row in universe.benchmarks})


def run(spec: StrategySpec, archive: Archive, universe: Universe | None = None) -> RunResult:
    """Return the run of a spec on an archive."""
    universe = universe or load_universe()
    held = sorted({ticker for basket in spec.baskets for ticker in spec.tickers(basket, universe)})
    archive.prices.require(held)
    last = engine.last_session(spec, archive.prices, held)
    spans = windows(universe, pd.Timestamp(spec.start), last)
    books = {basket: _book(spec, basket, archive, universe, spans) for basket in spec.baskets}
    notes = [note for book in books.values() for note in _notes(book)]
    panel = archive.as_of(pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1))
    rows = [*universe.suppliers, *universe.benchmarks]
    return RunResult(
        spec=spec.as_dict(),
        spec_id=spec.spec_id,
        data_id=archive.data_id,
        code_id=code_id(),
        prices={
            "source": archive.prices.source,
            "frequency": archive.prices.frequency,
            "adjustment": archive.prices.adjustment,
        },
        windows=tuple(spans),
        books=books,
        signals={
            name: {quarter: reading.as_dict() for quarter, reading in readings(signal, panel).items()}
            for name, signal in _named(spec).items()
            if isinstance(signal, QuarterlySignal)
        },
        names={row.ticker: {"name": row.name, "name_zh": row.name_zh} for row in rows},
        notes=tuple(notes),
    )


@lru_cache
def code_id() -> str:
    """Return a hash of the source that runs: every file of `backtest/` and `strategies/` that is code or a rule."""
    paths = sorted(
        path for top in ("backtest", "strategies") for path in (ROOT / top).rglob("*") if path.suffix in (".py", ".toml")
    )
    return content_id(part for path in paths for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes()))


def _named(spec: StrategySpec) -> dict[str, Any]:
    """Return the spec's signals by module name."""
    known = {type(signal): name for name, signal in load_signals().items()}
    return {known.get(type(signal), type(signal).__name__): signal for signal in spec.signals}


def _book(spec: StrategySpec, basket: str, archive: Archive, universe: Universe, spans: list[Window]) -> Book:
    row, prices = universe.basket(basket), archive.prices
    tickers = spec.tickers(basket, universe)
    base = row.currency if spec.base == "local" else spec.base
    markets = prices.markets_of(tickers)
    sessions = engine.run_sessions(prices, tickers, pd.Timestamp(spec.start), spans[-1].end)
    decisions = engine.decide(spec, basket, archive, universe, sessions)
    placement = engine.place(decisions, prices, tickers, sessions, spec.lag)
    outcome = engine.simulate(placement, prices, base, sessions, spec.capital, spec.cost_bps)
    compared = [one.ticker for one in universe.benchmarks if one.market in markets]
    benchmarks = _benchmarks(prices, compared, base, sessions, spec.capital)
    periods = prices.periods_per_year(markets)
    chosen = pd.Timestamp(row.chosen)
    return Book(
        basket=basket,
        title=row.title,
        members=row.members,
        chosen=chosen,
        currency=base,
        periods_per_year=periods,
        equity=outcome.equity,
        benchmarks=benchmarks,
        decisions=pd.DataFrame(
            {
                "moment": [one.moment for one in decisions],
                **{name: [_single(one.scores[number]) for one in decisions] for number, name in enumerate(_named(spec))},
                "invested": [sum(one.targets.values()) for one in decisions],
            },
            index=pd.DatetimeIndex([one.session for one in decisions], name="session"),
        ),
        targets=placement.targets,
        realised=outcome.realised,
        orders=outcome.orders,
        unfilled=placement.unfilled,
        late=placement.late,
        exits=placement.exits,
        differences=outcome.differences,
        windows={window.name: window_statistics(outcome.equity, outcome.orders, window, periods, chosen) for window in spans},
        benchmark_windows={
            ticker: {window.name: _benchmark_return(benchmarks[ticker], window) for window in spans} for ticker in compared
        },
    )


def window_statistics(
    equity: pd.Series, orders: pd.DataFrame, window: Window, periods_per_year: int, chosen: pd.Timestamp
) -> dict[str, Any]:
    """Return what a book did in a window: fractions, except Sharpe (annualised), n (returns) and the counts.

    The base of the first return is the last value before the window, or the first value of the run. `hindsight` is true
    when the window began before the basket was chosen.
    """
    held = equity.iloc[window.slice(pd.DatetimeIndex(equity.index))]
    if len(held) < 2:
        return {"n": 0, "sample": window.sample, "total_return": None}
    traded = orders[(orders["session"] > held.index[0]) & (orders["session"] <= held.index[-1])]
    returns = performance.returns(held)
    ratio = uncertainty.sharpe(returns, periods_per_year)
    return {
        "n": len(returns),
        "first": f"{held.index[0]:%Y-%m-%d}",
        "last": f"{held.index[-1]:%Y-%m-%d}",
        "sample": window.sample,
        "hindsight": bool(held.index[0] < chosen),
        "total_return": performance.total_return(held),
        "sharpe": ratio[0] if ratio else None,
        "sharpe_error": ratio[1] if ratio else None,
        "max_drawdown": performance.max_drawdown(held),
        "turnover": performance.turnover(float(traded["value"].sum()), held),
        "costs": float((traded["cost"] / held.reindex(traded["session"]).to_numpy()).sum()),
        "orders": len(traded),
    }


def _benchmarks(prices: Prices, tickers: list[str], base: str, sessions: pd.DatetimeIndex, capital: float) -> pd.DataFrame:
    """Return each benchmark as if bought at its first price in the run, NaN outside its priced span."""
    held = prices.in_currency(tickers, base, sessions)
    filled = held.ffill().where(held.bfill().notna())
    return filled / filled.bfill().iloc[0] * capital


def _benchmark_return(equity: pd.Series, window: Window) -> float | None:
    """Return a benchmark's return over a window, or None where it was not priced throughout."""
    held = equity.iloc[window.slice(pd.DatetimeIndex(equity.index))]
    return None if held.isna().any() else performance.total_return(held)


def _single(scores: pd.Series) -> float:
    """Return the score when it is one of the whole supply chain, else the mean over those with an opinion."""
    return float(scores.mean())


def _notes(book: Book) -> list[str]:
    notes = [f"{book.basket}: {row.ticker} sold on {row.session:%Y-%m-%d}, its last price" for row in book.exits.itertuples()]
    counted = book.unfilled[book.unfilled["reason"] != engine.RUN_ENDED]
    if len(counted):
        notes.append(f"{book.basket}: {len(counted)} order(s) never filled, each listed with its reason")
    for ticker, column in book.benchmarks.items():
        if column.notna().any() and (last := column.last_valid_index()) < book.equity.index[-1]:
            notes.append(f"{book.basket}: benchmark {ticker} ends on {last:%Y-%m-%d}")
    return notes


def _book_as_dict(book: Book) -> dict[str, Any]:
    return {
        "title": book.title,
        "members": list(book.members),
        "chosen": f"{book.chosen:%Y-%m-%d}",
        "currency": book.currency,
        "periods_per_year": book.periods_per_year,
        "regimes": book.windows,
        "benchmarks": book.benchmark_windows,
        "orders": len(book.orders),
        "unfilled": _records(book.unfilled),
        "late": _records(book.late),
        "exits": _records(book.exits),
        "differences": _records(book.differences),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def to_json(document: Any) -> str:
    """Return a document as JSON: sorted as given, NaN and infinities as null."""
    return json.dumps(_finite(document), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
