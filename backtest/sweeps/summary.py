"""A sweep in a few lines of Markdown with a heat map as text, and as JUnit XML: what CI shows."""

import json
import textwrap
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from backtest.errors import BacktestError
from backtest.sweeps.measure import Findings

SHADES = "·░▒▓█"
MOST_COLUMNS = 24
WIDTH = 80


def markdown(document: dict[str, Any], found: Findings, drift: BaseException | None) -> str:
    """Return the summary; the best Sharpe ratio stands beside what the search for it is worth, or why that is not given."""
    best = found.best
    lines = [f"## Sweep of {document['strategy']}: {document['settings']:,} settings", ""]
    lines += [
        f"Best Sharpe ratio {best['sharpe whole']:.2f} over the whole run, the best of {document['trials']:,} trials:",
        f"`{best['setting']}`",
        "",
        "| what | figure |",
        "|---|---|",
        *(f"| {what} | {figure} |" for what, figure in _worth(document)),
        f"| drift from the baseline | {drift or 'none'} |",
        "",
        *_heat(found.table),
    ]
    return "\n".join(lines) + "\n"


def terminal(document: dict[str, Any], page: Path) -> str:
    """Return what came out of a sweep and where its page is, no line longer than 80 columns but that of the path."""
    best = document["best"]
    lines = [
        f"Sweep of {document['strategy']}: {document['settings']:,} settings.",
        f"Best Sharpe ratio {best['sharpe whole']:.2f} over the whole run, the best of {document['trials']:,} trials:",
        *textwrap.wrap(best["setting"], WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False),
    ]
    for what, figure in _worth(document):
        lines += textwrap.wrap(f"{what:<58}{figure}", WIDTH, subsequent_indent="  ", drop_whitespace=True)
    return "\n".join([*lines, f"page: {page}"]) + "\n"


def _worth(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the search for the best is worth: each check in words, and its figure or why there is none."""
    statistics = document["statistics"]
    return [
        ("chance that it is above noise (Deflated Sharpe)", _said(statistics["deflated_sharpe"], "probability")),
        ("probability of backtest overfitting", _said(statistics["pbo"], "probability")),
        ("p-value that nothing beats the benchmarks (SPA)", _said(statistics["spa"], "consistent")),
        ("years a search of that size needs, and has", _years(statistics["minimum_length"])),
    ]


def junit(document: dict[str, Any], found: Findings, drift: BaseException | None, compared: bool) -> str:
    """Return a suite of strategy × regime × check: enough returns for a ratio; no drift (skipped without a baseline)."""
    suite = ElementTree.Element("testsuite", name=f"sweep {document['strategy']}")
    for window in found.windows:
        ratios = found.table[f"sharpe {window.name}"]
        for check in ("returns", "baseline"):
            case = ElementTree.SubElement(suite, "testcase", classname=f"{document['strategy']}.{window.name}", name=check)
            if check == "returns" and ratios.isna().all():
                ElementTree.SubElement(case, "skipped", message="fewer than 30 returns, or none that varies")
            if check == "baseline" and not compared:
                ElementTree.SubElement(case, "skipped", message="no baseline given")
            if check == "baseline" and isinstance(drift, BacktestError):
                ElementTree.SubElement(case, "failure", message=str(drift))
    for kind, counted in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        suite.set(kind, str(len(suite.findall(counted))))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _said(held: dict[str, Any], name: str) -> str:
    return f"{held[name]:.3f}" if name in held else f"not given: {held['reason']}"


def _years(held: dict[str, Any]) -> str:
    needed = "no length would do" if held["years"] is None else f"{held['years']:.1f}"
    return f"{needed}, {held['had']:.1f}"


def _heat(table: pd.DataFrame) -> list[str]:
    """Return the median Sharpe ratio by the two fields with the most values, as text."""
    fields = pd.DataFrame([_loaded(one) for one in table["setting"]])
    counts = fields.nunique().sort_values(ascending=False, kind="stable")
    if len(counts) < 2 or counts.iloc[1] < 2:
        return []
    across, down = str(counts.index[0]), str(counts.index[1])
    held = fields.assign(ratio=table["sharpe whole"]).pivot_table("ratio", down, across, "median")
    held = held.iloc[:, np.unique(np.linspace(0, held.shape[1] - 1, MOST_COLUMNS).astype(int))]
    low, high = float(np.nanmin(held)), float(np.nanmax(held))
    said = f"{across} from {held.columns[0]} to {held.columns[-1]}"
    drawn = [f"median Sharpe ratio, {SHADES[0]} {low:.2f} to {SHADES[-1]} {high:.2f}; {said}"]
    for name, row in held.iterrows():
        cells = [
            " " if np.isnan(one) else SHADES[int((one - low) / max(high - low, 1e-12) * (len(SHADES) - 1) + 0.5)] for one in row
        ]
        drawn.append(f"{down} {name!s:<12} {''.join(cells)}")
    return ["```", *drawn, "```"]


def _loaded(setting: str) -> dict[str, Any]:
    return {name: value if isinstance(value, int | float) else str(value) for name, value in json.loads(setting).items()}
