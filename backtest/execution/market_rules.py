"""What a market asks of an order on a day: dated rules by board, a TOML row each in `universe/rules.toml`.

lot, least            shares: orders are multiples of a lot, and none is smaller than the least
settle_days           sessions before a share that was bought can be sold
limit, free_sessions  largest move from the previous close, as a fraction; sessions after listing without that limit
tick                  smallest step of a price
commission_bps        of the value, both sides; at least `commission_least` an order
transfer_bps          of the value, both sides
duty_bps              of the value, sales only (stamp duty)
regulator_bps         of the value, sales only
activity_per_share    of the shares, sales only; at most `activity_most` an order
"""

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from backtest.errors import ConfigurationError, DataError
from backtest.files.rows import Day, Row, read_rows
from backtest.universe import FOLDER, Market

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
ANY = "any"


class Board(Row):
    """The part of a market whose rules a share trades under, by the start of its code."""

    market: Market
    starts: str
    name: str = Field(min_length=1)


class Rule(Row):
    """The value of a rule on a board from `since` until `until` (excluded)."""

    market: Market
    board: str = Field(min_length=1)
    rule: RuleName
    value: float = Field(ge=0, allow_inf_nan=True)  # no limit is one of inf
    since: Day
    until: Day | None = None

    @model_validator(mode="after")
    def _span(self) -> "Rule":
        if self.until and self.until <= self.since:
            raise ValueError(f"until is {self.until}; expected a day after since ({self.since})")
        return self


@lru_cache
def load_rules(folder: Path = FOLDER) -> dict[tuple[str, str, str], tuple[Rule, ...]]:
    """Return the rules by market, board and name, each from the earliest on; ConfigurationError where two overlap."""
    rows = read_rows(folder / "rules.toml", "rule", Rule)
    boards = {(row.market, row.name) for row in load_boards(folder)}
    rules: dict[tuple[str, str, str], tuple[Rule, ...]] = {}
    for number, row in enumerate(rows, start=1):
        if row.board != ANY and (row.market, row.board) not in boards:
            raise ConfigurationError(f"rules.toml row {number}: board is '{row.board}'; expected 'any' or a board of boards.toml")
        key = (row.market, row.board, row.rule)
        rules[key] = tuple(sorted((*rules.get(key, ()), row), key=lambda rule: rule.since))
        for earlier, later in pairwise(rules[key]):
            if earlier.until is None or earlier.until > later.since:
                raise ConfigurationError(
                    f"rules.toml row {number}: {row.rule} of {row.market} {row.board} from {later.since} overlaps the row from "
                    f"{earlier.since}; expected one value a day"
                )
    return rules


@lru_cache
def load_boards(folder: Path = FOLDER) -> tuple[Board, ...]:
    """Return the boards in file order."""
    return read_rows(folder / "boards.toml", "board", Board)


def board_of(market: str, ticker: str, folder: Path = FOLDER) -> str:
    """Return the board of a ticker; ConfigurationError when no row's start fits its code."""
    fitting = [row for row in load_boards(folder) if row.market == market and ticker.startswith(row.starts)]
    if not fitting:
        raise ConfigurationError(f"boards.toml: no row for {ticker} in {market}; expected one whose `starts` begins its code")
    return max(fitting, key=lambda row: len(row.starts)).name


def rule_values(market: str, board: str, rule: RuleName, sessions: pd.DatetimeIndex, folder: Path = FOLDER) -> np.ndarray:
    """Return a rule's value on each session, shape (sessions,); DataError for a session without a row."""
    rules = load_rules(folder)
    rows = rules.get((market, board, rule)) or rules.get((market, ANY, rule), ())
    values = np.full(len(sessions), np.nan)
    for row in rows:
        until = pd.Timestamp(row.until) if row.until else pd.Timestamp.max
        values[(sessions >= pd.Timestamp(row.since)) & (sessions < until)] = row.value
    if np.isnan(values).any():
        day = sessions[int(np.isnan(values).argmax())]
        raise DataError(f"rules.toml: no {rule} for {market} {board} on {day:%Y-%m-%d}; expected a row that covers the day")
    return values
