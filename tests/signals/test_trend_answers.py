"""The four trends and the multiplier against answers worked by hand (answers/README.md), and what they must not know."""

import csv
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pandas as pd
import pytest

from backtest.calendars import parse_quarter, quarter_label
from backtest.data.sources import reference
from backtest.errors import ConfigurationError
from backtest.panel import Archive
from backtest.signals import load_signals, readings
from backtest.signals.multiplier import Multiplier
from backtest.signals.network_architecture import NetworkArchitecture
from backtest.signals.scale_up_bandwidth import ScaleUpBandwidth
from backtest.signals.token_anchor import TokenAnchor
from backtest.thesis import load_thesis

ANSWERS = Path(__file__).parent.parent / "answers"
REFERENCE = reference.FOLDER
SHIFTS = (
    "token_anchor", "asic_share", "network_architecture", "scale_up_bandwidth",
    "asic_share_by_chips", "asic_share_without_networking", "optics_per_chip", "scale_up_share", "bandwidth_by_chips",
)  # fmt: skip
NAMES = (*SHIFTS, "multiplier")
PARTS = ("domain", "modules", "scale_up", "scale_out", "scale_up_share", "covered")
LINKS = ("capex", "chips_over_capex", "interconnect_over_chips", "currency", "interconnect")


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = [row | {"signal": name} for name in NAMES for row in table(ANSWERS / f"{name}.csv")]


def answers(*kinds):
    found = [row for row in ROWS if row["kind"] in kinds]
    return pytest.mark.parametrize(
        "row", found, ids=[f"{row['signal']} {row['quarter']} {row['kind']} as of {row['as_of']}" for row in found]
    )


def end_of(day):
    return pd.Timestamp(f"{day}T23:59:59Z")


@pytest.fixture(scope="module")
def panel_of(archive):
    held = {}
    return lambda day: held.setdefault(day, archive.as_of(end_of(day)))


@pytest.fixture(scope="module")
def read(panel_of):
    held = {}

    def of(signal, day):
        if (signal, day) not in held:
            held[signal, day] = readings(load_signals(load_thesis())[signal], panel_of(day))
        return held[signal, day]

    return of


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_follows_from_its_working(name):
    for row in table(ANSWERS / f"{name}.csv"):
        again = eval(row["working"], {"__builtins__": {}, "ln": math.log, "median": lambda *found: median(found)})
        assert again == pytest.approx(float(row["value"]), rel=1e-12, abs=1e-14), row


@answers("value")
def test_a_quarter_has_the_hand_worked_value_moment_evidence_and_confidence(read, row):
    found = read(row["signal"], row["as_of"])[row["quarter"]]
    assert found.value == pytest.approx(float(row["value"]), rel=1e-9)
    assert (found.known_at, found.evidence, found.confidence) == (row["known_at"], row["evidence"], row["confidence"])


@answers(*PARTS, *LINKS)
def test_a_part_of_a_quarter_has_the_hand_worked_value(read, row):
    found = read(row["signal"], row["as_of"])[row["quarter"]].parts
    assert found[row["kind"]] == pytest.approx(float(row["value"]), rel=1e-9)


@answers("score")
def test_a_score_is_worked_from_the_latest_complete_quarter(panel_of, row):
    score = load_signals(load_thesis())[row["signal"]](panel_of(row["as_of"]))
    assert list(score.index) == ["supply_chain"]
    assert score.iloc[0] == pytest.approx(float(row["value"]), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    ("name", "day"),
    [*((name, day) for name in NAMES for day in ("2025-07-23", "2026-06-30")), *((name, "2026-11-25") for name in SHIFTS)],
)
def test_no_quarter_has_a_value_beyond_those_worked_by_hand(read, name, day):
    worked = [row["quarter"] for row in ROWS if (row["signal"], row["as_of"], row["kind"]) == (name, day, "value")]
    assert list(read(name, day)) == worked


@pytest.mark.parametrize("day", ["2025-07-23", "2026-06-30", "2026-12-31"])
def test_the_links_and_the_currency_add_up_to_interconnect_in_every_quarter(panel_of, day):
    links = Multiplier().links(panel_of(day))
    parts = [links[name] for name in ("capex", "chips_over_capex", "interconnect_over_chips", "currency")]
    known = np.isfinite(links["interconnect"] + sum(parts))
    assert known.sum() >= 4
    assert np.abs(sum(parts) - links["interconnect"])[known].max() < 1e-12


def test_the_currency_line_is_minus_the_log_change_of_the_rate(read):
    rate = {row["period"]: float(row["value"]) for row in table(REFERENCE / "rates.csv") if row["entity"] == "CNY=X"}
    for quarter, reading in read("multiplier", "2026-06-30").items():
        before = f"{int(quarter[:4]) - 1}{quarter[4:]}"
        assert reading.parts["currency"] == pytest.approx(-math.log(rate[quarter] / rate[before]), abs=1e-12)


@pytest.mark.parametrize(("rate", "quarters"), [("CNY=X", 19), ("KRW=X", 18)])
def test_a_quarter_s_rate_is_the_mean_of_its_daily_closes(shared_prices, rate, quarters):
    closes = defaultdict(list)
    for row in table(shared_prices / f"{rate}.csv"):
        year, month, _ = row["date"].split("-")
        closes[f"{year}Q{(int(month) + 2) // 3}"].append(float(row["close"]))
    rates = [row for row in table(REFERENCE / "rates.csv") if row["entity"] == rate]
    assert [row["period"] for row in rates] == [f"{year}Q{n}" for year in range(2022, 2027) for n in range(1, 5)][:quarters]
    for row in rates:
        assert (row["metric"], row["unit"]) == ("per_usd", f"{rate[:3]}_per_USD")
        assert float(row["value"]) == pytest.approx(fmean(closes[row["period"]]), abs=5e-7)
        assert row["note"] == f"mean of {len(closes[row['period']])} daily closes"
        assert row["known_at"] == row["period_end"]


def test_a_quarter_s_rate_is_unknown_until_the_quarter_is_over(panel_of):
    rate, second = ("CNY=X", "per_usd"), parse_quarter("2025Q2")
    assert panel_of("2025-06-30").fact(rate, second) is None
    assert panel_of("2025-07-01").fact(rate, second).value == 7.229979


@pytest.mark.parametrize(
    ("day", "quarters"),
    [
        ("2024-05-21", []),
        ("2024-05-22", []),
        ("2024-05-23", ["2023Q1", "2024Q1"]),
        ("2024-08-28", ["2023Q1", "2024Q1"]),
        ("2024-08-29", ["2023Q1", "2023Q2", "2024Q1", "2024Q2"]),
        ("2024-11-20", ["2023Q1", "2023Q2", "2024Q1", "2024Q2"]),
        ("2024-11-21", ["2023Q1", "2023Q2", "2023Q3", "2024Q1", "2024Q2", "2024Q3"]),
        ("2025-02-26", ["2023Q1", "2023Q2", "2023Q3", "2024Q1", "2024Q2", "2024Q3"]),
        ("2025-02-27", [f"{year}Q{n}" for year in (2023, 2024) for n in (1, 2, 3, 4)]),
    ],
)
def test_nvidia_s_fiscal_2024_is_split_only_from_the_day_after_each_quarter_s_split_was_published(read, day, quarters):
    assert list(read("network_architecture", day)) == quarters


def pairs_of(panel, quarter):
    facts = [fact for fact in TokenAnchor().inputs(panel, parse_quarter(quarter)) if fact.metric == "tokens_per_month"]
    return list(zip(facts[::2], facts[1::2], strict=True))


def test_google_s_level_of_2024_is_no_base_on_the_day_it_was_first_disclosed(panel_of):
    bases = [base.value for quarter in ("2024Q2", "2024Q4", "2025Q2") for base, _ in pairs_of(panel_of("2025-05-20"), quarter)]
    assert 9.7 not in bases


def test_google_s_level_of_2024_is_a_base_the_day_after_it_was_disclosed(panel_of):
    pairs = [(base.entity, base.value, level.value) for base, level in pairs_of(panel_of("2025-05-21"), "2025Q2")]
    assert pairs == [("Google (all surfaces)", 9.7, 480.0)]


@pytest.mark.parametrize(
    "day", ["2024-12-01", "2025-05-20", "2025-07-23", "2025-08-31", "2026-03-15", "2026-06-30", "2026-12-31"]
)
def test_no_pair_has_a_base_or_level_published_after_the_panel(panel_of, day):
    panel = panel_of(day)
    for quarter in panel.quarters.tolist():
        for base, level in pairs_of(panel, quarter_label(quarter)):
            assert max(base.published, level.published) < day


def test_no_estimate_of_shipments_is_known_before_2026_01_09(archive):
    assert set(archive.as_of(pd.Timestamp("2026-01-09T00:00Z")).rows["metric"]).isdisjoint({"units_shipped"})
    assert archive.facts.rows.query("metric == 'units_shipped'")["known_at"].min() > pd.Timestamp("2026-01-09T00:00Z")


@pytest.mark.parametrize("day", ["2024-03-19", "2024-12-31", "2025-02-27", "2026-06-30"])
@pytest.mark.parametrize(("quarter", "domain"), [("2024Q1", 8), ("2024Q3", 8), ("2024Q4", 72)])
def test_a_chip_counts_from_the_quarter_it_shipped_whenever_it_was_announced(panel_of, day, quarter, domain):
    assert NetworkArchitecture().parts(panel_of(day), parse_quarter(quarter)) == {"domain": domain}


def with_chips(archive, **changes):
    """Return an archive in which the columns of one chip are changed: chip="...", column=value."""
    chips = archive.facts.accelerators.copy()
    chip = changes.pop("chip")
    assert (chips["chip"] == chip).sum() == 1
    for column, value in changes.items():
        chips.loc[chips["chip"] == chip, column] = value
    return Archive(replace(archive.facts, accelerators=chips), archive.prices)


def test_a_chip_that_ships_two_quarters_later_counts_two_quarters_later(archive):
    late = with_chips(archive, chip="GB200 NVL72", first_shipped="2025Q2")
    found = readings(NetworkArchitecture(), late.as_of(end_of("2026-06-30")))
    assert [found[quarter].parts["domain"] for quarter in ("2024Q4", "2025Q1", "2025Q2")] == [8, 8, 72]


def test_a_chip_is_unknown_before_it_was_announced(archive):
    late = with_chips(archive, chip="GB200 NVL72", known_at=pd.Timestamp("2025-06-01T00:00Z"))
    chip = late.as_of(end_of("2025-05-30")).flagship("NVIDIA", parse_quarter("2025Q1"))
    assert chip.chip == "H200 SXM"


@pytest.mark.parametrize("chip", ["MI455X Helios (MI400)", "Rubin VR NVL144 (as announced 2025)"])
def test_a_planned_chip_never_counts(archive, chip):
    moment = end_of("2027-06-30")
    grown = with_chips(archive, chip=chip, scale_up_gb_per_s=1e6, scale_up_domain=1e6, flagship="yes").as_of(moment)
    panel = archive.as_of(moment)
    for signal in (ScaleUpBandwidth(), NetworkArchitecture()):
        assert np.array_equal(signal.values(grown), signal.values(panel), equal_nan=True)
        assert [one.parts for one in readings(signal, grown).values()] == [one.parts for one in readings(signal, panel).values()]
    for vendor in ("NVIDIA", "AMD"):
        assert grown.flagship(vendor, parse_quarter("2030Q4")) == panel.flagship(vendor, parse_quarter("2030Q4"))


def test_a_corrected_chip_replaces_the_row_it_corrects(archive):
    chips = archive.facts.accelerators
    corrected = chips[chips["chip"] == "GB200 NVL72"].assign(
        scale_up_gb_per_s=1750.0, known_at=pd.Timestamp("2025-03-01", tz="UTC"), published="2025-02-28"
    )
    archive = Archive(replace(archive.facts, accelerators=pd.concat([chips, corrected], ignore_index=True)), archive.prices)
    panel = archive.as_of(end_of("2025-07-23"))
    assert panel.flagship("NVIDIA", parse_quarter("2025Q1")).scale_up_gb_per_s == 1750.0
    assert [one.scale_up_gb_per_s for one in panel.chips if one.chip == "GB200 NVL72"] == [1750.0]


@pytest.mark.parametrize("day", ["2026-01-29", "2026-07-31", "2026-12-31"])
def test_guidance_never_enters_token_growth(archive, day):
    panel = archive.as_of(end_of(day))
    assert "guidance" in set(panel.rows["evidence"])
    cited = [fact for quarter in panel.quarters.tolist() for fact in TokenAnchor().inputs(panel, quarter)]
    assert [fact for fact in cited if fact.evidence == "guidance"] == []
    rows = archive.facts.rows[archive.facts.rows["evidence"] != "guidance"].reset_index(drop=True)
    without = Archive(replace(archive.facts, rows=rows), archive.prices).as_of(end_of(day))
    assert {q: one.value for q, one in readings(TokenAnchor(), without).items()} == {
        q: one.value for q, one in readings(TokenAnchor(), panel).items()
    }


def test_microsoft_s_month_quarter_and_year_are_scopes_apart(panel_of):
    panel = panel_of("2025-08-31")
    periods = {fact.period for fact in panel.published("tokens_per_month") if fact.entity.startswith("Microsoft Foundry")}
    assert periods == {"2024Q1", "2025-03", "2025Q1", "FY2025 (Jul24-Jun25)"}
    found = [
        (base.period, level.period)
        for quarter in panel.quarters.tolist()
        for base, level in pairs_of(panel, quarter_label(quarter))
        if base.entity.startswith("Microsoft")
    ]
    assert found == [("2024Q1", "2025Q1")]


@pytest.mark.parametrize("day", ["2025-07-23", "2026-06-30", "2026-12-31"])
def test_both_ends_of_a_pair_are_one_provider_s_and_one_kind_of_period(panel_of, day):
    panel = panel_of(day)
    for quarter in panel.quarters.tolist():
        for base, level in pairs_of(panel, quarter_label(quarter)):
            assert base.entity == level.entity
            assert len({"FY" if "FY" in one.period else "Q" if "Q" in one.period else "month" for one in (base, level)}) == 1
            assert base.period_end < level.period_end


def test_a_level_of_a_quarter_and_one_of_a_half_year_make_no_pair(archive):
    rows = archive.facts.rows.copy()
    half = rows["entity"].str.startswith("China public-cloud MaaS")
    third = rows[half].assign(period="2025Q3", period_end=pd.Timestamp("2025-09-30"), value=300.0)
    mixed = pd.concat([rows, third]).sort_values("known_at", kind="stable", ignore_index=True)
    panel = Archive(replace(archive.facts, rows=mixed), archive.prices).as_of(end_of("2026-06-30"))
    assert [pair for pair in pairs_of(panel, "2025Q3") if pair[0].entity.startswith("China public-cloud MaaS")] == []


def test_levels_of_different_scopes_are_never_added_up(archive):
    grown = archive.facts.rows.copy()
    google = grown["entity"].eq("Google (internal developer tools)")
    assert google.sum() == 2
    grown.loc[google, "value"] *= 1000.0
    scaled = Archive(replace(archive.facts, rows=grown), archive.prices).as_of(end_of("2026-06-30"))
    panel = archive.as_of(end_of("2026-06-30"))
    assert np.allclose(TokenAnchor().values(scaled), TokenAnchor().values(panel), rtol=1e-12, equal_nan=True)


def test_a_level_of_a_month_after_the_last_quarter_of_the_panel_changes_no_value(archive):
    """A month's level is a figure of the quarter its middle lies in: that of January 2025 is one of 2024Q4, and ends after it."""
    rows, last = archive.facts.rows, parse_quarter("2024Q4")
    known = rows[rows["quarter"] <= last]
    january = known["metric"].eq("tokens_per_month") & known["period"].eq("2025-01")
    panel, without = (
        Archive(replace(archive.facts, rows=table.reset_index(drop=True)), archive.prices).as_of(end_of("2026-06-30"))
        for table in (known, known[~january])
    )
    assert [(level.entity, level.period) for _, level in pairs_of(panel, "2025Q1")] == [("China national (NDA)", "2025-01")]
    assert panel.quarters[-1] == last
    assert np.array_equal(TokenAnchor().values(panel), TokenAnchor().values(without), equal_nan=True)


@pytest.mark.parametrize("signal", [NetworkArchitecture, ScaleUpBandwidth, Multiplier])
def test_a_window_may_be_one_quarter_and_not_none(signal):
    assert signal(window=1).window == 1
    with pytest.raises(ConfigurationError, match="window is 0"):
        signal(window=0)


def test_two_levels_of_one_day_make_no_pair(archive):
    """Google's two levels, moved to one day under two names of the period, have no growth between them."""
    rows = archive.facts.rows.copy()
    google = rows["entity"].eq("Google (all surfaces)") & rows["period"].isin(["2024-05", "2025-05"])
    assert google.sum() == 2
    rows.loc[google, "period_end"] = pd.Timestamp("2025-05-31")
    panel = Archive(replace(archive.facts, rows=rows), archive.prices).as_of(end_of("2025-05-31"))
    assert [pair for pair in pairs_of(panel, "2025Q2") if pair[0].entity == "Google (all surfaces)"] == []
