"""Makers held in proportion to how fast their revenue rises as a share of cloud CapEx, the rest in cash."""

import sys

from maker_share import MakerShare

from backtest.__main__ import main
from backtest.strategy import build_spec
from backtest.weights import Exposure

SPEC = build_spec(
    name="memory_capex_ratio",
    title="Memory revenue to CapEx",
    question="Did it pay to hold makers of memory in proportion to the rise of their revenue over cloud CapEx in a year?",
    baskets=("report_names", "all_makers"),
    signals=(MakerShare(),),
    weights=Exposure(full_at=0.10, otherwise="cash"),  # 10 points a year, fixed before any result was read
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
