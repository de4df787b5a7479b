"""The panels of charts: limits, ticks and their words as matplotlib has them, and what is hidden outside."""

import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from backtest.report.charts.axes import Axes, Box
from backtest.report.charts.drawing import Drawing
from backtest.report.charts.scales import Scale

RNG = np.random.default_rng(11)
SPANS = [tuple(sorted(RNG.normal(0, 10.0**power, 2))) for power in range(-3, 6) for _ in range(6)]
BOX = Box(60, 20, 640, 200)


def ours(low, high, **settings):
    scale = Scale(220, -200, **settings)
    scale.see([low, high])
    return scale


def theirs(low, high, margin=0.05, bins=None):
    """Return limits, ticks within them and their words of matplotlib's axis of y, 200 pixels high with letters of 11."""
    with mpl.rc_context():
        mpl.rcdefaults()  # another library may have set a style
        mpl.rcParams.update({"font.size": 11, "axes.formatter.useoffset": False, "axes.formatter.limits": (-9, 9)})
        axes = Figure(figsize=(10, 10), dpi=72).add_axes((0, 0, 1, 200 / 720))
        axes.plot([0, 1], [low, high])
        axes.margins(y=margin)
        if bins:
            axes.locator_params(axis="y", nbins=bins)
        limits = axes.get_ylim()
        ticks = [tick for tick in axes.get_yticks() if limits[0] <= tick <= limits[1]]
        axes.yaxis.get_major_formatter().set_locs(axes.get_yticks())
        return limits, ticks, [axes.yaxis.get_major_formatter()(tick) for tick in ticks]


@pytest.mark.parametrize(("margin", "bins"), [(0.05, None), (0.2, 5), (0.05, 4), (0.05, 3)])
def test_limits_and_ticks_are_those_of_matplotlib_and_words_the_same_numbers(margin, bins):
    for low, high in SPANS:
        scale, (limits, ticks, words) = ours(low, high, margin=margin, steps=bins), theirs(low, high, margin, bins)
        own_ticks, own_words = scale.ticks(11)
        assert scale.limits() == pytest.approx(limits)
        assert own_ticks == pytest.approx(ticks, abs=1e-9 * (high - low))
        assert [float(word.replace("−", "-")) for word in own_words] == pytest.approx(ticks, abs=1e-9 * (high - low))
        assert all(len(own) <= len(word) for own, word in zip(own_words, words, strict=True))


def test_a_value_stands_where_it_is_drawn_on_both_kinds_of_axis():
    scale = ours(0.0, 1.0, margin=0.0)
    assert scale.places([0.0, 0.25, 1.0]).tolist() == [220, 170, 20]
    logarithmic = ours(0.1, 10.0, margin=0.0, log=True)
    assert logarithmic.places([0.1, 1.0, 10.0]) == pytest.approx([220, 120, 20])
    assert logarithmic.at(0.0) == 1e4  # out of sight, not out of numbers


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
def test_an_axis_over_one_value_has_room_around_it(value):
    low, high = ours(value, value).limits()
    assert low < value < high


def test_what_reaches_out_of_a_panel_is_hidden_there_and_what_does_not_needs_no_hiding():
    figure = Drawing(860, 260, 11)
    axes = figure.add_axes(BOX)
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    axes.plot([0, 10], [0.2, 0.8], color="#0072b2")
    assert "clip" not in figure.element("a", "A line", "wide")
    axes.plot([0, 10], [0.2, 1.8], color="#0072b2")
    drawn = str(figure.element("a", "A line", "wide"))
    (clip,) = re.findall(r'<clipPath id="([^"]+)"><rect x="60" y="20" width="640" height="200"/>', drawn)
    assert drawn.count(f'clip-path="url(#{clip})"') == 1


def test_a_line_breaks_where_a_value_is_missing_and_a_step_holds():
    axes = Axes(BOX, 11)
    axes.set_axis_off()
    axes.set_xlim(0, 4)
    axes.set_ylim(0, 1)
    axes.plot([0, 1, 2, 3, 4], [0, 1, np.nan, 0, 1], color="#0072b2")
    axes.plot([0, 2, 4], [0, 1, 0], color="#0072b2", steps=True)
    broken, stepped = (re.findall(r' d="([^"]+)"', part)[0] for part in axes.written() if part)
    assert broken == "m60 220l160-200m320 200l160-200"
    assert stepped == "m60 220l320 0 0-200 320 0 0 200"


def test_what_is_filled_lies_under_lines_and_a_grid_under_both():
    axes = Axes(BOX, 11)
    axes.below = True
    axes.grid("y", color="#dcdcdc", lw=0.7)
    axes.plot([0, 1], [0, 1], color="#0072b2")
    axes.fill_between([0, 1], [0, 1], [0, 0], color="#d55e00", alpha=0.5)
    drawn = "".join(axes.written())
    levels = [drawn.rindex(f"var(--{colour})") for colour in ("grid", "vermillion", "blue", "muted")]
    assert levels == sorted(levels)
