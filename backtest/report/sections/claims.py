"""The thesis's claims tested on published figures: every claim with its figure, ours, the verdict when written and since."""

from collections import Counter
from collections.abc import Mapping

from backtest.claims.ledger import Finding, Judged, ReadingResult, Verdict
from backtest.claims.measurement import Closes, SetsOfFour
from backtest.claims.table import VerdictRow, closes_text, verdict_rows
from backtest.formatting import counted, percent, stated
from backtest.report.charts import claim_charts, verdict_charts
from backtest.report.components import Block, Cell, Column, Fold, Part, Rows, Section, Table, Text
from backtest.report.formatting import ended, listed, origin, plain, written_by
from backtest.result import RunResult

MEANING = (
    "Confirmed: every reading that can be measured bears the claim out. Confirmed under one reading: some do, some do not. "
    "Contradicted: none does. Not testable: none can be measured from what was published. Figure, span and margin (by how much "
    "it holds) are the main reading's; every reading tried is listed, over all that is known."
)
HOLDS = {True: "holds", False: "fails", None: "cannot be measured"}


def section(result: RunResult) -> Section:
    """Return the tally, the table of claims and the specification curve."""
    more: list[Block] = [Text(MEANING, "small"), _table(result)]
    curves = next((curves for finding in result.claims if (curves := _curves(finding))), {})
    if curves:
        more.append(_specification(curves))
    title = f"All {counted(len(result.claims), 'claim')}: its figure, ours, and every reading tried"
    drawn = (verdict_charts.verdicts("claims-chart", _verdicts(result)),) if result.claims else ()
    blocks = (Text(_tally(result), "lead"), *drawn, Fold(title, tuple(more)))
    return Section("claims", "The thesis's claims against published figures", blocks)


def _verdicts(result: RunResult) -> dict[str, Counter[str]]:
    """Return how many claims came to which verdict, when written and since."""
    written = Counter(str(finding.when_written.verdict) for finding in result.claims if finding.when_written)
    since = Counter(str(finding.since.verdict) for finding in result.claims if finding.since)
    return {"when written": written, **({"since": since} if since else {})}


def _tally(result: RunResult) -> str:
    written = Counter(finding.when_written.verdict for finding in result.claims if finding.when_written)
    since = Counter(finding.since.verdict for finding in result.claims if finding.since)
    text = f"Of {counted(len(result.claims), 'claim')}, judged on what was known when each was written: {_counts(written)}."
    if contradicted := [finding.claim.id for finding in result.claims if _mark(finding.when_written)]:
        text += f" Contradicted: {', '.join(contradicted)}."
    if not since:
        return text
    last = ended(result.windows)
    return f"{text} Of the {since.total()} that speak of the future, on what came since, to {last}: {_counts(since)}."


def _counts(verdicts: Counter[Verdict]) -> str:
    return listed([f"{count} {verdict}" for verdict, count in verdicts.most_common()])


def _table(result: RunResult) -> Table:
    future = any(finding.since for finding in result.claims)
    columns = (
        Column("Claim"),
        Column("The thesis says", prose=True),
        Column("Its figure", True),
        Column(f"When written, {written_by(result)}", prose=True, term="When written"),
        *([Column(f"Since, to {ended(result.windows)}", prose=True, term="Since it was written")] if future else []),
        Column("Evidence", prose=True),
        Column("Every reading tried"),
    )
    rows = zip(result.claims, verdict_rows(result.claims), strict=True)
    return Table("The claims ledger", columns, (Rows(tuple(_row(*row, future) for row in rows)),))


def _row(finding: Finding, verdicts: VerdictRow, future: bool) -> tuple[Cell, ...]:
    claim = finding.claim
    doubtful = finding.confidence == "low"
    own = f"; written {claim.date}" if claim.date else ""
    return (
        Cell(claim.id, about=origin(finding.inputs)),
        Cell(claim.sentence, note=f"in {claim.unit}{own}"),
        Cell(stated(claim.reported)),
        Cell(verdicts.when_written, mark=_mark(finding.when_written)),
        *([Cell(verdicts.since, mark=_mark(finding.since))] if future else []),
        Cell(f"{finding.evidence}, {counted(len(finding.inputs), 'figure')}", mark="low confidence" if doubtful else ""),
        Cell("", more_title=counted(len(finding.readings), "reading"), more=(_known(finding), *_readings(finding))),
    )


def _readings(finding: Finding) -> tuple[str, ...]:
    """Return every reading over all that is known, and, of a claim with two spans, what it measured in each."""
    spans = {"when written": finding.when_written, "since": finding.since} if finding.since else {}
    figures = [
        {title: judged.measured[row].value for title, judged in spans.items() if judged} for row in range(len(finding.measured))
    ]
    return tuple(
        _reading(reading) + "".join(f"; {title} {stated(value)}" for title, value in values.items())
        for reading, values in zip(finding.readings, figures, strict=True)
    )


def _known(finding: Finding) -> str:
    """Return what came of a claim over all that is known at the run's end."""
    outcome = finding.outcome
    figure = f": {stated(outcome.measured)}" if outcome.measured is not None else ""
    return f"over all that is known {outcome.verdict}{figure}"


def _mark(judged: Judged | None) -> str:
    return "contradicted" if judged and judged.verdict == "contradicted" else ""


def _reading(reading: ReadingResult) -> str:
    measured = reading.measurement
    missing = f"; missing {listed(measured.missing[:3])}" if measured.missing else ""
    span = f", {measured.span}" if measured.span else ""
    closes = closes_text(measured.details.closes) if isinstance(measured.details, Closes) else ""
    outcome = HOLDS[reading.holds] if reading.judged or reading.holds is None else "not judged"
    return f"{stated(measured.value)}, {outcome}: {reading.name}{closes}{span}{missing}"


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
        f"The thesis names neither its four leaders nor its measure. {first.sets} sets of four can be drawn from "
        f"{len(first.suppliers)} suppliers with full coverage from {first.quarters[0]} to {first.quarters[-1]}. "
        f"The claim holds in every quarter for: {'; '.join(shares)}."
    )
    return Part("claims-curve", "Which four?", (Text(text), claim_charts.specification("claims-curve-chart", curves)))
