"""What cash earns: dated rows of a currency's rate a year, and what they make of it from session to session.

A calendar day earns a 365th of the rate that holds on it (actual/365). Interest is credited at the close of the next session,
before that session's orders, and earns interest from then on.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from backtest.errors import ConfigurationError
from backtest.files.rows import Day, Row, parsed_row, read_tables

FILE = "cash_rates.toml"
DAY_COUNT = "actual/365"
DAYS_A_YEAR = 365.0


class CashRate(Row):
    """The rate a year, a fraction, that cash in a currency earns from a day on."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    since: Day
    rate: float = Field(gt=-0.2, lt=2.0)


def load_cash_rates(*folders: Path) -> tuple[CashRate, ...]:
    """Return the rows of this package and of further folders, by currency and day; ConfigurationError by file and row."""
    rows: dict[tuple[str, object], CashRate] = {}
    for path in (folder / FILE for folder in (Path(__file__).parent, *folders)):
        tables = read_tables(path, "cash_rate")["cash_rate"] if path.exists() else []
        for number, table in enumerate(tables, start=1):
            row = parsed_row(CashRate, table, f"{path.name} row {number}")
            if (row.currency, row.since) in rows:
                raise ConfigurationError(
                    f"{path.name} row {number}: {row.currency} has a rate since {row.since} already; expected another day"
                )
            rows[row.currency, row.since] = row
    return tuple(sorted(rows.values(), key=lambda row: (row.currency, row.since)))


def cash_growth(rates: Sequence[CashRate], currency: str, sessions: pd.DatetimeIndex) -> np.ndarray | None:
    """Return what 1 in cash at the first session is worth at each session; None where it earns nothing on any day."""
    own = [row for row in rates if row.currency == currency]
    if not own or not len(sessions):
        return None
    days = pd.date_range(sessions[0], sessions[-1])
    number = np.searchsorted(pd.DatetimeIndex([row.since for row in own]), days, side="right")
    a_day = np.array([0.0, *(row.rate for row in own)])[number] / DAYS_A_YEAR
    if not a_day[:-1].any():
        return None
    earned = np.concatenate([[0.0], np.cumsum(a_day[:-1])])[days.get_indexer(sessions)]
    return np.asarray(np.cumprod(1.0 + np.diff(earned, prepend=0.0)))


def rates_within(rates: Sequence[CashRate], currency: str, first: pd.Timestamp, last: pd.Timestamp) -> tuple[CashRate, ...]:
    """Return the rows that hold on some day from first to last."""
    own = [row for row in rates if row.currency == currency and pd.Timestamp(row.since) <= last]
    later = [pd.Timestamp(row.since) for row in own[1:]] + [last + pd.Timedelta(days=1)]
    return tuple(row for row, until in zip(own, later, strict=False) if until > first)
