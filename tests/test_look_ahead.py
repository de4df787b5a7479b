"""No decision and no value up to a day depends on anything that became known after it."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from support.markets import STRATEGIES, reference_archive, spec_of

from backtest import runs
from backtest.analysis.holdings_now import HoldingsNow
from backtest.analysis.return_split import ReturnSplit
from backtest.decisions import Decision, decide, run_sessions, targets_of
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade
from backtest.panel import Archive, Panel
from backtest.prices import Bars, Prices
from backtest.runs.return_splits import basket_of, explain
from backtest.strategy import StrategySpec, load_strategy
from backtest.thesis import load_thesis
from backtest.thesis.windows import windows
from backtest.weights import Exposure, Gate

pytestmark = pytest.mark.slow

SpecOf = Callable[[Archive], StrategySpec]
END = pd.Timestamp("2026-06-05")


@lru_cache
def embedded() -> Archive:
    tickers = sorted(set().union(*(runs.needed_tickers(load_strategy(path), load_thesis()) for path in STRATEGIES)))
    return reference_archive(tickers)


# The check


def run_until(spec: StrategySpec, book: str, archive: Archive, cut: pd.Timestamp) -> tuple[list[Decision], pd.Series]:
    """Return the decisions and values of a book up to a session."""
    universe, prices = load_thesis().universe, archive.prices
    tickers = spec.tickers(book, universe)
    base = spec.currency(book, universe)
    sessions = run_sessions(prices, tickers, pd.Timestamp(spec.start), END)
    decisions = decide(spec, book, archive, universe, sessions)
    outcome = trade(targets_of(decisions, tickers), prices, base, sessions, spec.execution)
    return [decision for decision in decisions if decision.session <= cut], outcome.equity.loc[:cut]


def must_not_move(
    spec_of_archive: SpecOf, book: str, archive: Archive, cut: pd.Timestamp, leak: Callable[[Archive], Archive]
) -> None:
    """Raise AssertionError when scrambling everything after the close of a session moves a decision or value up to it."""
    markets = archive.prices.markets_of(spec_of_archive(archive).tickers(book, load_thesis().universe))
    closes = [archive.prices.closes[market] for market in markets]
    other = scrambled(archive, cut, max(of_market[cut] for of_market in closes if cut in of_market.index))
    before, worth = run_until(spec_of_archive(archive), book, leak(archive), cut)
    after, worth_after = run_until(spec_of_archive(other), book, leak(other), cut)
    for decision, same in zip(before, after, strict=True):
        assert (decision.session, decision.moment, decision.targets) == (same.session, same.moment, same.targets)
        for scores, same_scores in zip(decision.scores, same.scores, strict=True):
            pd.testing.assert_series_equal(scores, same_scores, check_exact=True)
    pd.testing.assert_series_equal(worth, worth_after, check_exact=True)


def honest(archive: Archive) -> Archive:
    return archive


def scrambled(archive: Archive, cut: pd.Timestamp, moment: pd.Timestamp) -> Archive:
    """The same archive with every figure, chip and price later than a moment, and rate later than a day, replaced at random.

    Later figures change value or vanish, and earlier ones are restated later. Later prices change and some sessions
    become suspensions; the last price of each ticker stays, because a name is sold where its prices end: that order is
    the one order that depends on the future, and it says so.
    """
    drawn = np.random.default_rng(int(cut.value % 2**32))
    facts = archive.facts
    late = (facts.rows["known_at"] > moment).to_numpy()
    rows = facts.rows.copy()
    rows.loc[late, "value"] *= drawn.lognormal(0, 1, late.sum())
    restated = rows[~late].sample(frac=0.2, random_state=1)
    restated = restated.assign(
        known_at=moment + pd.Timedelta(minutes=1), value=restated["value"] * drawn.lognormal(0, 1, len(restated))
    )
    remaining = rows[~late | (drawn.uniform(size=len(rows)) > 0.2)]
    rows = pd.concat([remaining, restated]).sort_values("known_at", kind="stable", ignore_index=True)
    chips = facts.accelerators.copy()
    numbers = chips.select_dtypes("number").columns
    chips.loc[chips["known_at"] > moment, numbers] *= drawn.lognormal(0, 1)
    return Archive(replace(facts, rows=rows, accelerators=chips), _scrambled_prices(archive.prices, cut, moment, drawn))


def _scrambled_prices(prices: Prices, cut: pd.Timestamp, moment: pd.Timestamp, drawn: np.random.Generator) -> Prices:
    assert prices.bars is not None
    wealth = prices.wealth.copy()
    bars = {name: getattr(prices.bars, name).copy() for name in ("open", "high", "low", "close")}
    for ticker in wealth.columns:
        closes = prices.closes[prices.market[ticker]]
        column = wealth[ticker].to_numpy().copy()
        later = wealth.index.isin(closes.index[closes > moment])
        moved = np.where(later, drawn.lognormal(0, 0.3, len(column)), 1.0)
        last = np.flatnonzero(np.isfinite(column))[-1:]
        gone = later & (drawn.uniform(size=len(column)) < 0.1)
        gone[last] = False
        wealth[ticker] = np.where(gone, np.nan, column * moved)
        for table in bars.values():  # open, high, low and close of a session move together, and vanish together
            table[ticker] = np.where(gone, np.nan, table[ticker].to_numpy() * moved)
    later = (prices.rates.index > cut)[:, None]
    rates = prices.rates * np.where(later, drawn.lognormal(0, 0.1, prices.rates.shape), 1.0)
    return replace(prices, wealth=wealth, bars=Bars(**bars), rates=rates)


def cuts(spec: StrategySpec, book: str, prices: Prices, count: int) -> list[pd.Timestamp]:
    """Return sessions of a run at random, the same every time."""
    sessions = run_sessions(prices, spec.tickers(book, load_thesis().universe), pd.Timestamp(spec.start), END)
    drawn = np.random.default_rng(sum(map(ord, spec.name + book)))
    return [pd.Timestamp(sessions[n]) for n in drawn.integers(10, len(sessions) - 10, count)]


# What is held and asked for at the last close


def now_at(spec: StrategySpec, book: str, archive: Archive, cut: pd.Timestamp) -> HoldingsNow:
    """Return what a run that ends at a session says of its book then."""
    universe, short = load_thesis().universe, spec.replaced(end=cut.date())
    now = runs._book(short, book, archive, universe, windows(load_thesis(), pd.Timestamp(spec.start), cut)).holdings_now
    assert now is not None
    return now


def now_must_not_move(spec_of_archive: SpecOf, book: str, cut: pd.Timestamp, leak: Callable[[Archive], Archive]) -> None:
    archive, base = embedded(), spec_of_archive(embedded())
    markets = archive.prices.markets_of(base.tickers(book, load_thesis().universe))
    moment = max(archive.prices.closes[market][cut] for market in markets)
    both = [leak(one) for one in (archive, scrambled(archive, cut, moment))]
    before, after = (now_at(spec_of_archive(one), book, one, cut) for one in both)
    assert before.names
    assert repr(after) == repr(before)


@pytest.mark.parametrize(
    ("name", "book", "cut"),
    [("supply_chain_excess", "leaders", "2025-09-30"), ("momentum_rotation", "momentum_rotation", "2024-08-28")],
)
def test_what_is_asked_for_at_the_last_close_does_not_move_when_everything_later_is_scrambled(name, book, cut):
    spec = load_strategy(next(path for path in STRATEGIES if path.stem == name))
    now_must_not_move(lambda _: spec, book, pd.Timestamp(cut), honest)


def test_the_check_finds_what_is_asked_for_at_the_last_close_from_later_prices():
    now_must_not_move(wavering, "NVDA", CUT_AT_A_DECISION, honest)
    for leak in (as_kind(OneSessionAhead), as_kind(CutByPeriodEnd)):
        with pytest.raises(AssertionError):
            now_must_not_move(wavering, "NVDA", CUT_AT_A_DECISION, leak)


# Every strategy there is


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_no_decision_and_no_value_moves_when_everything_later_is_scrambled(path):
    spec, archive = load_strategy(path), embedded()
    for book in spec.books:
        for cut in cuts(spec, book, archive.prices, 2 if len(spec.books) == 1 else 1):
            must_not_move(lambda _: spec, book, archive, cut, honest)


def split_to(archive: Archive, basket: str, cut: pd.Timestamp) -> ReturnSplit:
    """Return what carried a basket's return to a session, as known at both ends."""
    row = basket_of(archive.thesis.universe, basket)
    return replace(explain(row, archive, dt.date(2023, 12, 29), cut.date()), hindsight=None)


@pytest.mark.parametrize("basket", ["leaders", "GPU", "us_optical"])
@pytest.mark.parametrize("cut", ["2024-08-30", "2025-07-23"])
def test_no_split_of_a_return_moves_when_everything_later_is_scrambled(basket, cut):
    archive, session = embedded(), pd.Timestamp(cut)
    markets = archive.prices.markets_of(list(basket_of(archive.thesis.universe, basket).members))
    moment = max(archive.prices.closes[market][session] for market in markets)
    before, after = (split_to(one, basket, session) for one in (archive, scrambled(archive, session, moment)))
    assert before.terms.added
    assert repr(after) == repr(before)


def test_the_check_finds_a_split_of_figures_cut_by_period_end():
    early = CutByPeriodEnd(embedded().facts, embedded().prices)
    assert split_to(early, "leaders", CUT_AT_A_DECISION).terms != split_to(embedded(), "leaders", CUT_AT_A_DECISION).terms


# That the check can fail


@dataclass(frozen=True)
class Everything:
    """A score that moves with every figure and price a Panel shows."""

    def __call__(self, panel: Panel) -> pd.Series:
        figures = float(panel.rows["value"].sum() + panel.accelerators["scale_up_gb_per_s"].sum())
        return pd.Series([figures + float(panel.prices.ffill().iloc[-1].sum())], index=["supply_chain"])


@dataclass(frozen=True)
class Wavering:
    """A score between 0 and 1 that moves with every figure and price a Panel shows."""

    def __call__(self, panel: Panel) -> pd.Series:
        return Everything()(panel) % 1.0


@dataclass(frozen=True)
class Clairvoyant:
    """A signal that holds the Archive and reads its last figure."""

    archive: Archive = field(hash=False, compare=False)

    def __call__(self, panel: Panel) -> pd.Series:
        return pd.Series([float(self.archive.facts.rows["value"].iloc[-1])], index=["supply_chain"])


class CutByPeriodEnd(Archive):
    """Shows a figure as soon as its period has ended, published or not."""

    def as_of(self, moment: pd.Timestamp) -> Panel:
        rows = self.facts.rows
        ended = rows[rows["period_end"] <= moment.tz_localize(None)]
        return replace(super().as_of(moment), rows=ended.drop_duplicates(["entity", "metric", "period"], keep="last"))


class OneSessionAhead(Archive):
    """Shows one more row of prices than has closed."""

    def as_of(self, moment: pd.Timestamp) -> Panel:
        panel = super().as_of(moment)
        return replace(panel, prices=self.prices.wealth.iloc[: len(panel.prices) + 1])


def watching(archive: Archive) -> StrategySpec:
    return spec_of(signals=(Everything(),), weights=Gate())


def wavering(archive: Archive) -> StrategySpec:
    return spec_of(signals=(Wavering(),), weights=Exposure(full_at=1.0), start="2024-01-02")


def clairvoyant(archive: Archive) -> StrategySpec:
    return spec_of(signals=(Clairvoyant(archive),), weights=Gate())


def as_kind(kind: type[Archive]) -> Callable[[Archive], Archive]:
    return lambda archive: kind(archive.facts, archive.prices)


def shifted(archive: Archive) -> Archive:
    """Fills and values every session at the price of the next."""
    return replace(archive, prices=replace(archive.prices, wealth=archive.prices.wealth.shift(-1)))


CUT_AT_A_DECISION = pd.Timestamp("2024-05-31")  # a Friday, and the last session of its month


def test_a_score_that_reads_everything_shown_does_not_move():
    must_not_move(watching, "NVDA", embedded(), CUT_AT_A_DECISION, honest)


@pytest.mark.parametrize("kind", [CutByPeriodEnd, OneSessionAhead], ids=lambda kind: kind.__name__)
def test_the_check_finds_an_archive_that_shows_something_too_early(kind):
    with pytest.raises(AssertionError):
        must_not_move(watching, "NVDA", embedded(), CUT_AT_A_DECISION, as_kind(kind))


def test_the_check_finds_a_fact_table_cut_by_period_end_through_a_real_strategy():
    """At the end of March 2024 the first quarter has ended for the leaders and the clouds, and none has reported it."""
    spec = load_strategy(next(path for path in STRATEGIES if path.stem == "supply_chain_excess"))
    with pytest.raises(AssertionError):
        must_not_move(lambda _: spec, "leaders", embedded(), pd.Timestamp("2024-03-29"), as_kind(CutByPeriodEnd))


def test_the_check_finds_prices_that_run_one_session_ahead():
    with pytest.raises(AssertionError):
        must_not_move(lambda _: spec_of(), "NVDA", embedded(), CUT_AT_A_DECISION, shifted)


def test_the_check_finds_a_signal_that_reads_the_archive():
    with pytest.raises(AssertionError):
        must_not_move(clairvoyant, "NVDA", embedded(), CUT_AT_A_DECISION, honest)


def test_the_check_finds_an_order_on_the_session_of_its_own_decision():
    """With the lag of nothing that a spec refuses, the close that is decided on is the close that is traded."""
    archive = embedded()
    decisions, _ = run_until(spec_of(), "NVDA", archive, CUT_AT_A_DECISION)
    early = spec_of().model_copy(update={"lag": 0})
    outcome = trade(targets_of(decisions, ["NVDA"]), archive.prices, "USD", archive.prices.sessions(("XNYS",)), early.execution)
    with pytest.raises(AssertionError):
        orders_follow_decisions(outcome)


def orders_follow_decisions(outcome: Simulation) -> None:
    assert len(outcome.orders)
    exits = set(zip(outcome.exits["session"], outcome.exits["ticker"], strict=True))
    for order in outcome.orders.itertuples():
        assert order.decided < order.session or (order.session, order.ticker) in exits


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_every_order_of_every_strategy_follows_its_decision(path):
    spec, archive, universe = load_strategy(path), embedded(), load_thesis().universe
    for book in spec.books:
        tickers: Sequence[str] = spec.tickers(book, universe)
        sessions = run_sessions(archive.prices, tickers, pd.Timestamp(spec.start), END)
        decisions = decide(spec, book, archive, universe, sessions)
        orders_follow_decisions(trade(targets_of(decisions, tickers), archive.prices, "USD", sessions, spec.execution))
