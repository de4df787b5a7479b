"""The pages in a real browser, from disk: nothing fetched, nothing complained of, nothing overflowing, everything legible."""

import csv
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtest.report import render
from backtest.report.glossary import TERMS
from backtest.report.sweep.page import render_sweep
from backtest.result import TickerName

pytestmark = pytest.mark.browser

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> --> ]]> $x$ &amp; {{ 7 * 7 }}"
RTL = "\u202eevil\u200f \u0645\u0631\u062d\u0628\u0627 科创 \U0001f600"

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
STRATEGIES = sorted(path.stem for path in (Path(__file__).parents[2] / "strategies").glob("*.py"))
PAGES = ("index", *STRATEGIES, "sweeps/example")
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


def keep_picture(page, name):
    """Leave a picture of the whole page where the workflow keeps it."""
    if os.environ.get("CI") == "true":
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def address(folder, name):
    return (folder / "index.html" if name == "index" else folder / name / "index.html").as_uri()


# Nothing but colours changes with the scheme, and no colour with the width.
SHOWN = [(name, *shown) for name in PAGES for shown in ((390, "light"), (1440, "light"), (1440, "dark"))]


@dataclass(frozen=True)
class Opened:
    """A page in its browser, with every complaint and every request it made."""

    name: str
    page: Any
    complaints: list[str]
    requests: list[str]

    @property
    def dark(self):
        return self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.fixture(scope="module")
def opened(request, browser, folder):
    """A page as it is shown, opened once for the tests that ask for it so: what changes it comes after what looks at it."""
    name, width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown = Opened(name, context.new_page(), [], [])
    shown.page.on("console", lambda message: shown.complaints.append(message.text))
    shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
    shown.page.on("request", lambda made: shown.requests.append(made.url))
    shown.page.goto(address(folder, name))
    keep_picture(shown.page, f"{name.replace('/', '_')}_{width}_{scheme}")
    yield shown
    context.close()


def shown_as(*shown):
    """Parametrise a test by pages as they are shown; tests of the same one run one after the other."""
    names = [f"{name}-{scheme}-{width}" for name, width, scheme in shown]
    return pytest.mark.parametrize("opened", shown, ids=names, indirect=True, scope="module")


@shown_as(*SHOWN)
def test_a_page_is_complete_quiet_and_fits(opened, folder):
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [address(folder, opened.name)]
    scrolled, visible = opened.page.evaluate(OVERFLOW)
    assert scrolled <= visible
    assert [text for text in opened.page.evaluate(CONTRASTS) if text[1] < LEAST_CONTRAST] == []
    if not opened.dark:
        assert opened.page.evaluate(COLLISIONS) == []
        scrolled, visible = opened.page.evaluate(OVERFLOW)
        assert scrolled <= visible, "with every fold open"


@shown_as(*((name, width, scheme) for name, width, scheme in SHOWN if scheme == "dark"))
def test_on_paper_a_page_is_light_unfolded_and_as_wide_as_a4(opened):
    page = opened.page
    assert opened.dark
    page.set_viewport_size({"width": 680, "height": 960})
    page.emulate_media(media="print")
    scrolled, visible = page.evaluate(OVERFLOW)
    assert scrolled <= visible
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(254, 254, 254)"
    hidden = "[...document.querySelectorAll('main details')].filter(one => !one.lastElementChild.checkVisibility()).length"
    assert page.evaluate(hidden) == 0
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(media="screen")


def test_the_front_page_leads_to_every_strategy_and_back(browser, folder):
    context = browser.new_context()
    page = context.new_page()
    page.goto(address(folder, "index"))
    for link in page.locator("h2 a:not(.link)").all():
        assert (folder / link.get_attribute("href")).exists()
    for link in ("h2 a:not(.link)", "a[href='sweeps/example/index.html']"):
        page.locator(link).first.click()
        page.get_by_role("link", name="All strategies").click()
        assert page.url == address(folder, "index")
    context.close()


@pytest.fixture
def controlled(browser, folder):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.goto(address(folder, "supply_chain_excess"))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    yield page
    context.close()


def test_a_click_on_a_header_sorts_numbers_by_size_both_ways_and_what_is_none_last(controlled):
    table = controlled.locator("table", has=controlled.get_by_text("The claims ledger", exact=True))
    header = table.locator("thead th", has_text="Its figure")
    column = "table => [...table.tBodies[0].rows].map(row => row.cells[2].querySelector('bdi').textContent)"
    for falling in (False, True):
        header.get_by_role("button").click()
        assert header.get_attribute("aria-sort") == ("descending" if falling else "ascending")
        shown = [text.replace("−", "-").replace(",", "").replace("%", "").replace("×", "") for text in table.evaluate(column)]
        numbers = [float(text) for text in shown if text != "—"]
        assert len(numbers) > 5
        assert numbers == sorted(numbers, reverse=falling)
        assert "—" not in shown[: len(numbers)]


def test_a_filter_shows_the_rows_that_hold_its_words_and_counts_them(controlled):
    table = controlled.locator("table", has=controlled.get_by_text("The claims ledger", exact=True))
    controlled.get_by_label("Filter rows: The claims ledger").fill("CONTRADICTED")
    visible = table.locator("tbody tr:visible")
    every = table.locator("tbody tr").count()
    assert 0 < visible.count() < every
    assert all("contradicted" in text.lower() for text in visible.all_inner_texts())
    assert controlled.get_by_text(f"{visible.count()} of {every}", exact=True).is_visible()


def test_a_table_is_saved_as_csv_with_its_header_and_every_row(controlled):
    with controlled.expect_download() as saved:
        controlled.get_by_label("Save as CSV: The claims ledger").click()
    assert saved.value.suggested_filename == "the-claims-ledger.csv"
    rows = list(csv.reader(saved.value.path().read_text(encoding="utf-8-sig").splitlines()))
    table = controlled.locator("table", has=controlled.get_by_text("The claims ledger", exact=True))
    assert rows[0][1:4] == ["Claim", "The thesis says", "Its figure"]
    assert len(rows) == 1 + table.locator("tbody tr").count()
    assert {len(row) for row in rows} == {len(rows[0])}


def test_the_slider_shows_what_was_known_on_a_day_as_the_table_of_months_has_it(controlled, results):
    slider = controlled.get_by_role("slider")
    known = results["supply_chain_excess"].known
    months = list(known)
    assert int(slider.get_attribute("max")) == len(months) - 1
    for at in (0, len(months) // 2, len(months) - 1):
        slider.fill(str(at))
        assert slider.get_attribute("aria-valuetext") == months[at]
        rows = controlled.locator("table.then tbody").first.locator("tr:not(.group)").all_inner_texts()
        shown = {name: value for name, _, value in (row.split("\t") for row in rows)}
        for claim, finding in known[months[at]].items():
            assert shown[claim].startswith(finding.verdict), (claim, months[at])


def test_a_page_without_scripts_has_every_table_and_no_dead_control(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(folder, "supply_chain_excess"))
    assert page.locator("button, input").count() == 0
    assert page.locator("[data-slider] tbody tr").count() > 15
    context.close()


def test_a_figure_says_what_it_means_and_where_it_comes_from_by_mouse_touch_and_keyboard(controlled, results):
    table = controlled.locator("table", has=controlled.get_by_text("figures per window")).first
    cell = table.locator("tbody tr:not(.group)", has_text="25Q2").locator("td").nth(1)
    tip = controlled.get_by_role("tooltip")
    assert not tip.is_visible()
    cell.hover()
    tip.wait_for(state="visible")
    window = next(iter(results["supply_chain_excess"].books.values())).windows["25Q2"]
    assert TERMS["Total return"].text in tip.inner_text()
    assert f"known at the close of {window.last}" in tip.inner_text()
    controlled.keyboard.press("Escape")
    assert not tip.is_visible()
    cell.dispatch_event("click")
    assert tip.is_visible()
    assert cell.get_attribute("aria-describedby") == "tip"
    controlled.keyboard.press("Escape")
    box = controlled.locator("div.scroll", has=table)
    box.focus()
    for key in ("Enter", "ArrowRight", "ArrowDown"):
        controlled.keyboard.press(key)
    assert controlled.evaluate("document.activeElement.cellIndex") == 1
    assert TERMS["n"].text in tip.inner_text()
    controlled.keyboard.press("Escape")
    assert not tip.is_visible()
    assert controlled.evaluate("document.activeElement.className") == "scroll"


ONE_IMAGE_EACH = "document.querySelectorAll('svg > :not(title, desc)').forEach(part => part.remove())"
TWO_OF_EACH_KIND = """([parts, names, seen]) => {
  for (const part of document.querySelectorAll(parts)) {
    const within = [part, ...part.querySelectorAll('*')];
    const around = [];
    for (let outer = part.parentElement; outer; outer = outer.parentElement) around.push(outer);
    const look = e => [e.tagName, ...names.map(name => e.getAttribute(name)),
      ...(names.includes('role') ? e.getAttributeNames() : [])];
    const kind = [...within.map(e => [!e.textContent, look(e)]), ...around.map(look)].join();
    seen[kind] = (seen[kind] || 0) + 1;
    if (seen[kind] > 2) part.remove();
  }
  return seen;
}"""
OF_STYLE, OF_STRUCTURE = ["class", "style", "scope"], ["class", "scope", "role", "lang", "tabindex", "type"]
COLOURED = "td, th, li, p, dt, dd, caption span, figcaption, button, a"
FULLEST = ("index", "theme_baskets", "sweeps/example")  # one style sheet colours all pages


@pytest.fixture(scope="module")
def coloured():
    """How many parts of each kind axe has seen the colours of, by scheme: of two, on whatever page they are, it tells all."""
    return {"light": {}, "dark": {}}


@shown_as(*(one for one in SHOWN if one[1] == 1440 and (one[2] == "light" or one[0] in FULLEST)))
def test_axe_finds_nothing_serious(opened, coloured):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, scheme = opened.page, "dark" if opened.dark else "light"
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.locator("svg:not([role=img], [role=application], [aria-hidden])").count() == 0
    page.evaluate(ONE_IMAGE_EACH)  # to axe the inside of an image is nothing; the contrast of its texts is measured above
    faults = []
    if scheme == "light":  # rows alike in tags, attributes and where text is have the same faults
        page.evaluate(TWO_OF_EACH_KIND, ["tbody tr", OF_STRUCTURE, {}])
        faults += violations(axe, page, {"rules": {"color-contrast": {"enabled": False}}})
    # Parts alike in all that rules of style name are coloured alike.
    coloured[scheme] = page.evaluate(TWO_OF_EACH_KIND, [COLOURED, OF_STYLE, coloured[scheme]])
    faults += violations(axe, page, {"runOnly": ["color-contrast"]})
    summaries = [(fault["id"], fault["impact"], fault["nodes"][0]["html"][:200], len(fault["nodes"])) for fault in faults]
    assert [summary for summary in summaries if summary[1] in ("serious", "critical")] == []


def violations(axe, page, options):
    return axe.run(page, options={"resultTypes": ["violations"]} | options).response["violations"]


def with_everything_hostile(result):
    """Return a run of a hundred tickers with names of 300 letters, markup and turned reading order, half its figures missing."""
    (book,) = result.books.values()
    tickers = [f"T{number:03d}.SZ" for number in range(100)]
    wide = dict.fromkeys(tickers, f"{EVIL} {RTL} " + "x" * 300)
    spread = pd.DataFrame(0.01, index=book.realised.index, columns=tickers)
    by_name = pd.DataFrame(0.001, index=tickers, columns=["price", "currency", "costs", "total"])
    windows = {name: replace(figures, total_return=float("nan"), sharpe=None) for name, figures in book.windows.items()}
    hostile = replace(
        book, title=EVIL + "y" * 300, basket="z" * 300, members=tuple(tickers), realised=spread, targets=spread, windows=windows,
        attribution={**book.attribution, "name": by_name}, orders=book.orders.assign(ticker=(tickers * 9)[: len(book.orders)]),
    )  # fmt: skip
    names = {ticker: TickerName(name, "超长的名字" * 20) for ticker, name in wide.items()}
    spec = result.spec.model_copy(update={"title": EVIL + "w" * 300, "question": RTL + "q" * 300})
    return replace(result, books={"z" * 300: hostile}, names=names, spec=spec, notes=(EVIL, RTL, "n" * 300))


def with_one_session(result):
    (book,) = result.books.values()
    none = {name: getattr(book, name).iloc[:0] for name in ("orders", "unfilled", "late", "exits", "differences", "realised")}
    single = replace(
        book, equity=book.equity.iloc[:1], benchmarks=book.benchmarks.iloc[:1], decisions=book.decisions.iloc[:0], **none
    )
    return replace(result, books={book.basket: single})


def with_no_number(result):
    (book,) = result.books.values()
    return replace(result, books={book.basket: replace(book, equity=book.equity * np.nan, benchmarks=book.benchmarks * np.nan)})


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("spoil", [with_everything_hostile, with_one_session, with_no_number])
def test_a_hostile_run_has_a_page_that_fits_and_runs_nothing_of_it(spoil, width, results, made_once, browser, tmp_path):
    path = tmp_path / "index.html"
    page_of = made_once(f"page of a run {spoil.__name__}", lambda: render(spoil(results["supply_chain_excess"])))
    path.write_text(page_of, encoding="utf-8")
    assert path.stat().st_size < 3_000_000
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda made: requests.append(made.url))
    page.goto(path.as_uri())
    keep_picture(page, f"{spoil.__name__}_{width}")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    scrolled, visible = page.evaluate(OVERFLOW)
    assert scrolled <= visible
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert page.locator("main script, main img").count() == 0
    context.close()


BOTTOMS = """() => [...document.querySelectorAll('main .lead, main figure svg')]
    .map(shown => shown.getBoundingClientRect()).filter(box => box.height > 0).slice(0, 3).map(box => box.bottom)"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_first_screen_of_a_sweep_has_its_sentence_the_distribution_and_a_map(width, height, browser, broad, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(render_sweep(broad), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(path.as_uri())
    bottoms = page.evaluate(BOTTOMS)
    assert len(bottoms) == 3
    assert bottoms == sorted(bottoms)
    assert bottoms[-1] <= height
    assert page.evaluate("document.documentElement.scrollHeight") <= height * (6 if width == 1440 else 10)
    context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_sweep_of_hostile_settings_has_a_page_that_fits_and_runs_nothing_of_it(width, search_of, browser, tmp_path):
    fields = {EVIL + "f" * 300: (1, 2, 3), "weights.otherwise": (EVIL, RTL + "v" * 300, "cash"), "lag": (-1e300, 1e-300, 3)}
    whole = np.linspace(-1e6, 1e6, 27)
    whole[5:9] = np.nan
    search = search_of(fields, {"whole": whole, "in sample": whole * np.nan}, title=EVIL + "w" * 300, question=RTL + "q" * 300)
    path = tmp_path / "index.html"
    path.write_text(render_sweep(search), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    keep_picture(page, f"sweep_hostile_{width}")
    scrolled, visible = page.evaluate(OVERFLOW)
    assert scrolled <= visible
    assert page.evaluate(COLLISIONS) == []
    assert complaints == []
    assert page.locator("main script, main img").count() == 0
    context.close()


@pytest.mark.parametrize(("today", "age"), [("2026-08-01", "(1 day ago)"), ("2026-11-26", "(118 days ago)")])
def test_the_last_day_of_a_return_stands_with_how_long_ago_that_is_for_who_opens_the_page(browser, folder, results, today, age):
    last = results["supply_chain_excess"].books["leaders"].windows["out of sample"].last
    assert last == "2026-07-31"
    context = browser.new_context()
    page = context.new_page()
    page.clock.set_fixed_time(f"{today}T12:00:00Z")
    page.goto(address(folder, "supply_chain_excess"))
    assert page.locator("#outcome ~ p.small").inner_text().endswith(f"Last day: {last} {age}.")
    context.close()
