"""Volumes in shares: sources count shares or lots of them, some change from one to the other, and none says which.

A volume is taken as shares but where a [[volume]] row of decisions.toml says how many shares it counts. A change of unit that no
row explains shows as a fall or rise beyond thirty times from the median of the sessions before, which ordinary sessions do not
reach (our files hold a single one beyond it). Such volumes are left out until they are back.
"""

import math
from collections.abc import Mapping
from statistics import median

import numpy as np
import pandas as pd

from backtest.data.matrices import aligned, floats
from backtest.data.overrides import Decisions

ANOTHER_UNIT = 30.0  # a lot has a hundred shares; between a hundredth and a busy session's tenfold
SESSIONS = 20


def volumes_in_shares(tables: Mapping[str, pd.DataFrame], decisions: Decisions) -> pd.DataFrame:
    """Return session × ticker volumes in shares, NaN where there is none, and where its unit is not clear."""
    volumes = {ticker: _of_one_unit(_stated(table, ticker, decisions)) for ticker, table in tables.items()}
    return aligned(volumes, {ticker: table.index for ticker, table in tables.items()})


def _stated(table: pd.DataFrame, ticker: str, decisions: Decisions) -> np.ndarray:
    """Return a table's volumes, each times the shares that a row says it counts, NaN for none; not to be changed."""
    volumes, close = (floats(table, column) for column in ("volume", "close"))
    if (unknown := ~(volumes > 0) | np.isnan(close)).any():
        volumes = np.where(unknown, np.nan, volumes)
    for row in decisions.volumes(ticker):
        ends = zip((row.first, row.last), table.index[[0, -1]], strict=True)
        first, last = (pd.Timestamp(day) if day else end for day, end in ends)
        volumes = np.where((table.index >= first) & (table.index <= last), volumes * row.shares, volumes)
    return volumes


def _of_one_unit(volumes: np.ndarray) -> np.ndarray:
    """Return volumes without those that are far from the median of the last that were taken."""
    known = volumes[~np.isnan(volumes)]
    if _near_neighbours(known) or _near_median(known):
        return volumes
    taken: list[float] = []
    clear = volumes.copy()
    for at, volume in enumerate(clear.tolist()):
        if math.isnan(volume):
            continue
        recent = taken[-SESSIONS:]
        middle = median(recent) if recent else volume
        if middle / ANOTHER_UNIT <= volume <= middle * ANOTHER_UNIT:
            taken.append(volume)
        else:
            clear[at] = np.nan
    return clear


def _near_neighbours(volumes: np.ndarray) -> bool:
    """Return whether each volume is near the least and the greatest of the sessions before, and so near their median."""
    least, greatest = (_before(volumes, extreme) for extreme in (np.minimum, np.maximum))
    return bool(((volumes[1:] <= least * ANOTHER_UNIT) & (volumes[1:] >= greatest / ANOTHER_UNIT)).all())


def _before(volumes: np.ndarray, extreme: np.ufunc) -> np.ndarray:
    """Return the least or the greatest of the last SESSIONS volumes before each but the first."""
    extremes, count = volumes[:-1].copy(), 1
    while count < SESSIONS:
        step = min(count, SESSIONS - count)
        extremes[step:] = extreme(extremes[step:], extremes[:-step])
        count += step
    return extremes


def _near_median(volumes: np.ndarray) -> bool:
    """Return whether each volume is near the median of the last before it, where all of them are taken."""
    middle = pd.Series(volumes).rolling(SESSIONS, min_periods=1).median().to_numpy()[:-1]
    return bool(((volumes[1:] >= middle / ANOTHER_UNIT) & (volumes[1:] <= middle * ANOTHER_UNIT)).all())
