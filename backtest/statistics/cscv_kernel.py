"""The two halves of every split of a search (CSCV), compiled: which trial is best in one, and how many it passes in the other.

A trial's order in a half is s|s|/q, s the sum of its returns there and q that of their squares: it grows with the Sharpe
ratio and needs no root. `left` and `right` (2, subsets, trials) are s and q of some trials in every subset of the first and of
the last blocks; the subset opposite to number i is number -1 - i. `splits` has a subset of each side, and stands for
two splits, of which the second has the halves exchanged.
"""

import numpy as np
import numpy.typing as npt

from backtest.files.numba_cache import njit
from backtest.statistics.refusal import Floats

Integers = npt.NDArray[np.int64]
ROUNDING = 1e-14  # of a product and of a quotient, with room


@njit(cache=True, nogil=True, error_model="numpy")
def choose(left: Floats, right: Floats, splits: Integers, best: Floats, outside: Floats) -> None:
    """Keep, per split and side (splits, 2), the best order so far and that of the same trial in the other half.

    Of equal ones the first counts.
    """
    for split in range(len(splits)):
        here, there = splits[split]
        for side in range(2):
            s, t, q, r = left[0, here], right[0, there], left[1, here], right[1, there]
            here, there = -1 - here, -1 - there
            if _apart(s, t, q, r, best[split, side], best[split, side])[0] == len(s):
                continue
            highest = _highest(s, t, q, r)
            if highest > best[split, side]:
                at = 0
                while at < len(s) - 1 and _order(s[at] + t[at], q[at] + r[at]) != highest:
                    at += 1
                best[split, side] = highest
                outside[split, side] = _order(left[0, here, at] + right[0, there, at], left[1, here, at] + right[1, there, at])


@njit(cache=True, nogil=True, error_model="numpy")
def passed(left: Floats, right: Floats, splits: Integers, lowest: Floats, highest: Floats, counted: Integers) -> None:
    """Count, per split and side, the trials whose order in the other half is below `lowest`, and those not above `highest`."""
    for split in range(len(splits)):
        here, there = splits[split]
        for side in range(2):
            here, there = -1 - here, -1 - there
            s, t, q, r = left[0, here], right[0, there], left[1, here], right[1, there]
            below, above = _apart(s, t, q, r, lowest[split, side], highest[split, side])
            if below + above == len(s):
                counted[split, side] += 2 * below
            else:
                counted[split, side] += _below(s, t, q, r, lowest[split, side], highest[split, side])


@njit(cache=True, nogil=True, error_model="numpy")
def _apart(s: Floats, t: Floats, q: Floats, r: Floats, lowest: float, highest: float) -> tuple[int, int]:
    """Count the trials whose order is below `lowest` and those above `highest` by more than a rounding.

    It takes a product where the order takes a quotient, which is slower.
    """
    below, above = 0, 0
    for trial in range(len(s)):
        total, squares = s[trial] + t[trial], q[trial] + r[trial]
        size, low, high = abs(total) * total, lowest * squares, highest * squares
        below += size < low - ROUNDING * abs(low)
        above += size > high + ROUNDING * abs(high)
    return below, above


@njit(cache=True, nogil=True, error_model="numpy")
def _order(total: float, squares: float) -> float:
    return abs(total) * total / squares


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _highest(s: Floats, t: Floats, q: Floats, r: Floats) -> float:
    highest = -np.inf
    for trial in range(len(s)):
        highest = max(highest, _order(s[trial] + t[trial], q[trial] + r[trial]))
    return highest


@njit(cache=True, nogil=True, error_model="numpy")
def _below(s: Floats, t: Floats, q: Floats, r: Floats, lowest: float, highest: float) -> int:
    count = 0
    for trial in range(len(s)):
        order = _order(s[trial] + t[trial], q[trial] + r[trial])
        count += order < lowest
        count += order <= highest
    return count
