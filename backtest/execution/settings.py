"""How orders are filled and what they cost, as a strategy sets it."""

from dataclasses import dataclass
from typing import Literal

Fill = Literal["close", "open"]


@dataclass(frozen=True)
class Costs:
    """Slippage in basis points and as a part of the day's range, or one flat rate `flat_bps` in place of every market rule."""

    flat_bps: float | None
    slippage_bps: float
    slippage_range: float


@dataclass(frozen=True)
class ExecutionSettings:
    """The fields of a StrategySpec that say how its orders are traded; `lag` in sessions, `capital` in the book's currency."""

    fill: Fill
    lag: int
    capital: float
    cost_bps: float | None
    slippage_bps: float
    slippage_range: float

    @property
    def costs(self) -> Costs:
        """The costs of an order; under a flat rate nothing slips."""
        if self.cost_bps is not None:
            return Costs(self.cost_bps, 0.0, 0.0)
        return Costs(None, self.slippage_bps, self.slippage_range)
