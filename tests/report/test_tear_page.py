"""A tear sheet on the page: the figures of result.json in their cells, months coloured by size and sign, what is refused said."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from backtest.files.documents import to_json
from backtest.formatting import percent
from backtest.output.document import to_document
from backtest.report import FOLDER
from backtest.report.charts.colours import PALETTE
from backtest.report.sections import risk, tear_sheet
from backtest.statistics.calendar_returns import PeriodReturn
from backtest.statistics.drawdowns import Drawdown
from backtest.statistics.refusal import Refused
from backtest.statistics.tear_sheet import Figure

SHOWN = {**tear_sheet.COLUMNS, **risk.COLUMNS}


def rows_of(table):
    """Return the rows of a table by the text of their header, titles of groups in front where there are several."""
    return {(group.title, row[0].text): row[1:] for group in table.groups for row in group.rows}


def tables(blocks):
    for block in blocks:
        if getattr(block, "kind", "") == "table":
            yield block
        yield from tables(getattr(block, "blocks", ()))


def table(blocks, words):
    return next(one for one in tables(blocks) if words in one.caption)


@pytest.mark.parametrize("name", ["supply_chain_excess", "theme_baskets"])
def test_figures_on_the_page_are_those_of_the_document(name, results):
    result, document = results[name], to_document(results[name])
    spread = rows_of(table(risk.section(result).blocks, "shape of the returns"))
    for book in result.books.values():
        sheet = document["books"][book.basket]["tear_sheet"]
        own = rows_of(table(tear_sheet.blocks(result, book), "figures of a tear sheet"))
        for window, figures in sheet["windows"].items():
            group = book.title if len(result.books) > 1 else ""
            cells = dict(zip(SHOWN, (*own["", window], *spread[group, window]), strict=True))
            for key, (_, shown) in SHOWN.items():
                figure = figures[key]
                assert cells[key].text == shown(figure["value"])
                assert cells[key].note == " to ".join(map(shown, figure["interval"]))
        falls = rows_of(table(risk.section(result).blocks, "worst drawdowns"))
        for fall in sheet["drawdowns"]:
            row = falls[group, fall["peak"]]
            assert [cell.text for cell in row[:3]] == [
                percent(fall["depth"]),
                fall["trough"],
                fall["recovered"] or "not recovered",
            ]


def test_every_month_has_its_return_and_its_colour_and_one_in_part_says_so(results, pages, read):
    book = results["supply_chain_excess"].books["leaders"]
    rows = rows_of(tear_sheet.heat_map(book))
    for month in book.tear_sheet.months:
        year, number = month.period.split("-")
        cell = rows["", year][int(number) - 1]
        assert cell.text == percent(month.value).removesuffix("%")
        assert cell.tone == tear_sheet.tone(month.value)
        assert (cell.note == "part") == month.part
    assert [row[-1].text for row in rows.values()] == [percent(y.own.value).removesuffix("%") for y in book.tear_sheet.years]
    drawn = read(pages["supply_chain_excess"]).table(f"{book.title}: return of every month")
    assert drawn["2023"][1] == f"{rows['', '2023'][0].text} part"
    classes = {attributes["class"] for tag, attributes in read(pages["supply_chain_excess"]).elements if "class" in attributes}
    assert {"number up3", "number down2"} <= classes


def test_a_year_stands_beside_benchmark_and_control_where_there_is_one(results, pages, read):
    leaders = results["supply_chain_excess"].books["leaders"]
    rows = read(pages["supply_chain_excess"]).table(f"{leaders.title}: every calendar year")
    for year in leaders.tear_sheet.years:
        row = rows[year.own.period]
        assert row[1].startswith(percent(year.own.value))
        assert row[2:5] == [percent(year.max_drawdown), percent(year.benchmark), percent(year.control)]
        assert row[5].startswith(percent(year.difference))
    optical = results["theme_baskets"].books["optical"]
    assert len(next(iter(read(pages["theme_baskets"]).table(f"{optical.title}: every calendar year").values()))) == 4


def test_what_is_refused_stands_with_its_reason():
    cell = tear_sheet.figure(Refused("24 returns; expected at least the 250 of a year", 24), tear_sheet.shares)
    assert (cell.text, cell.note) == ("—", "24 returns; expected at least the 250 of a year")
    cell = tear_sheet.figure(Figure(0.2, Refused("5 whole months; expected at least 12", 5)), tear_sheet.shares)
    assert (cell.text, cell.note) == ("+20%", "no interval: 5 whole months; expected at least 12")


def test_the_outcome_of_risk_names_the_deepest_fall_and_how_it_ended(results):
    result = results["supply_chain_excess"]
    (name, book), *_ = result.books.items()
    fall = Drawdown("2026-01-05", "2026-02-03", None, -0.613, 20, None, 40)
    changed = replace(book, tear_sheet=replace(book.tear_sheet, drawdowns=(fall,), rolling=pd.DataFrame()))
    section = risk.section(replace(result, books={name: changed}))
    assert section.blocks[0].text == (
        "The deepest fall was −61.3% from 2026-01-05 to 2026-02-03; it had not been made good by the end of the run."
    )
    assert section.blocks[1].blocks[-1].text == "No rolling figure: the run is shorter than a year."
    assert risk.section(replace(result, books={name: replace(book, tear_sheet=None)})) is None


def luminance(colour):
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def rgb(shade):
    return [int(shade[at : at + 2], 16) / 255 for at in (1, 3, 5)]


@pytest.mark.parametrize(("paper", "number"), [("light", 0), ("dark", 1)])
def test_the_number_of_every_coloured_month_can_be_read(paper, number):
    style = (FOLDER / "tear.css").read_text(encoding="utf-8")
    mixed = re.findall(r"\.(?:up|down)\d \{ background: color-mix\(in srgb, var\(--(\w+)\) (\d+)%, var\(--paper\)\)", style)
    assert len(mixed) == 2 * (len(tear_sheet.SHADES) - 1)
    ink = luminance(rgb(PALETTE["ink"][number]))
    for hue, share in mixed:
        pair = zip(rgb(PALETTE[hue][number]), rgb(PALETTE["paper"][number]), strict=True)
        ground = luminance([int(share) / 100 * own + (1 - int(share) / 100) * base for own, base in pair])
        lighter, darker = max(ink, ground), min(ink, ground)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (hue, share)


@pytest.mark.parametrize(
    ("value", "tone"), [(0.0, ""), (0.019, ""), (0.02, "up1"), (-0.05, "down2"), (0.149, "up2"), (-0.4, "down3")]
)
def test_a_colour_goes_by_size_and_sign(value, tone):
    assert tear_sheet.tone(value) == tone


def test_a_month_that_the_run_never_saw_is_empty(results):
    book = results["supply_chain_excess"].books["leaders"]
    months = (PeriodReturn("2023-03", 0.1, False, "2023-02-28", "2023-03-31", 23),)
    rows = rows_of(tear_sheet.heat_map(replace(book, tear_sheet=replace(book.tear_sheet, months=months))))
    assert [cell.text for cell in rows["", "2023"][:4]] == ["", "", "+10.0", ""]


def test_tear_sheets_add_little_to_a_document(results):
    sheets = [book["tear_sheet"] for book in to_document(results["theme_baskets"])["books"].values()]
    assert len(to_json({"sheets": sheets})) < 30_000 * len(sheets)
