"""Every claim of a thesis as it stands on a day, in one value."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from backtest.claims.ledger import Finding, Judgement
from backtest.errors import ConfigurationError, near_miss
from backtest.text.notebook import Displayed


@dataclass(frozen=True, repr=False)
class CheckedClaims(Displayed):
    """The findings of a thesis, one per claim in the order of its file, as known at `moment`."""

    thesis: str
    moment: pd.Timestamp
    findings: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, claim: str) -> Finding:
        """Return the finding of a claim by its id; ConfigurationError with a near miss for an id that no claim has."""
        known = {finding.claim.id: finding for finding in self.findings}
        if claim not in known:
            raise ConfigurationError(near_miss(f"claim of thesis {self.thesis}", claim, list(known)))
        return known[claim]

    @property
    def headline(self) -> str:
        """How many claims have which verdict, in one line."""
        verdicts = pd.Series([finding.verdict for finding in self.findings], dtype=object).value_counts()
        counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        return f"{len(self)} claims of thesis {self.thesis} as of {self.moment:%Y-%m-%d}: {counts or 'none'}"

    def to_frame(self) -> pd.DataFrame:
        """Return claim × sentence, the figure reported and ours, unit, and the verdict over all, when written, and since."""
        rows = {
            finding.claim.id: (
                finding.claim.sentence,
                finding.claim.reported,
                finding.main.value,
                finding.claim.unit,
                finding.verdict,
                _verdict(finding.judgement_when_written),
                _verdict(finding.judgement_since),
            )
            for finding in self.findings
        }
        columns = ["sentence", "reported", "measured", "unit", "verdict", "when written", "since"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("claim")


def _verdict(judgement: Judgement | None) -> str | None:
    return None if judgement is None else judgement.verdict
