"""The two themes whose members rose most over half a year: the control that trend_rotation has to beat."""

import sys

from backtest.__main__ import main
from backtest.signals.momentum import Momentum
from backtest.strategy import build_spec
from backtest.weights import Rotation

SPEC = build_spec(
    name="momentum_rotation",
    title="Momentum rotation (control)",
    question="What would rotating among the same themes by past prices alone have earned?",
    baskets=("optical", "copper", "PCB", "GPU", "ASIC"),
    together=True,
    base="CNY",
    signals=(Momentum(),),
    weights=Rotation(top=2),
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
