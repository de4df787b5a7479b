"""From scores to target weights. One rule each: called with scores and members, it returns a weight per ticker.

`members` maps each basket of a book to the tickers that can be held that day. Weights are at least 0 and add up to at
most 1; what is left is cash.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from backtest.errors import ConfigurationError, near_miss
from backtest.panel import Panel
from backtest.signals import SUPPLY_CHAIN

Members = Mapping[str, tuple[str, ...]]
Targets = dict[str, float]
ROUNDING = 1e-9  # shares closer than this are the same


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


@runtime_checkable
class Controlled(Weighting, Protocol):
    """A weighting that reads signals and says what the same book would hold without them.

    A signal has a value at a decision where a score that the weighting reads is no NaN.
    """

    @property
    def twin(self) -> Weighting:
        """The same with the signal on wherever it has a value; without one it does what this weighting does."""

    @property
    def from_start(self) -> Weighting:
        """What the twin holds with the signal on, from the first session and without reading any: the control `held`."""

    def signal_shares(self, scores: Sequence[pd.Series], members: Members) -> dict[str, float] | None:
        """Return the shares of the book that the signal asks for, by what it scores; None where it has no value."""


def shares_differ(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Return whether the shares that a signal asks for at two decisions differ by more than rounding."""
    return any(abs(before.get(name, 0.0) - after.get(name, 0.0)) > ROUNDING for name in before.keys() | after.keys())


@dataclass(frozen=True)
class Equal:
    """Every member of every basket at the same weight, fully invested; no signal."""

    signals_wanted: ClassVar[int] = 0
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return equal weights."""
        return _equal(members, 1.0)


@dataclass(frozen=True)
class EqualBaskets:
    """Every basket that has members at the same weight, split equally among them, fully invested; no signal."""

    signals_wanted: ClassVar[int] = 0
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the weights; a ticker in two baskets gets both shares."""
        return _split({basket: 1.0 for basket, tickers in members.items() if tickers}, members)


@dataclass(frozen=True)
class FullWithValue:
    """The baskets at equal weight while the supply-chain score is no NaN, else `otherwise`: the twin of Gate and Exposure."""

    otherwise: str = "cash"

    signals_wanted: ClassVar[int] = 1

    @property
    def holds(self) -> tuple[str, ...]:
        """Tickers held beside the baskets' members."""
        return _holds(self.otherwise)

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the baskets' equal weights, or everything in `otherwise`."""
        return _blend(members, 0.0 if np.isnan(_chain_score(scores)) else 1.0, self.otherwise)


@dataclass(frozen=True)
class EqualBasketsWithValue:
    """Every basket at the same weight while the score of one of them is no NaN, else cash: the twin of Rotation."""

    signals_wanted: ClassVar[int] = 1
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the weights of `EqualBaskets`, or none."""
        known = any(not np.isnan(score) for score in _basket_scores(scores[0], members).values())
        return EqualBaskets()(scores, members) if known else {}


class _InOrOut:
    """What Gate and Exposure have in common: the baskets or `otherwise`, by one score of the supply chain."""

    otherwise: str

    @property
    def holds(self) -> tuple[str, ...]:
        """Tickers held beside the baskets' members."""
        return _holds(self.otherwise)

    @property
    def twin(self) -> FullWithValue:
        """The same with the baskets held wherever the score has a value."""
        return FullWithValue(self.otherwise)

    @property
    def from_start(self) -> Equal:
        """The baskets at equal weight."""
        return Equal()


@dataclass(frozen=True)
class Gate(_InOrOut):
    """The baskets at equal weight while the supply-chain score is above `above`, else `otherwise` (a ticker or cash).

    No opinion (NaN) counts as not above.
    """

    above: float = 0.0
    otherwise: str = "cash"

    signals_wanted: ClassVar[int] = 1

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the baskets' equal weights, or everything in `otherwise`."""
        return _blend(members, 1.0 if _chain_score(scores) > self.above else 0.0, self.otherwise)

    def signal_shares(self, scores: Sequence[pd.Series], members: Members) -> dict[str, float] | None:
        """Return 1 while the score is above `above`, else 0; None without a value."""
        score = _chain_score(scores)
        return None if np.isnan(score) else {SUPPLY_CHAIN: 1.0 if score > self.above else 0.0}


@dataclass(frozen=True)
class Exposure(_InOrOut):
    """The baskets at a share that rises linearly with the supply-chain score, the rest in `otherwise` (a ticker or cash).

    The share is 0 at a score of 0 or below, 1 at `full_at` or above, and 0 without an opinion (NaN).
    """

    full_at: float
    otherwise: str = "cash"

    signals_wanted: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not self.full_at > 0:
            raise ConfigurationError(f"exposure: full_at is {self.full_at}; expected a number above 0")

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the baskets' equal weights times the share, and the rest in `otherwise`."""
        shares = self.signal_shares(scores, members) or {SUPPLY_CHAIN: 0.0}
        return _blend(members, shares[SUPPLY_CHAIN], self.otherwise)

    def signal_shares(self, scores: Sequence[pd.Series], members: Members) -> dict[str, float] | None:
        """Return the share of the baskets; None without a value."""
        score = _chain_score(scores)
        return None if np.isnan(score) else {SUPPLY_CHAIN: float(np.clip(score / self.full_at, 0.0, 1.0))}


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

    @property
    def twin(self) -> EqualBasketsWithValue:
        """The same with every basket held wherever one has a score."""
        return EqualBasketsWithValue()

    @property
    def from_start(self) -> EqualBaskets:
        """Every basket at the same weight."""
        return EqualBaskets()

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the weights of the chosen baskets' members; a ticker in two of them gets both shares."""
        names = [*members, *(ticker for basket in members.values() for ticker in basket)]
        if any(members.values()) and not scores[0].index.isin(names).any():
            scored = [str(name) for name in scores[0].index]
            wanted = near_miss("basket or member", scored[0] if scored else "", list(dict.fromkeys(names)))
            raise ConfigurationError(f"rotation: of the scores' index, {', '.join(scored[:3]) or 'which is empty'}: {wanted}")
        return _split(self._chosen(_basket_scores(scores[0], members)), members)

    def signal_shares(self, scores: Sequence[pd.Series], members: Members) -> dict[str, float] | None:
        """Return the share of each chosen basket; None where no basket has a score."""
        ranked = _basket_scores(scores[0], members)
        if all(np.isnan(score) for score in ranked.values()):
            return None
        chosen = self._chosen(ranked)
        return {basket: part / sum(chosen.values()) for basket, part in chosen.items()}

    def _chosen(self, ranked: Mapping[str, float]) -> dict[str, float]:
        """Return the baskets to hold, the best first, each with its part of all."""
        liked = sorted((basket for basket in ranked if ranked[basket] > 0), key=lambda basket: -ranked[basket])
        return {basket: 1.0 if self.top else ranked[basket] for basket in liked[: self.top]}


@dataclass(frozen=True)
class AsScored:
    """The weights that its signal scores, ticker by ticker, such as a table's (`DatedWeights`); nothing without a score."""

    signals_wanted: ClassVar[int] = 1
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: Members) -> Targets:
        """Return the scores above 0 as weights."""
        return {str(ticker): float(weight) for ticker, weight in scores[0].items() if weight > 0}


@dataclass(frozen=True)
class DatedWeights:
    """A table of weights as a signal: at a decision it scores every ticker by the newest row dated at or before the close.

    A row dated with a day counts from that day's closes on, one dated with a moment from then on; before the first nothing has a
    score. `dates` (ISO, UTC) rise, `rows` has a weight per date and ticker.
    Weakest input: whoever wrote the table. It reads no figure and no price, so a replay cannot tell what was known when it was
    written. Source: the table.
    """

    dates: tuple[str, ...]
    tickers: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "DatedWeights":
        """Return the weights of a table, date × ticker; ConfigurationError with row and column for what is no weight."""
        if not isinstance(table.index, pd.DatetimeIndex) or not len(table) or table.index.hasnans:
            shown = f"{type(table.index).__name__} of {len(table)}"
            raise ConfigurationError(f"weights: the index is a {shown}; expected a date for every row (a DatetimeIndex)")
        if not table.index.is_monotonic_increasing or not table.index.is_unique:
            raise ConfigurationError("weights: the dates do not rise; expected unique, rising dates")
        if not table.columns.is_unique or not all(isinstance(name, str) for name in table.columns):
            raise ConfigurationError(f"weights: the columns are {list(table.columns)[:5]}; expected tickers, each once")
        dates = table.index.tz_convert("UTC").tz_localize(None) if table.index.tz is not None else table.index
        days = tuple(date.isoformat() if date != date.normalize() else f"{date:%Y-%m-%d}" for date in dates)
        for day, (_, row) in zip(days, table.iterrows(), strict=True):
            _require_weights(day, row)
        rows = tuple(tuple(map(float, row)) for row in table.to_numpy(dtype=float))
        return cls(days, tuple(table.columns), rows)

    def __call__(self, panel: Panel) -> pd.Series:
        """Return the row that counts at the panel's moment, NaN for every ticker before the first."""
        count = bisect_right([pd.Timestamp(date) for date in self.dates], panel.moment.tz_localize(None))
        return pd.Series(self.rows[count - 1] if count else np.nan, index=list(self.tickers), dtype=float)


def _require_weights(day: str, row: pd.Series) -> None:
    """Raise ConfigurationError unless a row has weights of at least 0 that add up to at most 1."""
    numbers = pd.to_numeric(row, errors="coerce")
    if len(wrong := row[~(numbers >= 0)]):
        raise ConfigurationError(f"weights on {day}: {wrong.index[0]} is {wrong.iloc[0]}; expected a number of at least 0")
    if (total := float(numbers.sum())) > 1.0 + ROUNDING:
        raise ConfigurationError(f"weights on {day}: they add up to {total:g}; expected at most 1, the rest is cash")


def _basket_scores(scores: pd.Series, members: Members) -> dict[str, float]:
    """Return the score of each basket that has members: its own, or the mean of its members'."""
    return {
        basket: float(scores[basket] if basket in scores.index else scores.reindex(list(tickers)).mean())
        for basket, tickers in members.items()
        if tickers
    }


def _split(parts: Mapping[str, float], members: Members) -> Targets:
    """Return the weights of some baskets' members, each basket's part of all split equally among them."""
    total = sum(parts.values())
    targets: Targets = {}
    for basket, part in parts.items():
        share = part / total / len(members[basket])
        for ticker in members[basket]:
            targets[ticker] = targets.get(ticker, 0.0) + share
    return targets


def _holds(otherwise: str) -> tuple[str, ...]:
    return () if otherwise == "cash" else (otherwise,)


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
        scored = ", ".join(map(str, scores[0].index[:3])) or "nothing"
        more = " and so on" if len(scores[0]) > 3 else ""
        raise ConfigurationError(
            f"the signal scores {scored}{more}; expected one score, of '{SUPPLY_CHAIN}', or a weighting of many such as Rotation"
        )
    return float(scores[0][SUPPLY_CHAIN])
