"""Demand from chips shipped: worked by hand, as known at any date, and each figure on its own rows."""

import csv
import math
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

import backtest
from backtest.analysis.demand import demand
from backtest.errors import ConfigurationError
from backtest.thesis import load_thesis
from backtest.thesis.demand_rows import load_demand

TABLES = Path(backtest.__file__).parent / "data" / "reference"
NOW = pd.Timestamp("2026-09-23T23:00Z")


@pytest.fixture(scope="module")
def now(archive):
    return demand(archive.as_of(NOW))


def million(chip, year="2025"):
    """Return the newest edition's million chips of a year, by a plain loop over the table."""
    with (TABLES / "accelerator_shipments.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["known_at"])
    newest = {row["period"]: float(row["value"]) for row in rows if row["entity"] == chip and row["period"].startswith(year)}
    return sum(newest.values()) / 1000


def test_the_band_of_2025_is_worked_by_hand_and_holds_what_was_sold(now):
    """GPUs at 2 to 6 modules (two layers to three), TPUs and Trainium at 4; AMD has no row."""
    (year,) = now.years
    gpus = sum(million(f"GPU/NVIDIA/{name}") for name in ("H100", "H20", "B200", "B300"))
    others = sum(million(f"ASIC/Google/TPU {name}") for name in ("v5e", "v5p", "v6e", "v7")) + million("ASIC/AWS/Trainium2")
    assert year.low == pytest.approx(2 * gpus + 4 * others)
    assert year.high == pytest.approx(6 * gpus + 4 * others)
    assert year.sold == pytest.approx(21.09 + 16.03)
    assert year.low <= year.sold <= year.high
    assert year.sentence.endswith("the 37.1 million disclosed as sold lie within.")
    assert year.without_row == tuple(row.chip for row in year.chips if "AMD" in row.chip)


def test_racks_have_what_their_rows_say_and_nothing_else(now):
    rows = {row.name: row for row in now.topologies}
    assert rows["GB200 NVL72"].modules is None
    assert (rows["GB200 NVL72"].links.low, rows["GB200 NVL72"].links.high) == (5000 / 72, 72.0)
    assert rows["GB300 NVL72"].boards.high == pytest.approx(35100 / 72)
    assert [name for name, row in rows.items() if row.links] == ["GB200 NVL72"]
    assert [name for name, row in rows.items() if row.boards] == ["GB300 NVL72", "VR200 NVL72"]
    assert (rows["Minerva"].modules.low, rows["Minerva"].modules.high) == (8.0, 12.0)
    boards = {row.chip: row.boards for row in now.years[0].chips if row.boards}
    assert boards == {"GPU/NVIDIA/B300": pytest.approx(million("GPU/NVIDIA/B300") * 487.5)}


def test_bandwidth_is_scale_up_and_scale_out_apart(now):
    (b200,) = [row for row in now.years[0].chips if row.chip == "GPU/NVIDIA/B200"]
    assert b200.scale_up == pytest.approx(million("GPU/NVIDIA/B200") * 1800)
    assert b200.scale_out == pytest.approx(million("GPU/NVIDIA/B200") * 400 / 4)
    assert now.years[0].per_gbit == pytest.approx(
        sum(sale.revenue for sale in now.years[0].sales) / (4 * sum(row.scale_out or 0 for row in now.years[0].chips))
    )


def test_when_the_thesis_was_written_most_rows_were_not_known(archive):
    then = demand(archive.as_of(pd.Timestamp("2025-07-23T23:59Z")))
    assert then.years == ()
    assert then.missing == ("2025: no chips shipped are known; shipments of the year are estimates that came later",)
    known = {row.name for row in then.topologies if row.modules}
    assert known == {"two-layer fat tree", "three-layer fat tree", "three-layer fat tree of A100"}
    assert {row.modules.published for row in then.topologies if row.modules} <= {"2025-03-18", "2023-06-15"}


def test_no_figure_uses_a_row_before_its_moment(archive):
    """At any date the demand is that of an archive in which nothing later was ever published."""
    for moment in (pd.Timestamp(day, tz="UTC") for day in ("2025-12-31", "2026-04-10", "2026-04-20")):
        facts = archive.facts
        cut = {name: getattr(facts, name) for name in ("rows", "ranges", "accelerators")}
        early = replace(facts, **{name: table[table["known_at"] <= moment] for name, table in cut.items()})
        assert demand(replace(archive, facts=early).as_of(NOW)) == replace(demand(archive.as_of(moment)), as_of="2026-09-23")


@pytest.mark.parametrize(
    ("subject", "metric", "moved"),
    [
        ("GB200 NVL72", "coaxial cables per rack", {("topology", "GB200 NVL72"), ("chip", "GPU/NVIDIA/B200")}),
        ("VR200", "modules per GPU", {("topology", "VR200 NVL72")}),
        ("Eoptolink", "modules sold, FY2025", {("year", "sold")}),
    ],
)
def test_removing_a_range_moves_the_figures_that_cite_it_and_no_others(archive, now, subject, metric, moved):
    ranges = archive.facts.ranges
    gone = (ranges["subject"] == subject) & (ranges["metric"] == metric)
    other = demand(replace(archive, facts=replace(archive.facts, ranges=ranges[~gone])).as_of(NOW))
    changed = {("topology", a.name) for a, b in zip(now.topologies, other.topologies, strict=True) if a != b}
    changed |= {("chip", a.chip) for a, b in zip(now.years[0].chips, other.years[0].chips, strict=True) if a != b}
    parts = asdict(now.years[0]), asdict(other.years[0])
    changed |= {("year", "sold") for a, b in [parts] if a["sold"] != b["sold"]}
    assert changed == moved
    assert (parts[0]["low"], parts[0]["high"]) == (parts[1]["low"], parts[1]["high"])
    assert now.movements == other.movements


def test_removing_a_quarter_of_a_chip_moves_that_chip_alone(archive, now):
    rows = archive.facts.rows
    gone = (rows["entity"] == "GPU/NVIDIA/B200") & (rows["period"] == "2025Q2")
    other = demand(replace(archive, facts=replace(archive.facts, rows=rows[~gone])).as_of(NOW))
    pairs = zip(now.years[0].chips, other.years[0].chips, strict=True)
    assert [a.chip for a, b in pairs if a != b] == ["GPU/NVIDIA/B200"]
    assert other.topologies == now.topologies


def test_a_miss_says_by_how_much_and_which_input_is_to_blame(archive):
    ranges = archive.facts.ranges.copy()
    ranges.loc[ranges["subject"] == "Innolight", ["low", "high"]] = 1.0
    (year,) = demand(replace(archive, facts=replace(archive.facts, ranges=ranges)).as_of(NOW)).years
    assert "the 17.0 million disclosed as sold are 30% below it" in year.sentence
    assert (
        "The largest input of the low end is ASIC/Google/TPU v6e in TPU pod: 9.0 million at 4.0 modules a chip" in year.sentence
    )
    assert "where 0.8 would meet what was sold" in year.sentence


def test_growth_of_suppliers_is_that_of_their_sums(archive, now):
    revenue = archive.as_of(NOW).matrix(load_thesis().role("leaders").keys).sum(axis=1)
    (row,) = [row for row in now.movements if row.year == 2025]
    first = 2025 * 4 - int(archive.as_of(NOW).quarters[0])
    assert row.suppliers == pytest.approx(math.log(revenue[first : first + 4].sum() / revenue[first - 4 : first].sum()))
    assert row.chips is not None
    assert row.tokens > row.capex > 0
    assert now.quarters < 30


def test_a_thesis_without_rows_has_none_and_a_wrong_row_is_refused(tmp_path):
    assert load_demand(tmp_path) is None
    assert load_thesis("memory").demand is None
    (tmp_path / "demand.toml").write_text('[[topology]]\nname = "a"\nsource = "s"\n[[topology]]\nname = "a"\nsource = "s"\n')
    with pytest.raises(ConfigurationError, match=r"demand\.toml topology 2: name is 'a'; expected one that no row before it has"):
        load_demand(tmp_path)
    (tmp_path / "demand.toml").write_text('[[topology]]\nname = "a"\nmodule = []\nsource = "s"\n')
    with pytest.raises(ConfigurationError, match=r"demand\.toml topology 1"):
        load_demand(tmp_path)
