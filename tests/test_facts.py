import csv
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.calendars import parse_quarter
from backtest.data.sources import reference
from backtest.data.sources.reference import FACT_TABLES
from backtest.data.tables import parse_accelerators, read_table
from backtest.errors import ConfigurationError, DataError
from backtest.facts import EVIDENCE, UNITS, Facts, Range
from backtest.files.hashes import content_id
from backtest.panel import Archive

TABLES = {name: list(csv.DictReader((reference.FOLDER / name).read_text(encoding="utf-8").splitlines())) for name in FACT_TABLES}
ROWS = [row for table in TABLES.values() for row in table]
NAMED = {"total_revenue": "revenue"}  # metrics that tables hold under another name


def utc(text):
    return pd.Timestamp(text, tz="UTC")


@pytest.fixture
def tables(tmp_path):
    return shutil.copytree(reference.FOLDER, tmp_path / "reference")


def alter(path, row, **fields):
    """Change fields of one row of a CSV, the header being row 1."""
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    for name, value in fields.items():
        rows[row - 1][rows[0].index(name)] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def alter_lines(path, change):
    path.write_text("\n".join(change(path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")


def append(path, **fields):
    """Add a row that copies the last one but for some fields."""
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, rows[-1], lineterminator="\n").writerow(rows[-1] | fields)


def values(panel, entity, metric):
    """Return what a panel knows of a series, by period."""
    rows = panel.rows[(panel.rows["entity"] == entity) & (panel.rows["metric"] == metric)]
    return dict(zip(rows["period"], rows["value"], strict=True))


# What is embedded


def test_every_row_of_every_embedded_table_is_loaded():
    loaded = Counter(origin.split(" row ")[0] for origin in reference.load_facts().rows["origin"])
    assert loaded == {name: len(table) for name, table in TABLES.items()}


def test_every_loaded_value_is_that_of_the_row_it_names():
    for row in reference.load_facts().rows.itertuples():
        file, number = row.origin.split(" row ")
        message = TABLES[file][int(number) - 2]
        stated = NAMED.get(message["metric"], message["metric"])
        assert (row.entity, row.metric, row.period, row.published) == (
            message["entity"], stated, message["period"], message["known_at"],
        )  # fmt: skip
        assert (row.value, row.unit, f"{row.period_end:%Y-%m-%d}") == (
            float(message["value"]),
            message["unit"],
            message["period_end"],
        )


@pytest.mark.parametrize("field", ["entity", "metric", "period", "period_end", "unit", "known_at", "source", "evidence"])
def test_no_embedded_figure_lacks(field):
    assert [row for row in ROWS if not row[field].strip()] == []


def test_every_entity_has_one_currency_and_every_metric_of_it_one_unit():
    units = {}
    for row in ROWS:
        what = "money" if row["unit"].endswith("_m") else row["metric"]
        units.setdefault((row["entity"], what), set()).add(row["unit"])
    assert [metric for metric, found in units.items() if len(found) > 1] == []


def test_embedded_fractions_lie_between_0_and_1():
    assert [row for row in ROWS if row["unit"] == "fraction" and not 0 <= float(row["value"]) <= 1] == []


def test_no_embedded_figure_but_guidance_was_published_before_the_month_its_period_ended_in():
    early = [row for row in ROWS if row["known_at"][:7] < row["period_end"][:7] and row["evidence"] != "guidance"]
    assert early == []


def test_rows_of_low_confidence_are_loaded_and_marked():
    stated = [row | {"metric": NAMED.get(row["metric"], row["metric"])} for row in ROWS]
    expected = Counter((row["entity"], row["metric"], row["period"]) for row in stated if row["confidence"] == "low")
    rows = reference.load_facts().rows
    low = rows[rows["confidence"] == "low"]
    assert Counter(zip(low["entity"], low["metric"], low["period"], strict=True)) == expected
    assert expected[("MRVL", "data_center_revenue", "FY2024Q1")] == 1


def test_a_cited_figure_carries_its_confidence(archive):
    fact = archive.as_of(utc("2024-06-03")).fact(("MRVL", "data_center_revenue"), parse_quarter("2023Q1"))
    assert (fact.value, fact.confidence, fact.published) == (435.8, "low", "2023-05-25")


def test_facts_stand_in_the_order_they_became_known():
    assert reference.load_facts().rows["known_at"].is_monotonic_increasing


def test_the_accelerators_and_events_are_loaded_with_the_moment_they_became_known():
    facts = reference.load_facts()
    texts = [(reference.FOLDER / name).read_text(encoding="utf-8") for name in ("accelerators.csv", "events.csv")]
    rows = [len(list(csv.DictReader(text.splitlines()))) for text in texts]
    assert [len(facts.accelerators), len(facts.events)] == rows
    assert facts.accelerators.set_index("chip").at["H100 SXM5", "known_at"] == utc("2022-03-23")
    assert facts.events["known_at"].min() == utc("2022-12-01")


def test_an_accelerator_figure_that_was_not_published_is_no_number():
    chips = reference.load_facts().accelerators.set_index("chip")
    assert np.isnan(chips.at["Zhenwu M890 (Panjiu AL128)", "scale_up_gb_per_s"])
    assert chips.at["Zhenwu M890 (Panjiu AL128)", "scale_up_domain"] == 128


def test_a_chips_bandwidth_is_scale_up_and_scale_out_in_both_directions(archive):
    """H100: 900 GB/s between chips; 400 Gb/s out are 50 GB/s each way."""
    chips = archive.as_of(utc("2024-06-03")).chips
    assert next(chip for chip in chips if chip.chip == "H100 SXM5").bandwidth_gb_per_s == 900 + 2 * 50


def test_a_chips_figure_is_of_the_quarter_it_first_shipped_and_of_quarter_0_where_that_is_not_known(archive):
    chips = {chip.chip: chip for chip in archive.as_of(utc("2024-06-03")).chips}
    h100 = chips["H100 SXM5"]
    assert h100.shipped == parse_quarter(h100.first_shipped)
    assert h100.fact("scale_up_gb_per_s").quarter == h100.shipped
    assert replace(h100, shipped=None).fact("scale_up_gb_per_s").quarter == 0


def test_both_vintages_of_nvidias_hyperscale_revenue_are_kept(archive):
    v1, v2 = ("NVDA", "dc_hyperscale_revenue_v1"), ("NVDA", "dc_hyperscale_revenue_v2")
    panel, quarter = archive.as_of(utc("2026-09-30")), parse_quarter("2025Q1")
    assert (panel.fact(v1, quarter).value, panel.fact(v2, quarter).value) == (17599, 22260)


def test_neither_vintage_of_nvidias_hyperscale_revenue_is_known_before_it_was_published(archive):
    v1, v2, quarter = ("NVDA", "dc_hyperscale_revenue_v1"), ("NVDA", "dc_hyperscale_revenue_v2"), parse_quarter("2025Q1")
    days = ["2026-05-20", "2026-05-21", "2026-08-26", "2026-08-27"]
    known = [[archive.as_of(utc(day)).fact(series, quarter) is not None for series in (v1, v2)] for day in days]
    assert known == [[False, False], [True, False], [True, False], [True, True]]


def test_amds_first_quarter_of_2022_became_known_with_the_second(archive):
    series, quarter = ("AMD", "data_center_segment_revenue"), parse_quarter("2022Q1")
    assert archive.as_of(utc("2022-08-02T23:59")).fact(series, quarter) is None
    fact = archive.as_of(utc("2022-08-03")).fact(series, quarter)
    assert (fact.value, fact.published) == (1293, "2022-08-02")


def test_a_figure_published_some_day_of_a_month_counts_from_the_next_month(archive):
    panels = [archive.as_of(utc(day)) for day in ("2024-08-31T23:59", "2024-09-01")]
    july = [values(panel, "ByteDance Doubao models", "tokens_per_month").get("2024-07") for panel in panels]
    assert july == [None, 15.219]


# Corrections


def test_a_correction_counts_from_its_own_publication_and_the_first_figure_until_then(tables):
    append(
        tables / "cn_suppliers.csv", entity="300308.SZ", metric="revenue", period="2024Q1", period_end="2024-03-31",
        known_at="2024-08-31", value="4900.5",
    )  # fmt: skip
    archive = Archive(reference.load_facts(tables), reference.load_prices(["NVDA"]))
    series, quarter = ("300308.SZ", "revenue"), parse_quarter("2024Q1")
    known = [archive.as_of(utc(day)).fact(series, quarter) for day in ("2024-05-01", "2024-08-31T23:59", "2024-09-01")]
    assert [fact.value for fact in known] == [4842.55, 4842.55, 4900.5]
    assert [fact.published for fact in known] == ["2024-04-30", "2024-04-30", "2024-08-31"]


def test_a_folder_of_figures_that_changes_is_read_again(tables):
    before = reference.load_facts(tables)
    append(
        tables / "cn_suppliers.csv", entity="300308.SZ", metric="revenue", period="2024Q1", period_end="2024-03-31",
        known_at="2024-08-31", value="4900.5",
    )  # fmt: skip
    after = reference.load_facts(tables)
    assert len(after.rows) == len(before.rows) + 1
    assert after.data_id != before.data_id


def test_a_correction_leaves_the_first_row_where_it_was(tables):
    append(
        tables / "cn_suppliers.csv", entity="300308.SZ", metric="revenue", period="2024Q1", period_end="2024-03-31",
        known_at="2024-08-31", value="4900.5",
    )  # fmt: skip
    rows = reference.load_facts(tables).rows
    both = rows[(rows["entity"] == "300308.SZ") & (rows["period"] == "2024Q1") & (rows["metric"] == "revenue")]
    assert list(both["value"]) == [4842.55, 4900.5]


def test_a_correction_need_not_stand_after_the_row_it_corrects(tables):
    def move_last_up(lines):
        return [lines[0], lines[-1], *lines[1:-1]]

    append(
        tables / "cn_suppliers.csv", entity="300308.SZ", metric="revenue", period="2024Q1", period_end="2024-03-31",
        known_at="2024-08-31", value="4900.5",
    )  # fmt: skip
    alter_lines(tables / "cn_suppliers.csv", move_last_up)
    archive = Archive(reference.load_facts(tables), reference.load_prices(["NVDA"]))
    known = [
        archive.as_of(utc(day)).fact(("300308.SZ", "revenue"), parse_quarter("2024Q1")) for day in ("2024-05-01", "2024-09-01")
    ]
    assert [fact.value for fact in known] == [4842.55, 4900.5]


# Refusals: row 5 of capex.csv is Amazon's FY2022Q4, known 2023-02-02, 16592 USD million

MONEY = "expected a number in USD million"
KNOWN_AT = "expected a day like 2024-04-25, a month like 2024-04 or a UTC minute like 2024-04-25T20:05Z"
EARLY = "before its period ended on 2022-12-31; expected a later date, or evidence 'guidance'"
BAD_FIELDS = [
    ({"value": "-"}, f"value is '-'; {MONEY}"),
    ({"value": "inf"}, f"value is 'inf'; {MONEY}"),
    ({"value": "nan"}, f"value is 'nan'; {MONEY}"),
    ({"value": ""}, f"value is ''; {MONEY}"),
    ({"value": "16,592"}, f"value is '16,592'; {MONEY}"),
    ({"value": "16592m"}, f"value is '16592m'; {MONEY}"),
    ({"known_at": ""}, f"known_at is ''; {KNOWN_AT}"),
    ({"known_at": "soon"}, f"known_at is 'soon'; {KNOWN_AT}"),
    ({"known_at": "2023-02-30"}, f"known_at is '2023-02-30'; {KNOWN_AT}"),
    ({"known_at": "2023-2-2"}, f"known_at is '2023-2-2'; {KNOWN_AT}"),
    ({"known_at": "2023-02-02T21:00"}, f"known_at is '2023-02-02T21:00'; {KNOWN_AT}"),
    ({"known_at": "1023-02-02"}, f"known_at is '1023-02-02'; {KNOWN_AT}"),
    ({"period_end": ""}, "period_end is ''; expected a day like 2024-03-31"),
    ({"period_end": "31.12.2022"}, "period_end is '31.12.2022'; expected a day like 2024-03-31"),
    ({"period_end": "1022-12-31"}, "period_end is '1022-12-31'; expected a day like 2024-03-31"),
    ({"unit": "USD_bn"}, "unit is 'USD_bn'; expected one of USD_m, CNY_m, fraction, trillion_tokens, thousand_chips"),
    ({"unit": ""}, "unit is ''; expected one of USD_m"),
    ({"evidence": "guess"}, "evidence is 'guess'; expected one of reported, derived, estimated, guidance"),
    ({"confidence": "sure"}, "confidence is 'sure'; expected one of high, medium, low"),
    ({"entity": ""}, "entity is ''; expected"),
    ({"metric": "Purchases of PPE"}, "metric is 'Purchases of PPE'; expected"),
    ({"source": ""}, "source is ''; expected"),
    ({"known_at": "2022-11-30"}, f"known_at is '2022-11-30', {EARLY}"),
    ({"known_at": "2022-12-29"}, f"known_at is '2022-12-29', {EARLY}"),
    ({"known_at": "2022-12-30"}, f"known_at is '2022-12-30', {EARLY}"),
    ({"known_at": "2022-12-31T21:00Z"}, f"known_at is '2022-12-31T21:00Z', {EARLY}"),
    ({"known_at": "2022-11"}, f"known_at is '2022-11', {EARLY}"),
    ({"known_at": "2022-12-30T21:00Z", "evidence": "derived"}, f"known_at is '2022-12-30T21:00Z', {EARLY}"),
    ({"known_at": "2022-11-30", "evidence": "estimated"}, f"known_at is '2022-11-30', {EARLY}"),
    ({"unit": "CNY_m"}, "unit is 'CNY_m'; expected 'USD_m', as purchases_ppe of 'AMZN' in capex.csv row 2"),
    ({"unit": "XAU_m"}, "unit is 'XAU_m'; expected a currency that there is: no currency 'XAU'; did you mean 'AUD'?"),
    ({"unit": "fraction", "value": "0.5"}, "unit is 'fraction', but metric 'purchases_ppe' is in 'USD_m' or 'CNY_m'"),
]


@pytest.mark.parametrize(("fields", "complaint"), BAD_FIELDS, ids=lambda case: str(case)[:60])
def test_a_bad_figure_is_refused_by_file_row_and_field_with_what_would_do(tables, fields, complaint):
    alter(tables / "capex.csv", 5, **fields)
    with pytest.raises(DataError) as refusal:
        reference.load_facts(tables)
    message = str(refusal.value)
    assert message.startswith("capex.csv row 5: ")
    assert complaint in message


@pytest.mark.parametrize("value", ["51", "-0.5", "1.01"])
def test_a_fraction_outside_0_and_1_is_refused(tables, value):
    row = next(number for number, message in enumerate(TABLES["nvidia.csv"], start=2) if message["unit"] == "fraction")
    alter(tables / "nvidia.csv", row, value=value)
    with pytest.raises(DataError, match=f"nvidia.csv row {row}: value is '{value}'; expected a number between 0 and 1"):
        reference.load_facts(tables)


@pytest.mark.parametrize("known_at", ["2022-12-31", "2022-12", "2023-01-01T00:00Z"])
def test_a_figure_may_be_published_on_the_last_day_of_its_period(tables, known_at):
    alter(tables / "capex.csv", 5, known_at=known_at)
    assert isinstance(reference.load_facts(tables), Facts)


def test_guidance_may_be_known_before_its_period_ends(tables):
    alter(tables / "capex.csv", 5, known_at="2022-11-30", evidence="guidance")
    assert isinstance(reference.load_facts(tables), Facts)


def test_a_second_currency_of_an_entity_of_another_table_is_refused(tables):
    append(tables / "us_suppliers.csv", entity="LITE", metric="purchases_ppe", unit="CNY_m")
    added = len(TABLES["us_suppliers.csv"]) + 2
    complaint = f"us_suppliers.csv row {added}: unit is 'CNY_m'; expected 'USD_m', as .* of 'LITE' in"
    with pytest.raises(DataError, match=complaint):
        reference.load_facts(tables)


def test_the_same_figure_twice_with_one_date_is_refused(tables):
    append(tables / "capex.csv", value="5123")
    last, added = TABLES["capex.csv"][-1], len(TABLES["capex.csv"]) + 2
    complaint = f"capex.csv row {added}: {last['entity']} .* stands twice with known_at '{last['known_at']}'; a correction needs"
    with pytest.raises(DataError, match=complaint):
        reference.load_facts(tables)


@pytest.mark.parametrize("known_at", ["2022-05-25", "2023-01-02"])
def test_a_figure_under_two_names_of_one_metric_is_refused(tables, known_at):
    append(tables / "nvidia.csv", entity="NVDA", metric="revenue", period="FY2023Q1", period_end="2022-05-01", unit="USD_m",
           value="8288", known_at=known_at, evidence="reported")  # fmt: skip
    added = len(TABLES["nvidia.csv"]) + 2
    row = next(number for number, row in enumerate(TABLES["nvidia.csv"], start=2) if row["metric"] == "total_revenue")
    complaint = (
        f"nvidia.csv row {added}: NVDA revenue FY2023Q1 stands as total_revenue in nvidia.csv row {row}; expected one name"
    )
    with pytest.raises(DataError, match=complaint):
        reference.load_facts(tables)


def test_every_supplier_s_sales_are_one_metric_whatever_its_table_calls_them(archive):
    units = archive.facts.names.units
    assert {units["NVDA", "revenue"], units["300308.SZ", "revenue"]} == {"USD_m", "CNY_m"}
    assert not any(metric == "total_revenue" for _, metric in units)


def test_a_metric_asked_for_by_a_name_of_tables_is_refused_with_its_own(archive):
    panel, words = archive.as_of(utc("2024-06-03")), "no metric 'total_revenue'; tables may call 'revenue' so"
    for ask in (lambda: panel.fact(("NVDA", "total_revenue"), 0), lambda: panel.published("total_revenue")):
        with pytest.raises(ConfigurationError, match=words):
            ask()


def test_the_same_figure_twice_with_two_spellings_of_one_moment_is_refused(tables):
    day_after = f"{pd.Timestamp(TABLES['capex.csv'][-1]['known_at']) + pd.Timedelta(days=1):%Y-%m-%dT%H:%MZ}"
    append(tables / "capex.csv", value="5123", known_at=day_after)
    with pytest.raises(DataError, match=f"stands twice with known_at '{day_after}'"):
        reference.load_facts(tables)


FILES = [*FACT_TABLES, "accelerators.csv", "events.csv"]


@pytest.mark.parametrize("file", FILES)
def test_a_missing_table_is_named_with_its_folder(tables, file):
    (tables / file).unlink()
    with pytest.raises(DataError, match=f"^{file}: no such file in .*reference"):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_table_that_is_not_utf8_is_refused(tables, file):
    content = (tables / file).read_bytes()
    (tables / file).write_bytes(content[:-2] + b"\xff\n")
    with pytest.raises(DataError, match=f"^{file}: not a readable CSV"):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_an_empty_table_is_refused(tables, file):
    (tables / file).write_bytes(b"")
    with pytest.raises(DataError, match=f"^{file}: not a readable CSV"):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_table_with_a_header_and_no_row_is_refused(tables, file):
    alter_lines(tables / file, lambda lines: lines[:1])
    with pytest.raises(DataError, match=f"^{file}: "):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_row_with_a_field_too_many_is_refused(tables, file):
    alter_lines(tables / file, lambda lines: [*lines[:4], f"{lines[4]},one more", *lines[5:]])
    with pytest.raises(DataError, match=rf"^{file} row 5: \d+ field\(s\); expected \d+, as its header has"):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_row_cut_short_is_refused(tables, file):
    alter_lines(tables / file, lambda lines: [*lines[:4], ",".join(lines[4].split(",")[:2]), *lines[5:]])
    with pytest.raises(DataError, match=rf"^{file} row 5: 2 field\(s\); expected \d+, as its header has"):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_last_row_cut_by_a_killed_copy_is_refused_by_its_row(tables, file):
    content = (tables / file).read_text(encoding="utf-8")
    last = content.count("\n")
    cut = content.removesuffix("\n").rsplit(",", 2)[0]
    (tables / file).write_text(cut, encoding="utf-8")
    with pytest.raises(DataError, match=rf"^{file} row {last}: \d+ field\(s\); expected|^{file}: not a readable CSV"):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_header_that_names_a_column_twice_is_refused(tables, file):
    alter_lines(tables / file, lambda lines: [f"{lines[0]},{lines[0].split(',')[0]}", *lines[1:]])
    with pytest.raises(DataError, match=f"^{file}: its header names '.*' twice; expected each column once"):
        reference.load_facts(tables)


@pytest.mark.parametrize("file", FILES)
def test_a_table_with_a_nul_byte_is_refused(tables, file):
    content = (tables / file).read_bytes()
    (tables / file).write_bytes(content[:-20] + bytes(20))
    with pytest.raises(DataError, match=f"^{file}: not a readable CSV .*NUL"):
        reference.load_facts(tables)


def test_a_byte_order_mark_and_the_line_ends_of_windows_change_nothing(tables):
    before = reference.load_facts(tables)
    for file in FILES:
        content = (tables / file).read_bytes()
        (tables / file).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(reference.load_facts(tables).rows, before.rows)


@pytest.mark.parametrize("column", ["entity", "period_end", "known_at", "value", "unit", "evidence", "confidence", "source"])
def test_a_fact_table_without_a_column_is_refused_with_the_columns_wanted(tables, column):
    alter_lines(tables / "tokens.csv", lambda lines: [lines[0].replace(column, "other"), *lines[1:]])
    with pytest.raises(DataError, match=f"^tokens.csv: no column '{column}'; expected entity,metric,"):
        reference.load_facts(tables)


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("accelerators.csv", "chip"),
        ("accelerators.csv", "known_at"),
        ("accelerators.csv", "hbm_tb_per_s"),
        ("accelerators.csv", "kind"),
        ("events.csv", "date"),
        ("events.csv", "known_at"),
        ("events.csv", "category"),
        ("events.csv", "source"),
    ],
)
def test_a_table_of_accelerators_or_events_without_a_column_is_refused_by_its_name(tables, file, column):
    def drop(lines):
        header = lines[0].split(",")
        header[header.index(column)] = "other"
        return [",".join(header), *lines[1:]]

    alter_lines(tables / file, drop)
    with pytest.raises(DataError, match=f"^{file}: no column '{column}'"):
        reference.load_facts(tables)


@pytest.mark.parametrize(
    ("file", "field", "came"),
    [
        ("accelerators.csv", "scale_up_gb_per_s", "fast"),
        ("accelerators.csv", "scale_up_gb_per_s", "0"),
        ("accelerators.csv", "scale_up_gb_per_s", "-600"),
        ("accelerators.csv", "scale_up_gb_per_s", "inf"),
        ("accelerators.csv", "scale_up_gb_per_s", "1000000000.5"),
        ("accelerators.csv", "known_at", "2020-02-30"),
        ("accelerators.csv", "kind", "TPU"),
        ("accelerators.csv", "chip", ""),
        ("accelerators.csv", "source", ""),
        ("events.csv", "date", "2023-02-30"),
        ("events.csv", "known_at", "tomorrow"),
        ("events.csv", "sign", "?"),
        ("events.csv", "event", ""),
        ("events.csv", "source", ""),
    ],
)
def test_a_bad_accelerator_or_event_is_refused_by_file_row_and_field(tables, file, field, came):
    alter(tables / file, 3, **{field: came})
    with pytest.raises(DataError) as refusal:
        reference.load_facts(tables)
    assert str(refusal.value).startswith(f"{file} row 3: {field} is '{came}'; expected ")


def test_a_chip_may_be_as_fast_as_a_billion_and_its_shipment_a_single_character(tables):
    alter(tables / "accelerators.csv", 3, scale_up_gb_per_s="1e9", first_shipped="?")
    chips = parse_accelerators(read_table(tables / "accelerators.csv"), "accelerators.csv")
    assert chips.set_index("chip").at["H100 SXM5", "scale_up_gb_per_s"] == 1e9


def test_a_row_is_counted_in_the_file_though_a_line_above_it_is_blank(tables):
    alter(tables / "capex.csv", 5, value="-")
    alter_lines(tables / "capex.csv", lambda lines: [*lines[:2], "", *lines[2:]])
    with pytest.raises(DataError, match=r"capex.csv row 6: value is '-'"):
        reference.load_facts(tables)


def test_a_table_saved_with_a_byte_order_mark_reads_the_same(tables):
    (tables / "capex.csv").write_bytes(b"\xef\xbb\xbf" + (tables / "capex.csv").read_bytes())
    assert list(reference.load_facts(tables).rows["value"]) == list(reference.load_facts().rows["value"])


def test_text_that_looks_like_a_missing_value_stays_text(tmp_path):
    (tmp_path / "table.csv").write_text("ticker,note\nNA,\nnull,NaN\n", encoding="utf-8")
    assert read_table(tmp_path / "table.csv").to_dict("list") == {"ticker": ["NA", "null"], "note": ["", "NaN"]}


# Identity


def test_the_data_id_is_that_of_the_content_not_of_the_place(tables):
    assert reference.load_facts(tables).data_id == reference.load_facts().data_id


@pytest.mark.parametrize("file", FILES)
def test_the_data_id_changes_with_one_character_of_any_table(tables, file):
    content = (tables / file).read_text(encoding="utf-8")
    (tables / file).write_text(content[:-1] + "~\n", encoding="utf-8")
    assert reference.load_facts(tables).data_id != reference.load_facts().data_id


def test_parts_are_not_confused_with_their_joint():
    assert len({content_id([b"ab", b"c"]), content_id([b"a", b"bc"]), content_id([b"abc"])}) == 3


def test_a_content_id_is_the_start_of_the_sha_256_of_lengths_and_parts():
    # printf '\0\0\0\0\0\0\0\002ab' | sha256sum
    assert content_id([b"ab"]) == "9caccc24b5d7e06c"


def test_the_kinds_of_evidence_stand_from_strong_to_weak():
    assert EVIDENCE == ("reported", "derived", "estimated", "guidance")


def test_every_unit_says_what_it_wants():
    assert all(wanted.startswith("a number") for wanted in UNITS.values())


@pytest.mark.parametrize(("period", "shown"), [("2025", "2025"), ("", "any")])
def test_a_range_is_the_fact_of_its_middle(period, shown):
    known = pd.Timestamp("2025-02-03T04:05Z")
    stated = ["optics", "Innolight", "modules", period, 2.0, 5.0, "millions", "2025-02-03", known, "estimated", "low", "a source"]
    fact = Range(*stated).fact(parse_quarter("2025Q1"))
    assert (fact.entity, fact.metric, fact.period, fact.value, fact.known_at) == ("Innolight", "modules", shown, 3.5, known)


def test_an_event_of_a_thesis_has_a_number_of_its_own_beside_those_of_the_package(tmp_path):
    lines = (reference.FOLDER / "events.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "news.csv").write_text(f"{lines[0]}\n{lines[1].replace('ChatGPT', 'Cables')}\n", encoding="utf-8")
    before = reference.load_facts()
    after = reference.with_own(before, tmp_path).events
    assert after.index.tolist() == list(range(len(before.events) + 1))
    assert after["event"].str.contains("Cables").sum() == 1
