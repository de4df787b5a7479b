"""The pages in a real browser, from disk: nothing fetched, nothing complained of, nothing overflowing, everything legible."""

import os
import shutil
from pathlib import Path

import pytest

from backtest.report import render_index

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = ("index", "revenue_capex_ratio", "supply_chain_excess", "theme_baskets")
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3

OVERFLOW = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
CONTRASTS = """() => {
  const parts = color => color.match(/[0-9.]+/g).slice(0, 3).map(Number);
  const light = color => parts(color).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(getComputedStyle(document.documentElement).backgroundColor);
  const of = color => (Math.max(light(color), paper) + 0.05) / (Math.min(light(color), paper) + 0.05);
  const texts = [...document.querySelectorAll('svg text')].map(e => [e.textContent, of(getComputedStyle(e).fill)]);
  return [...texts, ['body', of(getComputedStyle(document.body).color)]];
}"""
COLLISIONS = """() => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  const found = [];
  for (const chart of document.querySelectorAll('figure svg')) {
    const box = chart.getBoundingClientRect();
    if (!box.width) continue;
    const texts = [...chart.querySelectorAll('text')].filter(e => e.textContent.trim());
    const placed = texts.map(e => [e.textContent, e.getBoundingClientRect()]);
    placed.forEach(([name, a], number) => {
      if (a.left < box.left - 3 || a.right > box.right + 3) found.push([chart.id, name, 'outside']);
      for (const [other, b] of placed.slice(number + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 2 && high > 4) found.push([chart.id, name, other]);
      }
    });
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"no browser: none of {', '.join(BROWSERS)} is installed; install chromium")
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pages, documents):
    out = tmp_path_factory.mktemp("reports")
    (out / "index.html").write_text(render_index(documents), encoding="utf-8")
    for name, page in pages.items():
        (out / name).mkdir()
        (out / name / "index.html").write_text(page, encoding="utf-8")
    return out


def address(folder, name):
    return (folder / "index.html" if name == "index" else folder / name / "index.html").as_uri()


@pytest.fixture(params=[390, 1440])
def width(request):
    return request.param


@pytest.fixture(params=["light", "dark"])
def opened(request, browser, folder, width):
    """Return a function that opens a page and gives it with every complaint and every request it made."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=request.param)
    page = context.new_page()
    heard, asked = [], []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda made: asked.append(made.url))

    def open_page(name):
        page.goto(address(folder, name))
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}_{width}_{request.param}.png", full_page=True)
        return page, heard, asked

    yield open_page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_complete_quiet_and_fits(name, opened, folder):
    page, heard, asked = opened(name)
    assert heard == []
    assert [url for url in asked if not url.startswith("data:")] == [address(folder, name)]
    scrolled, visible = page.evaluate(OVERFLOW)
    assert scrolled <= visible
    assert [one for one in page.evaluate(CONTRASTS) if one[1] < LEAST_CONTRAST] == []
    assert page.evaluate(COLLISIONS) == []
    scrolled, visible = page.evaluate(OVERFLOW)
    assert scrolled <= visible, "with every fold open"


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_a_page_is_light_unfolded_and_as_wide_as_a4(name, browser, folder):
    context = browser.new_context(viewport={"width": 680, "height": 960}, color_scheme="dark")
    page = context.new_page()
    page.goto(address(folder, name))
    page.emulate_media(media="print")
    scrolled, visible = page.evaluate(OVERFLOW)
    assert scrolled <= visible
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(254, 254, 254)"
    hidden = "[...document.querySelectorAll('details')].filter(one => !one.lastElementChild.checkVisibility()).length"
    assert page.evaluate(hidden) == 0
    context.close()


def test_the_front_page_leads_to_every_strategy_and_back(browser, folder):
    context = browser.new_context()
    page = context.new_page()
    page.goto(address(folder, "index"))
    for link in page.locator("h2 a").all():
        assert (folder / link.get_attribute("href")).exists()
    page.locator("h2 a").first.click()
    page.get_by_role("link", name="All strategies").click()
    assert page.url == address(folder, "index")
    context.close()
