"""Measures at their edges: gaps, ties, starts that are too early, prices that are not there yet."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.claims import lead_measures, measures, price_measures, role_measures, signal_measures
from backtest.claims.measurement import Falls, Levels
from backtest.data.tables import parse_facts
from backtest.errors import ConfigurationError
from backtest.facts import COLUMNS, Facts, assemble
from backtest.panel import Archive
from backtest.signals.multiplier import Multiplier

CLOUDS = ("AMZN", "GOOGL", "MSFT", "META")
ENDS = {1: "03-31", 2: "06-30", 3: "09-30", 4: "12-31"}
LATER = pd.Timestamp("2030-01-01T00:00Z")

THEMES = ("optical", "copper", "PCB")


def end_of(day):
    return pd.Timestamp(f"{day}T23:59:59Z")


def labels(first, count):
    year, quarter = int(first[:4]), int(first[5])
    return [f"{year + (quarter - 1 + n) // 4}Q{(quarter - 1 + n) % 4 + 1}" for n in range(count)]


@pytest.fixture
def world(archive):
    """Return a panel on made-up clouds' CapEx: one list of values per cloud, None for a quarter nobody published."""

    def build(first="2023Q1", **values):
        rows = []
        for entity, figures in values.items():
            for label, value in zip(labels(first, len(figures)), figures, strict=True):
                end = f"{label[:4]}-{ENDS[int(label[5])]}"
                stated = (entity, "purchases_ppe", label, end, end, value, "USD_m", "reported", "high", "made up", "")
                rows += [tuple(map(str, stated))] if value is not None else []
        table = pd.DataFrame(rows, columns=list(COLUMNS), index=pd.RangeIndex(2, len(rows) + 2))
        made: Facts = assemble([parse_facts(table, "made.csv")], archive.facts.accelerators, archive.facts.events, "made")
        return Archive(made, archive.prices).as_of(LATER)

    return build


def clouds(*each):
    return dict(zip(CLOUDS, each, strict=True))


# --- rising ----------------------------------------------------------------------------------------------------------

FLAT = [10, 10, 10, 10, 10, 10]


def test_a_rise_of_the_sum_counts_though_a_part_falls(world):
    panel = world(**clouds([1, 5, 9], [9, 7, 5], [1, 1, 1], [1, 1, 1]))
    found = measures.rising(panel, "clouds", "2023Q2", over=1)
    assert (found.value, found.quarter, found.details) == (1.0, "2023Q3", Falls(()))


def test_of_each_part_every_quarter_of_every_cloud_counts(world):
    panel = world(**clouds([1, 5, 9], [9, 7, 8], [1, 2, 3], [1, 2, 1]))
    found = measures.rising(panel, "clouds", "2023Q2", over=1, each=True)  # 4 of 4, less GOOGL; 4 of 4, less META
    assert (found.value, found.details) == (6 / 8, Falls(("2023Q2", "2023Q3")))


def test_the_same_value_again_is_no_rise(world):
    found = measures.rising(world(**clouds(FLAT, FLAT, FLAT, FLAT)), "clouds", "2023Q2", over=1)
    assert (found.value, found.details.falls) == (0.0, ("2023Q2", "2023Q3", "2023Q4", "2024Q1", "2024Q2"))


def test_a_rise_over_a_year_compares_with_the_same_quarter_of_the_year_before(world):
    panel = world(**clouds([5, 4, 3, 2, 6, 4, 4, 1], *[[10] * 8] * 3))
    found = measures.rising(panel, "clouds", "2024Q1", over=4)  # 6 > 5, 4 = 4, 4 > 3, 1 < 2
    assert (found.value, found.details.falls) == (0.5, ("2024Q2", "2024Q4"))


def test_the_latest_quarter_is_the_latest_all_clouds_are_known_for(world):
    panel = world(**clouds([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3]))
    assert measures.rising(panel, "clouds", "2023Q2", over=1).quarter == "2023Q3"


@pytest.mark.parametrize("each", [False, True])
def test_a_gap_inside_the_span_cannot_be_measured(world, each):
    panel = world(**clouds([1, 2, None, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]))
    found = measures.rising(panel, "clouds", "2023Q2", over=1, each=each)
    assert found.value is None
    assert "AMZN purchases_ppe 2023Q3" in found.missing


def test_a_start_whose_quarter_before_is_unknown_cannot_be_measured(world):
    found = measures.rising(world(**clouds(FLAT, FLAT, FLAT, FLAT)), "clouds", "2023Q1", over=1)
    assert found.value is None
    assert len(found.missing) == 4


def test_a_start_after_the_latest_complete_quarter_names_every_figure_it_lacks(world):
    found = measures.rising(world(**clouds(FLAT, FLAT, FLAT, FLAT)), "clouds", "2025Q1", over=1)
    assert found.value is None
    assert found.missing == tuple(f"{cloud} purchases_ppe {quarter}" for quarter in ("2024Q4", "2025Q1") for cloud in CLOUDS)


@pytest.mark.parametrize("since", ["2022Q4", "2021Q1", "2015Q1"])
def test_a_start_before_the_first_known_quarter_cannot_be_measured(world, since):
    rising = list(range(1, 13))
    found = measures.rising(world(**clouds(rising, rising, rising, rising)), "clouds", since, over=1)
    assert found.value is None


def test_a_cloud_nobody_reported_on_cannot_be_measured(world):
    found = measures.rising(world(AMZN=FLAT, GOOGL=FLAT, MSFT=FLAT), "clouds", "2023Q2", over=1)
    assert found.value is None
    assert found.missing == ("META purchases_ppe 2023Q1", "META purchases_ppe 2023Q2")


def test_of_the_trailing_year_four_quarters_are_compared_with_the_four_that_ended_before(world):
    panel = world(**clouds([5, 1, 1, 1, 4, 2, 1], *[[10] * 7] * 3))  # years of 128, 127, 128, 128: against each other
    found = measures.rising(panel, "clouds", "2024Q1", over="trailing")
    assert (found.value, found.details.falls) == (1 / 3, ("2024Q1", "2024Q3"))
    assert found.margin == pytest.approx(127 / 128 - 1)
    assert len(found.inputs) == 4 * 7


def test_a_trailing_year_that_cannot_be_measured_names_the_five_quarters_it_needs_and_none_before(world):
    found = measures.rising(world(AMZN=FLAT, GOOGL=FLAT, MSFT=FLAT), "clouds", "2024Q2", over="trailing")
    assert found.missing == tuple(
        f"META purchases_ppe {quarter}" for quarter in ("2023Q2", "2023Q3", "2023Q4", "2024Q1", "2024Q2")
    )


def test_a_rise_to_a_quarter_stops_there_and_says_so(world):
    panel = world(**clouds([1, 2, 3, 2], *[[10] * 4] * 3))
    found = measures.rising(panel, "clouds", "2023Q2", over=1, until="2023Q3")
    assert (found.value, found.span) == (1.0, "2023Q2 to 2023Q3")
    late = measures.rising(panel, "clouds", "2023Q4", over=1, until="2023Q3")
    assert (late.value, late.missing) == (None, ("a quarter from 2023Q4 on, by 2023Q3",))


def test_a_rise_says_by_how_much_where_it_rose_least(world):
    panel = world(**clouds([10, 20, 21], *[[0, 0, 0]] * 3))
    assert measures.rising(panel, "clouds", "2023Q2", over=1).margin == pytest.approx(21 / 20 - 1)


def test_who_ends_a_span_is_named_where_as_many_go_on(world):
    one_late = world(**clouds([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3]))
    assert measures.rising(one_late, "clouds", "2023Q2", over=1).span == "2023Q2 to 2023Q3, where META purchases_ppe ends"
    three_late = world(**clouds([1, 2, 3, 4], [1, 2, 3], [1, 2, 3], [1, 2, 3]))
    assert measures.rising(three_late, "clouds", "2023Q2", over=1).span == "2023Q2 to 2023Q3"


def test_the_newest_quarter_known_is_the_last_complete_one_with_its_figures(world):
    known = measures.rising(world(**clouds([1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2])), "clouds", "2023Q2", over=1).known
    assert (known.quarter, [fact.value for fact in known.inputs]) == ("2023Q2", [2, 2, 2, 2])


# --- leads -----------------------------------------------------------------------------------------------------------


def growing(rates):
    return [round(float(value), 6) for value in 100 * np.exp(np.cumsum(rates))]


@pytest.fixture
def tokens(archive):
    """Return a panel on made-up levels of tokens and leaders' revenue by quarter from 2020Q1, each a quarter's figure."""

    def build(levels, revenue):
        panel = archive.as_of(LATER)
        leaders = panel.series("leaders")
        rows = []
        for label, level, sold in zip(labels("2020Q1", len(levels)), levels, revenue, strict=True):
            end = f"{label[:4]}-{ENDS[int(label[5])]}"
            made = [("Maker", "tokens_per_month", end[:7], end, end, level, "trillion_tokens")]
            made += [(name, metric, label, end, end, sold, "CNY_m") for name, metric in leaders]
            made += [("CNY=X", "per_usd", label, end, end, 7, "CNY_per_USD")]
            rows += [tuple(map(str, (*row, "reported", "high", "made up", ""))) for row in made]
        table = pd.DataFrame(rows, columns=list(COLUMNS), index=pd.RangeIndex(2, len(rows) + 2))
        made = assemble([parse_facts(table, "made.csv")], archive.facts.accelerators, archive.facts.events, "made")
        return Archive(made, archive.prices).as_of(LATER)

    return build


def led(panel):
    return lead_measures.leads(panel, "tokens_per_month", "Maker", "leaders", (1, 2), "2020Q2")


def test_orders_that_follow_tokens_by_two_quarters_are_seen_and_those_that_do_not_count_as_none(tokens):
    chance = np.random.default_rng(5)
    first, other = chance.normal(0.1, 0.3, 30), chance.normal(0.1, 0.3, 30)
    following = led(tokens(growing(first), growing([0.1, 0.1, *first[:-2]])))
    assert (following.details.lag, following.value) == (2, pytest.approx(1.0, abs=1e-6))
    assert following.details.p <= 0.05
    apart = led(tokens(growing(first), growing(other)))
    assert (apart.value, apart.details.p > 0.05) == (0.0, True)


def test_with_fewer_quarters_than_a_lead_needs_to_pass_there_is_no_value(tokens):
    found = led(tokens(growing([0.1, 0.3] * 10), growing([0.2, 0.1] * 10)))  # 20 levels, 19 of growth
    assert found.value is None
    assert found.missing == ("20 unbroken quarters of growth, without which no lead reaches p 0.05 (19 are known)",)


# --- outgrew_together ------------------------------------------------------------------------------------------------


def test_a_sum_outgrows_another_where_it_does_in_every_quarter(archive):
    panel = archive.as_of(end_of("2025-07-23"))
    ours = role_measures.outgrew_together(panel, "leaders", "clouds", "2024Q1", "year")
    assert ours.value == 1.0  # in USD, as the set of our four
    assert ours.margin == measures.excess_sets(panel, "2024Q1", "year", THEMES, "XSHG", holding="leaders", in_usd=True).margin
    back = role_measures.outgrew_together(panel, "clouds", "leaders", "2024Q1", "year")
    assert (back.value, len(back.details.failing)) == (0.0, 5)


# --- excess_sets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("growth", "in_usd", "worst", "quarters_above"),
    [
        ("year", False, (6674.18 + 4052.26 + 944.63 + 4037.63) / (4842.55 + 1112.85 + 731.67 + 2584.04) - 71902 / 44289, 5),
        (
            "year",
            True,
            (6674.18 + 4052.26 + 944.63 + 4037.63) / 7.274846 / ((4842.55 + 1112.85 + 731.67 + 2584.04) / 7.188213)
            - 71902 / 44289,
            5,
        ),
        ("quarter", False, (6549.56 + 3516.4 + 857.0 + 4330.63) / (6514.01 + 2402.76 + 838.75 + 3586.81) - 72339 / 58862, 4),
        (
            "trailing",
            False,
            (6674.18 + 6549.56 + 6514.01 + 5956.05 + 4052.26 + 3516.4 + 2402.76 + 1614.82)  # 24Q2 to 25Q1: 300308, 300502
            / (13723.37 + 3610.23 + 2383.28 + 9654.43)  # 23Q2 to 24Q1, each of the four
            + (944.63 + 857.0 + 838.75 + 824.28 + 4037.63 + 4330.63 + 3586.81 + 2840.07)  # 24Q2 to 25Q1: 300394, 002463
            / (13723.37 + 3610.23 + 2383.28 + 9654.43)
            - (71902 + 72339 + 58862 + 52852) / (44289 + 43007 + 36994 + 33502),
            5,
        ),
    ],
)
def test_our_four_are_worked_by_hand_under_every_growth(archive, growth, in_usd, worst, quarters_above):
    panel = archive.as_of(end_of("2025-07-23"))
    found = measures.excess_sets(panel, "2024Q1", growth, THEMES, "XSHG", holding="leaders", in_usd=in_usd)
    assert found.details.suppliers == ("300308.SZ", "300502.SZ", "300394.SZ", "002463.SZ")
    assert found.details.quarters == ("2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1")
    assert found.details.worst_quarter_excess == pytest.approx([worst], rel=1e-9)
    assert found.details.share_of_set_quarters == pytest.approx(quarters_above / 5)
    assert found.value == (1.0 if quarters_above == 5 else 0.0)


def without(archive, *series):
    rows = archive.facts.rows
    kept = [one not in series for one in zip(rows["entity"], rows["metric"], strict=True)]
    return Archive(replace(archive.facts, rows=rows[kept].reset_index(drop=True)), archive.prices).as_of(end_of("2026-06-30"))


def test_without_one_of_our_four_their_growth_cannot_be_measured(archive):
    found = measures.excess_sets(without(archive, ("300394.SZ", "revenue")), "2024Q1", "year", THEMES, "XSHG", holding="leaders")
    assert (found.value, len(found.missing)) == (None, 1)


def test_without_a_rate_growth_in_usd_cannot_be_measured(archive):
    found = measures.excess_sets(without(archive, ("CNY=X", "per_usd")), "2024Q1", "year", THEMES, "XSHG", in_usd=True)
    assert (found.value, len(found.missing)) == (None, 1)


def test_a_supplier_that_lacks_a_quarter_is_in_no_set(archive):
    found = measures.excess_sets(archive.as_of(end_of("2026-06-30")), "2024Q1", "year", THEMES, "XSHG")
    assert "300563.SZ" not in found.details.suppliers  # no revenue of it is embedded
    assert found.details.sets == 330  # four of the other eleven


# --- token_multiple, chip, trend, positive ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "missing"),
    [
        ("2025-05-20", ("Google (all surfaces) tokens_per_month 2024-05", "Google (all surfaces) tokens_per_month 2025-05")),
        ("2025-05-21", ()),
    ],
)
def test_a_multiple_names_the_levels_not_yet_disclosed(archive, day, missing):
    found = measures.token_multiple(archive.as_of(end_of(day)), "Google (all surfaces)", base="2024-05", level="2025-05")
    assert found.missing == missing
    assert found.value == (None if missing else 480 / 9.7)


def test_a_multiple_shows_both_of_its_levels(archive):
    found = measures.token_multiple(archive.as_of(end_of("2025-05-21")), "Google (all surfaces)", base="2024-05", level="2025-05")
    assert found.details == Levels(9.7, 480.0)


def test_a_chip_not_yet_announced_is_missing(archive):
    panel = archive.as_of(end_of("2024-12-03"))
    found = measures.chip(panel, "Trainium2 (Trn2-Ultra, 64 chips)", "scale_up_gb_per_s")
    assert (found.value, found.missing) == (None, ("Trainium2 (Trn2-Ultra, 64 chips) scale_up_gb_per_s",))


def test_a_chip_s_figure_nobody_published_is_missing(archive):
    found = measures.chip(archive.as_of(LATER), "Trainium3 (Gen1 UltraServer)", "scale_out_gbit_per_s")
    assert (found.value, found.missing) == (None, ("Trainium3 (Gen1 UltraServer) scale_out_gbit_per_s",))


def test_a_figure_whose_only_source_is_the_report_proves_nothing(archive):
    found = measures.chip(archive.as_of(LATER), "MTIA Minerva rack (report figures)", "scale_up_gb_per_s", divided_by=250.0)
    assert (found.value, found.missing) == (None, ("a source other than the report itself",))


def test_a_trend_from_a_quarter_that_is_unknown_names_it(archive):
    found = signal_measures.trend(archive.as_of(end_of("2025-07-23")), "asic_share", since="2022Q4")
    assert (found.value, found.missing) == (None, ("asic_share 2022Q4 and a later quarter",))


def test_a_trend_from_the_latest_quarter_to_itself_is_none(archive):
    found = signal_measures.trend(archive.as_of(end_of("2025-07-23")), "asic_share", since="2025Q1")
    assert found.value is None
    assert found.missing


def test_a_share_of_no_quarters_is_missing(archive):
    found = signal_measures.positive(archive.as_of(end_of("2024-09-05")), "multiplier", since="2024Q1")
    assert (found.value, found.missing) == (None, ("any quarter of multiplier since 2024Q1",))


def test_what_stays_the_same_is_not_above_zero(archive):
    """Every series of the multiplier is 1 in each of six quarters: none of its parts moves."""
    units, panel = {"revenue": "CNY_m", "per_usd": "CNY_per_USD"}, archive.as_of(LATER)
    rows = [
        (entity, metric, label, end, end, "1", units.get(metric, "USD_m"), "reported", "high", "made up", "")
        for entity, metric in [*(one for group in Multiplier()._groups(panel) for one in group), ("CNY=X", "per_usd")]
        for label in labels("2023Q1", 6)
        for end in [f"{label[:4]}-{ENDS[int(label[5])]}"]
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS), index=pd.RangeIndex(2, len(rows) + 2))
    made = assemble([parse_facts(table, "made.csv")], archive.facts.accelerators, archive.facts.events, "made")
    parts = ("chips_over_capex", "interconnect_over_chips")
    found = signal_measures.positive(Archive(made, archive.prices).as_of(LATER), "multiplier", since="2024Q1", parts=parts)
    assert (found.value, found.details.failing) == (0.0, ("2024Q1", "2024Q2"))
    assert found.details.share_by_part == dict.fromkeys(parts, 0.0)


# --- excess_return ---------------------------------------------------------------------------------------------------


DAYS_OF_300308 = 210.1737 / 184.8  # adj_close of 2025-08-01 and of 2025-07-24
DAYS_OF_300502 = 130.6238 / 123.2619


@pytest.mark.parametrize("moment", ["2024-01-05T23:59Z", "2025-07-23T23:59Z", "2025-07-24T23:59Z", "2025-07-25T12:00Z"])
def test_before_two_sessions_after_the_report_no_return_is_testable_and_it_says_so(archive, moment):
    panel = archive.as_of(pd.Timestamp(moment))  # the last: Shanghai has closed its second session, New York has not
    found = price_measures.excess_return(panel, "report_names", "SMH")
    assert (found.value, found.missing) == (None, ("prices of two sessions after 2025-07-23",))


def test_the_first_days_after_the_report_are_worked_by_hand(archive):
    found = price_measures.excess_return(archive.as_of(end_of("2025-08-01")), "300308.SZ", "300502.SZ")
    assert found.details.span == "2025-07-24 to 2025-08-01"
    assert found.value == pytest.approx(DAYS_OF_300308 - DAYS_OF_300502, rel=1e-9)


def test_a_basket_against_itself_earns_nothing_above(archive):
    assert price_measures.excess_return(archive.as_of(end_of("2026-06-30")), "report_names", "report_names").value == 0.0


def test_a_name_in_both_portfolios_counts_once_in_each(archive):
    found = price_measures.excess_return(archive.as_of(end_of("2026-06-30")), "300308.SZ", "leaders")
    grown = found.details.returns
    leaders = [grown[ticker] for ticker in ("300308.SZ", "300502.SZ", "300394.SZ", "002463.SZ")]
    assert found.value == pytest.approx(grown["300308.SZ"] - sum(leaders) / 4, rel=1e-12)


def test_a_ticker_without_prices_is_named(archive):
    panel = archive.as_of(end_of("2026-06-30"))
    found = price_measures.excess_return(replace(panel, prices=panel.prices.drop(columns="300913.SZ")), "report_names", "SMH")
    assert (found.value, found.missing) == (None, ("prices of 300913.SZ",))


# --- names no figure has ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (
            lambda panel: measures.token_multiple(panel, "Google (all surface)", "2024-05", "2025-05"),
            "mean 'Google .all surfaces.'",
        ),
        (lambda panel: measures.chip(panel, "B200 HGX", "scale_up_domain"), r"no chip 'B200 HGX'; did you mean 'B200 .HGX.'"),
        (lambda panel: signal_measures.trend(panel, "multiplier", over=4, part="chip"), "no part of multiplier 'chip'; "),
        (lambda panel: signal_measures.positive(panel, "multiplier", "2024Q1", ("chip",)), "no part of multiplier 'chip'; "),
    ],
)
def test_a_name_that_no_figure_has_is_refused_with_a_near_miss(measure, words, archive):
    with pytest.raises(ConfigurationError, match=words):
        measure(archive.as_of(LATER))


def test_a_return_that_one_name_s_last_price_ends_says_so(archive):
    found = price_measures.excess_return(archive.as_of(end_of("2026-09-23")), "report_names", "SMH")
    assert found.quarter == "2025-07-24 to 2026-06-30, where 300913.SZ ends"
    assert found.details.ended == ("300913.SZ",)


def test_a_return_to_the_panel_s_last_prices_names_its_span_and_nobody(archive):
    found = price_measures.excess_return(archive.as_of(end_of("2026-06-30")), "300308.SZ", "SMH")
    assert found.quarter == "2025-07-24 to 2026-06-30"
    assert found.details.ended == ()
