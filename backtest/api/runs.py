"""A strategy is run."""

from dataclasses import replace

from backtest import runs
from backtest.api.inputs import load_archive
from backtest.data.archive import narrowed
from backtest.panel import Archive
from backtest.result import RunResult
from backtest.strategy import StrategySpec


def run(spec: StrategySpec, archive: Archive | None = None) -> RunResult:
    """Return what a strategy would have done and earned, book by book.

    spec: of `load_strategy` or `build_spec`.
    archive: of `load_archive`; None is that of the nearest thesis, on embedded figures and prices.

    Raises ConfigurationError for a name that the thesis lacks, DataError for prices that are missing, StrategyError for code of
    the strategy that fails, NotRepeatableError for a decision that is not the same twice.

    >>> import backtest as bt
    >>> result = bt.run(bt.load_strategy("supply_chain_excess"))
    >>> len(result.books["leaders"].orders)
    134
    """
    known = archive or load_archive()
    result = runs.run(spec, narrowed(known, runs.needed_tickers(spec, known.thesis)))
    return result if spec.file else replace(result, command=f"backtest.run({spec.name}, archive)")
