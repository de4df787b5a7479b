"""A strategy is run over a grid of settings."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backtest.api.inputs import load_archive
from backtest.data.archive import narrowed
from backtest.panel import Archive
from backtest.strategy import StrategySpec
from backtest.sweeps.finished import Sweep
from backtest.sweeps.grid import DEFAULT_GRID, Grid, grid_of
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.stages import run_sweep
from backtest.thesis import Thesis
from backtest.thesis.strategies import grid_path


def sweep(
    spec: StrategySpec,
    grid: Mapping[str, Any] | str | Path | None = None,
    archive: Archive | None = None,
    *,
    out: str | Path = "reports",
    workers: int | None = None,
    resume: bool = False,
    tag: str | None = None,
) -> Sweep:
    """Return what came of every setting of a grid under full rules, and what the search for the best of them is worth.

    grid: values by field, like {"lag": [1, 2], "weights.above": [0.0, 0.1]}; or a document with the keys of a grid's file
        (`settings`, `exclude`, `most`, `expect`); or that file, or the name of a shipped one. None: rhythms, lags and slippages.
    archive: as in `run`.
    out: the folder of reports; curves are written to `sweeps/STRATEGY` there, and with `resume` those that are there are used.
    workers: processes; None is one a core, and one for a strategy that has no file to be sent with.
    tag: write to `sweeps/STRATEGY--TAG`.

    Every setting counts in the ledger of trials. Raises ConfigurationError for a field or value that a setting refuses.

    >>> import backtest as bt
    >>> tried = bt.sweep(bt.load_strategy("supply_chain_excess"), {"lag": [1, 2], "weights.above": [0.0, 0.1]})
    >>> tried.summary.settings
    4
    """
    known = archive or load_archive()
    processes = workers if spec.file is not None else 1
    options = SweepOptions(
        spec.file, _grid(grid, known.thesis), Path(out), _command(spec, grid), resume=resume, workers=processes, tag=tag
    )  # fmt: skip
    made = run_sweep(spec, known.thesis, lambda tickers: narrowed(known, tickers), options)
    assert made is not None  # only a shard of a sweep has no result
    return made


def _grid(grid: Mapping[str, Any] | str | Path | None, thesis: Thesis) -> Grid | Path:
    """Return a grid of values by field or of a whole document, or the path of its file."""
    if grid is None:
        return DEFAULT_GRID
    if isinstance(grid, str | Path):
        return grid_path(Path(grid), thesis)
    document = grid if "settings" in grid else {"settings": grid}
    return grid_of(_plain(document), "grid")


def _plain(value: Any) -> Any:
    """Return a value as TOML would give it: tuples, ranges, and arrays as lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_plain(part) for part in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def _command(spec: StrategySpec, grid: Mapping[str, Any] | str | Path | None) -> str:
    """Return what makes a sweep again: the command where strategy and grid are files, else the call."""
    if spec.file is None or isinstance(grid, Mapping):
        return f"backtest.sweep({spec.name}, grid, archive)"
    return shlex.join(["capex-backtest", "sweep", str(spec.file), *(["--grid", str(grid)] if grid else [])])
