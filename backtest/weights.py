"""From scores to target weights. One rule each: called with scores and members, it returns a weight per ticker.

`members` maps each basket of a book to the tickers that can be held that day. Weights are at least 0 and add up to at
most 1; what is left is cash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError, near_miss
from backtest.signals import SUPPLY_CHAIN

Members = Mapping[str, tuple[str, ...]]
Targets = dict[str, float]


class Weighting(Protocol):
    """A rule from scores to target weights, a frozen dataclass."""

    @property
    def signals_wanted(self) -> int:
        """How many signals it is called with the scores of."""

    @property
    def holds(self) -> tuple[str, ...]:
        """Tickers held beside the baskets' members."""

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return a weight per ticker."""


@dataclass(frozen=True)
class Equal:
    """Every member of every basket at the same weight, fully invested; no signal."""

    signals_wanted: ClassVar[int] = 0
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return equal weights."""
        return _equal(members, 1.0)


@dataclass(frozen=True)
class Gate:
    """The baskets at equal weight while the supply-chain score is above `above`, else `otherwise` (a ticker or cash).

    No opinion (NaN) counts as not above.
    """

    above: float = 0.0
    otherwise: str = "cash"

    signals_wanted: ClassVar[int] = 1

    @property
    def holds(self) -> tuple[str, ...]:
        """Tickers held beside the baskets' members."""
        return () if self.otherwise == "cash" else (self.otherwise,)

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the baskets' equal weights, or everything in `otherwise`."""
        return _blend(members, 1.0 if _chain_score(scores) > self.above else 0.0, self.otherwise)


@dataclass(frozen=True)
class Exposure:
    """The baskets at a share that rises linearly with the supply-chain score, the rest in `otherwise` (a ticker or cash).

    The share is 0 at a score of 0 or below, 1 at `full_at` or above, and 0 without an opinion (NaN).
    """

    full_at: float
    otherwise: str = "cash"

    signals_wanted: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not self.full_at > 0:
            raise ConfigurationError(f"exposure: full_at is {self.full_at}; expected a number above 0")

    @property
    def holds(self) -> tuple[str, ...]:
        """Tickers held beside the baskets' members."""
        return () if self.otherwise == "cash" else (self.otherwise,)

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the baskets' equal weights times the share, and the rest in `otherwise`."""
        share = float(np.nan_to_num(np.clip(_chain_score(scores) / self.full_at, 0.0, 1.0)))
        return _blend(members, share, self.otherwise)


@dataclass(frozen=True)
class Rotation:
    """The baskets with the best scores: the `top` of them at equal weight, or all in proportion when `top` is None.

    A basket's score is its own, or the mean of its members' where scores are by ticker. Only scores above 0 count; a
    basket's weight is split equally among its members. Without any score above 0 everything is cash.
    """

    top: int | None = None

    signals_wanted: ClassVar[int] = 1
    holds: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise ConfigurationError(f"rotation: top is {self.top}; expected at least 1, or None for proportional")

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the weights of the chosen baskets' members; a ticker in two of them gets both shares."""
        names = [*members, *(ticker for basket in members.values() for ticker in basket)]
        if any(members.values()) and not scores[0].index.isin(names).any():
            scored = [str(name) for name in scores[0].index]
            raise ConfigurationError(f"rotation: {near_miss('score of a basket or member', names[0], scored)}")
        ranked = {basket: _basket_score(scores[0], basket, tickers) for basket, tickers in members.items() if tickers}
        liked = sorted((basket for basket in ranked if ranked[basket] > 0), key=lambda basket: -ranked[basket])
        chosen = liked[: self.top]
        total = sum(1.0 if self.top else ranked[basket] for basket in chosen)
        targets: Targets = {}
        for basket in chosen:
            share = (1.0 if self.top else ranked[basket]) / total / len(members[basket])
            for ticker in members[basket]:
                targets[ticker] = targets.get(ticker, 0.0) + share
        return targets


def _basket_score(scores: pd.Series, basket: str, tickers: tuple[str, ...]) -> float:
    return float(scores[basket] if basket in scores.index else scores.reindex(list(tickers)).mean())


def _equal(members: Members, total: float) -> Targets:
    tickers = sorted({ticker for basket in members.values() for ticker in basket})
    return {ticker: total / len(tickers) for ticker in tickers} if total > 0 else {}


def _blend(members: Members, share: float, otherwise: str) -> Targets:
    targets = _equal(members, share)
    if otherwise != "cash" and share < 1.0:
        targets[otherwise] = targets.get(otherwise, 0.0) + (1.0 - share)
    return targets


def _chain_score(scores: Sequence[pd.Series]) -> float:
    """Return the score of the supply chain as a whole; ConfigurationError when the signal scores something else."""
    if SUPPLY_CHAIN not in scores[0].index:
        scored = ", ".join(map(str, scores[0].index[:3]))
        raise ConfigurationError(f"weights want a signal that scores '{SUPPLY_CHAIN}'; this one scores {scored} and so on")
    return float(scores[0][SUPPLY_CHAIN])
