"""Tear sheets of real runs: equal to quantstats 0.0.86 where that is right, and to its parts where it is not.

Where it is not: its monthly table has 0 for a month that the run never saw, and takes a month that the run covers in part for a
whole one (so do `best`, `worst` and `win_rate`); its drawdowns start a session after the peak and count days of the calendar;
its skewness and kurtosis are those of pandas, corrected for small samples, where ours are the moments over n, as in scipy and
in the Deflated Sharpe Ratio.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis, skew

from backtest.output.tear_document import tear_document
from backtest.runs.tear_sheets import ends_month
from backtest.statistics import performance
from backtest.statistics.refusal import Refused
from backtest.thesis.windows import SAMPLES

BOOKS = [("supply_chain_excess", "leaders"), ("theme_baskets", "optical"), ("theme_baskets", "hyperscaler")]
EXACT = {"rel": 1e-9, "abs": 1e-12}


@pytest.fixture(params=BOOKS, ids=[book for _, book in BOOKS])
def book(request, results):
    strategy, name = request.param
    return results[strategy].books[name]


@pytest.fixture(scope="module")
def qs():
    import quantstats.stats

    return quantstats.stats


def of_window(book, figures):
    """Return the returns of a window, and the declared benchmark's on the sessions that both have."""
    own = performance.returns(book.equity[figures.base : figures.last])
    return own, book.benchmark_returns().reindex(own.index)


@pytest.mark.parametrize("window", SAMPLES)
def test_figures_of_every_window_equal_those_of_quantstats(book, window, qs):
    figures, year = book.tear_sheet.spans[window], book.periods_per_year
    own, other = of_window(book, figures)
    both = other.notna()
    greeks = qs.greeks(own[both], other[both], year, prepare_returns=False)
    wanted = {
        "volatility": qs.volatility(own, year, prepare_returns=False),
        "sortino": qs.sortino(own, 0, year),
        "beta": greeks["beta"],
        "correlation": own[both].corr(other[both]),
        "cagr": qs.cagr(own, periods=year),
        "calmar": qs.calmar(own, prepare_returns=False, periods=year),
        "skewness": skew(own),
        "excess_kurtosis": kurtosis(own),
    }
    assert len(own) >= year
    for name, value in wanted.items():
        assert getattr(figures, name).value == pytest.approx(float(value), **EXACT), name


def test_rolling_figures_equal_those_of_quantstats(book, qs):
    year, rolling = book.periods_per_year, book.tear_sheet.rolling
    own, other = performance.returns(book.equity), book.benchmark_returns()
    beta = qs.rolling_greeks(own[other.index], other, year, prepare_returns=False)["beta"]
    for name, line in {
        "volatility": qs.rolling_volatility(own, year, year, prepare_returns=False),
        "sharpe": qs.rolling_sharpe(own, 0, year, True, year, prepare_returns=False),
        "beta": beta.where(other.reindex(beta.index).rolling(year).count() == year),
    }.items():
        drawn = rolling[name].dropna()
        assert len(drawn) > 100
        assert drawn.to_numpy() == pytest.approx(line.reindex(drawn.index).to_numpy(), **EXACT), name


def test_whole_months_and_years_equal_those_of_quantstats_which_knows_no_part(book, qs):
    own, sheet = performance.returns(book.equity), book.tear_sheet
    table = qs.monthly_returns(own, eoy=True, prepare_returns=False)
    for month in sheet.months:
        year, number = month.period.split("-")
        assert table.loc[year].iloc[int(number) - 1] == pytest.approx(month.value, **EXACT), month
    for one in sheet.years:
        assert table.loc[one.own.period, "EOY"] == pytest.approx(one.own.value, **EXACT)
    whole = [month.value for month in sheet.months if not month.part]
    figures = sheet.spans["whole"]
    assert (figures.best_month.value, figures.worst_month.value) == (max(whole), min(whole))
    assert figures.positive_months.value == np.mean(np.array(whole) > 0)
    assert len(whole) == figures.months < len(sheet.months)


def test_the_worst_drawdowns_equal_those_of_quantstats_but_for_the_peak(book, qs):
    details = qs.drawdown_details(performance.drawdown(book.equity)).sort_values("max drawdown")
    index = [f"{day:%Y-%m-%d}" for day in book.equity.index]
    for fall, (_, row) in zip(book.tear_sheet.drawdowns, details.iterrows(), strict=False):
        assert fall.depth == pytest.approx(row["max drawdown"] / 100, **EXACT)
        assert (index[index.index(fall.peak) + 1], fall.trough) == (row["start"], row["valley"])
        end = index.index(row["end"])
        assert index[end + 1] == fall.recovered if fall.recovered else end == len(index) - 1


def test_a_year_stands_beside_benchmark_and_control_over_the_same_sessions(results):
    book = results["supply_chain_excess"].books["leaders"]
    twin = book.control.equity["twin"]
    for year in book.tear_sheet.years:
        base, last = year.own.base, year.own.last
        assert year.control == pytest.approx(twin[last] / twin[base] - 1)
        assert year.difference == pytest.approx(year.own.value - year.control)
        assert year.benchmark == pytest.approx(book.benchmarks[book.declared][last] / book.benchmarks[book.declared][base] - 1)
        assert not year.benchmark_part
        assert year.interval[0] < year.own.value < year.interval[1]
    assert book.tear_sheet.years[0].own.part


def test_every_figure_lies_in_its_interval_or_says_why_there_is_none(results):
    """A month's best and worst, and time under water, are of one path: that of another may lie elsewhere."""
    for result in results.values():
        for book in result.books.values():
            for figures in book.tear_sheet.spans.values():
                for name in ("cagr", "volatility", "sortino", "beta", "correlation"):
                    figure = getattr(figures, name)
                    if isinstance(figure, Refused):
                        assert figure.reason
                    else:
                        assert figure.interval[0] < figure.value < figure.interval[1], (book.basket, name)


def test_json_has_the_rolling_figures_of_every_months_last_session_and_stays_small(book):
    document = tear_document(book.tear_sheet)
    rolling = book.tear_sheet.rolling
    last = document["rolling"][f"{rolling.index[-1]:%Y-%m-%d}"]
    assert pd.Series(last).equals(pd.Series(rolling.iloc[-1].to_dict()))
    assert len(document["rolling"]) == len({day[:7] for day in document["rolling"]}) == len(rolling.index.to_period("M").unique())
    assert len(str(document)) < 40_000


def test_a_month_is_at_its_end_where_no_market_has_a_later_session_in_it(archive):
    prices, friday = archive.prices, pd.Timestamp("2025-05-30")
    assert ends_month(prices, ["XSHG", "XNYS"], friday)
    assert not ends_month(prices, ["XNYS"], pd.Timestamp("2025-05-29"))
    assert ends_month(prices, ["XSHG"], pd.Timestamp("2025-09-30"))
    assert ends_month(prices, ["XSHG"], pd.Timestamp("2025-01-27"))  # the spring festival takes the rest of January
    assert not ends_month(prices, ["XSHG", "XNYS"], pd.Timestamp("2025-01-27"))
