"""The report's claims tested on published figures: every claim with its figure, ours, the verdict, then and now."""

from collections import Counter
from collections.abc import Mapping

from backtest.claims.ledger import ClaimOutcome, Finding, ReadingResult, Verdict
from backtest.claims.measurement import Returns, SetsOfFour
from backtest.formatting import percent, stated
from backtest.report.charts import claim_charts
from backtest.report.components import Block, Cell, Column, Part, Rows, Section, Table, Text
from backtest.report.formatting import counted, day, ended, listed, origin, plain
from backtest.result import RunResult

MEANING = (
    "Confirmed: every reading that can be measured bears the claim out. Confirmed under one reading: some do, some do not. "
    "Contradicted: none does. Not testable: none can be measured from what was published. Every reading tried is listed."
)
HOLDS = {True: "holds", False: "fails", None: "cannot be measured"}


def section(result: RunResult) -> Section:
    """Return the tally, the table of claims and the specification curve."""
    blocks: list[Block] = [Text(_tally(result), "lead"), Text(MEANING, "small"), _table(result)]
    curves = next((curves for finding in result.claims if (curves := _curves(finding))), {})
    if curves:
        blocks.append(_specification(curves))
    return Section("claims", "The thesis's claims against published figures", tuple(blocks))


def _tally(result: RunResult) -> str:
    claims = result.claims
    now, written = Counter(finding.verdict for finding in claims), Counter(_written(finding).verdict for finding in claims)
    changed = [finding.claim.id for finding in claims if finding.verdict != _written(finding).verdict]
    return (
        f"Of {counted(len(claims), 'claim')} as known at the end of the run, {ended(result.windows)}: {_counts(now)}. As known "
        f"on the thesis's date, {day(result.thesis.date)}: {_counts(written)}. Changed between the two: {listed(changed)}."
    )


def _written(finding: Finding) -> ClaimOutcome:
    """Return what was known of a claim when it was written; a run always asks."""
    return finding.when_written or finding.outcome


def _counts(verdicts: Counter[Verdict]) -> str:
    return listed([f"{count} {verdict}" for verdict, count in verdicts.most_common()])


def _table(result: RunResult) -> Table:
    columns = (
        Column("Claim"),
        Column("The thesis says", prose=True),
        Column("Its figure", True),
        Column("Ours", True),
        Column(f"Verdict on {ended(result.windows)}", prose=True, term="Verdict at the run's end"),
        Column(f"On its date, {day(result.thesis.date)}", prose=True, term="On its date"),
        Column("Evidence", prose=True),
        Column("Every reading tried"),
    )
    return Table("The claims ledger", columns, (Rows(tuple(_row(finding) for finding in result.claims)),))


def _row(finding: Finding) -> tuple[Cell, ...]:
    claim, readings, written = finding.claim, finding.readings, _written(finding)
    doubtful = finding.confidence == "low"
    return (
        Cell(claim.id, about=origin(finding.inputs)),
        Cell(claim.sentence, note=f"in {claim.unit}"),
        Cell(stated(claim.reported)),
        Cell(stated(finding.main.value), note=finding.main.quarter or ""),
        Cell(finding.verdict, mark="contradicted" if finding.verdict == "contradicted" else ""),
        Cell(written.verdict, note=stated(written.measured)),
        Cell(f"{finding.evidence}, {counted(len(finding.inputs), 'figure')}", mark="low confidence" if doubtful else ""),
        Cell("", more_title=counted(len(readings), "reading"), more=tuple(_reading(reading) for reading in readings)),
    )


def _reading(reading: ReadingResult) -> str:
    measured = reading.measurement
    missing = f"; missing {listed(measured.missing[:3])}" if measured.missing else ""
    span = f", {measured.quarter}" if isinstance(measured.details, Returns) else ""
    outcome = HOLDS[reading.holds] if reading.judged or reading.holds is None else "not judged"
    return f"{stated(measured.value)}, {outcome}: {reading.name}{span}{missing}"


def _curves(finding: Finding) -> dict[str, SetsOfFour]:
    """Return what came of the readings that were tried over every set of four."""
    return {
        reading.name.removeprefix("every set of four, "): details
        for reading in finding.readings
        if isinstance(details := reading.measurement.details, SetsOfFour) and details.sets > 1
    }


def _specification(curves: Mapping[str, SetsOfFour]) -> Part:
    first = next(iter(curves.values()))
    shares = [f"{plain(name)}: {percent(c.sets_holding / c.sets, 0, sign=False)} of sets" for name, c in curves.items()]
    text = (
        f"The report names neither its four leaders nor its measure. {first.sets} sets of four can be drawn from "
        f"{len(first.suppliers)} suppliers with full coverage from {first.quarters[0]} to {first.quarters[-1]}. "
        f"The claim holds in every quarter for: {'; '.join(shares)}."
    )
    return Part("claims-curve", "Which four?", (Text(text), claim_charts.specification("claims-curve-chart", curves)))
