"""The front page: every strategy with its question and what came out, read back from result.json."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from backtest.report import figures
from backtest.report.blocks import Cell, Column, Part, Rows, Span, Table, Text
from backtest.report.wording import counted, known, listed, percent, plain

Document = Mapping[str, Any]
AFTER = "out of sample"
SAMPLES = (("out", AFTER), ("in", "in sample"))


def parts(documents: Sequence[Document]) -> Iterator[tuple[str, Part]]:
    """Yield, per strategy, the address of its page and what the front page says of it."""
    for number, document in enumerate(documents, start=1):
        ids = (
            f"Prices: {document['prices']['source']}, {document['prices']['frequency']}. "
            f"spec {document['spec_id']} · data {document['data_id']} · code {document['code_id']}"
        )
        blocks = (Text(document["spec"]["question"]), _table(document), Text(_benchmarks(document), "small"), Text(ids, "small"))
        yield f"{quote(document['strategy'], safe='')}/index.html", Part(f"strategy-{number}", document["spec"]["title"], blocks)


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
    return Table(title, (Column("Book"), *columns), (Rows(rows),), spans)


def _cells(found: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        figures.total_return(found),
        figures.sharpe(found),
        figures.share(found, "max_drawdown"),
        figures.count(found, "n"),
    )


def _benchmarks(document: Document) -> str:
    """Return what each benchmark earned out of sample, once per currency."""
    found: dict[str, dict[str, str]] = {}
    for book in document["baskets"].values():
        for ticker, returns in book["benchmarks"].items():
            if known(returns.get(AFTER)):
                found.setdefault(book["currency"], {}).setdefault(ticker, f"{ticker} {percent(returns[AFTER])}")
    said = "; ".join(f"in {currency}: {listed(list(returns.values()))}" for currency, returns in found.items())
    return f"Benchmarks out of sample {said}." if said else "No benchmark has prices throughout the days out of sample."
