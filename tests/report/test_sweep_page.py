"""The page of a sweep shows the figures of its table, the best never without what the search is worth."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.report import glossary, render_index
from backtest.report.sweep.checks import verdict, worth
from backtest.report.sweep.maps import maps, worst_neighbours
from backtest.report.sweep.noise import noise
from backtest.report.sweep.page import SECTIONS, render_sweep
from backtest.report.sweep.stability import conclusion, rank_correlation
from backtest.statistics.overfitting import Deflated
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.expectations import Outcome
from backtest.sweeps.results import Compared, MinimumLength, SearchStatistics, TwinStatistics, WindowFigures

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> --> ]]> $x$ &amp; {{ 7 * 7 }}"
NAN = float("nan")
# By hand: a × b × c with c running fastest.
FIELDS = {"a": (1, 2, 3), "b": ("x", "y"), "c": (10, 20)}
WHOLE = [1.0, 2.0, 0.0, 0.4, 3.0, 1.0, 0.6, 1.0, 0.5, 0.7, 2.0, 3.0]
INSIDE = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
AFTER = [4.8, 4.4, 4.0, 3.6, 3.2, 2.8, 2.4, 2.0, 1.6, 1.2, 0.8, 0.4]


def number(value):
    return f"{value:.2f}".replace("-", "−")


@pytest.fixture
def tiny(search_of):
    return search_of(FIELDS, {"in sample": INSIDE, "out of sample": AFTER, "whole": WHOLE})


def test_the_maps_of_a_grid_worked_by_hand(tiny, read):
    page = read(render_sweep(tiny))
    by_category = page.table("Median Sharpe ratio by a and b")
    # Medians of two values each, and below them the lowest along a: b is a category, without neighbours.
    assert by_category["1"] == ["1", "1.50 1.50", "0.20 0.20"]
    assert by_category["2"] == ["2", "2.00 0.60", "0.80 0.20"]
    assert by_category["3"] == ["3", "0.60 0.60", "2.50 0.80"]
    by_numbers = page.table("Median Sharpe ratio by a and c")
    assert by_numbers["1"] == ["1", "0.50 0.50", "1.20 0.50"]
    assert by_numbers["2"] == ["2", "1.80 0.50", "1.00 0.50"]
    assert by_numbers["3"] == ["3", "1.25 1.00", "1.85 1.00"]


def test_a_cell_without_a_ratio_is_no_neighbour_and_has_none():
    cells = np.array([[1.0, NAN, -5.0], [2.0, 3.0, 4.0]])
    assert worst_neighbours(cells, 1, 1).tolist()[1] == [1.0, -5.0, -5.0]
    assert np.isnan(worst_neighbours(cells, 1, 1)[0, 1])
    assert worst_neighbours(cells, 0, 1)[1].tolist() == [2.0, 2.0, 3.0]
    assert worst_neighbours(cells, 1, 0)[:, 2].tolist() == [-5.0, -5.0]


def test_the_best_stands_beside_what_the_search_is_worth_wherever_it_stands(tiny, read):
    sentence = worth(tiny.summary)
    assert sentence.startswith(
        "Of 12 settings the best has a Sharpe ratio of 3.00 over the whole run, and as the best of 400 trials"
    )
    for figure in (
        "not distinguishable from luck",
        "73%",
        "8.2%",
        "its declared benchmark is 0.005",
        "needs 2.4 years and the run has 3.4",
    ):
        assert figure in sentence
    assert sentence in read(render_sweep(tiny)).text
    row = read(render_index([], [tiny.summary])).table("Sweeps:")["example"]
    assert row[2:4] == ["3.00 of 400 trials", "73% fails"]
    assert row[-1].startswith("not distinguishable from luck")


def test_the_top_settings_show_their_fields_ratios_and_worst_neighbours(tiny, read):
    rows = read(render_sweep(tiny)).table("Settings with the highest Sharpe ratios")
    assert rows[f"{4:016x}"][1:] == ["0.50", "3.20", "3.00", "0.50 5 beside", "2", "x", "10"]
    assert rows[f"{11:016x}"][1:] == ["1.20", "0.40", "3.00", "0.60 3 beside", "3", "y", "20"]
    assert list(rows)[1:3] == [f"{4:016x}", f"{11:016x}"]
    assert len(rows) == 11


def test_settings_equal_in_every_window_are_one_row(search_of, read):
    fields = {"lag": (1, 2), "fill": ("close", "open")}
    page = read(render_sweep(search_of(fields, {"in sample": [1.0] * 4, "whole": [2.0, 2.0, 3.0, 2.0]})))
    rows = page.table("Settings with the highest Sharpe ratios")
    assert list(rows)[1:] == [f"{2:016x}", f"{0:016x}"]
    assert rows[f"{0:016x}"][0] == f"{0:016x} and 2 equal"


def test_regions_are_chosen_in_sample_and_shown_out_of_it(tiny, read):
    page = read(render_sweep(tiny))
    rows = page.table("Settings by window")
    # By hand: the best tenth of twelve in sample are its last two (0.8 and 0.4 after it); the last one's neighbours are those
    # with a = 2 or 3 and b = y (2.4, 2.0, 0.8 and itself). Returns are made a tenth of the ratios.
    assert rows["out of sample"][1:] == [
        "+26.0% +15.0% to +37.0%", "2.60 1.50 to 3.70", "+6.0% +5.0% to +7.0%", "0.60 0.50 to 0.70", "+14.0% +7.0% to +21.0%",
        "1.40 0.70 to 2.10",
    ]  # fmt: skip
    assert rank_correlation(tiny) == pytest.approx(-1.0)
    assert any("their order was turned around" in text for text in page.text)


@pytest.mark.parametrize(
    ("gain", "correlation", "text"),
    [
        (0.4, 0.5, "Choosing in sample paid 0.40: their order was kept."),
        (-0.4, -0.5, "Choosing in sample cost 0.40: their order was turned around."),
        (0.0, 0.5, "Choosing in sample is not shown to pay: their order was kept, but not for the best tenth."),
        (0.004, 0.5, "Choosing in sample is not shown to pay: their order was kept, but not for the best tenth."),
        (-0.4, 0.5, "Choosing in sample is not shown to pay: their order was kept, but not for the best tenth."),
        (0.4, -0.5, "Choosing in sample is not shown to pay: their order was turned around, but not for the best tenth."),
        (0.4, 0.1, "Choosing in sample is not shown to pay: their order was neither kept nor turned around."),
        (0.4, NAN, "Whether choosing in sample pays is not known."),
    ],
)
def test_what_choosing_in_sample_did_is_one_reading_of_gain_and_order(gain, correlation, text):
    assert conclusion(gain, correlation) == text


def test_a_page_never_says_that_choosing_made_no_difference_where_the_order_was_kept(search_of, read):
    inside = [float(value) for value in range(12)]
    after = [*inside[:-2], 5.5, 5.5]  # the best two in sample have the median of all after it
    text = " ".join(read(render_sweep(search_of(FIELDS, {"in sample": inside, "out of sample": after, "whole": WHOLE}))).text)
    assert text.count("their order was kept") == 1
    assert "no difference" not in text
    assert "it had 5.50 against 5.25" in text or "is not shown to pay" in text


def test_a_middle_says_of_how_many_settings_it_is_where_some_have_no_ratio(search_of, tiny, read):
    inside, whole = [float(value) for value in range(12)], [*WHOLE[:-3], NAN, NAN, NAN]
    partly = search_of(FIELDS, {"in sample": [NAN, *inside[1:]], "out of sample": [*inside[:-1], NAN], "whole": whole})
    page = read(render_sweep(partly))
    text = " ".join(page.text)
    assert f"median {number(np.nanmedian(whole))} (9 of 12 have one)" in text
    assert "had a median of 10.50 there, against 6.00 of all (11 of 12 have one)" in text
    assert "it had 10.00 (1 of 2 have one) against 5.00 (11 of 12 have one)" in text
    assert "(11 of 12 have one)" in page.table("Settings by window")["in sample"][2]
    assert "have one)" not in " ".join(read(render_sweep(tiny)).text)


@pytest.mark.slow
def test_every_figure_of_a_broad_sweep_is_that_of_its_table(broad, read):
    page = read(render_sweep(broad))
    ratios = broad.table["sharpe whole"]
    middle = next(text for text in page.text if text.startswith("The median setting"))
    assert all(number(ratios.quantile(part)) in middle for part in (0.0, 0.25, 0.5, 0.75))
    medians = broad.table.pivot_table("sharpe whole", "weights.above", "lag", "median")
    rows = page.table("Median Sharpe ratio by weights.above and lag")
    for above, row_of_medians in medians.iterrows():
        shown = [cell.split()[0] for cell in rows[f"{above:g}".replace("-", "−")][1:]]
        assert shown == [number(value) for value in row_of_medians]
    top = broad.table.nlargest(10, "sharpe whole")
    shown = page.table("Settings with the highest Sharpe ratios")
    for _, row in top.iterrows():
        wanted = [number(row[f"sharpe {window}"]) for window in ("in sample", "out of sample", "whole")]
        assert shown[row["spec_id"]][1:4] == wanted
    counts = [int(row[2]) for name, row in page.table("Settings by Sharpe ratio").items() if name != "From"]
    assert sum(counts) == len(ratios)


def test_noise_is_as_wide_as_the_length_allows_and_its_best_grows_with_the_trials(broad):
    shape = noise(broad)
    assert shape.error == pytest.approx(3.4**-0.5)
    drawn = np.random.default_rng(1).normal(size=(10_000, 400)).max(axis=1)
    assert shape.hurdle / shape.error == pytest.approx(drawn.mean(), abs=0.02)
    assert shape.counts.sum() == len(broad.table)
    assert shape.noise.sum() == pytest.approx(len(broad.table), rel=0.01)


def test_one_field_has_a_map_of_one_column(search_of, read):
    page = read(render_sweep(search_of({"lag": (1, 2, 3)}, {"whole": [1.0, 0.5, 0.2]})))
    rows = page.table("Median Sharpe ratio by lag")
    assert [rows[name][1] for name in "123"] == ["1.00 0.50", "0.50 0.20", "0.20 0.20"]
    assert any("no region can be chosen" in text for text in page.text)


def test_settings_without_a_ratio_are_counted_and_leave_no_figure(search_of, read):
    holes = [NAN if index % 3 else value for index, value in enumerate(WHOLE)]
    html = render_sweep(search_of(FIELDS, {"in sample": [NAN] * 12, "out of sample": holes, "whole": holes}))
    page = read(html)
    assert any("8 settings without a ratio" in text for text in page.text)
    assert not re.search(r"\bnan\b", " ".join(page.text).lower())
    assert len(page.table("Settings with the highest Sharpe ratios")) == 5


def test_one_regime_and_no_day_after_the_report(tiny, read):
    early = tuple(window for window in tiny.windows if window.sample == "in")[:1] + tiny.windows[-1:]
    table = tiny.table.drop(columns=["sharpe out of sample"])
    page = read(render_sweep(replace(tiny, result=replace(tiny.result, windows=early, table=table))))
    assert any("whether it lasted is not known" in text for text in page.text)
    assert "24Q1–Q2" in page.table("Settings by window")


def test_refused_checks_say_why_and_pass_nothing(search_of, read):
    refused = Refused("12 observations; expected at least 30", 12)
    statistics = SearchStatistics(refused, refused, refused, None, MinimumLength(None, 0.2), refused, 12, refused)
    search = search_of(FIELDS, {"whole": WHOLE}, statistics)
    rows = read(render_sweep(search)).table("What the best of the settings is worth")
    assert [row[1:3] for name, row in rows.items() if name != "Check"] == [["—", "refused"]] * 3 + [
        ["—", "not asked"],
        ["—", "fails"],
    ]
    assert rows["Deflated Sharpe Ratio"][4] == "12"
    assert worth(search.summary).count("12 observations") == 3
    assert "could not be computed" in worth(search.summary)


@pytest.mark.parametrize(
    ("ratios", "statistics", "word"),
    [
        (WHOLE, {"deflated_sharpe": 0.96, "pbo": 0.04}, "supported"),
        (WHOLE, {"deflated_sharpe": 0.96, "pbo": 0.06}, "not distinguishable from luck"),
        (WHOLE, {"deflated_sharpe": 0.99, "pbo": 0.5}, "contradicted"),
        ([value - 4.0 for value in WHOLE], {}, "contradicted"),
    ],
)
def test_the_word_follows_the_rules(ratios, statistics, word, search_of, broad):
    given = broad.summary.statistics
    changed = {name: replace(getattr(given, name), probability=figure) for name, figure in statistics.items()}
    assert f"it is {word}, because" in worth(search_of(FIELDS, {"whole": ratios}, replace(given, **changed)).summary)


def test_markup_in_a_setting_stays_text(search_of, read):
    fields = {EVIL: (1, 2), "weights.otherwise": ("cash", EVIL), "signals.0.leaders": (("A", "B"), ("\u202eC",))}
    search = search_of(
        fields, {"in sample": INSIDE[:8], "out of sample": AFTER[:8], "whole": WHOLE[:8]}, title=EVIL, command=EVIL,
        identities={EVIL: EVIL},
    )  # fmt: skip
    page = read(render_sweep(search))
    assert not {tag for tag, _ in page.elements} & {"img", "iframe", "object"}
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert len(page.ids) == len(set(page.ids))
    assert EVIL in page.text
    assert "A, B" in page.text


def test_books_are_a_field_of_their_own(tiny, read):
    books = pd.concat([tiny.table.assign(book="one"), tiny.table.assign(book="two")], ignore_index=True)
    page = read(render_sweep(replace(tiny, result=replace(tiny.result, table=books))))
    assert page.table("Median Sharpe ratio by a and book")["1"][1] == page.table("Median Sharpe ratio by a and book")["1"][2]
    assert any(text.startswith("The median book") for text in page.text)


def test_many_values_are_put_together_and_many_categories_have_no_map(search_of, read):
    fields = {
        "weights.above": tuple(step / 100 for step in range(80)), "signals.0.leaders": tuple((f"N{at}",) for at in range(40))
    }  # fmt: skip
    ratios = np.linspace(-1.0, 1.0, 3200)
    search = search_of(fields, {"whole": ratios})
    (pair,) = maps(search)
    assert len(pair.down.labels) == 27
    assert pair.down.labels[:2] == ("0 to 0.02", "0.03 to 0.05")
    page = read(render_sweep(search))
    assert any("No map of signals.0.leaders: more than 36 categories." in text for text in page.text)


def test_links_lead_to_reports_that_are_there_and_to_no_other(tiny, read):
    linked = replace(tiny, reports={f"{4:016x}": f"settings/{4:016x}/index.html"})
    addresses = [
        str(a["href"]) for tag, a in read(render_sweep(linked)).elements if tag == "a" and not str(a["href"]).startswith("#")
    ]
    assert addresses == ["../../index.html", f"settings/{4:016x}/index.html"]


@pytest.mark.slow
def test_every_number_is_defined_and_every_anchor_is_there(broad, read):
    shown = [table for section in SECTIONS for table in glossary.tables(section(broad).blocks)]
    assert {column.text for table in shown for column in table.columns if column.numeric and not glossary.term(column)} == set()
    page = read(render_sweep(broad))
    anchors = {str(a["href"])[1:] for tag, a in page.elements if tag == "a" and str(a["href"]).startswith("#")}
    assert anchors <= set(page.ids)


@pytest.mark.slow
def test_the_same_sweep_gives_the_same_small_page(broad):
    html = render_sweep(broad)
    assert html == render_sweep(replace(broad))
    assert len(html.encode()) < 1_500_000


TWINS = TwinStatistics(
    spa=Superior(0.853, 0.851, 0.854, 6, 177),
    deflated_sharpe=Deflated(0.412, 0.06, 0.07, 0.9, 5.2, 400, 177),
    deflated_sharpe_curves=Deflated(0.433, 0.06, 0.068, 0.9, 5.2, 394, 177),
    best=f"{4:016x}",
    beating=0.25,
    richer=0.5,
    idle=1 / 3,
)


@pytest.fixture
def gated(tiny):
    """The tiny sweep of a strategy with a signal, which never acts in the settings with a = 1."""
    statistics = replace(tiny.summary.statistics, twins=TWINS)
    summary = replace(
        tiny.summary,
        statistics=statistics,
        expectations=(Outcome("the median sharpe less the twin's, whole", "at least 0.1", -0.2, False),),
    )
    return replace(tiny, result=replace(tiny.result, summary=summary, table=tiny.table.assign(acts=tiny.table["a"] > 1)))


def test_cells_in_which_the_signal_never_acts_are_marked_in_picture_table_and_words(gated, tiny, read):
    html = render_sweep(gated)
    page = read(html)
    assert page.table("Median Sharpe ratio by a and b")["1"] == ["1", "1.50 1.50, never acts", "0.20 0.20, never acts"]
    assert page.table("Median Sharpe ratio by a and b")["2"] == ["2", "2.00 0.60", "0.80 0.20"]
    labels = [str(attributes.get("aria-label")) for _, attributes in page.elements if attributes.get("aria-label")]
    words = "In 2 of 6 cells the signal never acts (a mark in the corner)."
    assert len({label for label in labels if words in label}) == 2  # wide and narrow: the maps by a and b, and by a and c
    assert any("A mark in the corner: the signal never acts" in text for text in page.text)
    assert "the signal never acts in any" not in " ".join(read(render_sweep(tiny)).text)
    (by_category,) = [pair for pair in maps(gated) if pair.across and pair.across.name == "b" and pair.down.name == "a"]
    assert by_category.idle.tolist() == [[True, True], [False, False], [False, False]]


def test_what_the_signal_added_is_a_check_of_its_own_and_stands_in_words(gated, read):
    page = read(render_sweep(gated))
    row = page.table("What the best of the settings is worth")["Superior ability over twins (SPA), one-sided p-value"]
    assert row[1:3] == ["0.853", "fails"]
    for words in (
        "25% of settings have a higher Sharpe",
        "50% a higher return",
        "the signal acts in 67%",
        "41% (N 400 settings)",
    ):
        assert words in row[3]
    text = " ".join(page.text)
    assert "The 12 settings are 90 distinct curves." in text
    assert "in 33% the signal never acts" in text
    assert "the one-sided p-value that no setting beats its own twin is 0.853" in worth(gated.summary)
    assert page.table("What the grid expects of this sweep")["the median sharpe less the twin's, whole"][1:] == [
        "at least 0.1", "-0.2", "not met",
    ]  # fmt: skip


def test_a_search_that_only_a_basket_explains_is_not_supported(gated):
    statistics = replace(gated.summary.statistics, minimum_length=MinimumLength(1.0, 3.4))
    passing = {
        "deflated_sharpe": replace(statistics.deflated_sharpe, probability=0.99),
        "pbo": replace(statistics.pbo, probability=0.01),
    }
    for p, word in ((0.853, "not distinguishable from luck"), (0.03, "supported")):
        twins = replace(TWINS, spa=replace(TWINS.spa, consistent=p))
        summary = replace(gated.summary, statistics=replace(statistics, twins=twins, **passing))
        assert verdict(summary)[0] == word


def compared(search, declared=1.25):
    """Return a search whose summary has what the best is read beside."""
    rows = (
        Compared("median", {"whole": WindowFigures(0.1, 0.9, 0.2, 0.95, -0.1)}),
        Compared("declared", {"whole": WindowFigures(0.125, declared), "in sample": WindowFigures(0.05, 0.4)}, "f" * 16),
        Compared("benchmark", {"whole": WindowFigures(0.03, NAN)}, "159915.SZ"),
    )
    return replace(search, result=replace(search.result, summary=replace(search.summary, compared=rows)))


def test_a_page_opens_with_the_best_beside_twins_luck_median_and_the_declared_setting(gated, read):
    search = compared(gated)
    sections = [section(search) for section in SECTIONS]
    assert [section.anchor for section in sections] == [
        "outcome", "noise", "stability", "maps", "settings", "worth", "provenance",
    ]  # fmt: skip
    sentence, distribution, small, *rest = sections[0].blocks
    assert [block.kind for block in (sentence, distribution, small)] == ["text", "chart", "chart"]
    assert {block.kind for block in rest} == {"fold"}
    assert sentence.text.startswith("None of the 12 settings is shown to beat its twin by more than luck (p 0.")
    for words in ("of 400 trials", "is not distinguishable from luck", "median", "declared 1.25"):
        assert words in sentence.text
    assert len(sentence.text.split()) <= 40
    assert "declared 1.25" in distribution.wide
    assert "declared" not in SECTIONS[0](gated).blocks[1].wide
    assert "Heat map of the median Sharpe ratio" in small.narrow


def test_the_best_stands_in_a_table_beside_the_median_the_declared_strategy_twins_and_the_benchmark(tiny, read):
    rows = read(render_sweep(compared(tiny))).table("The best setting, beside")
    assert [name for name in rows if name not in ("Setting", "")] == [
        "Best",
        "Median",
        "Median: its twin",
        "Declared",
        "Benchmark",
    ]
    assert rows["Median"][1:3] == ["+10.0%", "0.90"]
    assert rows["Median: its twin"][1:3] == ["+20.0%", "0.95"]
    assert rows["Declared"][1:] == ["+12.5%", "1.25", "+5.0%", "0.40", "—", "—"]
    assert rows["Benchmark"][1:3] == ["+3.0%", "—"]


def test_each_section_is_a_sentence_and_at_most_one_picture_or_table_and_the_rest_is_folded(broad):
    for section in [section(broad) for section in SECTIONS][1:]:
        shown = [block.kind for block in section.blocks if not (block.kind == "part" and block.folded)]
        assert sum(kind in ("table", "chart", "part") for kind in shown) <= 1, section.anchor
