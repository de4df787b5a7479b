"""The best of some trials in every draw of a bootstrap, compiled: no draw of a trial is kept.

A draw's mean is a few differences of a trial's running sums: row `draw` of a sparse matrix (draws × sessions), which
`start`, `session` and `weight` hold by rows (CSR), times the running sums (sessions, trials).
"""

import numpy as np
import numpy.typing as npt

from backtest.files.numba_cache import njit
from backtest.statistics.refusal import Floats

Integers = npt.NDArray[np.int32]


@njit(cache=True, nogil=True, error_model="numpy")
def raise_to_best(start: Integers, session: Integers, weight: Floats, running: Floats, shifts: Floats, best: Floats) -> None:
    """Raise `best` (shifts, draws) to the highest mean of a trial in each draw plus the trial's shift (shifts, trials).

    Each mean is summed in the order of the sessions, whatever trials stand beside it.
    """
    mean = np.empty(running.shape[1])
    for draw in range(len(start) - 1):
        position, stop = start[draw], start[draw + 1]
        for trial in range(len(mean)):
            mean[trial] = 0.0
        while position + 4 <= stop:  # four at a time, so that a mean is read and written once for all of them
            a, b, c, d = weight[position], weight[position + 1], weight[position + 2], weight[position + 3]
            first, second = running[session[position]], running[session[position + 1]]
            third, fourth = running[session[position + 2]], running[session[position + 3]]
            for trial in range(len(mean)):
                mean[trial] = mean[trial] + a * first[trial] + b * second[trial] + c * third[trial] + d * fourth[trial]
            position += 4
        while position < stop:
            factor, sums = weight[position], running[session[position]]
            for trial in range(len(mean)):
                mean[trial] += factor * sums[trial]
            position += 1
        for kind in range(len(shifts)):
            best[kind, draw] = max(best[kind, draw], _highest(mean, shifts[kind]))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _highest(mean: Floats, shift: Floats) -> float:
    highest = -np.inf
    for trial in range(len(mean)):
        highest = max(highest, mean[trial] + shift[trial])
    return highest
