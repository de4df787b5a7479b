"""The checks of the search with their figures: what each asks, what it says, and on how many days and trials it rests."""

from backtest.formatting import DASH
from backtest.report.components import Bullets, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.sweep.checks import KINDS, Check, checks, verdict
from backtest.report.sweep.search import Search
from backtest.sweeps.results import SweepSummary


def section(search: Search) -> Section:
    """Return the checks in a table, and what the ledger has seen elsewhere."""
    word, because = verdict(search.summary)
    reads = tuple(f"{kind.title}: {kind.reads}" for kind in KINDS)
    blocks = (
        Text(f"Taken together: {word}, because {because}."),
        Fold("Each check with its figures", (_table(search.summary), Bullets(reads), Text(_trials(search.summary), "small"))),
    )
    return Section("worth", "Check by check", blocks)


def _table(summary: SweepSummary) -> Table:
    columns = (
        Column("Check"), Column("Figure", True, term="Check of the search"), Column("Outcome"), Column("In words", prose=True),
        Column("n", True), Column("Trials", True),
    )  # fmt: skip
    rows = tuple(_row(check) for check in checks(summary))
    return Table("What the best of the settings is worth, check by check", columns, (Rows(rows),))


def _row(check: Check) -> tuple[Cell, ...]:
    return (
        Cell(check.kind.title),
        Cell(check.figure),
        Cell(check.outcome),
        Cell(f"{check.sentence[0].upper()}{check.sentence[1:]}.", note="; ".join(check.details)),
        Cell(DASH if check.n is None else f"{check.n:,}"),
        Cell(f"{check.trials:,}" if check.trials else DASH),
    )


def _trials(summary: SweepSummary) -> str:
    """Return how many settings the ledger has seen on other data, and whose count each check takes."""
    return (
        f"The Deflated Sharpe Ratio and the length take their N from the ledger of trials: {summary.trials:,} on these "
        f"data ({summary.trials_on_any_data:,} different settings on any data). The {summary.settings:,} settings of this sweep "
        f"are {summary.statistics.curves:,} distinct curves: paths of returns equal to the last bit count once. "
        "Overfitting and superior ability are computed from the curves of this sweep alone, not of trials before it."
    )
