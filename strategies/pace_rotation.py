"""The two themes that stand to gain most from the report's four trend shifts, each weighed by how fast it moves."""

import sys

from backtest.__main__ import main
from backtest.signals.theme_pace import ThemePace
from backtest.strategy import build_spec
from backtest.weights import Rotation

SPEC = build_spec(
    name="pace_rotation",
    title="Trend rotation by pace",
    question="Did it pay to hold the themes that the four trend shifts favoured most, by how fast each shift moved at the time?",
    baskets=("optical", "copper", "PCB", "GPU", "ASIC"),
    together=True,
    base="CNY",
    signals=(ThemePace(),),
    weights=Rotation(top=2),
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
