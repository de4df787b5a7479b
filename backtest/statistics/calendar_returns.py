"""What a value returned in each calendar month and year; a period that its sessions cover in part is marked as such."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class PeriodReturn:
    """The return from the last close before a month ("2025-06") or year ("2025") to its last close, of `n` sessions.

    `part`: the sessions begin within the period or end before it does; the return is then from `base` to `last` alone.
    """

    period: str
    value: float
    part: bool
    base: str
    last: str
    n: int


def period_ends(index: pd.DatetimeIndex, frequency: Literal["M", "Y"]) -> np.ndarray:
    """Return the place of each period's last session, from the second session on: the first is the base of the first return."""
    periods = index[1:].to_period(frequency).asi8
    return np.append(np.flatnonzero(np.diff(periods)) + 1, len(periods)) if len(periods) else np.empty(0, dtype=int)


def whole_periods(index: pd.DatetimeIndex, frequency: Literal["M", "Y"], complete: bool) -> np.ndarray:
    """Return of each period whether some sessions cover it: no month or year is whole that has the first session in it.

    `complete` says whether the last session is the last of its month; the last year is whole where that is December too.
    """
    ends = period_ends(index, frequency)
    whole = np.ones(len(ends), dtype=bool)
    if len(ends):
        first, second = index[:2].to_period(frequency)
        whole[0] = first != second
        whole[-1] &= complete and (frequency == "M" or index[-1].month == 12)
    return whole


def period_returns(equity: pd.Series, frequency: Literal["M", "Y"], complete: bool) -> tuple[PeriodReturn, ...]:
    """Return the returns of every month ("M") or year ("Y"); `equity` is session → value, `complete` as in `whole_periods`."""
    index, values = pd.DatetimeIndex(equity.index), equity.to_numpy(float)
    ends, whole = period_ends(index, frequency), whole_periods(index, frequency, complete)
    bases = np.append(0, ends)[:-1]
    form = "%Y-%m" if frequency == "M" else "%Y"
    return tuple(
        PeriodReturn(
            period=index[end].strftime(form),
            value=float(values[end] / values[base] - 1.0),
            part=not covered,
            base=f"{index[base]:%Y-%m-%d}",
            last=f"{index[end]:%Y-%m-%d}",
            n=int(end - base),
        )
        for base, end, covered in zip(bases, ends, whole, strict=True)
    )
