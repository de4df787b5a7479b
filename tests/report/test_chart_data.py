"""What a chart carries for the page's script: the series it shows, in few letters, read back here by a reader of its own."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from backtest.report.charts import canvas, encoding
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Look
from backtest.report.charts.series import curve, record, stack
from backtest.thesis import load_thesis
from backtest.thesis.windows import Window

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
SESSIONS = pd.bdate_range("2024-01-02", periods=300).delete([30, 31, 77])
WINDOWS = (Window("spring", pd.Timestamp("2024-03-01"), pd.Timestamp("2024-05-31"), pd.Timestamp("2024-09-02")),)


def integers(text):
    """Read integers as a reader of source maps does."""
    numbers, bits = [], ""
    for letter in text:
        digit = f"{LETTERS.index(letter):06b}"
        bits = digit[1:] + bits
        if digit[0] == "0":
            numbers.append(int(bits[:-1], 2) * (-1 if bits[-1] == "1" else 1))
            bits = ""
    return numbers


def days(text):
    week, first, *steps = integers(text)
    at = [first]
    for number, step in enumerate(steps):
        at += [at[-1] + n for n in range(1, step + 1)] if number % 2 == 0 else [at[-1] + step]
    return [pd.Timestamp("1970-01-01") + pd.Timedelta(days=day // week * 7 + day % week - 3) for day in at]


def series_of(data):
    """Return each series by name, as values by day."""
    lines = {}
    for row in data["series"]:
        values = np.cumsum(integers(row["values"])) * row["unit"]
        values = np.exp(values) if row.get("log") else values
        values[row.get("missing", [])] = np.nan
        lines[row["name"]] = pd.Series(values, days(data["days"][row["days"]]))
    return lines


def charts_of(html):
    """Return the data of each chart of a page that has any, by the id of its drawing."""
    charts = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            given = dict(attrs)
            if "data-chart" in given:
                charts[given["id"]] = json.loads(given["data-chart"])

    Reader().feed(html)
    return charts


@pytest.fixture
def drawn():
    """Return a function that draws a chart over the sessions by another function, and gives its data."""

    def make(draw, overlaid=True):
        def whole(size):
            figure, drawn = canvas.panels(size, (60, 40))
            if overlaid:
                canvas.timeline(size, drawn, WINDOWS, SESSIONS[0], SESSIONS[-1])
            draw(*drawn)
            return figure

        chart = canvas.chart("a", "A chart", "", whole)
        return charts_of(chart.wide), charts_of(chart.narrow)

    return make


def line(seed=1, scale=0.02):
    return pd.Series(np.exp(np.cumsum(np.random.default_rng(seed).normal(0, scale, len(SESSIONS)))), SESSIONS)


def test_integers_and_days_come_back():
    numbers = [0, 1, -1, 15, -15, 16, -16, 511, 512, -(2**29), 2**29]
    assert integers(encoding.integers(numbers)) == numbers
    weekend = pd.DatetimeIndex(["2024-03-31", "2024-04-01", "2024-04-02", "2024-06-30"])
    for index in (SESSIONS, weekend, SESSIONS[:1], pd.date_range("1969-12-20", periods=40)):
        assert days(encoding.days(canvas.sessions(index).tolist())) == list(index)


def test_a_day_of_a_year_of_sessions_takes_a_fraction_of_a_letter_and_a_price_two():
    assert len(encoding.days(canvas.sessions(SESSIONS).tolist())) < 20
    assert len(encoding.values(line().tolist(), encoding.LEAST_LOG_STEP, log=True)) < 2.1 * len(SESSIONS)


def test_a_curve_comes_back_to_five_digits_and_in_percent_to_a_hundredth(drawn):
    ours, other = line(), line(2) - 1.0

    def draw(above, below):
        above.y.log = True
        curve(above, "ours", ours, Look(light("blue"), (0, (6, 2)), 2.0))
        curve(below, "other", other, Look(light("muted"), fill=0.3), error=other.abs())
        canvas.title(above, "value, log scale", canvas.SIZES[0], top=True)
        canvas.percent_axis(below)

    wide, narrow = drawn(draw)
    data = wide["a-wide"]
    read = series_of(data)
    assert list(read["ours"].index) == list(SESSIONS)
    assert (read["ours"] / ours - 1.0).abs().max() <= 2.6e-5
    assert (read["other"] - other).abs().max() <= 0.51e-4
    assert [(row["colour"], row.get("dash"), row["width"]) for row in data["series"]] == [
        ("blue", "12 4", 2.0),
        ("muted", None, 1.6),
    ]
    ranges = [panel.pop("range") for panel in data["panels"]]
    assert data["panels"] == [{"title": "value, log scale", "log": True}, {"title": "", "percent": True}]
    assert all(low <= values.min() < values.max() <= high for (low, high), values in zip(ranges, (ours, other), strict=True))
    edges = [np.cumsum(integers(data["series"][1][edge])) * data["series"][1]["unit"] for edge in ("low", "high")]
    assert edges[1] - edges[0] == pytest.approx(2 * other.abs().to_numpy(), abs=1.1e-4)
    assert data["span"] == canvas.sessions(SESSIONS[[0, -1]]).tolist()
    assert data["spans"] == [[canvas.days(WINDOWS[0].start), canvas.days(WINDOWS[0].end), "band", "spring"]]
    assert data["written"] == canvas.days(WINDOWS[0].written)
    assert data["boxes"] == [[62, 50, 640, 60], [62, 136, 640, 40]]
    assert narrow["a-narrow"] == {"boxes": [[44, 50, 212, 60], [44, 136, 212, 40]]}


def test_days_without_a_value_inside_a_series_are_said_and_those_at_its_ends_left_out(drawn):
    ours = line()
    ours.iloc[[0, 1, 50, -1]] = np.nan
    wide, _ = drawn(lambda above, below: record(above, "ours", ours, Look(light("blue"))))
    read = series_of(wide["a-wide"])["ours"]
    assert list(read.index) == list(SESSIONS[2:-1])
    assert list(read.index[read.isna()]) == [SESSIONS[50]]


def test_a_stack_has_each_share_and_series_of_the_same_days_share_them(drawn):
    look = Look(light("green"), width=0, fill=0.5)
    shares = [("one", pd.Series(0.4, SESSIONS), look), ("two", pd.Series(0.25, SESSIONS), look)]
    wide, _ = drawn(lambda above, below: stack(above, [*shares, *shares]))
    assert len(wide["a-wide"]["series"]) == 4
    read = series_of(wide["a-wide"])
    assert len(wide["a-wide"]["days"]) == 1
    assert {name: values.iloc[-1] for name, values in read.items()} == pytest.approx({"one": 0.4, "two": 0.25})


def test_a_name_cannot_end_its_attribute(drawn):
    evil = "'\"><script>alert(1)</script>&amp;\u202e"
    wide, _ = drawn(lambda above, below: curve(above, evil, line(), Look(light("blue"))))
    assert wide["a-wide"]["series"][0]["name"] == evil


@pytest.mark.parametrize(
    "draw", [lambda above, below: None, lambda above, below: curve(above, "x", line()[:1], Look(light("blue")))]
)
def test_a_chart_without_a_series_has_no_data(draw, drawn):
    assert drawn(draw) == ({}, {})


def test_a_chart_that_is_not_over_time_has_no_data(drawn):
    assert drawn(lambda above, below: curve(above, "x", line(), Look(light("blue"))), overlaid=False) == ({}, {})


def test_a_page_has_every_value_of_every_book_its_twin_and_its_charted_benchmarks(results, pages):
    for name in ("supply_chain_excess", "theme_baskets"):
        charts = charts_of(pages[name])
        for number, book in enumerate(results[name].books.values(), start=1):
            read = series_of(charts["outcome-value-wide" if len(results[name].books) == 1 else f"book-{number}-value-wide"])
            wanted = {book.basket.replace("_", " "): book.equity / book.equity.iloc[0]}
            if book.control is not None:
                wanted["signal always on"] = book.control.equity["twin"] / book.control.equity["twin"].iloc[0]
            names = results[name].names
            wanted |= {names[t].name: (book.benchmarks[t] / book.equity.iloc[0]).dropna() for t in book.charted}
            assert set(read) == set(wanted) | {"drawdown"}
            for key, values in wanted.items():
                assert list(read[key].index) == list(values.index)
                assert (read[key] / values - 1.0).abs().max() < 2.6e-5
            assert read["drawdown"].min() == pytest.approx(book.windows["whole"].max_drawdown, abs=1e-4)


def test_the_events_of_a_chart_are_of_the_markets_of_its_book_and_largest_of_a_window(results, pages):
    result = results["supply_chain_excess"]
    shown = charts_of(pages["supply_chain_excess"])["outcome-value-wide"]["events"]
    largest = {row.session for by_market in result.catalysts.values() for row in by_market["XSHG"].largest}
    moments = [f"{pd.Timestamp('1970-01-01') + pd.Timedelta(days=day):%Y-%m-%d}" for day, _ in shown]
    assert set(moments) == largest
    assert moments == sorted(moments)
    assert "Sora text-to-video shown" in dict(zip(moments, (text for _, text in shown), strict=True))["2024-02-19"]
    assert load_thesis().universe.market_and_currency()[result.books["leaders"].members[0]][0] in ("XSHG", "XSHE")


def test_no_page_draws_a_value_twice_for_another_scale(pages):
    assert not re.search(r'id="book-\d+-linear', "".join(pages.values()))
