"""Books against their benchmarks: every window of every shipped strategy has one, and a book that held only one has no excess."""

import pandas as pd
import pytest

from backtest.audits.window_ranks import excess, rank_windows
from backtest.data.archive import load_archive
from backtest.output.document import to_document
from backtest.runs.benchmarks import benchmark_windows, only_fund_held
from backtest.statistics.refusal import Refused
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis, shipped_theses
from backtest.thesis.strategies import strategies
from backtest.thesis.windows import Window, windows
from backtest.universe.benchmarks import Comparison

DAYS = pd.bdate_range("2024-01-01", periods=60)
WINDOW = Window("spring", DAYS[10], DAYS[-1], "in")


def day(text):
    return pd.Timestamp(text)


@pytest.fixture
def quarter(results):
    """The book that held only the CSI 300 fund in 23Q2, before its signal had a value."""
    return results["supply_chain_excess"].books["leaders"]


@pytest.mark.parametrize("thesis", shipped_theses())
def test_the_declared_benchmark_of_every_book_of_every_shipped_strategy_is_priced_in_every_window(thesis):
    loaded = load_thesis(thesis)
    specs = [load_strategy(path, loaded) for path in strategies("all", loaded)]
    assert specs
    prices = load_archive(list(loaded.universe.market_and_currency()), thesis=loaded).prices
    for spec in specs:
        for name, baskets in spec.books.items():
            ticker = loaded.universe.comparisons(baskets)[0].ticker
            own = prices.wealth[ticker].dropna().index
            for window in windows(loaded, day(spec.start), own[-1]):
                assert ((own >= window.start) & (own <= window.end)).sum() >= 2, (spec.name, name, window.name)


def test_every_window_of_every_book_has_its_benchmarks_with_span_and_match_in_the_result(results):
    for name, result in results.items():
        for basket, book in to_document(result)["books"].items():
            assert book["declared_benchmark"] == book["comparisons"][0]["ticker"], (name, basket)
            matched = {row["ticker"]: row["matched"] for row in book["comparisons"]}
            for ticker, spans in book["benchmarks"].items():
                assert {span["matched"] for span in spans.values()} == {matched[ticker]}
            declared = book["benchmarks"][book["declared_benchmark"]]
            for window, figures in book["windows"].items():
                span = declared[window]
                assert span["total_return"] is not None, (name, basket, window)
                assert figures["base"] <= span["base"] < span["first"] <= span["last"] <= figures["last"]


def test_a_book_that_held_only_the_csi_300_fund_in_23q2_has_no_excess_and_no_rank_there(quarter, results):
    spans = {ticker: found["23Q2"] for ticker, found in quarter.benchmark_windows.items()}
    assert spans["510300.SS"].book_return == pytest.approx(spans["510300.SS"].total_return, abs=1e-4)
    priced = {ticker: span for ticker, span in spans.items() if span.total_return is not None}
    assert len(priced) == 4
    for ticker, span in priced.items():
        assert span.excess == Refused("held nothing but 510300.SS, a benchmark itself", 59), ticker
    ranks = rank_windows(quarter, results["supply_chain_excess"].windows, trials=4)
    assert ranks["23Q2"] == spans["159915.SZ"].excess
    assert not isinstance(ranks["25Q2"], Refused)


def test_the_excess_is_over_the_declared_benchmark_alone_whatever_fund_the_book_held(quarter):
    declared = quarter.benchmarks["159915.SZ"]
    found, day = excess(quarter), declared.index[100]
    by_hand = quarter.equity.pct_change()[day] - declared.pct_change()[day]
    assert found[day] == pytest.approx(by_hand, abs=1e-15)
    assert found.index[-1] == declared.dropna().index[-1]


# By hand


def test_funds_alone_are_told_from_names_and_from_cash():
    held = pd.DataFrame(
        {"FUND": [1.0, 0.4, 0.0, 0.0, 1.0], "NAME": [0.0, 0.6, 0.0, 1.0, 0.0]}, pd.DatetimeIndex(DAYS[[5, 15, 25, 35, 45]])
    )
    spans = {
        "before its first order": (DAYS[0], DAYS[4]), "the fund alone": (DAYS[6], DAYS[14]), "bought within": (DAYS[0], DAYS[9]),
        "a part in a name": (DAYS[10], DAYS[20]), "cash alone": (DAYS[26], DAYS[30]), "a name": (DAYS[36], DAYS[40]),
        "back in the fund": (DAYS[46], DAYS[59]),
    }  # fmt: skip
    alone = {about for about, (base, last) in spans.items() if only_fund_held(held, ("FUND", "OTHER"), base, last)}
    assert alone == {"the fund alone", "bought within", "back in the fund"}
    assert only_fund_held(held, ("OTHER",), DAYS[6], DAYS[14]) is None


@pytest.mark.parametrize(("matched", "ticker"), [(True, "FUND"), (False, "FUND"), (True, "OTHER")])
def test_nothing_is_credited_to_a_book_of_one_benchmark_against_that_or_any_other(matched, ticker):
    equity = pd.Series(range(100, 160), DAYS, dtype=float)
    values = pd.DataFrame({"FUND": equity / 2.0, "OTHER": 100.0})
    compared = [Comparison(ticker=name, matched=matched, reason="made up") for name in ("FUND", "OTHER")]
    found = benchmark_windows(values, compared, equity, pd.DataFrame({ticker: [1.0]}, DAYS[:1]), [WINDOW])
    for fund in ("FUND", "OTHER"):
        assert isinstance(found[fund]["spring"].excess, Refused)
        assert ticker in found[fund]["spring"].excess.reason
        assert found[fund]["spring"].matched is matched
    assert found["OTHER"]["spring"].total_return == 0.0


def test_a_benchmark_that_covers_a_part_of_a_window_is_compared_on_the_common_span():
    equity = pd.Series(range(100, 160), DAYS, dtype=float)
    values = pd.DataFrame({"FUND": equity.where(equity >= 130.0)})
    compared = [Comparison(ticker="FUND", matched=True, reason="made up")]
    (span,) = benchmark_windows(values, compared, equity, pd.DataFrame({"NAME": [1.0]}, DAYS[:1]), [WINDOW])["FUND"].values()
    assert (span.base, span.last) == (f"{DAYS[30]:%Y-%m-%d}", f"{DAYS[59]:%Y-%m-%d}")
    assert span.excess == pytest.approx(0.0, abs=1e-15)
