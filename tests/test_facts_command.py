"""`facts list`: every name a signal may ask for."""

import csv
import json

import pytest

from backtest.__main__ import main
from backtest.data import reference


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
    expected = {(row["entity"], row["metric"], row["unit"]) for table in tables for row in table}
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
