"""Run with `pytest`: the rows are read, the signal sees no future, and the strategy runs."""

from pathlib import Path

from backtest.calendars import as_of_moment
from backtest.claims.ledger import load_claims
from backtest.data.archive import load_archive
from backtest.runs import needed_tickers, run
from backtest.signals import load_signals, readings
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis
from backtest.thesis.strategies import strategies

FOLDER = Path(__file__).parents[1]
THESIS = load_thesis(FOLDER)


def test_every_row_is_read() -> None:
    assert load_claims(THESIS)
    assert load_signals(THESIS)


def test_the_signal_has_a_value_and_says_what_it_was_computed_from() -> None:
    tickers = [row.ticker for row in THESIS.universe.suppliers]
    panel = load_archive(tickers, thesis=THESIS).as_of(as_of_moment("2024-06-03"))
    quarters = readings(load_signals(THESIS)["sellers_growth"], panel)
    assert quarters
    assert all(fact.known_at <= panel.moment for reading in quarters.values() for fact in reading.inputs)


def test_the_strategy_runs() -> None:
    (path,) = (path for path in strategies("all", THESIS) if path.stem == "hold_while_growing")
    spec = load_strategy(path, THESIS)
    result = run(spec, load_archive(needed_tickers(spec, THESIS), thesis=THESIS))
    assert result.books["networks"].equity.notna().all()
