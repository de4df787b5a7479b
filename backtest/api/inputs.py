"""What a run starts from: a thesis, a strategy, an archive."""

from collections.abc import Sequence
from pathlib import Path

from backtest import strategy as strategy_files
from backtest.data import archive as archives
from backtest.panel import Archive
from backtest.strategy import StrategySpec
from backtest.thesis import Thesis, find_thesis
from backtest.thesis.strategies import strategies

Named = Thesis | str | Path | None  # a thesis itself, its id, its folder, or None: the nearest


def load_archive(
    thesis: Named = None,
    *,
    prices: str = "reference",
    facts: str = "reference",
    tickers: Sequence[str] | None = None,
) -> Archive:
    """Return every figure and price of a thesis; `Archive.as_of` gives what was known on a day.

    thesis: a Thesis, an id like "memory" or a folder; None is the nearest above the working folder, else the package's first.
    prices: "reference" (embedded), "store" (what was pulled) or "store:SOURCE", or a folder of daily CSV files.
    facts: "reference", "store" or a folder of tables.
    tickers: whose prices are needed; None is every ticker of the thesis, those left out that the source has no prices of.

    Raises ConfigurationError with a near miss for a name that nothing has, DataError for data that are missing or wrong.

    >>> import backtest as bt
    >>> archive = bt.load_archive("memory")
    >>> archive.thesis.id
    'memory'
    """
    chosen = thesis_of(thesis)
    wanted = list(chosen.universe.market_and_currency()) if tickers is None else tickers
    return archives.load_archive(wanted, prices, facts, () if tickers is None else None, chosen)


def load_strategy(strategy: str | Path, thesis: Named = None) -> StrategySpec:
    """Return the SPEC of a strategy by its name, or of a file.

    strategy: a name like "theme_baskets" (in `strategies/` of the working folder, else one of the thesis), or the path of a file.
    thesis: as in `load_archive`; None is the nearest above the file, or above the working folder for a name.

    Raises ConfigurationError with a near miss for a name that nothing has, StrategyError for a file that fails.

    >>> import backtest as bt
    >>> bt.load_strategy("theme_baskets").rebalance
    'quarterly'
    """
    path = strategy_path(str(strategy), thesis_of(thesis, str(strategy)))
    return strategy_files.load_strategy(path, thesis_of(thesis, str(path)))


def strategy_path(strategy: str, thesis: Thesis) -> Path:
    """Return the file of one strategy by its name or path."""
    (path,) = strategies(strategy, thesis)
    return path


def thesis_of(thesis: Named, strategy: str = "") -> Thesis:
    """Return a thesis itself, the one that is named, else the nearest to a strategy's file or to the working folder."""
    if isinstance(thesis, Thesis):
        return thesis
    return find_thesis(thesis, Path(strategy).parent if strategy.endswith(".py") else Path.cwd())
