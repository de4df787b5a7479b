import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest.errors import ConfigurationError
from backtest.signals.momentum import Momentum

ANSWERS = Path(__file__).parent.parent / "answers" / "momentum.csv"
ROWS = list(csv.DictReader(ANSWERS.read_text(encoding="utf-8").splitlines()))
PRICED = [row for row in ROWS if row["value"]]


def named(row):
    return f"{row['ticker']} {row['months']}-{row['skip_months']} {row['moment']}"


def score(row, archive):
    signal = Momentum(months=int(row["months"]), skip_months=int(row["skip_months"]))
    return signal(archive.as_of(pd.Timestamp(row["moment"])))[row["ticker"]]


@pytest.mark.parametrize("row", PRICED, ids=named)
def test_the_working_of_an_answer_comes_to_its_value(row):
    assert eval(row["working"]) == pytest.approx(float(row["value"]), abs=5e-9)


@pytest.mark.parametrize("row", PRICED, ids=named)
def test_the_past_return_is_the_one_worked_by_hand(row, archive):
    assert score(row, archive) == pytest.approx(float(row["value"]), abs=5e-9)


@pytest.mark.parametrize("row", [row for row in ROWS if not row["value"]], ids=named)
def test_a_name_that_was_not_listed_at_the_start_has_no_past_return(row, archive):
    assert np.isnan(score(row, archive))


def test_there_is_a_score_for_every_ticker_of_the_panel(archive):
    panel = archive.as_of(pd.Timestamp("2024-06-03T12:00Z"))
    assert list(Momentum()(panel).index) == list(panel.prices.columns)


@pytest.mark.parametrize(("days", "priced"), [(14, True), (15, False)])
def test_a_price_serves_for_fourteen_days(archive, days, priced):
    panel = archive.as_of(pd.Timestamp("2024-06-03T00:00Z"))
    end, start = pd.Timestamp("2024-05-03"), pd.Timestamp("2023-12-03")
    held = pd.DataFrame({"X": [100.0, 110.0]}, pd.DatetimeIndex([start, end - pd.Timedelta(days=days)]))
    found = Momentum()(replace(panel, prices=held))["X"]
    assert found == pytest.approx(0.1) if priced else np.isnan(found)


def test_the_latest_months_are_left_out(archive):
    panel = archive.as_of(pd.Timestamp("2024-06-03T12:00Z"))
    changed = panel.prices.copy()
    changed.loc["2024-05-04":] *= 2.0
    same = Momentum()(replace(panel, prices=changed))
    pd.testing.assert_series_equal(same, Momentum()(panel))


@pytest.mark.parametrize(("months", "skip"), [(6, 6), (6, 7), (6, -1), (0, 0)])
def test_months_that_make_no_sense_are_refused(months, skip):
    with pytest.raises(
        ConfigurationError, match=f"momentum: months is {months}, skip_months {skip}; expected 0 <= skip_months < months"
    ):
        Momentum(months=months, skip_months=skip)
