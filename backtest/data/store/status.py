"""What a store holds, and whether it is whole."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TypedDict

import pandas as pd

from backtest.calendars import quarter_label, quarter_of
from backtest.data.sources import reference
from backtest.data.sources.discovery import figure_sources, load_sources, price_sources
from backtest.data.store.append_only import PriceCoverage, Store, table_body
from backtest.data.store.coverage import price_coverages
from backtest.data.store.derivation import derivation_faults
from backtest.data.store.ledger import TableLine
from backtest.data.store.live import Sources, reconciled
from backtest.data.store.pull import final_session, items
from backtest.data.store.reconcile import read_typed
from backtest.errors import DataError
from backtest.thesis import load_thesis
from backtest.universe import Universe


class EmbeddedPrices(TypedDict):
    """Sessions of a ticker that the package carries; `last_bar` is the last with an open, high and low, None for closes only."""

    first: str
    last: str
    last_bar: str | None
    sessions: int
    days_old: int


class EmbeddedFigures(TypedDict):
    """Figures of an entity that the package carries; `newest` is the day on which the newest became known."""

    first: str
    last: str
    metrics: int
    figures: int
    newest: str
    days_old: int


class Embedded(TypedDict):
    """What the package carries: prices by ticker, figures by entity."""

    prices: dict[str, EmbeddedPrices]
    figures: dict[str, EmbeddedFigures]


class StoredPrices(PriceCoverage):
    """What the store has of a ticker from a source, and how many days its last session is behind the last that was final."""

    source: str
    days_behind: int


class StoredFigures(TypedDict):
    """What the store has of an entity and metric, by calendar quarter, compared with the embedded figures."""

    source: str
    first: str
    last: str
    quarters: list[str]
    missing: list[str]
    outcomes: dict[str, int]
    days_since_asked: int | None


class Status(TypedDict):
    """What `data status` shows; figures are by "entity metric", `typed` is the number of rows a person typed.

    What a further source has of a ticker or figure stands under its name too: "ticker (source)".
    """

    embedded: Embedded
    home: str
    prices: dict[str, StoredPrices]
    missing_prices: list[str]
    figures: dict[str, StoredFigures]
    typed: int
    conflicts: list[str]


def status(store: Store, now: pd.Timestamp, sources: Sources | None = None, universe: Universe | None = None) -> Status:
    """Return what is embedded, and of a store its coverage by ticker, entity and quarter, ages, gaps and conflicts."""
    sources, universe = load_sources() if sources is None else sources, universe or load_thesis().universe
    outcomes = reconciled(store, sources)
    prices = _stored_prices(store, sources, universe, now)
    priced = {name.partition(" ")[0] for name in prices}
    wanted = [item.key for item in items(price_sources(sources.values()), universe)]
    return {
        "embedded": embedded(now),
        "home": str(store.home),
        "prices": prices,
        "missing_prices": [key for key in dict.fromkeys(wanted) if key not in priced],
        "figures": _stored_figures(store, sources, outcomes.outcomes, now),
        "typed": len(read_typed(store.home)),
        "conflicts": outcomes.conflicts(),
    }


def embedded(now: pd.Timestamp) -> Embedded:
    """Return what the package carries, with ages in days."""
    prices: dict[str, EmbeddedPrices] = {
        row["ticker"]: {
            "first": row["first"],
            "last": row["last"],
            "last_bar": row["last_bar"] or None,
            "sessions": int(row["sessions"]),
            "days_old": (now.tz_localize(None) - pd.Timestamp(row["last"])).days,
        }
        for row in reference.price_table()
    }
    figures: dict[str, EmbeddedFigures] = {
        str(entity): {
            "first": quarter_label(int(own["quarter"].min())),
            "last": quarter_label(int(own["quarter"].max())),
            "metrics": int(own["metric"].nunique()),
            "figures": len(own),
            "newest": str(own["published"].iloc[int(own["known_at"].argmax())])[:10],
            "days_old": (now - own["known_at"].max()).days,
        }
        for entity, own in reference.load_facts().rows.groupby("entity", sort=True)
    }
    return {"prices": prices, "figures": figures}


def verify(store: Store, sources: Sources | None = None, universe: Universe | None = None) -> tuple[dict[str, int], list[str]]:
    """Hash every answer and table, follow the ledger, derive the rows again; return counts and a line for each fault."""
    counts = {
        "answers": len(list(store.home.glob("answers/*/*.gz"))),
        "tables": len(list(store.home.glob("tables/*/*/[0-9]*.parquet"))),
        "lines": 0,
        "lines cut short": 0,
    }
    faults, lines = [], []
    for where, line, fault in store.ledger.entries():
        counts["lines" if line is not None else "lines cut short"] += 1
        faults += [f"{where} {fault}"] if fault else []
        lines += [(where, line)] if line is not None and not fault else []
    answers = [(where, line) for where, line in lines if "answer" in line]
    faults += [*_answer_faults(store, {line["answer"]: line.get("file") for _, line in answers})]
    faults += [
        f"{where}: answer {line['answer'][:16]} of {line['source']} {line['key']} is gone"
        for where, line in answers
        if not store.answer_path(line["answer"]).exists()
    ]
    faults += [*_table_faults(store, {line["answer"] for _, line in answers})]
    faults += _lost_tables(store, [line for _, line in lines if "table" in line])
    if not lines and counts["answers"] > 1:
        faults.append("ledger: it is gone, and there are answers")
    return counts, faults or [*derivation_faults(store, [line for _, line in answers], sources, universe)]


def _lost_tables(store: Store, lines: list[TableLine]) -> list[str]:
    """Return a line for each table that the ledger names and is gone, and for each that no line names."""
    faults = []
    for name, file in {line["table"]: line["file"] for line in lines}.items():
        stored = [path.name for path in (store.home / "tables" / name).glob("[0-9]*.parquet")]
        if not any(other >= file for other in stored):
            faults.append(f"tables/{name}: {file} is gone, and nothing newer is there")
    unlogged = store.unlogged()
    if len(unlogged) > 1:  # a kill between a table and its line leaves one
        faults += [
            f"tables/{path.parent.parent.name}/{path.parent.name}/{path.name}: stands in no line of the ledger"
            for path in unlogged
        ]
    return faults


def _answer_faults(store: Store, files: dict[str, str | None]) -> Iterator[str]:
    """Yield a line for each answer that is not what was written; `files` has the hash of each answer's file by its own."""
    for path in sorted(store.home.glob("answers/*/*.gz")):
        where, sha = f"answers/{path.parent.name}/{path.name}", path.name.removesuffix(".gz")
        try:
            store.answer(sha)
        except DataError as error:
            yield f"{where}: {str(error).partition(': ')[2]}"
            continue
        if path != store.answer_path(sha):
            yield f"{where}: stands in the wrong folder"
        if files.get(sha) and files[sha] != hashlib.sha256(path.read_bytes()).hexdigest():
            yield f"{where}: its compressed bytes are not those that were written"


def _table_faults(store: Store, logged: set[str]) -> Iterator[str]:
    for path in sorted(store.home.glob("tables/*/*/[0-9]*.parquet")):
        try:
            table_body(path)
        except DataError as error:
            yield f"tables/{path.parent.parent.name}/{path.parent.name}/{path.name}: {str(error).partition(': ')[2]}"
    for name in store.tables():
        yield from _row_faults(store, name, logged)


def _row_faults(store: Store, name: str, logged: set[str]) -> Iterator[str]:
    try:
        rows = store.read(name)
    except DataError:  # reported with its file
        return
    if rows is None:
        return
    for sha in rows["answer"].unique():
        if not store.answer_path(sha).exists():
            yield f"tables/{name}: rows of answer {sha[:16]}, which is gone"
        if sha not in logged:
            yield f"tables/{name}: rows of answer {sha[:16]}, which stands in no line of the ledger"
    early = rows["known_at"] < pd.DatetimeIndex(rows["period_end" if "period_end" in rows else "session"]).tz_localize("UTC")
    if early.any():
        yield f"tables/{name}: {int(early.sum())} rows are known before the day they are of"


def _stored_prices(store: Store, sources: Sources, universe: Universe, now: pd.Timestamp) -> dict[str, StoredPrices]:
    prices: dict[str, StoredPrices] = {}
    traits = universe.market_and_currency()
    for source in price_sources(sources.values()):
        final = lru_cache(lambda code, source=source: final_session(source, universe.markets.get(code), now))
        for table, coverage in price_coverages(store, store.tables(source.table())).items():
            ticker = table.partition("/")[2]
            if coverage is not None:
                code = traits[ticker][0] if ticker in traits else universe.quoted(ticker)[0]
                behind = (final(code) - pd.Timestamp(coverage["last"])).days
                name = ticker if ticker not in prices else f"{ticker} ({source.name})"
                prices[name] = {**coverage, "source": source.name, "days_behind": max(0, behind)}
    return prices


def _stored_figures(store: Store, sources: Sources, outcomes: pd.DataFrame, now: pd.Timestamp) -> dict[str, StoredFigures]:
    figures: dict[str, StoredFigures] = {}
    for source in figure_sources(sources.values()):
        rows, coverage = store.read(source.table), store.figure_coverage(source.table)
        for (entity, metric), series in rows.groupby(["entity", "metric"]) if rows is not None else ():
            name = f"{entity} {metric}"
            name = name if name not in figures else f"{name} ({source.name})"
            quarters = sorted({quarter_of(end) for end in series["period_end"]})
            own = outcomes[(outcomes["entity"] == entity) & (outcomes["metric"] == metric) & (outcomes["source"] == source.name)]
            answered = coverage["seen"] if coverage else {}
            seen = answered.get(str(entity), max(answered.values(), default=None))
            figures[name] = {
                "source": source.name,
                "first": quarter_label(quarters[0]),
                "last": quarter_label(quarters[-1]),
                "quarters": [quarter_label(quarter) for quarter in quarters],
                "missing": [quarter_label(quarter) for quarter in range(quarters[0], quarters[-1]) if quarter not in quarters],
                "outcomes": {str(outcome): int(number) for outcome, number in own["outcome"].value_counts().items()},
                "days_since_asked": (now - pd.Timestamp(seen)).days if seen else None,
            }
    return figures
