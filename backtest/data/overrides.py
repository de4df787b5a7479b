"""What a person decided about data: rows of decisions.toml in the store or in a folder of prices, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, Field, model_validator

from backtest.errors import ConfigurationError, near_miss
from backtest.files.rows import STRICT, Day, parsed_row, read_tables
from backtest.thesis import load_thesis
from backtest.universe import Universe

FILE = "decisions.toml"
LISTED = "prices.csv"  # a row for each ticker of the embedded prices


class Decision(BaseModel):
    """What every decision has in common: frozen, no unknown fields, a reason."""

    model_config = STRICT

    reason: str = Field(min_length=1)


class Figure(Decision):
    """Which of two figures in conflict is used, or that a figure of unusual size or period is right as stated."""

    entity: str
    metric: str
    period: str
    use: Literal["live", "reference", "as stated"]


class Price(Decision):
    """A session whose jump or split was looked at and is right."""

    ticker: str
    session: Day


class Suspended(Decision):
    """Sessions, both included, on which a share was suspended, whatever the source says of them."""

    ticker: str
    first: Day
    last: Day

    @model_validator(mode="after")
    def _span(self) -> "Suspended":
        if self.last < self.first:
            raise ValueError(f"last is {self.last}; expected a day from first ({self.first}) on")
        return self


class Ended(Decision):
    """A ticker whose prices end for good with a session: it is sold at that close."""

    ticker: str
    session: Day


class Volume(Decision):
    """How many shares a ticker's volume counts as one, from `first` to `last`, both included; without them from end to end."""

    ticker: str
    shares: int = Field(gt=1)
    first: Day | None = None
    last: Day | None = None


KINDS: dict[str, type[Decision]] = {
    "figure": Figure, "price": Price, "suspended": Suspended, "ended": Ended, "volume": Volume,
}  # fmt: skip
PRICE_KINDS = (Price, Suspended, Ended, Volume)
Kind = TypeVar("Kind", bound=Decision)


@dataclass(frozen=True)
class Decisions:
    """Every decision of a store, in file order."""

    rows: tuple[Decision, ...] = ()

    def figure(self, entity: str, metric: str, period: str) -> str | None:
        """Return "live" or "reference" where a person chose, else None."""
        rows = [row for row in self._of(Figure) if row.use != "as stated"]
        chosen = [row.use for row in rows if (row.entity, row.metric, row.period) == (entity, metric, period)]
        return chosen[-1] if chosen else None

    @property
    def as_stated(self) -> frozenset[tuple[str, str, str]]:
        """The figures (entity, metric, period) of unusual size or period that are right."""
        rows = [row for row in self._of(Figure) if row.use == "as stated"]
        return frozenset((row.entity, row.metric, row.period) for row in rows)

    def right_prices(self, ticker: str) -> list[pd.Timestamp]:
        """Return the sessions whose jumps are right."""
        return [pd.Timestamp(row.session) for row in self._of(Price) if row.ticker == ticker]

    def suspended(self, ticker: str, sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return those of some sessions on which a share was suspended."""
        spans = [(pd.Timestamp(row.first), pd.Timestamp(row.last)) for row in self.suspensions(ticker)]
        return sessions[[any(first <= day <= last for first, last in spans) for day in sessions]]

    def suspensions(self, ticker: str) -> list[Suspended]:
        """Return the rows that name a ticker's suspensions."""
        return [row for row in self._of(Suspended) if row.ticker == ticker]

    def volumes(self, ticker: str) -> list[Volume]:
        """Return the rows that say what a ticker's volume counts."""
        return [row for row in self._of(Volume) if row.ticker == ticker]

    def ended(self, ticker: str) -> bool:
        """Return whether a ticker's prices ended for good."""
        return self.end_of(ticker) is not None

    def end_of(self, ticker: str) -> pd.Timestamp | None:
        """Return the last session of a ticker whose prices ended for good, else None."""
        return next((pd.Timestamp(row.session) for row in self._of(Ended) if row.ticker == ticker), None)

    def end_reasons(self, tickers: Sequence[str]) -> dict[str, str]:
        """Return why prices ended for good, by those of some tickers whose did."""
        return {row.ticker: row.reason for row in self._of(Ended) if row.ticker in tickers}

    def _of(self, kind: type[Kind]) -> list[Kind]:
        return [row for row in self.rows if isinstance(row, kind)]


def load_decisions(home: Path, universe: Universe | None = None, stored: Sequence[str] = ()) -> Decisions:
    """Return the decisions of a store or a folder of prices, none where it has no file; ConfigurationError by row and field.

    A price row names a ticker of a universe (by default that of the first thesis), a rate, or one that the folder has prices
    of, or that is `stored` there for other theses.
    """
    path = home / FILE
    if not path.exists():
        return Decisions()
    universe = universe or load_thesis().universe
    known = [*universe.market_and_currency(), *universe.all_rates, *_priced(home), *stored]
    return Decisions(
        tuple(
            _known(parsed_row(KINDS[kind], row, f"{FILE} {kind} {number}"), f"{FILE} {kind} {number}", known)
            for kind, rows in read_tables(path, *KINDS).items()
            for number, row in enumerate(rows, start=1)
        )
    )


def _priced(home: Path) -> list[str]:
    """Return the tickers that a folder has a file of, and those of the table that stands beside embedded prices."""
    listed = (home / LISTED).read_text(encoding="utf-8").splitlines() if (home / LISTED).exists() else []
    return [*(file.stem for file in home.glob("*.csv")), *(line.split(",")[0] for line in listed)]


def _known(row: Decision, where: str, tickers: Sequence[str]) -> Decision:
    if isinstance(row, PRICE_KINDS) and row.ticker not in tickers:
        raise ConfigurationError(f"{where}: {near_miss('ticker', row.ticker, list(tickers))}")
    return row
