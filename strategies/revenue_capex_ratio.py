"""The supply chain held in proportion to how fast NVIDIA's share of cloud CapEx rises, the rest in the CSI 300 ETF."""

import sys

from backtest.__main__ import main
from backtest.signals.revenue_capex_ratio import RevenueCapexRatio
from backtest.strategy import build_spec
from backtest.weights import Exposure

SPEC = build_spec(
    name="revenue_capex_ratio",
    title="Revenue to CapEx ratio",
    question="Did it pay to hold the supply chain in proportion to the rise of the revenue/CapEx ratio over a year?",
    baskets=("supply_chain",),
    signals=(RevenueCapexRatio(),),
    weights=Exposure(full_at=0.10, otherwise="510300.SS"),  # 10 points a year: two fifths of the rise the report tells of
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
