"""The command line of the live store: `capex-backtest data --help`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from backtest.cli.options import JsonOption
from backtest.errors import DataError
from backtest.files.options import day
from backtest.text.bar import Bar, shows_bars

if TYPE_CHECKING:
    from backtest.data.store.pull import Item, Summary
    from backtest.data.store.status import Status
    from backtest.thesis import Thesis

data = typer.Typer(help="The live store: prices and figures from their own sources.", no_args_is_help=True, rich_markup_mode=None)


@data.command()
def pull(
    keys: Annotated[list[str] | None, typer.Argument(metavar="[TICKER|COMPANY]...", help="Only these; default: all.")] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this source; default: all.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First day of prices; default 2021-01-01.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask even for what is fresh.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the sources for what is new and store it; what was stored before an interruption is not asked again."""
    import pandas as pd

    from backtest import clock
    from backtest.data.sources.discovery import load_sources, named
    from backtest.data.store.append_only import open_store
    from backtest.data.store.pull import SINCE, items
    from backtest.data.store.pull import pull as pull_items

    first = SINCE if since is None else pd.Timestamp(day("--since", since))
    thesis = _thesis()
    universe = thesis.universe
    wanted = items(named(load_sources(*thesis.source_folders), source or []), universe, keys or [])
    with _Progress(len(wanted), lines=True) as progress:
        summary = pull_items(open_store(), wanted, progress.report, universe, first, again, clock.SYSTEM)
    document = _summary(summary)
    sys.stdout.write(_json(document) if as_json else _summary_lines(document))
    if summary.missing:
        raise DataError(f"{_missing(summary)}; what was received is stored; pull again for the rest")


@data.command()
def status(as_json: JsonOption = False) -> None:
    """Show what is embedded and what the store covers, how old it is, its gaps, and figures in conflict."""
    from backtest import clock
    from backtest.data.sources.discovery import load_sources
    from backtest.data.store.append_only import open_store
    from backtest.data.store.status import status as describe

    document = describe(open_store(), clock.SYSTEM.now(), load_sources(*_thesis().source_folders), _thesis().universe)
    sys.stdout.write(_json(document) if as_json else _status_lines(document))


@data.command()
def verify(as_json: JsonOption = False) -> None:
    """Hash everything in the store again, follow its ledger, and derive its rows again from the answers."""
    from backtest.data.sources.discovery import load_sources
    from backtest.data.store.append_only import open_store
    from backtest.data.store.status import verify as check

    store = open_store()
    counts, faults = check(store, load_sources(*_thesis().source_folders), _thesis().universe)
    counted = ", ".join(f"{number} {name}" for name, number in counts.items())
    sys.stdout.write(_json({"counts": counts, "faults": faults}) if as_json else f"{store.home}: {counted}\n")
    if faults:
        for fault in faults[1:]:
            typer.echo(fault, err=True)
        raise DataError(
            f"{faults[0]} ({len(faults)} faults in all); expected the store restored from a copy, or pulled anew elsewhere"
        )


@data.command()
def export(out: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")]) -> None:
    """Write a frozen snapshot that `--prices DIR` and `--facts DIR` read."""
    from backtest.data.sources.discovery import load_sources
    from backtest.data.store.append_only import open_store
    from backtest.data.store.export import export as write

    thesis = _thesis()
    page, left_out = write(open_store(), out, load_sources(*thesis.source_folders), thesis.universe)
    for line in left_out:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{out}: {len(page['tickers'])} tickers, prices {page['prices_id']}")


def _thesis() -> "Thesis":
    """Return the thesis that the working folder belongs to."""
    from backtest.thesis import find_thesis

    return find_thesis(None, Path.cwd())


def pull_prices(source: str, tickers: Sequence[str], thesis: "Thesis") -> None:
    """Pull what a run lacks of some tickers and the rates from a source; raise DataError naming what is missing."""
    from backtest import clock
    from backtest.data.sources.discovery import load_sources
    from backtest.data.store.append_only import open_store
    from backtest.data.store.pull import fresh, items
    from backtest.data.store.pull import pull as pull_items

    store, universe, now = open_store(), thesis.universe, clock.SYSTEM.now()
    every = items([load_sources(*thesis.source_folders)[source]], universe)
    stale = [item for item in every if item.key in {*tickers, *universe.rates} and not fresh(store, item, universe, now)]
    if not stale:
        return
    with _Progress(len(stale), lines=False) as progress:
        summary = pull_items(store, stale, progress.report, universe, clock=clock.SYSTEM)
    if summary.missing:
        raise DataError(f"{_missing(summary)}; without a network use --prices reference, or --prices store for what is kept")


class _Missing(TypedDict):
    items: list[str]
    fault: str


class _Pulled(TypedDict):
    """What `data pull --json` prints: rows by source and kind, and what was not had."""

    rows: dict[str, dict[str, int]]
    fresh: int
    refused: list[str]
    missing: list[_Missing]


class _Progress:
    """A bar on a terminal, elsewhere a line per item where `lines` are wanted; on standard error either way."""

    def __init__(self, total: int, lines: bool) -> None:
        self._bar, self._lines = Bar("pulling", total), lines and not shows_bars()

    def __enter__(self) -> "_Progress":
        self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.__exit__()

    def report(self, item: "Item", outcome: str) -> None:
        self._bar.advance(1, item.name)
        if self._lines and outcome != "fresh":
            typer.echo(f"{item.name}: {outcome}", err=True)


def _missing(summary: "Summary") -> str:
    """Return "45 of 45 missing: ABC, DEF and 43 more (the fault)", by the first fault."""
    fault = summary.missing[0][1]
    keys = [item.key for item, other in summary.missing if other == fault]
    named = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
    others = len(summary.missing) - len(keys)
    return f"missing {named} ({_without_name(fault, summary.missing[0][0])})" + (
        f", and {others} more for other reasons" if others else ""
    )


def _without_name(fault: str, item: "Item") -> str:
    return fault.removeprefix(f"{item.name}: ").removeprefix(f"{item.source.name}: ")


def _summary(summary: "Summary") -> _Pulled:
    missing: dict[str, list[str]] = {}
    for item, fault in summary.missing:
        missing.setdefault(_without_name(fault, item), []).append(item.name)
    return {
        "rows": {name: {"new": n.new, "changed": n.changed, "unchanged": n.unchanged} for name, n in summary.counts.items()},
        "fresh": summary.fresh,
        "refused": list(summary.refused),
        "missing": [{"items": items, "fault": fault} for fault, items in missing.items()],
    }


def _summary_lines(document: _Pulled) -> str:
    lines = [f"{name}: " + ", ".join(f"{n:,} {kind}" for kind, n in rows.items()) for name, rows in document["rows"].items()]
    lines.append(f"fresh and not asked: {document['fresh']}")
    lines += [f"refused: {line}" for line in document["refused"]]
    lines += [f"missing: {', '.join(missing['items'])}: {missing['fault']}" for missing in document["missing"]]
    return "\n".join(lines) + "\n"


def _status_lines(document: "Status") -> str:
    lines = ["embedded prices"]
    for ticker, prices in document["embedded"]["prices"].items():
        since = f" after {prices['last_bar']}" if prices["last_bar"] else ""
        closes = "" if prices["last_bar"] == prices["last"] else f", closes only{since}"
        span = f"{prices['first']} to {prices['last']}, {prices['sessions']:,} sessions"
        lines.append(f"{ticker:<12}{span}, {prices['days_old']} days old{closes}")
    lines.append("embedded figures")
    for name, figures in document["embedded"]["figures"].items():
        newest = f"{figures['figures']:,} figures, the newest of {figures['newest']}, {figures['days_old']} days old"
        lines.append(f"{name:<36}{figures['first']} to {figures['last']}, {newest}")
    lines.append(f"store: {document['home']}")
    if not document["prices"] and not document["figures"] and not document["typed"]:
        return "\n".join(lines) + "\nempty; fill it with 'capex-backtest data pull'\n"
    for ticker, stored in document["prices"].items():
        gaps = f", {len(stored['gaps'])} gaps from {stored['gaps'][0]}" if stored["gaps"] else ""
        late = f", {stored['days_behind']} days behind" if stored["days_behind"] else ""
        lines.append(f"{ticker:<12}{stored['first']} to {stored['last']}, {stored['sessions']:,} sessions{late}{gaps}")
    if document["missing_prices"]:
        lines.append(f"no prices: {', '.join(document['missing_prices'])}")
    for name, series in document["figures"].items():
        gaps = f", missing {', '.join(series['missing'])}" if series["missing"] else ""
        outcomes = ", ".join(f"{number} {outcome}" for outcome, number in series["outcomes"].items())
        age = f"asked {series['days_since_asked']} days ago"
        lines.append(f"{name:<24}{series['first']} to {series['last']}{gaps}; {outcomes}; {age} ({series['source']})")
    lines.append(f"typed rows: {document['typed']}")
    lines += [f"conflict: {line}" for line in document["conflicts"]]
    return "\n".join(lines) + "\n"


def _json(document: object) -> str:
    from backtest.files.documents import to_json

    return to_json(document)
