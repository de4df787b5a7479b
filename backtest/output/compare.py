"""What differs between two results: in what was asked, in what it was asked of, and in what came out."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from backtest.files.documents import Json
from backtest.text.notebook import Displayed

IDS = ("spec_id", "data_id", "code_id")
FIGURES = ("total_return", "sharpe", "max_drawdown", "turnover", "costs")
CONTROL_FIGURES = ("switches", "time_on", "twin.whole.total_return", "held.whole.total_return")
OUTCOMES = ("results", "orders", "claims")
MISSING = "absent"


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """What differs between two results, as `compare` gives it (`document`)."""

    document: Json

    @property
    def equal(self) -> bool:
        """Whether results, orders and claims are the same."""
        return not any(self.document[name] for name in OUTCOMES)

    @property
    def headline(self) -> str:
        """Which results are compared, and how many of their figures differ, in one line."""
        outcome = "results are equal" if self.equal else f"{len(self.document['results'])} figures of results differ"
        return f"Comparison of {self.document['a']} (A) with {self.document['b']} (B): {outcome}"

    def to_frame(self) -> pd.DataFrame:
        """Return a row per figure of a book in a window that differs: book, window, figure, a, b."""
        return pd.DataFrame(self.document["results"], columns=["book", "window", "figure", "a", "b"])


def differences(a: Any, b: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (where, a's, b's) for every leaf that differs between two JSON documents, in the order of `a`, then of `b`.

    `where` is the path of names and row numbers ("books.optical.orders.3.price"); a leaf one side lacks is MISSING.
    """
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in [*a, *(name for name in b if name not in a)]:
            yield from differences(a.get(name, MISSING), b.get(name, MISSING), f"{at}.{name}" if at else str(name))
    elif isinstance(a, list) and isinstance(b, list):
        for row in range(max(len(a), len(b))):
            ours, theirs = (side[row] if row < len(side) else MISSING for side in (a, b))
            yield from differences(ours, theirs, f"{at}.{row}")
    elif a != b or isinstance(a, bool) != isinstance(b, bool):
        yield at, a, b


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Json:
    """Return what changed from one result.json to another: spec, identities, results by book and window, orders, claims.

    A result row is {"book", "window", "figure", "a", "b"}, fractions of capital but for the Sharpe ratio (per year); only
    what differs is there.
    """
    return {
        "a": _name(a),
        "b": _name(b),
        "identities": {name: {"a": a[name], "b": b[name]} for name in IDS if a[name] != b[name]},
        "prices": _rows(a["prices"], b["prices"]),
        "spec": _rows(a["spec"], b["spec"]),
        "results": list(_results(a["books"], b["books"])),
        "controls": list(_controls(a["books"], b["books"])),
        "orders": [{"book": book, "a": was, "b": now} for book, was, now in _counts(a["books"], b["books"]) if was != now],
        "claims": list(_claims(a["claims"], b["claims"])),
    }


def lines(comparison: Mapping[str, Any]) -> str:
    """Return a comparison as text that fits 80 columns but for long values of a spec."""
    rows = [f"A: {comparison['a']}", f"B: {comparison['b']}"]
    rows.append("identities: " + (", ".join(f"{name} differs" for name in comparison["identities"]) or "equal"))
    rows += [f"prices, {row['at']}: {row['a']} -> {row['b']}" for row in comparison["prices"]]
    rows += [f"spec, {row['at']}: {row['a']} -> {row['b']}" for row in comparison["spec"]]
    for row in comparison["results"]:
        rows.append(
            f"{row['book']:<20} {row['window']:<17} {row['figure']:<13}{_figure(row, 'a'):>10} -> {_figure(row, 'b'):>10}"
        )
    if any(comparison[name] for name in OUTCOMES) or any(row["a"] != row["b"] for row in comparison["controls"]):
        rows += [line for row in comparison["controls"] for line in _control_lines(row)]
    rows += [f"{row['book']:<20}orders {row['a']} -> {row['b']}" for row in comparison["orders"]]
    rows += [f"claim {row['id']}: {row['a']} -> {row['b']}" for row in comparison["claims"]]
    if not any(comparison[name] for name in OUTCOMES):
        rows.append("results: equal")
    return "\n".join(rows) + "\n"


def _name(document: Mapping[str, Any]) -> str:
    return f"{document['strategy']} on {document['prices']['source']} prices"


def _rows(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Json]:
    return [{"at": at, "a": ours, "b": theirs} for at, ours, theirs in differences(a, b)]


def _results(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Json]:
    for book in [*a, *(name for name in b if name not in a)]:
        ours, theirs = (side.get(book, {"windows": {}})["windows"] for side in (a, b))
        for window in [*ours, *(name for name in theirs if name not in ours)]:
            for figure in FIGURES:
                was, now = (side.get(window, {}).get(figure) for side in (ours, theirs))
                if was != now:
                    yield {"book": book, "window": window, "figure": figure, "a": was, "b": now}


def _controls(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Json]:
    """Yield of every book with a signal what both results say of it, and each figure of its controls that differs."""
    for book in [*a, *(name for name in b if name not in a)]:
        ours, theirs = (side.get(book, {}).get("control") or {} for side in (a, b))
        if ours or theirs:
            was, now = (side.get("sentence", "no control") for side in (ours, theirs))
            yield {"book": book, "figure": "signal", "a": was, "b": now}
        for figure in CONTROL_FIGURES:
            was, now = (_at(side, figure) for side in (ours, theirs))
            if was != now:
                yield {"book": book, "figure": figure, "a": was, "b": now}


def _at(control: Mapping[str, Any], figure: str) -> Any:
    """Return a figure of a control by its path, None where there is none."""
    value: Any = control
    for name in figure.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _control_lines(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what both results say of a book's signal, once where they say the same, or a figure of its controls."""
    texts = [f"{row[side]:+.2%}" if isinstance(row[side], float) else str(row[side]) for side in ("a", "b")]
    if row["figure"] != "signal":
        yield f"{row['book']:<20} {row['figure']}: {texts[0]} -> {texts[1]}"
        return
    for side, text in {"A and B": texts[0]}.items() if texts[0] == texts[1] else zip("AB", texts, strict=True):
        yield from textwrap.wrap(f"{row['book']}, {side}: {text}", 80, subsequent_indent="  ", break_on_hyphens=False)


def _counts(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    for book in [*a, *(name for name in b if name not in a)]:
        ours, theirs = (len(side.get(book, {"orders": []})["orders"]) for side in (a, b))
        yield book, ours, theirs


def _claims(a: list[Json], b: list[Json]) -> Iterator[Json]:
    ours, theirs = ({claim["id"]: claim["verdict"] for claim in side} for side in (a, b))
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        was, now = ours.get(name, MISSING), theirs.get(name, MISSING)
        if was != now:
            yield {"id": name, "a": was, "b": now}


def _figure(row: Mapping[str, Any], side: str) -> str:
    value = row[side]
    return "none" if value is None else f"{value:.3f}" if row["figure"] == "sharpe" else f"{value:+.2%}"
