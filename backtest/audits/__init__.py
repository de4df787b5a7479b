"""How much of a run is luck, and whether any of it was seen too early: one file per question, one result for the report."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from backtest.audits import hypotheses
from backtest.audits.alpha import alpha_test
from backtest.audits.announcements import announcement_studies
from backtest.audits.cache import OUT_OF_TIME
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
from backtest.result import Audit, NullSuite, Replay, RunResult, WindowRank
from backtest.statistics.refusal import Refused
from backtest.strategy import StrategySpec
from backtest.thesis.windows import SAMPLES, whole_run
from backtest.universe import Universe
from backtest.weights import DatedWeights

NOT_REPLAYED = "The weights are a table: a replay cannot tell what was known when they were written."
STEPS = 11  # of a whole audit, each reported once


def audit(
    spec: StrategySpec,
    result: RunResult,
    archive: Archive,
    universe: Universe,
    seconds: float = 60.0,
    progress: Callable[[str], None] = lambda question: None,
    clock: Clock = SYSTEM,
) -> Audit:
    """Return the audit of a run; LookAheadError when a decision reads what was not yet known.

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
) -> Audit:
    began, last = clock.monotonic(), whole_run(result.windows).end
    progress("decisions again, with everything later hidden")
    replay = Replay(replay_decisions(spec, archive, universe, last), canary_is_caught(spec, archive, universe, last))
    questions, not_run = _questions(spec, result, archive, universe, last), {}
    if not any(_reads(signal) for signal in spec.signals):
        del questions["leak_budget"]
        not_run["leak_budget"] = "the strategy reads no published figure"
    answers: dict[str, Any] = {}  # by field of Audit, each of its type
    for name, question in questions.items():
        if clock.monotonic() - began >= seconds:
            not_run[name] = f"{OUT_OF_TIME} {seconds:g} seconds"
            continue
        progress(name.replace("_", " "))
        answers[name] = question()
    made = _with_verdict(Audit(replay, archive.thesis.windows_id, "", not_run, result.identity, **answers))
    return made if all(map(_reads, spec.signals)) else replace(made, verdict=f"{made.verdict} {NOT_REPLAYED}")


def _reads(signal: Any) -> bool:
    """Return whether a signal reads the archive at all; a table of weights does not."""
    return not isinstance(signal, DatedWeights)


def _questions(
    spec: StrategySpec, result: RunResult, archive: Archive, universe: Universe, last: pd.Timestamp
) -> dict[str, Callable[[], object]]:
    """Return what an audit asks beside the replay, by the field of Audit that takes the answer."""
    panel, prices = archive.as_of(pd.Timestamp(last, tz="UTC") + pd.Timedelta(days=1)), archive.prices
    return {
        "window_ranks": lambda: _window_ranks(result),
        "influence": lambda: {name: influence_of(book) for name, book in result.books.items()},
        "factors": lambda: factor_fits(result, prices),
        "lead_lag": lambda: lead_and_lag(panel),
        "slopes": lambda: supplier_slopes(panel),
        "events": lambda: announcement_studies(result, archive.facts, prices),
        "states": lambda: {name: basket_states(book, prices, result.windows) for name, book in result.books.items()},
        "nulls": lambda: _nulls(spec, result, archive, universe, pd.Timestamp(last)),
        "leak_budget": lambda: measure_leaks(spec, archive, universe, pd.Timestamp(last)),
    }


def _with_verdict(audit: Audit) -> Audit:
    """Return an audit with its verdict in a sentence or two."""
    verdict = "Luck was not judged: the audit ran out of time."
    if audit.window_ranks is not None:
        verdict = verdict_sentence(audit.window_ranks)
    if audit.nulls is not None:
        verdict += f" {hypotheses.sentence(audit.nulls)}"
    return replace(audit, verdict=verdict)


def _nulls(spec: StrategySpec, result: RunResult, archive: Archive, universe: Universe, last: pd.Timestamp) -> NullSuite:
    """Return the null suite with its p-values corrected for every registered hypothesis."""
    suite = null_suite(spec, settings(spec, archive, universe, last), universe) | {"factors": alpha_test(result, archive.prices)}
    return hypotheses.corrected_suite(archive.thesis, spec.name, suite)


def _window_ranks(result: RunResult) -> dict[str, dict[str, WindowRank | Refused]]:
    """Return the ranks of every book in the named regimes that do not cover the run."""
    named = tuple(window for window in result.windows if window.name not in SAMPLES)
    trials = len(named) * len(result.books)
    return {name: rank_windows(book, named, trials) for name, book in result.books.items()}
