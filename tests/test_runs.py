"""One run from spec to result: its windows, its benchmarks, its identity."""

import json
import re
import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from support.markets import STRATEGIES, day, days, spec_of

from backtest import runs
from backtest.data.sources import reference
from backtest.errors import DataError
from backtest.execution.window_statistics import WindowStatistics, window_statistics
from backtest.files.documents import to_json
from backtest.output.document import to_document
from backtest.output.summary import terminal
from backtest.panel import Archive
from backtest.report import render
from backtest.result import BenchmarkSpan
from backtest.signals.supply_chain_excess import SupplyChainExcess
from backtest.strategy import load_strategy
from backtest.thesis import load_thesis
from backtest.thesis.windows import Window, windows
from backtest.weights import Gate

REGIMES = {
    "23Q2": ("2023-04-01", "2023-06-30"),
    "24Q1–Q2": ("2024-01-01", "2024-06-30"),
    "25Q2": ("2025-04-01", "2025-07-23"),
    "after the report": ("2025-07-24", "2030-01-01"),
}
SPANS = REGIMES | {
    "in sample": ("2023-01-01", "2025-07-23"),
    "out of sample": ("2025-07-24", "2030-01-01"),
    "whole": ("2023-01-01", "2030-01-01"),
}
NO_ORDERS = pd.DataFrame({"session": pd.DatetimeIndex([]), "value": [], "cost": []})

WRITTEN = load_thesis().date


@pytest.fixture(scope="module")
def asic(archive):
    """The book of two currencies, in dollars."""
    return runs.run(spec_of(baskets=("ASIC",), rebalance="quarterly", end="2026-08-14"), archive)


def book_of(archive: Archive, **changes: object) -> runs.Book:
    spec = spec_of(**changes)
    return runs.run(spec, archive).books[next(iter(spec.books))]


def column_of(name: str) -> pd.Series:
    """Return a ticker's embedded total-return prices by session, read apart from the project's own reader."""
    rows = pd.read_parquet(reference.FOLDER / "prices.parquet", filters=[("ticker", "==", name)])
    return pd.Series(rows["adj_close"].astype(float).to_numpy() / 10_000, pd.DatetimeIndex(rows["session"])).dropna()


# A book of one name


@pytest.mark.slow
@pytest.mark.parametrize("ticker", ["300308.SZ", "NVDA"])
def test_a_book_of_one_name_without_costs_earns_what_the_name_earned_in_every_window(archive, ticker):
    book = book_of(archive, baskets=(ticker,), cost_bps=0.0)
    own = archive.prices.wealth[ticker].dropna().loc["2023-01-01":]
    assert set(book.windows) == set(SPANS)
    for name, (start, end) in SPANS.items():
        before = own.loc[: day(start) - pd.Timedelta(days=1)]
        base = before.iloc[-1] if len(before) else own.iloc[1]  # decided on the first session, bought on the second
        assert book.windows[name].total_return == pytest.approx(own.loc[:end].iloc[-1] / base - 1, abs=1e-9)


@pytest.mark.slow
def test_innolight_in_the_second_regime_by_hand(archive):
    """300308.SZ: adj_close 137.036 on 2024-06-28 and 80.4116 on 2023-12-29."""
    book = book_of(archive, baskets=("300308.SZ",), cost_bps=0.0)
    assert book.windows["24Q1–Q2"].total_return == pytest.approx(137.036 / 80.4116 - 1, abs=1e-9)


# Ends


def test_the_ends_of_a_window_are_its_return_to_each_of_its_last_sixty_sessions():
    index = pd.bdate_range("2024-01-01", periods=100)
    equity = pd.Series([100.0 + ((number * 37) % 61) for number in range(100)], index)
    window = Window("w", index[10], index[90], WRITTEN)
    ends = window_statistics(equity, NO_ORDERS, window, 252, day("2025-01-01")).ends
    returns = {session: equity[session] / equity.iloc[9] - 1 for session in index[31:91]}
    low, high = min(returns, key=returns.get), max(returns, key=returns.get)
    assert (ends.sessions, ends.low_on, ends.high_on) == (60, f"{low:%Y-%m-%d}", f"{high:%Y-%m-%d}")
    assert (ends.low, ends.high) == pytest.approx((returns[low], returns[high]))


def test_a_window_of_fewer_sessions_has_as_many_ends_as_returns():
    equity = pd.Series([100.0, 110.0, 99.0, 105.0], pd.bdate_range("2024-01-01", periods=4))
    window = Window("w", equity.index[1], equity.index[3], WRITTEN)
    ends = window_statistics(equity, NO_ORDERS, window, 252, day("2025-01-01")).ends
    assert (ends.sessions, ends.low, ends.high) == (3, pytest.approx(-0.01), pytest.approx(0.1))


# Windows


def test_the_windows_are_the_regimes_of_the_report_then_the_two_samples_and_the_whole():
    found = windows(load_thesis(), day("2023-01-01"), day("2026-06-30"))
    assert [(one.name, f"{one.start:%Y-%m-%d}", f"{one.end:%Y-%m-%d}", one.sample) for one in found] == [
        ("23Q2", "2023-04-01", "2023-06-30", "in"),
        ("24Q1–Q2", "2024-01-01", "2024-06-30", "in"),
        ("25Q2", "2025-04-01", "2025-07-23", "in"),
        ("after the report", "2025-07-24", "2026-06-30", "out"),
        ("in sample", "2023-01-01", "2025-07-23", "in"),
        ("out of sample", "2025-07-24", "2026-06-30", "out"),
        ("whole", "2023-01-01", "2026-06-30", "both"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "sample"),
    [
        ("2025-07-01", "2025-07-23", "in"),
        ("2025-07-23", "2025-07-24", "both"),
        ("2025-07-24", "2025-07-24", "out"),
    ],
)
def test_the_day_of_the_report_is_in_sample_and_the_day_after_is_not(start, end, sample):
    assert Window("w", day(start), day(end), WRITTEN).sample == sample


def test_a_run_that_ends_before_the_report_has_no_window_out_of_sample():
    assert "out of sample" not in [one.name for one in windows(load_thesis(), day("2023-01-01"), day("2025-07-23"))]


def test_a_regime_after_the_end_of_a_run_is_never_said_to_be_in_sample():
    found = {one.name: one.sample for one in windows(load_thesis(), day("2023-01-01"), day("2025-06-30"))}
    assert found.get("after the report", "out") == "out"


INDEX = days("2024-03-28", "2024-03-29", "2024-04-01", "2024-04-02", "2024-04-03")
EQUITY = pd.Series([100.0, 200.0, 220.0, 110.0, 130.0], INDEX)
APRIL = Window("April", day("2024-03-30"), day("2024-04-02"), WRITTEN)


def test_the_base_of_a_window_is_the_last_value_before_it():
    found = window_statistics(EQUITY, NO_ORDERS, APRIL, 252, day("2020-01-01"))
    assert (found.base, found.first, found.last, found.n, found.total_return) == (
        "2024-03-29",
        "2024-04-01",
        "2024-04-02",
        2,
        pytest.approx(-0.45),
    )


def test_a_window_that_starts_on_a_session_still_has_the_session_before_as_its_base():
    found = window_statistics(EQUITY, NO_ORDERS, replace(APRIL, start=day("2024-04-01")), 252, day("2020-01-01"))
    assert found.total_return == pytest.approx(-0.45)


def test_the_base_of_the_first_window_is_the_first_value_of_the_run():
    found = window_statistics(EQUITY, NO_ORDERS, replace(APRIL, start=day("2024-01-01")), 252, day("2020-01-01"))
    assert (found.base, found.total_return) == ("2024-03-28", pytest.approx(0.10))


def test_the_returns_of_two_windows_that_touch_make_the_return_of_both():
    first, second, both = (
        window_statistics(EQUITY, NO_ORDERS, Window("", day(start), day(end), WRITTEN), 252, day("2020-01-01")).total_return
        for start, end in (("2024-03-28", "2024-03-31"), ("2024-04-01", "2024-04-03"), ("2024-03-28", "2024-04-03"))
    )
    assert (1 + first) * (1 + second) == pytest.approx(1 + both)


@pytest.mark.parametrize(("start", "end"), [("2023-01-01", "2023-12-31"), ("2024-05-01", "2024-12-31")])
def test_a_window_outside_the_run_says_so(start, end):
    found = window_statistics(EQUITY, NO_ORDERS, Window("", day(start), day(end), WRITTEN), 252, day("2020-01-01"))
    assert found == WindowStatistics("in")
    assert (found.n, found.total_return) == (0, None)


def test_orders_count_in_the_window_of_the_return_they_belong_to():
    """Half of 66 over the mean of 200, 220 and 110; 2.2 of 220. Orders on the base session and after the end do not count."""
    orders = pd.DataFrame(
        {"session": days("2024-03-29", "2024-04-01", "2024-04-03"), "value": [9e9, 66.0, 9e9], "cost": [9.0, 2.2, 9.0]}
    )
    found = window_statistics(EQUITY, orders, APRIL, 252, day("2020-01-01"))
    assert (found.orders, found.turnover, found.costs) == (1, pytest.approx(33 / (530 / 3)), pytest.approx(0.01))


def test_drawdown_is_measured_within_the_window():
    found = window_statistics(EQUITY, NO_ORDERS, replace(APRIL, start=day("2024-04-02")), 252, day("2020-01-01"))
    assert found.max_drawdown == pytest.approx(-0.50)  # from 220, its base


def test_a_window_of_fewer_than_thirty_returns_has_no_sharpe_ratio():
    found = window_statistics(EQUITY, NO_ORDERS, APRIL, 252, day("2020-01-01"))
    assert (found.sharpe, found.sharpe_error) == (None, None)


@pytest.mark.parametrize(("chosen", "hindsight"), [("2024-03-29", False), ("2024-03-30", True)])
def test_a_window_is_hindsight_when_its_base_is_older_than_the_choice_of_the_basket(chosen, hindsight):
    assert window_statistics(EQUITY, NO_ORDERS, APRIL, 252, day(chosen)).hindsight is hindsight


@pytest.mark.slow
def test_the_names_of_the_report_are_hindsight_before_it_and_not_after(archive):
    book = book_of(archive, baskets=("report_names",))
    assert {name: one.hindsight for name, one in book.windows.items()} == {
        "23Q2": True, "24Q1–Q2": True, "25Q2": True, "after the report": False,
        "in sample": True, "out of sample": False, "whole": True,
    }  # fmt: skip


@pytest.mark.slow
def test_a_basket_this_project_chose_is_hindsight_throughout(asic):
    assert all(one.hindsight for one in asic.books["ASIC"].windows.values())


@pytest.mark.slow
def test_in_sample_and_out_of_sample_share_the_value_at_the_date_of_the_report(archive):
    found = book_of(archive).windows
    assert found["in sample"].last == found["out of sample"].base == f"{WRITTEN:%Y-%m-%d}"


@pytest.mark.slow
def test_a_year_holds_as_many_returns_as_the_sessions_of_the_markets_of_the_book(archive):
    found = {name: book_of(archive, baskets=(name,), start="2026-06-01").periods_per_year for name in ("optical", "GPU", "ASIC")}
    assert found == {"optical": 242, "GPU": 252, "ASIC": 260}


# Benchmarks


def test_a_benchmark_earns_the_ratio_of_its_prices_at_the_ends_of_a_window(asic):
    own = column_of("QQQ")
    found = asic.books["ASIC"].benchmark_windows["QQQ"]["24Q1–Q2"].total_return
    assert found == pytest.approx(own.at["2024-06-28"] / own.at["2023-12-29"] - 1, abs=1e-12)


def test_a_benchmark_in_another_currency_is_converted_at_the_rates_of_both_ends(asic):
    own, rate = column_of("510300.SS"), column_of("CNY=X")
    expected = own.at["2024-06-28"] / rate.at["2024-06-28"] / (own.at["2023-12-29"] / rate.at["2023-12-29"]) - 1
    assert asic.books["ASIC"].benchmark_windows["510300.SS"]["24Q1–Q2"].total_return == pytest.approx(expected, abs=1e-12)


def test_a_benchmark_has_no_return_over_a_window_that_ended_before_it_was_listed(asic):
    found = asic.books["ASIC"].benchmark_windows["588790.SS"]
    assert found["23Q2"] == found["24Q1–Q2"] == BenchmarkSpan(matched=False)


def test_a_benchmark_that_was_listed_within_a_window_is_compared_from_its_first_price_on(asic):
    own, rate = column_of("588790.SS"), column_of("CNY=X")  # its prices are of 2025-01-09 to 2026-06-04
    book, dollars = asic.books["ASIC"], own / rate
    expected = dollars.at["2026-06-04"] / dollars.at["2025-01-09"] - 1
    span = book.benchmark_windows["588790.SS"]["whole"]
    assert span.total_return == pytest.approx(expected, abs=1e-12)
    assert (span.base, span.last) == ("2025-01-09", "2026-06-04")
    assert span.book_return == pytest.approx(book.equity["2026-06-04"] / book.equity["2025-01-09"] - 1, abs=1e-12)


def test_a_benchmark_that_ends_within_a_window_is_compared_on_the_sessions_both_have(asic):
    own, rate = column_of("159915.SZ"), column_of("CNY=X")  # its prices end on 2026-07-31
    book, dollars = asic.books["ASIC"], own / rate
    expected = dollars.at["2026-07-31"] / dollars.at["2025-07-23"] - 1
    span = book.benchmark_windows["159915.SZ"]["after the report"]
    assert span.total_return == pytest.approx(expected, abs=1e-12)
    assert (span.base, span.last) == ("2025-07-23", "2026-07-31")
    assert span.book_return == pytest.approx(book.equity["2026-07-31"] / book.equity["2025-07-23"] - 1, abs=1e-12)


def test_a_benchmark_that_is_priced_throughout_a_window_has_the_window_s_own_span(asic):
    book = asic.books["ASIC"]
    for window, found in book.windows.items():
        span = book.benchmark_windows["QQQ"][window]
        assert (span.base, span.first, span.last) == (found.base, found.first, found.last)
        assert span.book_return == found.total_return


def test_a_benchmark_whose_prices_end_is_noted(asic):
    assert "ASIC: benchmark 159915.SZ ends on 2026-07-31; both are compared up to then" in asic.notes


def test_benchmarks_start_from_the_capital_of_the_book(asic):
    book = asic.books["ASIC"]
    assert book.benchmarks["QQQ"].iloc[0] == book.equity.iloc[0] == 10_000_000.0


def test_a_book_is_compared_only_with_benchmarks_of_its_own_markets(archive):
    assert list(book_of(archive).benchmark_windows) == ["SMH", "SOXX", "QQQ", "SPY"]


def test_the_benchmarks_that_a_basket_declares_come_first_each_with_its_reason(asic):
    book = asic.books["ASIC"]
    declared = load_thesis().universe.basket("ASIC").benchmarks
    assert book.declared == "SMH"
    assert book.comparisons[: len(declared)] == declared
    assert list(book.benchmark_windows) == list(book.benchmarks) == [row.ticker for row in book.comparisons]
    assert book.benchmark_windows["SMH"]["whole"].matched
    assert not book.benchmark_windows["588790.SS"]["whole"].matched


def test_the_excess_is_the_book_s_return_less_the_benchmark_s_on_the_sessions_both_have(asic):
    for spans in asic.books["ASIC"].benchmark_windows.values():
        for span in spans.values():
            if span.total_return is not None:
                assert span.excess == pytest.approx(span.book_return - span.total_return, abs=1e-15)


def test_a_run_that_ends_on_a_holiday_of_a_benchmark_still_has_its_return(archive):
    """On 2023-10-04, in Golden Week, Shanghai had no session; the CSI 300 ETF is priced before and after."""
    book = book_of(archive, baskets=("ASIC",), end="2023-10-04")
    assert book.benchmark_windows["510300.SS"]["23Q2"].total_return is not None
    assert book.benchmark_windows["510300.SS"]["whole"].total_return is not None


def test_a_benchmark_on_a_holiday_of_its_market_is_worth_its_last_price_at_the_rate_of_the_day(asic):
    own, rate = column_of("510300.SS"), column_of("CNY=X")
    held = asic.books["ASIC"].benchmarks["510300.SS"]
    expected = own.at["2023-09-28"] / rate.at["2023-10-03"] / (own.at["2023-09-28"] / rate.at["2023-09-28"])
    assert held.at[day("2023-10-03")] / held.at[day("2023-09-28")] == pytest.approx(expected, abs=1e-12)


# Decisions


def test_a_book_says_when_each_decision_was_taken_and_how_much_it_invested(asic):
    first = asic.books["ASIC"].decisions.iloc[0]
    assert (first["moment"], first["invested"]) == (pd.Timestamp("2023-01-03T21:00Z"), pytest.approx(1.0))


def test_a_book_with_a_signal_shows_its_score_at_each_decision(archive):
    book = book_of(archive, signals=(SupplyChainExcess(),), weights=Gate(), end="2024-06-30")
    assert list(book.decisions.columns) == ["moment", "supply_chain_excess", "invested"]
    assert (book.decisions["invested"] == (book.decisions["supply_chain_excess"] > 0)).all()


# What a run refuses


def test_a_name_without_prices_is_refused_by_name():
    archive = Archive(reference.load_facts(), reference.load_prices(["AMD"]))
    with pytest.raises(DataError, match="reference: no prices for NVDA"):
        runs.run(spec_of(baskets=("GPU",)), archive)


def test_a_benchmark_without_prices_is_refused_by_name(archive):
    kept = [ticker for ticker in archive.prices.wealth.columns if ticker != "QQQ"]
    with pytest.raises(DataError, match="QQQ"):
        runs.run(spec_of(), Archive(archive.facts, reference.load_prices(kept)))


# Notes


@pytest.mark.slow
def test_a_name_sold_because_its_prices_end_is_noted(archive):
    result = runs.run(spec_of(baskets=("copper",), start="2026-01-05"), archive)
    assert "copper: 300913.SZ sold on 2026-06-30, its last price" in result.notes


def test_a_declared_end_is_noted_with_the_coverage_and_its_reason(archive):
    result = runs.run(spec_of(baskets=("copper",), start="2026-01-05"), archive)
    said = "300913.SZ ended on 2026-06-30: the source ends here; not delisted"
    assert f"copper: 2 of 3 tickers are priced to its end ({said})" in result.notes
    assert result.books["copper"].coverage.ended[0].session == "2026-06-30"


@pytest.mark.slow
def test_a_book_without_an_end_of_its_own_says_where_it_ends(archive):
    assert "NVDA: ends on 2026-09-22: none of its tickers has a later price" in runs.run(spec_of(), archive).notes
    assert not any("ends on" in note for note in runs.run(spec_of(end="2024-06-28"), archive).notes)


def test_an_end_beyond_the_prices_is_refused_by_ticker_and_last_session(archive):
    with pytest.raises(DataError, match="reference: the prices of NVDA end on 2026-09-22, before 2030-01-01"):
        runs.run(spec_of(end="2030-01-01"), archive)


def test_where_orders_fill_at_opens_a_ticker_with_closes_alone_is_noted_with_what_waited(archive):
    spec = spec_of(baskets=("300394.SZ",), base="CNY", fill="open", start="2026-07-01", end="2026-07-31", rebalance="weekly")
    result = runs.run(spec, archive)
    said = (
        "300394.SZ: 300394.SZ has a close and no open on 7 session(s), 2026-07-23 to 2026-07-31; an order that fills at the open"
    )
    note = next(note for note in result.notes if "no open" in note)
    assert note.startswith(f"{said} waits there as in a halt (0 filled late, 1 never)")
    book = result.books["300394.SZ"]
    assert f"{book.equity.index[-1]:%Y-%m-%d}" == "2026-07-31"
    assert set(book.unfilled["reason"]) == {"no open"}
    assert book.equity.iloc[-1] != book.equity.iloc[-2]
    assert not any("no open" in note for note in runs.run(spec.replaced(fill="close"), archive).notes)


def test_a_book_that_never_traded_says_so(archive):
    result = runs.run(spec_of(baskets=("688256.SS",), base="CNY", capital=5_000.0, end="2023-06-30"), archive)
    assert "688256.SS: never traded; see the orders that were not filled, each with its reason" in result.notes
    assert set(result.books["688256.SS"].unfilled["reason"]) == {"less than the least order"}


@pytest.mark.slow
def test_books_of_one_run_end_each_with_its_own_tickers(archive):
    result = runs.run(spec_of(baskets=("NVDA", "300308.SZ"), base="local", start="2026-01-05"), archive)
    assert {name: f"{book.equity.index[-1]:%Y-%m-%d}" for name, book in result.books.items()} == {
        "NVDA": "2026-09-22",
        "300308.SZ": "2026-09-23",
    }


def test_orders_for_a_name_after_its_last_price_are_listed_until_its_absence_is_known(archive):
    result = runs.run(spec_of(baskets=("copper",), start="2026-01-05", rebalance="weekly"), archive)
    unfilled = result.books["copper"].unfilled  # 300913.SZ has no price after 2026-06-30
    assert set(unfilled["ticker"]) == {"300913.SZ"}
    assert set(unfilled["reason"]) == {"prices ended"}
    assert [f"{day:%Y-%m-%d}" for day in unfilled["decided"]] == ["2026-07-03", "2026-07-10"]


def test_orders_of_a_run_that_begins_after_the_last_price_of_a_name_say_that_its_prices_ended(archive):
    result = runs.run(spec_of(baskets=("copper",), start="2026-07-01", rebalance="weekly"), archive)
    unfilled = result.books["copper"].unfilled
    assert unfilled[["ticker", "reason"]].drop_duplicates().to_numpy().tolist() == [["300913.SZ", "prices ended"]]


# Identity and JSON


def refuse(constant: str) -> None:
    raise ValueError(constant)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["theme_baskets", "supply_chain_excess", "trend_rotation"])
def test_the_same_strategy_on_the_same_archive_gives_the_same_document(name, archive):
    (path,) = [path for path in STRATEGIES if path.stem == name]
    spec = load_strategy(path).replaced(start=date(2025, 1, 2), end=date(2025, 12, 31))
    first, second = [to_json(to_document(runs.run(spec, archive))) for _ in range(2)]
    assert first == second


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_no_document_holds_a_number_that_json_does_not_know(path, results):
    json.loads(to_json(to_document(results[path.stem])), parse_constant=refuse)


def test_what_is_no_number_is_null_in_json():
    document = {"a": [float("nan"), np.inf, np.float64("nan"), (1.5, np.int64(2))], "b": day("2024-03-28"), 3: None}
    assert json.loads(to_json(document)) == {"a": [None, None, None, [1.5, 2]], "b": "2024-03-28", "3": None}


def test_a_document_names_its_spec_its_data_and_its_code(asic):
    document = to_document(asic)
    assert (document["spec_id"], document["data_id"], document["code_id"]) == (asic.spec_id, asic.data_id, asic.code_id)
    assert document["spec_id"] == spec_of(baskets=("ASIC",), rebalance="quarterly", end=date(2026, 8, 14)).spec_id


def data_id_of(folder) -> str:
    archive = Archive(reference.load_facts(folder), reference.load_prices(["NVDA"], folder))
    return archive.data_id


@pytest.fixture
def copied(tmp_path):
    """A copy of the embedded figures that a test may change."""
    return shutil.copytree(reference.FOLDER, tmp_path / "reference")


def test_a_run_carries_the_id_of_its_archive(asic, archive):
    assert asic.data_id == archive.data_id


def test_the_same_figures_in_another_folder_have_the_same_id(copied):
    assert data_id_of(copied) == data_id_of(reference.FOLDER)


@pytest.mark.parametrize(
    ("file", "former", "changed"),
    [
        ("capex.csv", "14951", "14952"),
        ("accelerators.csv", "2020-05-14", "2020-05-15"),
    ],
    ids=["figure", "chip"],
)
def test_the_id_of_the_data_changes_with_a_figure_or_a_chip(copied, file, former, changed):
    text = (copied / file).read_text(encoding="utf-8")
    assert former in text
    (copied / file).write_text(text.replace(former, changed, 1), encoding="utf-8")
    assert data_id_of(copied) != data_id_of(reference.FOLDER)


def test_the_id_of_the_data_changes_with_a_price(copied):
    rows = pd.read_parquet(copied / "prices.parquet")
    place = rows.index[(rows["ticker"] == "NVDA") & (rows["session"].astype(str) == "2024-03-28")]
    rows.loc[place, "high"] += 1  # a ten-thousandth
    rows.to_parquet(copied / "prices.parquet", index=False)
    assert data_id_of(copied) != data_id_of(reference.FOLDER)


# A run that ends before its thesis was written


def test_what_is_called_known_when_the_thesis_was_written_is_never_later_than_the_end_of_the_run(archive):
    result = runs.run(spec_of(start="2024-10-08", end="2024-12-31"), archive)
    shown = [reading for quarters in result.when_written.values() for reading in quarters.values()]
    assert shown
    assert max(reading.known_at for reading in shown) <= "2024-12-31" < f"{WRITTEN:%Y-%m-%d}"
    assert result.demand["then"] == result.demand["now"]
    assert {finding.written_on for finding in result.claims} == {"2024-12-31"}
    lines = " ".join(terminal(to_document(result)).split())
    assert "prices, 2024-10-08 to 2024-12-31" in lines
    assert "as known on 2024-12-31" in lines
    page = re.sub(r"<[^>]+>", "", render(result))
    assert "By 2024-12-31" in page
    assert "When written, 2024-12-31" in page
    assert "When the thesis was written" not in page


def test_months_are_read_once_of_the_signals_of_this_package_and_each_time_of_any_other(archive, monkeypatch):
    asked = []

    class Own(SupplyChainExcess):
        pass

    def counting(signal, panel, values=SupplyChainExcess.values):
        asked.append((type(signal).__name__, signal.leaders, panel.moment))
        return values(signal, panel)

    monkeypatch.setattr(SupplyChainExcess, "values", counting)
    opened = Archive(archive.facts, archive.prices)
    signals = {"shipped": SupplyChainExcess(), "one": SupplyChainExcess(leaders=("300308.SZ",)), "own": Own()}
    span = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-03-15")
    seen = [runs._seen(signals, opened, *span) for _ in range(2)]
    assert seen[0] == seen[1]
    assert set(seen[0]["shipped"]) == {"2025-01-31", "2025-02-28", "2025-03-15"}
    assert seen[0]["shipped"] == seen[0]["own"] != seen[0]["one"]
    assert len(asked) == 3 + 3 + 2 * 3
    assert len(set(asked)) == 9
    runs._seen(signals, Archive(archive.facts, archive.prices), *span)
    assert len(asked) == 12 + 9
