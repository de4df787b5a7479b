"""Writes README's table of claims, with the rows that pages and terminal have: python tools/readme_claims.py."""

from collections.abc import Sequence
from pathlib import Path

from backtest.calendars import as_of_moment
from backtest.claims.ledger import Finding, judged
from backtest.claims.table import verdict_rows
from backtest.data.archive import load_archive
from backtest.thesis import load_thesis

README = Path(__file__).parent.parent / "README.md"
KNOWN_ON = "2026-11-25"
LEFT_OUT = ("tokens-google", "tokens-doubao", "trn2", "minerva")  # levels of tokens and chips, so that README stays short


def claims_table(findings: Sequence[Finding]) -> str:
    """Return the claims of the thesis's own date on money and trends as rows of Markdown, each with its sentence."""
    own = [finding for finding in findings if not finding.claim.date and finding.claim.id not in LEFT_OUT]
    rows = [
        f"| `{row.id}` {finding.claim.sentence} | {row.when_written} | {row.since} |"
        for finding, row in zip(own, verdict_rows(own), strict=True)
    ]
    head = f"| claim of the report | when written, {own[0].written_on} | since, to {own[0].known_on} |"
    return "\n".join([head, "|---|---|---|", *rows]) + "\n"


def with_table(text: str, table: str) -> str:
    """Return README's text with another table of claims."""
    start = text.index("| claim of the report |")
    return text[:start] + table + text[text.index("\n\n", start) + 1 :]


if __name__ == "__main__":
    thesis = load_thesis()
    archive = load_archive(list(thesis.universe.market_and_currency()), thesis=thesis)
    findings = judged(archive, as_of_moment(KNOWN_ON))
    README.write_text(with_table(README.read_text(encoding="utf-8"), claims_table(findings)), encoding="utf-8")
