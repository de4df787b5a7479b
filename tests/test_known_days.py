"""Days everybody remembers, in the embedded prices: a limit, two holidays and two listings."""

import pandas as pd
import pytest
from support.markets import day, decided, spec_of

from backtest.data.sources import reference
from backtest.decisions import Decision, run_sessions, targets_of
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade


def traded(tickers: tuple[str, ...], first: str, last: str, *chosen: Decision, base: str = "CNY") -> Simulation:
    prices = reference.load_prices(tickers)
    sessions = run_sessions(prices, tickers, day(first), day(last))
    return trade(targets_of(chosen, tickers), prices, base, sessions, spec_of().execution)


def sessions_of(outcome: Simulation) -> dict[str, list[str]]:
    return {str(ticker): [f"{one:%Y-%m-%d}" for one in orders["session"]] for ticker, orders in outcome.orders.groupby("ticker")}


def late(outcome: Simulation) -> list[tuple[object, ...]]:
    return list(zip(outcome.late["session"], outcome.late["waited"], outcome.late["reason"], strict=True))


def test_603228_closed_at_its_limit_on_two_sessions_of_june_2024_and_was_bought_on_the_third() -> None:
    """19.5184 ... 25.1745 → 27.6950 on 06-21 and → 30.4635 on 06-24, ten per cent each, at the high of the day."""
    outcome = traded(("603228.SS",), "2024-06-03", "2024-07-10", decided("2024-06-20", {"603228.SS": 0.5}))
    assert sessions_of(outcome) == {"603228.SS": ["2024-06-25"]}
    assert late(outcome) == [(day("2024-06-25"), 2, "sealed at the upper limit")]


def test_after_golden_week_2024_innolight_opened_the_year_at_its_limit_and_was_bought_a_session_late() -> None:
    """ChiNext: 153.9085 → 184.6902 on 2024-10-08, twenty per cent."""
    outcome = traded(("300308.SZ",), "2024-09-02", "2024-10-31", decided("2024-09-30", {"300308.SZ": 0.5}))
    assert sessions_of(outcome) == {"300308.SZ": ["2024-10-09"]}
    assert late(outcome) == [(day("2024-10-09"), 1, "sealed at the upper limit")]


def test_over_golden_week_2024_new_york_trades_at_once_and_shanghai_when_it_opens() -> None:
    tickers = ("NVDA", "510300.SS")
    chosen = decided("2024-09-27", {}), decided("2024-09-30", {"NVDA": 0.4, "510300.SS": 0.4})
    outcome = traded(tickers, "2024-09-02", "2024-10-31", *chosen)
    assert sessions_of(outcome) == {"510300.SS": ["2024-10-08"], "NVDA": ["2024-10-01"]}
    assert outcome.late.empty


def test_over_thanksgiving_2024_shanghai_trades_at_once_and_new_york_a_day_later() -> None:
    tickers = ("NVDA", "300308.SZ")
    outcome = traded(tickers, "2024-11-01", "2024-12-31", decided("2024-11-27", {"NVDA": 0.4, "300308.SZ": 0.4}))
    assert sessions_of(outcome) == {"300308.SZ": ["2024-11-28"], "NVDA": ["2024-11-29"]}
    assert outcome.late.empty


def test_over_the_chinese_new_year_of_2025_shanghai_trades_on_the_fifth_of_february() -> None:
    outcome = traded(("300308.SZ",), "2025-01-02", "2025-02-28", decided("2025-01-27", {"300308.SZ": 0.5}))
    assert sessions_of(outcome) == {"300308.SZ": ["2025-02-05"]}


@pytest.mark.parametrize(
    ("ticker", "other", "listed", "before", "after", "bought"),
    [
        ("ALAB", "NVDA", "2024-03-20", "2024-03-15", "2024-03-22", "2024-03-25"),
        ("588790.SS", "510300.SS", "2025-01-09", "2025-01-03", "2025-01-10", "2025-01-13"),
    ],
)
def test_a_name_is_not_bought_before_its_listing_and_is_at_the_first_decision_after(
    ticker: str, other: str, listed: str, before: str, after: str, bought: str
) -> None:
    """Weekly decisions: the Friday before the listing buys the other alone, the Friday after it both."""
    first, last = day(listed) - pd.Timedelta(days=30), day(listed) + pd.Timedelta(days=30)
    chosen = decided(before, {other: 0.5}), decided(after, {other: 0.4, ticker: 0.4})
    outcome = traded((ticker, other), str(first), str(last), *chosen)
    assert sessions_of(outcome)[ticker] == [bought]
    assert outcome.equity.notna().all()


def test_an_order_taken_before_a_listing_waits_for_it() -> None:
    chosen = decided("2024-03-15", {"ALAB": 0.5})
    outcome = traded(("ALAB", "NVDA"), "2024-03-01", "2024-04-30", chosen, base="USD")
    assert sessions_of(outcome) == {"ALAB": ["2024-03-20"]}
    assert late(outcome) == [(day("2024-03-20"), 2, "no price")]  # due on 03-18
