"""Two results as a page: both lines, the log of their ratio, and what differs, as `compare` prints it."""

import math

import pytest

from backtest.output.compare import compare
from backtest.report import render_comparison


@pytest.fixture(scope="module")
def pair(documents):
    by_name = {document["strategy"]: document for document in documents}
    return by_name["supply_chain_excess"], by_name["surprise"]


def test_both_lines_and_the_log_of_their_ratio_are_drawn(pair, read):
    a, b = pair
    page = read(render_comparison(a, b, compare(a, b)))
    paths = [next(iter(side["books"].values()))["path"] for side in pair]
    month = min(max(path) for path in paths)
    (label,) = [e["aria-label"] for tag, e in page.elements if tag == "svg" and e.get("id") == "compare-1-wide"]
    assert f"last {math.log(paths[0][month] / paths[1][month]):.3f}".replace("-", "−") in label
    assert f"A: leaders {paths[0][max(paths[0])]:,.2f}" in label


def test_every_difference_of_the_spec_stands_in_a_row(pair, read):
    a, b = pair
    rows = read(render_comparison(a, b, compare(a, b))).table("What was asked otherwise")
    assert rows["name"] == ["name", "supply_chain_excess", "surprise"]
    assert set(rows) - {"What"} == {row["at"] for row in compare(a, b)["spec"]}


def test_a_result_beside_itself_differs_in_nothing(pair, read):
    a, _ = pair
    html = render_comparison(a, a, compare(a, a))
    assert "Nothing differs in spec, prices, figures, controls and claims." in read(html).text
    assert "://" not in html.replace("http://www.w3.org", "")
