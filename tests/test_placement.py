"""When an order trades: its own market's next session, carried on while it cannot, listed with a reason when it never does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets_for_tests import (
    NOWHERE,
    day,
    days,
    decided,
    flat_prices_on_real_calendars,
    prices_of,
    without,
)

from backtest import desk, engine
from backtest.prices import Prices

BOTH = {"NVDA": "XNYS", "300308.SZ": "XSHG"}
HALF = {"NVDA": 0.5, "300308.SZ": 0.5}
US = {"AAA": "XNYS", "BBB": "XNYS"}
INDEX = pd.bdate_range("2024-01-01", periods=12).as_unit("ns")  # 01-01 to 01-16


def place(decisions: Sequence[desk.Decision], prices: Prices, lag: int = 1, last: pd.Timestamp | None = None) -> engine.Placement:
    sessions = prices.sessions(tuple(prices.closes))
    return engine.place(
        decisions, prices, sorted(prices.market), sessions[: sessions.searchsorted(last or sessions[-1]) + 1], lag
    )


def rows_of(placement: engine.Placement) -> dict[str, dict[str, float]]:
    """Targets by order session, without the names that have no order there."""
    return {f"{session:%Y-%m-%d}": row.dropna().to_dict() for session, row in placement.targets.iterrows()}


def listed(table: pd.DataFrame) -> list[list[object]]:
    return table.to_numpy().tolist()


def two_names(**columns: Sequence[float]) -> Prices:
    return prices_of({"AAA": [100.0] * 12, "BBB": [100.0] * 12} | columns, US, INDEX)


# Holidays of the real calendars


def test_over_golden_week_new_york_orders_at_once_and_shanghai_when_it_opens() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    assert rows_of(place([decided("2024-09-30", HALF)], prices)) == {"2024-10-01": {"NVDA": 0.5}, "2024-10-08": HALF}


def test_over_thanksgiving_shanghai_orders_at_once_and_new_york_when_it_opens() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-11-01", "2024-12-31")
    placement = place([decided("2024-11-27", HALF)], prices)
    assert rows_of(placement) == {"2024-11-28": {"300308.SZ": 0.5}, "2024-11-29": HALF}


def test_over_the_chinese_new_year_of_2025_shanghai_orders_on_the_fifth_of_february() -> None:
    prices = flat_prices_on_real_calendars({"300308.SZ": "XSHG"}, "2025-01-02", "2025-02-28")
    assert list(rows_of(place([decided("2025-01-27", {"300308.SZ": 1.0})], prices))) == ["2025-02-05"]


def test_a_lag_of_two_counts_sessions_of_each_own_market() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    placement = place([decided("2024-09-27", HALF)], prices, lag=2)  # Shanghai: 09-30, then 10-08; New York: 09-30, 10-01
    assert rows_of(placement) == {"2024-10-01": {"NVDA": 0.5}, "2024-10-08": HALF}


def test_a_name_held_from_before_is_not_ordered_before_its_own_market_has_had_its_sessions() -> None:
    """Lag two from 2024-11-27: Shanghai's second session is 11-29, New York's, after Thanksgiving, 12-02."""
    prices = flat_prices_on_real_calendars(BOTH, "2024-11-01", "2024-12-31")
    placement = place([decided("2024-11-05", HALF), decided("2024-11-27", {"NVDA": 0.2, "300308.SZ": 0.1})], prices, lag=2)
    assert list(rows_of(placement).items())[-2:] == [
        ("2024-11-29", {"300308.SZ": 0.1}),
        ("2024-12-02", {"300308.SZ": 0.1, "NVDA": 0.2}),
    ]


def test_waiting_for_a_holiday_is_not_being_late() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    assert place([decided("2024-09-30", HALF)], prices).late.empty


def test_each_order_session_remembers_its_decision() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    assert place([decided("2024-09-30", HALF)], prices).decided.tolist() == [day("2024-09-30")] * 2


# Suspensions


def test_a_suspended_order_is_carried_to_the_next_session_with_a_price() -> None:
    prices = without(two_names(), "AAA", "2024-01-02", "2024-01-03", "2024-01-04")
    assert rows_of(place([decided("2024-01-01", {"AAA": 1.0})], prices)) == {"2024-01-05": {"AAA": 1.0}}


def test_a_carried_order_is_listed_with_the_sessions_it_waited() -> None:
    prices = without(two_names(), "AAA", "2024-01-02", "2024-01-03", "2024-01-04")
    assert listed(place([decided("2024-01-01", {"AAA": 1.0})], prices).late) == [[day("2024-01-01"), "AAA", day("2024-01-05"), 3]]


def test_only_sessions_of_the_own_market_count_as_waited() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    held = without(prices, "300308.SZ", "2024-09-30")
    placement = place([decided("2024-09-27", {"300308.SZ": 1.0})], held)
    assert listed(placement.late) == [[day("2024-09-27"), "300308.SZ", day("2024-10-08"), 1]]


def test_an_order_still_waiting_at_the_next_decision_is_dropped_with_its_reason() -> None:
    prices = without(two_names(), "AAA", *(f"2024-01-{n:02d}" for n in (2, 3, 4, 5, 8, 9)))
    placement = place([decided("2024-01-01", {"AAA": 1.0}), decided("2024-01-05", {"BBB": 1.0})], prices)
    assert listed(placement.unfilled) == [[day("2024-01-01"), "AAA", 1.0, desk.NOT_TRADED]]


def test_a_name_that_trades_again_on_the_session_of_the_next_decision_is_still_ordered() -> None:
    prices = without(two_names(), "AAA", "2024-01-02", "2024-01-03", "2024-01-04")
    placement = place([decided("2024-01-01", {"AAA": 1.0}), decided("2024-01-05", {"AAA": 0.5})], prices)
    assert rows_of(placement) == {"2024-01-05": {"AAA": 1.0}, "2024-01-08": {"AAA": 0.5}}


def test_a_dropped_order_is_never_placed_later() -> None:
    prices = without(two_names(), "AAA", *(f"2024-01-{n:02d}" for n in (2, 3, 4, 5)))
    placement = place([decided("2024-01-01", {"AAA": 1.0}), decided("2024-01-05", {"BBB": 1.0})], prices)
    assert rows_of(placement) == {"2024-01-08": {"BBB": 1.0}}


def test_a_sale_that_could_not_be_made_is_tried_again_at_the_next_decision() -> None:
    prices = without(two_names(), "AAA", *(f"2024-01-{n:02d}" for n in (8, 9, 10)))
    chosen = [decided("2024-01-01", {"AAA": 1.0}), decided("2024-01-05", {}), decided("2024-01-10", {})]
    assert rows_of(place(chosen, prices)) == {"2024-01-02": {"AAA": 1.0}, "2024-01-11": {"AAA": 0.0}}


def test_when_one_name_was_late_the_others_are_brought_to_their_targets_once_more() -> None:
    prices = without(two_names(), "AAA", "2024-01-02")
    placement = place([decided("2024-01-01", {"AAA": 0.5, "BBB": 0.5})], prices)
    assert rows_of(placement) == {"2024-01-02": {"BBB": 0.5}, "2024-01-03": {"AAA": 0.5, "BBB": 0.5}}


def test_bringing_to_target_once_more_spares_a_name_that_cannot_trade_then() -> None:
    prices = without(without(two_names(), "AAA", "2024-01-02"), "BBB", "2024-01-03")
    placement = place([decided("2024-01-01", {"AAA": 0.5, "BBB": 0.5})], prices)
    assert rows_of(placement) == {"2024-01-02": {"BBB": 0.5}, "2024-01-03": {"AAA": 0.5}}


def test_orders_of_one_session_are_placed_once() -> None:
    placement = place([decided("2024-01-01", {"AAA": 0.5, "BBB": 0.5})], two_names())
    assert rows_of(placement) == {"2024-01-02": {"AAA": 0.5, "BBB": 0.5}}


def test_what_later_days_bring_to_a_suspended_name_does_not_move_the_orders_before() -> None:
    """AAA trades at once, BBB a day late, CCC is suspended: in one world it returns on 01-05, in the other on 01-16."""
    market = dict.fromkeys(("AAA", "BBB", "CCC"), "XNYS")
    whole = prices_of({ticker: [100.0] * 12 for ticker in market}, market, INDEX)
    soon = without(without(whole, "BBB", "2024-01-02"), "CCC", *(f"2024-01-{n:02d}" for n in (2, 3, 4)))
    late = without(soon, "CCC", *(f"2024-01-{n:02d}" for n in (5, 8, 9, 10, 11, 12, 15)))
    chosen = [decided("2024-01-01", dict.fromkeys(market, 1 / 3)), decided("2024-01-10", dict.fromkeys(market, 1 / 3))]
    one, other = (place(chosen, prices).targets.loc[: day("2024-01-04")] for prices in (soon, late))
    pd.testing.assert_frame_equal(one, other, check_freq=False)


# Decisions that overlap


def test_a_later_decision_replaces_an_order_that_still_waits_for_its_market() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    placement = place([decided("2024-09-30", {"300308.SZ": 1.0}), decided("2024-10-04", {"300308.SZ": 0.2})], prices)
    assert rows_of(placement) == {"2024-10-08": {"300308.SZ": 0.2}}


def test_an_order_that_a_newer_one_for_the_same_session_replaced_is_listed() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    placement = place([decided("2024-09-30", {"300308.SZ": 1.0}), decided("2024-10-04", {"300308.SZ": 0.2})], prices)
    assert listed(placement.unfilled) == [[day("2024-09-30"), "300308.SZ", 1.0, desk.SUPERSEDED]]


def test_an_order_due_together_with_one_of_a_newer_decision_gives_way_to_it() -> None:
    """Lag two over Golden Week 2024: 10-08 is due in Shanghai for 09-27 and in New York for 10-04."""
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    placement = place([decided("2024-09-27", {"300308.SZ": 1.0}), decided("2024-10-04", {"NVDA": 1.0})], prices, lag=2)
    assert rows_of(placement) == {"2024-10-08": {"NVDA": 1.0}}
    assert listed(placement.unfilled) == [[day("2024-09-27"), "300308.SZ", 1.0, desk.SUPERSEDED]]


def test_an_order_that_falls_due_after_a_newer_decision_was_placed_is_listed() -> None:
    """Lag two over the Chinese New Year of 2025: 01-24 is due in Shanghai on 02-05, 01-31 in New York on 02-04."""
    prices = flat_prices_on_real_calendars(BOTH, "2025-01-02", "2025-03-31")
    placement = place([decided("2025-01-24", {"300308.SZ": 0.5}), decided("2025-01-31", {"NVDA": 0.9})], prices, lag=2)
    assert listed(placement.unfilled) == [[day("2025-01-24"), "300308.SZ", 0.5, desk.SUPERSEDED]]


def test_repeating_the_targets_of_a_decision_never_overrides_a_newer_one() -> None:
    """Weekly decisions, lag two, over the Chinese New Year of 2025: Shanghai is shut from 01-28 to 02-04.

    The sale of 300308 decided on 01-24 waits for 02-05; by then the decision of 01-31 has already moved NVIDIA.
    """
    prices = flat_prices_on_real_calendars(BOTH, "2025-01-02", "2025-03-31")
    chosen = [
        decided("2025-01-10", {"300308.SZ": 0.5}),
        decided("2025-01-24", {"NVDA": 0.2}),
        decided("2025-01-31", {"NVDA": 0.9}),
    ]
    placement = place(chosen, prices, lag=2)
    assert placement.targets["NVDA"].dropna().iloc[-1] == 0.9


def test_orders_of_two_decisions_on_one_session_never_add_up_to_more_than_the_book() -> None:
    """Weekly decisions, lag two, over Golden Week 2024: on 10-08 Shanghai still fills 09-27 while New York fills 10-04."""
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    placement = place([decided("2024-09-27", {"300308.SZ": 1.0}), decided("2024-10-04", {"NVDA": 1.0})], prices, lag=2)
    assert placement.targets.sum(axis=1).max() <= 1.0


# Prices that end, and runs that do


def test_a_held_name_whose_prices_end_is_sold_at_its_last_price() -> None:
    prices = two_names(AAA=[100.0] * 6 + [NOWHERE] * 6)
    placement = place([decided("2024-01-01", {"AAA": 1.0})], prices)
    assert rows_of(placement) == {"2024-01-02": {"AAA": 1.0}, "2024-01-08": {"AAA": 0.0}}


def test_a_sale_because_prices_end_is_listed_as_an_exit() -> None:
    prices = two_names(AAA=[100.0] * 6 + [NOWHERE] * 6)
    assert listed(place([decided("2024-01-01", {"AAA": 1.0})], prices).exits) == [[day("2024-01-08"), "AAA"]]


def test_a_name_never_held_is_no_exit_when_its_prices_end() -> None:
    prices = two_names(AAA=[100.0] * 6 + [NOWHERE] * 6)
    assert place([decided("2024-01-01", {"BBB": 1.0})], prices).exits.empty


def test_a_name_sold_by_a_decision_is_no_exit_when_its_prices_end_later() -> None:
    prices = two_names(AAA=[100.0] * 10 + [NOWHERE] * 2)
    placement = place([decided("2024-01-01", {"AAA": 1.0}), decided("2024-01-05", {"BBB": 1.0})], prices)
    assert placement.exits.empty


def test_a_name_sold_at_its_last_price_is_not_sold_again_by_later_decisions() -> None:
    prices = two_names(AAA=[100.0] * 6 + [NOWHERE] * 6)
    placement = place([decided("2024-01-01", {"AAA": 1.0}), decided("2024-01-10", {"BBB": 1.0})], prices)
    assert placement.unfilled.empty


def test_an_order_for_a_name_whose_prices_have_ended_is_listed_with_its_reason() -> None:
    prices = two_names(AAA=[100.0] * 6 + [NOWHERE] * 6)
    placement = place([decided("2024-01-08", {"AAA": 1.0})], prices)
    assert listed(placement.unfilled) == [[day("2024-01-08"), "AAA", 1.0, desk.PRICES_ENDED]]


def test_a_name_is_not_bought_on_its_last_session() -> None:
    prices = two_names(AAA=[100.0] * 6 + [NOWHERE] * 6)
    placement = place([decided("2024-01-05", {"AAA": 1.0})], prices)
    assert (listed(placement.unfilled), rows_of(placement)) == ([[day("2024-01-05"), "AAA", 1.0, desk.PRICES_ENDED]], {})


def test_a_name_bought_late_is_not_bought_on_its_last_session_either() -> None:
    prices = without(two_names(AAA=[100.0] * 6 + [NOWHERE] * 6), "AAA", "2024-01-04", "2024-01-05")
    placement = place([decided("2024-01-03", {"AAA": 0.5, "BBB": 0.5})], prices)
    assert placement.targets["AAA"].isna().all()
    assert listed(placement.unfilled) == [[day("2024-01-03"), "AAA", 0.5, desk.PRICES_ENDED]]


def test_a_name_priced_to_the_end_of_the_run_is_no_exit() -> None:
    placement = place([decided("2024-01-01", {"AAA": 1.0})], two_names(), last=day("2024-01-10"))
    assert placement.exits.empty


def test_a_run_that_ends_on_a_holiday_of_a_market_does_not_end_its_prices() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-04")  # Shanghai's last session is 09-30
    assert place([decided("2024-09-10", HALF)], prices).exits.empty


def test_an_order_due_after_the_end_of_the_run_is_listed_with_its_reason() -> None:
    placement = place([decided("2024-01-15", {"AAA": 1.0})], two_names(), lag=2)
    assert listed(placement.unfilled) == [[day("2024-01-15"), "AAA", 1.0, desk.RUN_ENDED]]


def test_an_order_for_a_market_that_opens_after_the_end_of_the_run_is_listed_with_its_reason() -> None:
    prices = flat_prices_on_real_calendars(BOTH, "2024-09-02", "2024-10-31")
    placement = place([decided("2024-09-30", {"300308.SZ": 1.0})], prices, last=day("2024-10-04"))
    assert listed(placement.unfilled) == [[day("2024-09-30"), "300308.SZ", 1.0, desk.RUN_ENDED]]


# Any market at all


@dataclass(frozen=True)
class Case:
    """A market and the decisions taken in it."""

    prices: Prices
    decisions: tuple[desk.Decision, ...]
    lag: int
    cost_bps: float

    @property
    def tickers(self) -> list[str]:
        return sorted(self.prices.market)

    @property
    def sessions(self) -> pd.DatetimeIndex:
        return self.prices.sessions(tuple(sorted(self.prices.closes)))

    @property
    def placement(self) -> engine.Placement:
        return engine.place(self.decisions, self.prices, self.tickers, self.sessions, self.lag)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Two markets with holidays of their own, names that list, stop, resume and end, and decisions every few sessions."""
    length = draw(st.integers(20, 45))
    index = pd.bdate_range("2024-01-01", periods=length).as_unit("ns")
    names = [f"T{n}" for n in range(draw(st.integers(1, 4)))]
    market = {name: draw(st.sampled_from(("XSHG", "XNYS"))) for name in names}
    spans = st.tuples(st.integers(1, length - 2), st.integers(1, 8))
    closed = {name: _covered(index, draw(st.lists(spans, max_size=2))) for name in ("XSHG", "XNYS")}
    noise = np.random.default_rng(draw(st.integers(0, 2**16)))
    columns = {}
    for name in names:
        column = 100 * np.exp(np.cumsum(noise.normal(0, 0.03, length)))
        column[: draw(st.sampled_from((0, 0, 0, 7)))] = np.nan
        column[length - draw(st.sampled_from((0, 0, 0, 9))) :] = np.nan
        gone = index.isin(_covered(index, draw(st.lists(spans, max_size=2)))) | index.isin(closed[market[name]])
        columns[name] = np.where(gone, np.nan, column)
    prices = prices_of(columns, market, index, {name: [f"{one:%Y-%m-%d}" for one in held] for name, held in closed.items()})
    sessions = prices.sessions(tuple(sorted(prices.closes)))
    step = draw(st.integers(3, 12))
    decisions = []
    for session in sessions[:-1:step]:
        wanted = {name: float(noise.uniform()) for name in names if noise.uniform() < 0.7}
        total = sum(wanted.values()) / draw(st.sampled_from((1.0, 0.6)))
        decisions.append(decided(session, {name: weight / total for name, weight in wanted.items()}))
    return Case(prices, tuple(decisions), draw(st.integers(1, 3)), draw(st.sampled_from((0.0, 10.0))))


def _covered(index: pd.DatetimeIndex, spans: Sequence[tuple[int, int]]) -> list[pd.Timestamp]:
    return [one for start, length in spans for one in index[start : start + length]]


def due(case: Case, decision: engine.Decision, ticker: str) -> pd.Timestamp | None:
    """Return the session an order is due on, worked out session by session; None beyond the end of the run."""
    own = [one for one in case.prices.closes[case.prices.market[ticker]].index if one > decision.session]
    return own[case.lag - 1] if len(own) >= case.lag else None


def placed_at(case: Case, placement: engine.Placement, decision: engine.Decision, ticker: str) -> list[pd.Timestamp]:
    """Return the sessions on which a decision's own order for a ticker stands."""
    sessions = placement.decided.index[placement.decided == decision.session]
    return [one for one in sessions if placement.targets.at[one, ticker] == decision.targets[ticker]]


def overtaken(case: Case, decision: engine.Decision, ticker: str) -> bool:
    """Return whether any order of a newer decision falls due no later than this one."""
    session = due(case, decision, ticker)
    newer = [due(case, one, other) for one in case.decisions if one.session > decision.session for other in case.tickers]
    return session is not None and any(one is not None and one <= session for one in newer)


def first_price(case: Case, decision: engine.Decision, ticker: str) -> pd.Timestamp | None:
    """Return the first session with a price from the day an order is due."""
    session, priced = due(case, decision, ticker), case.prices.wealth[ticker].dropna().index
    return next((one for one in priced if session is not None and one >= session), None)


def exit_of(placement: engine.Placement, ticker: str) -> list[pd.Timestamp]:
    return placement.exits.loc[placement.exits["ticker"] == ticker, "session"].tolist()


ANY = settings(max_examples=60, deadline=None, derandomize=True)


@ANY
@given(cases())
def test_every_positive_target_is_either_ordered_or_listed_as_unfilled(case: Case) -> None:
    placement = case.placement
    unfilled = set(zip(placement.unfilled["decided"], placement.unfilled["ticker"], strict=True))
    for decision in case.decisions:
        for ticker in decision.targets:
            ordered = bool(placed_at(case, placement, decision, ticker))
            told = (decision.session, ticker) in unfilled
            ended = first_price(case, decision, ticker) in exit_of(placement, ticker)
            assert ordered or told or ended, (decision.session, ticker)
            assert not (ordered and told), (decision.session, ticker)


@ANY
@given(cases())
def test_an_order_that_can_trade_when_it_is_due_before_anything_newer_is_placed_then(case: Case) -> None:
    placement = case.placement
    for decision in case.decisions:
        for ticker, target in decision.targets.items():
            session = due(case, decision, ticker)
            if session is None or session not in case.prices.wealth[ticker].dropna().index[:-1]:
                continue
            if not overtaken(case, decision, ticker):
                assert placement.targets.at[session, ticker] == target


@ANY
@given(cases())
def test_an_order_is_late_only_while_it_has_no_price_and_never_past_a_newer_decision(case: Case) -> None:
    for late in case.placement.late.itertuples():
        number = next(n for n, one in enumerate(case.decisions) if one.session == late.decided)
        own = case.prices.closes[case.prices.market[late.ticker]].index
        waited = own[(own >= due(case, case.decisions[number], late.ticker)) & (own < late.session)]
        assert len(waited) == late.waited
        assert case.prices.wealth.reindex(waited)[late.ticker].isna().all()
        assert number + 1 == len(case.decisions) or late.session <= case.decisions[number + 1].session


@ANY
@given(cases())
def test_every_order_session_comes_after_the_decision_behind_it_or_is_an_exit(case: Case) -> None:
    placement = case.placement
    exits = set(placement.exits["session"])
    for session, chosen in placement.decided.items():
        assert chosen < session or (chosen == session and session in exits)


@ANY
@given(cases())
def test_no_order_falls_on_a_session_without_a_price(case: Case) -> None:
    ordered = case.placement.targets
    assert (
        case.prices.wealth.reindex(index=ordered.index, columns=ordered.columns)
        .notna()
        .to_numpy()[ordered.notna().to_numpy()]
        .all()
    )


@ANY
@given(cases())
def test_no_order_is_placed_before_its_own_market_has_had_its_sessions(case: Case) -> None:
    firsts: Mapping[str, pd.Timestamp | None] = {ticker: due(case, case.decisions[0], ticker) for ticker in case.tickers}
    for ticker, first in firsts.items():
        placed = case.placement.targets[ticker].dropna()
        assert placed.empty or (first is not None and placed.index[0] >= first)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(cases())
def test_weights_ordered_on_one_session_never_add_up_to_more_than_one(case: Case) -> None:
    assert (case.placement.targets.sum(axis=1) <= 1.0 + 1e-9).all()


@ANY
@given(cases())
def test_value_is_always_a_number_and_cash_is_never_negative(case: Case) -> None:
    capital = 1e6
    outcome = engine.simulate(case.placement, case.prices, "USD", case.sessions, capital, case.cost_bps)
    held = outcome.shares.reindex(case.sessions).ffill().fillna(0.0)
    factor = pd.Series({ticker: 1.0 if market == "XNYS" else 1 / 7.0 for ticker, market in case.prices.market.items()})
    worth = case.prices.wealth.reindex(case.sessions).ffill().fillna(0.0) * factor
    assert np.isfinite(outcome.equity).all()
    assert (outcome.equity - (held * worth).sum(axis=1)).min() >= -1e-9 * capital
    assert outcome.shares.to_numpy().min(initial=0.0) >= 0.0


@ANY
@given(cases())
def test_cash_holdings_and_costs_account_for_every_order(case: Case) -> None:
    capital = 1e6
    outcome = engine.simulate(case.placement, case.prices, "USD", case.sessions, capital, case.cost_bps)
    cash, shares = capital, dict.fromkeys(case.tickers, 0.0)
    for order in outcome.orders.to_dict("records"):
        sign = 1 if order["side"] == "buy" else -1
        shares[order["ticker"]] += sign * order["shares"]
        cash -= sign * order["shares"] * order["price"] + order["shares"] * order["price"] * case.cost_bps / 1e4
    last = {ticker: case.prices.wealth[ticker].ffill().iloc[-1] for ticker in case.tickers}
    worth = sum(
        count * last[ticker] / (1.0 if case.prices.market[ticker] == "XNYS" else 7.0)
        for ticker, count in shares.items()
        if count > 1e-9
    )
    assert outcome.equity.iloc[-1] == pytest.approx(cash + worth, rel=1e-9)


def test_a_session_without_any_order_has_no_row() -> None:
    placement = place([decided("2024-01-01", {"AAA": 1.0})], two_names())
    assert placement.targets.index.equals(days("2024-01-02"))
