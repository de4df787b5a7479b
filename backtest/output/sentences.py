"""What the summaries of a run say in sentences, from its result.json."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from backtest.thesis.windows import WHOLE

Document = Mapping[str, Any]


def days(document: Document) -> tuple[str, str]:
    """Return the first and the last day of a run."""
    whole = next(window for window in document["windows"] if window["name"] == WHOLE)
    return whole["start"], whole["end"]


def capacity(document: Document) -> str:
    """Return that capacity is not modelled, and the largest order beside its session's volume."""
    from backtest.analysis.capacity import LargestOrder, capacity_sentence

    return capacity_sentence({name: LargestOrder(**book["largest_order"]) for name, book in document["books"].items()})


def held_back(document: Document) -> list[str]:
    """Return of each signal that decisions rest on and a late figure holds back who, since when, and a nowcast."""
    rows = {name: row for name, row in document["staleness"].items() if row["read"]}
    if not rows:
        return []
    from backtest.analysis.staleness import Staleness, sentence

    figures = [field.name for field in fields(Staleness)]
    return [sentence(name, Staleness(**{figure: row[figure] for figure in figures})) for name, row in rows.items()]


def hindsight(document: Document) -> str:
    """Return which returns are of baskets that were chosen after they began; nothing where none is."""
    rows = [(name, row) for book in document["books"].values() for name, row in book["windows"].items()]
    earned = [(name, row["hindsight"]) for name, row in rows if row.get("total_return") is not None]
    later = [name for name, chosen_later in earned if chosen_later]
    if not later:
        return ""
    if len(later) == len(earned):
        return "Every return is hindsight, out of sample too: its basket was chosen after it began."
    return f"Returns of a basket chosen after they began are hindsight: {', '.join(dict.fromkeys(later))}."


def cash(document: Document) -> str:
    """Return what cash earned, by which rates."""
    earned = [book["cash"] for book in document["books"].values()]
    if not any(cash["rates"] for cash in earned):
        return f"Cash earns nothing: no rate is given for {', '.join(dict.fromkeys(cash['currency'] for cash in earned))}."
    return " ".join(dict.fromkeys(str(cash["sentence"]) for cash in earned))
