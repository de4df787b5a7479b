"""The thesis in its own figures: the clouds' CapEx, the suppliers' revenue, how fast each grows, and the ratio of the two."""

from collections.abc import Mapping, Sequence
from typing import Any

from backtest.report.charts import claim_charts
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import DASH, counted, listed, name_of, number, origin, percent
from backtest.runs import RunResult

Quarters = Mapping[str, Mapping[str, Any]]
EXCESS, RATIO = "supply_chain_excess", "revenue_capex_ratio"
REPORTED = ("ratio-start", "ratio-end")  # the claims that give a figure of the ratio


def section(result: RunResult) -> Section:
    """Return what was spent and earned by quarter, drawn with what the report says of it."""
    read = result.signals | result.trends
    excess, ratio = read.get(EXCESS) or {}, read.get(RATIO) or {}
    title = "CapEx, revenue and the ratio"
    if not excess:
        return Section("thesis", title, (Text("No quarter of CapEx and revenue was complete by the end of the run."),))
    said = [claim for claim in result.claims if claim["id"] in REPORTED and claim["reported"] is not None]
    quarters = tuple(sorted({*excess, *ratio}))
    blocks: tuple[Block, ...] = (
        Text(_outcome(excess), "lead"),
        Text(_who(result, excess, ratio), "small"),
        claim_charts.thesis("thesis-chart", excess, ratio, said, _falls(result.claims), result.windows),
        Fold(f"All {len(quarters)} quarters", (_table(quarters, excess, ratio),)),
    )
    return Section("thesis", title, blocks)


def _outcome(excess: Quarters) -> str:
    suppliers = len(_entities(excess, "revenue"))
    ahead = [quarter for quarter, one in excess.items() if one["value"] > 0]
    last = list(excess)[-1]
    parts = excess[last]["parts"]
    return (
        f"The revenue of {counted(suppliers, 'supplier')} of our choice grew faster than the clouds' CapEx in {len(ahead)} of "
        f"{counted(len(excess), 'quarter')}. In {last}, over the year before: revenue {percent(parts['revenue_growth'])}, CapEx "
        f"{percent(parts['capex_growth'])}. Another choice says otherwise: see “Which four?” above."
    )


def _who(result: RunResult, excess: Quarters, ratio: Quarters) -> str:
    """Return whose figures these are, from the figures themselves."""
    suppliers, clouds = _entities(excess, "revenue"), _entities(excess, "purchases_ppe")
    said = f"Suppliers: {listed([name_of(result.names, one) for one in suppliers])}. Clouds: {listed(clouds)}. "
    if ratio:
        said += (
            f"Ratio: NVIDIA's data-center revenue times its disclosed share from clouds, over the CapEx of "
            f"{listed(_entities(ratio, 'purchases_ppe'))}. "
        )
    return said + "Calendar quarters; CapEx is cash paid for property and equipment."


def _entities(quarters: Quarters, metric: str) -> list[str]:
    inputs = list(quarters.values())[-1]["inputs"]
    return list(dict.fromkeys(str(one["entity"]) for one in inputs if one["metric"] == metric))


def _falls(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the quarters in which CapEx fell, by the claim that it never does."""
    rising = next((claim for claim in claims if claim["id"] == "capex-rising"), None)
    return list(rising["reading"].get("details", {}).get("falls", [])) if rising else []


def _table(quarters: Sequence[str], excess: Quarters, ratio: Quarters) -> Table:
    columns = (
        Column("Quarter"), Column("CapEx (USD bn)", True), Column("Revenue (CNY bn)", True), Column("CapEx growth", True),
        Column("Revenue growth", True), Column("Excess growth", True), Column("Known at"), Column("Ratio", True),
        Column("Ratio known at"),
    )  # fmt: skip
    rows = tuple(_row(quarter, excess.get(quarter), ratio.get(quarter)) for quarter in reversed(quarters))
    return Table("CapEx, revenue and their ratio by calendar quarter, as known at the end of the run", columns, (Rows(rows),))


def _row(quarter: str, one: Mapping[str, Any] | None, share: Mapping[str, Any] | None) -> tuple[Cell, ...]:
    parts = one["parts"] if one else {}
    return (
        Cell(quarter, about=origin(one) if one else ""),
        *(Cell(number(parts[name] / 1e3, 1) if one else DASH) for name in ("capex", "revenue")),
        *(Cell(percent(parts.get(name))) for name in ("capex_growth", "revenue_growth")),
        Cell(percent(one["value"] if one else None)),
        Cell(one["known_at"] if one else DASH),
        Cell(percent(share["value"] if share else None, sign=False)),
        Cell(share["known_at"] if share else DASH),
    )
