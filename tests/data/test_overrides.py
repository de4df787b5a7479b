"""What a person decided about live data, row by row."""

from datetime import date

import pandas as pd
import pytest

from backtest.data.overrides import Decisions, Ended, Figure, Price, Suspended, load_decisions
from backtest.errors import ConfigurationError
from backtest.thesis import load_thesis

WHY = {"reason": "looked at"}
FIGURE = {"entity": "MSFT", "metric": "purchases_ppe", "period": "FY2023Q1"}


def test_the_last_decision_on_a_figure_counts():
    rows = Decisions((Figure(**FIGURE, use="live", **WHY), Figure(**FIGURE, use="reference", **WHY)))
    assert rows.figure("MSFT", "purchases_ppe", "FY2023Q1") == "reference"


@pytest.mark.parametrize("other", [{"entity": "META"}, {"metric": "revenue"}, {"period": "FY2023Q2"}])
def test_a_decision_is_on_one_figure_and_on_no_other(other):
    assert Decisions((Figure(**FIGURE, use="live", **WHY),)).figure(**FIGURE | other) is None


def test_right_prices_are_those_of_the_ticker():
    rows = Decisions(tuple(Price(ticker=one, session=date(2024, 6, 10), **WHY) for one in ("NVDA", "AMD")))
    assert rows.right_prices("NVDA") == [pd.Timestamp("2024-06-10")]


def test_a_share_is_suspended_from_the_first_session_to_the_last_of_any_of_its_spans():
    spans = [("NVDA", 2, 3), ("NVDA", 5, 5), ("AMD", 1, 31)]
    rows = tuple(Suspended(ticker=one, first=date(2024, 7, first), last=date(2024, 7, last), **WHY) for one, first, last in spans)
    sessions = pd.date_range("2024-07-01", "2024-07-06")
    assert Decisions(rows).suspended("NVDA", sessions).day.tolist() == [2, 3, 5]


def test_a_ticker_has_ended_where_one_of_the_rows_says_so():
    rows = Decisions(tuple(Ended(ticker=one, session=date(2024, 7, 1), **WHY) for one in ("SIVB", "FRC")))
    assert [rows.ended(one) for one in ("SIVB", "FRC", "NVDA")] == [True, True, False]


def test_a_reason_may_be_a_single_character_and_not_nothing(tmp_path):
    for reason in ("x", ""):
        text = f'[[ended]]\nticker = "LITE"\nsession = 2023-03-27\nreason = "{reason}"\n'
        (tmp_path / "decisions.toml").write_text(text, encoding="utf-8")
        if reason:
            assert load_decisions(tmp_path).ended("LITE")
        else:
            with pytest.raises(ConfigurationError, match=r"decisions.toml ended 1: reason"):
                load_decisions(tmp_path)


def test_a_decision_about_what_a_store_holds_for_another_thesis_is_no_slip(tmp_path):
    row = '[[ended]]\nticker = "MU"\nsession = 2026-06-30\nreason = "the source ends here"\n'
    (tmp_path / "decisions.toml").write_text(row, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="ended 1: no ticker 'MU'"):
        load_decisions(tmp_path)
    assert load_decisions(tmp_path, stored=["MU"]).ended("MU")
    assert load_decisions(tmp_path, load_thesis("memory").universe).ended("MU")
