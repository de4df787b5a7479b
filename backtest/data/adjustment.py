"""Splits held against the prices, and total-return prices from closes and dividends.

A source carries closes back through splits itself; now and then it forgets one or does it twice. Each split is held
against the close it acts on, and each jump against the splits: what does not fit is refused, never repaired.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from backtest.errors import DataError

RATIOS = np.array([2, 3, 4, 5, 6, 8, 10, 15, 20, 25, 50])  # splits and their reverse
NEAR = 0.06  # how near a jump has to be to a split's ratio, as a log
SHANGHAI_LIMIT = 0.23  # no board lets a close move further in a session
LISTING_SESSIONS = 5  # without a limit


def check_splits(rows: pd.DataFrame, where: str, market: str, decided: Collection[pd.Timestamp] = ()) -> None:
    """Refuse a split that the closes still show, or show doubled, and a jump that looks like a split nobody names.

    `rows` has session, close, split; `decided` are sessions a person has looked at and found right.
    """
    traded = rows.dropna(subset=["close"])
    moves = np.log(traded["close"].to_numpy()[1:] / traded["close"].to_numpy()[:-1])
    for number, (session, split, move) in enumerate(
        zip(traded["session"].iloc[1:], traded["split"].iloc[1:], moves, strict=True), start=1
    ):
        if session in decided:
            continue
        if fault := _fault(float(split), float(move), market, number):
            raise DataError(
                f"{where}: close moves by {np.expm1(move):+.1%} on {session:%Y-%m-%d}, {fault}; "
                f"want other prices, or a [[price]] row with that session in decisions.toml"
            )


def total_return(close: pd.Series, dividend: pd.Series) -> pd.Series:
    """Return closes carried back through dividends in proportion: close × product of later (1 - dividend ÷ close before).

    Proportional adjustment keeps every day's return; subtracting dividends would not (a price that falls to 1 by
    subtraction doubles when it earns 1). NaN where the share did not trade. Raises DataError for a dividend not below the
    price it is paid from.
    """
    before = close.ffill().shift().to_numpy()
    paid = dividend.to_numpy()
    kept = np.ones(len(close))
    np.divide(before - paid, before, out=kept, where=(paid > 0) & ~np.isnan(before))
    if (kept <= 0).any():
        worst = int(np.argmax(kept <= 0))
        raise DataError(
            f"dividend of {paid[worst]:g} on {close.index[worst]} is not below the close before it, {before[worst]:g}"
        )
    later = np.append(np.cumprod(kept[:0:-1])[::-1], 1.0)
    return pd.Series(close.to_numpy() * later, close.index)


def _fault(split: float, move: float, market: str, number: int) -> str:
    if split != 1.0:
        size = abs(np.log(split))
        if size > 3 * NEAR and abs(abs(move) - size) < min(2 * NEAR, size / 3):
            shown = "which its prices still show" if move * np.log(split) < 0 else "which its prices show twice"
            return f"on a split of {split:g}, {shown}"
        return ""
    if market == "XSHG" and number > LISTING_SESSIONS and not np.log(1 - SHANGHAI_LIMIT) < move < np.log(1 + SHANGHAI_LIMIT):
        return "further than any board allows: a split or dividend is missing"
    if np.abs(abs(move) - np.log(RATIOS)).min() < NEAR and abs(move) > np.log(1.9):
        return "like a split that nobody names"
    return ""
