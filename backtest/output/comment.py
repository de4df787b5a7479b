"""A finished run as a comment for a pull request in Markdown, from its result.json."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backtest.formatting import stated
from backtest.output.claim_lines import SPANS, verdict_of
from backtest.output.sentences import Document, capacity, cash, days, held_back, hindsight
from backtest.output.summary import figures_of
from backtest.text.markdown import code, line, rows_of, safe


def markdown(document: Document) -> str:
    """Return what came out of a run; every text of the data is escaped."""
    lines = [f"### {safe(document['spec']['title'])}", ""]
    for text in _texts(document):
        lines += [line(text), ""] if text else []
    lines += [*rows_of(("Book", "Window", "Return:", "Sharpe ± error:", "Deepest fall:", "n:"), [*_windows(document)]), ""]
    lines += [line(capacity(document)), "", line(_claims(document)), ""]
    lines += rows_of(("Claim", "Its figure:", "When written", "Since"), [*_claim_rows(document)])
    ids = " · ".join(f"{name} {code(document[name])}" for name in ("spec_id", "data_id", "code_id"))
    return "\n".join([*lines, "", ids, ""])


def _texts(document: Document) -> Iterator[str]:
    """Yield what stands before the tables, most important first."""
    yield document["lead"]
    yield from _controls(document)
    yield from held_back(document)
    yield str(document["audit"]["verdict"]) if document["audit"] else ""
    first, last = days(document)
    prices = f"{document['prices']['source']} prices, {first} to {last}. Sharpe ratios with one standard error."
    yield f"{prices} {hindsight(document)} {cash(document)}"


def _windows(document: Document) -> Iterator[Sequence[object]]:
    for name, book in document["books"].items():
        for window, figures in book["windows"].items():
            yield name, window, *figures_of(figures), figures.get("n", 0)


def _claim_rows(document: Document) -> Iterator[Sequence[object]]:
    for claim in document["claims"]:
        yield claim["id"], stated(claim["reported"]), *(verdict_of(claim, name) for name in SPANS)


def _controls(document: Document) -> list[str]:
    """Return what each book's signal did and what waiting for it cost, or that there is no signal."""
    controls = {name: book["control"] for name, book in document["books"].items() if book["control"]}
    if not controls:
        from backtest.runs.control_sentence import NO_SIGNAL  # loads the simulator

        return [NO_SIGNAL]
    several = len(document["books"]) > 1
    return [f"{name}: {control['sentence']}" if several else str(control["sentence"]) for name, control in controls.items()]


def _claims(document: Document) -> str:
    counted = {name: [claim for claim in document["claims"] if claim[name]] for name in SPANS}
    texts = [f"{SPANS[name]}: {_counts(name, claims)}" for name, claims in counted.items() if claims]
    counts = " ".join(text[0].upper() + text[1:] for text in texts)
    return f"The claims of the thesis {document['thesis']['id']} as known on {days(document)[1]}. {counts}"


def _counts(span: str, claims: Sequence[Mapping[str, Any]]) -> str:
    """Return how many claims have each verdict in a span, and which it contradicts."""
    verdicts = Counter(str(claim[span]["verdict"]) for claim in claims)
    against = [str(claim["id"]) for claim in claims if claim[span]["verdict"] == "contradicted"]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    return f"{counts}." + (f" Contradicted: {', '.join(against)}." if against else "")
