"""The two themes whose known demand grows fastest, whatever the re-rating: prices are not read."""

import sys

from backtest.__main__ import main
from backtest.signals.demand_growth import DemandGrowth
from backtest.strategy import build_spec
from backtest.weights import Rotation

SPEC = build_spec(
    name="fundamental_growth",
    title="Fundamental growth",
    question="Did it pay to hold the themes whose known revenue grew fastest, whatever their prices did?",
    baskets=("optical", "copper", "PCB", "GPU", "ASIC"),
    together=True,
    base="CNY",
    signals=(DemandGrowth(),),
    weights=Rotation(top=2),
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
