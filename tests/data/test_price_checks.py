"""The gate for prices of every source: each fault planted, each exception let through by its row, the true files in full."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import calendars
from backtest.data.adjustment import adjusted
from backtest.data.overrides import Decisions, Price, Suspended, load_decisions
from backtest.data.price_checks import VALUES, Sheet, checked_days, checked_rate
from backtest.data.sources import reference
from backtest.data.sources.folder import load_prices
from backtest.data.volumes import ANOTHER_UNIT, SESSIONS, volumes_in_shares
from backtest.errors import ConfigurationError, DataError
from backtest.markets import load_markets
from backtest.markets.currencies import currency_of_rate, load_currencies
from backtest.thesis import load_thesis

SHARED = Path(__file__).parents[3] / "shared"
HEADER = "date,open,high,low,close,adj_close,volume"
SUPPLIERS = {row.ticker for row in load_thesis().universe.suppliers}
MARKET = {"NVDA": "XNYS", "AMD": "XNYS", "300308.SZ": "XSHG", "600183.SS": "XSHG", "399006.SZ": "XSHG", "000300.SS": "XSHG"}
PRICES = list(VALUES)


def walk(ticker, first="2024-05-06", last="2024-08-30"):
    """Return bars of a share that moves by at most 1% a session, with a volume, on every session of its market."""
    days = calendars.closes(MARKET[ticker], pd.Timestamp(first), pd.Timestamp(last)).index
    close = np.round(100 + 0.5 * np.sin(np.arange(len(days)) * (1 + len(ticker) / 7)), 4)
    table = pd.DataFrame({"open": close, "high": close + 0.2, "low": close - 0.2, "close": close, "adj_close": close}, days)
    return table.assign(volume=1000.0)


def passed(table, ticker="NVDA", decisions=(), opened=None):
    market = load_markets()[MARKET[ticker]]
    since = pd.Timestamp(load_thesis().universe.supplier(ticker).since) if ticker in SUPPLIERS else None
    return checked_days(Sheet(table, ticker, market, f"{ticker}.csv", Decisions(tuple(decisions)), since), opened)


def day(stated):
    return pd.Timestamp(stated)


def times(factor, before=None, on=None, columns=PRICES):
    """Return a change that multiplies prices before a day, or on it alone."""

    def change(table):
        rows = table.index < day(before) if before else table.index == day(on)
        found = table.copy()
        found.loc[rows, columns] *= factor
        return found

    return change


@pytest.mark.parametrize(
    ("ticker", "change", "words"),
    [
        ("NVDA", times(10, before="2024-06-10"), r"\(2024-06-10\): close moves by -(89|90)\.\d%"),
        ("NVDA", times(1 / 7, before="2024-06-10"), r"\(2024-06-10\): close moves by \+6\d\d\.\d%"),
        ("NVDA", times(0.1, before="2024-06-10"), r"\(2024-06-10\): close moves by \+9\d\d\.\d%"),
        ("300308.SZ", times(2, before="2024-06-11"), r"\(2024-06-11\): close moves by -(49|50)\.\d%, .*; expected -20.25%"),
        ("600183.SS", times(1.16, before="2024-06-11"), r"\(2024-06-11\): close moves by -1\d\.\d%, .*; expected -10.25% to"),
        ("399006.SZ", times(1.3, before="2024-06-11"), r"\(2024-06-11\): close moves by -2\d\.\d%, .*; expected -20.25% to"),
        ("000300.SS", times(1.15, before="2024-06-11"), r"\(2024-06-11\): close moves by -1\d\.\d%, .*; expected -10.25% to"),
        ("NVDA", times(100, on="2024-06-10"), r"\(2024-06-10\): close moves by \+\d+\.\d%"),
        ("NVDA", times(100, on="2024-05-06"), r"\(2024-05-07\): close moves by -99\.0%"),
        ("NVDA", times(0.01, on="2024-08-30"), r"\(2024-08-30\): close moves by -99\.0%"),
    ],
    ids=[
        "a split that is not carried back", "a 7:1 split", "a reverse split", "a half on a 20% board", "12% on a 10% board",
        "an index of a 20% board", "an index of a 10% board", "one session times 100", "the first session", "the last session",
    ],
)  # fmt: skip
def test_a_move_that_the_board_or_a_plausible_session_does_not_allow_is_refused_by_day_and_size(ticker, change, words):
    with pytest.raises(DataError, match=rf"^{ticker}.csv {words}"):
        passed(change(walk(ticker)), ticker)


def test_a_price_row_lets_a_true_move_through():
    table = times(10, before="2024-06-10")(walk("NVDA"))
    row = Price(ticker="NVDA", session="2024-06-10", reason="looked up")
    assert passed(table, decisions=[row])["close"].iloc[0] == pytest.approx(table["close"].iloc[0])


def test_what_is_refused_names_the_row_that_would_let_it_through():
    expected = r', or a \[\[price\]\] row with ticker = "NVDA", session = 2024-06-10 and a reason in decisions.toml$'
    with pytest.raises(DataError, match=expected):
        passed(times(10, before="2024-06-10")(walk("NVDA")))


def test_a_price_row_of_another_session_lets_nothing_through():
    row = Price(ticker="NVDA", session="2024-06-11", reason="looked up")
    with pytest.raises(DataError, match=r"\(2024-06-10\)"):
        passed(times(10, before="2024-06-10")(walk("NVDA")), decisions=[row])


@pytest.mark.parametrize("column", PRICES)
@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_one_price_of_one_column_a_hundred_times_off_is_refused(column, factor):
    with pytest.raises(DataError, match=r"^NVDA.csv \(2024-06-1[01]\): "):
        passed(times(factor, on="2024-06-10", columns=[column])(walk("NVDA")))


def test_an_open_and_a_low_off_together_are_refused():
    with pytest.raises(DataError, match=r"\(2024-06-10\): open moves by -99\.0%"):
        passed(times(0.01, on="2024-06-10", columns=["open", "low"])(walk("NVDA")))


def test_an_adj_close_that_falls_behind_its_close_is_refused():
    with pytest.raises(DataError, match=r"\(2024-06-10\): close moves by .*, adj_close by .*; expected no less from adj_close"):
        passed(times(1.05, before="2024-06-10", columns=["adj_close"])(walk("NVDA")))


def test_a_dividend_of_a_tenth_of_the_close_is_let_pass():
    passed(times(0.9, before="2024-06-10", columns=["adj_close"])(walk("NVDA")))


@pytest.mark.parametrize("share", [0.2, 0.3, 0.9])
def test_a_large_dividend_without_a_fall_to_match_is_refused(share):
    with pytest.raises(DataError, match=rf"\(2024-06-10\): .* a dividend of {share:.0%} of the close before; expected .* a fall"):
        passed(times(1 - share, before="2024-06-10", columns=["adj_close"])(walk("NVDA")))


def test_a_large_dividend_with_a_fall_to_match_is_let_pass():
    fallen = walk("NVDA")
    fallen.loc[fallen.index >= day("2024-06-10"), PRICES] *= 0.75
    passed(times(0.75, before="2024-06-10", columns=["adj_close"])(fallen))


@pytest.mark.parametrize(("low", "fine"), [(0.61, True), (0.58, False)])
def test_new_york_may_fall_by_two_fifths_in_a_session_and_no_further(low, fine):
    table = walk("NVDA")
    table.loc[table.index >= day("2024-06-10"), PRICES] *= low
    if fine:
        passed(table)
    else:
        with pytest.raises(DataError, match=r"expected -40.00% to \+50.00%"):
            passed(table)


def test_a_suspension_may_end_with_the_move_of_its_sessions_together():
    table = times(0.75, before="2024-06-11")(walk("300308.SZ"))
    table.loc["2024-06-07":"2024-06-07", [*PRICES, "volume"]] = np.nan
    assert len(passed(table, "300308.SZ")) == len(table)  # +33% over two sessions of at most 20.25% each


def test_a_split_at_the_end_of_a_long_suspension_is_refused():
    table = times(2, before="2024-06-11")(walk("300308.SZ"))
    table.loc["2024-05-27":"2024-06-07", [*PRICES, "volume"]] = np.nan
    table.loc["2024-06-10":"2024-06-10", [*PRICES, "volume"]] = np.nan
    with pytest.raises(DataError, match=r"\(2024-06-11\): close moves by -(49|50)\.\d%"):
        passed(table, "300308.SZ")


def test_the_first_sessions_after_listing_have_no_limit_and_the_sixth_has():
    table, before = walk("300308.SZ"), day("2024-01-02")
    fifth, sixth = table.index[4], table.index[5]
    with pytest.raises(DataError, match=r"300308.SZ.csv"):  # a member for years: its file begins late, it was not listed late
        passed(times(2, before=fifth)(table), "300308.SZ", opened=before)
    index = table.rename_axis("date")
    listed = Sheet(times(2, before=fifth)(index), "301999.SZ", load_markets()["XSHG"], "301999.SZ.csv", Decisions())
    assert len(checked_days(listed, before)) == len(table)
    with pytest.raises(DataError, match=rf"\({sixth:%Y-%m-%d}\): close moves by -(49|50)"):
        checked_days(replace(listed, table=times(2, before=sixth)(index)), before)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"high": 90.0}, "high 90, .*; expected low <= open, close <= high"),
        ({"low": 110.0, "high": 112.0}, "low 110, .*; expected low <= open, close <= high"),
        ({"open": np.nan, "low": np.nan, "high": 90.0}, "open empty, high 90"),
        ({"open": np.nan, "low": 130.0, "high": 120.0}, "low 130"),
        ({"close": np.nan}, "close empty, .*; expected close and adj_close, both or neither"),
        ({"adj_close": np.nan}, "adj_close empty; expected close and adj_close, both or neither"),
        ({"close": np.nan, "adj_close": np.nan}, "close empty, .*; expected a close, or no price at all"),
        ({"close": -1.0}, "close is -1; expected a price above 0"),
        ({"open": np.inf}, "open is inf; expected a price above 0"),
        ({"volume": -5.0}, "volume is -5; expected 0 or more"),
    ],
)
def test_a_bar_that_contradicts_itself_is_refused_by_what_it_says(values, words):
    table = walk("NVDA")
    for name, value in values.items():
        table.loc["2024-06-10", name] = value
    with pytest.raises(DataError, match=rf"^NVDA.csv \(2024-06-10\): .*{words}"):
        passed(table)


def test_a_row_with_only_a_close_is_a_close():
    table = walk("NVDA")
    table.loc["2024-06-10":, ["open", "high", "low", "volume"]] = np.nan
    found = passed(table)
    assert found["close"].notna().all()
    assert np.isnan(found.loc["2024-06-10", "open"])


def flat(table, first, last, volume):
    """Return a table as sources fill a suspension: every price the close before."""
    found = table.copy()
    still = (table.index >= day(first)) & (table.index <= day(last))
    found.loc[still, PRICES] = found.loc[found.index < day(first), "close"].iloc[-1]
    found.loc[still, "volume"] = volume
    return found, still


@pytest.mark.parametrize("ticker", ["300308.SZ", "NVDA"])
@pytest.mark.parametrize("volume", [0.0, np.nan])
def test_sessions_flat_at_the_close_before_without_volume_are_a_suspension(ticker, volume):
    table, still = flat(walk(ticker), "2024-06-11", "2024-06-28", volume)
    found = passed(table, ticker)
    assert found.loc[still, PRICES].isna().all().all()
    assert found.loc[~still, "close"].notna().all()


def test_a_filled_suspension_may_be_rounded_where_its_volume_is_stated():
    table, still = flat(walk("300308.SZ"), "2024-06-11", "2024-06-28", 0.0)
    table.loc[still, PRICES] *= 1.0001
    assert passed(table, "300308.SZ").loc[still, "close"].isna().all()


def test_a_flat_session_that_traded_is_none():
    table, still = flat(walk("NVDA"), "2024-06-11", "2024-06-28", 500.0)
    assert passed(table).loc[still, "close"].notna().all()


def test_a_flat_bar_of_a_cheap_share_without_a_volume_is_no_suspension_where_it_moved():
    table = walk("NVDA")
    table[PRICES] *= 0.005
    moved = table.index[40]
    table.loc[moved, PRICES] = table["close"].iloc[39] * 1.05
    table.loc[moved, "volume"] = np.nan
    assert passed(table).loc[moved, "close"] > 0


def test_an_empty_volume_alone_is_no_suspension():
    assert passed(walk("NVDA").assign(volume=np.nan))["close"].notna().all()


def test_a_file_that_begins_within_a_suspension_begins_without_a_price():
    table = walk("300308.SZ")
    table.loc[:"2024-05-10", PRICES], table.loc[:"2024-05-10", "volume"] = 100.0, 0.0
    found = passed(table, "300308.SZ")
    assert found.loc[:"2024-05-10", "close"].isna().all()
    assert found.loc["2024-05-13":, "close"].notna().all()


def test_a_suspended_row_stands_for_sessions_without_a_row_and_takes_the_price_of_those_with_one():
    table = walk("300308.SZ").drop(index=[day("2024-06-12"), day("2024-06-13")])
    with pytest.raises(DataError, match=r"no row for 2024-06-12, a session of XSHG \(2 missing\); .* or a \[\[suspended\]\] row"):
        passed(table, "300308.SZ")
    row = Suspended(ticker="300308.SZ", first="2024-06-11", last="2024-06-13", reason="a halt")
    found = passed(table, "300308.SZ", [row])
    assert found.loc["2024-06-11":"2024-06-13", "close"].isna().all()
    assert found["close"].notna().sum() == len(table) - 1


def test_a_gap_of_a_whole_week_is_refused_by_its_first_day():
    table = walk("NVDA").drop(index=pd.date_range("2024-06-10", "2024-06-14"))
    with pytest.raises(DataError, match=r"no row for 2024-06-10, a session of XNYS \(5 missing\)"):
        passed(table)


@pytest.mark.parametrize(
    ("split", "factor", "words"), [(10.0, 0.1, "still show"), (10.0, 10.0, "show twice"), (1.5, 1 / 1.5, "still")]
)
def test_a_named_split_that_the_closes_show_is_refused(split, factor, words):
    table = walk("NVDA").assign(split=1.0)
    table.loc["2024-06-10", "split"] = split
    table.loc[table.index >= day("2024-06-10"), PRICES] *= factor
    with pytest.raises(DataError, match=rf"\(2024-06-10\): close moves by .* on a split of {split:g}, which its prices {words}"):
        passed(table)


def test_a_named_split_that_the_closes_were_carried_through_is_let_pass():
    table = walk("NVDA").assign(split=1.0)
    table.loc["2024-06-10", "split"] = 10.0
    passed(table)


def test_a_dividend_of_a_source_of_ninety_percent_of_the_close_is_refused():
    rows = walk("NVDA").rename_axis("session").reset_index().assign(dividend=0.0, split=1.0)
    rows.loc[rows["session"] == day("2024-06-10"), "dividend"] = 90.0
    with pytest.raises(DataError, match=r"\(2024-06-10\): .* a dividend of (89|90)% of the close before"):
        passed(adjusted(rows, "yahoo NVDA"))


def rate(*closes, ticker="CNY=X", decisions=()):
    table = pd.DataFrame({"close": closes, "adj_close": closes}, pd.bdate_range("2024-06-03", periods=len(closes)), dtype=float)
    return checked_rate(table, load_currencies()[currency_of_rate(ticker)], f"{ticker}.csv", Decisions(tuple(decisions)))


@pytest.mark.parametrize(
    ("closes", "words"),
    [
        ((7.24, 7.25, 7.7), r"\(2024-06-05\): close moves by \+6\.2%, from 7.25 to 7.7"),
        ((7.24, 7.25, 6.7), r"\(2024-06-05\): close moves by -7\.6%"),
        ((0.138, 0.138, 0.137), r"\(2024-06-03\): the rate is 0.138; expected CNY per USD between 5 and 10"),
        ((7.24, 0.138, 7.24), r"\(2024-06-04\): the rate is 0.138"),
        ((7.24, 724.0, 7.24), r"\(2024-06-04\): the rate is 724"),
    ],
)
def test_a_rate_out_of_its_band_or_with_a_jump_is_refused(closes, words):
    with pytest.raises(DataError, match=rf"^CNY=X.csv {words}"):
        rate(*closes)


def test_a_rate_of_the_won_has_a_band_of_its_own():
    assert len(rate(1380.0, 1382.0, ticker="KRW=X")) == 2
    with pytest.raises(DataError, match="expected KRW per USD between 800 and 2500"):
        rate(7.24, 7.25, ticker="KRW=X")


def test_a_true_jump_of_a_rate_is_let_through_by_its_row():
    assert len(rate(7.24, 7.8, decisions=[Price(ticker="CNY=X", session="2024-06-04", reason="looked up")])) == 2


def folder_of(home, **tables):
    for ticker, table in tables.items():
        table.rename_axis("date").to_csv(home / f"{ticker}.csv", date_format="%Y-%m-%d", lineterminator="\n")
    return home


def test_two_tickers_with_the_same_rows_are_refused_naming_both(tmp_path):
    folder_of(tmp_path, NVDA=walk("NVDA"), AMD=walk("NVDA"))
    with pytest.raises(
        DataError, match=r"AMD.csv: the same closes as NVDA.csv from 2024-05-06 to 2024-06-28; expected the prices of"
    ):
        load_prices(["NVDA", "AMD"], tmp_path)


def test_a_quarter_of_another_ticker_s_rows_within_a_file_is_refused(tmp_path):
    mixed = pd.concat([walk("AMD")["2024-05-06":"2024-06-28"], walk("NVDA")["2024-07-01":]])
    folder_of(tmp_path, NVDA=walk("NVDA"), AMD=mixed)
    with pytest.raises(DataError, match=r"AMD.csv: the same closes as NVDA.csv from 2024-07-01 to 2024-08-30"):
        load_prices(["NVDA", "AMD"], tmp_path)


def test_what_is_refused_in_a_folder_names_file_row_and_day(tmp_path):
    folder_of(tmp_path, NVDA=times(10, before="2024-06-10")(walk("NVDA")))
    with pytest.raises(DataError, match=r"^NVDA.csv row 26 \(2024-06-10\): close moves by -(89|90)\."):
        load_prices(["NVDA"], tmp_path)


@pytest.mark.parametrize("cut", [8, 10, 14, 20])
def test_a_last_row_that_a_killed_copy_cut_is_refused_by_file_and_row(tmp_path, cut):
    folder_of(tmp_path, NVDA=walk("NVDA"))
    path = tmp_path / "NVDA.csv"
    content = path.read_text(encoding="utf-8")
    path.write_text(content[:-cut], encoding="utf-8")
    with pytest.raises(DataError, match=rf"^NVDA.csv row {content.count(chr(10))}: [1-6] field\(s\); expected 7"):
        load_prices(["NVDA"], tmp_path)


@pytest.mark.parametrize("stated", ["many", "1,000", "inf"])
def test_a_volume_that_is_no_number_is_refused_by_row_and_day(tmp_path, stated):
    folder_of(tmp_path, NVDA=walk("NVDA"))
    path = tmp_path / "NVDA.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[4] = f'{lines[4].rsplit(",", 1)[0]},"{stated}"'
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"^NVDA.csv row 5 \(2024-05-09\): volume is '{stated}'; expected a number, or nothing"):
        load_prices(["NVDA"], tmp_path)


def test_an_inverted_rate_file_is_refused_by_file_row_and_day(tmp_path):
    days = pd.bdate_range("2024-05-06", "2024-08-30")
    inverted = pd.DataFrame(dict.fromkeys(HEADER.split(",")[1:], np.nan), days).assign(close=0.138, adj_close=0.138)
    folder_of(tmp_path, **{"NVDA": walk("NVDA"), "CNY=X": inverted})
    with pytest.raises(DataError, match=r"^CNY=X.csv row 2 \(2024-05-06\): the rate is 0.138; expected CNY per USD between"):
        load_prices(["NVDA"], tmp_path)


def test_a_folder_s_own_decisions_let_its_moves_through(tmp_path):
    folder_of(tmp_path, NVDA=times(10, before="2024-06-10")(walk("NVDA")))
    row = '[[price]]\nticker = "NVDA"\nsession = 2024-06-10\nreason = "looked up"\n'
    (tmp_path / "decisions.toml").write_text(row, encoding="utf-8")
    assert len(load_prices(["NVDA"], tmp_path).wealth) == len(walk("NVDA"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[price]]\nticker = "NVDIA"\nsession = 2024-06-10\nreason = "x"', "price 1: no ticker 'NVDIA'; did you mean 'NVDA'?"),
        ('[[ended]]\nticker = "NVDA"\nsession = 2024-06-10', "ended 1: reason; expected one, none is given"),
        ('[[price]]\nticker = "NVDA"\nsession = "soon"\nreason = "x"', "price 1: session is 'soon'; expected a valid date"),
        (
            '[[suspended]]\nticker = "NVDA"\nfirst = 2024-06-10\nlast = 2024-06-07\nreason = "x"',
            "suspended 1: last is",
        ),
        ("price = [1]", "price is .1.; expected"),
        ('[[prices]]\nticker = "NVDA"', "'prices' is no heading of this file"),
    ],
)
def test_a_decision_that_says_nothing_sensible_is_refused_by_row_and_field(tmp_path, text, words):
    (tmp_path / "decisions.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"decisions.toml.*" + words.replace("?", r"\?")):
        load_decisions(tmp_path)


def test_an_ended_row_of_another_session_than_the_last_price_is_refused(tmp_path):
    folder_of(tmp_path, NVDA=walk("NVDA"))
    row = '[[ended]]\nticker = "NVDA"\nsession = 2024-08-29\nreason = "delisted"\n'
    (tmp_path / "decisions.toml").write_text(row, encoding="utf-8")
    with pytest.raises(DataError, match=r"the last price of NVDA is of 2024-08-30, its \[\[ended\]\] row .* says 2024-08-29"):
        load_prices(["NVDA"], tmp_path)


def test_every_shared_file_passes_with_the_decisions_beside_it(shared_prices):
    tickers = [one for one in sorted(load_thesis().universe.market_and_currency()) if (shared_prices / f"{one}.csv").exists()]
    found = load_prices(tickers, shared_prices)
    rows = sum((shared_prices / f"{one}.csv").read_text(encoding="utf-8").count("\n") - 1 for one in tickers)
    assert int(found.wealth.notna().sum().sum()) == rows  # none is suspended, none is dropped


def test_the_shared_files_need_the_decisions_beside_them(tmp_path, shared_prices):
    (tmp_path / "AAOI.csv").write_bytes((shared_prices / "AAOI.csv").read_bytes())
    with pytest.raises(DataError, match=r"AAOI.csv row \d+ \(2022-09-16\): close moves by \+50\.\d%"):
        load_prices(["AAOI"], tmp_path)


@pytest.fixture(scope="module")
def embedded_rows():
    return pd.read_parquet(reference.FOLDER / reference.PRICES)


@pytest.fixture
def spoil(tmp_path, embedded_rows):
    """Write the embedded prices with a change, beside their decisions; return the folder."""

    def write(change):
        rows = embedded_rows.copy()
        change(rows)
        rows.to_parquet(tmp_path / reference.PRICES, index=False)
        for name in ("decisions.toml", "prices.csv"):
            (tmp_path / name).write_bytes((reference.FOLDER / name).read_bytes())
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("ticker", "factor"), [("NVDA", 10), ("NVDA", 0.5), ("300308.SZ", 2), ("600183.SS", 1.8), ("CNY=X", 1.1)]
)
def test_the_embedded_prices_pass_the_same_gate(spoil, ticker, factor):
    def change(rows):
        chosen = rows.index[(rows["ticker"] == ticker) & (rows["session"].astype(str) == "2024-03-28")]
        for name in ("open", "high", "low", "close", "adj_close"):
            rows.loc[chosen, name] = (rows.loc[chosen, name] * factor).round()

    with pytest.raises(DataError, match=rf"^prices.parquet {ticker} \(2024-03-2[89]\): close moves by"):
        reference.load_prices(["NVDA", "300308.SZ", "600183.SS"], spoil(change))


def test_embedded_prices_of_one_ticker_copied_over_another_are_refused(spoil):
    def change(rows):
        own = rows[rows["ticker"] == "AMD"].drop(columns="ticker")
        chosen = rows["ticker"] == "NVDA"
        assert list(own["session"]) == list(rows.loc[chosen, "session"])
        rows.loc[chosen, own.columns] = own.to_numpy()

    with pytest.raises(DataError, match=r"prices.parquet NVDA: the same closes as prices.parquet AMD"):
        reference.load_prices(["AMD", "NVDA"], spoil(change))


@pytest.mark.parametrize(("spikes", "size"), [(0, 1.0), (2, 25.0), (2, 40.0), (30, 1 / 45), (1, 100.0)])
def test_volumes_far_from_the_median_of_those_taken_before_are_left_out_whatever_way_is_short(spikes, size):
    chance = np.random.default_rng(spikes)
    volumes = np.exp(np.cumsum(chance.normal(0.0, 0.3, 300)))
    volumes[chance.choice(300, 5, replace=False)] = np.nan
    volumes[200 : 200 + spikes] *= size
    taken, expected = [], []
    for volume in volumes:
        middle = np.median(taken[-SESSIONS:]) if taken else volume
        far = np.isnan(volume) or not middle / ANOTHER_UNIT <= volume <= middle * ANOTHER_UNIT
        taken += [] if far else [volume]
        expected.append(np.nan if far else volume)
    table = pd.DataFrame({"volume": volumes, "close": 1.0}, pd.bdate_range("2024-01-01", periods=300))
    ours = volumes_in_shares({"AAA": table}, Decisions())["AAA"]
    assert np.array_equal(ours.to_numpy(), np.array(expected), equal_nan=True)
