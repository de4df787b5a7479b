"""What a measure returns: a value with the figures behind it, or what is missing, and further numbers by kind of measure."""

from dataclasses import dataclass, field
from typing import TypeAlias

from backtest.facts import Fact

MOST_NAMED = 3  # series whose figures end a span


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


@dataclass(frozen=True)
class Lead:
    """Whether one growth comes before another: the best lag in quarters, its correlation, the p of a rotation, the quarters."""

    lag: int
    correlation: float
    p: float
    n: int


@dataclass(frozen=True)
class Closes:
    """The closes that a return rests on, and in how many of how many months or holdings the claim was met, where counted."""

    closes: dict[str, float]
    counted: int = 0
    of: int = 0


Details: TypeAlias = Falls | SetsOfFour | Levels | Change | Signs | Returns | Lead | Closes


@dataclass(frozen=True)
class Known:
    """The newest quarter for which all that a reading needs was known, and the figures that say which it was."""

    quarter: str
    inputs: tuple[Fact, ...]


@dataclass(frozen=True)
class Measurement:
    """A measured value, or None with what is missing; `details` are further numbers for the page.

    `quarter` is the last quarter (or day) it stands on, `first` the first where there are several; `held_back` names the series
    whose figures end the span while others go on. `margin` is by how much the claim holds where it holds least (for a sentence
    about some set of four: of the set for which it holds best), None where the value alone says it.
    """

    value: float | None
    quarter: str | None = None
    inputs: tuple[Fact, ...] = ()
    missing: tuple[str, ...] = ()
    details: Details | None = None
    first: str | None = None
    held_back: tuple[str, ...] = ()
    margin: float | None = None
    known: Known | None = None

    @property
    def span(self) -> str | None:
        """The first and the last quarter (or day), and whose figures end them, as text; None for a measure of no time."""
        if self.quarter is None:
            return None
        days = self.quarter if self.first in (None, self.quarter) else f"{self.first} to {self.quarter}"
        if not self.held_back:
            return days
        others = f" and {len(self.held_back) - MOST_NAMED} more" if len(self.held_back) > MOST_NAMED else ""
        named = ", ".join(self.held_back[:MOST_NAMED])
        return f"{days}, where {named}{others} end{'s' if len(self.held_back) == 1 else ''}"
