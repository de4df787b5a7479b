"""How prices moved on figures above and below what their own past let expect, and on previews of profit."""

from collections.abc import Iterator, Mapping

from backtest.analysis.catalysts import EventTest
from backtest.analysis.surprises import Reaction, ShownSurprise, Surprises
from backtest.formatting import DASH, counted, number, percent
from backtest.report.components import Cell, Column, Fold, Part, Rows, Table, Text
from backtest.report.formatting import listed, name_of, plain
from backtest.result import RunResult
from backtest.statistics.named_events import LEVEL

HOW = (
    "Expected is the figure of the year before plus the mean change over a year of the last four quarters, from what was known "
    "just before: mechanical, and no consensus. The session is a market's first to close after the figure was known; Chinese "
    "figures are often dated by their deadline, so prices may have moved before. p is corrected by Holm's method for every row."
)


def part(result: RunResult) -> Part | None:
    """Return the reactions and the largest surprises; None where no role asks for any."""
    studies = result.surprises
    if not studies:
        return None
    tests = [own for study in studies.values() for sides in study.reactions.values() for own in sides.values()]
    clear = [own for own in tests if own.adjusted is not None and own.adjusted <= LEVEL]
    lead = f"Of {counted(len(tests), 'reaction')} to figures and previews {len(clear) or 'none'} can be told from chance."
    counts = listed([f"{study.figures} of {kind}, {study.above} above" for kind, study in studies.items() if study.largest])
    blocks = (Text(lead), Text(f"Figures with an expectation: {counts}. {HOW}", "small"), _reactions(studies))
    shown = _largest(result, studies)
    return Part("surprises", "Surprises", (*blocks, Fold("The largest surprises", (shown,))) if shown.groups else blocks)


def _reactions(studies: Mapping[str, Surprises]) -> Table:
    columns = (
        Column("Figures and market", term="Side of the expectation"), Column("Sessions", True, term="Sessions of surprises"),
        Column("Mean abnormal return", True), Column("t", True), Column("p, two-sided, Holm", True, term="p of reactions"),
        Column("p, two-sided, random dates", True),
    )  # fmt: skip
    groups = tuple(Rows(tuple(_rows(study)), kind) for kind, study in studies.items())
    return Table("Returns on the first session after figures above and below what their past let expect", columns, groups)


def _rows(study: Surprises) -> Iterator[tuple[Cell, ...]]:
    for market, sides in study.reactions.items():
        for side, reaction in sides.items():
            yield (Cell(f"{side}, {market}"), *_reaction(reaction))


def _reaction(reaction: Reaction) -> tuple[Cell, ...]:
    test = reaction.test
    if not isinstance(test, EventTest):
        return (Cell(str(test.n), note=test.reason), *(Cell(DASH) for _ in range(4)))
    return (
        Cell(str(test.n)),
        Cell(percent(test.abnormal, 2)),
        Cell(number(test.t)),
        Cell(number(reaction.adjusted, 3), note=f"{number(test.p, 3)} alone"),
        Cell(number(test.p_random, 3), note=f"at least {number(test.least, 3)}"),
    )


def _largest(result: RunResult, studies: Mapping[str, Surprises]) -> Table:
    markets = list(dict.fromkeys(market for study in studies.values() for market in study.reactions))
    columns = (
        Column("Figure"), Column("Published"), Column("Stated", True), Column("Expected", True),
        Column("Surprise", True), Column("In deviations", True),
        *(Column(f"Abnormal, {market}", True, term="Mean abnormal return") for market in markets),
    )  # fmt: skip
    groups = tuple(
        Rows(tuple(_surprise(result, row, markets) for row in study.largest), kind)
        for kind, study in studies.items()
        if study.largest
    )
    return Table("The three figures farthest above and below their expectation, in deviations", columns, groups)


def _surprise(result: RunResult, row: ShownSurprise, markets: list[str]) -> tuple[Cell, ...]:
    return (
        Cell(f"{name_of(result.names, row.entity)} {plain(row.metric)} {row.quarter}"),
        Cell(row.published),
        Cell(number(row.value, 0)),
        Cell(number(row.expected, 0)),
        Cell(percent(row.value / row.expected - 1.0, 0)),
        Cell(number(row.deviations, 1)),
        *(Cell(percent(row.abnormal.get(market))) for market in markets),
    )
