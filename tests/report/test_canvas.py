"""The cache of drawings: a chart is drawn again where anything that it depends on is another, and only there."""

import pandas as pd
import pytest

from backtest.report.charts import canvas

sizes_drawn: list[canvas.Size] = []


def line(size, values):
    sizes_drawn.append(size)
    figure, (axes,) = canvas.panels(size, (50,))
    axes.plot(range(len(values)), list(values))
    return figure


@pytest.fixture
def drawn(monkeypatch):
    """Return a function that draws some values as a chart and gives it with the number of drawings made for it."""
    monkeypatch.setattr(canvas, "cached", {})

    def make(values, anchor="line", label="A line"):
        before = len(sizes_drawn)
        return canvas.chart(anchor, label, "", lambda size: line(size, values)), len(sizes_drawn) - before

    return make


def test_equal_values_are_drawn_once_and_others_again(drawn):
    values = pd.Series([1.0, 2.0, 3.0])
    first, made = drawn(values)
    assert made == 2
    assert drawn(values.copy()) == (first, 0)
    assert drawn(pd.Series([1.0, 2.0, 3.0000001]))[1] == 2
    for change in ({"anchor": "other"}, {"label": "Another"}):
        changed, made = drawn(values, **change)
        assert made == 2
        assert changed.wide != first.wide


def test_a_value_without_bytes_is_drawn_each_time(drawn):
    values = {1.0: lambda: 0, 2.0: lambda: 0}
    first, made = drawn(values)
    assert made == 2
    assert drawn(values) == (first, 2)


def test_the_oldest_drawing_makes_room(drawn, monkeypatch):
    monkeypatch.setattr(canvas, "MOST_CACHED", 4)
    for value in (1.0, 2.0, 3.0):
        drawn([value, value])
    assert len(canvas.cached) == 4
    assert [drawn([value, value])[1] for value in (3.0, 2.0, 1.0)] == [0, 0, 2]
