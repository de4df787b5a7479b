"""The two themes that stand to gain most from the report's four trend shifts, as known each month."""

import sys

from backtest.__main__ import main
from backtest.signals.theme_trends import ThemeTrends
from backtest.strategy import build_spec
from backtest.weights import Rotation

SPEC = build_spec(
    name="trend_rotation",
    title="Trend rotation",
    question="Did it pay to hold the themes that the four trend shifts favoured most at the time?",
    baskets=("optical", "copper", "PCB", "GPU", "ASIC"),
    together=True,
    base="CNY",
    signals=(ThemeTrends(),),
    weights=Rotation(top=2),
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
