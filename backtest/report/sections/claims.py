"""The report held to its own figures: every claim with its figure, ours, the verdict, then and now."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from backtest.report.charts import claim_charts
from backtest.report.components import Block, Cell, Column, Part, Rows, Section, Table, Text
from backtest.report.formatting import counted, day, ended, listed, origin, percent, plain, stated
from backtest.runs import RunResult
from backtest.thesis.windows import REPORT_DATE

MEANING = (
    "Confirmed: every reading that can be measured bears the claim out. Confirmed under one reading: some do, some do not. "
    "Contradicted: none does. Not testable: none can be measured from what was published. Every reading tried is listed."
)
HOLDS = {True: "holds", False: "fails", None: "cannot be measured"}


def section(result: RunResult) -> Section:
    """Return the tally, the table of claims and the specification curve."""
    blocks: list[Block] = [Text(_tally(result), "lead"), Text(MEANING, "small"), _table(result)]
    sets = next((claim for claim in result.claims if claim["id"] == "excess-growth"), None)
    curves = _curves(sets) if sets else {}
    if curves:
        blocks.append(_specification(curves))
    return Section("claims", "The report's claims, held to its own figures", tuple(blocks))


def _tally(result: RunResult) -> str:
    claims = result.claims
    now, then = (Counter(verdicts) for verdicts in zip(*((c["verdict"], c["then"]["verdict"]) for c in claims), strict=True))
    changed = [c["id"] for c in claims if c["verdict"] != c["then"]["verdict"]]
    return (
        f"Of {counted(len(claims), 'claim')} as known at the end of the run, {ended(result.windows)}: {_counts(now)}. As known "
        f"on the report's date, {day(REPORT_DATE)}: {_counts(then)}. Changed between the two: {listed(changed)}."
    )


def _counts(verdicts: Counter[str]) -> str:
    return listed([f"{count} {verdict}" for verdict, count in verdicts.most_common()])


def _table(result: RunResult) -> Table:
    columns = (
        Column("Claim"),
        Column("The report says", prose=True),
        Column("Its figure", True),
        Column("Ours", True),
        Column(f"Verdict on {ended(result.windows)}", prose=True, term="Verdict at the run's end"),
        Column(f"On its date, {day(REPORT_DATE)}", prose=True, term="On its date"),
        Column("Evidence", prose=True),
        Column("Every reading tried"),
    )
    return Table("The claims ledger", columns, (Rows(tuple(_row(claim) for claim in result.claims)),))


def _row(claim: Mapping[str, Any]) -> tuple[Cell, ...]:
    readings = [claim["reading"], *claim["alternatives"]]
    doubtful = claim["confidence"] == "low"
    return (
        Cell(claim["id"], about=origin(claim)),
        Cell(claim["sentence"], note=f"in {claim['unit']}"),
        Cell(stated(claim["reported"])),
        Cell(stated(claim["measured"]), note=claim["quarter"] or ""),
        Cell(claim["verdict"], mark="contradicted" if claim["verdict"] == "contradicted" else ""),
        Cell(claim["then"]["verdict"], note=stated(claim["then"]["measured"])),
        Cell(f"{claim['evidence']}, {counted(len(claim['inputs']), 'figure')}", mark="low confidence" if doubtful else ""),
        Cell("", more_title=counted(len(readings), "reading"), more=tuple(_reading(one) for one in readings)),
    )


def _reading(one: Mapping[str, Any]) -> str:
    missing = f"; missing {listed(one['missing'][:3])}" if one["missing"] else ""
    span = f", {one['quarter']}" if one.get("details", {}).get("span") else ""
    return f"{stated(one['measured'])}, {HOLDS[one['holds']]}: {one['reading']}{span}{missing}"


def _curves(claim: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the details of the readings that were tried over every set of four."""
    readings = [claim["reading"], *claim["alternatives"]]
    return {
        one["reading"].removeprefix("every set of four, "): one["details"]
        for one in readings
        if one.get("details", {}).get("sets", 0) > 1
    }


def _specification(curves: Mapping[str, Mapping[str, Any]]) -> Part:
    first = next(iter(curves.values()))
    said = [f"{plain(name)}: {percent(c['sets_holding'] / c['sets'], 0, sign=False)} of sets" for name, c in curves.items()]
    text = (
        f"The report names neither its four leaders nor its measure. {first['sets']} sets of four can be drawn from "
        f"{len(first['suppliers'])} suppliers with full coverage from {first['quarters'][0]} to {first['quarters'][-1]}. "
        f"The claim holds in every quarter for: {'; '.join(said)}."
    )
    return Part("claims-curve", "Which four?", (Text(text), claim_charts.specification("claims-curve-chart", curves)))
