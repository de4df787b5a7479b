"""When a strategy decides and on what, and where a run begins and ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from support.markets import (
    NOWHERE,
    WEEK,
    day,
    decided,
    no_facts,
    prices_of,
    spec_of,
    two_names,
)

from backtest.data.archive import load_archive
from backtest.decisions import Decision, decide, last_session, require_repeatable, run_sessions, targets_of
from backtest.errors import BacktestError, ConfigurationError, DataError
from backtest.panel import Archive, Panel
from backtest.runs import needed_tickers, run
from backtest.signals import SUPPLY_CHAIN
from backtest.signals.momentum import Momentum
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.thesis import load_thesis
from backtest.weights import Gate


@dataclass(frozen=True)
class Fixed:
    """The same weights whatever is known."""

    targets: tuple[tuple[str, float], ...]
    signals_wanted: ClassVar[int] = 0
    holds: ClassVar[tuple[str, ...]] = ()

    def __call__(self, scores: Sequence[pd.Series], members: object) -> dict[str, float]:
        return dict(self.targets)


# When it decides, and on what


def archive_of(**columns: Sequence[float]) -> Archive:
    index = pd.bdate_range("2024-01-01", periods=len(next(iter(columns.values())))).as_unit("ns")
    return Archive(no_facts(), prices_of(columns, dict.fromkeys(columns, "XNYS"), index))


def decisions_of(archive: Archive, **changes: object) -> list[Decision]:
    spec = spec_of(**changes)
    sessions = run_sessions(
        archive.prices, spec.tickers(spec.baskets[0], load_thesis().universe), day("2024-01-01"), day("2030-01-01")
    )
    return decide(spec, spec.baskets[0], archive, load_thesis().universe, sessions)


def test_quarterly_decisions_are_at_the_first_session_and_the_last_of_each_quarter_but_not_of_the_run() -> None:
    sessions = [f"{decision.session:%m-%d}" for decision in decisions_of(archive_of(NVDA=[100.0] * 182), rebalance="quarterly")]
    assert sessions == ["01-01", "03-29", "06-28"]  # 182 weekdays from Monday 2024-01-01 end on Tuesday 09-10


def test_monthly_decisions_are_at_the_last_session_of_each_month() -> None:
    sessions = [f"{decision.session:%m-%d}" for decision in decisions_of(archive_of(NVDA=[100.0] * 66), rebalance="monthly")]
    assert sessions == ["01-01", "01-31", "02-29", "03-29"]  # the 66th weekday is Monday 04-01


def test_weekly_decisions_are_at_the_last_session_of_each_week() -> None:
    sessions = [f"{decision.session:%m-%d}" for decision in decisions_of(archive_of(NVDA=[100.0] * 11), rebalance="weekly")]
    assert sessions == ["01-01", "01-05", "01-12"]


def test_the_last_session_of_a_run_is_no_decision_though_it_ends_a_period() -> None:
    sessions = [f"{decision.session:%m-%d}" for decision in decisions_of(archive_of(NVDA=[100.0] * 10), rebalance="weekly")]
    assert sessions == ["01-01", "01-05"]


def test_a_decision_in_two_markets_is_taken_when_the_later_has_closed() -> None:
    index = pd.bdate_range("2024-01-01", periods=3).as_unit("ns")
    columns = {ticker: [100.0] * 3 for ticker in ("AVGO", "MRVL", "688256.SS")}
    market = {"AVGO": "XNYS", "MRVL": "XNYS", "688256.SS": "XSHG"}
    archive = Archive(no_facts(), prices_of(columns, market, index))
    assert decisions_of(archive, baskets=("ASIC",))[0].moment == pd.Timestamp("2024-01-01T20:00Z")


def test_a_decision_on_a_holiday_of_one_market_is_taken_at_the_close_of_the_other() -> None:
    index = pd.bdate_range("2024-01-01", periods=3).as_unit("ns")
    columns = {"AVGO": [NOWHERE, 1, 1], "MRVL": [NOWHERE, 1, 1], "688256.SS": [100.0] * 3}
    market = {"AVGO": "XNYS", "MRVL": "XNYS", "688256.SS": "XSHG"}
    archive = Archive(no_facts(), prices_of(columns, market, index, closed={"XNYS": ["2024-01-01"]}))
    first = decisions_of(archive, baskets=("ASIC",))[0]
    assert (first.moment, first.targets) == (pd.Timestamp("2024-01-01T07:00Z"), {"688256.SS": 1.0})


def test_a_member_without_a_price_in_the_fourteen_days_before_is_left_out() -> None:
    amd = [100.0] * 13 + [NOWHERE] * 29 + [100.0]
    targets = {
        f"{decision.session:%m-%d}": set(decision.targets)
        for decision in decisions_of(archive_of(NVDA=[1.0] * 43, AMD=amd), baskets=("GPU",), rebalance="weekly")
    }
    # the last price is of 01-17: nine days old on 01-26, sixteen on 02-02
    assert (targets["01-26"], targets["02-02"]) == ({"AMD", "NVDA"}, {"NVDA"})


def test_a_member_is_held_from_its_first_price() -> None:
    amd = [NOWHERE] * 3 + [100.0] * 9
    targets = {
        f"{decision.session:%m-%d}": set(decision.targets)
        for decision in decisions_of(archive_of(NVDA=[1.0] * 12, AMD=amd), baskets=("GPU",), rebalance="weekly")
    }
    assert (targets["01-01"], targets["01-05"]) == ({"NVDA"}, {"AMD", "NVDA"})


def test_a_member_is_not_held_before_the_universe_lists_it() -> None:
    tickers = ("ANET", "APH", "CRDO", "ALAB")
    archive = archive_of(**{ticker: [1.0] * 66 for ticker in tickers})
    targets = {
        f"{decision.session:%m-%d}": decision.targets for decision in decisions_of(archive, baskets=("us_network_copper",))
    }
    assert ("ALAB" in targets["02-29"], "ALAB" in targets["03-29"]) == (False, True)  # since 2024-03-20


@pytest.mark.parametrize(
    "targets",
    [
        {"NVDA": NOWHERE},
        {"NVDA": NOWHERE, "AMD": 0.5},
        {"NVDA": -0.1},
        {"NVDA": -0.1, "AMD": 0.5},
        {"NVDA": np.inf},
        {"NVDA": 0.6, "AMD": 0.6},
        {"NVDA": 0.5 + 2e-9, "AMD": 0.5},
    ],
    ids=["NaN", "NaN beside a number", "negative", "one negative", "infinite", "above one", "above one by more than rounding"],
)
def test_weights_that_are_no_portfolio_are_refused_where_they_are_decided(targets: dict[str, float]) -> None:
    archive = archive_of(NVDA=[1.0] * 12, AMD=[1.0] * 12)
    with pytest.raises(BacktestError, match=r"GPU on 2024-01-01: weights .* expected each >= 0 and the sum <= 1"):
        decisions_of(archive, baskets=("GPU",), weights=Fixed(tuple(targets.items())))


def test_weights_on_a_ticker_the_book_does_not_hold_are_refused_by_name() -> None:
    words = "weights on 2024-01-02: no ticker of the book 'AAB'; did you mean 'AAA'"
    with pytest.raises(ConfigurationError, match=words):
        targets_of([decided(WEEK[0], {"AAA": 0.5, "AAB": 0.5})], ["AAA", "BBB"])


@pytest.mark.parametrize(
    "targets",
    [{"NVDA": 1.0, "AMD": 0.0}, {"NVDA": 0.5 + 5e-10, "AMD": 0.5}, {"NVDA": 1.0 + 1e-9}, {"NVDA": 0.0, "AMD": 0.0}],
    ids=["one of nothing", "one but for rounding", "one and all of the rounding", "all cash"],
)
def test_weights_of_nothing_and_a_sum_of_one_but_for_rounding_are_a_portfolio(targets: dict[str, float]) -> None:
    archive = archive_of(NVDA=[1.0] * 12, AMD=[1.0] * 12)
    assert decisions_of(archive, baskets=("GPU",), weights=Fixed(tuple(targets.items())))[0].targets == targets


def test_a_rule_for_the_supply_chain_given_scores_by_ticker_is_an_error_a_user_can_read() -> None:
    with pytest.raises(BacktestError, match="supply_chain"):
        decisions_of(archive_of(NVDA=[1.0] * 12), signals=(Momentum(),), weights=Gate())


def test_a_shut_gate_holds_its_other_even_when_no_member_is_priced() -> None:
    columns = {"AMD": [NOWHERE] * 12, "NVDA": [NOWHERE] * 12, "510300.SS": [4.0] * 12}
    market = {"AMD": "XNYS", "NVDA": "XNYS", "510300.SS": "XSHG"}
    index = pd.bdate_range("2024-01-01", periods=12).as_unit("ns")
    archive = Archive(no_facts(), prices_of(columns, market, index))
    decisions = decisions_of(archive, baskets=("GPU",), signals=(SupplyChainExcess(),), weights=Gate(otherwise="510300.SS"))
    assert decisions[0].targets == {"510300.SS": 1.0}


@dataclass(frozen=True)
class Noting:
    """A signal that notes the days on which it is asked."""

    asked: list[str] = field(default_factory=list, compare=False)

    def __call__(self, panel: Panel) -> pd.Series:
        self.asked.append(f"{panel.moment:%m-%d}")
        return pd.Series([1.0], index=[SUPPLY_CHAIN])


@pytest.mark.parametrize(
    ("sessions", "again"),
    [
        (10, ["01-01", "01-01"]),
        (24, ["01-01", "01-01", "01-31", "01-31"]),
        (88, ["01-01", "01-01", "01-31", "01-31", "04-30", "04-30"]),
    ],
)
def test_the_first_two_decisions_and_the_last_are_taken_twice_again(sessions: int, again: list[str]) -> None:
    archive, signal = archive_of(NVDA=[1.0] * sessions), Noting()
    changes = {"rebalance": "monthly", "signals": (signal,), "weights": Gate()}
    decisions = decisions_of(archive, **changes)
    spec = spec_of(**changes)
    signal.asked.clear()
    require_repeatable(spec, spec.baskets[0], archive, load_thesis().universe, decisions)
    assert signal.asked == again


# Where a run begins and ends


def test_a_book_ends_at_the_last_session_on_which_every_ticker_is_priced() -> None:
    market = dict.fromkeys(("AAA", "BBB", "CCC"), "XNYS")
    prices = prices_of({"AAA": [1, 1, 1, 1], "BBB": [1, 1, 1, NOWHERE], "CCC": [1, 1, NOWHERE, NOWHERE]}, market, WEEK)
    assert last_session(prices, ["AAA", "BBB", "CCC"], None, "close") == day("2024-01-03")
    assert last_session(prices, ["AAA", "BBB"], None, "close") == day("2024-01-04")
    assert run_sessions(prices, ["AAA", "BBB"], WEEK[0], WEEK[-1])[-1] == day("2024-01-04")


def test_a_ticker_that_is_declared_ended_does_not_end_the_book() -> None:
    prices = replace(two_names((10, 10, 10, 10), (10, 10, NOWHERE, NOWHERE)), ended={"BBB": "taken over"})
    assert last_session(prices, ["AAA", "BBB"], None, "close") == day("2024-01-05")


def test_a_book_of_nothing_but_ended_tickers_ends_with_the_last_of_them() -> None:
    prices = replace(two_names((10, 10, 10, NOWHERE), (10, 10, NOWHERE, NOWHERE)), ended={"AAA": "x", "BBB": "x"})
    assert last_session(prices, ["AAA", "BBB"], None, "close") == day("2024-01-04")


@pytest.mark.parametrize("end", ["2024-01-08", "2030-01-01", "2199-12-31"])
def test_an_end_that_a_ticker_has_no_prices_for_is_refused_naming_it_and_its_last_session(end: str) -> None:
    prices = two_names((10, 10, 10, 10), (10, 10, 10, 10))
    with pytest.raises(DataError, match=rf"by hand: the prices of AAA end on 2024-01-05, before {end}; expected an end up to"):
        last_session(prices, ["AAA", "BBB"], day(end), "close")


@pytest.mark.parametrize("end", ["2024-01-06", "2024-01-07"])
def test_an_end_on_the_weekend_after_the_last_session_is_none_too_late(end: str) -> None:
    assert last_session(two_names(), ["AAA"], day(end), "close") == day(end)


def test_a_run_ends_where_its_spec_says() -> None:
    assert last_session(two_names(), ["AAA"], day("2024-01-04"), "close") == day("2024-01-04")


def test_a_run_without_any_price_is_refused() -> None:
    with pytest.raises(DataError, match="no price at all for AAA"):
        last_session(two_names((NOWHERE,) * 4), ["AAA"], None, "close")


def test_the_sessions_of_a_book_are_those_of_all_its_markets() -> None:
    prices = prices_of(
        {"AAA": [1, NOWHERE, 1, 1], "CCC": [NOWHERE, 1, 1, 1]},
        {"AAA": "XNYS", "CCC": "XSHG"},
        WEEK,
        closed={"XNYS": ["2024-01-03"], "XSHG": ["2024-01-02"]},
    )
    assert run_sessions(prices, ["AAA", "CCC"], WEEK[0], WEEK[-1]).equals(WEEK)


def test_a_book_has_no_session_on_which_all_its_markets_are_closed() -> None:
    prices = prices_of(
        {"AAA": [1, NOWHERE, 1, 1], "CCC": [1] * 4}, {"AAA": "XNYS", "CCC": "XSHG"}, WEEK, closed={"XNYS": ["2024-01-03"]}
    )
    assert day("2024-01-03") not in run_sessions(prices, ["AAA"], WEEK[0], WEEK[-1])


def test_a_run_of_one_session_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 session\(s\) from 2024-01-05 to 2024-01-05; expected at least two"):
        run_sessions(two_names(), ["AAA"], day("2024-01-05"), day("2024-01-05"))


# Rates end too


def quoted(until):
    """AAA in CNY and BBB in USD on the four sessions of WEEK, a rate of CNY to a day."""
    prices = two_names()
    rates = pd.DataFrame({"CNY": [7.0]}, pd.DatetimeIndex([until]))
    return replace(prices, currency={"AAA": "CNY", "BBB": "USD"}, rates=rates)


@pytest.mark.parametrize(
    ("until", "base", "tickers", "last"),
    [
        ("2023-12-23", "USD", ["AAA", "BBB"], "2024-01-02"),  # ten days later
        ("2023-12-23", "CNY", ["BBB"], "2024-01-02"),
        ("2023-12-30", "USD", ["AAA", "BBB"], "2024-01-05"),
        ("2023-12-23", "CNY", ["AAA"], "2024-01-05"),  # no rate is needed
        ("2023-12-23", "USD", ["BBB"], "2024-01-05"),
        ("2023-12-23", "", ["AAA", "BBB"], "2024-01-05"),
    ],
)
def test_a_book_without_an_end_stops_where_a_rate_that_it_needs_may_no_longer_be_used(until, base, tickers, last):
    assert last_session(quoted(until), tickers, None, "close", base) == day(last)


def test_a_run_in_another_currency_ends_with_its_rate_and_says_so():
    thesis = load_thesis("memory")
    spec = spec_of(baskets=("hard_drives",), base="KRW", start=date(2026, 6, 1))
    archive = load_archive(needed_tickers(spec, thesis), thesis=thesis)
    result = run(spec, archive)
    assert result.books["hard_drives"].equity.index[-1] <= archive.prices.rates["KRW"].dropna().index[-1] + pd.Timedelta(days=10)
    assert result.notes[0].endswith("KRW=X has no later rate")
