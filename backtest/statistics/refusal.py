"""What a statistic answers when the sample cannot carry it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FEWEST_OBSERVATIONS = 30
ROUNDING = 1e-12  # a spread this small, next to the values, is rounding


@dataclass(frozen=True)
class Refused:
    """A figure that is not given; `reason` says why and `n` counts the observations there were."""

    reason: str
    n: int


def refusal(values: Floats, fewest: int = FEWEST_OBSERVATIONS) -> Refused | None:
    """Return why no statistic can be computed from values (observations first): missing, too few or constant; else None."""
    n = len(values)
    if np.isnan(values).any():
        missing = int(np.isnan(values).reshape(n, -1).any(axis=1).sum())
        return Refused(f"{missing} of {n} observations are missing", n)
    if n < fewest:
        return Refused(f"{n} observations; expected at least {fewest}", n)
    if not (values.std(axis=0) > ROUNDING * np.abs(values).max(initial=0.0)).all():
        return Refused("values never vary", n)
    return None
