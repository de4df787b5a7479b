"""Known demand and CapEx surprises against plain loops over the tables, without the package's own arithmetic."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import backtest
from backtest.calendars import parse_quarter
from backtest.signals.capex_surprise import CapexSurprise
from backtest.signals.demand_growth import DemandGrowth
from backtest.statistics.seasonal_walk import deviation, surprises

TABLES = Path(backtest.__file__).parent / "data" / "reference"
CLOUDS = ("AMZN", "GOOGL", "MSFT", "META")


def figures(table, entity, metric):
    """Return the values of a series by the end of its period, as a table has them."""
    with (TABLES / table).open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["entity"], row["metric"]) == (entity, metric)]
    return {row["period_end"]: float(row["value"]) for row in sorted(rows, key=lambda row: row["known_at"])}


@pytest.fixture(scope="module")
def panel(archive):
    return archive.as_of(pd.Timestamp("2026-06-26T23:00Z"))


def test_a_surprise_is_worked_with_a_plain_loop(panel):
    """CapEx of 2024Q1 against that of 2023Q1 and the mean change over a year of the four quarters of 2023."""
    spent = [list(figures("capex.csv", cloud, "purchases_ppe").values())[:9] for cloud in CLOUDS]
    totals = [sum(values) for values in zip(*spent, strict=True)]
    logs = [math.log(total) for total in totals]  # 2022Q1 to 2024Q1
    drift = sum(logs[quarter] - logs[quarter - 4] for quarter in (4, 5, 6, 7)) / 4
    found = CapexSurprise().values(panel)[parse_quarter("2024Q1") - int(panel.quarters[0])]
    assert found == pytest.approx(logs[8] - logs[4] - drift, abs=1e-12)
    assert len(CapexSurprise().inputs(panel, parse_quarter("2024Q1"))) == 36


def test_the_first_surprise_needs_two_years_and_a_gap_ends_it():
    logs = np.arange(12.0) ** 2
    assert np.isnan(surprises(logs)[:8]).all()
    assert surprises(logs)[8] == pytest.approx((64 - 16) - np.mean([16 - 0, 25 - 1, 36 - 4, 49 - 9]))
    logs[7] = np.nan
    assert np.isnan(surprises(logs)).all()
    assert np.isnan(surprises(np.arange(3.0))).all()


def test_the_deviation_is_that_of_the_last_eight_changes_over_a_year():
    logs = np.random.default_rng(3).normal(size=20)
    assert deviation(logs) == pytest.approx(np.std(logs[12:] - logs[8:16], ddof=1))
    assert math.isnan(deviation(logs[:7]))


def test_known_demand_is_worked_with_a_plain_loop(panel):
    revenue = figures("cn_suppliers.csv", "300308.SZ", "revenue")
    year, before = (["-03-31", "-06-30", "-09-30", "-12-31"] for _ in range(2))
    latest = sum(revenue[f"2025{day}"] for day in year[1:]) + revenue["2026-03-31"]
    earlier = sum(revenue[f"2024{day}"] for day in before[1:]) + revenue["2025-03-31"]
    assert DemandGrowth()(panel)["300308.SZ"] == pytest.approx(math.log(latest / earlier), abs=1e-12)


def test_a_name_without_revenue_or_far_behind_has_no_score(panel):
    scores = DemandGrowth()(panel)
    assert np.isnan(scores["510300.SS"])
    assert np.isfinite(scores["NVDA"])
    behind = panel.rows[~((panel.rows["entity"] == "NVDA") & (panel.rows["quarter"] > parse_quarter("2025Q1")))]
    assert np.isnan(DemandGrowth()(replace(panel, rows=behind))["NVDA"])
