"""What `benchmarks/sweeps.py` sweeps: thirty names of two markets in one book, every one of them held, the better ones more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from backtest.signals.momentum import Momentum
from backtest.strategy import build_spec
from backtest.weights import Members, Targets


@dataclass(frozen=True)
class Tilt:
    """Every member in proportion to the share of members it has beaten, to a power, and a little for each."""

    power: float = 1.0
    least: float = 0.1

    signals_wanted: ClassVar[int] = 1
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the weights."""
        tickers = sorted({ticker for basket in members.values() for ticker in basket})
        scored = dict(zip(scores[0].index.tolist(), scores[0].to_numpy(), strict=True))
        beaten = np.argsort(np.argsort(np.nan_to_num([scored[ticker] for ticker in tickers]))) / len(tickers)
        wanted = self.least + beaten**self.power
        return dict(zip(tickers, (0.998 * wanted / wanted.sum()).tolist(), strict=True))


SPEC = build_spec(
    name="tilted",
    title="Tilted",
    question="What does a setting cost?",
    baskets=("optical", "copper", "PCB", "GPU", "ASIC", "hyperscaler", "us_optical", "us_network_copper"),
    together=True,
    base="USD",
    signals=(Momentum(),),
    weights=Tilt(),
    start=date(2022, 1, 4),
)
