"""The part of the documents on what the claims of the shipped thesis came to, with the rows that pages and terminal have."""

from collections.abc import Callable, Mapping, Sequence

from markdown_tables import table

from backtest.calendars import as_of_moment
from backtest.claims.ledger import Finding, judged
from backtest.claims.table import verdict_rows
from backtest.data.archive import load_archive
from backtest.thesis import load_thesis

KNOWN_ON = "2026-11-25"


def claims_table(findings: Sequence[Finding]) -> str:
    """Return the claims of the thesis's own date as rows of Markdown, each with its sentence."""
    own = [finding for finding in findings if not finding.claim.date]
    head = ["claim of the report", f"when written, {own[0].written_on}", f"since, to {own[0].known_on}"]
    rows = [
        (f"`{row.id}` {finding.claim.sentence}", row.when_written, row.since)
        for finding, row in zip(own, verdict_rows(own), strict=True)
    ]
    return table(head, rows)


def verdicts() -> str:
    """Return the table as known on a day."""
    thesis = load_thesis()
    archive = load_archive(list(thesis.universe.market_and_currency()), thesis=thesis)
    return claims_table(judged(archive, as_of_moment(KNOWN_ON)))


PARTS: Mapping[str, Callable[[], str]] = {"verdicts": verdicts}
