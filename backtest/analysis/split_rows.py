"""The terms of a split in the order and words of a table: terms, the sums between them, and parts of the last term."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from backtest.analysis.levels import LevelGrowth
from backtest.analysis.return_split import ReturnSplit

Kind = Literal["term", "sum", "part"]
PROFITS = ("margin", "earnings", "profit", "rerating")  # terms whose meaning hangs on the basis

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


def turned_out(split: ReturnSplit) -> tuple[float, float] | None:
    """Return the growth with hindsight and on the day; None unless both are over the same names and terms, none odd."""
    after = split.hindsight
    if after is None or (after.summed, after.terms.basis) != (split.summed, split.terms.basis):
        return None
    if any(view.names[ticker].one_offs or view.names[ticker].thin for view in (split, after) for ticker in view.summed):
        return None
    then, now = grown(split), grown(after)
    return None if then is None or now is None else (now, then)


def unlike(split: ReturnSplit) -> dict[str, str]:
    """Return why terms with hindsight may not stand beside those on the day: another basis, other names or other levels."""
    after = split.hindsight
    if after is None or not after.terms.added or not split.terms.added:
        return {}
    return dict(_unlike(split, after))


def _unlike(split: ReturnSplit, after: ReturnSplit) -> Iterator[tuple[str, str]]:
    now = {row.key: row for row in term_rows(after)}
    above = {level.key for level in split.levels}
    by_basis = f"with hindsight by {after.terms.basis}, as known then by {split.terms.basis}"
    for row in term_rows(split):
        other = now.get(row.key)
        if row.key == "wealth" or (row.value is None and (other is None or other.value is None)):
            continue
        if row.key not in above and after.summed != split.summed:
            yield row.key, f"with hindsight over {', '.join(after.summed)}"
        elif (row.kind == "part" or row.key in PROFITS or other is None) and after.terms.basis != split.terms.basis:
            yield row.key, by_basis
        elif other is not None and (other.value is not None) and other.label != row.label:
            yield row.key, f"with hindsight {other.label}"


def unlike_name(split: ReturnSplit, ticker: str) -> str:
    """Return why a name's own last term with hindsight may not stand beside that on the day, or nothing."""
    if split.hindsight is None:
        return ""
    then, now = split.names[ticker].terms.basis, split.hindsight.names[ticker].terms.basis
    return "" if then == now or "none" in (then, now) else f"with hindsight by {now}, as known then by {then}"


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
