"""What a measure returns: a value with the figures behind it, or what is missing, and further numbers by kind of measure."""

from dataclasses import dataclass, field
from typing import TypeAlias

from backtest.facts import Fact


@dataclass(frozen=True)
class Falls:
    """The quarters in which a sum, or one of its parts, did not rise."""

    falls: tuple[str, ...]


@dataclass(frozen=True)
class SetsOfFour:
    """Sets of four suppliers held to the clouds' CapEx: how many, how many hold in every quarter, and how close each came.

    `share_of_set_quarters` counts each set in each quarter; `worst_quarter_excess` has each set's smallest excess growth (a
    fraction), smallest first.
    """

    sets: int
    sets_holding: int
    quarters: tuple[str, ...]
    share_of_set_quarters: float
    suppliers: tuple[str, ...]
    worst_quarter_excess: tuple[float, ...]


@dataclass(frozen=True)
class Levels:
    """Two levels whose ratio was measured."""

    base: float
    level: float


@dataclass(frozen=True)
class Change:
    """A signal's value, or a part of it, at both ends of a span."""

    start: float
    end: float


@dataclass(frozen=True)
class Signs:
    """The quarters that fail, and how often each part is above zero, where parts were named."""

    failing: tuple[str, ...]
    share_by_part: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Returns:
    """The first and last day of returns, each name's own (a fraction), and the names whose prices end them."""

    span: str
    returns: dict[str, float]
    ended: tuple[str, ...] = ()


Details: TypeAlias = Falls | SetsOfFour | Levels | Change | Signs | Returns


@dataclass(frozen=True)
class Measurement:
    """A measured value, or None with what is missing; `details` are further numbers for the page."""

    value: float | None
    quarter: str | None = None
    inputs: tuple[Fact, ...] = ()
    missing: tuple[str, ...] = ()
    details: Details | None = None
