"""A run is audited."""

from collections.abc import Callable

from backtest import audits, clock
from backtest.audits import cache
from backtest.data.archive import data_of
from backtest.panel import Archive
from backtest.result import Audit, RunResult
from backtest.runs import needed_tickers


def audit(
    result: RunResult,
    archive: Archive,
    seconds: float = 60.0,
    *,
    progress: Callable[[str], None] = lambda question: None,
) -> Audit:
    """Return how much of a run could be luck, and whether anything was read before it was known.

    result, archive: of `run`, and what it ran on; DataError for an archive of other figures or prices.
    seconds: no further question is begun after this; what was not asked stands in `not_run`.
    progress: called with the name of each question.

    A complete audit of the same spec, data and code is made once and cached. Raises LookAheadError with the signal, the session
    and the row for a decision that moves when everything later is hidden.

    >>> import backtest as bt
    >>> archive = bt.load_archive()
    >>> bt.audit(bt.run(bt.load_strategy("supply_chain_excess"), archive), archive, seconds=0).replay.decisions
    43
    """
    known = data_of(result.spec.name, archive, needed_tickers(result.spec, archive.thesis), result.data_id)
    if (before := cache.load(result)) is not None:
        return before
    made = audits.audit(result.spec, result, known, archive.thesis.universe, seconds, progress, clock.SYSTEM)
    cache.save(result, made)
    return made
