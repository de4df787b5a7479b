"""What was known when: each claim's verdict and each signal's value, and the month's end, or the run's, from which it was."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from backtest.claims.ledger import ClaimOutcome
from backtest.formatting import counted, number, stated
from backtest.report.components import Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import plain
from backtest.result import RunResult

Known = Mapping[str, Mapping[str, ClaimOutcome]]


def section(result: RunResult) -> Section:
    """Return every change as one table, which the page's script turns into a slider over the months."""
    months = tuple(result.known)
    if not months:
        return Section("known", "What was known when", (Text("The run has no day."),))
    claims = [row for finding in result.claims for row in _spells(finding.claim.id, _outcomes(finding.claim.id, result.known))]
    signals = [
        row
        for name, seen in result.seen.items()
        if seen
        for row in _spells(plain(name), [(month, number(seen.get(month), 3)) for month in months])
    ]
    titled = {"Claims: verdict and our figure": claims, "Signals: value of the latest complete quarter": signals}
    groups = tuple(Rows(tuple(rows), title) for title, rows in titled.items() if rows)
    columns = (Column("Claim or signal"), Column("Since"), Column("Known then", prose=True))
    table = Table("Every change of what was known, at the ends of months and of the run", columns, groups, slider=months)
    changes = sum(_turns([known[finding.claim.id].verdict for known in result.known.values()]) for finding in result.claims)
    text = Text(
        f"From {months[0]} to {months[-1]}, with nothing published later: verdicts changed {counted(changes, 'time')}. "
        "A figure counts from the moment it became known, a later correction from its own."
    )
    return Section("known", "What was known when", (text, Fold(f"Every change, {months[0]} to {months[-1]}", (table,))))


def _outcomes(claim: str, known: Known) -> list[tuple[str, str]]:
    return [(month, _outcome(outcomes[claim])) for month, outcomes in known.items()]


def _outcome(outcome: ClaimOutcome) -> str:
    return outcome.verdict if outcome.measured is None else f"{outcome.verdict}: {stated(outcome.measured)}"


def _spells(name: str, values: Sequence[tuple[str, str]]) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for the first month and for each that says something else than the one before."""
    before = None
    for month, value in values:
        if value != before:
            yield Cell(name), Cell(month), Cell(value)
        before = value


def _turns(verdicts: Sequence[str]) -> int:
    return sum(before != after for before, after in itertools.pairwise(verdicts))
