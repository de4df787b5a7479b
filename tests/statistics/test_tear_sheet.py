"""Figures of a tear sheet: by hand, against the same draws one by one, and refused where the span cannot carry them."""

import numpy as np
import pandas as pd
import pytest

from backtest.statistics.bootstrap import drawn_places
from backtest.statistics.distribution import distribution
from backtest.statistics.drawdowns import under_water
from backtest.statistics.intervals import SEED, return_interval
from backtest.statistics.performance import max_drawdown, returns
from backtest.statistics.refusal import Refused
from backtest.statistics.resampled import AT_ONCE, DRAWS, Months, moment_bounds, path_bounds
from backtest.statistics.rolling import rolling_figures
from backtest.statistics.tear_sheet import FIGURES, span_figures

DAYS = pd.bdate_range("2023-01-31", periods=300)
CHANCE = np.random.default_rng(11)
MARKET = pd.Series(CHANCE.normal(0.0004, 0.01, 299), DAYS[1:])
OWN = 0.8 * MARKET + CHANCE.normal(0.0006, 0.008, 299)
EQUITY = pd.Series(np.append(1.0, (1 + OWN).cumprod()), DAYS)
NONE = pd.Series(dtype=float, index=pd.DatetimeIndex([]))
YEAR = 250


def figures(equity=EQUITY, benchmark=MARKET, part=slice(0, None), complete=False):
    return span_figures(equity, slice(*part.indices(len(equity))), benchmark, YEAR, complete)


def test_figures_of_a_few_returns_by_hand():
    """Returns +10%, -10%, +20%, -5% and 0 again and again: 250 of them, a year."""
    five = [0.10, -0.10, 0.20, -0.05, 0.0]
    equity = pd.Series(np.append(1.0, np.cumprod(1 + np.array(five * 50))), pd.bdate_range("2023-01-31", periods=251))
    sheet = figures(equity, NONE)
    grown = 1.1 * 0.9 * 1.2 * 0.95
    assert sheet.cagr.value == pytest.approx(grown**50 - 1)
    spread = (0.07**2 + 0.13**2 + 0.17**2 + 0.08**2 + 0.03**2) * 50 / 249  # about the mean of 0.03
    assert sheet.volatility.value == pytest.approx((spread * 250) ** 0.5)
    assert sheet.sortino.value == pytest.approx(0.03 / ((0.01 + 0.0025) / 5) ** 0.5 * 250**0.5)
    assert sheet.calmar.value == pytest.approx((grown**50 - 1) / 0.10)
    assert sheet.longest_under_water.value == 2.0  # after -5% and 0; after -10% the next +20% recovers
    assert sheet.under_water.value == pytest.approx(3 / 5)
    assert sheet.beta == sheet.correlation == Refused("no return of a declared benchmark", 0)


def test_beta_and_correlation_are_those_of_the_sessions_that_both_have():
    some = MARKET.iloc[100:]
    slope, _ = np.polyfit(some, OWN.iloc[100:], 1)
    sheet = figures(benchmark=some)
    assert sheet.beta.value == pytest.approx(slope)
    assert sheet.correlation.value == pytest.approx(np.corrcoef(some, OWN.iloc[100:])[0, 1])
    assert sheet.beta.interval[0] < 0.8 < sheet.beta.interval[1]
    assert figures(benchmark=MARKET.iloc[280:]).beta == Refused("19 observations; expected at least 30", 19)


def test_months_are_whole_ones_and_a_span_that_ends_within_one_leaves_it_out():
    by_month = EQUITY.groupby(DAYS.to_period("M")).last().pct_change().dropna()
    assert DAYS[-1] == pd.Timestamp("2024-03-25")
    sheet = figures()
    assert (sheet.months, sheet.best_month.value) == (13, pytest.approx(by_month.iloc[:-1].max()))
    assert sheet.positive_months.value == pytest.approx((by_month.iloc[:-1] > 0).mean())
    assert figures(complete=True).months == 14
    cut = int(DAYS.searchsorted(pd.Timestamp("2023-12-15")))
    assert figures(part=slice(0, cut)).months == 10
    assert figures(part=slice(cut, None)).months == 2  # January and February


def test_every_moment_has_the_bounds_of_the_same_draws_one_by_one():
    values, other = OWN.to_numpy(), MARKET.where(MARKET.index.month != 5).to_numpy()
    rows = drawn_places(len(values), 4, SEED)[:DRAWS]
    made = {name: [] for name in ("volatility", "sortino", "skewness", "excess_kurtosis", "beta", "correlation")}
    for drawn, theirs in zip(values[rows], other[rows], strict=True):
        both = np.isfinite(theirs)
        apart, covariance = drawn - drawn.mean(), np.cov(drawn[both], theirs[both])
        made["volatility"].append(drawn.std(ddof=1) * YEAR**0.5)
        made["sortino"].append(drawn.mean() / np.sqrt((np.minimum(drawn, 0) ** 2).mean()) * YEAR**0.5)
        made["skewness"].append((apart**3).mean() / drawn.std() ** 3)
        made["excess_kurtosis"].append((apart**4).mean() / drawn.std() ** 4 - 3)
        made["beta"].append(covariance[0, 1] / covariance[1, 1])
        made["correlation"].append(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
    bounds = moment_bounds(values, other, 4, SEED, YEAR)
    for name, drawn in made.items():
        assert bounds[name] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), rel=1e-9), name


def test_every_figure_of_a_path_has_the_bounds_of_the_same_paths_one_by_one():
    """Some sessions in cash that earns nothing stay so: a path is moved on the others alone."""
    values = OWN.to_numpy()[:120].copy()
    values[30:60] = 0.0
    months, rows = Months(np.array([-1, 19, 39]), np.array([19, 39, 119])), drawn_places(120, 3, SEED)
    made = {name: [] for name in ("calmar", "best_month", "worst_month", "longest_under_water", "under_water")}
    for number, places in enumerate(rows[:DRAWS]):
        before = number - 1 if number % AT_ONCE else number + AT_ONCE - 1  # of those made at once, the last before the first
        drift = (values[rows[before]].mean() - values.mean()) / 0.75
        drawn = np.where(values[places] != 0, values[places] + drift, 0.0)
        path = pd.Series(np.append(1.0, np.cumprod(1 + drawn)), DAYS[:121])
        grown = path.iloc[[20, 40, 120]].to_numpy() / path.iloc[[0, 20, 40]].to_numpy() - 1
        made["calmar"].append((path.iloc[-1] ** (1 / 0.48) - 1) / -max_drawdown(path))
        made["best_month"].append(grown.max())
        made["worst_month"].append(grown.min())
        longest, share = under_water(path)
        made["longest_under_water"].append(longest)
        made["under_water"].append(share)
    bounds = path_bounds(values, 3, SEED, months, 0.48)
    for name, drawn in made.items():
        assert bounds[name] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), rel=1e-9), name


def test_growth_a_year_has_the_interval_of_the_whole_return():
    low, high = return_interval(returns(EQUITY))
    interval = figures().cagr.interval
    assert interval == pytest.approx([(1 + low) ** (YEAR / 299) - 1, (1 + high) ** (YEAR / 299) - 1])


def test_what_a_span_cannot_carry_is_refused_with_its_reason():
    short = figures(part=slice(0, 25))
    assert short.cagr == short.calmar == Refused("24 returns; expected at least the 250 of a year", 24)
    assert short.volatility == short.skewness == Refused("24 observations; expected at least 30", 24)
    assert short.under_water.interval == Refused("24 observations; expected at least 30", 24)
    assert short.best_month.interval == Refused("1 whole months; expected at least 12", 1)
    assert figures(part=slice(3, 9)).best_month == Refused("no whole month", 0)
    one = figures(part=slice(0, 1))
    assert {getattr(one, name) for name in FIGURES} == {Refused("fewer than two sessions", 0)}


def test_a_value_that_never_moves_or_never_falls_has_no_ratio_of_it():
    flat = figures(pd.Series(1.0, DAYS))
    assert flat.volatility == flat.sortino == Refused("values never vary", 299)
    assert flat.calmar == Refused("the value never fell", 299)
    rising = figures(pd.Series(np.append(1.0, np.cumprod(1 + OWN.abs())), DAYS))
    assert rising.sortino == Refused("no return below zero", 299)
    assert (rising.longest_under_water.value, rising.under_water.value) == (0.0, 0.0)


def test_bins_count_every_return_and_the_normal_has_as_many():
    drawn = distribution(OWN)
    assert sum(drawn.counts) == drawn.n == 299
    assert sum(drawn.normal) == pytest.approx(299)
    inner = ((drawn.edges[3] <= OWN) & (drawn.edges[4] > OWN)).sum()
    assert drawn.counts[4] == inner
    assert isinstance(distribution(OWN.iloc[:20]), Refused)


def year_behind(values, market):
    return rolling_figures(values, market, 60)


def centred(values, market):
    """A fault: each window reaches half a year ahead."""
    return rolling_figures(values, market, 60).shift(-30)


@pytest.mark.parametrize(("rolling", "sound"), [(year_behind, True), (centred, False)])
def test_a_rolling_figure_reads_nothing_after_its_session(rolling, sound):
    cut = DAYS[200]
    spoiled = OWN.where(DAYS[1:] <= cut, 9 * OWN), MARKET.where(DAYS[1:] <= cut, -MARKET)
    equal = rolling(OWN, MARKET)[:cut].equals(rolling(*spoiled)[:cut])
    assert equal == sound


def test_rolling_figures_are_those_of_the_year_behind_and_their_errors_those_of_textbooks():
    last = rolling_figures(OWN, MARKET, 60).iloc[-1]
    own, market = OWN.iloc[-60:].to_numpy(), MARKET.iloc[-60:].to_numpy()
    assert last["volatility"] == pytest.approx(own.std(ddof=1) * 60**0.5)
    assert last["sharpe"] == pytest.approx(own.mean() / own.std(ddof=1) * 60**0.5)
    slope, intercept = np.polyfit(market, own, 1)
    left = own - slope * market - intercept
    assert last["beta"] == pytest.approx(slope)
    assert last["beta_error"] == pytest.approx(((left**2).sum() / 58 / ((market - market.mean()) ** 2).sum()) ** 0.5)
    assert rolling_figures(OWN.iloc[:59], MARKET, 60).empty
