"""What options mean to a run: a span of days, an archive, and the command that gives the same again."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from backtest.cli.data import pull_prices
from backtest.files.options import day

if TYPE_CHECKING:
    from backtest.panel import Archive
    from backtest.thesis import Thesis


def span(start: str | None, end: str | None) -> dict[str, date]:
    """Return the first and the last day that a user gives, without those left out."""
    typed = {"start": start, "end": end}
    return {field: day(f"--{field}", text) for field, text in typed.items() if text is not None}


def thesis_of(named: str | None, strategy: str = "") -> "Thesis":
    """Return the thesis that an option names, else the nearest to a strategy's file, or to the working folder."""
    from backtest.thesis import find_thesis

    return find_thesis(named, Path(strategy).parent if strategy.endswith(".py") else Path.cwd())


def load_archive(
    tickers: Sequence[str], prices: str, facts: str, thesis: "Thesis", needed: Sequence[str] | None = None
) -> "Archive":
    """Return a thesis's archive by the options; prices of a source are pulled first. Tickers without prices are listed."""
    from backtest.data.archive import load_archive, source_named

    source = source_named(prices, thesis.source_folders)
    if source and source == prices:
        pull_prices(source, tickers, thesis)
    archive = load_archive(tickers, prices, facts, needed, thesis)
    if missing := sorted(set(tickers) - set(archive.prices.wealth.columns)):
        typer.echo(f"left out, as there are no prices of them: {', '.join(missing)}", err=True)
    return archive


def command_text(command: str, strategy: Path, thesis: "Thesis", prices: str, facts: str, options: Mapping[str, object]) -> str:
    """Return the command that gives the same again: names and paths as typed, prices of a snapshot as its store's."""
    from backtest.thesis.strategies import strategies

    name = strategy.stem if strategy in strategies("all", thesis) else str(strategy)
    words = ["capex-backtest", command, name, "--prices", _source(prices, thesis)]
    words += ["--facts", _source(facts, thesis)] if facts != "reference" else []
    for option, value in options.items():
        flag = "--basket" if option == "baskets" else f"--{option.replace('_', '-')}"
        values = value if isinstance(value, tuple) else (value,)
        words += [word for item in values for word in (flag, f"{item:.12g}" if isinstance(item, float) else str(item))]
    return shlex.join(words)


def _source(typed: str, thesis: "Thesis") -> str:
    """Return the name by which prices or figures are found again: a snapshot holds what its store does.

    What was pulled of a source is in the store, where that source may not be the one that counts first.
    """
    from backtest.data.archive import source_named
    from backtest.data.sources.discovery import load_sources
    from backtest.data.sources.folder import SNAPSHOT

    source = source_named(typed, thesis.source_folders)
    if source and source == typed:
        return "store" if source == next(iter(load_sources(*thesis.source_folders))) else f"store:{source}"
    return "store" if (Path(typed) / SNAPSHOT).is_file() else typed
