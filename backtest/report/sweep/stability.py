"""Whether what was best in sample stayed good: the regimes, the days after the thesis, and the order of all settings."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from backtest.formatting import DASH, counted, known, number, percent
from backtest.report.charts.canvas import Size, chart, panels, title
from backtest.report.charts.colours import light
from backtest.report.charts.drawing import Drawing
from backtest.report.components import Block, Cell, Chart, Column, Fold, Rows, Section, Span, Table, Text
from backtest.report.formatting import GROUPS, day, spans
from backtest.report.sweep.search import Mask, Search
from backtest.statistics.refusal import FEWEST_OBSERVATIONS
from backtest.thesis.windows import IN_SAMPLE, OUT_OF_SAMPLE

BINS = 28  # of either axis of the picture
KEPT = 0.3  # rank correlation from which the order is said to be kept, or below its negative to be turned around
RULE = (
    f"The order is kept from a rank correlation of {KEPT} on, turned around from −{KEPT} down. Choosing in sample paid where the "
    "order was kept and the best tenth had more than all out of sample; it cost where the order was turned around and the best "
    "tenth had less; anything else shows neither. The correlation has no p-value: settings are no independent observations."
)


def section(search: Search) -> Section:
    """Return what became of the settings chosen in sample, their figures per window, and the order of all of them."""
    blocks: list[Block] = [Text(_sentence(search))]
    both = search.ratios(IN_SAMPLE).notna() & search.ratios(OUT_OF_SAMPLE).notna()
    if both.any():
        blocks += [_chart(search, both.to_numpy())]
    blocks += [Fold("By window, and the rule of the words", (_table(search), Text(RULE, "small")))]
    if search.chosen > search.written:
        blocks.append(
            Text(
                f"Hindsight: the names that every setting can hold were chosen on {day(search.chosen)}, by people who knew the "
                "days after the thesis too; out of sample holds for the setting, not for the names.",
                "small",
            )
        )
    return Section("stability", "Whether the best region lasts", tuple(blocks))


def _sentence(search: Search) -> str:
    top, inside, after = search.top_in_sample, search.ratios(IN_SAMPLE), search.ratios(OUT_OF_SAMPLE)
    if not top.any():
        return f"No setting has a Sharpe ratio in sample (to {day(search.written)}): no region can be chosen there and followed."
    many = counted(int(top.sum()), search.rows)
    chosen = f"The best tenth by Sharpe ratio in sample ({many}) had a median of {number(inside[top].median())} there"
    if not known(after[top].median()):
        return f"{chosen}; after it there is no Sharpe ratio, so whether it lasted is not known."
    gain, correlation = float(after[top].median() - after.median()), rank_correlation(search)
    return (
        f"{chosen}, against {number(inside.median())} of all{search.having(IN_SAMPLE)}. Out of sample, after "
        f"{day(search.written)}, it had {number(after[top].median())}{search.having(OUT_OF_SAMPLE, top)} against "
        f"{number(after.median())}{search.having(OUT_OF_SAMPLE)}. {_order(correlation)} {conclusion(gain, correlation)}"
        f"{_doubt(search)}"
    )


def conclusion(gain: float, correlation: float) -> str:
    """Return what choosing in sample did: one reading of the best tenth's gain out of sample and the order of all settings."""
    gain = round(gain, 2)
    if not known(correlation):
        return "Whether choosing in sample pays is not known."
    if abs(correlation) < KEPT:
        return "Choosing in sample is not shown to pay: their order was neither kept nor turned around."
    order = "was kept" if correlation > 0 else "was turned around"
    if gain * correlation > 0:
        return f"Choosing in sample {'paid' if gain > 0 else 'cost'} {number(abs(gain))}: their order {order}."
    return f"Choosing in sample is not shown to pay: their order {order}, but not for the best tenth."


def _doubt(search: Search) -> str:
    """Return the standard error of a ratio out of sample, beside which any gain is small."""
    (span,) = (window for window in search.windows if window.name == OUT_OF_SAMPLE)
    years = (span.end - span.start) / pd.Timedelta(days=365.25)
    return f" One ratio out of sample has a standard error of about {number(years**-0.5)}."


def rank_correlation(search: Search) -> float:
    """Return Spearman's correlation of all rows' ratios in sample and out of it; NaN where either never varies."""
    both = pd.DataFrame({"in": search.ratios(IN_SAMPLE), "out": search.ratios(OUT_OF_SAMPLE)}).dropna().rank()
    return float(both["in"].corr(both["out"])) if len(both) > 2 and (both.max() > both.min()).all() else float("nan")


def _order(correlation: float) -> str:
    if not known(correlation):
        return "The order of the settings in sample and out of it cannot be compared: they do not differ there."
    return f"The rank correlation of all settings' Sharpe ratios in sample and out of it is {number(correlation)}."


def _table(search: Search) -> Table:
    every = np.ones(len(search.table), dtype=bool)
    regions = (
        ("All", every),
        ("Best tenth in sample", search.top_in_sample),
        ("Best in sample and its neighbours", search.around_best_in_sample),
    )
    columns = (
        Column("Window"),
        *(
            column
            for _ in regions
            for column in (
                Column("Return", True, term="Median return"),
                Column("Sharpe", True, term="Median Sharpe of settings"),
            )
        ),
    )
    heads = (Span("", 1), *(Span(f"{name} ({int(region.sum()):,})", 2) for name, region in regions))
    groups = []
    for sample, words in GROUPS.items():
        rows = tuple(
            (
                Cell(name, note=f"{day(window.start)} to {day(window.end)}"),
                *(cell for _, region in regions for cell in _cells(search, window.name, region)),
            )
            for name, window in spans(search.windows)
            if window.sample == sample
        )
        groups += [Rows(rows, words, sample)] if rows else []
    caption = "Settings by window: the median and, below it, the quartiles. Regions are chosen in sample alone"
    return Table(caption, columns, tuple(groups), heads)


def _cells(search: Search, window: str, region: Mask) -> tuple[Cell, Cell]:
    returns, ratios = search.returns(window)[region].dropna(), search.ratios(window)[region].dropna()
    none = f"under {FEWEST_OBSERVATIONS} returns" if region.any() else "no region"
    return _quartiles(returns, percent, ""), _quartiles(ratios, number, none, search.having(window, region))


def _quartiles(values: pd.Series, written: Callable[[float], str], none: str, having: str = "") -> Cell:
    """Return the median with the quartiles below it and of how many they are, or why there is none."""
    if not len(values):
        return Cell(DASH, note=none)
    low, middle, high = (float(values.quantile(part)) for part in (0.25, 0.5, 0.75))
    return Cell(written(middle), note=f"{written(low)} to {written(high)}{having}")


def _chart(search: Search, both: Mask) -> Chart:
    label = (
        f"Map of {counted(int(both.sum()), search.rows)} by Sharpe ratio in sample, across, and out of sample, up. Rank "
        f"correlation {number(rank_correlation(search))}. Medians and quartiles are in the table below."
    )
    caption = (
        "Every setting by its Sharpe ratio in sample (across) and out of sample (up); the darker, the more. The lines are "
        "the medians of all; the crosses are the best tenth in sample. Were the order kept, the cloud would rise to the right."
    )
    return chart("stability-drawn", label, caption, lambda size: _draw(replace(size, right=16), search, both))


def _draw(size: Size, search: Search, both: Mask) -> Drawing:
    figure, (axes,) = panels(size, (250,), top=24, bottom=40)
    x, y, top = (
        search.ratios(IN_SAMPLE)[both].to_numpy(),
        search.ratios(OUT_OF_SAMPLE)[both].to_numpy(),
        search.top_in_sample[both],
    )
    (left, right), (low, high) = _ends(x), _ends(y)
    counts, across, up = np.histogram2d(x, y, BINS, ((left, right), (low, high)))
    chosen = np.histogram2d(x[top], y[top], (across, up))[0]
    for column, row in zip(*np.nonzero(counts), strict=True):
        opacity = 0.2 + 0.7 * float(np.log1p(counts[column, row]) / np.log1p(counts.max()))
        width, height = across[1] - across[0], up[1] - up[0]
        ends = (across[column], across[column] + width), (up[row], up[row] + height)
        axes.bars(*ends, light("blue"), round(opacity, 2))
        if chosen[column, row]:
            axes.marks([across[column] + width / 2], [up[row] + height / 2], "x", color=light("ink"), ms=4, mew=1)
    axes.axvline(float(np.median(x)), color=light("ink"), lw=1, ls=(0, (4, 2)))
    axes.axhline(float(np.median(y)), color=light("ink"), lw=1, ls=(0, (4, 2)))
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    axes.locator_params(nbins=5)
    axes.set_xlabel("Sharpe ratio in sample, per year")
    title(axes, "Sharpe ratio out of sample, per year", size)
    return figure


def _ends(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of an axis: those of the values and a little more."""
    room = max(float(np.ptp(values)) * 0.04, 0.05)
    return float(values.min()) - room, float(values.max()) + room
