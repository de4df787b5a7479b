"""Whether CapEx leads the suppliers' revenue, and how each supplier's growth answers to it: one CapEx path, few quarters."""

import numpy as np
import pandas as pd

from backtest.calendars import quarter_label
from backtest.facts import SeriesKey
from backtest.panel import Panel
from backtest.result import Interval, Lead, SupplierSlopes
from backtest.signals.revenue_capex_ratio import RevenueCapexRatio
from backtest.statistics.hac import regress
from backtest.statistics.lead_lag import circular_shift
from backtest.statistics.partial_pooling import pool, slopes
from backtest.statistics.refusal import Refused

LAG = 1  # quarters, fixed before any result was read
PRIOR_SCALE = 1.0  # of the deviation between suppliers' slopes: percent of revenue growth per percent of CapEx growth
FEWEST_QUARTERS = 16  # of growth that a supplier has to cover: one short history would cut everybody's


def lead_and_lag(panel: Panel) -> dict[str, Lead | Refused]:
    """Return whether CapEx, or the ratio, leads the leaders' revenue by LAG quarters, on quarter-on-quarter growth.

    The rotation test carries the p; the regression with EWC errors is indicative at this many quarters.
    """
    quarters = [quarter_label(int(quarter)) for quarter in panel.quarters]
    if not panel.thesis.has_roles(("leaders", "clouds")):
        return {}
    revenue = _growth(_sum(panel, panel.series("leaders")), quarters)
    leaders = {"CapEx": _growth(_sum(panel, panel.series("clouds")), quarters)}
    if panel.thesis.has_roles(RevenueCapexRatio.roles):
        leaders["ratio"] = _growth(RevenueCapexRatio().values(panel), quarters)
    return {name: _lead(leader, revenue) for name, leader in leaders.items()}


def supplier_slopes(panel: Panel) -> SupplierSlopes | Refused:
    """Return each supplier's slope of revenue growth on CapEx growth, pooled; suppliers without the quarters are left out."""
    quarters = [quarter_label(int(quarter)) for quarter in panel.quarters]
    if not panel.thesis.has_roles(("leaders", "clouds")):
        return Refused("the thesis names no leaders or no clouds", 0)
    capex = _growth(_sum(panel, panel.series("clouds")), quarters)
    entities = _peers(panel)
    grown = pd.DataFrame({entity: _growth(_sum(panel, ((entity, "revenue"),)), quarters) for entity in entities})
    grown = grown.loc[capex.dropna().index]
    covered = [entity for entity in entities if grown[entity].notna().sum() >= FEWEST_QUARTERS]
    common = grown[covered].dropna()
    fitted = slopes(common, capex.loc[common.index])
    pooled = fitted if isinstance(fitted, Refused) else pool(fitted, PRIOR_SCALE)
    if isinstance(pooled, Refused):
        return pooled
    quarters_used = str(common.index[0]), str(common.index[-1])
    return SupplierSlopes(pooled, quarters_used, tuple(entity for entity in entities if entity not in covered))


def _lead(leader: pd.Series, follower: pd.Series) -> Lead | Refused:
    table = pd.concat([leader, follower], axis=1).dropna()
    if not len(table):
        return Refused("no quarter has both", 0)
    rotated = circular_shift(table.iloc[:, 0], table.iloc[:, 1], (LAG,))
    if isinstance(rotated, Refused):
        return rotated
    fitted = regress(table.iloc[LAG:, 1], pd.DataFrame({"leader": table.iloc[:, 0].shift(LAG).iloc[LAG:]}))
    return Lead(
        lag=LAG,
        correlation=rotated.correlations[LAG],
        p=rotated.p,
        least=rotated.least,
        slope=None if isinstance(fitted, Refused) else Interval.of(fitted.coefficients["leader"]),
        quarters=(str(table.index[0]), str(table.index[-1])),
        n=rotated.n,
    )


def _peers(panel: Panel) -> list[str]:
    """Return every company whose revenue is known in the currency of the leaders'."""
    leaders = {entity for entity, _ in panel.series("leaders")}
    published = panel.published("revenue")
    units = {fact.unit for fact in published if fact.entity in leaders}
    return sorted({fact.entity for fact in published if fact.unit in units})


def _sum(panel: Panel, series: tuple[SeriesKey, ...]) -> np.ndarray:
    total: np.ndarray = panel.matrix(series).sum(axis=1)
    return total


def _growth(totals: np.ndarray, quarters: list[str]) -> pd.Series:
    """Return growth over the quarter before, as fractions by quarter."""
    line = pd.Series(totals, quarters)
    return line / line.shift(1) - 1.0
