"""What a quarterly figure was to be expected to be by its own past alone: a seasonal random walk with drift.

G. Foster, The Accounting Review 52 (1977), on logs: the figure of the year before, plus the mean change over a year of the last
four quarters. It is mechanical: it knows no guidance, no analyst and no price.
"""

import numpy as np

from backtest.statistics.refusal import Floats

YEAR = 4  # quarters; also how many changes over a year the drift is the mean of
MOST_CHANGES = 8  # before a quarter, from which the ordinary deviation of such changes is measured


def surprises(logs: Floats) -> Floats:
    """Return each quarter's log figure less its expectation, NaN where a figure of it or of the eight quarters before is unknown.

    With d(t) = x(t) - x(t-4) this is d(t) less the mean of d(t-1) to d(t-4), from the earlier figures as they are given.
    """
    changes, unexpected = yearly_changes(logs), np.full(len(logs), np.nan)
    for quarter in range(2 * YEAR, len(logs)):
        unexpected[quarter] = changes[quarter] - changes[quarter - YEAR : quarter].mean()
    return unexpected


def deviation(logs: Floats) -> float:
    """Return the standard deviation of the last known changes over a year, at most eight, NaN below four."""
    known = yearly_changes(logs)
    known = known[np.isfinite(known)][-MOST_CHANGES:]
    return float(known.std(ddof=1)) if len(known) >= YEAR else float("nan")


def yearly_changes(logs: Floats) -> Floats:
    """Return the change of each quarter's log figure over four quarters, NaN for the first four."""
    changes = np.full(len(logs), np.nan)
    changes[YEAR:] = logs[YEAR:] - logs[: max(len(logs) - YEAR, 0)]
    return changes
