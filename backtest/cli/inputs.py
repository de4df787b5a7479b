"""What options mean to a run: a span of days, an archive, and the command that gives the same again."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from backtest.cli.data import pull_prices, source_folders
from backtest.files.options import day
from backtest.files.shipped import strategies

if TYPE_CHECKING:
    from backtest.panel import Archive


def span(start: str | None, end: str | None) -> dict[str, date]:
    """Return the first and the last day that a user gives, without those left out."""
    typed = {"start": start, "end": end}
    return {field: day(f"--{field}", text) for field, text in typed.items() if text is not None}


def load_archive(tickers: Sequence[str], prices: str, facts: str, needed: Sequence[str] | None = None) -> "Archive":
    """Return the archive that the options name; prices of a source are pulled first. Tickers without prices are listed."""
    from backtest.data.archive import load_archive, source_named

    folders = source_folders()
    source = source_named(prices, folders)
    if source and source == prices:
        pull_prices(source, tickers)
    archive = load_archive(tickers, prices, facts, needed, folders)
    if missing := sorted(set(tickers) - set(archive.prices.wealth.columns)):
        typer.echo(f"left out, as there are no prices of them: {', '.join(missing)}", err=True)
    return archive


def command_text(command: str, strategy: Path, prices: str, facts: str, options: Mapping[str, object]) -> str:
    """Return the command that gives the same again: names and paths as typed, prices of a snapshot as its store's."""
    own = strategy in strategies("all")
    words = ["capex-backtest", command, strategy.stem if own else str(strategy), "--prices", _source(prices)]
    words += ["--facts", _source(facts)] if facts != "reference" else []
    for option, value in options.items():
        flag = "--basket" if option == "baskets" else f"--{option.replace('_', '-')}"
        values = value if isinstance(value, tuple) else (value,)
        words += [word for item in values for word in (flag, f"{item:.12g}" if isinstance(item, float) else str(item))]
    return shlex.join(words)


def _source(typed: str) -> str:
    """Return the name by which prices or figures are found again: a snapshot holds what its store does.

    What was pulled of a source is in the store, where that source may not be the one that counts first.
    """
    from backtest.data.archive import source_named
    from backtest.data.sources.discovery import load_sources
    from backtest.data.sources.folder import SNAPSHOT

    folders = source_folders()
    source = source_named(typed, folders)
    if source and source == typed:
        return "store" if source == next(iter(load_sources(*folders))) else f"store:{source}"
    return "store" if (Path(typed) / SNAPSHOT).is_file() else typed
