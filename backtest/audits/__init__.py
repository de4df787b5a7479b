"""How much of a run is luck, and whether any of it was seen too early: one file per question, one result for the report."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from backtest.audits import hypotheses
from backtest.audits.alpha import alpha_test
from backtest.audits.announcements import announcement_studies
from backtest.audits.factors import factor_fits
from backtest.audits.growth import lead_and_lag, supplier_slopes
from backtest.audits.leak_budget import measure_leaks
from backtest.audits.nulls import null_suite, settings
from backtest.audits.replay import canary_is_caught, replay_decisions
from backtest.audits.states import basket_states
from backtest.audits.window_ranks import influence_of, rank_windows, verdict_sentence
from backtest.clock import SYSTEM, Clock
from backtest.guard import blaming
from backtest.panel import Archive, unchanged
from backtest.runs import RunResult
from backtest.strategy import StrategySpec
from backtest.thesis import windows_id
from backtest.thesis.windows import SAMPLES
from backtest.universe import Universe

STEPS = 11  # of a whole audit, each reported once


def audit(
    spec: StrategySpec,
    result: RunResult,
    archive: Archive,
    universe: Universe,
    seconds: float = 60.0,
    progress: Callable[[str], None] = lambda said: None,
    clock: Clock = SYSTEM,
) -> dict[str, Any]:
    """Return the audit of a run for JSON; LookAheadError when a decision reads what was not yet known.

    The replay and its canary are always run. The rest is begun, in its order, while less than `seconds` of the clock have
    passed; what was not begun is listed under `not_run` with the reason.
    """
    with blaming(f"strategy {spec.name}"), unchanged(archive, f"strategy {spec.name}"):
        return _audit(spec, result, archive, universe, seconds, progress, clock)


def _audit(
    spec: StrategySpec,
    result: RunResult,
    archive: Archive,
    universe: Universe,
    seconds: float,
    progress: Callable[[str], None],
    clock: Clock,
) -> dict[str, Any]:
    began, last = clock.monotonic(), max(window.end for window in result.windows)
    progress("decisions again, with everything later hidden")
    found: dict[str, Any] = {"replay": {"decisions": replay_decisions(spec, archive, universe, last)}}
    found["replay"]["canary"] = canary_is_caught(spec, archive, universe, last)
    panel = archive.as_of(pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1))
    questions: dict[str, Callable[[], Any]] = {
        "regimes": lambda: _regimes(result),
        "influence": lambda: {name: influence_of(book) for name, book in result.books.items()},
        "factors": lambda: factor_fits(result, archive.prices),
        "lead_lag": lambda: lead_and_lag(panel),
        "slopes": lambda: supplier_slopes(panel),
        "events": lambda: announcement_studies(result, archive.facts, archive.prices),
        "states": lambda: {name: basket_states(book, archive.prices, result.windows) for name, book in result.books.items()},
        "nulls": lambda: _nulls(spec, result, archive, universe, pd.Timestamp(last)),
        "leak_budget": lambda: measure_leaks(spec, archive, universe, pd.Timestamp(last)),
    }
    not_run = {}
    if not spec.signals:
        del questions["leak_budget"]
        not_run["leak_budget"] = "the strategy reads no published figure"
    for name, question in questions.items():
        if clock.monotonic() - began >= seconds:
            not_run[name] = f"did not fit into {seconds:g} seconds"
            continue
        progress(name.replace("_", " "))
        found[name] = question()
    found["not_run"] = not_run
    found["windows_id"] = windows_id()
    regimes = found.get("regimes")
    found["verdict"] = verdict_sentence(regimes) if regimes is not None else "Luck was not judged: the audit ran out of time."
    if "nulls" in found:
        found["verdict"] += f" {hypotheses.sentence(found['nulls'])}"
    return found


def _nulls(spec: StrategySpec, result: RunResult, archive: Archive, universe: Universe, last: pd.Timestamp) -> dict[str, Any]:
    """Return the null suite with its p-values corrected for every registered hypothesis."""
    suite = null_suite(spec, settings(spec, archive, universe, last), universe) | {"factors": alpha_test(result, archive.prices)}
    return hypotheses.corrected_suite(spec.name, suite)


def _regimes(result: RunResult) -> dict[str, Any]:
    """Return the verdicts of every book on the named regimes that do not cover the run."""
    named = tuple(window for window in result.windows if window.name not in SAMPLES)
    trials = len(named) * len(result.books)
    return {name: rank_windows(book, named, trials) for name, book in result.books.items()}
