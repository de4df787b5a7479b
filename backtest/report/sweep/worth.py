"""The four checks of the search with their figures: what each asks, what it says, and on how many days and trials it rests."""

from collections.abc import Iterator, Mapping
from typing import Any

from backtest.report.components import Bullets, Cell, Column, Rows, Section, Table, Text
from backtest.report.formatting import DASH, known, number
from backtest.report.sweep.checks import CHECKS, Check, verdict
from backtest.report.sweep.search import Search


def section(search: Search) -> Section:
    """Return the checks in a table, and what the ledger has seen elsewhere."""
    word, because = verdict(search.document)
    blocks = (
        Text(f"Taken together: {word}, because {because}."),
        _table(search),
        Bullets(tuple(f"{check.title}: {check.reads}" for check in CHECKS)),
        Text(_elsewhere(search.document), "small"),
    )
    return Section("worth", "What the search is worth, check by check", blocks)


def _table(search: Search) -> Table:
    columns = (
        Column("Check"), Column("Figure", True, term="Check of the search"), Column("Outcome"), Column("In words", prose=True),
        Column("n", True), Column("Trials", True),
    )  # fmt: skip
    rows = tuple(_row(check, search) for check in CHECKS)
    return Table("What the best of the settings is worth, in four checks", columns, (Rows(rows),))


def _row(check: Check, search: Search) -> tuple[Cell, ...]:
    found = search.statistics[check.name]
    trials = search.document["trials"] if check.name == "minimum_length" else found.get("trials")
    return (
        Cell(check.title),
        Cell(check.figure(found)),
        Cell(check.outcome(found)),
        Cell(_sentence(check.said(found)), note="; ".join(_more(check, found, search))),
        Cell(f"{found['n']:,}" if "n" in found else DASH),
        Cell(f"{trials:,}" if trials else DASH),
    )


def _sentence(said: str) -> str:
    return f"{said[0].upper()}{said[1:]}."


def _more(check: Check, found: Mapping[str, Any], search: Search) -> Iterator[str]:
    """Yield what belongs beside a figure: the hurdle and the moments, the splits, the bounds."""
    if check.refused(found):
        return
    if check.name == "deflated_sharpe":
        scale = float(search.document["best"]["periods"]) ** 0.5
        yield f"hurdle {number(found['threshold'] * scale)} a year"
        yield f"skewness {number(found['skewness'], 1)}"
        yield f"kurtosis {number(found['kurtosis'], 1)}"
    elif check.name == "pbo":
        yield f"{found['splits']:,} splits of {found['blocks']} blocks"
        yield f"lost money in {check.written(found['loss'])}"
        yield f"slope {number(found['slope'])}" if known(found["slope"]) else "no slope"
    elif check.name == "spa":
        yield f"between {number(found['lower'], 3)} and {number(found['upper'], 3)}"
        yield f"on {found['first']} to {found['last']}, where every book has a benchmark"


def _elsewhere(document: Mapping[str, Any]) -> str:
    """Return how many settings the ledger has seen on other data, and whose count each check takes."""
    return (
        f"The Deflated Sharpe Ratio and the length take their N from the ledger of trials: {document['trials']:,} on these "
        f"data ({document['trials_on_any_data']:,} different settings on any data). "
        "Overfitting and superior ability are computed from the curves of this sweep alone, not of trials before it."
    )
