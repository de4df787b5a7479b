"""The claims of a thesis are held to its figures."""

from datetime import date

import pandas as pd

from backtest.api.inputs import load_archive
from backtest.calendars import moment_of
from backtest.claims.checked import CheckedClaims
from backtest.claims.ledger import judged
from backtest.panel import Archive


def check_claims(archive: Archive | None = None, as_of: pd.Timestamp | date | str | None = None) -> CheckedClaims:
    """Return each claim of the thesis with our figure and its verdict: over all, when written, and since.

    archive: as in `run`, with every ticker of the thesis.
    as_of: a day like "2025-06-30" (its last instant) or a UTC moment; None is now.

    >>> import backtest as bt
    >>> bt.check_claims(as_of="2025-06-30")["gpu-asic"].verdict
    'contradicted'
    """
    known = archive or load_archive()
    moment = pd.Timestamp.now(tz="UTC") if as_of is None else moment_of(as_of)
    return CheckedClaims(known.thesis.id, moment, tuple(judged(known, moment)))
