"""`facts list` and `facts ranges`: every name a signal may ask for, and what sources put between two figures."""

import csv
import json

import pytest

from backtest.__main__ import main
from backtest.data.sources import reference


def listed(capsys, *more):
    main_exit(["facts", "list", *more])
    return capsys.readouterr().out


def main_exit(arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert not end.value.code


def test_every_entity_and_metric_of_the_tables_is_listed_with_its_unit(capsys):
    tables = [
        csv.DictReader((reference.FOLDER / name).read_text(encoding="utf-8").splitlines()) for name in reference.FACT_TABLES
    ]
    named = {"total_revenue": "revenue"}
    expected = {(row["entity"], named.get(row["metric"], row["metric"]), row["unit"]) for table in tables for row in table}
    rows = json.loads(listed(capsys, "--json"))
    assert {(row["entity"], row["metric"], row["unit"]) for row in rows} == expected
    assert len(rows) == len(expected)


def test_a_series_has_its_first_and_last_calendar_quarter(capsys):
    rows = json.loads(listed(capsys, "--json"))
    (own,) = (row for row in rows if (row["entity"], row["metric"]) == ("NVDA", "data_center_revenue"))
    assert own == {
        "entity": "NVDA", "metric": "data_center_revenue", "unit": "USD_m", "first": "2022Q1", "last": "2026Q2", "periods": 18,
    }  # fmt: skip


def test_the_list_is_aligned_within_80_columns(capsys):
    lines = listed(capsys).splitlines()
    assert max(len(line) for line in lines) <= 80
    metrics = [line for line in lines if line.startswith("  ")]
    assert len({len(line) for line in metrics}) == 1
    assert "  purchases_ppe                             USD_m           2022Q1 2026Q2   18" in metrics


def test_a_folder_of_tables_is_listed(capsys):
    assert listed(capsys, "--facts", str(reference.FOLDER)) == listed(capsys)


def ranges(capsys, *more):
    main_exit(["facts", "ranges", *more])
    return capsys.readouterr().out


def test_a_range_dated_by_its_day_is_known_from_the_day_after_on(capsys):
    for day, count in (("2023-06-15", 1), ("2023-06-16", 3), ("2026-11-01", 33)):
        assert len(json.loads(ranges(capsys, "--as-of", day, "--json"))) == count, day


def test_a_range_is_printed_with_both_ends_its_unit_and_when_it_became_known(capsys):
    lines = ranges(capsys, "--as-of", "2024-12-31").splitlines()
    assert "copper: GB200 NVL72" in lines
    (line,) = [line for line in lines if line.startswith("  coaxial cables per rack: 5,000 to 5,184 cables; ")]
    assert "; known 2024-10-11, reported, confidence high (5,184 = 72 x 18 x 2 x 2 " in line


def test_a_preview_without_an_amount_says_so(capsys):
    assert "  net_profit 2022Q2: no amount CNY_m; known 2022-07-11" in ranges(capsys, "--as-of", "2022-12-31")
