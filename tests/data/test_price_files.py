"""Price files that a run once believed, made from the shared ones; the right figures of the good ones."""

from pathlib import Path

import pandas as pd
import pytest

from backtest.data.sources import reference
from backtest.data.sources.folder import load_prices
from backtest.decisions import decide, last_session, run_sessions, targets_of
from backtest.errors import DataError
from backtest.execution.accounting import Simulation
from backtest.execution.trading import trade
from backtest.panel import Archive
from backtest.prices import Prices
from backtest.statistics import performance, uncertainty
from backtest.strategy import StrategySpec, build_spec
from backtest.thesis import load_thesis
from backtest.weights import Equal

pytestmark = pytest.mark.slow

PRICES = ("open", "high", "low", "close", "adj_close")


@pytest.fixture
def files(first_prices, tmp_path):
    """A copy of some of the shared files and of the decisions beside them, to be spoilt."""
    for name in ("NVDA.csv", "AMD.csv", "300308.SZ.csv", "688256.SS.csv", "CNY=X.csv", "decisions.toml"):
        (tmp_path / name).write_bytes((first_prices / name).read_bytes())
    return tmp_path


def spoil(path: Path, change) -> None:
    """Change the rows of a file, each a list of texts by column."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(table)
    table.to_csv(path, index=False, lineterminator="\n")


def times(table: pd.DataFrame, rows: pd.Series, factor: float) -> None:
    for name in PRICES:
        own = pd.to_numeric(table.loc[rows, name]) * factor
        table.loc[rows, name] = own.round(4).map(lambda value: "" if value != value else f"{value}")


def spec_of(ticker: str, **changes) -> StrategySpec:
    values = {"name": "by_hand", "title": "By hand", "question": "?", "baskets": (ticker,), "weights": Equal()}
    return build_spec(**values | changes)


def traded(ticker: str, prices: Prices, base: str, **changes) -> Simulation:
    """A book of one ticker, bought and held."""
    spec, universe = spec_of(ticker, **changes), load_thesis().universe
    archive = Archive(reference.load_facts(), prices)
    sessions = run_sessions(prices, (ticker,), pd.Timestamp(spec.start), last_session(prices, (ticker,), spec.end, spec.fill))
    return trade(targets_of(decide(spec, ticker, archive, universe, sessions), (ticker,)), prices, base, sessions, spec.execution)


def test_a_book_of_nvidia_on_the_shared_files_has_the_figures_of_an_independent_check(files):
    equity = traded("NVDA", load_prices(["NVDA"], files), "USD", rebalance="quarterly").equity
    assert performance.total_return(equity) == pytest.approx(13.582, abs=0.001)
    assert uncertainty.sharpe(performance.returns(equity), 252)[0] == pytest.approx(1.776, abs=0.001)
    assert performance.max_drawdown(equity) == pytest.approx(-0.369, abs=0.001)


@pytest.mark.parametrize("cut", ["2026-08-21,218.42,218.74,214.5,214.72,2", "2026-08-21,218.42,2", "2026-08"])
def test_a_copy_that_was_killed_within_its_last_row_is_refused_by_file_and_row(files, cut):
    lines = (files / "NVDA.csv").read_text(encoding="utf-8").splitlines()
    (files / "NVDA.csv").write_text("\n".join([*lines[:-1], cut]), encoding="utf-8")
    with pytest.raises(DataError, match=rf"^NVDA.csv row {len(lines)}: [1-6] field\(s\); expected 7, as its header has"):
        load_prices(["NVDA"], files)


def test_an_unadjusted_split_is_refused_by_file_row_day_and_size_until_a_row_decides(files):
    spoil(files / "NVDA.csv", lambda table: times(table, table["date"] < "2024-06-10", 10))
    with pytest.raises(DataError, match=r"^NVDA.csv row \d+ \(2024-06-10\): close moves by -89\.9%, .* or a \[\[price\]\] row"):
        load_prices(["NVDA"], files)
    with (files / "decisions.toml").open("a", encoding="utf-8") as rows:
        rows.write('\n[[price]]\nticker = "NVDA"\nsession = 2024-06-10\nreason = "looked up"\n')
    assert load_prices(["NVDA"], files).wealth["NVDA"].iloc[0] > 290


def test_a_fall_by_half_on_a_board_of_a_fifth_is_refused(files):
    spoil(files / "300308.SZ.csv", lambda table: times(table, table["date"] < "2024-06-11", 2))
    with pytest.raises(DataError, match=r"^300308.SZ.csv row \d+ \(2024-06-11\): close moves by -\d\d\.\d%, .*-20\.25% to"):
        load_prices(["300308.SZ"], files)


def test_one_session_a_hundred_times_too_high_is_refused(files):
    spoil(files / "NVDA.csv", lambda table: times(table, table["date"] == "2024-03-28", 100))
    with pytest.raises(DataError, match=r"^NVDA.csv row \d+ \(2024-03-28\): close moves by \+\d+\.\d%"):
        load_prices(["NVDA"], files)


@pytest.mark.parametrize("volume", ["0", ""])
def test_nothing_is_bought_within_a_suspension_that_is_filled_with_the_last_close(files, volume):
    def suspend(table: pd.DataFrame) -> None:
        still = table["date"].between("2023-01-03", "2023-02-28")
        table.loc[still, list(PRICES)] = table.loc[table["date"] < "2023-01-03", "close"].iloc[-1]
        table.loc[still, "volume"] = volume

    spoil(files / "300308.SZ.csv", suspend)
    orders = traded("300308.SZ", load_prices(["300308.SZ"], files), "CNY", end="2023-06-30").orders
    assert orders["session"].min() >= pd.Timestamp("2023-03-01")


def test_a_copy_under_another_ticker_s_name_is_refused_naming_both(files):
    (files / "AMD.csv").write_bytes((files / "NVDA.csv").read_bytes())
    with pytest.raises(DataError, match=r"^NVDA.csv: the same closes as AMD.csv from 2022-01-03 to 2022-03-31"):
        load_prices(["AMD", "NVDA"], files)


def test_an_inverted_rate_is_refused(files):
    def invert(table: pd.DataFrame) -> None:
        for name in ("close", "adj_close"):
            table[name] = (1 / pd.to_numeric(table[name])).round(6).astype(str)

    spoil(files / "CNY=X.csv", invert)
    with pytest.raises(DataError, match=r"^CNY=X.csv row 2 \(2022-01-03\): the rate is 0\.157\d*; expected CNY per USD between"):
        load_prices(["NVDA"], files)


def test_capital_of_less_than_the_least_order_is_an_order_that_was_not_filled(files):
    outcome = traded("688256.SS", load_prices(["688256.SS"], files), "CNY", capital=5_000.0, end="2023-06-30")
    assert outcome.orders.empty
    assert set(outcome.unfilled["reason"]) == {"less than the least order"}


def test_an_end_beyond_a_file_s_last_session_is_refused_naming_the_ticker_and_that_session(files):
    with pytest.raises(DataError, match=r"the prices of NVDA end on 2026-08-21, before 2030-01-01; expected an end up to then"):
        traded("NVDA", load_prices(["NVDA"], files), "USD", end="2030-01-01")
