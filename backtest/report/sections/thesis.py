"""The thesis in its own figures: the clouds' CapEx, the suppliers' revenue, how fast each grows, and the ratio of the two."""

from collections.abc import Sequence

from backtest.claims.ledger import Finding
from backtest.claims.measurement import Falls
from backtest.formatting import DASH, number, percent
from backtest.report.charts import claim_charts
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import counted, listed, name_of, origin
from backtest.result import RunResult, SignalReadings
from backtest.signals import Reading

EXCESS, RATIO = "supply_chain_excess", "revenue_capex_ratio"
REPORTED = ("ratio-start", "ratio-end")  # the claims that give a figure of the ratio


def section(result: RunResult) -> Section:
    """Return what was spent and earned by quarter, drawn with what the report says of it."""
    excess, ratio = result.readings.get(EXCESS) or {}, result.readings.get(RATIO) or {}
    title = "CapEx, revenue and the ratio"
    if not excess:
        return Section("thesis", title, (Text("No quarter of CapEx and revenue was complete by the end of the run."),))
    reported = {finding.main.quarter: finding.claim.reported for finding in result.claims if finding.claim.id in REPORTED}
    stated = {quarter: value for quarter, value in reported.items() if quarter and value is not None}
    quarters = tuple(sorted({*excess, *ratio}))
    blocks: tuple[Block, ...] = (
        Text(_outcome(excess), "lead"),
        Text(_who(result, excess, ratio), "small"),
        claim_charts.thesis("thesis-chart", excess, ratio, stated, _falls(result.claims), result.windows),
        Fold(f"All {len(quarters)} quarters", (_table(quarters, excess, ratio),)),
    )
    return Section("thesis", title, blocks)


def _outcome(excess: SignalReadings) -> str:
    suppliers = len(_entities(excess, "revenue"))
    ahead = [quarter for quarter, reading in excess.items() if reading.value > 0]
    last = list(excess)[-1]
    parts = excess[last].parts
    return (
        f"The revenue of {counted(suppliers, 'supplier')} of our choice grew faster than the clouds' CapEx in {len(ahead)} of "
        f"{counted(len(excess), 'quarter')}. In {last}, over the year before: revenue {percent(parts['revenue_growth'])}, CapEx "
        f"{percent(parts['capex_growth'])}. Other choices give another result: see “Which four?” above."
    )


def _who(result: RunResult, excess: SignalReadings, ratio: SignalReadings) -> str:
    """Return whose figures these are, from the figures themselves."""
    suppliers, clouds = _entities(excess, "revenue"), _entities(excess, "purchases_ppe")
    text = f"Suppliers: {listed([name_of(result.names, supplier) for supplier in suppliers])}. Clouds: {listed(clouds)}. "
    if ratio:
        text += (
            f"Ratio: NVIDIA's data-center revenue times its disclosed share from clouds, over the CapEx of "
            f"{listed(_entities(ratio, 'purchases_ppe'))}. "
        )
    return text + "Calendar quarters; CapEx is cash paid for property and equipment."


def _entities(quarters: SignalReadings, metric: str) -> list[str]:
    inputs = list(quarters.values())[-1].inputs
    return list(dict.fromkeys(fact.entity for fact in inputs if fact.metric == metric))


def _falls(claims: Sequence[Finding]) -> tuple[str, ...]:
    """Return the quarters in which CapEx fell, by the claim that it never does."""
    details = next((finding.main.details for finding in claims if finding.claim.id == "capex-rising"), None)
    return details.falls if isinstance(details, Falls) else ()


def _table(quarters: Sequence[str], excess: SignalReadings, ratio: SignalReadings) -> Table:
    columns = (
        Column("Quarter"), Column("CapEx (USD bn)", True), Column("Revenue (CNY bn)", True), Column("CapEx growth", True),
        Column("Revenue growth", True), Column("Excess growth", True), Column("Known at"), Column("Ratio", True),
        Column("Ratio known at"),
    )  # fmt: skip
    rows = tuple(_row(quarter, excess.get(quarter), ratio.get(quarter)) for quarter in reversed(quarters))
    return Table("CapEx, revenue and their ratio by calendar quarter, as known at the end of the run", columns, (Rows(rows),))


def _row(quarter: str, excess: Reading | None, ratio: Reading | None) -> tuple[Cell, ...]:
    parts = excess.parts if excess else {}
    return (
        Cell(quarter, about=origin(excess.inputs) if excess else ""),
        *(Cell(number(parts[name] / 1e3, 1) if excess else DASH) for name in ("capex", "revenue")),
        *(Cell(percent(parts.get(name))) for name in ("capex_growth", "revenue_growth")),
        Cell(percent(excess.value if excess else None)),
        Cell(excess.known_at if excess else DASH),
        Cell(percent(ratio.value if ratio else None, sign=False)),
        Cell(ratio.known_at if ratio else DASH),
    )
