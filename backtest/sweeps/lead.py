"""The sentence that a sweep begins with: whether any setting beat its twin beyond luck, of how many settings and curves.

The rules, fixed before any result was read; a twin is the same setting with the signal on wherever it has a value:
    not asked       where the weighting reads no signal or names no twin
    never acts      where the signal acts in no setting: then each setting is its own twin
    cannot be told  where the test over twins (SPA) is refused
    beyond luck     where its p-value is at most 0.05; whether the best excess alone is told from the best of as much noise is
                    said too: that is where the Deflated Sharpe Ratio of it, equal curves counted once, is at least 95%
    not shown       everything else
In how many settings the signal never acts stands behind it, unless it acts in all.
"""

from backtest.formatting import number, percent
from backtest.statistics.refusal import Refused
from backtest.sweeps.results import SweepSummary, TwinStatistics

RARE, ENOUGH = 0.05, 0.95
TWIN = "the same with the signal on throughout"


def lead(summary: SweepSummary) -> str:
    """Return whether any setting of a sweep beat its twin beyond luck."""
    twins, statistics = summary.statistics.twins, summary.statistics
    counts = f"{summary.settings:,} settings ({statistics.curves:,} distinct curves)"
    if isinstance(twins, Refused):
        return f"What the signal added to the {counts} is not asked: {twins.reason}."
    if twins.idle >= 1.0:
        return f"The signal acts in none of the {counts}, so that each is its own twin and nothing is its merit."
    never = f" In {_share(twins.idle)} of them the signal never acts." if twins.idle > 0.0 else ""
    return f"{_beaten(twins, counts)}{never}"


def _beaten(twins: TwinStatistics, counts: str) -> str:
    if isinstance(twins.spa, Refused):
        return f"Whether any of the {counts} beat its twin, {TWIN}, beyond luck cannot be told: {twins.spa.reason}."
    rarity = f"= {number(twins.spa.consistent, 3)}" if twins.spa.consistent >= 0.001 else "below 0.001"
    p = f"one-sided p {rarity}"
    if twins.spa.consistent > RARE:
        return f"None of the {counts} is shown to beat its twin, {TWIN}, by more than luck ({p})."
    alone = twins.deflated_sharpe_curves
    if isinstance(alone, Refused):
        best = f"whether the best excess alone is no noise cannot be told: {alone.reason}"
    elif alone.probability >= ENOUGH:
        best = f"the best excess alone is no noise either, with a chance of {_share(alone.probability)}"
    else:
        best = f"the best excess alone is not told from the best of as much noise, with a chance of {_share(alone.probability)}"
    return f"Some of the {counts} beat their twin, {TWIN}, by more than luck ({p}); {best}."


def _share(value: float) -> str:
    """Return a share in whole percent, with a decimal near either end."""
    return percent(value, 1 if value < 0.1 or value > 0.9 else 0, sign=False)
