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
        for trial in range(len(mean)):
            mean[trial] = 0.0
        for position in range(start[draw], start[draw + 1]):
            factor, sums = weight[position], running[session[position]]
            for trial in range(len(mean)):
                mean[trial] += factor * sums[trial]
        for kind in range(len(shifts)):
            highest = best[kind, draw]
            for trial in range(len(mean)):
                shifted = mean[trial] + shifts[kind, trial]
                highest = shifted if shifted > highest else highest
            best[kind, draw] = highest
