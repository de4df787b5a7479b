"""A thesis is a folder: found by name, by folder, by walking up; its rows, figures, signals and strategies are first class."""

import json
import os
import shutil
from dataclasses import replace

import pytest
from support.theses import FILES, write_thesis

from backtest.__main__ import main
from backtest.calendars import as_of_moment
from backtest.claims.ledger import ledger
from backtest.data.archive import load_archive
from backtest.errors import ConfigurationError, DataError
from backtest.report import render
from backtest.runs import needed_tickers, run
from backtest.signals import load_signals
from backtest.strategy import load_strategy
from backtest.thesis import find_thesis, load_thesis, shipped_theses
from backtest.thesis.strategies import grid_path, strategies

GOOD = FILES["thesis.toml"]


@pytest.fixture
def home(tmp_path):
    return write_thesis(tmp_path / "mine")


def refusal(folder):
    with pytest.raises(ConfigurationError) as error:
        load_thesis(folder)
    return str(error.value)


def ran(home):
    """Return the run of the thesis's strategy on its own prices."""
    thesis = load_thesis(home)
    spec = load_strategy(home / "strategies" / "strong_cables.py", thesis)
    archive = load_archive(needed_tickers(spec, thesis), str(home / "prices"), thesis=thesis)
    return run(spec, archive)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """The run of a thesis in a folder that no test changes."""
    return ran(write_thesis(tmp_path_factory.mktemp("theses") / "mine"))


def page_of(result, folder, pages):
    """Return the page of a run under its thesis with other rows of what pages draw."""
    return render(replace(result, thesis=load_thesis(write_thesis(folder / "mine", {"pages.toml": pages}))))


def page_and_run_of(result, folder, pages):
    """Draw that page, then run its thesis: what no section refuses a run does."""
    page_of(result, folder, pages)
    ran(folder / "mine")


# Which thesis


def test_every_shipped_thesis_loads_under_the_name_of_its_folder():
    assert {name: load_thesis(name).id for name in shipped_theses()} == {name: name for name in shipped_theses()}


def test_a_thesis_is_named_by_option_then_variable_then_the_nearest_folder_then_the_first(home, monkeypatch):
    monkeypatch.delenv("BACKTEST_THESIS", raising=False)
    below = home / "notes" / "deep"
    below.mkdir(parents=True)
    assert find_thesis(None, below).id == "mine"
    assert find_thesis(None, home.parent) == load_thesis()
    monkeypatch.setenv("BACKTEST_THESIS", "interconnect")
    assert find_thesis(None, below).id == "interconnect"
    assert find_thesis(str(home), below).id == "mine"
    monkeypatch.setenv("BACKTEST_THESIS", os.fspath(home))
    assert find_thesis(None, home.parent).id == "mine"


def test_a_folder_can_point_to_a_thesis_by_name_or_by_path(home, tmp_path):
    for text, wanted in (('use = "interconnect"', "interconnect"), ('use = "../mine"', "mine")):
        (tmp_path / "pointer").mkdir(exist_ok=True)
        (tmp_path / "pointer" / "thesis.toml").write_text(text, encoding="utf-8")
        assert load_thesis(tmp_path / "pointer").id == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('use = "interconect"', "thesis.toml: use: no thesis 'interconect'; did you mean 'interconnect'?"),
        ('use = "."', "thesis.toml: use: no thesis '.'"),
        ("use = 3", "expected a [thesis] table, or `use` alone"),
        ('use = "interconnect"\nid = "x"', "expected a [thesis] table, or `use` alone"),
        ('[theses]\nid = "x"', "expected one [thesis] table with id, title"),
        (GOOD.replace('id = "mine"', 'id = "Mine!"'), "thesis.toml: id is 'Mine!'"),
        (GOOD.replace("date = 2025-03-31", 'date = "spring"'), "thesis.toml: date is 'spring'"),
        (GOOD.replace('publisher = "Nobody"\n', ""), "thesis.toml: publisher; expected one, none is given"),
    ],
)
def test_a_thesis_file_that_is_none_is_refused_in_one_line(home, text, words):
    (home / "thesis.toml").write_text(text, encoding="utf-8")
    message = refusal(home)
    assert words in message
    assert "\n" not in message


def test_a_name_that_is_no_thesis_is_refused_with_a_hint(tmp_path):
    assert refusal("interconect").startswith("no thesis 'interconect'; did you mean 'interconnect'?")
    assert refusal(tmp_path).endswith("or a folder with a thesis.toml")


def test_a_row_that_was_edited_counts_at_once(home):
    before = load_thesis(home)
    path = home / "baskets.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('title = "Cables"', 'title = "Copper"'), encoding="utf-8")
    assert (before.universe.basket("cables").title, load_thesis(home).universe.basket("cables").title) == ("Cables", "Copper")


# Roles


def test_a_role_is_read_by_name_and_an_unknown_one_is_refused_with_a_hint(home):
    thesis = load_thesis(home)
    assert thesis.role("leaders").keys == (("AAA", "revenue"), ("BBB", "revenue"))
    assert thesis.series(("CCC",), "purchases_ppe") == thesis.series("clouds", "")
    with pytest.raises(ConfigurationError, match="no role of thesis mine 'leader'; did you mean 'leaders'"):
        thesis.role("leader")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"AAA revenue", "BBB revenue"', '"AAArevenue"', "expected an entity and a metric"),
        ('"AAA revenue", "BBB revenue"', '"AAA revenue", "AAA revenue"', "names a series twice"),
        ('label = "cable makers\' revenue"\n', 'label = "x"\nlabels = ["one"]\n', "has 1 label(s); expected 2"),
        ('name = "clouds"', 'name = "leaders"', "roles.toml row 2: name is 'leaders', as in a row before"),
    ],
)
def test_a_bad_role_is_refused_by_file_and_row(tmp_path, old, new, words):
    text = FILES["roles.toml"]
    assert old in text
    message = refusal(write_thesis(tmp_path / "mine", {"roles.toml": text.replace(old, new)}))
    assert message.startswith("roles.toml row ")
    assert words in message


def test_a_role_whose_figures_nobody_has_is_refused_by_name_when_it_is_read(tmp_path):
    text = FILES["roles.toml"].replace("BBB revenue", "BBB revenues")
    home = write_thesis(tmp_path / "mine", {"roles.toml": text})
    with pytest.raises(ConfigurationError, match="no metric of BBB 'revenues'; did you mean 'revenue'"):
        ran(home)


# Figures, signals, claims, strategies, grids of one's own


def test_own_figures_join_the_others_at_their_own_moments_and_move_the_id(home):
    thesis = load_thesis(home)
    archive = load_archive(["AAA"], str(home / "prices"), thesis=thesis)
    key = ("AAA", "revenue")
    before, after = (archive.as_of(as_of_moment(day)) for day in ("2023-04-24", "2023-04-26"))
    assert (before.fact(key, 2023 * 4), after.fact(key, 2023 * 4).value) == (None, 100.0)
    assert archive.as_of(as_of_moment("2026-06-30")).fact(("NVDA", "data_center_revenue"), 2024 * 4) is not None
    table = home / "facts" / "figures.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",108,", ",109,", 1), encoding="utf-8")
    assert load_archive(["AAA"], str(home / "prices"), thesis=thesis).facts.data_id != archive.facts.data_id


def test_an_own_figure_that_cannot_be_right_is_refused_by_file_and_row(home):
    table = home / "facts" / "figures.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",108,", ",-108,", 1), encoding="utf-8")
    with pytest.raises(DataError, match=r"facts/figures.csv row 3: value is '-108'"):
        load_archive(["AAA"], str(home / "prices"), thesis=load_thesis(home))


def test_own_signals_are_read_beside_those_that_the_roles_allow(home):
    names = set(load_signals(load_thesis(home)))
    assert names == {"momentum", "supply_chain_excess", "capex_surprise", "demand_growth", "cable_strength"}


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("signals/other.py", "X = 1", "defines no class Other; expected a frozen dataclass of that name"),
        ("signals/momentum.py", "class Momentum: pass", "this package has a signal of that name"),
        ("signals/numpy.py", "class Numpy: pass", "a module named 'numpy' is installed"),
    ],
)
def test_an_own_signal_that_is_none_or_hides_another_is_refused(tmp_path, file, text, words):
    home = write_thesis(tmp_path / "mine", {file: text})
    with pytest.raises(ConfigurationError, match=words):
        load_signals(load_thesis(home))


def test_own_claims_are_judged_by_own_signals_then_and_now(home):
    thesis = load_thesis(home)
    panel = load_archive(["AAA"], str(home / "prices"), thesis=thesis).as_of(as_of_moment("2025-09-30"))
    assert {finding.claim.id: finding.verdict for finding in ledger(panel)} == {"faster": "confirmed", "strength": "confirmed"}


def test_a_run_shows_own_signals_claims_and_dates(once):
    assert list(once.signals) == ["cable_strength"]
    assert [finding.claim.id for finding in once.claims] == ["faster", "strength"]
    windows = {window.name: (f"{window.start:%Y-%m-%d}", f"{window.end:%Y-%m-%d}", window.sample) for window in once.windows}
    assert windows["in sample"][1:] == ("2025-03-31", "in")
    assert windows["out of sample"][0::2] == ("2025-04-01", "out")


@pytest.mark.parametrize("file", ["roles.toml", "facts/figures.csv", "signals/cable_strength.py", "strategies/strong_cables.py"])
def test_the_ids_of_a_run_move_with_every_file_it_rests_on(once, tmp_path, file):
    second = write_thesis(tmp_path / "two")
    path = second / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(",108,", ",107,", 1) if file.endswith(".csv") else text + "\n# a remark\n", encoding="utf-8")
    after = ran(second)
    assert (once.code_id, once.data_id) != (after.code_id, after.data_id)
    assert once.spec_id == after.spec_id


def test_strategies_and_grids_are_those_of_the_thesis(home, monkeypatch):
    monkeypatch.chdir(home.parent)
    thesis = load_thesis(home)
    assert strategies("all", thesis) == [home / "strategies" / "strong_cables.py"]
    assert grid_path(home.__class__("thresholds"), thesis) == home / "sweeps" / "thresholds.toml"
    with pytest.raises(ConfigurationError, match="no strategy of thesis mine 'theme_baskets'"):
        strategies("theme_baskets", thesis)


def test_a_strategy_that_reads_the_roles_of_another_thesis_is_refused_in_one_line(home):
    thesis = load_thesis(home)
    with pytest.raises(ConfigurationError, match="strategy supply_chain_excess: no basket 'leaders'"):
        needed_tickers(load_strategy(strategies("supply_chain_excess", load_thesis())[0], thesis), thesis)


# What pages and audits draw


PAGES = """
[[figures]]
title = "Figures"
excess = "supply_chain_excess"
source = "made up"

[[shift]]
signal = "cable_strength"
title = "Strength"
says = "Growth."
source = "made up"
"""


def test_pages_draw_what_the_thesis_names(once, tmp_path):
    page = page_of(once, tmp_path, PAGES)
    assert 'id="thesis"' in page
    assert 'id="shift-cable-strength"' in page


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            '"cable_strength"',
            '"cable_strenght"',
            "no quarterly signal 'cable_strenght'; did you mean 'cable_strength'",
        ),
        ('"supply_chain_excess"', '"momentum"', "pages.toml: no quarterly signal 'momentum'"),
        ('title = "Figures"', 'title = "Figures"\nfalls = "faest"', "pages.toml: no claim 'faest'; did you mean 'faster'"),
        ('title = "Figures"', 'title = "Figures"\nrevenue = "leader"', "no role of thesis mine 'leader'"),
        ('"supply_chain_excess"', '"cable_strength"', "pages.toml: no part of cable_strength 'capex'"),
    ],
)
def test_a_slip_in_what_pages_draw_is_refused_and_drops_no_section_without_a_word(once, tmp_path, old, new, words):
    assert old in PAGES
    with pytest.raises(ConfigurationError, match=words):
        page_and_run_of(once, tmp_path, PAGES.replace(old, new, 1))


MEASURE = (
    PAGES
    + """
[[measure]]
of = "cable_strength"
signal = "supply_chain_excess"
part = "capex"
says = "CapEx that year."
unit = "USD million"
source = "made up"
"""
)


def test_pages_set_another_measure_beside_a_shift(once, tmp_path):
    page = page_of(once, tmp_path, MEASURE)
    assert "CapEx that year." in page.split('id="shift-measures"')[1].split("</table>")[0]


def test_a_measure_of_no_shift_is_refused_with_a_near_miss(tmp_path):
    text = MEASURE.replace('of = "cable_strength"', 'of = "cable_strenth"')
    message = refusal(write_thesis(tmp_path / "mine", {"pages.toml": text}))
    assert "pages.toml measure 1: of: no signal of a shift 'cable_strenth'; did you mean 'cable_strength'" in message


CHAIN = """
[[chain]]
signal = "supply_chain_excess"
title = "Chain"
says = "It says so"
links = ["revenue", "CapEx", "revenue growth", "CapEx growth"]
positive = ["revenue_growth"]
source = "made up"
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"CapEx growth"]', '"CapEx growth", "more"]', "pages.toml chain: 5 link.s.; expected a word for each of revenue, capex"),
        ('["revenue_growth"]', '["revenue_grwth"]', "pages.toml: no part of supply_chain_excess 'revenue_grwth'; did you mean"),
    ],
)
def test_a_slip_in_the_links_of_a_chain_is_refused_in_one_line(once, tmp_path, old, new, words):
    assert old in CHAIN
    with pytest.raises(ConfigurationError, match=words):
        page_of(once, tmp_path, CHAIN.replace(old, new))


def test_a_factor_of_a_market_that_is_none_is_refused_instead_of_never_used(tmp_path):
    row = '[[factor]]\nname = "market"\nticker = "CCC"\nmarket = "XNYSE"\nsource = "made up"\n'
    message = refusal(write_thesis(tmp_path / "mine", {"factors.toml": row}))
    assert message.startswith("factors.toml row 1: market: no market 'XNYSE'; did you mean 'XNYS'?")


@pytest.mark.parametrize(
    ("key", "role", "themes", "words"),
    [
        ("capex", "cluds", "", "levels.toml row 1: role: no role 'cluds'; did you mean 'clouds'?"),
        ("capex", "clouds", "cabels", "levels.toml row 1: themes: no theme 'cabels'; did you mean 'cable'?"),
        ("share", "clouds", "", "key is 'share', a term of every split; expected another than wealth, revenue"),
    ],
)
def test_a_slip_in_a_level_of_the_chain_is_refused_in_one_line(tmp_path, key, role, themes, words):
    named = f'themes = ["{themes}"]\n' if themes else ""
    row = f'[[level]]\nkey = "{key}"\nlabel = "spending"\nrole = "{role}"\n{named}source = "made up"\n'
    assert words in refusal(write_thesis(tmp_path / "mine", {"levels.toml": row}))


def test_an_own_signal_edited_after_it_was_loaded_is_no_run_under_the_new_file_s_id(home):
    ran(home)
    path = home / "signals" / "cable_strength.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"cable_strength\.py: changed after it was loaded"):
        ran(home)


# The commands, from the folder and from elsewhere


def printed(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    out = capsys.readouterr()
    return end.value.code, out.out, out.err


def test_commands_in_a_folder_are_about_its_thesis_and_elsewhere_by_option(home, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("BACKTEST_THESIS", raising=False)
    monkeypatch.chdir(home)
    here = printed(capsys, "claims", "--prices", "prices", "--json")
    monkeypatch.chdir(tmp_path)
    there = printed(capsys, "claims", "--thesis", "mine", "--prices", "mine/prices", "--json")
    assert here[0] == there[0] == 0
    assert [row["id"] for row in json.loads(here[1])] == [row["id"] for row in json.loads(there[1])] == ["faster", "strength"]


def test_a_report_of_one_s_own_thesis_is_verified_where_it_lies_and_refused_elsewhere(home, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("BACKTEST_THESIS", raising=False)
    monkeypatch.chdir(home)
    assert printed(capsys, "run", "all", "--prices", "prices")[0] == 0
    code, out, _ = printed(capsys, "verify", "reports/strong_cables", "--prices", "prices")
    assert (code, "identical" in out) == (0, True)
    monkeypatch.chdir(tmp_path)
    code, _, error = printed(capsys, "verify", "mine/reports/strong_cables", "--prices", "mine/prices")
    assert (code, error.strip()) == (
        2,
        "error: the report is of thesis 'mine', here is 'interconnect'; expected --thesis with the folder of it",
    )


def test_a_thesis_survives_being_copied_and_compared(home, tmp_path):
    thesis = load_thesis(home)
    copied = load_thesis(shutil.copytree(home, tmp_path / "copy"))
    assert replace(copied, folder=thesis.folder) == thesis
