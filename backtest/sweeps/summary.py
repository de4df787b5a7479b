"""A sweep for CI: as Markdown with a heat map, and as JUnit XML."""

from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from backtest.errors import BacktestError, ExpectationError
from backtest.files import atomic
from backtest.formatting import number, percent
from backtest.statistics.overfitting import Deflated, Overfit
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.sweeps import drift
from backtest.sweeps.columns import SHARPE
from backtest.sweeps.expectations import Outcome
from backtest.sweeps.gate import require_met
from backtest.sweeps.grid import stated
from backtest.sweeps.lead import lead
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.results import MinimumLength, SweepResult, SweepSummary, TwinStatistics
from backtest.text.markdown import code, line, rows_of, safe
from backtest.text.screen import plain
from backtest.thesis.windows import WHOLE

SHADES = "·░▒▓█"
MOST_COLUMNS = 24


def answer_ci(result: SweepResult, options: SweepOptions) -> list[str] | None:
    """Compare a sweep with its baseline and its grid's expectations, and write its summary and JUnit file whatever comes of it.

    Return which identities changed without drift, None without a baseline. DriftError where a figure moved, ExpectationError
    where none did and an expectation is not met.
    """
    error: Exception | None = None
    try:
        changed = drift.check(result, options.baseline, options.tolerance) if options.baseline else None
        require_met(result.summary.expectations)
        return changed
    except Exception as raised:
        error = raised
        raise
    finally:
        if options.summary:
            atomic.write(options.summary, markdown(result, error).encode())
        if options.junit:
            atomic.write(options.junit, junit(result, error, options.baseline is not None).encode())


def markdown(result: SweepResult, error: BaseException | None) -> str:
    """Return the summary; the best Sharpe ratio stands with what the search for it is worth, or why that is not given."""
    summary = result.summary
    drift_line = "none" if error is None or isinstance(error, ExpectationError) else str(error)
    rows = [
        *worth_of(summary).items(),
        ("drift from the baseline", drift_line),
        *((f"{outcome.subject}, expected {outcome.bounds}", answer_of(outcome)) for outcome in summary.expectations),
    ]
    lines = [
        f"## Sweep of {safe(summary.strategy)}: {counts_of(summary)}",
        "",
        line(lead(summary)),
        "",
        line(_headline(summary)),
        code(stated(summary.best.setting)),
        "",
        *rows_of(("what", "figure"), rows),
        "",
        *(line(f"{note}.") for note in summary.notes),
        *([""] if summary.notes else []),
        *_heat_map(result),
    ]
    return "\n".join(lines) + "\n"


def _headline(summary: SweepSummary) -> str:
    return f"Best Sharpe ratio {number(summary.best.sharpe)} over the whole run, the best of {summary.trials:,} trials:"


def worth_of(summary: SweepSummary) -> Mapping[str, str]:
    """Return what the search for the best is worth: each check in words, and its figure or why there is none."""
    statistics = summary.statistics
    return {
        "chance that it is above noise (Deflated Sharpe)": _probability(statistics.deflated_sharpe),
        "the same, equal curves counted once": _probability(statistics.deflated_sharpe_curves),
        "probability of backtest overfitting": _probability(statistics.pbo),
        "one-sided p that nothing beats the benchmark (SPA)": _probability(statistics.spa),
        "years a search of that size needs, and has": _years(statistics.minimum_length),
        **_added(statistics.twins),
    }


def _added(twins: TwinStatistics | Refused) -> dict[str, str]:
    """Return what the signal added, each setting compared with its twin, the same with the signal on throughout."""
    if isinstance(twins, Refused):
        return {"what the signal adds to a setting without it": f"not given: {twins.reason}"}
    return {
        "one-sided p that no setting beats its twin, signal on (SPA)": _probability(twins.spa),
        "chance that the best excess over a twin is no noise": _probability(twins.deflated_sharpe),
        "the same, equal excesses counted once": _probability(twins.deflated_sharpe_curves),
        "settings with a higher Sharpe ratio than their twin": percent(twins.beating, 1, sign=False),
        "settings with a higher return than their twin": percent(twins.richer, 1, sign=False),
        "settings in which the signal never acts": percent(twins.idle, 1, sign=False),
    }


def answer_of(outcome: Outcome) -> str:
    """Return what came of an expectation."""
    return f"{outcome.text}, {'met' if outcome.met else 'not met'}"


def counts_of(summary: SweepSummary) -> str:
    """Return how many settings there are, and how many differ at all."""
    return f"{summary.settings:,} settings, {summary.statistics.curves:,} distinct curves"


def _probability(statistic: Deflated | Overfit | Superior | Refused) -> str:
    if isinstance(statistic, Refused):
        return f"not given: {statistic.reason}"
    return number(statistic.consistent if isinstance(statistic, Superior) else statistic.probability, 3)


def _years(length: MinimumLength) -> str:
    needed = "no length would do" if length.years is None else number(length.years, 1)
    return f"{needed}, {number(length.had, 1)}"


def junit(result: SweepResult, error: BaseException | None, compared: bool) -> str:
    """Return a suite of strategy × window × check: enough returns for a ratio; no drift (skipped without a baseline).

    Each expectation of the grid is a case too.
    """
    strategy = result.summary.strategy
    suite = ElementTree.Element("testsuite", name=f"sweep {strategy}")
    for window in result.windows:
        ratios = result.table[f"{SHARPE} {window.name}"]
        for check in ("returns", "baseline"):
            case = ElementTree.SubElement(suite, "testcase", classname=f"{strategy}.{window.name}", name=check)
            if check == "returns" and ratios.isna().all():
                ElementTree.SubElement(case, "skipped", message="fewer than 30 returns, or none that varies")
            if check == "baseline" and not compared:
                ElementTree.SubElement(case, "skipped", message="no baseline given")
            if check == "baseline" and isinstance(error, BacktestError) and not isinstance(error, ExpectationError):
                ElementTree.SubElement(case, "failure", message=str(error))
    for outcome in result.summary.expectations:
        name = f"{outcome.subject}, {outcome.bounds}"
        case = ElementTree.SubElement(suite, "testcase", classname=f"{strategy}.expect", name=name)
        if not outcome.met:
            message = f"{outcome.subject}: {outcome.text}; expected {outcome.bounds}"
            ElementTree.SubElement(case, "failure", message=message)
    for kind, counted in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        suite.set(kind, str(len(suite.findall(counted))))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _heat_map(result: SweepResult) -> Iterator[str]:
    """Yield the median Sharpe ratio by the two fields with the most values, as text."""
    counts = pd.Series({name: result.table[name].nunique() for name in result.fields}, dtype="int64")
    counts = counts.sort_values(ascending=False, kind="stable")
    if len(counts) < 2 or counts.iloc[1] < 2:
        return
    across, down = str(counts.index[0]), str(counts.index[1])
    chosen = {across: result.table[across], down: result.table[down], "ratio": result.table[f"{SHARPE} {WHOLE}"]}
    medians = pd.DataFrame(chosen).pivot_table("ratio", down, across, "median")
    medians = medians.iloc[:, np.unique(np.linspace(0, medians.shape[1] - 1, MOST_COLUMNS).astype(int))]
    low, high = float(np.nanmin(medians)), float(np.nanmax(medians))
    ends = plain(f"{across} from {medians.columns[0]} to {medians.columns[-1]}")
    yield "```"
    yield f"median Sharpe ratio, {SHADES[0]} {number(low)} to {SHADES[-1]} {number(high)}; {ends}"
    for name, row in medians.iterrows():
        yield f"{down} {plain(str(name)):<12} {''.join(_shade(value, low, high) for value in row)}"
    yield "```"


def _shade(value: float, low: float, high: float) -> str:
    if np.isnan(value):
        return " "
    return SHADES[int((value - low) / max(high - low, 1e-12) * (len(SHADES) - 1) + 0.5)]
