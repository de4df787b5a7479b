"""Numbers in few letters, for the script of a page: steps between integers, in the code of source maps, a letter or two each."""

from collections.abc import Iterable, Sequence

import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
WEEK, WORKWEEK, MONDAY = 7, 5, 3  # 1970-01-01 was the fourth day of its week
DIGITS = 5
LEAST_LOG_STEP = 5e-5  # of a logarithm: values to 0.0025%, and a day's return mostly in two letters


def integers(values: Iterable[int]) -> str:
    """Return integers as letters: the sign is the lowest bit, five bits a letter, the sixth says that more follow."""
    written = []
    for value in values:
        rest = value * 2 if value >= 0 else -value * 2 + 1
        while rest >= 32:
            written.append(LETTERS[rest & 31 | 32])
            rest >>= 5
        written.append(LETTERS[rest])
    return "".join(written)


def days(moments: Sequence[float]) -> str:
    """Return ascending days since 1970-01-01: days a week that count, the first, then pairs of a run of ones and a jump."""
    counted = [round(moment) + MONDAY for moment in moments]
    week = WORKWEEK if all(day % WEEK < WORKWEEK for day in counted) else WEEK
    numbers = [day // WEEK * week + day % WEEK for day in counted]
    written, run = [week, *numbers[:1]], 0
    for step in np.diff(numbers).tolist():
        if step == 1:
            run += 1
        else:
            written += [run, step]
            run = 0
    return integers([*written, run] if run else written)


def unit(numbers: Sequence[float], log: bool = False) -> float:
    """Return what numbers are written in multiples of: five digits of the largest, or so much of a logarithm."""
    largest = float(np.abs(numbers).max(initial=0.0))
    return LEAST_LOG_STEP if log else float(f"1e{int(np.ceil(np.log10(largest))) - DIGITS}") if largest > 0 else 1.0


def values(numbers: Sequence[float], unit: float, log: bool = False) -> str:
    """Return numbers, or their logarithms, as steps between multiples of a unit."""
    array = np.asarray(numbers, dtype=float)
    return integers(np.diff(np.rint((np.log(array) if log else array) / unit).astype(int), prepend=0).tolist())
