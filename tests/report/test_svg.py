"""The paths of a chart in the page: fewer letters, the same points."""

import re

import numpy as np
import pytest

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
    data = "M " + "\nL ".join(f"{x:.6f} {y:.6f}" for x, y in drawn)
    short = path(data)
    assert len(short) < len(data) / 3
    walked = points(short)
    nearest = np.abs(walked[:, None] - drawn[None, ::40]).max(axis=2).min(axis=0)
    assert nearest.max() <= 0.05 + 1e-9
    assert walked[-1] == pytest.approx(drawn[-1], abs=0.05)


def test_a_closed_shape_goes_back_to_its_own_start_before_the_next():
    assert path("M 10 20 L 15 20 L 15 12.5 z M 1 2 L 3 2 z") == "m10 20l5 0 0-7.5zm-9-18l2 0z"


def test_a_path_of_curves_keeps_its_letters_and_loses_digits():
    assert path("M 0 2.50001 \nC 0.66 2.5 1.29 2.23 1.76 1.76 z") == "M 0 2.5 C .7 2.5 1.3 2.2 1.8 1.8 z"


def test_a_long_shape_keeps_its_edge_to_a_pixel_in_far_fewer_points_and_a_short_one_every_point():
    along = np.linspace(62, 702, 870)
    edge = 100 + np.cumsum(np.random.default_rng(3).normal(0, 0.7, 870))
    around = [*zip(along, edge, strict=True), *((x, 60.0) for x in reversed(along))]
    short = thinned("M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in around) + " z")
    points = np.array([[float(number) for number in part.split()] for part in short.strip("M z").split("L")])
    assert len(points) < len(around) / 4
    upper = points[points[:, 1] > 61]
    assert np.abs(np.interp(along, upper[:, 0], upper[:, 1]) - edge).max() < 1.7  # steep steps move sideways by half a pixel
    assert short.endswith("z")
    assert thinned("M 1 2 L 3 4 L 5 6 z") == "M 1 2 L 3 4 L 5 6 z"
    assert thinned("M 0 2.5 C 0.66 2.5 1.29 2.23 1.76 1.76 z") == "M 0 2.5 C 0.66 2.5 1.29 2.23 1.76 1.76 z"
