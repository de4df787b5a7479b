"""The supply chain held in proportion to how far interconnect outgrew CapEx, the rest in the CSI 300 ETF."""

import sys

from backtest.__main__ import main
from backtest.signals.multiplier import Multiplier
from backtest.strategy import build_spec
from backtest.weights import Exposure

SPEC = build_spec(
    name="multiplier",
    title="Multiplier",
    question="Did it pay to hold the supply chain in proportion to how far interconnect outgrew CapEx?",
    baskets=("supply_chain",),
    signals=(Multiplier(),),
    weights=Exposure(full_at=0.25, otherwise="510300.SS"),  # 25 log points a year, fixed before any result was read
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
