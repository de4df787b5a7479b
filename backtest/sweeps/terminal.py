"""A finished sweep for a terminal: the lead, the best setting beside others, what the search is worth, and the page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from backtest.formatting import number, percent
from backtest.sweeps.grid import stated
from backtest.sweeps.lead import lead
from backtest.sweeps.results import MEDIAN, SweepSummary, WindowFigures
from backtest.sweeps.summary import worth_of
from backtest.text.screen import Column, Screen, paragraph, table
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE, WHOLE

SAMPLES = (WHOLE, IN_SAMPLE, OUT_OF_SAMPLE)
NO_FIGURES = WindowFigures(float("nan"), float("nan"))


def terminal(summary: SweepSummary, page: Path, screen: Screen | None = None) -> str:
    """Return what came out of a sweep and where its page is, as wide as a screen but for the line of the path."""
    screen = screen or Screen()
    trials = f"{summary.trials:,} trials on these data, {summary.trials_on_any_data:,} on any"
    blocks = [
        paragraph(f"Sweep of {summary.strategy}: {trials}", screen, "bold"),
        paragraph(lead(summary), screen),
        _settings(summary, screen),
        _worth(summary, screen),
        _expected(summary, screen),
        "\n".join(paragraph(f"{note}.", screen) for note in summary.notes),
    ]
    return "\n\n".join([*(block for block in blocks if block), f"page: {page}"]) + "\n"


def _settings(summary: SweepSummary, screen: Screen) -> str:
    """Return the best setting, which never stands alone, and what it is read beside."""
    heads = ((f"{window} {figure}" for figure in ("return", "Sharpe")) for window in SAMPLES)
    columns = Column("setting"), *(Column(head, right=True) for pair in heads for head in pair)
    chosen = f"best of {summary.trials:,} trials by the Sharpe ratio of the whole run: {stated(summary.best.setting)}"
    return f"{table(columns, [*_rows(summary)], screen)}\n{paragraph(chosen, screen)}"


def _rows(summary: SweepSummary) -> Iterator[Sequence[str]]:
    """Yield the best setting, the median of all, the declared strategy, each with its twin, and the benchmark."""
    yield from _both("best", summary.best.windows)
    for row in summary.compared:
        id_text = f" {row.id}" if row.id and len(row.id) < 16 else ""
        yield from _both(f"{row.name}{' of all' if row.name == MEDIAN else id_text}", row.windows)


def _both(name: str, windows: Mapping[str, WindowFigures]) -> Iterator[Sequence[str]]:
    figures = [windows.get(window, NO_FIGURES) for window in SAMPLES]
    yield name, *(text for row in figures for text in (percent(row.total_return), number(row.sharpe)))
    if any(row.twin_sharpe == row.twin_sharpe for row in figures):
        yield "  its twin", *(text for row in figures for text in (percent(row.twin_total_return), number(row.twin_sharpe)))


def _worth(summary: SweepSummary, screen: Screen) -> str:
    columns = Column("what the search is worth", wraps=True), Column("figure", wraps=True)
    return table(columns, [*worth_of(summary).items()], screen)


def _expected(summary: SweepSummary, screen: Screen) -> str:
    """Return what the grid expects and what came of it."""
    if not summary.expectations:
        return ""
    rows = [
        (outcome.subject, outcome.bounds, outcome.text, "met" if outcome.met else "not met") for outcome in summary.expectations
    ]
    columns = Column("figure of the sweep", wraps=True), Column("expected"), Column("came out"), Column("outcome")
    return table(columns, rows, screen)
