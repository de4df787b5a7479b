"""Every book of a strategy in one picture: what 1 became in each, in the colour of its theme."""

from collections.abc import Mapping, Sequence

from backtest.formatting import number
from backtest.report.charts.canvas import Size, chart, days, label_ends, last_of, log_axis, panels, timeline, title
from backtest.report.charts.colours import light, theme
from backtest.report.charts.drawing import Drawing, Look
from backtest.report.charts.series import curve
from backtest.report.components import Chart
from backtest.report.formatting import plain
from backtest.result import Book
from backtest.thesis.windows import Window


def together(anchor: str, books: Mapping[str, Book], windows: Sequence[Window]) -> Chart:
    """Draw the value of every book from 1 on, each in its own currency, on a log axis."""
    lines = {name: (book.equity / float(book.equity.iloc[0])).dropna() for name, book in books.items()}
    ends = "; ".join(f"{plain(name)} {number(last_of(line))}" for name, line in lines.items())
    caption = (
        "What 1 became in each book, in its own currency, log scale: equal slopes are equal growth. Grey bands are the thesis's "
        "regimes, blue is out of sample, the dashed line is the thesis's date."
    )
    label = f"Line chart, log scale: what 1 became in every book. Last: {ends}."

    def draw(size: Size) -> Drawing:
        figure, (axes,) = panels(size, (250 if size.name == "wide" else 190,))
        timeline(
            size, (axes,), windows, min(line.index[0] for line in lines.values()), max(line.index[-1] for line in lines.values())
        )
        log_axis(axes, [value for line in lines.values() for value in (line.min(), line.max())])
        shown = []
        for name, line in lines.items():
            colour = light(theme(name))
            curve(axes, plain(name), line, Look(colour))
            shown.append((days(line.index[-1]), float(line.iloc[-1]), f"{plain(name)} {number(float(line.iloc[-1]))}", colour))
        title(axes, "value of 1, log scale", size, top=True)
        label_ends(size, axes, shown)
        return figure

    return chart(anchor, label, caption, draw)
