"""Each basket of makers held at equal weight and rebalanced every quarter: the thesis's story as it stands."""

import sys

from backtest.__main__ import main
from backtest.strategy import build_spec
from backtest.weights import Equal

SPEC = build_spec(
    name="memory_baskets",
    title="Memory baskets",
    question="What would holding the makers of memory have earned, before the report and after it?",
    baskets=("report_names", "memory_us", "flash", "hard_drives", "memory_cn", "all_makers"),
    weights=Equal(),
    rebalance="quarterly",
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
