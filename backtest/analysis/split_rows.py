"""The terms of a split in the order and words of a table: terms, the sums between them, and parts of the last term."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from backtest.analysis.levels import LevelGrowth
from backtest.analysis.return_split import ReturnSplit

Kind = Literal["term", "sum", "part"]

NOTE = (
    "Terms are in log points: they add up, and 0.69 is twice as much. Each figure is the sum of the last four quarters known at "
    "the close of the day. Dividends and new shares lie in the last term, and so does what exchange rates did that four quarters "
    "have not caught up with. Hindsight takes the quarters that were at least half over on each day, published or not: nobody "
    "knew them then."
)


@dataclass(frozen=True)
class TermRow:
    """A line of a table: what a value is called, in log points; None is a term that cannot be had or is in the next."""

    key: str
    label: str
    value: float | None
    kind: Kind = "term"


def term_rows(split: ReturnSplit) -> tuple[TermRow, ...]:
    """Return the lines of a split; the last is the return itself."""
    return (*_growth_rows(split), *_rating_rows(split), TermRow("wealth", "wealth", split.terms.wealth, "sum"))


def last_label(split: ReturnSplit) -> str:
    """Return what the last term is called: re-rating only where it is that of one name."""
    if split.terms.basis == "revenue":
        return "wealth over revenue" + ("" if split.parts else " (margin, re-rating)")
    return "wealth over profit" + ("" if split.parts else " (re-rating)")


def level_labels(levels: tuple[LevelGrowth, ...]) -> tuple[dict[str, str], str]:
    """Return what the term of each level is called, and the last level that is known."""
    labels, above = {}, ""
    for level in levels:
        labels[level.key] = f"{level.label} over {above}" if above else level.label
        above = above if level.growth is None else level.label
    return labels, above


def grown(split: ReturnSplit) -> float | None:
    """Return the growth of what the last term compares wealth with."""
    return None if split.terms.rerating is None else split.terms.wealth - split.terms.rerating


def turned_out(split: ReturnSplit) -> float | None:
    """Return how much of the re-rating on the day turned out to be growth; None unless both are over the same names and terms."""
    after = split.hindsight
    if after is None or (after.summed, after.terms.basis) != (split.summed, split.terms.basis):
        return None
    then, now = grown(split), grown(after)
    return None if then is None or now is None else now - then


def _growth_rows(split: ReturnSplit) -> Iterator[TermRow]:
    terms = split.terms
    if terms.basis == "profit alone":
        yield TermRow("profit", f"profit in {split.currency}", terms.profit)
        return
    labels, above = level_labels(split.levels)
    if above:
        for key, label in labels.items():
            yield TermRow(key, label, terms.levels[key])
        yield TermRow("share", f"names over {above}", terms.share)
    yield TermRow("revenue", "revenue in USD", terms.revenue, "sum" if above else "term")
    yield TermRow("currency", f"currency ({split.currency} against USD)", terms.currency)
    yield TermRow("margin", "profit over revenue", terms.margin)
    if terms.margin is not None:
        yield TermRow("earnings", f"profit in {split.currency}", grown(split), "sum")


def _rating_rows(split: ReturnSplit) -> Iterator[TermRow]:
    yield TermRow("rerating", last_label(split), split.terms.rerating)
    parts = split.parts
    if parts is None:
        return
    if parts.names is None:
        yield TermRow("together", "of it the names, a loss among them", parts.together, "part")
    else:
        own = "margin, re-rating" if split.terms.basis == "revenue" else "re-rating"
        yield TermRow("names", f"of it {own} of the names", parts.names, "part")
        yield TermRow("weights", "other weights than the sums'", parts.weights, "part")
    yield TermRow("other", "others, cash, moving weights, costs", parts.other, "part")
