"""The gate for figures: what no table may hold, and what every table that there is holds."""

import csv
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from backtest.data.figure_checks import Rules, check_chips, check_events, check_figures, check_ranges, faults, rules_of
from backtest.data.metrics import load_metrics
from backtest.data.overrides import Decisions, Figure
from backtest.data.periods import parse_period
from backtest.data.sources import reference
from backtest.data.tables import parse_accelerators, parse_events, parse_facts, parse_ranges, read_table
from backtest.errors import ConfigurationError, DataError
from backtest.facts import COLUMNS, RANGE_COLUMNS

SHARED = Path(__file__).parent.parent.parent.parent / "shared"
RULES = rules_of()
MONTH = pd.Timedelta(days=30)


def figure(entity="ZZZ", metric="revenue", period="2024Q4", end="2024-12-31", known="2025-02-06", value=100.0, **more):
    given = {"entity": entity, "metric": metric, "period": period, "period_end": end, "known_at": known, "value": str(value)}
    row = {"unit": "USD_m", "evidence": "reported", "confidence": "high", "source": "made up", "note": ""}
    return row | given | more


def typed(*rows):
    table = pd.DataFrame(list(rows), columns=list(COLUMNS), dtype=str)
    table.index = pd.RangeIndex(2, len(rows) + 2)
    return parse_facts(table, "made.csv").reset_index(drop=True)


def refusal(*rows, rules=RULES):
    with pytest.raises(DataError) as error:
        check_figures(typed(*rows), rules)
    return str(error.value)


def quarters(*values, **more):
    """Return a figure per quarter from 2023Q1 on."""
    ends = pd.date_range("2023-03-31", periods=len(values), freq="QE")
    return [
        figure(period=f"{end.year}Q{end.quarter}", end=f"{end:%Y-%m-%d}", known=f"{end + pd.Timedelta(days=40):%Y-%m-%d}",
               value=value, **more)
        for end, value in zip(ends, values, strict=True)
    ]  # fmt: skip


def fiscal_years(entity="AMZN"):
    ends = pd.date_range("2023-03-31", periods=8, freq="QE")
    return [
        figure(
            entity, "purchases_ppe", f"FY{end.year}Q{end.quarter}", f"{end:%Y-%m-%d}", f"{end + pd.Timedelta(days=40):%Y-%m-%d}"
        )
        for end in ends
    ]


# Good tables


def test_every_corrected_table_is_the_embedded_one():
    tables = sorted((SHARED / "figures").glob("*.csv"))
    if not tables:
        pytest.skip("no ../shared/figures")
    assert [table.name for table in tables if table.read_bytes() != (reference.FOLDER / table.name).read_bytes()] == []


@pytest.mark.parametrize("name", ["theses/memory/earnings.csv", "theses/memory/suppliers.csv"])
def test_a_new_table_of_mixed_currencies_passes_beside_the_embedded_ones(name):
    if not (SHARED / name).exists():
        pytest.skip(f"no ../shared/{name}")
    table = parse_facts(read_table(SHARED / name, COLUMNS), name)
    rows = pd.concat([reference.load_facts().rows, table], ignore_index=True)
    assert list(faults(rows, RULES)) == []


def test_corrected_accelerators_and_events_pass():
    if not (SHARED / "figures").is_dir():
        pytest.skip("no ../shared/figures")
    chips = read_table(SHARED / "figures" / "accelerators.csv")
    check_chips(parse_accelerators(chips, "accelerators.csv"), RULES, "accelerators.csv")
    for path in (SHARED / "figures" / "events.csv", SHARED / "theses" / "memory" / "events.csv"):
        check_events(parse_events(read_table(path), path.name), path.name)


def test_every_metric_and_unit_of_the_embedded_tables_has_a_row():
    metrics = load_metrics()
    rows = reference.load_facts().rows
    assert all(unit in metrics[name].units for name, unit in zip(rows["metric"], rows["unit"], strict=True))


# Sign


@pytest.mark.parametrize("value", ["-14951", "0", "-0.0"])
@pytest.mark.parametrize("metric", [name for name, one in load_metrics().items() if one.sign == "positive"])
def test_a_positive_metric_that_is_not_above_0_is_refused_by_row_and_field(metric, value):
    one = load_metrics()[metric]
    if one.units[0] == "fraction" and value == "-14951":
        value = "0"
    kinds = {"quarter": ("2024Q4", "2024-12-31"), "year": ("FY2024", "2024-12-31"), "month": ("2024-12", "2024-12-31")}
    period, end = kinds[one.periods[0]]
    message = refusal(figure(metric=metric, period=period, end=end, value=value, unit=one.units[0]))
    assert message.startswith(f"made.csv row 2: value is '{float(value):.12g}'; expected more than 0")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.1376", "at least 5 CNY_per_USD"),
        ("72.7", "at most 10 CNY_per_USD"),
        ("0.00072", "at least 800 KRW_per_USD"),
        ("13800", "at most 2,500 KRW_per_USD"),
    ],
)
def test_an_exchange_rate_out_of_its_band_is_refused(value, words):
    assert words in refusal(figure(metric="per_usd", value=value, unit=words.split()[-1]))


def test_a_metric_of_any_sign_may_be_negative():
    check_figures(typed(*quarters(5, -7, 0, 12, metric="net_profit")), RULES)


# Size


@pytest.mark.parametrize("factor", [100, 1000, 0.01, 0.001])
@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_positive_figure_many_times_its_neighbour_is_refused_with_both_operands(place, factor):
    values = [100.0, 110.0, 90.0, 120.0]
    values[place] *= factor
    message = refusal(*quarters(*values))
    assert f"{values[place]:.12g} for 2023Q{place + 1}" in message
    assert "expected less than 50 times each other, or a [[figure]] row" in message


def test_a_slip_of_a_hundred_is_seen_in_the_lowest_quarter_too():
    assert "8000 for 2023Q2" in refusal(*quarters(100, 8000, 95))


def test_the_largest_true_step_passes():
    check_figures(typed(*quarters(100, 3700)), RULES)


def test_a_correction_a_hundred_times_its_first_version_is_refused():
    message = refusal(figure(), figure(value=10_000, known="2025-03-06"))
    assert "10000 for 2024Q4 and 100 for 2024Q4 (made.csv row 2)" in message


def test_a_rate_the_other_way_round_is_refused():
    rate = {"entity": "CNY=X", "metric": "per_usd", "unit": "CNY_per_USD"}
    assert "expected at least 5 CNY_per_USD" in refusal(*quarters(7.1, 7.2, 1 / 7.1, **rate))
    assert "less than 1.5 times each other" in refusal(*quarters(6.1, 6.2, 9.9, **rate))


def test_a_share_a_tenth_of_its_neighbour_is_refused():
    share = {"metric": "ai_networking_share", "unit": "fraction"}
    assert "less than 4 times each other" in refusal(*quarters(0.4, 0.04, 0.38, **share))


@pytest.mark.parametrize(
    ("unit", "value", "most"),
    [("USD_m", 4e9, "1,000,000 USD_m"), ("CNY_m", 4.8e9, "5,000,000 CNY_m"), ("KRW_m", 7e12, "1,000,000,000 KRW_m")],
)
def test_a_table_in_units_and_not_millions_is_refused_without_any_neighbour(unit, value, most):
    assert f"expected at most {most}" in refusal(figure(value=value, unit=unit))


def test_a_loss_beyond_every_revenue_of_its_entity_is_refused():
    message = refusal(*quarters(1000, 1100), figure(metric="net_profit", value=-25_000))
    assert "net_profit of ZZZ is -25000 for 2024Q4, its entity's largest revenue is 1100" in message


def test_a_profit_in_thousands_is_refused_though_its_company_has_grown_since():
    message = refusal(*quarters(50, 90, 95, 3000, 20_000), *quarters(150_000, 90, 95, 100, 2000, metric="net_profit"))
    assert "net_profit of ZZZ is 150000 for 2023Q1" in message


def test_a_true_write_off_of_seven_times_the_revenue_passes():
    check_figures(typed(*quarters(800, 1000), *quarters(70, 250, -7100, metric="net_profit")), RULES)


@pytest.mark.parametrize("period", ["2023Q1", "2023Q2"])
def test_a_person_lets_a_true_step_through_by_a_row(period):
    row = Figure(entity="ZZZ", metric="revenue", period=period, use="as stated", reason="looked it up")
    rules = rules_of(decisions=Decisions((row,)))
    check_figures(typed(*quarters(100, 6000)), rules)


def test_the_row_stands_in_the_folder_of_the_figures(tmp_path):
    tables = shutil.copytree(reference.FOLDER, tmp_path / "reference")
    rows = list(csv.DictReader((tables / "capex.csv").read_text(encoding="utf-8").splitlines()))
    rows[3]["value"] = str(float(rows[3]["value"]) * 60)
    with (tables / "capex.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataError, match=r"^capex.csv row 5: purchases_ppe of AMZN is 995520 for FY2022Q4 and 16378 for FY2022Q3"):
        reference.facts_with(b"", tables)
    row = 'entity = "AMZN"\nmetric = "purchases_ppe"\nperiod = "FY2022Q4"\nuse = "as stated"\nreason = "checked"\n'
    (tables / "decisions.toml").write_text(f"[[figure]]\n{row}", encoding="utf-8")
    assert 995_520 in set(reference.facts_with(b"", tables).rows["value"])


def test_a_row_of_a_snapshots_live_table_passes_the_same_gate(tmp_path):
    tables = shutil.copytree(reference.FOLDER, tmp_path / "reference")
    row = figure("MSFT", "purchases_ppe", "FY2027Q1", "2026-09-30", "2026-10-29", -5)
    pd.DataFrame([row])[list(COLUMNS)].to_csv(tables / "live.csv", index=False)
    with pytest.raises(DataError, match=r"^live.csv row 2: value is '-5'; expected more than 0"):
        reference.load_facts(tables)


# One figure


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ("Q4 2025", "period is 'Q4 2025'; expected a label like 2025Q1, FY2025Q1, 2024-05, 2025H1 or FY2025"),
        ("2025Q4", "'FY2024Q4' (made.csv row 9) on 2024-12-31; expected one label and one end per quarter"),
        ("2024Q4", "period '2024Q4' of AMZN purchases_ppe ends on 2024-12-31, 'FY2024Q4' (made.csv row 9)"),
        ("fy2024q4", "period is 'fy2024q4'; expected a label like"),
        ("FY2024Q4 ", "period is 'FY2024Q4 '; expected a label like"),
        ("FY2024Q5", "expected a label like"),
        ("FY2024", "period is 'FY2024'; expected a quarter for metric 'purchases_ppe'"),
    ],
)
@pytest.mark.parametrize("known", ["2025-02-09", "2025-05-09"])
def test_a_period_under_a_second_label_is_refused_whenever_it_is_known(known, period, words):
    second = figure("AMZN", "purchases_ppe", period, "2024-12-31", known, 200)
    message = refusal(*fiscal_years(), second)
    assert words in message or (period == "2025Q4" and "expected 2025-12-31, for period '2025Q4'" in message)


def test_a_period_that_overlaps_another_is_refused():
    fiscal = [figure("NVDA", "revenue", "FY2026Q4", "2026-01-25", "2026-02-25", 100)]
    calendar = figure("NVDA", "revenue", "2025Q4", "2025-12-31", "2026-02-25", 200)
    assert "expected one label and one end per quarter" in refusal(*fiscal, calendar)


def test_one_figure_with_two_values_at_one_moment_is_refused():
    assert "stands twice with known_at '2025-02-06'; a correction needs a later known_at than made.csv row 2" in refusal(
        figure(), figure(value=101)
    )


@pytest.mark.parametrize("entity", ["amzn", "AMZN ", " AMZN", "ＡＭＺＮ", "Amzn"])
def test_an_entity_in_a_second_spelling_is_refused(entity):
    message = refusal(*fiscal_years(), figure(entity, "purchases_ppe", "FY2025Q1", "2025-03-31", "2025-05-01"))
    assert message == f"made.csv row 10: entity is '{entity}'; expected one spelling, as 'AMZN'"


# Where a period ends


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2024Q4", "2024-12-30"), ("2024Q4", "2024-09-30"), ("2024Q4", "2025-12-31"), ("FY2024Q4", "2022-12-31"),
        ("FY2024Q4", "2025-12-31"),
    ],
)  # fmt: skip
def test_an_end_outside_what_its_label_names_is_refused(period, end):
    message = refusal(figure(period=period, end=end, known="2026-02-06"))
    assert message.startswith(f"made.csv row 2: period_end is '{end}'; expected ")
    assert f"for period '{period}'" in message


@pytest.mark.parametrize(("period", "end"), [("FY2025Q2", "2025-03-31"), ("FY2025Q2", "2025-09-30"), ("FY2026Q2", "2025-06-30")])
def test_a_fiscal_period_ends_where_the_entitys_others_do(period, end):
    message = refusal(*fiscal_years(), figure("AMZN", "purchases_ppe", period, end, "2025-12-06"))
    assert f"period_end is '{end}'; expected a day near" in message


def test_a_company_whose_periods_end_with_months_has_none_that_ends_a_day_off():
    message = refusal(*fiscal_years(), figure("AMZN", "purchases_ppe", "FY2025Q1", "2025-03-30", "2025-05-06"))
    assert "period_end is '2025-03-30'; expected the last day of a month" in message


def test_a_label_that_spells_out_its_months_is_held_to_them():
    tokens = {"metric": "tokens_per_month", "unit": "trillion_tokens"}
    check_figures(typed(figure(period="FY2025 (Jul24-Jun25)", end="2025-06-30", known="2025-07-30", **tokens)), RULES)
    message = refusal(figure(period="FY2025 (Jul24-Jun25)", end="2025-05-31", known="2025-07-30", **tokens))
    assert "expected a day in Jun25" in message


@pytest.mark.parametrize(
    "label", ["Q4 2025", "2025", "2025Q0", "2025H3", "2025-13", "2025-1", "FY25Q1", "FY2025-01", "2025Q4 ", ""]
)
def test_other_forms_are_no_labels(label):
    assert parse_period(label) is None


# When it was known, units, metrics


@pytest.mark.parametrize("known", ["2042-02-06", "2126-02-06T10:00Z", "2031-02"])
def test_a_figure_known_long_after_its_period_is_refused(known):
    assert f"known_at is '{known}', long after its period ended on 2024-12-31" in refusal(figure(known=known))


def test_one_entity_has_one_currency():
    message = refusal(*quarters(100, 110), figure(metric="net_profit", value=10, unit="CNY_m"))
    assert message == "made.csv row 4: unit is 'CNY_m'; expected 'USD_m', as revenue of 'ZZZ' in made.csv row 2"


def test_two_entities_may_have_two_units_of_one_metric():
    check_figures(typed(figure(), figure("YYY", unit="CNY_m")), RULES)


def test_a_metric_without_a_row_is_refused_with_a_near_miss():
    message = refusal(figure(metric="purchase_ppe"))
    assert message.endswith("expected a row of metrics.toml: no metric 'purchase_ppe'; did you mean 'purchases_ppe'?")


def test_a_folder_adds_metrics_of_its_own_and_cannot_change_ours(tmp_path):
    row = '[[metric]]\nname = "{}"\nlabel = "x"\nunits = ["USD_m"]\nsign = "any"\nperiods = ["quarter"]\nsource = "x"\n'
    (tmp_path / "metrics.toml").write_text(row.format("backlog"), encoding="utf-8")
    check_figures(typed(figure(metric="backlog", value=-1)), rules_of(tmp_path))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "metrics.toml").write_text(row.format("revenue"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="'revenue' is a metric already"):
        load_metrics(tmp_path / "own")


def test_money_is_in_millions_of_any_currency_that_there_is():
    check_figures(typed(figure(metric="purchases_ppe", unit="KRW_m")), RULES)
    check_figures(typed(figure(unit="HKD_m")), RULES)
    words = "expected a currency that there is: no currency 'XAU'; did you mean 'AUD'?"
    assert refusal(figure(unit="XAU_m")) == f"made.csv row 2: unit is 'XAU_m'; {words}"


def test_a_folder_adds_currencies_of_its_own_with_their_bounds(tmp_path):
    (tmp_path / "markets").mkdir()
    row = '[[currency]]\ncode = "THB"\nname = "baht"\nleast = 20.0\nmost = 60.0\nmove = 0.1\nsource = "made up"\n'
    (tmp_path / "markets" / "currencies.toml").write_text(row, encoding="utf-8")
    rules = rules_of(tmp_path)
    check_figures(typed(figure(unit="THB_m", value=1e6)), rules)
    assert "expected at most 60,000,000 THB_m" in refusal(figure(unit="THB_m", value=1e9), rules=rules)
    assert "expected at least 20 THB_per_USD" in refusal(figure(metric="per_usd", unit="THB_per_USD", value=0.03), rules=rules)
    assert "no currency 'THB'" in refusal(figure(unit="THB_m"))


def test_another_name_that_is_a_metric_is_refused(tmp_path):
    row = '[[metric]]\nname = "backlog"\nlabel = "x"\nunits = ["money"]\nsign = "any"\nperiods = ["quarter"]\nsource = "x"\n'
    for also in ("net_profit", "total_revenue"):
        (tmp_path / "metrics.toml").write_text(f'{row}also = ["{also}"]\n', encoding="utf-8")
        with pytest.raises(ConfigurationError, match=f"also of 'backlog' is '{also}', a"):
            load_metrics(tmp_path)


def test_a_metric_with_an_unknown_unit_is_refused_with_a_near_miss(tmp_path):
    row = '[[metric]]\nname = "backlog"\nlabel = "x"\nunits = ["USDm"]\nsign = "any"\nperiods = ["quarter"]\nsource = "x"\n'
    (tmp_path / "metrics.toml").write_text(row, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"metrics.toml row 1: .*did you mean 'USD_m'"):
        load_metrics(tmp_path)


# Chips and events


def changed(file, row, **fields):
    table = read_table(reference.FOLDER / file)
    for name, value in fields.items():
        table.loc[row, name] = value
    return table


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"chip": "a100 sxm 80gb"}, "row 3: chip is 'a100 sxm 80gb'; expected one spelling, as 'A100 SXM 80GB'"),
        ({"chip": "A100  SXM 80GB"}, "row 3: chip is 'A100  SXM 80GB'; expected one spelling"),
        ({"chip": "A100 SXM 80GB", "known_at": "2020-05-14"}, "row 3: chip 'A100 SXM 80GB' stands twice with one known_at"),
        ({"scale_up_gb_per_s": "900000"}, "row 3: scale_up_gb_per_s is '900000', the next is 7200; expected less than 50 times"),
        ({"hbm_gb": "0.08"}, "row 3: hbm_gb is '0.08', the next is 16; expected less than 50 times"),
        ({"known_at": "2122-03-22"}, "row 3: known_at is '2122-03-22', first_shipped '2022Q4'; expected both within 6 years"),
    ],
)
def test_a_chip_that_cannot_be_right_is_refused(fields, words):
    chips = parse_accelerators(changed("accelerators.csv", 3, **fields), "accelerators.csv")
    with pytest.raises(DataError, match=re.escape(f"accelerators.csv {words}")):
        check_chips(chips, RULES, "accelerators.csv")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"event": "ChatGPT  released"}, "row 3: event is 'ChatGPT  released'; expected one spelling"),
        ({"event": "ChatGPT released", "date": "2022-11-30"}, "row 3: event 'ChatGPT released' stands twice with one date"),
        ({"known_at": "2023-03-12"}, "row 3: known_at is 2023-03-13T00:00Z, date 2023-03-14; expected"),
        ({"known_at": "2033-03-14"}, "row 3: known_at is 2033-03-15T00:00Z, date 2023-03-14; expected"),
    ],
)
def test_an_event_that_cannot_be_right_is_refused(fields, words):
    events = parse_events(changed("events.csv", 3, **fields), "events.csv")
    with pytest.raises(DataError, match=re.escape(f"events.csv {words}")):
        check_events(events, "events.csv")


def test_rules_without_decisions_let_nothing_through():
    assert not Rules(load_metrics()).passes(typed(figure()).itertuples().__next__())


def ranges(*changes):
    row = dict(zip(RANGE_COLUMNS, ("optics", "H100", "modules per GPU", "", "2", "3", "modules", "2023-06-15", "estimated",
                                   "medium", "made up", ""), strict=True))  # fmt: skip
    table = pd.DataFrame([row | change for change in changes], columns=list(RANGE_COLUMNS), dtype=str)
    table.index = pd.RangeIndex(2, len(changes) + 2)
    return table


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{"low": "4"}], "made.csv row 2: low is '4', high '3'; expected low at or below high"),
        ([{"low": ""}], "made.csv row 2: low is 'nan', high '3'; expected both, or neither where no amount was published"),
        ([{"period": "2023Q5"}], "made.csv row 2: period is '2023Q5'; expected a label like"),
        ([{}, {"low": "1"}], "made.csv row 3: modules per GPU of H100 stands as in made.csv row 2; expected a later known_at"),
        ([{"high": "three"}], "made.csv row 2: high is 'three'; expected a number or nothing"),
        ([{"high": "inf"}], "made.csv row 2: high is 'inf'; expected a finite number"),
        ([{"known_at": "soon"}], "made.csv row 2: known_at is 'soon'; expected a day like"),
        ([{"unit": ""}], "made.csv row 2: unit is ''; expected"),
    ],
)
def test_a_range_that_cannot_be_right_is_refused_by_row_and_field(changes, words):
    with pytest.raises(DataError) as error:
        check_ranges(parse_ranges(ranges(*changes), "made.csv"))
    assert str(error.value).startswith(words)


def test_a_range_without_an_amount_and_a_later_version_of_one_pass():
    check_ranges(parse_ranges(ranges({"low": "", "high": ""}, {"known_at": "2024-01-05"}), "made.csv"))


def test_each_text_of_a_range_may_be_a_single_character():
    texts = {"item": "a", "subject": "b", "metric": "c", "unit": "d", "source": "e"}
    assert parse_ranges(ranges(texts), "made.csv").loc[2, list(texts)].to_dict() == texts


def test_the_embedded_ranges_are_those_of_their_files(archive):
    stated = [
        row
        for name in reference.RANGE_TABLES
        for row in csv.DictReader((reference.FOLDER / name).read_text(encoding="utf-8").splitlines())
    ]
    known = archive.facts.ranges
    assert len(known) == len(stated) == 33
    assert sorted(known["high"].dropna()) == sorted(float(row["high"]) for row in stated if row["high"])
    assert known["known_at"].is_monotonic_increasing
