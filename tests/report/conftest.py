"""Real runs of the strategies on the embedded data, and a reader of pages that shares nothing with the code that writes them."""

import json
import os
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from backtest.__main__ import load_strategy
from backtest.documents import to_json
from backtest.report import render
from backtest.run import RunResult, run, tickers_of
from backtest.sources import load_archive
from backtest.universe import load_universe

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
        (found,) = [one for one in self.tables if one["caption"].startswith(caption)]
        return {row[0][0]: [" ".join(cell) for cell in row] for row in found["rows"] if row and row[0]}

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
        said = data.strip()
        if not said or (self.open and self.open[-1] == "style"):
            return
        self.text.append(said)
        if "caption" in self.open:
            self.tables[-1]["caption"] += said
        elif "th" in self.open or "td" in self.open:
            self.tables[-1]["rows"][-1][-1].append(said)


@pytest.fixture(scope="session")
def read() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="session")
def results() -> dict[str, RunResult]:
    universe = load_universe()
    specs = [load_strategy(path) for path in sorted(STRATEGIES.glob("*.py"))]
    return {spec.name: run(spec, load_archive(tickers_of(spec, universe))) for spec in specs}


@pytest.fixture(scope="session")
def pages(results: dict[str, RunResult]) -> dict[str, str]:
    return {name: render(result) for name, result in results.items()}


@pytest.fixture(scope="session")
def documents(results: dict[str, RunResult]) -> list[dict[str, Any]]:
    """Return what result.json gives back."""
    return [json.loads(to_json(result.as_dict())) for result in results.values()]


@pytest.fixture(scope="session")
def browser():
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"no browser: none of {', '.join(BROWSERS)} is installed; install chromium")
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
