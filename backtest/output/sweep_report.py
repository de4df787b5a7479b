"""Writes what a sweep leaves: its table and result, its page with the full reports of its best settings, and the front page."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from backtest.files import atomic
from backtest.files.hashes import sealed_json
from backtest.output.publish import publish, publish_index, report_of
from backtest.report import SWEEP, render, render_index
from backtest.report.formatting import setting_value
from backtest.report.sweep.checks import worth
from backtest.report.sweep.page import render_sweep
from backtest.report.sweep.search import Search
from backtest.report.sweep.settings import best_first
from backtest.runs import run
from backtest.sweeps import drift
from backtest.sweeps.document import sweep_document
from backtest.sweeps.finished import Sweep
from backtest.sweeps.grid import Setting
from backtest.sweeps.options import SweepOptions
from backtest.sweeps.settings import applied
from backtest.text.bar import counted

FULL = "settings"  # the folder of the full reports, in that of the page


def publish_sweep(sweep: Sweep, options: SweepOptions) -> Path:
    """Write a sweep's settings.parquet, result.json, page and full reports, and the front page; return the page's path.

    The page comes after the reports that it leads to, and reports of an earlier sweep are removed after it: whenever this is
    killed, every link leads to a file.
    """
    spec, summary = sweep.settings.spec, sweep.result.summary
    folder = options.folder(spec.name)
    drift.write(sweep.result.table, summary.identities, folder / "settings.parquet")
    atomic.write(folder / "result.json", sealed_json(sweep_document(summary)))
    search = search_of(sweep)
    best = _best(search, sweep, options.reports)
    for spec_id, setting in counted(best.items(), "full reports", len(best)):
        print(f"running setting {spec_id} of {spec.name}", file=sys.stderr)
        values = ", ".join(f"{field} {setting_value(value)}" for field, value in setting.items())
        above = replace(SWEEP, note=f"One of the best settings of a sweep: {values}. {worth(summary)}")
        result = replace(run(applied(spec, setting), sweep.archive), command=summary.command)
        publish(report_of(result, render(result, above)), folder / FULL, spec_id)
    linked = replace(search, reports={spec_id: f"{FULL}/{spec_id}/index.html" for spec_id in best})
    atomic.write(folder / "index.html", render_sweep(linked).encode())
    _remove_others(folder / FULL, list(best))
    publish_index(options.out, render_index)
    return folder / "index.html"


def search_of(sweep: Sweep) -> Search:
    """Return what the page of a sweep shows, without links to full reports."""
    spec, universe, prices = sweep.settings.spec, sweep.archive.thesis.universe, sweep.archive.prices
    return Search(
        title=spec.title,
        question=spec.question,
        result=sweep.result,
        grid=sweep.settings.grid,
        prices=f"{prices.source}, {prices.adjustment}",
        chosen=pd.Timestamp(max(universe.basket(name).chosen for name in spec.baskets)),
        reports={},
        written=sweep.archive.thesis.date,
    )


def _best(search: Search, sweep: Sweep, count: int) -> Mapping[str, Setting]:
    """Return the best different settings by spec_id; books of one setting share a report."""
    best: dict[str, Setting] = {}
    for row, _ in best_first(search) if count else ():
        values = search.table.take(np.array([row])).iloc[0]
        best.setdefault(str(values["spec_id"]), sweep.settings.setting(int(values["number"])))
        if len(best) == count:
            break
    return best


def _remove_others(folder: Path, names: Sequence[str]) -> None:
    """Remove the full reports that the page does not lead to, and nothing else."""
    for report in folder.glob("*/"):
        if report.name not in names and (report.name.startswith(".") or (report / "result.json").is_file()):
            shutil.rmtree(report, ignore_errors=True)
