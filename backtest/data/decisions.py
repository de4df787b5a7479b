"""What a person decided about live data: rows of decisions.toml in the store, each with its reason."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, Field

from backtest.inputs import STRICT, Day, parsed_row, read_tables

FILE = "decisions.toml"


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
    """Sessions, both included, on which a share was suspended and the source has no rows."""

    ticker: str
    first: Day
    last: Day


class Ended(Decision):
    """A ticker whose prices ended for good."""

    ticker: str
    session: Day


KINDS: dict[str, type[Decision]] = {"figure": Figure, "price": Price, "suspended": Suspended, "ended": Ended}
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
        spans = [(pd.Timestamp(row.first), pd.Timestamp(row.last)) for row in self._of(Suspended) if row.ticker == ticker]
        return sessions[[any(first <= day <= last for first, last in spans) for day in sessions]]

    def ended(self, ticker: str) -> bool:
        """Return whether a ticker's prices ended for good."""
        return any(row.ticker == ticker for row in self._of(Ended))

    def _of(self, kind: type[Kind]) -> list[Kind]:
        return [row for row in self.rows if isinstance(row, kind)]


def load_decisions(home: Path) -> Decisions:
    """Return the decisions of a store, none where it has no file; ConfigurationError by row and field."""
    path = home / FILE
    if not path.exists():
        return Decisions()
    tables = read_tables(path, *KINDS)
    return Decisions(
        tuple(
            parsed_row(KINDS[kind], row, f"{FILE} {kind} {number}")
            for kind, rows in tables.items()
            for number, row in enumerate(rows, start=1)
        )
    )
