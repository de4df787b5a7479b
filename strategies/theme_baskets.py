"""Each theme held at equal weight and rebalanced every quarter: the report's story as it stands."""

import sys

from backtest.__main__ import main
from backtest.strategy import build_spec
from backtest.weights import Equal

SPEC = build_spec(
    name="theme_baskets",
    title="Theme baskets",
    question="What would holding each of the report's themes have earned, in its regimes and after its date?",
    baskets=("optical", "copper", "PCB", "GPU", "ASIC", "hyperscaler", "us_optical", "us_network_copper", "report_names"),
    weights=Equal(),
    rebalance="quarterly",
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
