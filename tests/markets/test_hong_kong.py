"""Hong Kong is added by one file: the same thesis, prices and strategy are refused without it and run with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.markets import spec_of

from backtest.__main__ import main
from backtest.data.archive import load_archive
from backtest.errors import ConfigurationError, DataError
from backtest.markets import read_market
from backtest.result import Book
from backtest.runs import run
from backtest.thesis import Thesis, load_thesis

ROWS = Path(__file__).parent / "XHKG.toml"
HONG_KONG, SHANGHAI = "1234.HK", "600001.SS"
FIRST, LAST = pd.Timestamp("2023-01-03"), pd.Timestamp("2024-06-28")
THESIS = """[thesis]
id = "peaks"
title = "Peaks"
question = "Does a share of Hong Kong trade?"
publisher = "a test"
date = 2024-01-02
themes = ["peaks"]
cited_as = ["a test"]
source = "a test"
"""
SUPPLIER = """
[[supplier]]
ticker = "{}"
name = "{}"
market = "{}"
currency = "{}"
theme = "peaks"
since = 2023-01-03
source = "a test"
"""
BASKET = """
[[basket]]
name = "{}"
title = "{}"
members = {}
currency = "{}"
chosen = 2024-01-02
source = "a test"
"""
STRATEGY = """from backtest.strategy import build_spec
from backtest.weights import Equal

SPEC = build_spec(
    name="peaks", title="Peaks", question="Does it trade?", baskets=("peaks",), weights=Equal(), start="2023-01-05"
)
"""


def write_prices(folder: Path, name: str, days: pd.DatetimeIndex, level: float, swing: float) -> None:
    """A made-up price or rate that swings about a level."""
    close = np.round(level * (1 + swing * np.sin(np.arange(len(days)) * (1 + level % 7) / 9)), 4)
    table = pd.DataFrame({"open": close, "high": close, "low": close, "close": close, "adj_close": close, "volume": 1000}, days)
    table.rename_axis("date").to_csv(folder / f"{name}.csv", date_format="%Y-%m-%d", lineterminator="\n")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a thesis about a share of Hong Kong and one of Shanghai, its strategy and their prices, but no market."""
    suppliers = [SUPPLIER.format(HONG_KONG, "Peak", "XHKG", "HKD"), SUPPLIER.format(SHANGHAI, "Plain", "XSHG", "CNY")]
    baskets = [BASKET.format("peaks", "Peaks", [HONG_KONG], "HKD"), BASKET.format("both", "Both", [HONG_KONG, SHANGHAI], "CNY")]
    for name, text in (("thesis", THESIS), ("suppliers", "".join(suppliers)), ("baskets", "".join(baskets))):
        (tmp_path / f"{name}.toml").write_text(text.replace("'", '"'), encoding="utf-8")
    for name in ("strategies", "prices"):
        (tmp_path / name).mkdir()
    (tmp_path / "strategies" / "peaks.py").write_text(STRATEGY, encoding="utf-8")
    prices, hong_kong = tmp_path / "prices", read_market(ROWS)
    write_prices(prices, HONG_KONG, hong_kong.sessions(FIRST, LAST), 40.0, 0.01)
    write_prices(prices, SHANGHAI, load_thesis().universe.markets["XSHG"].sessions(FIRST, LAST), 10.0, 0.01)
    write_prices(prices, "HKD=X", pd.bdate_range(FIRST, LAST), 7.8, 0.001)
    write_prices(prices, "CNY=X", pd.bdate_range(FIRST, LAST), 7.1, 0.002)
    return tmp_path


@pytest.fixture
def added(home: Path) -> Thesis:
    """The thesis of that folder after the one file has been added."""
    (home / "markets").mkdir()
    shutil.copy(ROWS, home / "markets" / ROWS.name)
    return load_thesis(home)


def book_of(thesis: Thesis, basket: str, **changes: object) -> Book:
    spec = spec_of(baskets=(basket,), start="2023-01-05", slippage_bps=0.0, **changes)
    archive = load_archive(spec.tickers(basket, thesis.universe), str(thesis.folder / "prices"), thesis=thesis)
    return run(spec, archive).books[basket]


def test_a_ticker_of_hong_kong_is_refused_without_its_market(home: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"suppliers.toml row 1: market is 'XHKG'; expected one of XKRX, XNYS, XSHG"):
        load_thesis(home)


def test_a_book_in_hong_kong_s_money_trades_by_its_rows(added: Thesis) -> None:
    book = book_of(added, "peaks")
    assert (book.currency, book.periods_per_year) == ("HKD", 246)
    buys, sells = (book.orders[book.orders["side"] == side] for side in ("buy", "sell"))
    assert len(buys)
    assert (book.orders["shares"] % 100 == 0).all()
    first = buys.iloc[0]
    assert first["stamp duty"] / first["value"] == pytest.approx(13.0e-4)
    late = book.orders[book.orders["session"] >= "2023-11-17"]
    assert (late["stamp duty"] / late["value"]).round(12).isin([10.0e-4]).all()
    assert len(sells) == 0 or (sells["stamp duty"] > 0).all()
    assert set(book.attribution["market"].index) == {"XHKG"}
    assert (book.attribution["currency"]["currency"] == 0).all()


def test_a_book_in_yuan_holds_hong_kong_through_two_rates(added: Thesis) -> None:
    book = book_of(added, "peaks", base="CNY", cost_bps=0.0)
    own = book_of(added, "peaks", cost_bps=0.0)
    files = (added.folder / "prices" / f"{name}=X.csv" for name in ("CNY", "HKD"))
    yuan, dollar = (pd.read_csv(file, index_col=0, parse_dates=True)["close"] for file in files)
    cross = (yuan / dollar).reindex(book.equity.index, method="ffill")
    held = book.equity.index >= book.orders["session"].iloc[0]
    expected = (own.equity / own.equity[held].iloc[0] * cross / cross[held].iloc[0])[held]
    np.testing.assert_allclose(book.equity[held] / book.equity[held].iloc[0], expected, rtol=1e-12)
    assert (book.attribution["currency"]["currency"] != 0).any()


def test_shanghai_and_hong_kong_share_a_book_and_take_turns(added: Thesis) -> None:
    book = book_of(added, "both")
    assert book.currency == "CNY"
    assert book.periods_per_year not in (242, 246)
    assert set(book.attribution["market"].index) == {"XHKG", "XSHG"}
    archive = load_archive([HONG_KONG, SHANGHAI], str(added.folder / "prices"), thesis=added)
    assert archive.prices.in_order(["XHKG", "XSHG"]) == ("XSHG", "XHKG")


def test_a_book_without_the_rate_it_needs_is_refused_by_its_name_and_no_other_is(added: Thesis) -> None:
    (added.folder / "prices" / "HKD=X.csv").unlink()
    with pytest.raises(DataError, match=r"no HKD=X rate for 2023-01-05; expected HKD=X.csv with HKD per USD \(for 1234.HK in a"):
        book_of(added, "peaks", base="CNY")
    assert book_of(added, "peaks").currency == "HKD"


@pytest.mark.parametrize(("base", "currency"), [((), "HKD"), (("--base", "CNY"), "CNY"), (("--base", "USD"), "USD")])
def test_the_command_runs_and_names_the_place(
    added: Thesis, base: tuple[str, ...], currency: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(added.folder)
    arguments = ["run", "peaks", "--prices", "prices", "--out", "out", "--json", *base]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None), capsys.readouterr().err
    document = json.loads(capsys.readouterr().out)
    assert document["books"]["peaks"]["currency"] == currency
    assert "Hong Kong" in next((added.folder / "out" / "peaks").rglob("index.html")).read_text(encoding="utf-8")
