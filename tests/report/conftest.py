"""Real runs of the strategies on the embedded data, and a reader of pages that shares nothing with the code that writes them."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtest.files.documents import to_json
from backtest.output.document import to_document
from backtest.report import render, render_index
from backtest.report.sweep.page import render_sweep
from backtest.report.sweep.search import Search
from backtest.result import RunResult
from backtest.statistics.overfitting import Deflated, Overfit
from backtest.statistics.refusal import Refused
from backtest.statistics.spa import Superior
from backtest.sweeps.grid import Grid
from backtest.sweeps.results import (
    BestSetting,
    MinimumLength,
    SearchStatistics,
    Span,
    SweepResult,
    SweepSummary,
    WindowFigures,
)
from backtest.sweeps.settings import typed_column
from backtest.thesis import load_thesis
from backtest.thesis.windows import Window

STRATEGIES = Path(__file__).parents[2] / "strategies"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VOID = ("meta", "link", "br", "img", "input", "hr")


class Page(HTMLParser):
    """What a browser would make of a page: elements, ids, text, and each table by caption as rows of cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.tables: list[dict[str, Any]] = []
        self.feed(html)
        self.close()

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]

    def table(self, caption: str) -> dict[str, list[str]]:
        """Return the rows of the one table whose caption starts so, by the first text of their header."""
        (table,) = [table for table in self.tables if table["caption"].startswith(caption)]
        return {row[0][0]: [" ".join(cell) for cell in row] for row in table["rows"] if row and row[0]}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif tag in ("th", "td"):
            self.tables[-1]["rows"][-1].append([])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        text = data.strip()
        if not text or (self.open and self.open[-1] in ("style", "script")):
            return
        self.text.append(text)
        if "caption" in self.open:
            self.tables[-1]["caption"] += text
        elif "th" in self.open or "td" in self.open:
            self.tables[-1]["rows"][-1][-1].append(text)


@pytest.fixture(scope="session")
def read() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="session")
def pages(results: dict[str, RunResult], all_made_once: Callable[..., dict[str, str]]) -> dict[str, str]:
    made = all_made_once({f"page of {name}": partial(render, result) for name, result in results.items()})
    return {name: made[f"page of {name}"] for name in results}


WINDOWS = (
    Window("24Q1–Q2", pd.Timestamp("2024-01-01"), pd.Timestamp("2024-06-30"), load_thesis().date),
    Window("in sample", pd.Timestamp("2023-01-01"), pd.Timestamp("2025-07-23"), load_thesis().date),
    Window("out of sample", pd.Timestamp("2025-07-24"), pd.Timestamp("2026-06-26"), load_thesis().date),
    Window("whole", pd.Timestamp("2023-01-01"), pd.Timestamp("2026-06-26"), load_thesis().date),
)
STATISTICS = SearchStatistics(
    Deflated(probability=0.731, ratio=0.26, threshold=0.219, skewness=0.9, kurtosis=5.2, trials=400, n=177),
    Overfit(probability=0.082, loss=0.01, slope=-0.97, splits=924, blocks=12, trials=300, n=168),
    Superior(consistent=0.005, lower=0.004, upper=0.006, trials=300, n=177),
    Span("2023-01-06", "2026-06-26"),
    MinimumLength(years=2.417, had=3.4),
    Deflated(probability=0.764, ratio=0.26, threshold=0.21, skewness=0.9, kurtosis=5.2, trials=120, n=177),
    curves=90,
    twins=Refused("the weighting reads no signal, or names no twin", 0),
)
IDENTITIES = {"code": "c0", "rules": "r0", "data": "d0", "dependencies": "p0"}


@pytest.fixture(scope="session")
def search_of() -> Callable[..., Search]:
    """Return a maker of searches: fields with their values, and ratios by window, one per combination, the last fastest."""

    def make(
        fields: dict[str, tuple[Any, ...]], ratios: dict[str, Any], statistics: SearchStatistics = STATISTICS, **changes: Any
    ) -> Search:
        settings = list(product(*fields.values()))
        table = pd.DataFrame(
            {
                "number": range(len(settings)),
                "spec_id": [f"{number:016x}" for number in range(len(settings))],
                "book": "leaders",
                **{
                    name: typed_column(values).to_pandas()
                    for name, values in zip(fields, zip(*settings, strict=True), strict=True)
                },
                "periods": 52,
                **{f"sharpe {window}": list(values) for window, values in ratios.items()},
                **{f"total_return {window}": [value / 10 for value in values] for window, values in ratios.items()},
            }
        )
        row = int(table["sharpe whole"].idxmax())
        figures = {"whole": WindowFigures(table["total_return whole"][row], table["sharpe whole"][row])}
        best = BestSetting(row, f"{row:016x}", "leaders", dict(zip(fields, settings[row], strict=True)), 52, "chunk", figures)
        summary = SweepSummary(
            "example", len(table), best, statistics, trials=400, trials_on_any_data=500,
            identities=changes.pop("identities", IDENTITIES),
            command=changes.pop("command", "capex-backtest sweep example --grid grid.toml"),
        )  # fmt: skip
        made = Search(
            written=load_thesis().date,
            title="An example", question="Does it?", result=SweepResult(summary, table, tuple(fields), WINDOWS),
            grid=Grid(fields, (), 1000), prices="reference, total return", chosen=pd.Timestamp("2026-11-23"), reports={},
        )  # fmt: skip
        return replace(made, **changes)

    return make


@pytest.fixture(scope="session")
def broad(search_of: Callable[..., Search]) -> Search:
    """A sweep of 288 settings whose ratios rise with one field, with noise."""
    fields = {
        "rebalance": ("weekly", "monthly", "quarterly"), "lag": (1, 2, 3, 4),
        "weights.above": tuple(round(-0.3 + 0.05 * step, 2) for step in range(12)), "weights.otherwise": ("cash", "510300.SS"),
    }  # fmt: skip
    chance = np.random.default_rng(20250723)
    level = np.array([0.8 - 4.0 * above for _, _, above, _ in product(*fields.values())])
    ratios = {window.name: level + chance.normal(0.0, 0.3, len(level)) for window in WINDOWS}
    return search_of(fields, ratios)


@pytest.fixture(scope="session")
def documents(results: dict[str, RunResult]) -> list[dict[str, Any]]:
    """Return what result.json gives back."""
    return [json.loads(to_json(to_document(result))) for result in results.values()]


@dataclass(frozen=True)
class Unhurried:
    """A browser whose pages may take as long as they need, by a machine's speed."""

    opened: Any

    def new_context(self, **options: Any) -> Any:
        context = self.opened.new_context(**options)
        context.set_default_timeout(0)
        return context


@pytest.fixture(scope="session")
def browser():
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if executable is None and os.environ.get("CI") == "true":
        pytest.fail(f"no browser: none of {', '.join(BROWSERS)} is installed; install chromium")
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"], timeout=0)
        yield Unhurried(opened)
        opened.close()


@pytest.fixture(scope="session")
def folder(
    tmp_path_factory: pytest.TempPathFactory, pages: dict[str, str], documents: list[dict[str, Any]], broad: Search
) -> Path:
    """A folder of reports: the front page, every strategy's page and a sweep's."""
    out = tmp_path_factory.mktemp("reports")
    (out / "index.html").write_text(render_index(documents, [broad.summary]), encoding="utf-8")
    for name, page in {**pages, "sweeps/example": render_sweep(broad)}.items():
        (out / name).mkdir(parents=True)
        (out / name / "index.html").write_text(page, encoding="utf-8")
    return out
