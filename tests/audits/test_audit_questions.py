"""The audit's further questions: each against a planted answer, worked by hand or with nothing to find."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from support.markets import STRATEGIES, day, flat_prices_on_real_calendars

from backtest.audits import audit
from backtest.audits.alpha import alpha_test, mean_alpha_test
from backtest.audits.announcements import announcement_studies, first_sessions, moments
from backtest.audits.factors import factor_fits, factor_returns
from backtest.audits.growth import LAG, lead_and_lag, supplier_slopes
from backtest.audits.nulls import settings
from backtest.audits.states import basket_excess, basket_states
from backtest.audits.window_ranks import verdict_sentence
from backtest.calendars import parse_quarter
from backtest.runs import needed_tickers, run
from backtest.statistics.refusal import Refused
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis

pytestmark = pytest.mark.slow

UNIVERSE = load_thesis().universe
CLOUDS, LEADERS = (tuple(entity for entity, _ in load_thesis().role(name).keys) for name in ("clouds", "leaders"))


@pytest.fixture
def result(results):
    return results["supply_chain_excess"]


@pytest.fixture(scope="module")
def panel(archive):
    return archive.as_of(pd.Timestamp("2026-06-30", tz="UTC"))


def market_of(book):
    """The return of a book's declared benchmark by session, 0 where it is not priced."""
    return book.benchmarks[book.declared].pct_change(fill_method=None).fillna(0.0)


def with_equity(result, equity):
    (name,) = result.books
    return replace(result, books={name: replace(result.books[name], equity=equity)})


def test_a_book_built_from_factors_gives_back_its_loadings_and_its_alpha(result, archive):
    (book,) = result.books.values()
    factors = factor_returns(book, archive.prices, load_thesis())
    assert list(factors) == ["market XSHG", "sector", "NVIDIA", "benchmark", "currency"]
    noise = np.random.default_rng(7).normal(0, 0.002, len(factors))
    noise -= noise.mean()
    made = 0.002 + 1.5 * factors["market XSHG"] - 0.5 * factors["NVIDIA"] + noise
    equity = pd.concat([pd.Series([1.0], [book.equity.index[0]]), (1.0 + made).cumprod()])
    found = factor_fits(with_equity(result, equity), archive.prices)[book.basket]
    assert found.alpha.value == pytest.approx(0.002 * book.periods_per_year, abs=0.04)
    assert found.loadings["market XSHG"].value == pytest.approx(1.5, abs=0.05)
    assert found.loadings["NVIDIA"].value == pytest.approx(-0.5, abs=0.05)
    assert found.loadings["sector"].value == pytest.approx(0.0, abs=0.05)


def test_the_edge_of_one_book_is_its_alpha(result, archive):
    (book,) = result.books.values()
    alone = factor_fits(result, archive.prices)[book.basket]
    assert alpha_test(result, archive.prices).observed == pytest.approx(alone.alpha.value)
    assert alpha_test(result, archive.prices).n == alone.n


def test_each_book_has_its_own_factors_and_its_own_sessions():
    """Two books exactly 0.001 and 0.003 above twice and thrice a factor of the same name, of different days and other values."""
    index, drawn = pd.date_range("2024-01-01", periods=130), np.random.default_rng(8).normal(0.0, 0.01, (130, 4))
    factors = [pd.DataFrame({"sector": drawn[:100, 0]}, index[:100]), pd.DataFrame({"sector": drawn[30:, 1]}, index[30:])]
    apart = [0.001 * (drawn[:100, 2] - drawn[:100, 2].mean()), 0.001 * (drawn[30:, 3] - drawn[30:, 3].mean())]
    earned = [0.001 + 2.0 * factors[0]["sector"] + apart[0], 0.003 + 3.0 * factors[1]["sector"] + apart[1]]
    found = mean_alpha_test(earned, factors, [240, 250])
    assert found.observed == pytest.approx((0.24 + 0.75) / 2, abs=1e-3)
    assert found.n == 130
    assert found.p < 1e-6


def test_a_book_in_shanghai_is_held_against_the_session_before_in_new_york(result, archive):
    (book,) = result.books.values()
    found, sessions = factor_returns(book, archive.prices, load_thesis()), book.equity.index
    values = archive.prices.valued(["NVDA", "510300.SS"], book.currency, sessions)
    returns = (values / values.shift(1) - 1.0).iloc[1:]
    assert list(found.index) == [one for one in sessions[1:] if one <= day("2026-07-31")]  # where the fund's prices end
    assert found["market XSHG"].to_numpy() == pytest.approx(returns.loc[found.index, "510300.SS"].to_numpy())


def test_after_a_holiday_shanghai_is_held_against_all_that_new_york_moved_meanwhile(result, archive):
    """Shanghai was closed from 2025-10-01 to 10-08: on the 9th New York's last close is that of the 8th, before it 09-29's."""
    (book,) = result.books.values()
    prices, found = archive.prices, factor_returns(book, archive.prices, load_thesis())
    worth = prices.wealth["SMH"] * prices.rates["CNY"].dropna().reindex(prices.wealth.index, method="ffill")
    for session, last, before in (("2025-10-09", "2025-10-08", "2025-09-29"), ("2025-10-10", "2025-10-09", "2025-10-08")):
        assert found.loc[session, "sector"] == pytest.approx(worth[last] / worth[before] - 1.0), session


def test_a_factor_without_prices_is_left_out_and_a_book_that_held_nothing_has_no_alpha(result, archive):
    (book,) = result.books.values()
    without = replace(archive.prices, wealth=archive.prices.wealth.drop(columns="NVDA"))
    assert "NVIDIA" not in factor_returns(book, without, load_thesis())
    empty = replace(result, books={book.basket: replace(book, orders=book.orders.iloc[:0])})
    assert factor_fits(empty, archive.prices)[book.basket] == Refused("nothing was ever held", 0)


def test_nvidia_s_prices_come_with_every_run():
    assert all("NVDA" in needed_tickers(load_strategy(path), load_thesis()) for path in STRATEGIES)


def test_an_announcement_counts_once_when_first_made_and_not_after_the_run(archive):
    rows = archive.facts.rows
    one = rows[(rows["entity"] == "AMZN") & (rows["metric"] == "purchases_ppe")].tail(1)
    later = one.assign(known_at=one["known_at"] + pd.Timedelta(days=40))
    facts = replace(archive.facts, rows=pd.concat([rows, later]).sort_values("known_at", ignore_index=True))
    last = pd.Timestamp("2027-01-01", tz="UTC")
    told = moments(facts, [("AMZN", "purchases_ppe")], last)
    assert told == moments(archive.facts, [("AMZN", "purchases_ppe")], last)
    assert told == sorted(told)
    assert len(told) == len(rows[(rows["entity"] == "AMZN") & (rows["metric"] == "purchases_ppe")])
    assert moments(facts, [("AMZN", "purchases_ppe")], told[3]) == told[:4]


@pytest.mark.parametrize(
    ("told", "market", "session"),
    [
        ("2024-05-22T20:20Z", "XNYS", "2024-05-23"),  # after New York's close
        ("2024-05-22T19:59Z", "XNYS", "2024-05-22"),  # a minute before it
        ("2024-05-22T20:20Z", "XSHG", "2024-05-23"),  # Shanghai's own next session
        ("2024-04-30T20:05Z", "XSHG", "2024-05-06"),  # Labour Day: Shanghai opens again on the 6th
        ("2024-04-30T20:05Z", "XNYS", "2024-05-01"),
    ],
)
def test_each_market_reacts_on_its_own_first_session_that_could(told, market, session):
    prices = flat_prices_on_real_calendars({"A": market}, "2024-04-01", "2024-06-28")
    sessions = pd.DatetimeIndex(prices.closes[market].index)
    assert first_sessions([pd.Timestamp(told)], prices, (market,), sessions) == [day(session)]


def test_a_jump_planted_on_every_announcement_is_found_and_noise_is_not(result, archive):
    (book,) = result.books.values()
    last = pd.Timestamp("2026-06-26", tz="UTC")
    told = moments(archive.facts, [(cloud, "purchases_ppe") for cloud in CLOUDS], last)
    placed = first_sessions(told, archive.prices, ("XSHG",), pd.DatetimeIndex(book.equity.index))
    market = market_of(book)
    noise = pd.Series(np.random.default_rng(11).normal(0, 0.02, len(market)), market.index)
    jump = pd.Series(0.0, market.index)
    jump[placed] = 0.05 + np.random.default_rng(2).normal(0, 0.004, len(placed))
    found = {}
    for name, extra in {"planted": jump, "nothing": jump * 0}.items():
        one = announcement_studies(with_equity(result, (1 + market + noise + extra).cumprod()), archive.facts, archive.prices)
        found[name] = one["CapEx, XSHG"]
    assert found["planted"].abnormal == pytest.approx(0.05, abs=0.02)
    assert found["planted"].p < 0.05
    assert found["planted"].p_random < 0.01
    assert found["nothing"].p_random > 0.01


def with_growth(panel, made):
    """The panel with the revenue of every A-share supplier moved by what `made` gives for entity, quarter and CapEx growth."""
    rows = panel.rows.copy()
    capex = rows[(rows["metric"] == "purchases_ppe") & rows["entity"].isin(CLOUDS)].groupby("quarter")["value"].sum()
    growth = (capex / capex.shift(1) - 1.0).dropna()
    own = rows[(rows["metric"] == "revenue") & (rows["unit"] == "CNY_m")]
    for entity, held in own.groupby("entity"):
        level = 1000.0
        for row, quarter in held.sort_values("quarter")["quarter"].items():
            level *= 1.0 + made(str(entity), int(quarter), growth)
            rows.loc[row, "value"] = level
    return replace(panel, rows=rows)


def test_a_planted_lead_of_a_quarter_reaches_the_floor_and_the_same_growth_at_once_does_not(panel):
    led = with_growth(panel, lambda _, quarter, growth: growth.get(quarter - LAG, 0.0))
    found = lead_and_lag(led)["CapEx"]
    assert found.correlation > 0.99
    assert found.p == found.least == pytest.approx(1 / found.n)
    assert found.slope.value == pytest.approx(1.0, abs=0.1)
    at_once = with_growth(panel, lambda _, quarter, growth: growth.get(quarter, 0.0))
    assert lead_and_lag(at_once)["CapEx"].p > 2 * found.least


def test_the_lead_on_the_embedded_figures_is_the_correlation_worked_by_hand(panel):
    quarters = panel.quarters
    revenue = sum(panel.matrix([(one, "revenue")])[:, 0] for one in LEADERS)
    capex = sum(panel.matrix([(one, "purchases_ppe")])[:, 0] for one in CLOUDS)
    grown = pd.DataFrame({"capex": capex, "revenue": revenue}, quarters).pct_change(fill_method=None).dropna()
    by_hand = np.corrcoef(grown["capex"].iloc[:-1], grown["revenue"].iloc[1:])[0, 1]
    found = lead_and_lag(panel)["CapEx"]
    assert found.correlation == pytest.approx(by_hand)
    assert found.n == len(grown)
    assert parse_quarter(found.quarters[0]) == int(grown.index[0])


def test_slopes_planted_alike_are_pooled_to_what_was_planted(panel):
    random = np.random.default_rng(5)
    made = with_growth(panel, lambda _, quarter, growth: 0.05 + 0.8 * growth.get(quarter, 0.0) + random.normal(0, 0.01))
    found = supplier_slopes(made)
    assert found.pooled.mean.lower < 0.8 < found.pooled.mean.upper
    assert found.pooled.mean.mean == pytest.approx(0.8, abs=0.1)
    assert found.pooled.between < 0.2
    assert all(one.positive > 0.95 for one in found.pooled.slopes.values())
    assert "half-t" in found.pooled.prior


def test_a_supplier_with_a_short_history_is_left_out_and_named(panel):
    found = supplier_slopes(panel)
    assert found.left_out == ("600183.SS",)  # its figures begin in 2023
    assert set(found.pooled.slopes).isdisjoint(found.left_out)
    assert found.pooled.n >= 16


def test_states_are_those_of_the_basket_whatever_the_book_held(result, archive):
    (book,) = result.books.values()
    cash = replace(book, equity=book.equity * 0 + 1.0)
    assert basket_excess(cash, archive.prices).equals(basket_excess(book, archive.prices))
    values = archive.prices.local(list(book.members), pd.DatetimeIndex(book.equity.index))
    by_hand = values.pct_change().mean(axis=1).iloc[5] - book.benchmarks["159915.SZ"].pct_change().iloc[5]
    found = basket_excess(book, archive.prices)
    assert found.iloc[4] == pytest.approx(by_hand)
    assert (found.index[0], found.index[-1]) == (book.equity.index[1], day("2026-07-31"))


def with_basket_excess(book, archive, excess):
    """The book as of one name, and prices that give its basket some excess returns over the declared benchmark."""
    ticker, wealth = book.members[0], archive.prices.wealth.copy()
    wealth[ticker] = (1 + market_of(book) + excess).cumprod().reindex(wealth.index).ffill()
    return replace(book, members=(ticker,)), replace(archive.prices, wealth=wealth)


@pytest.mark.parametrize(("jump", "doubt"), [(0.01, "warnings"), (0.3, "reason")])
def test_a_state_of_a_single_day_is_a_doubtful_fit_or_none_and_says_so(result, archive, jump, doubt):
    (book,) = result.books.values()
    drawn = np.random.default_rng(3).normal(0.0, 0.001, len(book.equity))
    drawn[400] = jump
    one, prices = with_basket_excess(book, archive, drawn)
    assert getattr(basket_states(one, prices, result.windows), doubt)


def test_two_planted_states_are_found_on_their_dates(result, archive):
    (book,) = result.books.values()
    random = np.random.default_rng(3)
    better = (np.arange(len(book.equity)) // 40) % 2 == 1
    drawn = np.where(better, random.normal(0.03, 0.01, len(better)), random.normal(-0.02, 0.02, len(better)))
    one, prices = with_basket_excess(book, archive, drawn)
    found = basket_states(one, prices, result.windows)
    assert found.warnings == ()
    assert found.bic_gain > 0
    months = pd.Series(found.probability)
    compared = [one for one in book.equity.index[1:] if one <= day("2026-07-31")]
    planted = pd.Series(better[1 : len(compared) + 1], compared).groupby(pd.DatetimeIndex(compared).to_period("M")).last()
    assert ((months.to_numpy() > 0.5) == planted.to_numpy()).mean() > 0.9


def test_the_whole_audit_leaves_no_question_out(archive, result, still):
    spec = next(load_strategy(path) for path in STRATEGIES if path.stem == "supply_chain_excess")
    found = audit(spec, result, archive, UNIVERSE, clock=still)
    assert found.not_run == {}
    assert found.factors["leaders"].n > 800
    assert len(found.events["CapEx, XSHG"].events) > 20


def test_a_member_whose_source_ended_does_not_stand_still_in_its_basket(archive):
    """300913.SZ ends on 2026-06-30: after it the copper basket's mean is that of the two others."""
    book = run(load_strategy_of("theme_baskets").replaced(baskets=("copper",), start=date(2026, 6, 1)), archive).books["copper"]
    excess = basket_excess(book, archive.prices)
    wealth = archive.prices.wealth.loc["2026-06-30":, ["002130.SZ", "300563.SZ"]].dropna()
    members = wealth.pct_change().mean(axis=1)
    compared = book.benchmarks[book.declared].pct_change(fill_method=None)
    assert excess.loc["2026-07-02"] == pytest.approx(members.loc["2026-07-02"] - compared.loc["2026-07-02"])


def test_a_placebo_holds_no_name_whose_prices_end_before_the_book_does(archive):
    spec = load_strategy_of("theme_baskets")
    (one,) = settings(spec.replaced(baskets=("GPU",), end=date(2026, 9, 22)), archive, UNIVERSE, day("2026-09-22"))
    drawn_from = set(one.path.tickers)
    assert {"FN", "TTMI", "300913.SZ"} & drawn_from == set()
    assert {"NVDA", "AMD", "300308.SZ"} <= drawn_from


def load_strategy_of(name):
    return next(load_strategy(path) for path in STRATEGIES if path.stem == name)


def test_without_a_window_the_verdict_says_that_none_was_named():
    assert verdict_sentence({"book": {}}) == "Nothing here is told from luck by regime: the thesis names no window."
