"""The registered hypotheses, corrected for their number however few a run tests."""

from collections.abc import Mapping
from dataclasses import replace

from backtest.result import NullSuite, NullTest
from backtest.statistics.nulls import holm
from backtest.statistics.refusal import Refused
from backtest.thesis import Thesis


def corrected_suite(thesis: Thesis, strategy: str, suite: Mapping[str, NullTest | Refused]) -> NullSuite:
    """Return a suite with Holm-adjusted p-values, the hash and the numbers of registered hypotheses: all, and the primary ones.

    Primary hypotheses are corrected for one another, the rest for the rest.
    """
    rows = thesis.hypotheses
    adjusted = corrected(thesis, strategy, {null: None if isinstance(test, Refused) else test.p for null, test in suite.items()})
    level: dict[str, float] = {row.null: row.alpha for row in rows if row.strategy == strategy}
    tests = {null: _adjusted(test, adjusted.get(null), level.get(null)) for null, test in suite.items()}
    return NullSuite(tests, len(rows), sum(row.primary for row in rows), thesis.hypotheses_id)


def _adjusted(test: NullTest | Refused, adjusted: float | None, level: float | None) -> NullTest | Refused:
    if isinstance(test, Refused) or adjusted is None or level is None:
        return test
    return replace(test, adjusted=adjusted, stands=adjusted <= level)


def corrected(thesis: Thesis, strategy: str, p_values: Mapping[str, float | None]) -> dict[str, float]:
    """Return the Holm-adjusted p-value of every null that is registered for a strategy and gave one.

    Those of other strategies, and those that gave no p-value, count as 1. No adjusted value is smaller for it than with
    all of them known: the i-th of m smallest is multiplied by m - i + 1, and more below it only lower its factor.
    """
    adjusted: dict[str, float] = {}
    for primary in (True, False):
        family = [row for row in thesis.hypotheses if row.primary is primary]
        given = {row.null: p_values.get(row.null) for row in family if row.strategy == strategy}
        values = {f"{row.strategy}/{row.null}": 1.0 for row in family}
        values |= {f"{strategy}/{null}": p for null, p in given.items() if p is not None}
        every = holm(values).adjusted
        adjusted |= {null: every[f"{strategy}/{null}"] for null, p in given.items() if p is not None}
    return adjusted


def sentence(suite: NullSuite) -> str:
    """Return what the verdict says of the nulls: which registered ones the strategy beat after correction."""
    tested = {null: test for null, test in suite.tests.items() if not isinstance(test, Refused) and test.stands is not None}
    if not tested:
        return "No null is registered for this strategy."
    beaten = [null for null, test in tested.items() if test.stands]
    of = f"{len(tested)} nulls (one-sided, corrected for {suite.registered} hypotheses, {suite.primary} of them primary)"
    if not beaten:
        return f"It beats none of {of}."
    hindsight = " Alpha of a basket chosen in hindsight is no skill." if "factors" in beaten else ""
    return f"It beats {', '.join(beaten)} of {of}.{hindsight}"
