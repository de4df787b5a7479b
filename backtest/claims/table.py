"""The rows in which page, terminal and README give what came of claims: when written, and since."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backtest.claims.ledger import Finding, Judgement
from backtest.formatting import DASH, stated


@dataclass(frozen=True)
class VerdictRow:
    """A claim, and what came of it in each of its two spans, as text; a dash for what it does not speak of."""

    id: str
    when_written: str
    since: str


def verdict_rows(findings: Iterable[Finding]) -> tuple[VerdictRow, ...]:
    """Return a row per claim."""
    return tuple(
        VerdictRow(
            finding.claim.id,
            verdict_text(finding.judgement_when_written, finding.claim.explained),
            verdict_text(finding.judgement_since, finding.claim.explained),
        )
        for finding in findings
    )


def verdict_text(judgement: Judgement | None, explained: str = "") -> str:
    """Return a verdict with the main reading's figure, span and margin; where one reading of some holds, which or how many.

    `explained` is the definition that a difference comes from, said where there is one.
    """
    if judgement is None:
        return DASH
    text: str = judgement.verdict
    if judgement.verdict == "confirmed under one reading":
        text += f" ({judgement.holds[0]})" if len(judgement.holds) == 1 else f" (and {len(judgement.holds) - 1} more)"
        text += "; main reading" if judgement.measured is not None else ""
    if judgement.measured is not None:
        text += f": {stated(judgement.measured)} ({judgement.span}; margin {stated(judgement.margin)})"
    return f"{text}; explained: {explained}" if explained and judgement.verdict == "contradicted" else text


def closes_text(closes: Mapping[str, float]) -> str:
    """Return the closes that a reading rests on, each with its day, to stand behind its name; nothing where there are none."""
    return f" ({', '.join(f'{close:g} on {day}' for day, close in closes.items())})" if closes else ""
