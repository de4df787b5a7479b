"""Plots of a notebook: each takes tables of pandas and matplotlib axes (None: new ones) and returns the axes.

matplotlib is loaded by the first plot. Colours and sizes are those of the user's own style.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes


def lines(table: pd.DataFrame, title: str, label: str, ax: "Axes | None" = None) -> "Axes":
    """Draw every column over its index, on a logarithmic axis; the first column is drawn strongest."""
    drawn = _axes(ax)
    for number, (name, column) in enumerate(table.items()):
        values = column.dropna()
        drawn.plot(values.index, values.to_numpy(), label=str(name), linewidth=2.0 if number == 0 else 1.0)
    drawn.set_yscale("log")
    return _labelled(drawn, title, label)


def bars(values: pd.Series, title: str, label: str, ax: "Axes | None" = None) -> "Axes":
    """Draw a bar for each value, the first on top; a value that is missing is a gap."""
    drawn = _axes(ax)
    drawn.barh([str(name) for name in values.index], values.to_numpy(dtype=float))
    drawn.invert_yaxis()
    drawn.axvline(0.0, color="black", linewidth=0.8)
    drawn.set_title(title)
    drawn.set_xlabel(label)
    return drawn


def points(table: pd.DataFrame, title: str, label: str, ax: "Axes | None" = None) -> "Axes":
    """Draw every column as a line with points over the values of the index."""
    drawn = _axes(ax)
    positions, names = np.arange(len(table)), [str(value) for value in table.index]
    for name, column in table.items():
        drawn.plot(positions, column.to_numpy(dtype=float), marker="o", label=str(name))
    drawn.set_xticks(positions, names)
    drawn.set_xlabel(str(table.index.name or ""))
    return _labelled(drawn, title, label)


def heat(table: pd.DataFrame, title: str, label: str, ax: "Axes | None" = None) -> "Axes":
    """Draw a table as a map of colours, its figures in the cells where there is room."""
    drawn = _axes(ax)
    figures = table.to_numpy(dtype=float)
    image = drawn.imshow(figures, aspect="auto", origin="lower")
    drawn.set_xticks(np.arange(table.shape[1]), [str(value) for value in table.columns])
    drawn.set_yticks(np.arange(table.shape[0]), [str(value) for value in table.index])
    drawn.set_xlabel(str(table.columns.name or ""))
    drawn.set_ylabel(str(table.index.name or ""))
    drawn.set_title(title)
    drawn.figure.colorbar(image, ax=drawn, label=label)
    return drawn


def _axes(ax: "Axes | None") -> "Axes":
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]


def _labelled(drawn: "Axes", title: str, label: str) -> "Axes":
    drawn.set_title(title)
    drawn.set_ylabel(label)
    drawn.legend()
    return drawn
