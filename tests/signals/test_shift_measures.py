"""The further measures of the shifts: what they must not know, what they leave out, and what they refuse."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.calendars import parse_quarter
from backtest.errors import ConfigurationError
from backtest.panel import Archive
from backtest.signals import load_signals, readings
from backtest.signals.asic_share import AsicShare
from backtest.signals.asic_share_by_chips import AsicShareByChips
from backtest.signals.asic_share_without_networking import AsicShareWithoutNetworking
from backtest.signals.bandwidth_by_chips import BandwidthByChips
from backtest.signals.optics_per_chip import OpticsPerChip
from backtest.signals.scale_up_bandwidth import ScaleUpBandwidth
from backtest.signals.scale_up_share import ScaleUpShare
from backtest.thesis import load_thesis

BY_CHIPS = [AsicShareByChips(), BandwidthByChips()]
by_chips = pytest.mark.parametrize("signal", BY_CHIPS, ids=["share", "bandwidth"])


def end_of(day):
    return pd.Timestamp(f"{day}T23:59:59Z")


def with_figures(archive, **tables):
    return Archive(replace(archive.facts, **tables), archive.prices)


def with_role(archive, name, **changes):
    thesis = load_thesis()
    roles = tuple(role.model_copy(update=changes) if role.name == name else role for role in thesis.roles)
    return replace(archive, thesis=replace(thesis, roles=roles))


# Then and now


@by_chips
@pytest.mark.parametrize("day", ["2025-07-23", "2025-12-31", "2026-01-29", "2026-04-14"])
def test_nothing_is_counted_by_chips_before_every_vendor_s_estimates_are_published(archive, signal, day):
    panel = archive.as_of(end_of(day))
    assert readings(signal, panel) == {}
    assert signal(panel).isna().all()


@by_chips
def test_a_reading_by_chips_is_known_when_its_estimate_was_and_not_when_its_quarter_ended(archive, signal):
    found = readings(signal, archive.as_of(end_of("2026-04-15")))
    assert {reading.known_at for reading in found.values()} == {"2026-04-14"}
    assert {reading.evidence for reading in found.values()} == {"estimated"}


@by_chips
def test_estimates_dated_back_to_their_quarters_are_seen_before_2026(archive, signal):
    """The planted fault: with known_at two months after the quarter's end, a decision of 2025 would see them."""
    rows = archive.facts.rows.copy()
    units = rows["metric"].eq("units_shipped")
    rows.loc[units, "known_at"] = (rows.loc[units, "period_end"] + pd.Timedelta(days=60)).dt.tz_localize("UTC")
    faulty = with_figures(archive, rows=rows.sort_values("known_at", kind="stable", ignore_index=True))
    assert "2024Q4" in readings(signal, faulty.as_of(end_of("2025-07-23")))


# What counts as a quarter


@by_chips
def test_an_estimate_of_a_part_of_a_quarter_gives_no_value(archive, signal):
    rows, panel = archive.facts.rows.copy(), archive.as_of(end_of("2026-11-25"))
    last = rows["metric"].eq("units_shipped") & rows["period"].eq("2025Q4") & rows["entity"].str.startswith("ASIC/AWS")
    rows.loc[last, "period_end"] = pd.Timestamp("2026-02-20")  # published 41 days after it
    assert "2025Q4" in readings(signal, panel)
    assert "2025Q4" not in readings(signal, with_figures(archive, rows=rows).as_of(end_of("2026-11-25")))


@by_chips
@pytest.mark.parametrize("vendor", ["NVIDIA", "AMD", "Google", "AWS"])
def test_a_quarter_without_one_vendor_s_estimates_has_no_value(archive, signal, vendor):
    rows = archive.facts.rows
    own = rows["entity"].str.contains(f"/{vendor}/") & rows["period"].eq("2025Q1")
    assert own.any()
    without = with_figures(archive, rows=rows[~own].reset_index(drop=True))
    kept = [f"{year}Q{number}" for year in (2024, 2025) for number in (1, 2, 3, 4)]
    assert list(readings(signal, without.as_of(end_of("2026-11-25")))) == [quarter for quarter in kept if quarter != "2025Q1"]


def test_no_chip_is_counted_under_two_names(archive):
    named = [entity for role in AsicShareByChips.roles for entity, _ in load_thesis().role(role).keys]
    assert len(named) == len(set(named))
    rows = archive.facts.rows
    left = {*rows[rows["metric"].eq("units_shipped")]["entity"]} - {*named}
    assert left == {"GPU/NVIDIA/H100/H200"}  # the first edition's name of GPU/NVIDIA/H100


def test_a_chip_without_a_bandwidth_counts_in_the_share_covered_alone(archive):
    chips = archive.facts.accelerators.copy()
    chips.loc[chips["chip"].eq("H20"), "scale_out_gbit_per_s"] = np.nan
    found = readings(BandwidthByChips(), with_figures(archive, accelerators=chips).as_of(end_of("2026-11-25")))
    whole = readings(BandwidthByChips(), archive.as_of(end_of("2026-11-25")))
    assert found["2024Q3"].parts["covered"] < whole["2024Q3"].parts["covered"]
    assert found["2025Q4"] == whole["2025Q4"]  # no H20 was shipped in it


# What is left out


def test_networking_left_out_counts_only_in_quarters_that_disclose_it(archive):
    panel = archive.as_of(end_of("2026-11-25"))
    every, disclosed = readings(AsicShare(), panel), readings(AsicShareWithoutNetworking(), panel)
    assert list(disclosed) == ["2025Q1", "2025Q2", "2025Q4", "2026Q1"]
    assert {"2024Q4", "2025Q3"} <= set(every)


def test_merchant_networking_may_stay_in(archive):
    """By hand for 2026Q2: 16700 of which 73% chips, 2171.5; 89023 and 6700."""
    panel = archive.as_of(end_of("2026-11-25"))
    chips = 16700 * (1 - 0.27) + 2171.5
    found = readings(AsicShareWithoutNetworking(merchant="merchant_chips"), panel)
    assert found["2026Q2"].value == pytest.approx(chips / (chips + 89023 + 6700), rel=1e-12)


def test_a_vendor_that_discloses_no_networking_counts_whole(archive):
    """By hand for 2026Q1: 10800 less "almost 40%", and 1832.7 as it stands."""
    fact = readings(AsicShareWithoutNetworking(), archive.as_of(end_of("2026-11-25")))["2026Q1"]
    chips = 10800 * 0.6 + 1832.7
    assert fact.value == pytest.approx(chips / (chips + 60400 + 5775), rel=1e-12)


def test_networking_of_somebody_who_sells_no_custom_chips_is_refused(archive):
    other = with_role(archive, "custom_networking", series=("NVDA large_csp_share_of_dc_revenue",))
    with pytest.raises(
        ConfigurationError, match="role custom_networking names NVDA; expected an entity of the role custom_chips"
    ):
        AsicShareWithoutNetworking().values(other.as_of(end_of("2026-06-30")))


# Scale-up apart from scale-out


def test_scale_up_and_scale_out_add_up_to_the_bandwidth_that_stays_as_it_was(archive):
    panel = archive.as_of(end_of("2026-11-25"))
    whole, apart = readings(ScaleUpBandwidth(), panel), readings(ScaleUpShare(), panel)
    assert list(whole) == list(apart)
    for quarter, reading in apart.items():
        parts = reading.parts
        assert parts["scale_up"] + parts["scale_out"] == pytest.approx(whole[quarter].value, rel=1e-12)
        assert reading.value == pytest.approx(parts["scale_up"] / whole[quarter].value, rel=1e-12)


# Modules


def test_modules_are_those_of_the_flagship_and_unknown_for_generations_nobody_counted(archive):
    found = readings(OpticsPerChip(), archive.as_of(end_of("2026-11-25")))
    assert not {"2024Q2", "2024Q3", "2024Q4", "2025Q1"} & set(found)
    assert {found[quarter].parts["modules"] for quarter in ("2023Q1", "2025Q2", "2026Q3")} == {3.5, 2.5, 5.0}


def test_a_count_of_modules_is_unknown_before_it_was_published(archive):
    before, after = (archive.as_of(end_of(day)) for day in ("2026-04-17", "2026-04-18"))
    assert "2025Q2" not in readings(OpticsPerChip(), before)
    assert readings(OpticsPerChip(), after)["2025Q2"].known_at == "2026-04-17"


def test_a_later_count_replaces_the_one_it_corrects_and_not_before_it_is_known(archive):
    ranges = archive.facts.ranges
    corrected = ranges[ranges["subject"].eq("GB300") & ranges["item"].eq("optics")].assign(
        low=3.0, high=3.0, known_at=end_of("2026-06-01"), published="2026-06-01"
    )
    later = with_figures(archive, ranges=pd.concat([ranges, corrected], ignore_index=True))
    found = {
        day: readings(OpticsPerChip(), later.as_of(end_of(day)))["2025Q3"].parts["modules"]
        for day in ("2026-05-31", "2026-06-02")
    }
    assert found == {"2026-05-31": 2.5, "2026-06-02": 3.0}


def test_a_quarter_that_is_not_over_has_no_modules(archive):
    assert "2026Q3" not in readings(OpticsPerChip(), archive.as_of(end_of("2026-09-30")))
    assert "2026Q3" in readings(OpticsPerChip(), archive.as_of(end_of("2026-10-01")))


def test_a_count_of_modules_of_no_stated_speed_is_not_read(archive):
    ranges = archive.facts.ranges.copy()
    ranges.loc[ranges["subject"].eq("GB300"), "unit"] = "modules"
    found = readings(OpticsPerChip(), with_figures(archive, ranges=ranges).as_of(end_of("2026-06-30")))
    assert "2025Q2" not in found


# What is refused


@pytest.mark.parametrize(
    "signal",
    [AsicShareByChips, AsicShareWithoutNetworking, BandwidthByChips, OpticsPerChip, ScaleUpShare],
    ids=lambda one: one.__name__,
)
def test_a_window_of_no_quarter_is_refused_by_name(signal):
    name = next(name for name, one in load_signals(load_thesis()).items() if isinstance(one, signal))
    assert signal(window=1).window == 1
    with pytest.raises(ConfigurationError, match=f"^{name}: window is 0"):
        signal(window=0)


def test_units_without_labels_are_refused(archive):
    with pytest.raises(
        ConfigurationError, match="role custom_units of thesis interconnect has no labels; expected a chip or vendor"
    ):
        AsicShareByChips().values(with_role(archive, "custom_units", labels=()).as_of(end_of("2026-06-30")))


def test_a_label_that_is_no_chip_and_no_vendor_is_refused_with_a_near_miss(archive):
    labels = ("TPU v44", *load_thesis().role("custom_units").labels[1:])
    with pytest.raises(ConfigurationError, match="TPU v4"):
        BandwidthByChips().values(with_role(archive, "custom_units", labels=labels).as_of(end_of("2026-06-30")))


def test_a_planned_chip_never_has_modules(archive):
    assert OpticsPerChip().parts(archive.as_of(end_of("2026-06-30")), parse_quarter("2026Q3")) == {}


@by_chips
@pytest.mark.parametrize(("minutes", "complete"), [(0, True), (-1, False)])
def test_an_estimate_counts_from_45_days_after_the_end_of_its_quarter(archive, signal, minutes, complete):
    rows = archive.facts.rows.copy()
    own = rows["metric"].eq("units_shipped") & rows["period"].eq("2025Q4")
    on_the_day = (rows["period_end"] + pd.Timedelta(days=45, minutes=minutes)).dt.tz_localize("UTC")
    rows.loc[own, "known_at"] = on_the_day[own]
    changed = with_figures(archive, rows=rows.sort_values("known_at", kind="stable", ignore_index=True))
    assert ("2025Q4" in readings(signal, changed.as_of(end_of("2026-11-25")))) is complete


def test_a_vendor_whose_chips_are_not_announced_yet_is_no_chip(archive):
    panel = archive.as_of("2010-01-04")
    assert panel.chips == ()
    assert np.isnan(BandwidthByChips().values(panel)).all()
