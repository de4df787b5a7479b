"""What a market asks of an order on a day: dated rules by board, a TOML row each in the file of the market.

lot, least            shares: orders are multiples of a lot, and none is smaller than the least
settle_days           sessions before a share that was bought can be sold
limit, free_sessions  largest move from the previous close, as a fraction; sessions after listing without that limit
tick                  smallest step of a price; a row may hold for prices from `above` on, beside the one that holds for all
commission_bps        of the value; at least `commission_least` an order
transfer_bps          of the value
duty_bps              of the value (stamp duty, or a tax on sales)
regulator_bps         of the value
activity_per_share    of the shares; at most `activity_most` an order

Rates are in basis points of an order's value, amounts in the market's own currency. The last seven are fees, whose rows say
on which `side` they are charged.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from backtest.files.rows import Day, Row

RuleName = Literal[
    "lot",
    "least",
    "settle_days",
    "limit",
    "free_sessions",
    "tick",
    "commission_bps",
    "commission_least",
    "transfer_bps",
    "duty_bps",
    "regulator_bps",
    "activity_per_share",
    "activity_most",
]
Side = Literal["buy", "sell", "both"]
Confidence = Literal["high", "medium", "low"]
ANY = "any"  # of a row: every board without a row of its own for that rule
EITHER: tuple[Side, ...] = ("buy", "sell", "both")
SIDES: Mapping[RuleName, tuple[Side, ...]] = {  # on which a fee can be charged
    "commission_bps": EITHER,
    "commission_least": ("both",),
    "transfer_bps": EITHER,
    "duty_bps": EITHER,
    "regulator_bps": EITHER,
    "activity_per_share": ("sell",),
    "activity_most": ("sell",),
}


class Board(Row):
    """The part of a market whose rules a share trades under, by the start and the end of its ticker."""

    starts: str = ""
    ends: str = ""
    name: str = Field(min_length=1)

    def fits(self, ticker: str) -> bool:
        """Return whether a ticker begins and ends as the row says."""
        return ticker.startswith(self.starts) and ticker.endswith(self.ends)


class Rule(Row):
    """The value of a rule on a board from `since` until `until` (excluded); `confidence` says how far its source was read."""

    board: str = Field(min_length=1)
    rule: RuleName
    side: Side | None = None
    value: float = Field(ge=0, allow_inf_nan=True)  # no limit is one of inf
    above: float = Field(default=0.0, ge=0)
    since: Day
    until: Day | None = None
    confidence: Confidence = "high"

    @model_validator(mode="after")
    def _checked(self) -> "Rule":
        if self.until and self.until <= self.since:
            raise ValueError(f"until is {self.until}; expected a day after since ({self.since})")
        if self.above and self.rule != "tick":
            raise ValueError(f"above is {self.above:g}; expected none, for {self.rule} does not depend on a price")
        sides = SIDES.get(self.rule, ())
        if not sides and self.side is not None:
            raise ValueError(f"side is '{self.side}'; expected none, for {self.rule} is no fee")
        if sides and self.side not in sides:
            raise ValueError(f"side is '{self.side or ''}'; expected {' or '.join(sides)} for {self.rule}")
        return self

    def holds(self, days: np.ndarray) -> np.ndarray:
        """Return whether the row holds on each of some days."""
        since = days >= np.datetime64(self.since, "ns")
        return np.asarray(since if self.until is None else since & (days < np.datetime64(self.until, "ns")))

    def charged(self, side: Side | None) -> float:
        """Return the value on a side, 0 where the row's fee is not charged; the value itself without a side."""
        return self.value if side is None or self.side in (side, "both") else 0.0
