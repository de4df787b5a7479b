"""The supply chain after a quarter in which the clouds spent more than their own past let expect, else the CSI 300 ETF."""

import sys

from backtest.__main__ import main
from backtest.signals.capex_surprise import CapexSurprise
from backtest.strategy import build_spec
from backtest.weights import Gate

SPEC = build_spec(
    name="surprise",
    title="CapEx surprise",
    question="Did it pay to hold the supply chain only after the clouds' CapEx had come out above its mechanical expectation?",
    baskets=("supply_chain",),
    signals=(CapexSurprise(),),
    weights=Gate(above=0.0, otherwise="510300.SS"),
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
