"""How often statistics err where nothing is there, as `make sizes` measured it: the rates that texts cite, in one module.

`benchmarks/sizes.md` has the whole table; tests/project/test_documents.py holds these rates to its rows.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rates:
    """The lowest and the highest rate among the table's rows of a statistic that promise `promised`, in whole percent."""

    statistic: str
    promised: int
    low: int
    high: int

    def __str__(self) -> str:
        """Return the range as a text."""
        return f"{self.low}–{self.high}%"


SPA_ON_NOISE = Rates("SPA consistent p at most 5%", promised=5, low=4, high=7)
SPA_OVER_TWINS_ON_NOISE = Rates("SPA over twins: consistent p at most 5%", promised=5, low=0, high=4)
