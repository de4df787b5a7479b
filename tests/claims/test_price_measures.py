"""Measures of prices on made-up closes, and what a panel knows of turnover."""

from dataclasses import replace

import pandas as pd
import pytest

from backtest.calendars import as_of_moment
from backtest.claims import price_measures
from backtest.panel import Archive

FUND = "588790.SS"
WHOLE = pd.Timestamp("2026-06-30T23:59:59Z")


@pytest.fixture
def priced(archive):
    """Return a panel, long after, in which the fund has the closes given by day and no other."""

    def build(closes):
        days = pd.DatetimeIndex([*closes])
        prices = pd.DataFrame({FUND: list(closes.values())}, index=days, dtype=float)
        return replace(archive.as_of(WHOLE), prices=prices)

    return build


MONTHS = {"2025-01-10": 10.0, "2025-01-31": 12.0, "2025-02-28": 11.0, "2025-03-31": 12.1, "2025-04-30": 13.0, "2025-05-30": 12.0}


def test_a_return_is_that_between_the_closes_of_two_days(priced):
    found = price_measures.period_return(priced(MONTHS), FUND, "2025-01-31", "2025-04-30")
    assert found.value == pytest.approx(13.0 / 12.0 - 1.0)
    assert (found.span, found.details.closes) == ("2025-01-31 to 2025-04-30", {"2025-01-31": 12.0, "2025-04-30": 13.0})


def test_a_day_without_a_close_is_named(priced):
    found = price_measures.period_return(priced(MONTHS), FUND, "2025-02-01", "2025-04-30")
    assert (found.value, found.missing) == (None, (f"{FUND}'s close of 2025-02-01",))


@pytest.mark.parametrize(
    ("until", "with_first", "value", "span"),
    [
        ("2025-05-31", False, 12.1 / 11.0 - 1, "2025-02-28 to 2025-03-31"),
        ("2025-05-31", True, 12.0 / 10.0 - 1, "2025-01-10 to 2025-01-31"),
        ("2025-02-28", False, 11.0 / 12.0 - 1, "2025-01-31 to 2025-02-28"),
    ],
)
def test_the_best_month_is_among_those_that_were_over(priced, until, with_first, value, span):
    found = price_measures.best_month(priced(MONTHS), FUND, until, with_first)
    assert (found.value, found.span) == (pytest.approx(value), span)


def test_a_month_counts_from_its_last_day_on(priced):
    found = price_measures.best_month(priced(MONTHS), FUND, "2025-05-30")  # 05-30 is the last session and not the last day
    assert found.details.of == 3


def test_a_run_of_rising_months_is_the_longest_and_of_equals_the_first(priced):
    found = price_measures.longest_rise(priced(MONTHS), FUND, "2025-05-31")
    assert (found.value, found.span, found.details.counted) == (pytest.approx(13.0 / 11.0 - 1), "2025-02-28 to 2025-04-30", 2)
    short = price_measures.longest_rise(priced(MONTHS), FUND, "2025-03-31", with_first=True)
    assert (short.span, short.details.counted) == ("2025-01-10 to 2025-01-31", 1)


def test_a_ticker_that_never_rose_has_no_run(priced):
    found = price_measures.longest_rise(priced({"2025-01-31": 3.0, "2025-02-28": 2.0, "2025-03-31": 2.0}), FUND, "2025-03-31")
    assert (found.value, found.missing) == (None, (f"a month by 2025-03-31 in which {FUND} rose",))


def test_a_holding_is_sold_at_the_last_close_by_the_same_day_of_the_month(priced):
    closes = {"2025-01-31": 10.0, "2025-02-03": 20.0, "2025-02-28": 11.0, "2025-03-03": 18.0, "2025-03-10": 30.0}
    found = price_measures.profitable_holdings(priced(closes), FUND, 1, "2025-03-05")
    assert (found.value, found.details.counted, found.details.of) == (1 / 2, 1, 2)  # 10 to 11 on 02-28, 20 to 18 on 03-03
    assert found.margin == pytest.approx(18 / 20 - 1)
    assert found.span == "2025-01-31 to 2025-03-03"


def test_no_holding_that_has_ended_is_missing(priced):
    found = price_measures.profitable_holdings(priced(MONTHS), FUND, 6, "2025-05-31")
    assert (found.value, found.missing) == (None, (f"a holding of {FUND} over 6 months that ended by 2025-05-31",))


@pytest.mark.parametrize("measure", [price_measures.best_month, price_measures.longest_rise])
def test_prices_that_end_long_before_a_day_do_not_speak_of_it(priced, measure):
    assert measure(priced(MONTHS), FUND, "2025-08-31").value is None


def test_before_a_day_is_over_its_measures_are_missing(archive):
    panel = archive.as_of(pd.Timestamp("2025-07-23T23:00Z"))
    assert price_measures.period_return(panel, FUND, "2025-07-17", "2025-07-24").value is None
    assert price_measures.best_month(panel, FUND, "2025-07-24").value is None
    assert price_measures.profitable_holdings(panel, FUND, 6, "2025-07-24").value is None
    assert price_measures.mean_turnover(panel, FUND, "2025-07-24", "2025-07-24").value is None


# --- turnover --------------------------------------------------------------------------------------------------------


def test_turnover_is_close_times_volume_and_its_mean_over_the_sessions_there_are(archive):
    panel = archive.as_of(as_of_moment("2025-07-24"))
    assert panel.turnover(FUND).loc["2025-07-23":].tolist() == pytest.approx([0.591 * 350008100, 0.596 * 375407200])
    found = price_measures.mean_turnover(panel, FUND, "2025-07-19", "2025-07-24")
    traded = [0.594 * 368936900, 0.589 * 317865300, 0.591 * 350008100, 0.596 * 375407200]
    assert (found.value, found.first, found.details.of) == (pytest.approx(sum(traded) / 4 / 1e6), "2025-07-21", 4)


@pytest.mark.parametrize(("moment", "last"), [("2025-07-24T06:59Z", "2025-07-23"), ("2025-07-24T07:00Z", "2025-07-24")])
def test_a_session_s_turnover_is_known_from_its_close_on(archive, moment, last):
    known = archive.as_of(pd.Timestamp(moment)).turnover(FUND)
    assert f"{known.index[-1]:%Y-%m-%d}" == last


def test_a_turnover_table_cannot_be_written_and_a_ticker_without_volume_has_none(archive):
    panel = archive.as_of(as_of_moment("2025-07-24"))
    given = panel.turnover(FUND)
    given.iloc[:] = 1.0
    assert panel.turnover(FUND).iloc[-1] > 1e6
    bare = Archive(archive.facts, replace(archive.prices, volume=None), archive.thesis).as_of(as_of_moment("2025-07-24"))
    assert bare.turnover(FUND).empty
    found = price_measures.mean_turnover(bare, FUND, "2025-07-24", "2025-07-24")
    assert (found.value, found.missing) == (None, (f"volume of {FUND} from 2025-07-24 to 2025-07-24",))
    assert panel.turnover("CNY=X").empty


def test_what_a_basket_earned_beyond_a_ticker_names_what_each_earned(archive):
    panel = archive.as_of(WHOLE)
    found = price_measures.excess_return(panel, "leaders", "SMH")
    first, last = found.span.split(",")[0].split(" to ")
    earned = panel.prices.loc[last] / panel.prices.loc[first] - 1.0
    members = list(panel.thesis.universe.basket("leaders").members)
    assert found.details.returns == pytest.approx(earned[[*members, "SMH"]].to_dict(), abs=1e-12)
    assert found.value == pytest.approx(earned[members].mean() - earned["SMH"], abs=1e-12)


def test_before_two_sessions_are_known_what_a_basket_earned_says_so(archive):
    found = price_measures.excess_return(archive.as_of("2025-07-24"), "leaders", "SMH")
    assert (found.value, found.missing) == (None, ("prices of two sessions after 2025-07-23",))
