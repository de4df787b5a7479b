"""What the front page says once for all strategies: the claims of each thesis, and how new prices and figures are."""

from collections import Counter
from collections.abc import Iterator, Sequence

from backtest.claims.ledger import Judgement, Verdict
from backtest.claims.table import verdict_text
from backtest.formatting import DASH, counted, stated
from backtest.report.components import Block, Cell, Column, Fold, Rows, Section, Table, Text
from backtest.report.documents import ClaimPart, StrategyDocument
from backtest.report.formatting import listed, plain


def newest(documents: Sequence[StrategyDocument]) -> Iterator[tuple[str, str]]:
    """Yield each source of prices, and the figures, with the newest day of each; the page's script adds their ages."""
    for source in dict.fromkeys(document.prices.source for document in documents):
        yield f"{source} prices", max(document.last for document in documents if document.prices.source == source)
    if day := max((document.newest_figure for document in documents), default=""):
        yield "figures", day


def claims(documents: Sequence[StrategyDocument]) -> Section | None:
    """Return the claims of each thesis as its newest result has them, with the newest figure of each metric behind them."""
    theses: dict[str, StrategyDocument] = {}
    for document in sorted((document for document in documents if document.claims), key=lambda each: each.last):
        theses[document.thesis.id] = document
    blocks = tuple(block for document in theses.values() for block in _board(document))
    return Section("claims", "What came of the claims", blocks) if blocks else None


def _board(document: StrategyDocument) -> Iterator[Block]:
    name = document.thesis.title
    yield Text(f"{name}: {tally(document)}.")
    columns = (
        Column("Claim"), Column("The thesis says", prose=True), Column("Its figure", True), Column("When written", prose=True),
        Column("Since", prose=True, term="Since it was written"),
    )  # fmt: skip
    rows = tuple(_claim(claim) for claim in document.claims)
    table = Table(f"The claims of {name} as known on {document.last}", columns, (Rows(rows),))
    yield Fold(f"All {counted(len(rows), 'claim')}", (table,))
    yield Fold("The newest figure of each metric behind them", (_metrics(document),))


def tally(document: StrategyDocument) -> str:
    """Return how many claims were confirmed when written, and since, to the run's last day, with the other verdicts."""
    written = Counter(claim.when_written.verdict for claim in document.claims if claim.when_written)
    since = Counter(claim.since.verdict for claim in document.claims if claim.since)
    texts = [f"{written['confirmed']} of {written.total()} confirmed when written ({_others(written)})"]
    texts += [f"{since['confirmed']} of {since.total()} since, to {document.last} ({_others(since)})"] if since else []
    return "; ".join(texts)


def _others(verdicts: Counter[Verdict]) -> str:
    """Return the verdicts beside "confirmed", the most frequent first."""
    return listed([f"{count} {verdict}" for verdict, count in verdicts.most_common() if verdict != "confirmed"])


def _claim(claim: ClaimPart) -> tuple[Cell, ...]:
    written, since = (_verdict(judgement, claim.explained) for judgement in (claim.when_written, claim.since))
    return Cell(claim.id), Cell(claim.sentence), Cell(stated(claim.reported)), written, since


def _verdict(judgement: Judgement | None, explained: str) -> Cell:
    """Return what came of a claim over a span, marked where it was contradicted."""
    against = judgement is not None and judgement.verdict == "contradicted"
    return Cell(verdict_text(judgement, explained), mark="contradicted" if against else "")


def _metrics(document: StrategyDocument) -> Table:
    """Return the newest figure of every metric, the newest first."""
    latest: dict[str, tuple[str, str]] = {}
    for figure in document.figures:
        latest[figure.metric] = max(latest.get(figure.metric, ("", "")), (figure.known_at[:10], figure.entity))
    order = sorted(latest.items(), key=lambda item: (item[1], item[0]), reverse=True)
    rows = tuple((Cell(plain(metric) or DASH), Cell(entity, last=day)) for metric, (day, entity) in order)
    return Table("Metrics by the day their newest figure became known", (Column("Metric"), Column("Newest")), (Rows(rows),))
