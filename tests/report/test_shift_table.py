"""The table of the shifts in other measures: hand-worked values by the thesis's date and by the end, and what is refused."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest

from backtest.errors import ConfigurationError
from backtest.report.sections import shift_measures
from backtest.thesis import load_thesis

ANSWERS = Path(__file__).parents[1] / "answers"
NAME = "theme_baskets"


@pytest.fixture(scope="module")
def rows(results):
    (table,) = shift_measures.part(results[NAME]).blocks[1:]
    return {row[0].text: row for group in table.groups for row in group.rows}


def worked(signal, kind, day):
    """Return the newest hand-worked value of a day with its quarter, as the table writes it."""
    found = list(csv.DictReader((ANSWERS / f"{signal}.csv").read_text(encoding="utf-8").splitlines()))
    own = [row for row in found if (row["as_of"], row["kind"]) == (day, kind)]
    return (float(own[-1]["value"]), own[-1]["quarter"]) if own else None


def shown(cell):
    number, _, quarter = cell.text.partition(" (")
    return (float(number.replace(",", "").replace("−", "-")), quarter.rstrip(")")) if quarter else None


def test_every_measure_shows_what_was_worked_by_hand_for_the_thesis_s_date(rows):
    pages = load_thesis().pages
    measured = [(row.says, row.signal, "value") for row in pages.shifts]
    measured += [(row.says, row.signal, row.part or "value") for row in pages.measures]
    for says, signal, kind in measured:
        value, written = shown(rows[says][2]), worked(signal, kind, "2025-07-23")
        assert (value is None) == (written is None), says
        if written:
            assert value == (pytest.approx(written[0], abs=0.06 if written[0] >= 10 else 6e-4), written[1]), says


def test_no_measure_by_chips_has_a_value_by_the_thesis_s_date(rows):
    by_chips = [row for says, row in rows.items() if "first published in 2026" in says]
    assert len(by_chips) == 3
    assert {row[2].text for row in by_chips} == {"—"}
    assert {row[3].mark for row in by_chips} == {"estimated"}
    assert {row[6].text for row in by_chips} == {"2026-04-14"}


def test_a_shift_is_in_force_where_its_pace_is_above_zero(rows):
    paces = {says: (row[4].text.replace("−", "-"), row[5].text) for says, row in rows.items()}
    assert {said for _, said in paces.values()} == {"yes", "no"}
    assert all((float(pace) > 0) == (said == "yes") for pace, said in paces.values() if float(pace))


def test_the_pace_of_growth_is_the_value_and_of_a_level_its_log_change():
    values = {"2024Q4": 2.0, "2025Q4": 3.0}
    assert shift_measures._pace(values, "2025Q4", True) == 3.0
    assert shift_measures._pace(values, "2025Q4", False) == pytest.approx(math.log(1.5))
    assert math.isnan(shift_measures._pace({"2025Q4": 3.0}, "2025Q4", False))


def test_a_part_that_a_signal_lacks_is_refused_with_a_near_miss(results):
    result = results[NAME]
    measures = tuple(row.model_copy(update={"part": row.part and "scale_upp"}) for row in result.thesis.pages.measures)
    other = replace(result, thesis=replace(result.thesis, pages=replace(result.thesis.pages, measures=measures)))
    with pytest.raises(ConfigurationError, match="scale_upp"):
        shift_measures.part(other)


def test_a_thesis_without_further_measures_has_no_table(results):
    result = results[NAME]
    bare = replace(result, thesis=replace(result.thesis, pages=replace(result.thesis.pages, measures=())))
    assert shift_measures.part(bare) is None
