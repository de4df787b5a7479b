"""What carried a return, for a terminal of 80 columns."""

import math
import textwrap
from collections.abc import Iterator

from backtest.analysis.return_split import ReturnSplit
from backtest.analysis.split_rows import NOTE, TermRow, term_rows, turned_out, unlike, unlike_name
from backtest.formatting import DASH, number
from backtest.thesis import Thesis
from backtest.universe import Benchmark, Supplier

WIDTH = 80
HEADS = ("share", "wealth", "revenue", "currency", "margin", "profit", "re-rated", "hindsight")
WIDTHS = {"currency": 9, "re-rated": 9, "hindsight": 10}
MARKS = {"term": "  ", "sum": "= ", "part": "    "}


def split_lines(title: str, split: ReturnSplit, thesis: Thesis) -> str:
    """Return a split with what it rests on, no line longer than 80 columns."""
    rows: list[Supplier | Benchmark] = [*thesis.universe.suppliers, *thesis.universe.benchmarks]
    heading = " ".join([title, *{row.ticker: row.name for row in rows if row.ticker == title}.values()])
    span = f"close of {split.base} to close of {split.last}, in {split.currency}"
    lines = [*textwrap.wrap(f"{heading}, {span}", WIDTH), ""]
    lines += _table(split) if split.terms.added else _unsplit(split)
    if len(split.names) > 1:
        lines += ["", *_names(split)]
    for text in _remarks(split):
        lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join([*lines, "", *textwrap.wrap(NOTE, WIDTH)])


def _table(split: ReturnSplit) -> Iterator[str]:
    rows = () if split.hindsight is None else term_rows(split.hindsight)
    after = {row.key: row for row in rows if row.key not in unlike(split)}
    yield f"{'':<42}{'as known then':>18}{'with hindsight':>20}"
    yield f"{'':<42}{'log points':>11}{'times':>7}{'log points':>13}{'times':>7}"
    for row in term_rows(split):
        yield f"{MARKS[row.kind] + row.label:<42}" + _figures(row) + "  " + _figures(after.get(row.key))


def _figures(row: TermRow | None) -> str:
    if row is None or row.value is None:
        return f"{DASH:>11}{DASH:>7}"
    return f"{signed(row.value):>11}{number(math.exp(row.value)):>7}"


def _unsplit(split: ReturnSplit) -> Iterator[str]:
    yield f"= {'wealth':<40}{_figures(TermRow('wealth', '', split.terms.wealth))}"
    yield from textwrap.wrap(f"Not split: {split.refused['split']}.", WIDTH)


def _names(split: ReturnSplit) -> Iterator[str]:
    """Yield each name's own terms, as known then, and its last term with hindsight."""
    yield "each name, as known then; the last column is its own last term with hindsight"
    yield f"{'':<11}" + "".join(f"{head:>{WIDTHS.get(head, 8)}}" for head in HEADS)
    for ticker, name in split.names.items():
        comparable = split.hindsight if not unlike_name(split, ticker) else None
        after = comparable.names[ticker].terms.rerating if comparable else None
        terms = name.terms
        figures = (terms.wealth, terms.revenue, terms.currency, terms.margin, terms.profit, terms.rerating, after)
        cells = "".join(f"{signed(value):>{WIDTHS.get(head, 8)}}" for head, value in zip(HEADS[1:], figures, strict=True))
        yield f"{ticker[:11]:<11}{name.weight:>8.0%}{cells}"


def _remarks(split: ReturnSplit) -> Iterator[str]:
    yield ""
    yield from _hindsight(split)
    if split.terms.added and split.hindsight and not split.hindsight.terms.added:
        missing = list(split.hindsight.left_out.values())[:1]
        yield f"With hindsight: {'; '.join([split.hindsight.refused['split'], *missing])}."
    if split.summed:
        quarters = sorted({name.quarters for ticker in split.summed if (name := split.names[ticker]).quarters})
        spans = "; ".join(f"{first} against {last}" for first, last in quarters)
        yield f"Summed over {', '.join(split.summed)}: {split.covered:.0%} of the money. Quarters: {spans}."
    for level in split.levels:
        if level.growth is not None:
            yield f"{level.label}: {', '.join(level.series)}; {level.coverage:.0%} of what is known of it."
    for key, reason in split.refused.items():
        if key != "split":
            yield f"No {key}: {reason}."
    for text in dict.fromkeys((*split.left_out.values(), *(text for name in split.names.values() for text in name.missing))):
        yield f"Missing: {text}."
    for text in dict.fromkeys(text for name in split.names.values() for text in name.one_offs):
        yield f"One-off: {text}."
    for text in dict.fromkeys(text for name in split.names.values() for text in name.thin):
        yield f"Near zero: {text}."


def _hindsight(split: ReturnSplit) -> Iterator[str]:
    """Yield growth with hindsight beside that on the day, and why a term with hindsight is a dash."""
    if turned := turned_out(split):
        now, then = turned
        grown = f"Growth with hindsight is {signed(now)}, on the day {signed(then)}"
        last = "the last term" if split.parts else "what was re-rating"
        of = f": {now - then:.3f} of {last} on the day was growth that nobody had published yet"
        yield f"{grown}{of if 0 <= now - then <= (split.terms.rerating or 0) else ''}."
    reasons: dict[str, list[str]] = {}
    for key, reason in unlike(split).items():
        reasons.setdefault(reason, []).append(key)
    for reason, keys in reasons.items():
        yield f"No hindsight beside {', '.join(keys)}: {reason}."
    if len(split.names) > 1:
        for ticker in split.names:
            if reason := unlike_name(split, ticker):
                yield f"No hindsight beside {ticker}: {reason}."


def signed(value: float | None) -> str:
    """Return log points with their sign, or a dash."""
    return DASH if value is None or math.isnan(value) else f"{value:+.3f}".replace("-0.000", "+0.000").replace("-", "−")
