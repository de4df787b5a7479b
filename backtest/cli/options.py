"""The options that several commands share, and what they mean: a span of days, an archive, the command as it was typed."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.files.options import day
from backtest.files.shipped import strategies

if TYPE_CHECKING:
    from backtest.panel import Archive

NAME_HELP = "A strategy in strategies/ of the working folder, else one that is shipped; a path to one; 'all' runs every one."
PricesOption = Annotated[
    str, typer.Option(help="'reference' (embedded), 'yahoo' (pulled first), 'store' or a folder of daily CSVs.")
]
FactsOption = Annotated[
    str, typer.Option("--facts", help="'reference' (embedded), 'store' (with live figures) or a folder of tables.")
]
StartOption = Annotated[str | None, typer.Option(metavar="DATE", help="First day of the run.")]
EndOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Last day; default: the last on which every ticker is priced.")
]
AsOfOption = Annotated[str | None, typer.Option(metavar="DATE", help="As known at the end of this day; default: now.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output and nothing else.")]
ReportArgument = Annotated[Path, typer.Argument(metavar="REPORT", help="A report's folder, its index.html or its result.json.")]


def span(start: str | None, end: str | None) -> dict[str, date]:
    """Return the first and the last day that a user gives, without those left out."""
    typed = {"start": start, "end": end}
    return {field: day(f"--{field}", text) for field, text in typed.items() if text is not None}


def load_archive(tickers: Sequence[str], prices: str, facts: str, needed: Sequence[str] | None = None) -> "Archive":
    """Return the archive that the options name; prices of `yahoo` are pulled first. Tickers without prices are listed."""
    from backtest.data.archive import load_archive

    if prices == "yahoo":
        from backtest.cli.data import pull_prices

        pull_prices(tickers)
    archive = load_archive(tickers, prices, facts, needed)
    if missing := sorted(set(tickers) - set(archive.prices.wealth.columns)):
        typer.echo(f"left out, as there are no prices of them: {', '.join(missing)}", err=True)
    return archive


def command_text(command: str, strategy: Path, prices: str, facts: str, options: Mapping[str, object]) -> str:
    """Return the command that gives the same again: names and paths as typed, prices of a snapshot as its store's."""
    own = strategy in strategies("all")
    words = ["python", "-m", "backtest", command, strategy.stem if own else str(strategy), "--prices", _source(prices)]
    words += ["--facts", _source(facts)] if facts != "reference" else []
    for option, value in options.items():
        flag = "--basket" if option == "baskets" else f"--{option.replace('_', '-')}"
        values = value if isinstance(value, tuple) else (value,)
        words += [word for item in values for word in (flag, f"{item:.12g}" if isinstance(item, float) else str(item))]
    return shlex.join(words)


def _source(typed: str) -> str:
    """Return the name by which prices or figures are found again: a snapshot holds what its store does."""
    from backtest.data.sources.folder import SNAPSHOT

    return "store" if typed == "yahoo" or (Path(typed) / SNAPSHOT).is_file() else typed
