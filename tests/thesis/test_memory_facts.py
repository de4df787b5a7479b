"""The figures of the memory thesis: values, dates and units of what they were typed from, in this project's own words."""

import csv
import re
from pathlib import Path

import pandas as pd
import pytest

from backtest.data.figure_checks import check_events, check_figures, check_ranges, rules_of, under_one_name
from backtest.data.sources import reference
from backtest.data.tables import parse_events, parse_facts, parse_ranges, read_table
from backtest.facts import COLUMNS, EVENT_COLUMNS, RANGE_COLUMNS

FACTS = Path(reference.__file__).parents[2] / "thesis" / "memory" / "facts"
SHARED = Path(__file__).parents[3] / "shared" / "theses" / "memory"
SAME = {
    "revenue.csv": ("suppliers.csv", ["entity", "metric", "period", "period_end", "known_at", "unit", "evidence", "confidence"]),
    "net_profit.csv": (
        "earnings.csv",
        ["entity", "metric", "period", "period_end", "known_at", "unit", "evidence", "confidence"],
    ),
    "events.csv": ("events.csv", ["date", "known_at", "time_zone", "session", "category", "companies", "sign", "confidence"]),
    "contract_prices.csv": ("price_forecasts.csv", ["item", "subject", "metric", "period", "low", "high", "unit", "known_at"]),
}
NOTES_OF_RESEARCH = re.compile(r"\(quoted in a public repository\)|researcher|github|not looked up|the same \(", re.IGNORECASE)


def rows(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("name", SAME)
def test_a_table_has_the_values_dates_and_units_of_its_source(name):
    other, columns = SAME[name]
    if not (SHARED / other).exists():
        pytest.skip(f"no {other} to compare with")
    own, stated = rows(FACTS / name), rows(SHARED / other)
    assert [[row[column] for column in columns] for row in own] == [[row[column] for column in columns] for row in stated]
    if "value" in own[0]:
        assert [float(row["value"]) for row in own] == [float(row["value"]) for row in stated]


@pytest.mark.parametrize("name", SAME)
def test_a_table_says_its_sources_in_plain_words(name):
    assert [
        row for row in rows(FACTS / name) if not row["source"].strip() or NOTES_OF_RESEARCH.search(" ".join(row.values()))
    ] == []


def test_the_figures_pass_the_gate_beside_the_embedded_ones():
    tables = [parse_facts(read_table(FACTS / name, COLUMNS), name) for name in ("revenue.csv", "net_profit.csv")]
    figures = pd.concat([reference.load_facts().rows, *tables], ignore_index=True)
    check_figures(under_one_name(figures, rules_of().metrics), rules_of())
    check_events(parse_events(read_table(FACTS / "events.csv", EVENT_COLUMNS), "events.csv"), "events.csv")
    check_ranges(parse_ranges(read_table(FACTS / "contract_prices.csv", RANGE_COLUMNS), "contract_prices.csv"))


def test_no_korean_maker_has_four_quarters_of_profit_in_a_row():
    quarters = [row["period"] for row in rows(FACTS / "net_profit.csv") if row["unit"] == "KRW_m"]
    numbers = sorted(int(period[:4]) * 4 + int(period[5]) for period in quarters)
    assert len(numbers) == 8
    assert not any({number + step for step in range(4)} <= {*numbers} for number in numbers)


def test_the_chip_division_of_samsung_is_published_in_seven_quarters_alone():
    assert sum(row["metric"] == "ds_division_revenue" for row in rows(FACTS / "revenue.csv")) == 7
    assert not any(row["entity"] == "005930.KS" and row["metric"] == "revenue" for row in rows(FACTS / "revenue.csv"))
