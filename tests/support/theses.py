"""A small thesis of one's own: two cable makers and the buyer whose spending they are compared with, all made up."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from backtest import calendars

QUARTERS = [f"{year}Q{quarter}" for year in (2023, 2024, 2025) for quarter in (1, 2, 3, 4)][:9]
ENDS = {"1": "03-31", "2": "06-30", "3": "09-30", "4": "12-31"}
SERIES = {("AAA", "revenue"): (100, 8), ("BBB", "revenue"): (200, 6), ("CCC", "purchases_ppe"): (1000, 30)}  # first value, step
HEADER = "entity,metric,period,period_end,known_at,value,unit,evidence,confidence,source,note"
SUPPLIER = """
[[supplier]]
ticker = "{ticker}"
name = "{name}"
market = "XNYS"
currency = "USD"
theme = "{theme}"
since = 2022-01-01
source = "made up"
"""
FILES = {
    "thesis.toml": """
[thesis]
id = "mine"
title = "Cables outgrow spending"
question = "Do cable makers outgrow what their buyer spends?"
publisher = "Nobody"
date = 2025-03-31
cited_as = ["Nobody"]
themes = ["cable", "buyer"]
source = "made up"
""",
    "suppliers.toml": "".join(
        SUPPLIER.format(ticker=ticker, name=name, theme=theme)
        for ticker, name, theme in (("AAA", "Alpha", "cable"), ("BBB", "Beta", "cable"), ("CCC", "Gamma", "buyer"))
    ),
    "baskets.toml": """
[[basket]]
name = "cables"
title = "Cables"
members = ["AAA", "BBB"]
currency = "USD"
chosen = 2025-03-31
source = "made up"
""",
    "roles.toml": """
[[role]]
name = "leaders"
label = "cable makers' revenue"
series = ["AAA revenue", "BBB revenue"]
source = "made up"

[[role]]
name = "clouds"
label = "the buyer's spending"
series = ["CCC purchases_ppe"]
announced = "spending"
source = "made up"
""",
    "claims.toml": """
[[claim]]
id = "faster"
sentence = "Cable makers outgrow their buyer's spending."
unit = "share of quarters"
test = "all"
source = "made up"
readings = [{ name = "excess growth", measure = "positive", signal = "supply_chain_excess", since = "2024Q1" }]

[[claim]]
id = "strength"
sentence = "Their own growth stays above zero."
unit = "share of quarters"
test = "all"
source = "made up"
readings = [{ name = "growth", measure = "positive", signal = "cable_strength", since = "2024Q1" }]
""",
    "signals/cable_strength.py": '''
"""How much the cable makers' revenue grew over four quarters."""

from dataclasses import dataclass
from typing import ClassVar

from backtest.signals import cited, four_quarter_growth, newest


@dataclass(frozen=True)
class CableStrength:
    """Growth of the leaders' revenue over four quarters, as a fraction. Weakest input: none. Source: made up."""

    roles: ClassVar[tuple[str, ...]] = ("leaders",)

    def __call__(self, panel):
        return newest(self.values(panel))

    def values(self, panel):
        return four_quarter_growth(panel.matrix(panel.series("leaders")).sum(axis=1))

    def inputs(self, panel, quarter):
        return cited(panel.fact(key, when) for key in panel.series("leaders") for when in (quarter, quarter - 4))
''',
    "strategies/strong_cables.py": """
from cable_strength import CableStrength

from backtest.strategy import build_spec
from backtest.weights import Gate

SPEC = build_spec(
    name="strong_cables", title="Strong cables", question="What did they earn?", baskets=("cables",), start="2024-01-02",
    signals=(CableStrength(),), weights=Gate(above=0.0),
)
""",
    "sweeps/thresholds.toml": '[settings]\n"weights.above" = [0.0, 0.1, 0.3]\n',
}


def write_thesis(folder: Path, changes: Mapping[str, str] | None = None) -> Path:
    """Write the thesis with its figures and prices to a folder, some files replaced; return the folder."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"), encoding="utf-8")
    (folder / "facts").mkdir(exist_ok=True)
    (folder / "facts" / "figures.csv").write_text(_figures(), encoding="utf-8")
    (folder / "prices").mkdir(exist_ok=True)
    for number, ticker in enumerate(("AAA", "BBB", "CCC")):
        (folder / "prices" / f"{ticker}.csv").write_text(_prices(number), encoding="utf-8")
    return folder


def _figures() -> str:
    lines = [HEADER]
    for (entity, metric), (first, step) in SERIES.items():
        for number, quarter in enumerate(QUARTERS):
            end = f"{quarter[:4]}-{ENDS[quarter[5]]}"
            known = pd.Timestamp(end) + pd.Timedelta(days=25)
            lines.append(
                f"{entity},{metric},{quarter},{end},{known:%Y-%m-%d},{first + step * number},USD_m,reported,high,made up,"
            )
    return "\n".join(lines) + "\n"


def _prices(number: int) -> str:
    days = calendars.closes("XNYS", pd.Timestamp("2023-12-01"), pd.Timestamp("2025-09-30")).index
    close = np.round((20 + 10 * number) * np.exp(0.0005 * np.arange(len(days)) + 0.02 * np.sin(np.arange(len(days)) + number)), 4)
    rows = [f"{day:%Y-%m-%d},{price},{price},{price},{price},{price},1000" for day, price in zip(days, close, strict=True)]
    return "\n".join(["date,open,high,low,close,adj_close,volume", *rows]) + "\n"
