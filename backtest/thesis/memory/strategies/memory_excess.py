"""Makers held while their revenue grows faster than the clouds' CapEx, else cash."""

import sys

from maker_excess import MakerExcess

from backtest.__main__ import main
from backtest.strategy import build_spec
from backtest.weights import Gate

SPEC = build_spec(
    name="memory_excess",
    title="Memory excess growth",
    question="Did it pay to hold makers of memory only while their revenue outgrew the clouds' CapEx?",
    baskets=("report_names", "all_makers"),
    signals=(MakerExcess(),),
    weights=Gate(above=0.0, otherwise="cash"),
)

if __name__ == "__main__":
    main(["run", __file__, *sys.argv[1:]])
