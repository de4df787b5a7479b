"""How suppliers' revenue moved beside CapEx, chips, bandwidth and tokens, by year: a table, as no regression has the quarters."""

from dataclasses import dataclass

import numpy as np

from backtest.facts import Fact
from backtest.panel import Panel
from backtest.signals.asic_share_by_chips import chips_shipped, shipped
from backtest.statistics.refusal import Floats

SUPPLIERS, SPENDING, TOKENS = "leaders", "clouds", "tokens_per_month"  # two roles and a metric
QUARTERS = 4  # of a year


@dataclass(frozen=True)
class Movement:
    """How much each grew over the year before, in log points; None where a quarter, or a bandwidth of neither year, is not known.

    `tokens` is the median over those that publish them in both years, from the last figure of the one to the last of the other.
    """

    year: int
    suppliers: float | None
    capex: float | None
    chips: float | None
    scale_up: float | None
    scale_out: float | None
    tokens: float | None


def movements_of(panel: Panel) -> tuple[tuple[Movement, ...], int]:
    """Return how suppliers' revenue moved beside what drives it, by calendar year, and the quarters in which all are known."""
    thesis = panel.thesis
    revenue, capex = (panel.matrix(thesis.role(name).keys).sum(axis=1) for name in (SUPPLIERS, SPENDING))
    units = shipped(panel)
    chips, (scale_up, scale_out) = units.sum(axis=1), _bandwidth(panel, units)
    first, last = int(panel.quarters[0]), int(panel.quarters[-1])
    rows = []
    for year in range(first // QUARTERS + 1, last // QUARTERS + 1):
        sums = {"suppliers": revenue, "capex": capex, "chips": chips, "scale_up": scale_up, "scale_out": scale_out}
        grown = {name: _growth(values, year * QUARTERS - first) for name, values in sums.items()}
        if any(value is not None for value in grown.values()):
            rows.append(Movement(year=year, tokens=_tokens(panel, year), **grown))
    return tuple(rows), int(np.isfinite(revenue + capex + chips).sum())


def _bandwidth(panel: Panel, units: Floats) -> tuple[Floats, Floats]:
    """Return the scale-up and scale-out bandwidth shipped by quarter, of chips that have both published."""
    announced = {chip.chip: chip for chip in panel.chips}
    chips = [announced.get(label) for _, label in chips_shipped(panel)]
    known = [position for position, chip in enumerate(chips) if chip and np.isfinite(chip.bandwidth_gb_per_s)]
    speeds = np.array([[c.scale_up_gb_per_s, c.scale_out_gbit_per_s] for c in (chips[k] for k in known) if c]).reshape(-1, 2)
    scale_up, scale_out = units[:, known] @ speeds[:, 0], units[:, known] @ speeds[:, 1]
    return scale_up, scale_out


def _growth(values: Floats, start: int) -> float | None:
    """Return the log growth of the four quarters from a position over the four before, None where one is not known."""
    if start < QUARTERS or start + QUARTERS > len(values):
        return None
    now, before = values[start : start + QUARTERS].sum(), values[start - QUARTERS : start].sum()
    return float(np.log(now / before)) if now > 0 and before > 0 else None


def _tokens(panel: Panel, year: int) -> float | None:
    """Return the median log growth of tokens over those with a figure of both years, scaled to a year."""
    newest: dict[tuple[str, int], Fact] = {}
    if not any(metric == TOKENS for _, metric in (panel.names.units if panel.names else {})):
        return None
    for fact in panel.published(TOKENS):
        if fact.evidence != "guidance" and fact.value > 0:
            newest[fact.entity, fact.period_end.year] = fact
    pairs = [
        (newest[entity, year - 1], row) for (entity, ends), row in newest.items() if ends == year and (entity, year - 1) in newest
    ]
    growths = [
        float(np.log(after.value / before.value)) * 365.25 / max((after.period_end - before.period_end).days, 1)
        for before, after in pairs
    ]
    return float(np.median(growths)) if growths else None
