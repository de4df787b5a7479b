"""A finished run in a few lines, from its result.json: for a terminal of 80 columns, and as Markdown for a pull request."""

import html
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from backtest.claims.ledger import Judgement
from backtest.claims.table import closes_text, verdict_text
from backtest.formatting import DASH, number, percent, stated
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE

Document = Mapping[str, Any]
WIDTH = 80
SPANS = {"when_written": "when written", "since": "since"}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
MARKDOWN = re.compile(r"([\\`*_\[\]#|~])")


def terminal(document: Document) -> str:
    """Return what came out of a run, no line longer than 80 columns."""
    lines = ["", _cut(document["spec"]["title"], WIDTH)]
    for text in (
        document["lead"],
        *_controls(document),
        *_held_back(document),
        f"{_prices(document)} {_hindsight(document)}".rstrip(),
        _cash(document),
        _verdict(document),
    ):
        lines += _wrapped(text)
    lines.append(f"{'':<18}{_dated(document, IN_SAMPLE):>31}{_dated(document, OUT_OF_SAMPLE):>31}")
    lines.append(f"{'book':<18}" + f"{'return':>10}{'Sharpe':>14}{'fall':>7}" * 2)
    for name, book in document["books"].items():
        figures = (_figures(book["windows"].get(window) or {}) for window in (IN_SAMPLE, OUT_OF_SAMPLE))
        lines.append(f"{_cut(name, 17):<18}" + "".join(f"{total:>10}{ratio:>14}{fall:>7}" for total, ratio, fall in figures))
    lines.append(f"{'  to':<18}{'last day':>10}{'priced':>10}  had it ended earlier (last sessions)")
    lines += _ends(document)
    return "\n".join(
        [*lines, *_wrapped(_capacity(document)), *_catalysts(document), *_demand(document), *_wrapped(_claims(document))]
    )


def _demand(document: Document) -> list[str]:
    """Return what the demand from chips shipped came to in each year with disclosed sales, as known at the end."""
    known = document["demand"].get("now", {"years": ()})
    return [line for year in known["years"] for line in _wrapped(f"{year['year']}: {year['sentence']}")]


def _catalysts(document: Document) -> list[str]:
    """Return, per named window and market, the share of its return on sessions of events, and the most unusual of them."""
    from backtest.statistics.named_events import LEVEL, least_adjusted

    lines = []
    for window, by_market in document["catalysts"].items():
        for market, study in by_market.items():
            if not study.get("largest"):
                continue
            first = study["largest"][0]
            days = percent(study["event_sessions"] / study["sessions"], 0, sign=False)
            unlike = "!" if least_adjusted(study["event_sessions"], study["compared"]) > LEVEL else "?"
            mark = "" if first["distinguishable"] else unlike
            figures = f"{percent(study['share'], 0, sign=False):>5} on {days:>3}  {percent(first['abnormal']):>6}{mark:<1}"
            name = f"{_cut(window, 17)} {market}"
            lines.append(_cut(f"  {name:<23}{figures} {first['events'][0]}", WIDTH))
    header = "themes, held or not: return on event days, of days; largest (? usual, ! untold)"
    return [header, *lines] if lines else []


def _capacity(document: Document) -> str:
    """Return that capacity is not modelled, and the largest order beside its session's volume."""
    from backtest.analysis.capacity import LargestOrder, capacity_sentence

    return capacity_sentence({name: LargestOrder(**book["largest_order"]) for name, book in document["books"].items()})


def _ends(document: Document) -> Iterator[str]:
    """Yield each book's last day, coverage, and how its newest headline moves with the last day."""
    for name, book in document["books"].items():
        coverage = book["coverage"]
        line = f"  {_cut(name, 15):<16}{book['last']:>10}{coverage['priced']:>4} of {coverage['of']:<2}"
        window = OUT_OF_SAMPLE if book["windows"].get(OUT_OF_SAMPLE) else IN_SAMPLE
        ends = (book["windows"].get(window) or {}).get("ends")
        text = f"{percent(ends['low'], 0)} to {percent(ends['high'], 0)} {window} ({ends['sessions']})" if ends else DASH
        yield f"{line}  {text}"


def _controls(document: Document) -> list[str]:
    """Return what each book's signal did and what waiting for it cost, or that there is no signal."""
    controls = {name: book["control"] for name, book in document["books"].items() if book["control"]}
    if not controls:
        from backtest.runs.control_sentence import NO_SIGNAL  # loads the simulator

        return [NO_SIGNAL]
    several = len(document["books"]) > 1
    return [f"{name}: {control['sentence']}" if several else str(control["sentence"]) for name, control in controls.items()]


def _held_back(document: Document) -> list[str]:
    """Return of each signal that decisions rest on and a late figure holds back who, since when, and a nowcast."""
    rows = {name: row for name, row in document["staleness"].items() if row["read"]}
    if not rows:
        return []
    from backtest.analysis.staleness import Staleness, sentence

    figures = [field.name for field in fields(Staleness)]
    return [sentence(name, Staleness(**{figure: row[figure] for figure in figures})) for name, row in rows.items()]


def claim_lines(rows: Sequence[Mapping[str, Any]], as_of: str, width: int = WIDTH) -> str:
    """Return the claims with every reading tried, as known on a day, no line longer than a width."""
    lines = [*_indented(f"The claims of the thesis as known on {as_of}.", 0, width), ""]
    for row in rows:
        quarter = row["quarter"] or "no quarter"
        figures = f"thesis {_named(row['reported'])}, ours {_named(row['measured'])} ({row['unit']}), {quarter}"
        evidence = f"evidence {row['evidence']}, {row['confidence']} confidence, {len(row['inputs'])} figures"
        lines.append(str(row["id"]))
        for text in (row["sentence"], *_spans(row), figures, evidence):
            lines += _indented(text, 2, width)
        for reading in row["readings"]:
            named = f"{reading['reading']}{_closes(reading)}{_in_spans(reading)}"
            text = f"{_named(reading['measured']):>9}  {_outcome(reading)}: {named}"
            lines += textwrap.wrap(text, width, initial_indent=" " * 4, subsequent_indent=" " * 15, break_on_hyphens=False)
        lines.append("")
    return "\n".join(lines)


def _spans(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what came of a claim when it was written, on its day, and since, where it speaks of the future."""
    for name, title in SPANS.items():
        if row[name] is not None:
            day = f", {row[name]['date']}" if name == "when_written" else ""
            yield f"{title}{day}: {_verdict_text(row, name)}"


def _closes(reading: Mapping[str, Any]) -> str:
    return closes_text((reading["details"] or {}).get("closes", {}))


def _in_spans(reading: Mapping[str, Any]) -> str:
    """Return what a reading measured in each span, where its claim has two."""
    if reading["since"] is None:
        return ""
    return "".join(f"; {title} {_named(reading[name]['measured'])}" for name, title in SPANS.items())


def _outcome(reading: Mapping[str, Any]) -> str:
    outcome = {True: "holds", False: "fails", None: "missing " + "; ".join(reading["missing"][:3])}[reading["holds"]]
    return outcome if reading["judged"] or reading["holds"] is None else "not judged"


def _verdict_text(claim: Mapping[str, Any], span: str) -> str:
    judgement = claim[span]
    return verdict_text(Judgement(**{**judgement, "holds": tuple(judgement["holds"])}) if judgement else None, claim["explained"])


def _indented(text: str, margin: int, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=" " * margin, subsequent_indent=" " * margin, break_on_hyphens=False)


def _named(value: float | None) -> str:
    return "none" if value is None else stated(value)


def markdown(document: Document) -> str:
    """Return what came out of a run as a comment for a pull request; every text of the data is escaped."""
    lines = [f"### {_safe(document['spec']['title'])}", ""]
    for text in (document["lead"], *_controls(document), *_held_back(document)):
        lines += [_safe(text), ""]
    lines += [
        *([_safe(_verdict(document)), ""] if document["audit"] else []),
        _safe(f"{_prices(document)} {_hindsight(document)} {_cash(document)}".replace("  ", " ")),
        "",
    ]
    lines += ["| Book | Window | Return | Sharpe ± error | Deepest fall | n |", "|---|---|---:|---:|---:|---:|"]
    for name, book in document["books"].items():
        for window, figures in book["windows"].items():
            lines.append(f"| {_safe(name)} | {_safe(window)} | {' | '.join(_figures(figures))} | {figures.get('n', 0)} |")
    lines += ["", _safe(_capacity(document)), "", _safe(_claims(document)), ""]
    lines += ["| Claim | Its figure | When written | Since |", "|---|---:|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(document)]
    ids = " · ".join(f"{name} `{document[name]}`" for name in ("spec_id", "data_id", "code_id"))
    return "\n".join([*lines, "", ids, ""])


def _rows(document: Document) -> Iterator[list[str]]:
    for claim in document["claims"]:
        yield [_safe(claim["id"]), stated(claim["reported"]), *(_safe(_verdict_text(claim, name)) for name in SPANS)]


def _verdict(document: Document) -> str:
    """Return what the audit came to; without one the lead says that luck was not judged."""
    return str(document["audit"]["verdict"]) if document["audit"] else ""


def _prices(document: Document) -> str:
    first, last = _days(document)
    return f"{document['prices']['source']} prices, {first} to {last}. Sharpe ratios with one standard error."


def _hindsight(document: Document) -> str:
    """Return which returns are of baskets that were chosen after they began; nothing where none is."""
    rows = [(name, row) for book in document["books"].values() for name, row in book["windows"].items()]
    earned = [(name, row["hindsight"]) for name, row in rows if row.get("total_return") is not None]
    later = [name for name, chosen_later in earned if chosen_later]
    if not later:
        return ""
    if len(later) == len(earned):
        return "Every return is hindsight, out of sample too: its basket was chosen after it began."
    return f"Returns of a basket chosen after they began are hindsight: {', '.join(dict.fromkeys(later))}."


def _dated(document: Document, window: str) -> str:
    """Return a window with its days, where all books have the same."""
    spans = {(row["first"], row["last"]) for book in document["books"].values() if (row := book["windows"].get(window))}
    (first, last) = spans.pop() if len(spans) == 1 else ("", "")
    return f"{window} from {first}" if window == OUT_OF_SAMPLE and first else f"{window} to {last}" if last else window


def _cash(document: Document) -> str:
    """Return what cash earned, by which rates."""
    earned = [book["cash"] for book in document["books"].values()]
    if not any(cash["rates"] for cash in earned):
        return f"Cash earns nothing: no rate is given for {', '.join(dict.fromkeys(cash['currency'] for cash in earned))}."
    return " ".join(dict.fromkeys(str(cash["sentence"]) for cash in earned))


def _days(document: Document) -> tuple[str, str]:
    """Return the first and the last day of a run."""
    whole = next(window for window in document["windows"] if window["name"] == WHOLE)
    return whole["start"], whole["end"]


def _claims(document: Document) -> str:
    counted = {name: [claim for claim in document["claims"] if claim[name]] for name in SPANS}
    texts = [f"{SPANS[name]}: {_counts(name, claims)}" for name, claims in counted.items() if claims]
    counts = " ".join(text[0].upper() + text[1:] for text in texts)
    return f"The claims of the thesis {document['thesis']['id']} as known on {_days(document)[1]}. {counts}"


def _counts(span: str, claims: Sequence[Mapping[str, Any]]) -> str:
    """Return how many claims have each verdict in a span, and which it contradicts."""
    verdicts = Counter(str(claim[span]["verdict"]) for claim in claims)
    against = [str(claim["id"]) for claim in claims if claim[span]["verdict"] == "contradicted"]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    return f"{counts}." + (f" Contradicted: {', '.join(against)}." if against else "")


def _figures(figures: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return total return, Sharpe ratio with its error, and deepest fall as text; a dash where there is none."""
    if figures.get("total_return") is None:
        return DASH, DASH, DASH
    ratio = f"n = {figures['n']}"
    if figures.get("sharpe") is not None and figures.get("sharpe_error") is not None:
        ratio = f"{number(figures['sharpe'])} ± {number(figures['sharpe_error'])}"
    return percent(figures["total_return"]), ratio, percent(figures.get("max_drawdown"), 0, sign=False)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(CONTROL.sub("", text), WIDTH, break_on_hyphens=False)


def _cut(text: str, letters: int) -> str:
    seen = CONTROL.sub("", text)
    return seen if len(seen) <= letters else f"{seen[: letters - 1]}…"


def _safe(text: str) -> str:
    """Return a text that Markdown shows as it is: no markup, link, mention, new line or cell of its own."""
    return MARKDOWN.sub(r"\\\1", html.escape(CONTROL.sub(" ", str(text)), quote=False)).replace("@", "@\u2060")
