"""Charts answer a reader: hover, tap, drag, legend, keyboard and scale, against the run's own values; nothing fetched."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest.report.charts.canvas import SIZES

pytestmark = pytest.mark.browser

NAME, CHART = "supply_chain_excess", "outcome-value"
PAIR = "decisions-1-chart", "signal-1-chart"  # of one section
SCRIPT = Path(__file__).parents[2] / "backtest" / "report" / "templates" / "charts.js"
MOST_LINES = 200
WIDE, NARROW = SIZES
OPENED = "document.querySelectorAll('main details').forEach(one => { one.open = true; })"


APART = 0.1  # seconds


class Chart:
    """A chart of a page, and how a reader meets it: places are days, and fractions of its first panel's height from its top."""

    def __init__(self, page, anchor, size, equity):
        self.page, self.size, self.equity = page, size, equity
        self.svg = page.locator(f"#{anchor}-{size.name}")
        self.figure = page.locator("figure", has=self.svg)
        self.tip = self.figure.locator(".reading")
        self.svg.evaluate("one => one.scrollIntoView({ block: 'center' })")

    def at(self, day, height=0.4):
        """Return where a day of the whole run is on the page."""
        box = self.svg.bounding_box()
        scale = box["width"] / self.size.width
        first, last = self.equity.index[[0, -1]]
        along = (pd.Timestamp(day) - first) / (last - first)
        left = self.size.left + along * (self.size.width - self.size.left - self.size.right)
        return box["x"] + left * scale, box["y"] + (50 + 230 * height) * scale

    def twice(self, day):
        """Click or tap a day twice within a tenth of a second, by the clock of the events and not by this machine's."""
        (x, y), session = self.at(day), self.page.context.new_cdp_session(self.page)
        now = self.page.evaluate("Date.now()") / 1000
        for moment in (now, now + APART):
            for pressed in (True, False):
                if self.size is NARROW:
                    kind, points = ("touchStart", [{"x": x, "y": y}]) if pressed else ("touchEnd", [])
                    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": moment})
                else:
                    kind = {"type": "mousePressed" if pressed else "mouseReleased", "button": "left", "clickCount": 1}
                    session.send("Input.dispatchMouseEvent", kind | {"x": x, "y": y, "timestamp": moment})
        session.detach()

    def read(self):
        """Return the day of the tip, its notes and its values by series, as they are written."""
        assert self.tip.is_visible()
        names = [text.strip() for text in self.tip.locator("span").all_inner_texts()]
        values = dict(zip(names, self.tip.locator("b").all_inner_texts(), strict=True))
        return self.tip.locator("strong").inner_text()[-10:], self.tip.locator("em").all_inner_texts(), values

    def drag(self, first, last):
        self.page.mouse.move(*self.at(first))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(last), steps=4)
        self.page.mouse.up()

    def button(self, name):
        return self.figure.get_by_role("button", name=name, exact=True)

    @property
    def moved(self):
        return "moved" in self.svg.get_attribute("class").split()

    def line(self, name):
        """Return the points of a series as the script has drawn it."""
        d = self.svg.locator(f".over [data-name='{name}'] .through").get_attribute("d")
        return np.array([[float(part) for part in point.split()] for point in re.split("[ML]", d)[1:]])


@pytest.fixture(scope="module")
def address(tmp_path_factory, pages):
    path = tmp_path_factory.mktemp("charts") / "index.html"
    path.write_text(pages[NAME], encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def book(results):
    return results[NAME].books["leaders"]


@pytest.fixture(scope="module")
def page_of(browser, address):
    """Return a function that gives the page, opened once per size and scheme of colours, with complaints and requests."""
    contexts, opened = [], {}

    def make(size, scheme):
        if (size, scheme) not in opened:
            view = {"width": 1440 if size is WIDE else 390, "height": 900}
            contexts.append(browser.new_context(viewport=view, has_touch=size is NARROW, color_scheme=scheme))
            page, complaints, requests = contexts[-1].new_page(), [], []
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda made: requests.append(made.url))
            page.goto(address)
            page.evaluate(OPENED)
            opened[size, scheme] = page, complaints, requests
        return opened[size, scheme]

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def opened(page_of, address, book):
    """Return a function that gives a chart as it was first drawn; at the end nothing was complained of or fetched."""
    heard_of = []

    def make(size=WIDE, anchor=CHART, scheme="light"):
        page, *heard = page_of(size, scheme)
        heard_of.append(heard)
        page.evaluate("for (const one of document.querySelectorAll('.keys button:last-child')) one.click()")
        page.emulate_media(media="screen", color_scheme=scheme)
        page.mouse.move(0, 0)
        return Chart(page, anchor, size, book.equity)

    yield make
    for complaints, requests in heard_of:
        assert complaints == []
        assert {url for url in requests if not url.startswith("data:")} <= {address}


def number(text):
    return float(text.replace("−", "-").replace(",", "").rstrip("%")) / (100 if text.endswith("%") else 1)


def expected(book, names, day):
    """Return every series of the book's chart on a day."""
    twin = book.control.equity["twin"]
    start = float(book.equity.iloc[0])
    values = {"leaders": book.equity[day] / start, "signal always on": twin[day] / float(twin.iloc[0])}
    values |= {names[ticker].name: book.benchmarks[ticker][day] / start for ticker in book.charted}
    return values | {"drawdown": book.equity[day] / book.equity[:day].max() - 1.0}


def check_values(read, book, names):
    day, _, values = read
    wanted = expected(book, names, pd.Timestamp(day))
    assert set(values) == set(wanted)
    for name, value in wanted.items():
        assert number(values[name]) == pytest.approx(value, rel=6e-4, abs=6e-4), (day, name)


def test_the_script_stays_within_two_hundred_lines():
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hovering_tells_the_day_and_every_series_as_the_run_has_them(scheme, opened, book, results):
    chart = opened(scheme=scheme)
    for number_of in (3, len(book.equity) // 2, len(book.equity) - 1):
        day = book.equity.index[number_of]
        chart.page.mouse.move(*chart.at(day))
        told = pd.Timestamp(chart.read()[0])
        assert abs(told - day) <= pd.Timedelta(days=4)
        check_values(chart.read(), book, results[NAME].names)
    assert not chart.moved
    paper, shown = (
        chart.page.evaluate("one => getComputedStyle(one).backgroundColor", element.element_handle())
        for element in (chart.page.locator("html"), chart.tip)
    )
    assert paper == shown
    chart.page.mouse.move(5, 5)
    assert not chart.tip.is_visible()


def test_hovering_near_a_tick_of_an_event_names_it(opened):
    chart = opened()
    x, y = chart.at("2024-02-19", 0.02)
    chart.page.mouse.move(x + 2, y)
    day, notes, _ = chart.read()
    assert day == "2024-02-19"
    assert notes[0] == "24Q1–Q2"
    assert "Sora text-to-video shown" in notes[1]


def test_a_drag_zooms_both_axes_and_two_clicks_reset_to_the_very_same_drawing(opened, book):
    chart = opened()
    drawn = "one => [...one.querySelectorAll(':scope > :not(.over, .cross, .chosen)')].map(part => part.outerHTML).join()"
    before = chart.svg.evaluate(drawn)
    chart.drag("2024-09-02", "2024-12-02")
    assert chart.moved
    points = chart.line("leaders")
    seen = book.equity["2024-09-02":"2024-12-02"]
    assert abs(len(points) - len(seen)) < 12  # a day to a pixel, and a neighbour at each end
    inside = points[(points[:, 0] >= WIDE.left) & (points[:, 0] <= WIDE.width - WIDE.right)]
    assert np.ptp(inside[:, 0]) > 0.95 * (WIDE.width - WIDE.left - WIDE.right)
    assert 50 <= inside[:, 1].min() < inside[:, 1].max() <= 280
    days = chart.svg.locator(".over text").all_text_contents()
    assert {"2024-10", "2024-11", "2024-12"} & set(days) or any(re.fullmatch(r"1[01]-\d\d", text) for text in days)
    assert not chart.svg.locator(":scope > :not(.over, .cross, .chosen)").first.is_visible()
    chart.page.mouse.move(*chart.at("2025-01-02"))
    chart.twice("2025-01-02")
    assert not chart.moved
    assert chart.svg.evaluate(drawn) == before
    assert chart.svg.locator(":scope > .over").inner_html() == ""


def test_charts_of_a_section_share_their_crosshair_and_their_zoom(opened):
    chart, other = opened(anchor=PAIR[0]), opened(anchor=PAIR[1])
    chart.svg.evaluate("one => one.scrollIntoView({ block: 'center' })")
    chart.page.mouse.move(*chart.at("2025-03-03"))
    lines = [one.svg.locator(".cross path").count() for one in (chart, other)]
    assert lines == [1, 1]
    assert chart.tip.is_visible()
    assert not other.tip.is_visible()
    chart.drag("2025-01-02", "2025-06-02")
    assert other.moved
    labels = [
        [text for text in one.svg.locator(".over text").all_text_contents() if re.match(r"20\d\d-", text)]
        for one in (chart, other)
    ]
    assert labels[0] == labels[1] != []
    assert not Chart(chart.page, "holdings-1-chart", WIDE, chart.equity).moved  # another section
    chart.button("show the whole").click()
    assert not chart.moved
    assert not other.moved


def test_the_legend_hides_a_series_and_shows_it_again(opened):
    chart = opened()
    key = chart.button("signal always on")
    assert key.get_attribute("aria-pressed") in (None, "true")
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    names = chart.svg.locator(".over [data-name]").evaluate_all("all => all.map(one => one.dataset.name)")
    assert "signal always on" not in names
    assert "leaders" in names
    chart.page.mouse.move(*chart.at("2025-03-03"))
    assert "signal always on" not in chart.read()[2]
    key.click()
    assert key.get_attribute("aria-pressed") == "true"
    assert not chart.moved


def test_the_scale_can_be_linear_where_it_was_logarithmic(opened, book):
    chart = opened()
    chart.button("linear scale").click()
    titles = chart.svg.locator(".over text").all_text_contents()
    assert "value of 1 CNY, linear scale" in titles
    drawn = chart.line("leaders")
    value = (book.equity / book.equity.iloc[0]).to_numpy()
    slope, level = np.polyfit(value, drawn[: len(value), 1], 1)
    assert np.abs(slope * value + level - drawn[: len(value), 1]).max() < 0.15  # pixels are linear in money
    assert level == pytest.approx(280, abs=0.2)  # and start at zero
    assert Chart(chart.page, PAIR[0], WIDE, chart.equity).button("linear scale").count() == 0
    chart.button("linear scale").click()
    assert not chart.moved


def test_the_keyboard_moves_zooms_resets_and_leaves(opened, book, results):
    chart = opened()
    keys = chart.page.keyboard
    chart.button("leaders").focus()
    keys.press("Shift+Tab")
    assert chart.svg.evaluate("one => [one.matches(':focus-visible'), getComputedStyle(one).outlineStyle]") == [True, "solid"]
    keys.press("ArrowRight")
    first = chart.read()
    check_values(first, book, results[NAME].names)
    assert chart.tip.get_attribute("aria-live") == "polite"
    keys.press("ArrowRight")
    keys.press("Shift+ArrowRight")
    index = pd.DatetimeIndex(book.equity.index)
    moved = chart.read()[0]
    assert index.get_loc(moved) - index.get_loc(first[0]) == 21
    keys.press("+")
    assert chart.moved
    assert chart.read()[0] == moved
    keys.press("-")
    assert not chart.moved
    for key in ("Home", "Escape"):
        keys.press("+")
        keys.press(key)
        assert not chart.moved
        assert not chart.tip.is_visible()
    keys.press("Tab")
    assert chart.page.evaluate("document.activeElement.textContent") == "leaders"
    assert chart.svg.get_attribute("role") == "application"
    assert "Line chart" in chart.svg.get_attribute("aria-label")


def test_a_tap_tells_two_taps_reset_and_a_finger_still_scrolls(opened, book, results):
    chart = opened(NARROW)
    tap = chart.page.touchscreen.tap
    tap(*chart.at("2025-03-03"))
    check_values(chart.read(), book, results[NAME].names)
    boxes = json.loads(chart.svg.get_attribute("data-chart"))["boxes"]
    crosshair = chart.svg.locator(".cross path").get_attribute("d")
    assert [float(part) for part in re.split("[ V]", crosshair)[1:]] == pytest.approx([boxes[0][1], boxes[-1][1] + boxes[-1][3]])
    tip, figure = chart.tip.bounding_box(), chart.figure.bounding_box()
    assert figure["x"] - 1 <= tip["x"]
    assert tip["x"] + tip["width"] <= figure["x"] + figure["width"] + 1
    assert chart.svg.evaluate("one => getComputedStyle(one).touchAction") == "pan-y"
    chart.button("linear scale").tap()
    assert chart.moved
    chart.twice("2025-03-03")
    assert not chart.moved
    chart.page.locator("h1").tap()
    assert not chart.tip.is_visible()
    scrolled = chart.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert scrolled[0] <= scrolled[1]


def test_every_chart_over_time_answers_and_paper_has_the_drawing(opened, results):
    chart = opened()
    charts = chart.page.locator("svg.wide[data-chart]")
    assert charts.count() >= 8
    for box in charts.all():
        box.evaluate("one => one.scrollIntoView({ block: 'center' })")
        at = box.bounding_box()
        chart.page.mouse.move(at["x"] + 0.4 * at["width"], at["y"] + 0.4 * at["height"])
        figure = box.locator("xpath=..")
        assert figure.locator(".reading").is_visible(), box.get_attribute("id")
        assert figure.locator(".reading b").count() > 0
    chart.button("linear scale").click()
    chart.page.emulate_media(media="print")
    assert not chart.figure.locator(".keys").is_visible()
    assert not chart.svg.locator(":scope > .over").is_visible()
    assert chart.svg.locator(":scope > text").first.is_visible()


def test_a_stack_of_shares_stays_one_upon_the_other(opened, results):
    chart = opened(anchor="holdings-1-chart")
    chart.page.mouse.move(*chart.at("2025-03-03"))
    day, _, values = chart.read()
    book = results[NAME].books["leaders"]
    for ticker, share in book.realised.loc[:day].iloc[-1].items():
        name = results[NAME].names[ticker].name
        assert number(values.get(name, "0")) == pytest.approx(share, abs=6e-4)
    heights = chart.svg.locator(".cross circle").evaluate_all("all => all.map(one => Number(one.getAttribute('cy')))")
    assert all(after < former for former, after in pairwise(heights))
