"""What a reader has without scrolling, how long a page is as it opens, and how she finds her way, measured in a browser."""

import shutil
from pathlib import Path

import pytest

from backtest.report import CHAPTERS

pytestmark = pytest.mark.browser

STRATEGIES = sorted(path.stem for path in (Path(__file__).parents[2] / "strategies").glob("*.py"))
SCREENS = {(1440, 900): 8, (390, 844): 12}  # as a page opens, folded
BOTTOMS = """() => Object.fromEntries(Object.entries({
  title: 'h1', verdict: '.verdict', tiles: '.tiles', chart: '#outcome ~ figure svg.' + (innerWidth > 640 ? 'wide' : 'narrow'),
}).map(([name, where]) => [name, document.querySelector(where).getBoundingClientRect().bottom]))"""
HEIGHT = "document.documentElement.scrollHeight"


@pytest.fixture(params=SCREENS, ids=str)
def screen(request):
    return request.param


@pytest.fixture
def opened(browser, folder, screen):
    """Return a function that opens a page on a screen of that size."""
    context = browser.new_context(viewport=dict(zip(("width", "height"), screen, strict=True)))

    def open_page(name, opened_at=""):
        page = context.new_page()
        page.goto((folder / name / "index.html").as_uri() + opened_at)
        return page

    yield open_page
    context.close()


@pytest.mark.parametrize("name", STRATEGIES)
def test_verdict_tiles_and_chart_stand_on_the_first_screen_and_the_rest_is_short(name, opened, screen):
    page = opened(name)
    bottoms = page.evaluate(BOTTOMS)
    assert list(bottoms.values()) == sorted(bottoms.values())
    assert bottoms["chart"] <= screen[1], bottoms
    assert page.locator(".tiles dt").count() == 6
    assert len(page.locator(".verdict").inner_text().split()) <= 45
    assert page.evaluate(HEIGHT) / screen[1] <= SCREENS[screen]


def test_chapters_come_in_their_order_and_each_opens_with_a_sentence_and_folds(opened):
    page = opened("supply_chain_excess")
    shown = page.locator("main > section > h2").evaluate_all("found => found.map(one => one.id)")
    assert shown == [anchor for anchor, _, _ in CHAPTERS]
    assert page.locator("main details[open]").count() == 0
    open_text = page.evaluate("""() => [...document.querySelectorAll('main > section')].map(section =>
      [...section.querySelectorAll('p, table, figure, pre, ul, dl')].filter(one => one.checkVisibility()).length)""")
    assert min(open_text) >= 1


def test_the_contents_stay_in_sight_and_mark_where_one_is(opened, screen):
    page = opened("supply_chain_excess")
    menu, wide = page.locator("nav .menu"), screen[0] > 1200
    assert page.locator("nav a", has_text="Returns").first.is_visible() == wide
    if not wide:
        menu.locator("summary").click()
    page.locator("nav a[href='#luck']").click()
    page.locator("nav a[aria-current][href='#luck']").wait_for(state="attached")
    box = page.locator("nav").bounding_box()
    assert 0 <= box["y"] < 40  # still there, far down the page
    assert menu.get_attribute("open") is None  # a phone's menu gives way
    assert page.evaluate("document.getElementById('luck').getBoundingClientRect().top") < screen[1] / 2


def test_a_link_to_what_is_folded_opens_it(opened):
    page = opened("supply_chain_excess", "#spec")
    assert page.get_by_text("The values that define the run").is_visible()
    top = page.evaluate("document.getElementById('spec').getBoundingClientRect().top")
    assert 0 <= top < 200


def test_without_chinese_fonts_the_first_screen_is_the_same(folder, browser, tmp_path, screen):
    config = tmp_path / "fonts.conf"
    config.write_text("<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir></fontconfig>", encoding="utf-8")
    executable = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    bare = browser.opened.browser_type.launch(
        executable_path=executable, args=["--no-sandbox", "--disable-gpu"], env={"FONTCONFIG_FILE": str(config)}, timeout=0
    )
    page = bare.new_page(viewport=dict(zip(("width", "height"), screen, strict=True)))
    page.goto((folder / "supply_chain_excess" / "index.html").as_uri())
    assert page.evaluate(BOTTOMS)["chart"] <= screen[1]
    assert page.evaluate("[document.documentElement.scrollWidth <= document.documentElement.clientWidth]") == [True]
    bare.close()
