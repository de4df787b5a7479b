"""The four leaders while their revenue grows faster than the clouds' CapEx, else the CSI 300 ETF."""

import sys

from backtest.__main__ import main
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.strategy import build_spec
from backtest.weights import Gate

SPEC = build_spec(
    name="supply_chain_excess",
    title="Supply-chain excess growth",
    question="Did it pay to hold the four leaders only while their revenue outgrew the clouds' CapEx?",
    baskets=("leaders",),
    signals=(SupplyChainExcess(),),
    weights=Gate(above=0.0, otherwise="510300.SS"),
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
