"""The paths of a chart in the page: fewer letters, the same points."""

import re

import numpy as np
import pytest

from backtest.report.charts import svg
from backtest.report.charts.svg import path, thinned

NUMBER = re.compile(r"-?\d*\.?\d+")


def points(data):
    """Return the points of a path of relative steps, as a browser walks them."""
    at, begun, found = np.zeros(2), np.zeros(2), []
    for command, numbers in re.findall(r"([mlz])([^mlz]*)", data):
        steps = np.array([float(one) for one in NUMBER.findall(numbers)]).reshape(-1, 2)
        if command == "z":
            at = begun
        for step in steps:
            at = at + step
            begun = at if command == "m" else begun
            found.append(at)
    return np.array(found)


def test_a_long_line_ends_where_it_did_to_a_twentieth_of_a_pixel():
    drawn = np.cumsum(np.random.default_rng(2).normal(0, 0.7, (4000, 2)), axis=0) + 100
    short = path([drawn])
    assert len(short) < 9 * len(drawn)
    walked = points(short)
    nearest = np.abs(walked[:, None] - drawn[None, ::40]).max(axis=2).min(axis=0)
    assert nearest.max() <= 0.05 + 1e-9
    assert walked[-1] == pytest.approx(drawn[-1], abs=0.05)


def test_a_closed_shape_goes_back_to_its_own_start_before_the_next():
    shapes = [np.array([(10, 20), (15, 20), (15, 12.5)]), np.array([(1, 2), (3, 2)])]
    assert path(shapes, closed=True) == "m10 20l5 0 0-7.5zm-9-18l2 0z"


def test_what_does_not_move_has_no_path():
    assert path([np.array([(1, 2), (1.01, 2.01)])]) == svg.drawn([np.empty((0, 2))], False, "") == ""


def test_a_long_line_keeps_within_a_pixel_in_far_fewer_points_and_a_short_one_every_point():
    along = np.linspace(62, 702, 870)
    edge = 100 + np.cumsum(np.random.default_rng(3).normal(0, 0.3, 870))
    line = np.column_stack([along, edge])
    kept = thinned(line)
    assert len(kept) < len(line) / 2
    assert np.abs(np.interp(along, *kept.T) - edge).max() <= 2 * svg.NEAR
    assert (kept[[0, -1]] == line[[0, -1]]).all()
    assert len(thinned(line[: svg.LONG - 1])) == svg.LONG - 1


@pytest.mark.parametrize("jump", [40.0, -40.0, 0.0])
def test_a_jump_in_a_long_line_stays_a_jump(jump):
    line = np.column_stack([np.linspace(0, 640, 900), np.where(np.arange(900) < 450, 100.0, 100.0 + jump)])
    assert thinned(line).tolist() == line[[0, 449, 450, 898, 899] if jump else [0, 898, 899]].tolist()


def test_a_text_cannot_end_its_element_or_carry_a_letter_that_no_document_may_have():
    drawn = svg.text(1, 2, 'a</text>\x00&\x0b"b', 10)
    assert drawn == '<text style="font-size: 10px" x="1" y="2">a&lt;/text&gt;&amp;&quot;b</text>'


def test_lines_of_a_text_stand_below_one_another():
    heights = [float(y) for y in re.findall(r'y="([\d.]+)"', svg.text(0, 100, "one\ntwo", 10, va="top"))]
    assert heights == [107.6, 119.6]
