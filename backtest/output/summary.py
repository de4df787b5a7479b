"""A finished run for a terminal, from its result.json: the verdict, its figures in aligned tables, and what to keep in mind."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backtest.formatting import DASH, number, percent, points
from backtest.output.claim_lines import SPANS
from backtest.output.holdings_table import holdings_table
from backtest.output.sentences import Document, capacity, cash, days, held_back, hindsight
from backtest.text.screen import Column, Screen, paragraph, plain, table
from backtest.text.screen import points as listed
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE

LETTERS = 24  # of a book's name
TWIN = "twin: the same book with its signal on wherever it has a value; held: its basket from the first session"


def terminal(document: Document, screen: Screen | None = None) -> str:
    """Return what came out of a run, as wide as a screen."""
    screen = screen or Screen()
    blocks = (
        _heading(document, screen),
        paragraph(document["lead"], screen),
        paragraph(document["audit"]["verdict"], screen) if document["audit"] else "",
        _returns(document, screen),
        _signal(document, screen),
        _ends(document, screen),
        holdings_table(document, screen),
        _catalysts(document, screen),
        _demand(document, screen),
        _claims(document, screen),
        listed(_caveats(document), screen),
    )
    return "\n" + "\n\n".join(block for block in blocks if block)


def _heading(document: Document, screen: Screen) -> str:
    first, last = days(document)
    ends = {row["last"] for book in document["books"].values() if (row := book["windows"].get(IN_SAMPLE)) and row["last"]}
    sample = f"; in sample to {max(ends)}" if ends else ""
    span = f"{document['prices']['source']} prices, {first} to {last}{sample}"
    return f"{paragraph(document['spec']['title'], screen, 'bold')}\n{paragraph(span, screen, 'dim')}"


def _returns(document: Document, screen: Screen) -> str:
    """Return every book in both samples, and in the whole run where it has a control, beside what it is compared with."""
    books = document["books"]
    several, controlled = len(books) > 1, any(book["control"] for book in books.values())
    columns = [
        Column("sample"),
        *([Column("book")] if several else []),
        Column("return", right=True),
        *([Column("twin", right=True), Column("held", right=True)] if controlled else []),
        Column("benchmark", right=True),
        Column("Sharpe ± error", right=True),
        Column("fall", right=True),
    ]
    rows, shorter = [], dict[str, list[str]]()
    for window in (IN_SAMPLE, OUT_OF_SAMPLE, *([WHOLE] if controlled else [])):
        for at, (name, book) in enumerate(books.items()):
            total, ratio, fall = figures_of(book["windows"].get(window) or {})
            compared, end, until = _benchmark(book, window)
            if end:
                shorter.setdefault(end, []).append(f"{_short(name) if several else window} {until}")
            control = [percent(_control(book, kind, window)) for kind in ("twin", "held")] if controlled else []
            named = [window if at == 0 else "", _short(name)] if several else [window]
            rows.append([*named, total, *control, compared, ratio, fall])
    return "\n".join([table(columns, rows, screen, keys=2 if several else 1), *_legend(controlled, shorter, screen)])


def _legend(controlled: bool, shorter: Mapping[str, Sequence[str]], screen: Screen) -> Iterator[str]:
    """Yield what the columns are, and where a benchmark ends before its book."""
    if controlled:
        yield paragraph(TWIN, screen, "dim")
    for span, books in shorter.items():
        yield paragraph(f"* benchmark {span} only, over which the book earned: {', '.join(books)}", screen, "dim")


def _benchmark(book: Mapping[str, Any], window: str) -> tuple[str, str, str]:
    """Return a declared benchmark's return; marked, with its span and the book's return over it, where that is shorter."""
    compared = book["benchmarks"].get(book["declared_benchmark"], {}).get(window) or {}
    whole = book["windows"].get(window) or {}
    if compared.get("total_return") is None:
        return DASH, "", ""
    total = percent(compared["total_return"])
    if all(compared[end] == whole.get(end) for end in ("base", "last")):
        return total, "", ""
    return f"{total}*", f"{compared['base']} to {compared['last']}", percent(compared["book_return"])


def _control(book: Mapping[str, Any], kind: str, window: str) -> float | None:
    """Return what a control of a book earned; None where there is none."""
    control = (book["control"] or {}).get(kind) or {}
    return (control.get(window) or {}).get("total_return")


def _signal(document: Document, screen: Screen) -> str:
    """Return what each book's signal did, and what of it waits for a late figure."""
    controls = {name: book["control"] for name, book in document["books"].items() if book["control"]}
    if not controls:
        return ""  # the lead says so
    several = len(document["books"]) > 1
    texts = (f"{_short(name)}: {_acted(row, True)}" if several else _acted(row, False) for name, row in controls.items())
    return "\n".join(paragraph(text, screen) for text in (*texts, *held_back(document)))


def _acted(control: Mapping[str, Any], several: bool) -> str:
    """Return what a signal did, and the interval of its difference to the twin, which the lead gives where there is one book."""
    twin = control["twin"].get(WHOLE) if "reason" not in control["twin"] else None
    if not control["activity"] or not twin or twin["difference"] is None:
        return str(control["sentence"])
    difference = f" ({points(twin['difference'])} points)" if several else ""
    interval = twin["interval"]
    if isinstance(interval, list | tuple):
        low, high = map(points, interval)
        return f"{control['activity']} Its difference to the twin{difference} has a 95% interval of {low} to {high} points."
    reason = f": {interval['reason']}" if interval else ""
    return f"{control['activity']} Its difference to the twin{difference} has no interval{reason}."


def _ends(document: Document, screen: Screen) -> str:
    """Return each book's last day, coverage, and how its newest headline moves with the last day."""
    rows, moved = [], set[str]()
    for name, book in document["books"].items():
        window = OUT_OF_SAMPLE if book["windows"].get(OUT_OF_SAMPLE) else IN_SAMPLE
        ends = (book["windows"].get(window) or {}).get("ends")
        span = f"{percent(ends['low'], 0)} to {percent(ends['high'], 0)}" if ends else DASH
        moved |= {f"{window}, {ends['sessions']} sessions"} if ends else set()
        priced = f"{book['coverage']['priced']} of {book['coverage']['of']}"
        rows.append((_short(name), book["last"], priced, book["declared_benchmark"] or DASH, span))
    last = f"had it ended earlier ({'; '.join(sorted(moved))})" if moved else "had it ended earlier"
    columns = Column("book"), Column("last day"), Column("priced"), Column("benchmark"), Column(last, wraps=True)
    return table(columns, rows, screen)


def _catalysts(document: Document, screen: Screen) -> str:
    """Return, per named window and market, the share of its return on sessions of events, and the most unusual of them."""
    from backtest.statistics.named_events import LEVEL, least_adjusted

    rows = list[Sequence[str]]()
    for window, by_market in document["catalysts"].items():
        for market, study in by_market.items():
            if study.get("largest"):
                first = study["largest"][0]
                unlike = "!" if least_adjusted(study["event_sessions"], study["compared"]) > LEVEL else "?"
                mark = "" if first["distinguishable"] else unlike
                days_of = percent(study["event_sessions"] / study["sessions"], 0, sign=False)
                share = percent(study["share"], 0, sign=False)
                named = plain(window) if market == next(iter(by_market)) else ""
                abnormal = f"{percent(first['abnormal'])}{mark or ' '}"
                rows.append((named, market, share, days_of, abnormal, plain(first["events"][0])))
    if not rows:
        return ""
    shares = Column("share", right=True), Column("days", right=True), Column("largest", right=True)
    columns = Column("window"), Column("market"), *shares, Column("its event", wraps=True)
    legend = (
        "Themes, held or not. Share of the return that fell on days of events, their share of all days, and the largest "
        "abnormal return (? no more than usual, ! too many events to tell)."
    )
    return f"{table(columns, rows, screen, keys=2)}\n{paragraph(legend, screen, 'dim')}"


def _claims(document: Document, screen: Screen) -> str:
    """Return how many claims have each verdict in each span, and which are contradicted."""
    verdicts = Counter(str(claim[name]["verdict"]) for claim in document["claims"] for name in SPANS if claim[name])
    if not verdicts:
        return ""
    rows, against = [], []
    for name, title in SPANS.items():
        judged = {str(claim["id"]): str(claim[name]["verdict"]) for claim in document["claims"] if claim[name]}
        counts = Counter(judged.values())
        rows.append((title, *(str(counts[verdict]) for verdict in verdicts)))
        if named := [claim for claim, verdict in judged.items() if verdict == "contradicted"]:
            against.append(paragraph(f"Contradicted {title}: {', '.join(named)}.", screen))
    columns = Column(f"claims of {document['thesis']['id']}"), *(Column(verdict, right=True) for verdict in verdicts)
    known = paragraph(f"as known on {days(document)[1]}", screen, "dim")
    return "\n".join([table(columns, rows, screen), known, *against])


def _demand(document: Document, screen: Screen) -> str:
    """Return what the demand from chips shipped came to in each year with disclosed sales, as known at the end."""
    known = document["demand"].get("now", {"years": ()})
    return "\n".join(paragraph(f"{year['year']}: {year['sentence']}", screen) for year in known["years"])


def _caveats(document: Document) -> Sequence[str]:
    """Return what to keep in mind."""
    error = "Sharpe ratios are per year, with one standard error."
    return hindsight(document), capacity(document), cash(document), error


def figures_of(figures: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return total return, Sharpe ratio with its error, and deepest fall as text; a dash where there is none."""
    if figures.get("total_return") is None:
        return DASH, DASH, DASH
    ratio = f"n = {figures['n']}"
    if figures.get("sharpe") is not None and figures.get("sharpe_error") is not None:
        ratio = f"{number(figures['sharpe'])} ± {number(figures['sharpe_error'])}"
    return percent(figures["total_return"]), ratio, percent(figures.get("max_drawdown"), 0, sign=False)


def _short(name: str) -> str:
    """Return a book's name in few letters: it stands in tables, and a basket of many tickers is named by all of them."""
    shown = plain(name)
    return shown if len(shown) <= LETTERS else f"{shown[: LETTERS - 1]}…"
