"""A strategy: what is held, by which signals, under which rule. Found by its file's name."""

import sys

from sellers_growth import SellersGrowth

from backtest.__main__ import main
from backtest.strategy import build_spec
from backtest.weights import Gate

SPEC = build_spec(
    name="hold_while_growing",
    title="Hold while the sellers grow",
    question="Did it pay to hold the suppliers only while they outgrew the CapEx of their buyers?",
    baskets=("networks",),  # of baskets.toml
    signals=(SellersGrowth(),),  # of signals/, or of backtest.signals
    weights=Gate(above=0.0, otherwise="cash"),  # see backtest.weights for the others
    rebalance="monthly",
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
