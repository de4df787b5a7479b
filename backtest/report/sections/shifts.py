"""The four trend shifts and the multiplier: each as a panel, whatever the strategy reads."""

from backtest.calendars import parse_quarter
from backtest.formatting import number
from backtest.report.charts import claim_charts, decision_charts
from backtest.report.components import Cell, Column, Fold, Part, Rows, Section, Table, Text
from backtest.report.formatting import origin, plain
from backtest.result import RunResult, SignalReadings

SHIFTS = {
    "token_anchor": "1. From cloud CapEx to tokens",
    "asic_share": "2. From GPU only to GPU and ASIC",
    "network_architecture": "3. From the product to the network architecture",
    "scale_up_bandwidth": "4. From scale-out to scale-out and scale-up",
}
SAYS = {
    "token_anchor": "Median growth of tokens per year minus the clouds' CapEx growth, log points: above 0, tokens outgrow CapEx.",
    "asic_share": "Custom-chip vendors' share of accelerator revenue, as a fraction.",
    "network_architecture": "NVIDIA's networking revenue per unit of compute revenue, as a fraction.",
    "scale_up_bandwidth": "Bandwidth per chip of each vendor's shipping flagship, weighted by revenue, GB/s.",
}
LINKS = {
    "capex": "CapEx",
    "chips_over_capex": "chips over CapEx",
    "interconnect_over_chips": "interconnect over chips",
    "currency": "currency",
    "interconnect": "interconnect",
}


def section(result: RunResult) -> Section:
    """Return the multiplier's waterfall and a panel per shift."""
    known = result.readings
    parts = [_multiplier(known["multiplier"])] if known.get("multiplier") else []
    parts += [_shift(result, name, known[name]) for name in SHIFTS if known.get(name)]
    return Section("shifts", "The multiplier and the four shifts", tuple(parts))


def _shift(result: RunResult, name: str, quarters: SignalReadings) -> Part:
    last, weak = list(quarters)[-1], [quarter for quarter, reading in quarters.items() if reading.confidence == "low"]
    domain = quarters[last].parts.get("domain")
    text = f"{SAYS[name]} Latest, {last}: {number(quarters[last].value, 3)}, known {quarters[last].known_at}."
    text += f" Chips that the shipping flagship's scale-up network joins: {domain:.0f}." if domain else ""
    text += f" Of low confidence: {len(weak)} of {len(quarters)} quarters."
    seen = result.seen.get(name, {})
    drawn = decision_charts.readings(f"shift-{name.replace('_', '-')}-chart", name, quarters, seen, result.windows)
    return Part(f"shift-{name.replace('_', '-')}", SHIFTS[name], (Text(text), drawn))


def _multiplier(quarters: SignalReadings) -> Part:
    links = ("chips_over_capex", "interconnect_over_chips")
    both = [quarter for quarter, reading in quarters.items() if min(reading.parts[link] for link in links) > 0]
    text = (
        "Growth of interconnect revenue over four quarters, in log points, is exactly CapEx growth plus how far chips outgrew "
        "CapEx plus how far interconnect outgrew chips, plus what counting Chinese revenue in USD did. The report says both "
        f"links are positive; they were in {len(both)} of {len(quarters)} quarters{': ' + ', '.join(both) if both else ''}."
    )
    shown = {quarter: quarters[quarter] for quarter in _ends(list(quarters))}
    return Part(
        "shift-multiplier",
        "The multiplier",
        (
            Text(text),
            claim_charts.waterfall(
                "shift-multiplier-chart", {quarter: reading.parts for quarter, reading in shown.items()}, LINKS
            ),
            Fold(f"All {len(quarters)} quarters", (_links(quarters),)),
        ),
    )


def _ends(quarters: list[str]) -> list[str]:
    """Return the quarter a year before the latest, and the latest."""
    year_before = [quarter for quarter in quarters if parse_quarter(quarter) == parse_quarter(quarters[-1]) - 4]
    return [*year_before, quarters[-1]]


def _links(quarters: SignalReadings) -> Table:
    columns = (Column("Quarter"), *(Column(plain(name), True) for name in LINKS.values()), Column("Evidence"))
    rows = tuple(
        (
            Cell(quarter, about=origin(reading.inputs)),
            *(Cell(number(reading.parts[name], 3)) for name in LINKS),
            Cell(reading.evidence, mark="low confidence" if reading.confidence == "low" else ""),
        )
        for quarter, reading in reversed(list(quarters.items()))
    )
    return Table("The multiplier's links by calendar quarter, log points over four quarters", columns, (Rows(rows),))
