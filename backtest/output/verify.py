"""Makes a report again from its own spec and the data, and says whether it is the same, or what differs first."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import zip_longest
from typing import Any

import pandas as pd

from backtest.audits.cache import parse_audit
from backtest.errors import ConfigurationError, DataError
from backtest.files.documents import Json, to_json
from backtest.files.messages import UNKNOWN_SHAPE, reason
from backtest.output.compare import IDS, differences
from backtest.output.document import to_document
from backtest.panel import Archive
from backtest.report import SWEEP, render
from backtest.result import Audit
from backtest.runs import run
from backtest.strategy import StrategySpec
from backtest.text.notebook import Displayed

SILENT = {"style", "script"}
SAME_WITHIN = 1e-9  # relative: another kernel of linear algebra moves the sixteenth digit
NOTHING_BELOW = 1e-12  # a figure that small is rounding
SOURCE = "prices.source"  # where the prices lay: no figure
NUMBER = re.compile(r"[-+\u2212]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True, repr=False)
class Verdict(Displayed):
    """Whether a report is what its spec and the data give; else what changed, one line each, the first figure first.

    `remarks` are no differences: where the prices lay, and by how much figures differ that agree to 1e-9.
    """

    changed_ids: tuple[str, ...]
    figures: tuple[str, ...]
    page: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    characters: int = 0  # of the page

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return not (self.changed_ids or self.figures or self.page)

    @property
    def headline(self) -> str:
        """Identical, or what differs first, in one line."""
        return "Verdict: identical" if self.identical else f"Verdict: {self.to_frame()['text'].iloc[0]}"

    def to_frame(self) -> pd.DataFrame:
        """Return a row per difference and remark: its kind (id, figure, page or remark) and its text."""
        kinds = {"id": self.changed_ids, "figure": self.figures, "page": self.page, "remark": self.remarks}
        rows = [(kind, text) for kind, texts in kinds.items() for text in texts]
        return pd.DataFrame(rows, columns=["kind", "text"])


def restated(document: Json, spec: StrategySpec) -> StrategySpec:
    """Return a strategy with the values a result was run with; ConfigurationError where the strategy file has moved on.

    Values are taken from the result; signals and weighting are the file's, and have to be those of the result.
    """
    values = {name: value for name, value in document["spec"].items() if name not in ("signals", "weights")}
    with _as_written():
        for name in ("start", "end"):
            values[name] = values[name] and type(spec.start).fromisoformat(values[name])
        values["baskets"] = tuple(values["baskets"])
    made = spec.replaced(**values)
    for at, was, now in differences(document["spec"], json.loads(to_json(made.as_dict()))):
        raise ConfigurationError(
            f"result.json: spec.{at} is {was!r}, the strategy file has {now!r}; expected the file of that run"
        )
    return made


def verify(document: Json, page: str, spec: StrategySpec, archive: Archive) -> Verdict:
    """Return how a result and its page differ from those made again from its spec and an archive.

    The audit is not repeated: its figures are taken from the result, and only their place on the page is checked. Raises
    ConfigurationError for a setting's report below a sweep, whose page says what only the sweep can.
    """
    if f'<a href="{SWEEP.href}">' in page:
        raise ConfigurationError(
            "the report of a sweep's setting; expected the sweep itself, run again: its page has the command and identities"
        )
    result = run(restated(document, spec), archive)
    result = replace(result, audit=_audit_of(document), command=document.get("command", result.command))
    again = json.loads(to_json(to_document(result)))
    ids = tuple(f"{name} was {document[name]}, is {again[name]}" for name in IDS if document[name] != again[name])
    changes = [(at, was, now) for at, was, now in differences(document, again) if at not in (*IDS, SOURCE)]
    gaps = [_gap(was, now) for _, was, now in changes]
    figures = tuple(
        f"result.json {at}: {_short(was)}, made again {_short(now)}"
        for (at, was, now), gap in zip(changes, gaps, strict=True)
        if gap > SAME_WITHIN
    )
    source = document["prices"]["source"]
    remarks = [f"prices came from {source}, now from {result.prices.source}"] if source != result.prices.source else []
    remarks += (
        [f"{len(changes)} figures differ, none by more than {SAME_WITHIN:g} of its size"] if changes and not figures else []
    )
    # A changed id and another folder are said once, not again by the page.
    shown = replace(result, prices=replace(result.prices, source=source), **{name: document[name] for name in IDS})
    with _as_written():  # audit and command are the result's own
        fresh = render(shown)
    return Verdict(ids, figures, tuple(_page_differences(page, fresh, exact=not changes)), tuple(remarks), len(page))


def _audit_of(document: Json) -> Audit | None:
    """Return the audit of a result, which is not made again."""
    with _as_written():
        audit = None if document["audit"] is None else parse_audit(document["audit"])
        own = "-".join(document[name] for name in IDS)
        if audit is not None and audit.of != own:
            raise DataError(f"result.json: an audit of run {audit.of}; expected one of its own run, {own}")
        return audit


@contextmanager
def _as_written() -> Iterator[None]:
    """Turn what a result's own parts trip up into one line."""
    try:
        yield
    except UNKNOWN_SHAPE as error:
        what = f"{type(error).__name__}: {reason(error)}"
        raise DataError(f"result.json: not a result of this version ({what}); expected one that 'run' wrote") from None


def _gap(was: Any, now: Any) -> float:
    """Return how far apart two figures are as a fraction of the larger, 0 for texts alike but for last digits, else infinity."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (was, now))
    if numbers:
        return abs(was - now) / max(abs(was), abs(now)) if abs(was - now) > NOTHING_BELOW else 0.0
    return 0.0 if isinstance(was, str) and isinstance(now, str) and alike(was, now) else math.inf


def alike(was: str, now: str) -> bool:
    """Return whether two texts are the same but for numbers that differ by one in their last place."""
    if NUMBER.split(was) != NUMBER.split(now):
        return False
    return all(_rounded(*pair) for pair in zip(NUMBER.findall(was), NUMBER.findall(now), strict=True))


def _rounded(was: str, now: str) -> bool:
    if was == now:
        return True
    before, after = (float(text.replace(",", "").replace("\u2212", "-")) for text in (was, now))
    places = min(len(text.partition("e")[0].partition(".")[2]) for text in (was, now))
    return math.isclose(before, after, rel_tol=SAME_WITHIN, abs_tol=1.001 * 10.0**-places)


def _page_differences(page: str, again: str, exact: bool) -> Iterator[str]:
    """Yield what differs between two pages; unless exact, a number may differ by one in its last place."""
    if page == again or (not exact and alike(page, again)):
        return
    differs = False
    for (where, was), (elsewhere, now) in zip_longest(_texts(page), _texts(again), fillvalue=("its end", "nothing")):
        if was != now and (exact or not alike(was, now)):
            differs = True
            before, after = _apart(was, now)
            yield f"index.html, {where if was != 'nothing' else elsewhere}: '{before}', made again '{after}'"
    if not differs:
        line = next(n for n, pair in enumerate(zip_longest(page.splitlines(), again.splitlines()), start=1) if pair[0] != pair[1])
        yield f"index.html line {line}: its markup or a picture differs, no text does"


def _texts(page: str) -> list[tuple[str, str]]:
    reader = _Reader()
    reader.feed(page)
    return reader.texts


class _Reader(HTMLParser):
    """Collects every text of a page with the heading or caption it stands under."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self._where = "its head"
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not text or SILENT & set(self._open):
            return
        if {"h1", "h2", "h3", "h4", "caption"} & set(self._open):
            self._where = f"under '{text if len(text) <= 60 else text[:57] + '...'}'"
        self.texts.append((self._where, text))


def _apart(was: str, now: str) -> tuple[str, str]:
    """Return where two texts part: three words before, the first that differs, and two after."""
    ours, theirs = was.split(), now.split()
    first = next((n for n, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), min(len(ours), len(theirs)))
    span = slice(max(0, first - 3), first + 3)
    return " ".join(ours[span]), " ".join(theirs[span])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
