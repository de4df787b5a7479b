"""The thesis in its own figures: the clouds' CapEx, the suppliers' revenue, how fast each grows, and the ratio of the two."""

from collections.abc import Sequence

from backtest.claims.ledger import Finding
from backtest.claims.measurement import Falls
from backtest.facts import currency_of
from backtest.formatting import DASH, counted, number, percent
from backtest.markets.currencies import DOLLAR
from backtest.report.charts import claim_charts
from backtest.report.charts.claim_charts import ThesisFigures
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.formatting import listed, name_of, origin, require_parts
from backtest.result import RunResult, SignalReadings
from backtest.signals import Reading
from backtest.thesis.rows import FIGURE_PARTS


def section(result: RunResult) -> Section | None:
    """Return what was spent and earned by quarter, drawn with what the thesis says of it; None where it names no such figures."""
    row = result.thesis.pages.figures
    if row is None:
        return None
    excess, ratio = result.readings.get(row.excess) or {}, result.readings.get(row.ratio) or {}
    if not excess:
        return Section("thesis", row.title, (Text("No quarter of CapEx and revenue was complete by the end of the run."),))
    require_parts(row.excess, excess, FIGURE_PARTS)
    reported = {finding.main.quarter: finding.claim.reported for finding in result.claims if finding.claim.id in row.reported}
    stated = {quarter: value for quarter, value in reported.items() if quarter and value is not None}
    quarters = tuple(sorted({*excess, *ratio}))
    shown = ThesisFigures(excess, ratio, row.ratio_title, *_currencies(result, excess))
    blocks: tuple[Block, ...] = (
        Text(_outcome(result, excess), "lead"),
        claim_charts.thesis("thesis-chart", shown, stated, _falls(result.claims, row.falls), result.windows),
        Fold(
            f"Whose figures, and all {len(quarters)} quarters",
            (Text(_who(result, excess, ratio), "small"), _table(quarters, shown)),
        ),
    )
    return Section("thesis", row.title, blocks)


def _currencies(result: RunResult, excess: SignalReadings) -> tuple[str, str]:
    """Return the currencies of the CapEx and of the revenue behind the newest quarter, "" where none is known.

    Figures in several currencies are added up in USD.
    """
    inputs = list(excess.values())[-1].inputs
    units = [dict.fromkeys(fact.unit for fact in inputs if fact.metric == metric) for metric in _metrics(result)]
    spending, revenue = (DOLLAR if len(named) > 1 else "".join(map(currency_of, named)) for named in units)
    return spending, revenue


def _metrics(result: RunResult) -> tuple[str, str]:
    """Return the metrics of the roles whose spending and revenue are compared."""
    row = result.thesis.pages.figures
    roles = (row.spending, row.revenue) if row else ()
    spending, revenue = (result.thesis.role(name).keys[0][1] for name in roles)
    return spending, revenue


def _outcome(result: RunResult, excess: SignalReadings) -> str:
    suppliers = len(_entities(excess, _metrics(result)[1]))
    ahead = [quarter for quarter, reading in excess.items() if reading.value > 0]
    last = list(excess)[-1]
    parts = excess[last].parts
    return (
        f"The revenue of {counted(suppliers, 'supplier')} of our choice grew faster than the clouds' CapEx in {len(ahead)} of "
        f"{counted(len(excess), 'quarter')}. In {last}, over the year before: revenue {percent(parts['revenue_growth'])}, CapEx "
        f"{percent(parts['capex_growth'])}. Other choices of suppliers give another result."
    )


def _who(result: RunResult, excess: SignalReadings, ratio: SignalReadings) -> str:
    """Return whose figures these are, from the figures themselves."""
    spending, revenue = _metrics(result)
    suppliers, clouds, row = _entities(excess, revenue), _entities(excess, spending), result.thesis.pages.figures
    text = f"Suppliers: {listed([name_of(result.names, supplier) for supplier in suppliers])}. Clouds: {listed(clouds)}. "
    if ratio and row:
        text += f"Ratio: {row.ratio_says} {listed(_entities(ratio, spending))}. "
    return text + "Calendar quarters; CapEx is cash paid for property and equipment."


def _entities(quarters: SignalReadings, metric: str) -> list[str]:
    inputs = list(quarters.values())[-1].inputs
    return list(dict.fromkeys(fact.entity for fact in inputs if fact.metric == metric))


def _falls(claims: Sequence[Finding], claim: str) -> tuple[str, ...]:
    """Return the quarters in which CapEx fell, by the claim that it never does."""
    details = next((finding.main.details for finding in claims if finding.claim.id == claim), None)
    return details.falls if isinstance(details, Falls) else ()


def _table(quarters: Sequence[str], shown: ThesisFigures) -> Table:
    columns = (
        Column("Quarter"), Column(f"CapEx ({shown.spending} bn)", True, term="CapEx (USD bn)"),
        Column(f"Revenue ({shown.revenue} bn)", True, term="Revenue (CNY bn)"), Column("CapEx growth", True),
        Column("Revenue growth", True), Column("Excess growth", True), Column("Known at"), Column("Ratio", True),
        Column("Ratio known at"),
    )  # fmt: skip
    rows = tuple(_row(quarter, shown.excess.get(quarter), shown.ratio.get(quarter)) for quarter in reversed(quarters))
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
