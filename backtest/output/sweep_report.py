"""Puts the page of a sweep where people read it, with the full reports of its best settings and the front page above it."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from backtest.files import atomic
from backtest.output.publish import publish, publish_index
from backtest.panel import Archive
from backtest.report import SWEEP, render, render_index
from backtest.report.sweep.checks import worth
from backtest.report.sweep.page import render_sweep
from backtest.report.sweep.search import Search, said
from backtest.report.sweep.settings import top
from backtest.runs import run
from backtest.strategy import StrategySpec
from backtest.sweeps.grid import load_grid
from backtest.sweeps.measure import Findings
from backtest.sweeps.settings import applied
from backtest.universe import load_universe

FULL = "settings"  # folder of the full reports, beside the page


def publish_sweep(
    spec: StrategySpec, archive: Archive, found: Findings, document: dict[str, Any], grid: Path, out: Path, reports: int
) -> Path:
    """Write the page of a sweep and the full reports of its best settings; return the page's path.

    Reports come first and those of an earlier sweep go last, so that no link leads nowhere whenever this is killed.
    """
    search = search_of(spec, archive, found, document, grid)
    folder = out / "sweeps" / spec.name
    told = _best(search, reports)
    for spec_id, setting in told.items():
        typer.echo(f"running setting {spec_id} of {spec.name}", err=True)
        values = ", ".join(f"{field} {said(value)}" for field, value in setting.items())
        above = replace(SWEEP, said=f"One of the best settings of a sweep: {values}. {worth(document)}")
        result = replace(run(applied(spec, setting), archive), command=document["command"])
        publish(result, render(result, above), folder / FULL, spec_id)
    linked = replace(search, reports={spec_id: f"{FULL}/{spec_id}/index.html" for spec_id in told})
    atomic.write(folder / "index.html", render_sweep(linked).encode())
    _forget(folder / FULL, list(told))
    publish_index(out, render_index)
    return folder / "index.html"


def search_of(spec: StrategySpec, archive: Archive, found: Findings, document: dict[str, Any], grid: Path) -> Search:
    """Return what the page of a sweep shows, without links to full reports."""
    universe, prices = load_universe(), archive.prices
    return Search(
        title=spec.title,
        question=spec.question,
        table=found.table,
        windows=found.windows,
        document=document,
        grid=load_grid(grid).as_dict(),
        command=document["command"],
        prices={"source": prices.source, "adjustment": prices.adjustment},
        chosen=pd.Timestamp(max(universe.basket(name).chosen for name in spec.baskets)),
        reports={},
    )


def _best(search: Search, count: int) -> dict[str, dict[str, Any]]:
    """Return the best different settings by spec_id; books of one setting share a report."""
    rows = search.table.loc[list(top(search, len(search.table))), ["spec_id", "setting"]].drop_duplicates("spec_id")[:count]
    return {str(spec_id): json.loads(setting) for spec_id, setting in zip(rows["spec_id"], rows["setting"], strict=True)}


def _forget(folder: Path, kept: Sequence[str]) -> None:
    """Remove the full reports that the page no longer leads to, and nothing else."""
    for one in folder.glob("*/"):
        if one.name not in kept and (one.name.startswith(".") or (one / "result.json").is_file()):
            shutil.rmtree(one, ignore_errors=True)
