"""Whether a sweep is what its grid expects: the figure of every `[[expect]]` row, and the error that ends the command."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from backtest.errors import ExpectationError
from backtest.statistics.refusal import Floats, Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.columns import TWIN
from backtest.sweeps.expectations import OF_SEARCH, Expectation, Outcome
from backtest.sweeps.results import BestSetting, SearchStatistics
from backtest.sweeps.table import SettingsTable

CHOSEN: Mapping[str, Callable[[Floats], float]] = {
    "median": lambda values: float(np.median(values)),
    "worst": lambda values: float(values.min()),
    "share": lambda values: float((values > 0.0).mean()),
}


def outcomes(
    expected: Sequence[Expectation], table: SettingsTable, best: BestSetting, statistics: SearchStatistics
) -> tuple[Outcome, ...]:
    """Return what became of each expectation of a table of settings; one without a figure is not met."""
    return tuple(_outcome(expectation, table, best, statistics) for expectation in expected)


def require_met(results: Sequence[Outcome]) -> None:
    """Raise ExpectationError with the first of the expectations that are not met."""
    failed = [result for result in results if not result.met]
    if failed:
        first, count = failed[0], f"{len(failed)} of {len(results)} expectations not met"
        raise ExpectationError(f"{count}; {first.subject}: {first.text}; expected {first.bounds}")


def _outcome(expectation: Expectation, table: SettingsTable, best: BestSetting, statistics: SearchStatistics) -> Outcome:
    searched = expectation.figure in OF_SEARCH
    value = _of_search(expectation, statistics) if searched else _of_window(expectation, table, best)
    low = -np.inf if expectation.at_least is None else expectation.at_least
    high = np.inf if expectation.at_most is None else expectation.at_most
    return Outcome(expectation.subject, expectation.bounds, value, bool(low <= value <= high))


def _of_window(expectation: Expectation, table: SettingsTable, best: BestSetting) -> float:
    """Return the figure of a window, NaN where no setting has it."""
    name = f"{expectation.figure} {expectation.window}"
    if name not in table:
        return float("nan")
    values = table[name] - table[f"{TWIN}_{name}"] if expectation.against == TWIN else table[name]
    if expectation.chosen == "best":
        return float(values[(table["number"] == best.number) & (table["book"] == best.book)].iloc[0])
    given = values.dropna().to_numpy(float)
    return CHOSEN[expectation.chosen](given) if len(given) else float("nan")


def _of_search(expectation: Expectation, statistics: SearchStatistics) -> float:
    """Return the figure of the search, NaN where it is refused."""
    source = statistics.twins if expectation.against == TWIN else statistics
    if isinstance(source, Refused):
        return float("nan")
    statistic = {"spa_p": source.spa, "deflated_sharpe": source.deflated_sharpe, "pbo": statistics.pbo}[expectation.figure]
    if isinstance(statistic, Refused):
        return float("nan")
    return statistic.consistent if isinstance(statistic, Superior) else statistic.probability
