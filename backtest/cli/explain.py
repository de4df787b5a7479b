"""The command that says what carried a price: `capex-backtest explain --help`."""

import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.inputs import load_archive, thesis_of
from backtest.cli.options import FactsOption, JsonOption, PricesOption, ThesisOption
from backtest.errors import ConfigurationError, near_miss
from backtest.files.options import day

if TYPE_CHECKING:
    from backtest.analysis.return_split import ReturnSplit
    from backtest.thesis import Thesis

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A supplier's or fund's ticker, a basket, or a strategy.")]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="From the close on or before this day; default: the thesis's date.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="DATE", help="To the close on or before this day; default: the last priced.")
]


def explain(
    name: NameArgument,
    start: FromOption = None,
    end: ToOption = None,
    prices: PricesOption = "reference",
    facts: FactsOption = "reference",
    thesis: ThesisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Split a return into growth, currency, margin and re-rating, as known on each day and with hindsight."""
    from backtest.files.documents import to_json
    from backtest.output.split_document import split_document
    from backtest.output.split_lines import split_lines

    chosen = thesis_of(thesis, name)
    since = chosen.date.date() if start is None else day("--from", start)
    until = None if end is None else day("--to", end)
    if until is not None and until <= since:
        raise ConfigurationError(f"--from is {since}, --to {until}; expected a day after --from")
    splits = _splits(name, chosen, (prices, facts), since, until)
    if as_json:
        documents = {title: split_document(split) for title, split in splits.items()}
        sys.stdout.write(to_json(next(iter(documents.values())) if _known(name, chosen) else documents))
    else:
        typer.echo("\n\n".join(split_lines(title, split, chosen) for title, split in splits.items()))


def _splits(
    name: str, thesis: "Thesis", sources: tuple[str, str], since: date, until: date | None
) -> Mapping[str, "ReturnSplit"]:
    """Return the split of a basket or ticker, or of every book of a strategy between two days, by title."""
    from backtest.api.splits import explain as split_of
    from backtest.api.splits import explainable
    from backtest.runs import needed_tickers, run
    from backtest.runs.return_splits import basket_of
    from backtest.strategy import load_strategy
    from backtest.thesis.strategies import strategies

    if _known(name, thesis):
        archive = load_archive(list(basket_of(thesis.universe, name).members), *sources, thesis)
        return {name: split_of(name, archive, since, until)}
    names = [path.stem for path in strategies("all", thesis)]
    if name not in names and not name.endswith(".py"):
        raise ConfigurationError(near_miss("ticker, basket or strategy", name, [*explainable(thesis), *names]))
    spec = load_strategy(Path(name) if name.endswith(".py") else strategies(name, thesis)[0], thesis)
    archive = load_archive(needed_tickers(spec, thesis), *sources, thesis)
    result = run(spec.replaced(end=until), archive)
    return {title: split_of(book, archive, since) for title, book in result.books.items()}


def _known(name: str, thesis: "Thesis") -> bool:
    from backtest.api.splits import explainable

    return name in explainable(thesis)
