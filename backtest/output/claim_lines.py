"""The claims of a thesis for a terminal: each with every reading that was tried, then all of them in one table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backtest.claims.ledger import Judgement
from backtest.claims.table import closes_text, verdict_text
from backtest.formatting import stated
from backtest.text.screen import Column, Screen, paragraph, plain, table

SPANS = {"when_written": "when written", "since": "since"}
ROOM = 2  # before what belongs to a claim
Claim = Mapping[str, Any]


def claim_lines(claims: Sequence[Claim], as_of: str, screen: Screen) -> str:
    """Return the claims as known on a day, as wide as a screen."""
    heading = f"The claims of the thesis as known on {as_of}: each with every reading that was tried, then all in one table."
    return "\n\n".join([paragraph(heading, screen), *(_claim(claim, screen) for claim in claims), _board(claims, screen)]) + "\n"


def verdict_of(claim: Claim, span: str) -> str:
    """Return what came of a claim in one of its spans; a dash for what it does not speak of."""
    judgement = claim[span]
    return verdict_text(Judgement(**{**judgement, "holds": tuple(judgement["holds"])}) if judgement else None, claim["explained"])


def _claim(claim: Claim, screen: Screen) -> str:
    quarter = claim["quarter"] or "no quarter"
    figures = f"thesis {_figure(claim['reported'])}, ours {_figure(claim['measured'])} ({claim['unit']}), {quarter}"
    evidence = f"evidence {claim['evidence']}, {claim['confidence']} confidence, {len(claim['inputs'])} figures"
    texts = (claim["sentence"], *_spans(claim), figures, evidence)
    blocks = [paragraph(str(claim["id"]), screen, "bold"), *(paragraph(text, screen, margin=ROOM) for text in texts)]
    return "\n".join([*blocks, *([_readings(claim, screen)] if claim["readings"] else [])])


def _spans(claim: Claim) -> Iterator[str]:
    """Yield what came of a claim when it was written, on its day, and since, where it speaks of the future."""
    for name, title in SPANS.items():
        if claim[name] is not None:
            day = f", {claim[name]['date']}" if name == "when_written" else ""
            yield f"{title}{day}: {verdict_of(claim, name)}"


def _readings(claim: Claim, screen: Screen) -> str:
    """Return every reading in a table; its figure in each span where the claim has two."""
    two = any(reading["since"] is not None for reading in claim["readings"])
    spans = [Column(title, right=True) for title in SPANS.values()] if two else []
    columns = Column("ours", right=True), *spans, Column("holds"), Column("reading", wraps=True)
    rows = [
        (
            _figure(reading["measured"]),
            *(_figure((reading[name] or {}).get("measured")) for name in (SPANS if two else ())),
            _outcome(reading),
            f"{reading['reading']}{_closes(reading)}{_missing(reading)}",
        )
        for reading in claim["readings"]
    ]
    return table(columns, rows, screen, margin=ROOM, styles=OUTCOMES)


OUTCOMES = {"yes": "green", "no": "red", "missing": "dim", "not judged": "dim"}


def _outcome(reading: Claim) -> str:
    """Return whether a reading holds, as it says where it can be told and counts."""
    if reading["holds"] is None:
        return "missing"
    return ("yes" if reading["holds"] else "no") if reading["judged"] else "not judged"


def _missing(reading: Claim) -> str:
    return f"; missing {'; '.join(reading['missing'][:3])}" if reading["holds"] is None else ""


def _closes(reading: Claim) -> str:
    return closes_text((reading["details"] or {}).get("closes", {}))


def _board(claims: Sequence[Claim], screen: Screen) -> str:
    """Return all claims in one table."""
    figures = Column("thesis", right=True), Column("ours", right=True)
    columns = Column("claim"), *figures, *(Column(title, wraps=True) for title in SPANS.values())
    rows = [
        (
            plain(str(claim["id"])),
            _figure(claim["reported"]),
            _figure(claim["measured"]),
            *(str(claim[name]["verdict"]) if claim[name] else "" for name in SPANS),
        )
        for claim in claims
    ]
    return table(columns, rows, screen)


def _figure(value: float | None) -> str:
    return "none" if value is None else stated(value)
