"""A report is made again, to see whether it is what its data give."""

from collections.abc import Callable, Sequence
from pathlib import Path

from backtest.api.comparisons import read_page, read_result
from backtest.api.inputs import Named, load_archive, load_strategy, thesis_of
from backtest.data.archive import narrowed
from backtest.errors import ConfigurationError
from backtest.files.documents import Json
from backtest.output import verify as making_again
from backtest.panel import Archive
from backtest.runs import needed_tickers
from backtest.strategy import StrategySpec
from backtest.thesis import Thesis, load_thesis, shipped_theses


def verify(
    report: str | Path,
    archive: Archive | None = None,
    *,
    strategy: StrategySpec | str | Path | None = None,
    thesis: Named = None,
    prices: str = "reference",
    facts: str = "reference",
) -> making_again.Verdict:
    """Make a report again from its own spec and the data; return whether it is the same, and what differs.

    report: its folder, its index.html or its result.json.
    archive: as in `run`; None loads what it needs of `thesis`, `prices` and `facts`, which are as in `load_archive`.
    strategy: the spec that it is of, or its file; None is the strategy of its name.

    Raises DataError for a report that cannot be read, ConfigurationError for a strategy that has moved on.
    """
    if archive is None:
        return made_again(
            Path(report), strategy, thesis, lambda tickers, of: load_archive(of, prices=prices, facts=facts, tickers=tickers)
        )
    return made_again(Path(report), strategy, archive.thesis, lambda tickers, _: narrowed(archive, tickers))


def made_again(
    report: Path, strategy: StrategySpec | str | Path | None, thesis: Named, load: Callable[[Sequence[str], Thesis], Archive]
) -> making_again.Verdict:
    """Return how a report differs from one made again on the archive that is loaded of the tickers it needs and its thesis."""
    document, page = read_result(report), read_page(report)
    file = "" if strategy is None or isinstance(strategy, StrategySpec) else str(strategy)
    chosen = _thesis_of_report(document, thesis, file)
    spec = strategy if isinstance(strategy, StrategySpec) else load_strategy(file or document["strategy"], chosen)
    needed = needed_tickers(making_again.restated(document, spec), chosen)
    return making_again.verify(document, page, spec, load(needed, chosen))


def _thesis_of_report(document: Json, named: Named, strategy: str) -> Thesis:
    """Return the thesis of a report: the one that is named or near, or the shipped one of its name; ConfigurationError else."""
    wanted = document["thesis"]["id"]
    near = thesis_of(named, strategy)
    if near.id == wanted:
        return near
    if named is None and wanted in shipped_theses():
        return load_thesis(wanted)
    raise ConfigurationError(f"the report is of thesis '{wanted}', here is '{near.id}'; expected --thesis with the folder of it")
