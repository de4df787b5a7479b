"""What the best setting is read beside: the median of all, the strategy as its file declares it, and the benchmark."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from backtest.errors import BacktestError
from backtest.panel import Archive
from backtest.strategy import StrategySpec
from backtest.sweeps.columns import DIFFERENCE, SHARPE, TOTAL_RETURN, TWIN_RETURN, TWIN_SHARPE
from backtest.sweeps.evaluator import Curve, Evaluator
from backtest.sweeps.figures import Curves, window_figures
from backtest.sweeps.results import BENCHMARK, DECLARED, MEDIAN, BestSetting, Compared, WindowFigures
from backtest.sweeps.settings import Settings
from backtest.sweeps.table import SettingsTable
from backtest.thesis.windows import Window

NAMES = (TOTAL_RETURN, SHARPE, TWIN_RETURN, TWIN_SHARPE, DIFFERENCE)


def compared_rows(
    table: SettingsTable,
    best: BestSetting,
    settings: Settings,
    archive: Archive,
    days: pd.DatetimeIndex,
    windows: Sequence[Window],
) -> tuple[Compared, ...]:
    """Return the rows that the best setting is read beside, measured on the days that all settings share."""
    evaluator = Evaluator(archive, archive.thesis.universe)
    return tuple(_rows(table, best, settings, evaluator, days, windows))


def _rows(
    table: SettingsTable,
    best: BestSetting,
    settings: Settings,
    evaluator: Evaluator,
    days: pd.DatetimeIndex,
    windows: Sequence[Window],
) -> Iterator[Compared]:
    medians = {window.name: _medians(table, window) for window in windows}
    yield Compared(MEDIAN, medians)
    declared = settings.spec
    book = best.book if best.book in declared.books else next(iter(declared.books))
    curve = None
    with suppress(BacktestError):  # what the file declares may not run where every setting of the grid does
        curve = next(curve for curve in evaluator.curves([declared]) if curve.book == book)
    if curve is not None and days.isin(curve.sessions).all():
        yield Compared(DECLARED, _measured(_on(curve, days), days, windows, curve.periods), declared.spec_id)
    spec = settings[best.number][1]
    yield from _benchmark(evaluator, spec, best, days, windows)


def _benchmark(
    evaluator: Evaluator, spec: StrategySpec, best: BestSetting, days: pd.DatetimeIndex, windows: Sequence[Window]
) -> Iterator[Compared]:
    declared = evaluator.universe.comparisons(spec.books[best.book])[:1]
    if declared:
        values = evaluator.benchmark(spec, best.book).reindex(days).to_numpy(float)
        curves = Curves(values[:, np.newaxis], None, np.array([-1]))
        yield Compared(BENCHMARK, _measured(curves, days, windows, best.periods), declared[0].ticker)


def _medians(table: SettingsTable, window: Window) -> WindowFigures:
    """Return the median of every figure by itself: not of one setting."""
    given = {name: table[f"{name} {window.name}"] for name in NAMES if f"{name} {window.name}" in table}
    return _window({name: float(values.median()) for name, values in given.items()})


def _on(curve: Curve, days: pd.DatetimeIndex) -> Curves:
    """Return a curve and that of its twin on some days."""
    positions = curve.sessions.get_indexer(days)
    twins = None if curve.twin is None else curve.twin[positions, np.newaxis]
    return Curves(curve.values[positions, np.newaxis], twins, np.array([0]))


def _measured(curves: Curves, days: pd.DatetimeIndex, windows: Sequence[Window], periods: int) -> Mapping[str, WindowFigures]:
    figures = {window.name: window_figures(curves, days, window, np.array([periods])) for window in windows}
    return {name: _window({kind: float(value[0]) for kind, value in row.items()}) for name, row in figures.items()}


def _window(figures: Mapping[str, float]) -> WindowFigures:
    return WindowFigures(**{TOTAL_RETURN: np.nan, SHARPE: np.nan, **figures})
