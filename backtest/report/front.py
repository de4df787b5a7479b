"""The front page: every strategy side by side, then each with its question and what came out, read back from result.json."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from backtest.report import cells
from backtest.report.charts.sparklines import sparkline
from backtest.report.components import Block, Cell, Code, Column, Part, Rows, Section, Span, Table, Text
from backtest.report.formatting import counted, known, listed, number, percent, plain
from backtest.report.sweep.checks import KINDS, checks, verdict
from backtest.sweeps.results import SweepSummary
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE

Document = Mapping[str, Any]
SAMPLES = (("out", OUT_OF_SAMPLE), ("in", IN_SAMPLE))
NOT_AUDITED = "not audited: how much of it is luck is not known"


def address(document: Document) -> str:
    """Return where a strategy's page is, from the front page."""
    return f"{quote(document['strategy'], safe='')}/index.html"


def section(documents: Sequence[Document]) -> Section:
    """Return every strategy in a row, and how two of them are compared."""
    columns = (
        Column("Strategy"), Column("What 1 became"), Column("Out of sample", True, "out"), Column("Sharpe ± error", True, "out"),
        Column("In sample", True), Column("The report's claims", prose=True), Column("Verdict", prose=True),
        Column("Newest data"),
    )  # fmt: skip
    rows = tuple(_row(number, document) for number, document in enumerate(documents, start=1))
    caption = (
        "Every strategy side by side. Several books: the median of their returns and, below it, the lowest and the highest; each "
        "book is in its own currency. The picture's stroke is the report's date, with which the in-sample returns end"
    )
    blocks: list[Block] = [Table(caption, columns, (Rows(rows),))]
    if len(documents) > 1:
        names = [str(document["strategy"]) for document in documents[:2]]
        said = "What changed between any two results, in spec, data, code and figures, from this page's folder:"
        blocks += [Text(said, "small"), Code(shlex.join(["python", "-m", "backtest", "compare", *names]))]
    return Section("strategies", "All strategies", tuple(blocks))


def parts(documents: Sequence[Document]) -> Iterator[tuple[str, Part]]:
    """Yield, per strategy, the address of its page and what the front page says of it."""
    for number_, document in enumerate(documents, start=1):
        ids = (
            f"Prices: {document['prices']['source']}. "
            f"spec {document['spec_id']} · data {document['data_id']} · code {document['code_id']}"
        )
        blocks = (Text(document["spec"]["question"]), _table(document), Text(_benchmarks(document), "small"), Text(ids, "small"))
        yield address(document), Part(f"strategy-{number_}", document["spec"]["title"], blocks)


def sweeps(summaries: Sequence[SweepSummary]) -> Section:
    """Return every sweep in a row: its best Sharpe ratio never without what the search for it is worth."""
    columns = (
        Column("Strategy"), Column("Settings", True, term="Settings of a sweep"), Column("Best Sharpe", True, term="Sharpe"),
        *(Column(kind.title, True, term="Check of the search") for kind in KINDS), Column("The best is", prose=True),
    )  # fmt: skip
    rows = tuple(map(_sweep, summaries))
    caption = "Sweeps: the best of many settings of a strategy over the whole run, and what the search for it is worth"
    return Section("sweeps", "Sweeps", (Table(caption, columns, (Rows(rows),)),))


def _sweep(summary: SweepSummary) -> tuple[Cell, ...]:
    word, because = verdict(summary)
    return (
        Cell(plain(summary.strategy), href=f"sweeps/{quote(summary.strategy, safe='')}/index.html"),
        Cell(f"{summary.settings:,}"),
        Cell(number(summary.best.sharpe), note=f"of {counted(summary.trials, 'trial')}"),
        *(Cell(check.figure, note=check.outcome) for check in checks(summary)),
        Cell(word, note=because),
    )


def _row(place: int, document: Document) -> tuple[Cell, ...]:
    books = document["baskets"]
    verdicts = Counter(str(claim["verdict"]) for claim in document["claims"])
    audit = document["audit"]
    drawn = sparkline(f"spark-{place}", {name: book.get("path", {}) for name, book in books.items()})
    return (
        Cell(document["spec"]["title"], note=counted(len(books), "book"), href=address(document), about=_span(document)),
        Cell("", picture=drawn) if drawn else Cell("no month"),
        _together(books, OUT_OF_SAMPLE),
        _ratio(books),
        replace(_together(books, IN_SAMPLE), last=""),
        _tally(verdicts, _newest(document)[0]),
        Cell(str(audit["verdict"]) if audit else NOT_AUDITED),
        Cell(*_newest(document)),
    )


def _tally(verdicts: Counter[str], last: str) -> Cell:
    """Return how many claims are confirmed as known on the run's last day, with the other verdicts below."""
    others = "; ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common() if verdict != "confirmed")
    return Cell(f"{verdicts['confirmed']} of {verdicts.total()} confirmed", note=f"as known on {last}; {others}".rstrip("; "))


def _together(books: Mapping[str, Any], window: str) -> Cell:
    """Return the return of one book, or the median of several with the ends."""
    found = [book["regimes"].get(window, {}) for book in books.values()]
    ends = sorted({str(one["last"]) for one in found if "last" in one})
    last = ends[-1] if ends else ""
    if len(found) == 1:
        return replace(cells.total_return(found[0]), last=last)
    values = sorted(float(one["total_return"]) for one in found if known(one.get("total_return")))
    if not values:
        return cells.total_return({})
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    first = f"; the first ends {ends[0]}" if len(ends) > 1 else ""
    return Cell(percent(middle), note=f"{percent(values[0])} to {percent(values[-1])}{first}", last=last)


def _ratio(books: Mapping[str, Any]) -> Cell:
    found = [book["regimes"].get(OUT_OF_SAMPLE, {}) for book in books.values()]
    if len(found) == 1:
        return cells.sharpe(found[0])
    values = sorted(float(one["sharpe"]) for one in found if not cells.refused(one))
    return Cell(f"{number(values[0])} to {number(values[-1])}", note="lowest to highest") if values else cells.sharpe({})


def _newest(document: Document) -> tuple[str, str, str]:
    """Return the last session, no Chinese name, and the newest figure a claim rests on."""
    last = max(window["end"] for window in document["windows"])
    told = [str(one["known_at"])[:10] for claim in document["claims"] for one in claim["inputs"]]
    return last, "", f"figures {max(told)}" if told else "no figure"


def _span(document: Document) -> str:
    first, last = (found(window[name] for window in document["windows"]) for name, found in (("start", min), ("end", max)))
    return f"{document['prices']['source']} prices, {first} to {last}; known at the close of the last session."


def _table(document: Document) -> Table:
    """Return a row per book: out of sample first, in sample apart."""
    texts = ("Return", "Sharpe ± error", "Max drawdown", "n")
    columns = tuple(Column(text, True, sample) for sample, _ in SAMPLES for text in texts)
    rows = tuple(
        (
            Cell(plain(name), note=book["currency"]),
            *(cell for _, window in SAMPLES for cell in _cells(book["regimes"].get(window, {}))),
        )
        for name, book in document["baskets"].items()
    )
    title = f"{counted(len(rows), 'book')}; hindsight: the basket was chosen after the window began"
    spans = (Span("", 1), *(Span(window.capitalize(), len(texts), sample) for sample, window in SAMPLES))
    return Table(title, (Column("Book"), *columns), (Rows(rows),), spans, about=_span(document))


def _cells(found: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cells.total_return(found),
        cells.sharpe(found),
        cells.drawdown(found),
        cells.count(found, "n"),
    )


def _benchmarks(document: Document) -> str:
    """Return what each benchmark earned out of sample, once per currency."""
    found: dict[str, dict[str, str]] = {}
    several = len(document["baskets"]) > 1
    longest = sorted(
        document["baskets"].values(), key=lambda one: str(one["regimes"].get(OUT_OF_SAMPLE, {}).get("last")), reverse=True
    )
    for book in longest:
        for ticker, returns in book["benchmarks"].items():
            if known(returns.get(OUT_OF_SAMPLE)):
                span = book.get("benchmark_spans", {}).get(ticker, {}).get(OUT_OF_SAMPLE)
                shorter = span and (several or cells.shorter(span, book["regimes"].get(OUT_OF_SAMPLE, {})))
                said = f"{ticker} {percent(returns[OUT_OF_SAMPLE])}" + (
                    f" ({span['first']} to {span['last']})" if shorter else ""
                )
                found.setdefault(book["currency"], {}).setdefault(ticker, said)
    said = "; ".join(f"in {currency}: {listed(list(returns.values()))}" for currency, returns in found.items())
    return f"Benchmarks out of sample {said}." if said else "No benchmark has prices on two of the days out of sample."
